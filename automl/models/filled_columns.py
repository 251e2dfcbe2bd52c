"""Columns of a table as finite numbers in their own units, for a model that scales them itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from automl.models.matrix import LARGEST

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class FilledColumns:
    """Which features tell rows apart, and what stands for a value that is unknown; learned from training rows alone.

    An unknown or infinite value, and a category that training lacks, become the training mean; numbers are cut
    ``LARGEST`` standard deviations from it. Arrays are (n_columns,), but ``code_column`` and ``code`` (n_codes,): the
    codes that training has in columns of categories.
    """

    feature: Int
    mean: Float
    low: Float
    high: Float
    code_column: Int
    code: Float

    @classmethod
    def of(cls, table: FeatureTable) -> Self:
        """Learn from the rows of a table, which is small enough to lie in memory."""
        values = _known(table)
        seen = np.isfinite(values)
        n = np.maximum(seen.sum(axis=0), 1)
        mean = np.where(seen, values, 0.0).sum(axis=0) / n
        scale = np.sqrt(np.square(np.where(seen, values - mean, 0.0)).sum(axis=0) / n)
        feature = np.flatnonzero(scale > 1e-6 * np.abs(mean))
        is_code = np.array([block.is_category for block in table.blocks for _ in block.features], dtype=bool)[feature]
        reach = np.where(is_code, np.inf, LARGEST * scale[feature])
        codes = [np.unique(values[seen[:, i], i]) for i in feature[is_code]]
        return cls(
            feature,
            mean[feature],
            mean[feature] - reach,
            mean[feature] + reach,
            np.repeat(np.flatnonzero(is_code), [len(found) for found in codes]),
            np.concatenate([np.empty(0), *codes]),
        )

    @property
    def n_columns(self) -> int:
        """Columns of the matrix."""
        return len(self.feature)

    def transform(self, table: FeatureTable) -> Single:
        """The matrix, float32 (n_samples, n_columns), finite."""
        values = _known(table)[:, self.feature]
        known = np.isfinite(values)
        for column in np.unique(self.code_column):
            known[:, column] &= np.isin(values[:, column], self.code[self.code_column == column])
        values = np.where(known, values, self.mean)
        return np.clip(values, self.low, self.high).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as arrays; ``from_arrays`` reads it back."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what ``arrays`` gave."""
        return cls(*(arrays[name] for name in ("feature", "mean", "low", "high", "code_column", "code")))


def _known(table: FeatureTable) -> Float:
    values = table.to_numpy().astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return values
