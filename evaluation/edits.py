"""Real changes of a raw row, from which advice is made: each is applied, and the row is read and predicted again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from artifacts.schema import Modality, Title
from evaluation import photo_edits, text_edits, value_edits
from evaluation.value_edits import Known


@dataclass(frozen=True)
class Cell:
    """One value of a row, ready to be changed.

    ``value`` is a photo in RGB (PIL) of an image column, a text of a text column, a dictionary of a nested one, a list
    of texts of a list column, and as it is elsewhere. ``attributes`` are the row's other short values by name,
    ``known`` is what training rows have in the column, ``language`` is ``en`` or ``ru``.
    """

    value: Any
    known: Known = field(default_factory=Known)
    attributes: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"


@dataclass(frozen=True)
class Edit:
    """A kind of change. ``make`` gives titles and changed values of a cell, none where there is nothing to change.

    ``moves`` is the readable quantity of the column (``{column}__{moves}``) that shows the change, empty if none
    does; of nested characteristics and lists it is ``filled_quantity`` of the key and ``item_quantity`` of the item.
    """

    modality: Modality
    make: Callable[[Cell], Iterator[tuple[Title, Any]]]
    moves: str = ""


@dataclass(frozen=True)
class Change:
    """A changed cell of a column."""

    edit: str
    column: str
    title: Title
    value: Any
    moves: str = ""


def changes_of(column: str, modality: Modality, cell: Cell) -> list[Change]:
    """All changes of a cell that ``EDITS`` has for its modality."""
    found = []
    for name, edit in EDITS.items():
        if edit.modality is modality:
            for title, value in edit.make(cell):
                shown = _shown(modality, cell.value, value) or edit.moves
                found.append(Change(name, column, title, value, f"{column}__{shown}" if shown else ""))
    return found


def filled_quantity(key: str) -> str:
    """The quantity of a nested column that tells whether a key is filled in."""
    return f"{key}_filled"


def item_quantity(item: str) -> str:
    """The quantity of a list column that tells whether it has an item."""
    return f"has_{item}"


def _shown(modality: Modality, before: Any, after: Any) -> str:
    if modality is Modality.NESTED:
        return next((filled_quantity(k) for k in after if k not in before or before[k] != after[k]), "")
    return next((item_quantity(item) for item in after if item not in before), "") if modality is Modality.LIST else ""


def _photo(make: Callable[[Any], Iterator[tuple[Title, Any]]], moves: str = "") -> Edit:
    return Edit(Modality.IMAGE, lambda cell: make(cell.value), moves)


def _text(make: Callable[[str, Mapping[str, str], str], Iterator[tuple[Title, str]]], moves: str = "") -> Edit:
    return Edit(Modality.TEXT, lambda cell: make(cell.value, cell.attributes, cell.language), moves)


def _value(make: Callable[[Any, Known], Iterator[tuple[Title, Any]]], modality: Modality, moves: str = "") -> Edit:
    return Edit(modality, lambda cell: make(cell.value, cell.known), moves)


EDITS: dict[str, Edit] = {
    "brighten": _photo(photo_edits.brighten, "brightness"),
    "darken": _photo(photo_edits.darken, "brightness"),
    "contrast": _photo(photo_edits.contrast, "contrast"),
    "saturate": _photo(photo_edits.saturate, "saturation"),
    "warm": _photo(photo_edits.warm, "warmth"),
    "sharpen": _photo(photo_edits.sharpen, "sharpness"),
    "crop_to_object": _photo(photo_edits.crop_to_object, "object_share"),
    "square": _photo(photo_edits.square, "aspect"),
    "white_background": _photo(photo_edits.white_background, "white_share"),
    "remove_border": _photo(photo_edits.remove_border, "frame_share"),
    "rotate_upright": _photo(photo_edits.rotate_upright),
    "shorten": _text(text_edits.shorten, "words"),
    "key_words_first": _text(text_edits.key_words_first),
    "drop_capitals": _text(text_edits.drop_capitals, "capitals_share"),
    "drop_links": _text(text_edits.drop_links, "links"),
    "drop_hashtags": _text(text_edits.drop_hashtags, "hashtags"),
    "drop_emoji": _text(text_edits.drop_emoji, "emoji"),
    "drop_exclamations": _text(text_edits.drop_exclamations, "exclamations"),
    "add_question": _text(text_edits.add_question, "questions"),
    "add_call": _text(text_edits.add_call, "calls_to_action"),
    "add_attribute": _text(text_edits.add_attribute, "words"),
    "change_number": _value(value_edits.change_number, Modality.NUMERIC, "value"),
    "change_level": _value(value_edits.change_level, Modality.CATEGORICAL, "category"),
    "fill_in": _value(value_edits.fill_in, Modality.NESTED),
    "add_item": _value(value_edits.add_item, Modality.LIST),
}
