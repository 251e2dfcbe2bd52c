from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.lists import MAX_CHARACTERS, Lists, parse_list, separator_of

COLUMN = Column("genres", Modality.LIST, Title("Genres", "Жанры"), actionable=True)


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ('["Drama", "War"]', ["Drama", "War"]), ("['Drama','War']", ["Drama", "War"]),
        (["Drama", None, "Drama"], ["Drama"]),
        (np.array(["a", "b"]), ["a", "b"]), ("[]", []), ("Drama, War", ["Drama", "War"]), ("Drama", ["Drama"]),
        ((1, 2.0), ["1", "2"]), ({"b", "a"}, ["a", "b"]), ("['a', 'b", None), ([{"name": "x", "value": 3}], ["3"]),
        (b'["a"]', ["a"]), (5, ["5"]), (",, ,", []), ("['a' 'b']", ["a", "b"]),
    ],
)  # fmt: skip
def test_spellings(value: object, items: list[str] | None) -> None:
    assert parse_list(value, ",") == items


def test_separator() -> None:
    assert separator_of(["purple / chocolate", "red", "a / b, c"]) == " / "
    assert separator_of(["a, b", "c"]) == "," and separator_of(["a", '["x", "y"]', None]) is None
    assert parse_list("red, white", None) == ["red, white"]


def test_columns_counts_and_findings() -> None:
    values = pd.Series(['["Drama", "War"]', '["Drama"]', "[]", None, "['Dra"], index=list("abcde"))
    around = Surroundings()
    block = Lists(COLUMN).fit(values, around).transform(values, around)[0]
    assert [f.name for f in block.features] == [
        "genres__count", "genres__others", "genres__has_Drama", "genres__has_War",
    ]  # fmt: skip
    assert all(feature.actionable for feature in block.features)
    nan = np.nan
    np.testing.assert_array_equal(block.values, [[2, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0], [nan] * 4, [nan] * 4])
    [finding] = around.audit.findings
    assert finding.code == "nested_unreadable" and finding.rows == ("e",)
    later = Lists(COLUMN).fit(values, around).transform(pd.Series([["Drama", "New"]]), around)[0]
    np.testing.assert_array_equal(later.values, [[2, 1, 1, 0]])


def test_an_item_of_a_single_row_among_many_gets_no_column() -> None:
    values = pd.Series([["a"]] * 30 + [["once"]])
    block = Lists(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())[0]
    assert [f.name for f in block.features][2:] == ["genres__has_a"] and block.values[-1, 1] == 1


def test_items_named_alike_keep_unique_names() -> None:
    values = pd.Series([[f"item {i}" for i in range(100)]] * 3)
    block = Lists(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())[0]
    assert block.values.shape == (3, 66) and (block.values[:, 1] == 36).all()


def test_a_text_of_millions_of_separators_is_read_to_a_limit() -> None:
    assert parse_list("a," * (MAX_CHARACTERS // 2) + "b", ",") == ["a"]
    assert parse_list("a," * (MAX_CHARACTERS // 2 - 1) + "b", ",") == ["a", "b"]
