"""The contract of edits, over all of them; and edits of characteristics."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from PIL import Image

from artifacts.schema import Modality, Title
from evaluation.edits import EDITS, Cell, changes_of
from evaluation.value_edits import Known

KNOWN = Known((1.0, 2.0, 5.0), ("a", "b", "c"), {"season": ("winter", "summer"), "colour": ("red",)})
VALUES = {
    Modality.IMAGE: [Image.new("RGB", size, "#884422") for size in ((40, 30), (1, 1), (300, 2))],
    Modality.TEXT: ["SALE!!! warm coat of red wool #new https://a.b 🔥 " * 3, "x", "слово"],
    Modality.NUMERIC: [2.0, np.nan, -1e30],
    Modality.CATEGORICAL: ["a", None, "z"],
    Modality.NESTED: [{"colour": "blue"}, {}, {"season": None, "more": [1]}],
    Modality.LIST: [["a"], [], ["a", "b", "c"]],
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_gives_other_values_of_the_same_kind_and_leaves_the_cell(name: str) -> None:
    edit = EDITS[name]
    for value in VALUES[edit.modality]:
        cell = Cell(copy.copy(value), KNOWN, {"size": "XL"}, "en")
        for title, changed in edit.make(cell):
            assert isinstance(title, Title) and title.en and title.ru
            assert isinstance(changed, (type(value), float, str)) or value is None
            assert edit.modality is Modality.IMAGE or changed != value
        assert edit.modality is Modality.IMAGE or cell.value == value or value != value


def test_every_modality_that_an_author_changes_has_edits() -> None:
    assert {edit.modality for edit in EDITS.values()} == set(VALUES)


def test_a_missing_key_is_filled_in_with_what_is_usual_and_its_flag_shows_it() -> None:
    found = changes_of("card", Modality.NESTED, Cell({"Colour": "blue", "season": ""}, KNOWN))
    assert [change.value["season"] for change in found] == ["winter", "summer"]
    assert {change.moves for change in found} == {"card__season_filled"}
    assert found[0].title.en == "Fill in “season”: winter"


def test_numbers_and_options_change_to_what_training_has() -> None:
    assert [c.value for c in changes_of("price", Modality.NUMERIC, Cell(2.0, KNOWN))] == [1.0, 5.0]
    assert next(c.title.en for c in changes_of("price", Modality.NUMERIC, Cell(np.nan, KNOWN))) == "Fill in 1"
    assert [c.value for c in changes_of("kind", Modality.CATEGORICAL, Cell("a", KNOWN))] == ["b", "c"]
    assert [c.value for c in changes_of("tags", Modality.LIST, Cell(["b"], KNOWN))] == [["b", "a"], ["b", "c"]]
