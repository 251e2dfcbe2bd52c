"""Plain columns that hold a known characteristic - age, sex, season, colour, size - in any spelling."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Modality, Title
from featurizers.base import Featurizer, State, Surroundings
from featurizers.categories import labels_of
from featurizers.normalised import Recognised, cells_of, recognise, recognised_block, report_recognised

SAMPLE = 2_000  # distinct values, from which it is told whether a column is read so


class KnownKinds(Featurizer):
    """One block of the recognised levels of a column, named ``{column}__{kind}...``; see ``recognised_block``.

    What is missing or not recognised is NaN, or the code -1; of seasons and colours zeros. ``fit`` reports
    the share of values that is recognised (finding ``characteristic_recognised``).
    """

    name: ClassVar[str] = "known_kind"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.CATEGORICAL})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn which characteristic the column holds, and its levels; none gives a block without columns."""
        cells = cells_of(pd.Series(labels_of(values), dtype=object))
        found = recognise(self.column.name, cells)
        if found is not None:
            report_recognised(surroundings.audit, self.column.name, self.column.name, found, cells)
        return self.restore(State({"recognised": found.to_json() if found else None}))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, n_columns), or none where nothing was recognised in training.

        Raises:
            NotFittedError: before ``fit``.
        """
        learned = self.state().values["recognised"]
        if learned is None:
            return []
        codes, distinct = pd.factorize(np.array(labels_of(values), dtype=object))
        once = recognised_block(
            self.column,
            self.name,
            ("", Title("", "")),
            Recognised.from_json(learned),
            [*([value] for value in distinct), []],  # the last one stands for a missing value, whose code is -1
        )
        rows = np.ascontiguousarray(once.values[codes])
        return [Block(once.source, once.featurizer, once.features, rows, once.categories)]

    def state(self) -> State:
        """What was recognised, or None.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"KnownKinds of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self


def says_more(name: str, values: pd.Series[Any]) -> bool:
    """Whether a column holds a known characteristic whose levels say more than the values themselves."""
    distinct = [label for label in pd.unique(np.array(labels_of(values), dtype=object)) if label is not None]
    found = recognise(name, [[label] for label in distinct[:SAMPLE]])
    return found is not None and found.informative
