from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.numbers_in_text import MAX_CHARACTERS, MAX_QUANTITIES, NumbersInText, looks_like_patterns

COLUMN = Column("about", Modality.TEXT, Title("About", "Описание"), actionable=True)


def numbers_of(*texts: Any) -> list[dict[str, float]]:
    """The numbers in each text by the name of their feature."""
    values = pd.Series(list(texts), dtype=object)
    blocks = NumbersInText(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    if len(blocks) == 1:
        return [{} for _ in texts]
    names = [feature.name.removeprefix("about__number_") for feature in blocks[0].features]
    return [
        {name: float(x) for name, x in zip(names, row, strict=True) if not np.isnan(x)}
        for row in blocks[0].values.astype(float).round(4)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 минут пешком", {"мину": 5}), ("1 минута на транспорте", {"мину": 1}),
        ("1 совмещенный, 1 раздельный", {"совм": 1, "разд": 1}), ("2 совмещенных", {"совм": 2}),
        ("1-комн. кв., 37,33 м², 6/18 этаж", {"комн": 1, "м²": 37.33, "этаж": 6, "этаж_2": 18}),
        ("Студия, 21 м², 10/13 этаж", {"м²": 21, "этаж": 10, "этаж_2": 13}),
        ("Сдача корпуса 4 кв. 2024", {"кв": 4, "after_кв": 2024}), ("Секция 1 • Сдан", {"after_секц": 1}),
        ("10-15 минут", {"мину": 10, "мину_2": 15}), ("Wool 10x20 cm", {"cm": 10, "cm_2": 20}),
        ("16GB RAM, 512 GB SSD", {"gb": 16, "gb_2": 512}), ("Temperature -5 °C", {"°": -5}),
        ("12 500 000 ₽ за всё", {"₽": 12_500_000}), ("Скидка до 15%", {"%": 15}), ("59 м2 общая", {"м2": 59}),
        ("model A4", {}), ("цена: 5", {"after_цена": 5}), ("", {}), (None, {}), ("-1", {}), ("7", {}), ("1/2", {}),
        ("x" * MAX_CHARACTERS + " 5 км", {}), (5, {}),
    ],
)  # fmt: skip
def test_numbers_belong_to_their_words(text: Any, expected: dict[str, float]) -> None:
    if isinstance(text, str) and "37,33" not in text:
        assert numbers_of(text) == [expected]
    else:
        assert numbers_of(text, "x") == [expected, {}]


def test_pattern_titles_and_what_is_missing() -> None:
    values = pd.Series(
        ["5 минут пешком", "1 минута пешком", "12 минут пешком", "3 минуты на транспорте", None, "рядом"]
    )
    numbers, pattern = NumbersInText(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    assert pattern.categories == ("# минуты на транспорте", "# минут пешком", "рядом")
    assert pattern.values[:, 0].tolist() == [1, 1, 1, 0, -1, 2]
    np.testing.assert_array_equal(numbers.values[:, 0], [5, 1, 12, 3, np.nan, np.nan])
    assert numbers.features[0].title.ru == "Описание: число перед «минут»" and numbers.features[0].actionable
    assert numbers.features[0].title.en == "About: number before “минут”"


def test_names_of_patterns_are_unique_and_readable() -> None:
    values = pd.Series(
        ["# минут", "5 минут", "(other)", "10x20 cm", "1 x 2 cm", *[f"{chr(97 + i)}" * 5 for i in range(60)]]
    )
    blocks = NumbersInText(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    categories = blocks[-1].categories or ()
    assert len(set(categories)) == len(categories) and {"# минут", "# минут~", "# x # cm"} <= {*categories}


def test_a_comma_is_read_as_the_column_shows() -> None:
    assert numbers_of("1,319 m", "2,5 m") == [{"m": 1.319}, {"m": 2.5}]
    assert numbers_of("1,319 m", "2 m") == [{"m": 1319}, {"m": 2}]


def test_rare_numbers_get_no_feature_and_their_number_is_bounded() -> None:
    many = [f"{i % 9} минут пешком" for i in range(1000)]
    assert set().union(*numbers_of(*many, "5 попугаев в длину")) == {"мину"}
    words = [f"{i} {chr(97 + i // 26)}{chr(97 + i % 26)} things" for i in range(600)] * 3
    assert len(set().union(*numbers_of(*words))) <= MAX_QUANTITIES


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"{i % 30} минут пешком" for i in range(100)], True),
        ([f"{1 + i % 3} совмещенный, {1 + i % 2} раздельный" if i % 2 else f"{i % 9} раздельный" for i in range(99)],
         True),
        ([f"{i % 4}-комн. кв., {i},5 м², {i % 9}/9 этаж" if i % 3 else f"Продаю {i}" for i in range(99)], True),
        ([f"{i} words that {i * 7 % 13} differ {'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10 % 10]}" for i in range(99)],
         False),
        (["red", "blue"] * 50, False), ([f"{i}" for i in range(100)], False),
        ([f"{i}с{i % 3}" for i in range(99)], False), (["1 room", "2 rooms"] * 50, False),
        (["a long text " * 60] * 9, False), ([None, 5, ["1 m"]], False), ([], False),
    ],
)  # fmt: skip
def test_few_patterns(values: list[Any], expected: bool) -> None:
    assert looks_like_patterns(pd.Series(values, dtype=object)) is expected


def test_long_values_take_linear_time() -> None:
    hostile = ["1 " * 500_000, "a1" * 500_000, "1x" * 500_000, "9" * 1_000_000, "-" * 1_000_000, "1 000" * 60]
    values = pd.Series([text[k:] for text in hostile for k in range(20)])
    started = time.perf_counter()
    NumbersInText(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    assert not looks_like_patterns(values)
    assert time.perf_counter() - started < 5
