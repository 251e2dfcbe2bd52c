"""LightGBM over the outputs of other models, that starts from their weighted sum."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from automl.models.base import Float
from automl.models.compression import Compression
from automl.models.description import Description, load_arrays, save_arrays
from automl.models.lightgbm import LightGBMModel, LightGBMParams
from automl.models.output_sum import OutputSum

SHARE = 0.5  # of the time at most, for the sum


class BoostedSum(LightGBMModel):
    """Trees correct an ``OutputSum`` where the outputs together say more than their sum.

    From a constant, trees would first have to learn that sum, of many classes from few rows and in little time. Where
    they do not gain on ``valid``, there are none, and the sum is what is left.
    """

    name: ClassVar[str] = "boosted sum"
    starts_by_rows: ClassVar[bool] = True

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that leaves no time for one round leaves the sum."""
        now = time.monotonic()
        first = None if deadline is None else now + SHARE * max(deadline - now, 0.0)
        self.sum_ = OutputSum(seed=self.seed, n_threads=self.n_threads).fit(train, deadline=first)
        return super().fit(train, valid, deadline=deadline)

    def compress(self, table: FeatureTable, chosen: LightGBMParams) -> Compression:
        """Nothing: each output means something by itself."""
        return Compression({})

    def starts(self, table: FeatureTable) -> Float:
        """See ``LightGBMModel.starts``."""
        return self.sum_.raw(table)

    def start_parts(
        self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> tuple[NDArray[np.float64], Float]:
        """See ``LightGBMModel.start_parts``."""
        return self.sum_.raw_parts(table, groups, names)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``."""
        found = super().contributions(table, groups, names)
        return Explanation(found.names, found.values, found.base, found.unit, f"{found.method}, and the sum's")

    def save(self, folder: Path) -> None:
        """Write ``sum.npz`` beside what LightGBM writes."""
        _ = self.fitted_kind
        save_arrays(folder / "sum.npz", self.sum_.arrays())
        super().save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        model = super().load(folder)
        found = Description.load(folder, cls)
        model.sum_ = OutputSum(seed=found.seed).take(found, load_arrays(folder / "sum.npz"))
        return model
