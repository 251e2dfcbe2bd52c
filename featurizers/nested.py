"""Nested characteristics to columns: a value and a filled-in flag for each frequent key."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Feature, Modality, Title, quantity_feature, unique_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.categories import codes_of, label_of, learn_categories
from featurizers.nested_flattening import TEXT_CHARACTERS, Flat, flatten_values
from featurizers.numbers import has_decimal_comma, parse_number, report_unreadable

MAX_KEYS = 40
MAX_CATEGORIES = 100  # of one key
MAX_OPTIONS = 20  # of one key that holds several values at a time
NUMERIC_SHARE = 0.8
SEVERAL_SHARE = 0.1  # of rows with more than one value, from which a key counts as holding several
MIN_FILLED_SHARE = 0.005


class Nested(Featurizer):
    """For each of the ``MAX_KEYS`` most filled keys of training: ``{source}__{key}`` and ``{source}__{key}_filled``.

    A key is numeric if most of its values are numbers, else a category, or several 0/1 columns
    ``{source}__{key}={value}`` where rows hold several values at a time; of keys with texts only the
    flag is made (see ``has_texts``). Each key's block has the featurizer ``nested:{key}``. The block
    ``nested`` holds the flags, the number of filled keys, and of those that have no columns here.
    Absent keys give NaN or -1 and the flag 0, a missing cell is like an empty one, and an unreadable
    one is all NaN and -1 with the finding ``nested_unreadable``.
    """

    name: ClassVar[str] = "nested"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.NESTED})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    @property
    def has_texts(self) -> bool:
        """Whether some key held texts for people in training, so that text featurizers are worth running.

        Raises:
            NotFittedError: before ``fit``.
        """
        return any(key["form"] == "text" for key in self.state().values["keys"])

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn the frequent keys and what they hold."""
        flats = [flat for flat in flatten_values(values)[0] if flat is not None]
        filled = Counter(key for flat in flats for key in flat)
        least = max(1, math.ceil(MIN_FILLED_SHARE * len(values)))
        frequent = sorted((key for key in filled if filled[key] >= least), key=lambda key: (-filled[key], key))
        keys = [{"key": key, **_learn(flat[key] for flat in flats if key in flat)} for key in frequent[:MAX_KEYS]]
        return self.restore(State({"keys": keys}))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """The block of flags, and one block for each key that is not a text.

        Raises:
            NotFittedError: before ``fit``.
        """
        keys = self.state().values["keys"]
        flats, unreadable = flatten_values(values)
        report_unreadable(surroundings.audit, "nested_unreadable", self.column.name, values, unreadable)
        names = iter(self._unique_names(keys))
        blocks = [self._flags(flats, [key["key"] for key in keys], [next(names) for _ in range(len(keys) + 2)])]
        for key in keys:
            features = tuple(next(names) for _ in _shown_values(key))
            if not features:
                continue
            cells = [flat.get(key["key"], []) if flat is not None else None for flat in flats]
            categories = tuple(key["categories"]) if key["form"] == "category" else None
            result = _values_of(key, cells)
            blocks.append(Block(self.column.name, f"{self.name}:{key['key']}", features, result, categories))
        return blocks

    def state(self) -> State:
        """The keys, the form of each, and its categories or options.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"Nested of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self

    def _unique_names(self, keys: list[dict[str, Any]]) -> tuple[Feature, ...]:
        """Features of the flags and counts, then of each key's values."""

        def feature(quantity: str, label: str, en: str, ru: str, unit: str = "") -> Feature:
            return quantity_feature(self.column, label, quantity, Title(en, ru), unit=unit)

        names = [key["key"] for key in keys]
        flags = [feature(f"{n}_filled", self.name, f"{n} is filled in", f"{n}: заполнено", "0/1") for n in names]
        counts = [
            feature("n_filled", self.name, "number of filled-in characteristics", "число заполненных характеристик"),
            feature("n_others_filled", self.name, "number of rare characteristics", "число редких характеристик"),
        ]
        shown = [
            feature(f"{key['key']}{end}", f"{self.name}:{key['key']}", key["key"] + end, key["key"] + end)
            for key in keys
            for end in _shown_values(key)
        ]
        return unique_features([*flags, *counts, *shown])

    def _flags(self, flats: list[Flat | None], keys: list[str], features: list[Feature]) -> Block:
        result = np.full((len(flats), len(features)), np.nan, dtype=np.float32)
        for i, flat in enumerate(flats):
            if flat is not None:
                flags = [key in flat for key in keys]
                result[i] = [*flags, len(flat), len(flat) - sum(flags)]
        return Block(self.column.name, self.name, tuple(features), result)


def _shown_values(key: dict[str, Any]) -> list[str]:
    """What the names of a key's value columns end with."""
    return {"text": [], "several": [f"={option}" for option in key.get("options", [])]}.get(key["form"], [""])


def _learn(cells: Iterable[list[Any]]) -> dict[str, Any]:
    """What the cells of one key hold, each a list of at least one value."""
    known = list(cells)
    comma = has_decimal_comma(str(value) for cell in known for value in cell)
    numbers = sum(len(cell) == 1 and not math.isnan(parse_number(cell[0], decimal_comma=comma)) for cell in known)
    if numbers >= NUMERIC_SHARE * len(known):
        return {"form": "number", "decimal_comma": comma}
    labels = [[label for label in map(label_of, cell) if label] for cell in known]
    lengths = [sum(len(str(value)) for value in cell) / len(cell) for cell in known]
    distinct = Counter("; ".join(sorted(some)) for some in labels)
    if np.mean(lengths) > TEXT_CHARACTERS or (len(distinct) > 20 and len(distinct) > 0.5 * len(known)):
        mean_words = np.mean([len(str(value).split()) for cell in known for value in cell])
        if np.mean(lengths) > TEXT_CHARACTERS or mean_words >= 2:
            return {"form": "text"}
    if sum(len(some) > 1 for some in labels) >= SEVERAL_SHARE * len(known):
        options = Counter(label for some in labels for label in some)
        return {"form": "several", "options": sorted(options, key=lambda o: (-options[o], o))[:MAX_OPTIONS]}
    joined: list[str | None] = [_joined(some) for some in labels]
    return {"form": "category", "categories": learn_categories(joined, MAX_CATEGORIES)}


def _joined(labels: list[str]) -> str | None:
    return label_of("; ".join(sorted(set(labels))))


def _values_of(key: dict[str, Any], cells: list[list[Any] | None]) -> NDArray[np.float32]:
    """float32 (n_samples, n_features) of one key; a cell is None where the row is unreadable."""
    if key["form"] == "number":
        numbers = [
            parse_number(cell[0], decimal_comma=key["decimal_comma"]) if cell and len(cell) == 1 else math.nan
            for cell in cells
        ]
        return np.array(numbers, dtype=np.float32).reshape(-1, 1)
    labels = [None if cell is None else [label for label in map(label_of, cell) if label] for cell in cells]
    if key["form"] == "category":
        return codes_of([_joined(some) if some else None for some in labels], tuple(key["categories"]))
    result = np.full((len(cells), len(key["options"])), np.nan, dtype=np.float32)
    for i, some in enumerate(labels):
        if some is not None:
            result[i] = [option in some for option in key["options"]]
    return result
