from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import NotFittedError
from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.numbers import Numbers, has_decimal_comma, missing_marker, parse_number, unit_of

COLUMN = Column("price", Modality.NUMERIC, Title("Price", "Цена"), unit="₽")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('37"', 37), ("16 781 328 \xa0₽", 16_781_328), ("3,02\xa0м", 3.02), ("$1,299.99", 1299.99), ("1,319", 1319),
        ("0,125", 0.125), ("37,33", 37.33), ("1.234.567", 1_234_567), ("100.000,5", 100_000.5), ("−5", -5), ("+5", 5),
        ("1e5", 1e5), ("5 тыс. руб.", 5000), ("1,5 млн", 1.5e6), (" 9 oz", 9), ("100%", 100), ("12 м²", 12),
        ("5 км/ч", 5), ("16\u2009781", 16_781), (".5", 0.5), ("Rs. 500", 500), (True, 1), (np.int64(7), 7), (b"5", 5),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: object, number: float) -> None:
    assert parse_number(text) == pytest.approx(number)


@pytest.mark.parametrize(
    "text",
    ["the", "", "10x20", "5-10", "1 2", "28к8", "1 совмещенный, 1 раздельный", "1,2,3", "1,23,456", "2002, August 28",
     "inf", "nan", "1e400", "9" * 1000, 10**400, np.inf, 1e39, None, [], {}, 1 + 2j, "1.2.2020"],
)  # fmt: skip
def test_what_is_no_number_is_nan(text: object) -> None:
    assert math.isnan(parse_number(text))


def test_a_lone_comma_is_read_as_the_column_shows() -> None:
    assert has_decimal_comma(["1,319", "37,5"]) and not has_decimal_comma(["1,319", "12,000", "1,299.99"])
    assert parse_number("1,319", decimal_comma=True) == pytest.approx(1.319)
    around = Surroundings()
    thousands = pd.Series(["1,319", "5"])
    fractions = pd.Series(["1,319", "37,5"])
    for values, expected in ((thousands, 1319), (fractions, 1.319)):
        blocks = Numbers(COLUMN).fit(values, around).transform(values, around)
        assert blocks[0].values[0, 0] == pytest.approx(expected)


def test_unit_of() -> None:
    assert unit_of("3,02 М.") == "м" and unit_of("7") == "" and unit_of("word") is None


def test_flag_only_where_training_had_gaps_and_findings_name_rows() -> None:
    around = Surroundings()
    whole = Numbers(COLUMN).fit(pd.Series([1, 2]), around)
    assert [f.name for f in whole.transform(pd.Series([1.0, np.nan]), around)[0].features] == ["price__value"]
    gaps = pd.Series(["5", None, "about ten", " ", "n/a"], index=list("abcde"))
    block = Numbers(COLUMN).fit(gaps, around).transform(gaps, around)[0]
    assert [f.name for f in block.features] == ["price__value", "price__is_missing"]
    assert block.features[0].unit == "₽" and not block.features[0].actionable
    np.testing.assert_array_equal(block.values[:, 1], [0, 1, 1, 1, 1])
    [finding] = around.audit.findings
    assert (finding.code, finding.count, finding.rows, finding.total) == ("number_unreadable", 1, ("c",), 5)
    assert "about ten" in finding.in_language("en")


def test_infinite_and_huge_values_of_a_numeric_column_are_nan() -> None:
    around = Surroundings()
    values = pd.Series([1.0, np.inf, -np.inf, 1e300, np.nan])
    block = Numbers(COLUMN).fit(values, around).transform(values, around)[0]
    np.testing.assert_array_equal(np.isnan(block.values[:, 0]), [False, True, True, True, True])
    assert around.audit.findings[0].count == 3


@pytest.mark.parametrize("kind", ["Int64", "Float32", "boolean", "category", "string", "uint8"])
def test_pandas_types(kind: str) -> None:
    values = pd.Series([1, 0, 1]).astype(str if kind in ("string", "category") else "int64").astype(kind)  # type: ignore[call-overload]
    block = Numbers(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())[0]
    np.testing.assert_array_equal(block.values[:, 0], [1, 0, 1])


def test_not_fitted() -> None:
    with pytest.raises(NotFittedError, match="'price' needs fit"):
        Numbers(COLUMN).transform(pd.Series([1]), Surroundings())


NUMBERS = [float(i) for i in range(50)]


@pytest.mark.parametrize(
    ("values", "marker"),
    [
        ([*NUMBERS, -1, -1], -1), ([*NUMBERS, *[-999.0] * 9], -999), ([*NUMBERS, *[np.nan] * 9, -1, -1], -1),
        (NUMBERS, None), ([*NUMBERS, -1], None), ([*NUMBERS * 9, -1, -1, -1], None), ([*NUMBERS, -1, -1, -2], None),
        ([*NUMBERS, -5, -5, -5], None), ([-1, 0, 1] * 30, None), ([-1.0] * 9, None), ([], None), ([np.nan], None),
    ],
)  # fmt: skip
def test_the_only_negative_number_stands_for_missing(values: list[float], marker: float | None) -> None:
    assert missing_marker(np.array(values, dtype=float)) == marker


@pytest.mark.parametrize("write", [float, "{} м".format])
def test_marked_values_are_missing_and_reported(write: Callable[[int], object]) -> None:
    values = pd.Series([write(i) for i in range(20)] + ["-1", -1, None])
    around = Surroundings()
    fitted = Numbers(COLUMN).fit(values, around)
    [block] = fitted.transform(values, around)
    assert block.values[:20, 0].tolist() == list(range(20)) and np.isnan(block.values[20:, 0]).all()
    assert block.values[:, 1].tolist() == [0] * 20 + [1] * 3
    [finding] = around.audit.findings
    assert (finding.code, finding.rows, finding.total) == ("number_marker", ("20", "21"), 23)
    assert np.isnan(fitted.transform(pd.Series([-1]), Surroundings())[0].values[0, 0])
    assert fitted.transform(pd.Series([-2]), Surroundings())[0].values[0, 0] == -2
