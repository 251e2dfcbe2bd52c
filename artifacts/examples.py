"""What a model is fitted on: features, the raw rows that they came from, and the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome


@dataclass(frozen=True)
class Examples:
    """Rows with features and outcome. ``raw`` holds the source columns, for models that read them."""

    table: FeatureTable
    outcome: Outcome
    raw: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        rows = {"table": self.table.n_samples, "outcome": self.outcome.n_samples}
        if self.raw is not None:
            rows["raw"] = len(self.raw)
        if len(set(rows.values())) != 1:
            raise InputError(f"Examples need as many rows in each part, but got {rows}.")

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return self.table.n_samples

    def take(self, rows: NDArray[Any] | Sequence[int]) -> Examples:
        """Some rows, by position or boolean mask."""
        rows = np.asarray(rows)
        raw = None if self.raw is None else self.raw.iloc[np.arange(self.n_samples)[rows]]
        return Examples(self.table.take(rows), self.outcome.take(rows), raw)

    def view(self, view: str) -> Examples:
        """The same rows with the features of one view (no copy)."""
        return replace(self, table=self.table.select(view=view))
