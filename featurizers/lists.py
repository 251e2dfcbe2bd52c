"""Lists of things, such as genres or tags: which of the frequent ones a row has, and how many it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Modality, Title, quantity_feature, unique_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.categories import label_of
from featurizers.nested_flattening import flatten
from featurizers.nested_parsing import looks_nested, parse_nested
from featurizers.numbers import is_missing, report_unreadable
from featurizers.text_cleaning import as_text

MAX_ITEMS = 64
MAX_CHARACTERS = 32_000  # of a text that is split; what lies behind is not looked at
SEPARATORS = (" / ", ";", "|", "\n", ",")
SAMPLE = 2000  # of values, from which the separator is learned


class Lists(Featurizer):
    """One block: ``{source}__count``, and ``{source}__has_{item}`` (0/1) for the most frequent items of training.

    Takes lists, JSON and Python lists in strings, and strings with a separator (learned: one of
    ``SEPARATORS``). ``{source}__others`` counts the items that have no column. An empty list is
    zeros, a missing cell is NaN, and so is an unreadable one, with the finding ``nested_unreadable``.
    """

    name: ClassVar[str] = "list"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.LIST})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn the separator and the frequent items."""
        separator = separator_of(values)
        items = [parse_list(value, separator) or [] for value in values if not is_missing(value)]
        counts = Counter(item for some in items for item in some)
        least = 2 if len(items) >= 20 else 1  # an item of a single row teaches nothing
        frequent = sorted((item for item in counts if counts[item] >= least), key=lambda item: (-counts[item], item))
        return self.restore(State({"separator": separator, "items": frequent[:MAX_ITEMS]}))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, 2 + number of items).

        Raises:
            NotFittedError: before ``fit``.
        """
        learned = self.state().values
        position = {item: i for i, item in enumerate(learned["items"], start=2)}
        result = np.full((len(values), 2 + len(position)), np.nan, dtype=np.float32)
        unreadable: NDArray[np.bool_] = np.zeros(len(values), dtype=bool)
        for i, value in enumerate(values):
            if is_missing(value):
                continue
            items = parse_list(value, learned["separator"])
            if items is None:
                unreadable[i] = True
                continue
            held = [position[item] for item in items if item in position]
            result[i] = 0
            result[i, held] = 1
            result[i, :2] = len(items), len(items) - len(held)
        report_unreadable(surroundings.audit, "nested_unreadable", self.column.name, values, unreadable)
        quantities = [("count", Title("number of items", "число элементов"), "")]
        quantities += [("others", Title("number of rare items", "число редких элементов"), "")]
        quantities += [(f"has_{item}", Title(f"has {item}", f"есть {item}"), "0/1") for item in position]
        features = [quantity_feature(self.column, self.name, q, title, unit=unit) for q, title, unit in quantities]
        return [Block(self.column.name, self.name, unique_features(features), result)]

    def state(self) -> State:
        """The separator and the items that have columns.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"Lists of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self


def read_lists(values: pd.Series[Any], separator: str | None) -> pd.Series[Any]:
    """``parse_list`` of every cell; None where it is missing or unreadable."""
    lists = [None if is_missing(value) else parse_list(value, separator) for value in values]
    return pd.Series(lists, index=values.index, dtype=object)


def parse_list(value: Any, separator: str | None) -> list[str] | None:
    """Distinct items of a cell in their order, None if it begins like a list but cannot be read.

    A string that is no list is split at ``separator``; without one it is a single item. Of nested
    items all plain values are taken.
    """
    if looks_nested(value):
        nested = parse_nested(value)
        if nested is None:
            return None
        scalars = nested if _is_plain(nested) else [x for cell in flatten(nested).values() for x in cell]
        labels = [label_of(item) for item in scalars if not is_missing(item)]
    else:
        text = as_text(value)
        pieces = [text] if separator is None else text[:MAX_CHARACTERS].split(separator)
        if separator is not None and len(text) > MAX_CHARACTERS:
            pieces.pop()  # which was cut
        labels = [label_of(piece) for piece in pieces]
    return list(dict.fromkeys(label for label in labels if label))


def _is_plain(nested: Any) -> bool:
    return isinstance(nested, list) and not any(isinstance(item, (list, dict)) for item in nested)


def separator_of(values: Iterable[Any]) -> str | None:
    """The separator that most of the texts hold, None if hardly any of them holds one."""
    texts = [value for value in values if isinstance(value, str) and not looks_nested(value) and not is_missing(value)]
    texts = texts[:: max(1, len(texts) // SAMPLE)]
    holding = {separator: sum(separator in text for text in texts) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: holding[separator])
    return best if holding[best] > 0 else None
