from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.schema import Column, Modality, Title
from featurizers import categories
from featurizers.base import Surroundings
from featurizers.categories import OTHER, Categories, label_of, learn_categories

COLUMN = Column("shop", Modality.CATEGORICAL, Title("Shop", "Магазин"))


def test_equal_things_of_several_types_are_one_category() -> None:
    values = pd.Series([1, 1.0, "1", " 1 ", True, "True", None, np.nan, pd.NA, "", b"x", {"a": []}], dtype=object)
    block = Categories(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())[0]
    assert block.categories == ("1", "True", "x", "{'a': []}")
    np.testing.assert_array_equal(block.values[:, 0], [0, 0, 0, 0, 1, 1, -1, -1, -1, -1, 2, 3])
    assert block.name == "shop__category" and block.features[0].name == "shop__category"


def test_unseen_is_minus_one_with_a_finding() -> None:
    around = Surroundings()
    fitted = Categories(COLUMN).fit(pd.Series(["a", "b"]), around)
    block = fitted.transform(pd.Series(["b", "new", None], index=[7, 8, 9]), around)[0]
    np.testing.assert_array_equal(block.values[:, 0], [1, -1, -1])
    [finding] = around.audit.findings
    assert finding.code == "category_new" and finding.rows == ("8",) and "new" in finding.in_language("ru")


def test_beyond_the_limit_the_rare_ones_are_other(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(categories, "MAX_CATEGORIES", 2)
    values = pd.Series(["b", "b", "c", "c", "a", "d"])
    around = Surroundings()
    fitted = Categories(COLUMN).fit(values, around)
    block = fitted.transform(pd.Series(["a", "b", "never seen", None]), around)[0]
    assert block.categories == ("b", "c", OTHER)
    np.testing.assert_array_equal(block.values[:, 0], [2, 0, 2, -1])
    assert not around.audit.findings


def test_ties_are_broken_by_the_alphabet() -> None:
    assert learn_categories(["c", "b", "a"], 2) == ["a", "b", OTHER]
    assert learn_categories([None], 2) == []


def test_a_long_label_is_cut_and_stays_distinct() -> None:
    first, second = label_of("x" * 5000 + "1"), label_of("x" * 5000 + "2")
    assert first != second and first is not None and len(first) <= categories.MAX_CHARACTERS
    label = label_of("\ud800")
    assert label is not None and label.encode()


def test_all_missing_gives_a_block_without_categories() -> None:
    values = pd.Series([None, None], dtype=object)
    block = Categories(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())[0]
    assert block.categories == () and (block.values == -1).all()
