from __future__ import annotations

import time

import pytest

from featurizers.key_merging import learn_merging, normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Brand Name", "brand_name"), ("brandName", "Brand name"), ("Цвет ", "цвет"), ("Объём", "объем"),
        ("Цвeт", "Цвет"), ("Длина:", "Длина"), ("filters.Цвет", "filters.ЦВЕТ"), ("t-shirt", "T shirt"),
        ("Ｗｉｄｔｈ", "width"),
    ],
)  # fmt: skip
def test_spellings_with_one_normal_form(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)
    merging = learn_merging([{one: ["a"]}, {one: ["b"]}, {other: ["c"]}])
    assert merging.spellings == {other: one} and merging.key_of(other) == one


@pytest.mark.parametrize(
    ("key", "typo"),
    [
        ("Width", "Widths"), ("Материал", "Матриал"), ("Материал", "Матеирал"), ("Material", "Materiel"),
        ("Country of origin", "Country of orgin"), ("Страна производства", "страна производсва"), ("Colour", "Color"),
    ],
)  # fmt: skip
def test_typos_are_merged_into_the_key_that_is_filled_most(key: str, typo: str) -> None:
    merging = learn_merging([{key: ["a"]}, {typo: ["c"]}, {key: ["b"]}])
    assert merging.spellings == {typo: key}
    assert merging.merge({typo: ["x"], "other": [1]}) == {key: ["x"], "other": [1]}


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("Height", "Weight"), ("Вес", "Вид"), ("Size", "Side"), ("Camera 1", "Camera 2"), ("Sensor12", "Sensor13"),
        ("USB A", "USB B"), ("Length", "Lengths of it"), ("a.Width", "b.Widths"), ("Version 1.5", "Version 15"),
        ("Stage II", "Stage III"), ("Max speed", "Min speed"), ("Длина рукава", "Длина рукояти"), ("Size S", "Size M"),
    ],
)  # fmt: skip
def test_other_keys_are_not_merged(key: str, other: str) -> None:
    merging = learn_merging([{key: ["a"]}, {key: ["b"]}, {other: ["c"]}])
    assert not merging.spellings and merging.key_of(other) == other


def test_two_keys_of_one_row_are_no_typo_nor_are_numbers_and_words() -> None:
    assert not learn_merging([{"Width": ["1"], "Widths": ["2"]}, {"Width": ["1"]}]).spellings
    assert not learn_merging([{"Batteries": ["yes"]}] * 3 + [{"Batterie": ["3.7"]}]).spellings
    assert learn_merging([{"Width": ["1"], "width": ["2"]}]).merge({"Width": ["1"], "width": ["1", "2"]}) == {
        "Width": ["1", "2"]
    }


def test_new_spellings_are_recognised_after_training() -> None:
    merging = learn_merging([{"Brand Name": ["a"]}, {"Материал": ["x"]}, {"Материал": ["x"]}, {"Матриал": ["x"]}])
    assert merging.key_of("BRAND_NAME") == "Brand Name" and merging.key_of("матриал") == "Материал"
    assert merging.key_of("Brand Nome") == "Brand Nome", "a typo is judged by the rows of training alone"


def test_many_keys_take_linear_time() -> None:
    flats = [{f"characteristic{chr(97 + i % 26)} {i} {j}": ["x"] for j in range(40)} for i in range(1000)]
    flats.append({"\\" * 80: ["x"], "." * 80: ["x"], "a" * 80: ["x"]})
    started = time.process_time()
    learn_merging(flats)
    assert time.process_time() - started < 10
