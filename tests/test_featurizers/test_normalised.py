from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers.normalised import Recognised, cells_of, recognise, recognised_block, report_recognised

COLUMN = Column("x", Modality.CATEGORICAL, Title("Thing", "Вещь"), actionable=True)
NO_PREFIX = ("", Title("", ""))


def block_of(name: str, values: list[object]) -> tuple[Recognised, list[str], np.ndarray, tuple[str, ...] | None]:
    cells = cells_of(pd.Series(values, dtype=object))
    found = recognise(name, cells)
    assert found is not None
    found = Recognised.from_json(json.loads(json.dumps(found.to_json())))
    block = recognised_block(COLUMN, "characteristic", NO_PREFIX, found, cells)
    assert block.values.dtype == np.float32
    return found, [feature.name for feature in block.features], block.values, block.categories


def test_a_plain_column_of_colours() -> None:
    values = ["Navy Blue", "синий", "black/white", None, "nothing known", "Чёрный"]
    found, names, result, _ = block_of("colour", values)
    assert found.kind == "colour" and found.share == 0.8 and found.informative
    assert names == ["x__colour=black", "x__colour=white", "x__colour=blue"]
    np.testing.assert_array_equal(result, [[0, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]])


def test_ages_are_years_and_fragility_a_flag() -> None:
    _, names, result, _ = block_of("Возраст", ["3+", "18+", "для школьников", None, "?"])
    assert names == ["x__age"]
    np.testing.assert_array_equal(result[:, 0], [0, 18, 6, math.nan, math.nan])
    _, names, result, _ = block_of("Хрупкость", ["да", "хрупкое", "не хрупкое", "нет", None])
    assert names == ["x__fragility"]
    np.testing.assert_array_equal(result[:, 0], [1, 1, 0, 0, math.nan])


def test_sexes_and_countries_are_categories() -> None:
    _, _, result, categories = block_of("Пол", ["муж", "Мужской", "для девочек", None])
    assert categories == ("male", "girls") and result[:, 0].tolist() == [0, 0, 1, -1]
    _, _, result, categories = block_of("Страна", ["КНР", "Китай", "Turkey", "Атлантида"])
    assert categories == ("China", "Turkey") and result[:, 0].tolist() == [0, 0, 1, -1]


def test_sizes_have_the_scales_that_training_had() -> None:
    _, names, result, _ = block_of("size", ["S/M", "XL", None])
    assert names == ["x__size_letter_least", "x__size_letter_most"]
    np.testing.assert_array_equal(result, [[4, 5], [7, 7], [math.nan, math.nan]])
    _, names, result, _ = block_of("размер обуви", ["42", "38,5", "40-41", "M"])
    assert names[2:] == ["x__size_number_least", "x__size_number_most"]
    np.testing.assert_array_equal(result[:, 2:], [[42, 42], [38.5, 38.5], [40, 41], [math.nan, math.nan]])


def test_unknown_cells_are_nan_and_levels_new_after_training_have_no_column() -> None:
    found = recognise("season", [["зима"], ["зимний"], ["лето"]])
    assert found is not None
    block = recognised_block(COLUMN, "c", ("key_", Title("Key", "Ключ")), found, [None, [], ["осень", "лето"]])
    np.testing.assert_array_equal(block.values, [[math.nan, math.nan], [0, 0], [0, 1]])
    assert block.features[0].name == "x__key_season=winter" and block.features[0].title.ru == "Вещь: Ключ: сезон зима"
    sex = recognise("пол", [["муж"], ["мужской"], ["жен"]])
    assert sex is not None
    assert recognised_block(COLUMN, "c", NO_PREFIX, sex, [None, [], ["men", "women"]]).values[:, 0].tolist() == [-1] * 3


def test_levels_that_say_no_more_than_the_values_are_said_but_not_informative() -> None:
    found = recognise("season", [["winter"], ["summer"], ["Winter"]])
    assert found is not None and not found.informative
    assert recognise("season", [["first"], ["second"]]) is None and recognise("season", []) is None


@pytest.mark.parametrize(("language", "said"), [("en", "66.7% of 3 values"), ("ru", "66.7% из 3 значений")])
def test_coverage_is_said_with_an_example_of_what_was_missed(language: str, said: str) -> None:
    audit, cells = Audit(), [["зима"], ["зимний"], ["когда-нибудь"]]
    found = recognise("сезон", cells)
    assert found is not None
    report_recognised(audit, "x", "Сезон", found, cells)
    assert said in audit.findings[0].in_language(language) and "когда-нибудь" in audit.findings[0].in_language(language)
