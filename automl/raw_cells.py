"""The cells of a raw row, read so that edits can change them, and written back as a table may hold them."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from artifacts.schema import Column, Modality, Schema
from evaluation.edits import EDITS, Cell, Change, changes_of, filled_quantity, item_quantity
from evaluation.value_edits import QUANTILES, Known
from featurizers.image_cells import photos_in
from featurizers.image_decoding import UnreadableImageError, decode_image
from featurizers.image_loading import ImageLoader
from featurizers.lists import parse_list, read_lists, separator_of
from featurizers.nested_flattening import flatten, flatten_values
from featurizers.nested_parsing import parse_nested
from featurizers.numbers import is_missing, to_numbers
from featurizers.text_cleaning import as_text
from featurizers.text_language import detect_language

PHOTO_SIDE = 480  # pixels that the shorter side of a photo is changed at: encoders see less
JPEG_QUALITY = 95
MOST_LEVELS = 30
LEAST_SHARE = 0.2  # of the rows that fill in a key, for it to be worth filling in
LONGEST_VALUE = 40  # characters of a value that is an attribute
NAME_AND_VALUE = (("charcName", "value"), ("name", "value"), ("key", "value"))  # of items of a list of characteristics


@dataclass(frozen=True)
class KnownColumns:
    """What training rows have in each column that an author may change. ``languages``: ``en`` or ``ru`` of texts."""

    columns: Mapping[str, Known] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    separators: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pd.DataFrame, schema: Schema) -> KnownColumns:
        """Learn from training rows."""
        known, languages, separators = {}, {}, {}
        for column in changeable(schema):
            values = frame[column.name] if column.name in frame else pd.Series(dtype=object)
            if column.modality is Modality.TEXT:
                languages[column.name] = "ru" if detect_language(values) == "ru" else "en"
            if column.modality is Modality.LIST:
                separators[column.name] = separator_of(values)
            known[column.name] = _known(values, column.modality, separators.get(column.name))
        return cls(known, languages, separators)

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownColumns:
        """Read what ``to_json`` gave."""
        columns = {
            name: Known(tuple(k["quantiles"]), tuple(k["levels"]), {key: tuple(v) for key, v in k["keys"].items()})
            for name, k in data["columns"].items()
        }
        return cls(columns, data["languages"], data["separators"])


def changeable(schema: Schema) -> tuple[Column, ...]:
    """Columns that the task calls actionable and does not lock."""
    return tuple(column for column in schema.columns if column.actionable and not column.locked)


def _known(values: pd.Series[Any], modality: Modality, separator: str | None) -> Known:
    filled = [value for value in values if not is_missing(value)] if modality is not Modality.NUMERIC else []
    if modality is Modality.NUMERIC:
        numbers = to_numbers(values)[0]
        numbers = numbers[np.isfinite(numbers)]
        found = np.quantile(numbers, QUANTILES, method="nearest") if len(numbers) else ()
        return Known(quantiles=tuple(dict.fromkeys(float(number) for number in found)))
    if modality is Modality.CATEGORICAL:
        return Known(levels=_frequent(as_text(value) for value in filled))
    if modality is Modality.LIST:
        lists = read_lists(values, separator)
        return Known(levels=_frequent(item for items in lists if items for item in items))
    if modality is Modality.NESTED:
        return Known(keys=_keys(values))
    return Known()


def _frequent(values: Any) -> tuple[str, ...]:
    return tuple(value for value, _ in Counter(values).most_common(MOST_LEVELS))


def _keys(values: pd.Series[Any]) -> dict[str, tuple[str, ...]]:
    """Keys that many rows fill in with a short value, the most frequent first, with their frequent values."""
    held: dict[str, Counter[str]] = {}
    for flat in flatten_values(values)[0]:
        for key, cell in (flat or {}).items():
            if len(cell) == 1 and "." not in key and 0 < len(as_text(cell[0])) <= LONGEST_VALUE:
                held.setdefault(key, Counter())[as_text(cell[0])] += 1
    enough = LEAST_SHARE * max(len(values), 1)
    often = sorted((key for key in held if held[key].total() >= enough), key=lambda key: -held[key].total())
    return {key: tuple(value for value, _ in held[key].most_common(MOST_LEVELS)) for key in often}


class RawCells:
    """Cells of rows by column, as ``evaluation.edits`` changes them."""

    def __init__(self, schema: Schema, known: KnownColumns, images: Path | None) -> None:
        self.schema = schema
        self.known = known
        self._loader = ImageLoader(images)

    def changes(self, row: pd.Series[Any]) -> list[Change]:
        """All changes of the columns that an author may change."""
        found: list[Change] = []
        for column in changeable(self.schema):
            cell = self.cell(column, row)
            found += [] if cell is None else changes_of(column.name, column.modality, cell)
        return found

    def meant(self, column: Column) -> list[str]:
        """Quantities that edits of a column are meant to move; of nested ones and lists those of keys and items."""
        known = self.known.columns.get(column.name, Known())
        moves = [edit.moves for edit in EDITS.values() if edit.modality is column.modality and edit.moves]
        return [*moves, *map(filled_quantity, known.keys), *map(item_quantity, known.levels)]

    def changed(self, row: pd.Series[Any], change: Change) -> pd.Series[Any]:
        """The row with one change."""
        result = row.copy()
        result[change.column] = self.raw(self.schema[change.column], change.value, row.get(change.column))
        return result

    def cell(self, column: Column, row: pd.Series[Any]) -> Cell | None:
        """The cell of a column, None where there is nothing that could be changed."""
        name, value = column.name, row.get(column.name)
        known = self.known.columns.get(name, Known())
        read: Any = value
        if column.modality is Modality.IMAGE:
            read = self.photo(value)
        elif column.modality is Modality.TEXT:
            read = as_text(value).strip() or None
        elif column.modality is Modality.NESTED:
            read = {} if is_missing(value) else _dictionary(value)
        elif column.modality is Modality.LIST:
            read = [] if is_missing(value) else parse_list(value, self.known.separators.get(name))
        elif column.modality is Modality.NUMERIC:
            return Cell(float(to_numbers(pd.Series([value]))[0][0]), known)
        elif column.modality is Modality.CATEGORICAL:
            return Cell(None if is_missing(value) else as_text(value), known)
        if read is None:
            return None
        return Cell(read, known, self._attributes(row, name), self.known.languages.get(name, "en"))

    def raw(self, column: Column, value: Any, before: Any) -> Any:
        """A changed value as a raw cell that was ``before``."""
        if column.modality is Modality.IMAGE:
            others = photos_in(before, self._loader)[1:]
            return [encoded(value), *others] if others else encoded(value)
        if column.modality is Modality.NESTED:
            return json.dumps(_as_written(value, before), ensure_ascii=False)
        if column.modality is Modality.LIST:
            return json.dumps(list(value), ensure_ascii=False)
        return value

    def reference(self, row: pd.Series[Any]) -> pd.Series[Any]:
        """The row with its photos encoded as those of changed rows are, so that the encoding makes no difference."""
        result = row.copy()
        for column in self.schema.of_modality(Modality.IMAGE):
            if column in changeable(self.schema) and (photo := self.photo(row.get(column.name))) is not None:
                result[column.name] = self.raw(column, photo, row[column.name])
        return result

    def photo(self, value: Any) -> Any:
        """The first photo of a cell as an image of PIL, no larger than edits need; None if it cannot be read."""
        first = next(iter(photos_in(value, self._loader)), None)
        loaded = self._loader.load(first)
        if not loaded.content:
            return None
        try:
            photo = decode_image(loaded.content, PHOTO_SIDE)
        except UnreadableImageError:
            return None
        photo.thumbnail((2 * PHOTO_SIDE, 2 * PHOTO_SIDE))
        return photo

    def _attributes(self, row: pd.Series[Any], without: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for column in self.schema.of_modality(Modality.NESTED, Modality.CATEGORICAL):
            value = row.get(column.name)
            if column.name == without or is_missing(value):
                continue
            if column.modality is Modality.CATEGORICAL:
                found[column.title.en] = as_text(value)
                continue
            for key, cell in flatten(_dictionary(value) or {}).items():
                if len(cell) == 1 and "." not in key and 1 < len(as_text(cell[0])) <= LONGEST_VALUE:
                    found[key] = as_text(cell[0])
        return {name: value for name, value in found.items() if any(map(str.isalpha, value))}


def _dictionary(value: Any) -> dict[str, Any] | None:
    """A nested cell by its keys; None if it cannot be read. A list of names and values is read by them."""
    nested = parse_nested(value)
    if isinstance(nested, list):
        return {key: held[0] if len(held) == 1 else held for key, held in flatten(nested).items()}
    return nested


def _as_written(value: Mapping[str, Any], before: Any) -> Any:
    """A dictionary, or where the cell was a list of names and values, such a list with what is new at its end."""
    nested = None if is_missing(before) else parse_nested(before)
    if not isinstance(nested, list):
        return dict(value)
    names = _names_of(nested)
    if names is None:
        return dict(value)
    had = _dictionary(before) or {}
    return [*nested, *({names[0]: key, names[1]: held} for key, held in value.items() if key not in had)]


def _names_of(items: Sequence[Any]) -> tuple[str, str] | None:
    first = next((item for item in items if isinstance(item, dict)), {})
    return next((names for names in NAME_AND_VALUE if names[0] in first), None)


def encoded(photo: Any) -> bytes:
    """A photo (PIL) as JPEG."""
    buffer = io.BytesIO()
    photo.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
