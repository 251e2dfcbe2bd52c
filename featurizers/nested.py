"""Nested characteristics to columns: a value and a filled-in flag for each frequent key, and the texts among them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.finding import MAX_ROWS_NAMED, Audit
from artifacts.schema import Feature, Modality, Title, quantity_feature, unique_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.key_merging import KeyMerging, learn_merging
from featurizers.nested_flattening import Cell, Flat, nested_texts_by_key, read_cells
from featurizers.nested_keys import Key, key_categories, key_columns, key_values, learn_key
from featurizers.normalised import Recognised, recognise, recognised_block, report_recognised
from featurizers.numbers import report_units, spellings_of
from featurizers.units import UnitScale

MAX_KEYS = 60
KEPT_SHARE = 0.99  # of all filled-in values, which the keys with columns hold between them
MIN_FILLED_SHARE = 0.005  # of rows; a key that is rarer gets no columns
MAX_TEXT_KEYS = 3


class Nested(Featurizer):
    """For each of the most filled keys of training: ``{source}__{key}`` and ``{source}__{key}_filled``.

    How many keys: the fewest that hold ``KEPT_SHARE`` of all filled-in values between them, each filled in
    ``MIN_FILLED_SHARE`` of rows, at most ``MAX_KEYS``. Spellings of one key are merged first (see
    ``key_merging``). What a key's columns are depends on what it holds (see ``learn_key``): a number
    in one unit, yes or no, options ``{source}__{key}={value}`` with their count, or a category; of texts
    only the flag is made (see ``text_keys`` and ``texts``). Its block has the featurizer ``nested:{key}``.
    Keys that hold a sex, season, colour, age, size, country or fragility in several spellings have
    the block ``nested:{key}:{kind}``, too (see ``normalised``). The block ``nested`` holds the flags, the
    number of filled keys, and of those that have no columns here.

    Absent keys give NaN or -1 and the flag 0, a missing cell is like an empty one, and an unreadable
    one is all NaN and -1 with the finding ``nested_unreadable``. Of a cell that is cut off or damaged
    (``nested_damaged``) the keys that can be read are kept, the others are NaN and -1, flags included.
    """

    name: ClassVar[str] = "nested"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.NESTED})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None
        self._merging = KeyMerging({}, {})

    @property
    def has_texts(self) -> bool:
        """Whether some key held texts for people in training, so that text featurizers are worth running.

        Raises:
            NotFittedError: before ``fit``.
        """
        return bool(self.text_keys)

    @property
    def text_keys(self) -> tuple[str, ...]:
        """The keys that held most text for people in training, at most ``MAX_TEXT_KEYS``, the longest first.

        Raises:
            NotFittedError: before ``fit``.
        """
        texts = [key for key in self.state().values["keys"] if key["form"] == "text"]
        ranked = sorted(texts, key=lambda key: (-key["characters"], key["key"]))
        return tuple(key["key"] for key in ranked[:MAX_TEXT_KEYS])

    def texts(self, values: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
        """The texts of each of ``text_keys``, and all else that is written in a cell under ``REST``.

        Raises:
            NotFittedError: before ``fit``.
        """
        return nested_texts_by_key(values, self.text_keys, self._merging)

    def title_of(self, key: str) -> str:
        """A key for people: the end of its path where no other key ends so, else the path.

        Raises:
            NotFittedError: before ``fit``.
        """
        return _titles([learned["key"] for learned in self.state().values["keys"]]).get(key, key)

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn which spellings are one key, which keys are frequent, and what they hold."""
        read = [cell.flat for cell in read_cells(values) if cell.flat is not None]
        merging = learn_merging(read)
        flats = [merging.merge(flat) for flat in read]
        frequent = _most_filled(flats, len(values))
        titles = _titles(frequent)
        keys = []
        for name in frequent:
            cells = [flat[name] for flat in flats if name in flat]
            key = learn_key(name, cells)
            recognised = recognise(name.rsplit(".", 1)[-1], cells) if key["form"] != "text" else None
            key["recognised"] = recognised.to_json() if recognised and recognised.informative else None
            self._report_key(surroundings.audit, titles[name], key, recognised, cells)
            keys.append(key)
        kept = set(frequent)
        spellings = {spelling: key for spelling, key in merging.spellings.items() if key in kept}
        self._report_merging(surroundings.audit, spellings)
        forms = {form: key for form, key in merging.forms.items() if key in kept}
        return self.restore(State({"keys": keys, "spellings": spellings, "forms": forms}))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """The block of flags, and the blocks of each key that is not a text.

        Raises:
            NotFittedError: before ``fit``.
        """
        keys: list[Key] = self.state().values["keys"]
        cells = read_cells(values)
        _report_faults(surroundings.audit, self.column.name, values, cells)
        flats = [None if cell.flat is None else self._merging.merge(cell.flat) for cell in cells]
        titles = _titles([key["key"] for key in keys])
        blocks = [self._flags(flats, cells, keys, titles)]
        for key in keys:
            held = [_held(flat, cell, key["key"]) for flat, cell in zip(flats, cells, strict=True)]
            label, title = f"{self.name}:{key['key']}", titles[key["key"]]
            columns = key_columns(key)
            if columns:
                features = tuple(
                    self._feature(label, key["key"] + end, title + shown.en, title + shown.ru, unit)
                    for end, shown, unit in columns
                )
                blocks.append(Block(self.column.name, label, features, key_values(key, held), key_categories(key)))
            if key["recognised"]:
                recognised = Recognised.from_json(key["recognised"])
                label, prefix = f"{label}:{recognised.kind}", (f"{key['key']}_", Title(title, title))
                blocks.append(recognised_block(self.column, label, prefix, recognised, held))
        names = iter(unique_features(feature for block in blocks for feature in block.features))
        return [
            Block(b.source, b.featurizer, tuple(next(names) for _ in b.features), b.values, b.categories)
            for b in blocks
        ]

    def state(self) -> State:
        """The keys with what they hold, and the spellings of each.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"Nested of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        self._merging = KeyMerging(state.values["spellings"], state.values["forms"])
        return self

    def _feature(self, label: str, quantity: str, en: str, ru: str, unit: str = "") -> Feature:
        return quantity_feature(self.column, label, quantity, Title(en, ru), unit=unit)

    def _flags(
        self, flats: Sequence[Flat | None], cells: Sequence[Cell], keys: list[Key], titles: dict[str, str]
    ) -> Block:
        names = [key["key"] for key in keys]
        features = [
            self._feature(self.name, f"{n}_filled", f"{titles[n]} is filled in", f"{titles[n]}: заполнено", "0/1")
            for n in names
        ]
        features += [
            self._feature(
                self.name, "n_filled", "number of filled-in characteristics", "число заполненных характеристик"
            ),
            self._feature(self.name, "n_others_filled", "number of rare characteristics", "число редких характеристик"),
        ]
        result = np.full((len(flats), len(features)), np.nan, dtype=np.float32)
        for i, (flat, cell) in enumerate(zip(flats, cells, strict=True)):
            if flat is None:
                continue
            flags = [name in flat for name in names]
            result[i] = [*flags, len(flat), len(flat) - sum(flags)]
            if cell.fault is not None:  # what was not read may have been there
                result[i, [*(j for j, flag in enumerate(flags) if not flag), -2, -1]] = np.nan
        return Block(self.column.name, self.name, tuple(features), result)

    def _report_key(
        self, audit: Audit, title: str, key: Key, recognised: Recognised | None, cells: Sequence[list[Any]]
    ) -> None:
        subject = f"{self.column.name}: {title}"
        if key["form"] == "number":
            spellings = spellings_of(cell[0] for cell in cells if len(cell) == 1)
            report_units(audit, self.column.name, subject, UnitScale(**key["units"]), spellings)
        if recognised is not None:
            report_recognised(audit, self.column.name, subject, recognised, cells)

    def _report_merging(self, audit: Audit, spellings: dict[str, str]) -> None:
        if spellings:
            spelling, key = min(spellings.items())
            merged = {key: sorted(s for s in spellings if spellings[s] == key) for key in set(spellings.values())}
            example = f"{spelling!r} = {key!r}"
            audit.add(
                "nested_keys_merged", column=self.column.name, count=len(spellings), example=example,
                merged=dict(sorted(merged.items())[:MAX_ROWS_NAMED]),
            )  # fmt: skip


def _most_filled(flats: Sequence[Flat], n_rows: int) -> list[str]:
    """The fewest keys that hold ``KEPT_SHARE`` of all values, without rare ones, the most filled first."""
    filled = Counter(key for flat in flats for key in flat)
    least = max(1, math.ceil(MIN_FILLED_SHARE * n_rows))
    ranked = sorted((key for key in filled if filled[key] >= least), key=lambda key: (-filled[key], key))
    enough, held = KEPT_SHARE * sum(filled.values()), 0
    for i, key in enumerate(ranked):
        if held >= enough or i == MAX_KEYS:
            return ranked[:i]
        held += filled[key]
    return ranked


def _titles(keys: Sequence[str]) -> dict[str, str]:
    """Keys for people: the last part of a path where it is the only one of its name, else the whole path."""
    ends = Counter(key.rsplit(".", 1)[-1].casefold() for key in keys)

    def shown(key: str) -> str:
        end = key.rsplit(".", 1)[-1]
        return (end if ends[end.casefold()] == 1 and end.strip() else key.replace(".", " › ")).replace("_", " ")

    return {key: shown(key) for key in keys}


def _held(flat: Flat | None, cell: Cell, key: str) -> list[Any] | None:
    """The values of a key in a row; empty if it is absent, None if that cannot be known."""
    if flat is None:
        return None
    return flat.get(key, [] if cell.fault is None else None)


def _report_faults(audit: Audit, column: str, values: pd.Series[Any], cells: Sequence[Cell]) -> None:
    """A finding about cells that cannot be read, and one about those that can in part, with the first bad places."""
    for code, readable in (("nested_unreadable", False), ("nested_damaged", True)):
        found = [i for i, cell in enumerate(cells) if cell.fault is not None and (cell.flat is not None) is readable]
        if not found:
            continue
        places = [
            {"row": str(values.index[i]), "position": fault.position, "excerpt": fault.excerpt, "cut": fault.cut}
            for i in found[:MAX_ROWS_NAMED]
            if (fault := cells[i].fault) is not None
        ]
        audit.add(
            code, column=column, rows=values.index[found], total=len(values), row=places[0]["row"],
            position=places[0]["position"], example=repr(places[0]["excerpt"]), places=places,
        )  # fmt: skip
