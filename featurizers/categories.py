"""Values out of a set: a code for each category known from training."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.numbers import report_unreadable
from featurizers.text_cleaning import as_text

MAX_CATEGORIES = 1000
MAX_CHARACTERS = 200  # of a category; a longer one is cut and told from others by a hash
OTHER = "(other)"


class Categories(Featurizer):
    """One category block with the feature ``{source}__category``.

    Numbers and texts that read the same are one category (1, 1.0 and ``1``). Up to
    ``MAX_CATEGORIES`` are kept, the most frequent ones; if there are more, the rest and whatever is
    new later is ``(other)``. Otherwise a category never seen in training has code -1, as a missing
    one has, with the finding ``category_new``.
    """

    name: ClassVar[str] = "category"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.CATEGORICAL})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn the categories of the training rows."""
        return self.restore(State({"categories": learn_categories(labels_of(values), MAX_CATEGORIES)}))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One category block, float32 codes (n_samples, 1).

        Raises:
            NotFittedError: before ``fit``.
        """
        categories = tuple(self.state().values["categories"])
        labels = labels_of(values)
        codes = codes_of(labels, categories)
        new = (codes[:, 0] < 0) & np.array([label is not None for label in labels], dtype=bool)
        report_unreadable(surroundings.audit, "category_new", self.column.name, values, new)
        feature = quantity_feature(self.column, self.name, "category", Title("category", "категория"))
        return [Block(self.column.name, self.name, (feature,), codes, categories)]

    def state(self) -> State:
        """The categories in the order of their codes.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"Categories of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self


def label_of(value: Any) -> str | None:
    """A cell as the name of a category; None if it is missing."""
    text = " ".join(as_text(value).split())
    if len(text) > MAX_CHARACTERS:
        text = f"{text[: MAX_CHARACTERS - 20]}… {xxhash.xxh3_64_hexdigest(text.encode())}"
    return text or None


def labels_of(values: pd.Series[Any]) -> list[str | None]:
    """``label_of`` for every row."""
    known: dict[str, str | None] = {}
    labels = []
    for value in values:
        if isinstance(value, str):
            if value not in known:
                known[value] = label_of(value)
            labels.append(known[value])
        else:
            labels.append(label_of(value))
    return labels


def learn_categories(labels: list[str | None], limit: int) -> list[str]:
    """The most frequent labels in alphabetical order, with ``(other)`` behind them if some are left over."""
    counts = Counter(label for label in labels if label is not None)
    by_frequency = sorted(counts, key=lambda label: (-counts[label], label))
    kept = sorted(by_frequency[:limit])
    return kept if len(by_frequency) <= limit or OTHER in kept else [*kept, OTHER]


def codes_of(labels: list[str | None], categories: tuple[str, ...]) -> NDArray[np.float32]:
    """Codes, float32 (n_samples, 1): -1 for a missing label, and for an unknown one unless there is ``(other)``."""
    code = {category: i for i, category in enumerate(categories)}
    unknown = len(categories) - 1 if len(categories) > 1 and categories[-1] == OTHER else -1
    codes = [-1 if label is None else code.get(label, unknown) for label in labels]
    return np.array(codes, dtype=np.float32).reshape(-1, 1)
