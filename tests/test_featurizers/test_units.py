from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest

from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.numbers import Numbers, quantity, spellings_of
from featurizers.units import UnitScale, _registry, _units, learn_units, unit_in_name, unit_named

COLUMN = Column("weight", Modality.NUMERIC, Title("Weight", "Вес"))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("см.", "centimeter"), ("CM", "centimeter"), ('"', "inch"), ("кг", "kilogram"), ("Грамм", "gram"),
        ("мл", "milliliter"), ("L", "liter"), ("кВт", "kilowatt"), ("W", "watt"), ("МВт", "megawatt"),
        ("мВт", "milliwatt"), ("mAh", "milliampere_hour"), ("кв. м", "meter ** 2"), ("м²", "meter ** 2"),
        ("Гб", "gigabyte"), ("мин", "minute"), ("тыс. км", "kilometer"),
        ("lbs", "pound"), ("г/м2", "gram / meter ** 2"),
    ],
)  # fmt: skip
def test_spellings_of_units(spelling: str, name: str) -> None:
    unit = unit_named(spelling)
    assert unit is not None and unit.name == name


def test_every_unit_of_the_table_is_known_to_pint() -> None:
    assert len(_units()) > 60
    for unit in _units():
        assert _registry().Quantity(1.0, unit.name).magnitude == 1.0


@pytest.mark.parametrize(
    ("given", "text", "expected", "unit"),
    [
        ({"см": 3, "мм": 1}, "100 мм", 10, "см"), ({"см": 3, "мм": 1}, "1,5 м", 150, "см"),
        ({"cm": 2}, "2 in", 5.08, "cm"),
        ({"г": 3, "кг": 2}, "1,2 кг", 1200, "г"), ({"л": 2}, "750 мл", 0.75, "л"), ({"Вт": 2}, "1,5 кВт", 1500, "Вт"),
        ({"lbs": 3, "oz": 1}, "1 lb. 4 oz.", 1.25, "lb"), ({"lbs": 3}, "1 lb, 8 oz", 1.5, "lb"),
        ({"ч": 3}, "1 ч 30 мин", 1.5, "ч"), ({'"': 3}, "5' 3\"", 63, "in"), ({"см": 3}, "5", 5, "см"),
        ({"см": 3}, "~5 см", 5, "см"), ({"см": 3}, "до 5 см", 5, "см"), ({"см": 3}, "5 кг", math.nan, "см"),
        ({"см": 3}, "5 фраз", 5, "см"), ({"шт": 3, "см": 1}, "5 см", math.nan, "шт."),
        ({"фраз": 3, "см": 1}, "5 см", 5, "фраз"), ({}, "5 см", 5, ""),
        ({"см": 3}, "4 мм 5 см", math.nan, "см"), ({"см": 3}, "10x20 см", math.nan, "см"),
        ({"км/ч": 2}, "10 м/с", 36, "км/ч"),
    ],
)  # fmt: skip
def test_numbers_in_one_unit(given: dict[str, int], text: str, expected: float, unit: str) -> None:
    units = learn_units(given)
    assert units.unit == unit
    assert quantity(text, units, decimal_comma=True) == pytest.approx(expected, nan_ok=True)
    assert UnitScale(**units.to_json()) == units


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Вес, кг", "кг"),
        ("length_cm", "cm"),
        ("Длина (см)", "см"),
        ("Weight [g]", "g"),
        ("Бренд", ""),
        ("Мощность", ""),
    ],
)
def test_unit_in_a_name(name: str, unit: str) -> None:
    assert unit_in_name(name) == unit
    assert learn_units({}, name).unit == unit and (unit != "кг" or learn_units({}, name).factor("г") == 0.001)


def test_a_column_of_numbers_has_one_unit_and_says_what_was_converted() -> None:
    around = Surroundings()
    values = pd.Series([" 9 oz", "2 lbs.", "1.5 lbs", "1 lb. 4 oz.", "0.5 lbs", "3 cm", None])
    fitted = Numbers(COLUMN).fit(values, around)
    [block] = fitted.transform(values, around)
    np.testing.assert_allclose(block.values[:, 0], [0.5625, 2, 1.5, 1.25, 0.5, np.nan, np.nan])
    assert block.features[0].unit == "lb"
    finding = next(f for f in around.audit.findings if f.code == "units_converted")
    assert "lb" in finding.in_language("en") and finding.details["others"] == "oz, cm"
    named = Numbers(Column("x", Modality.NUMERIC, Title("x", "x"), unit="kg")).fit(values, around)
    [block] = named.transform(values, around)
    assert block.features[0].unit == "kg" and block.values[1, 0] == pytest.approx(2 * 0.45359237)


def test_hostile_texts_take_no_time() -> None:
    started = time.process_time()
    for text in ("1 м " * 20, "9" * 79, "~" * 1_000_000, "1 " * 40, " " * 1_000_000, "1'" * 40, "до" * 40):
        quantity(text, learn_units({"м": 1}))
        spellings_of([text])
    assert time.process_time() - started < 2
