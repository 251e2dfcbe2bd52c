"""Main axes of an embedding among training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import Block

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]

FEW = 6  # of so many times as many dimensions


@dataclass(frozen=True)
class Directions:
    """Where the rows of an embedding lie: its mean (d,) and main axes (d, n_components) among training rows."""

    mean: Single
    axes: Single

    @property
    def n_components(self) -> int:
        """Number of axes."""
        return int(self.axes.shape[1])

    @classmethod
    def of(cls, block: Block, n_components: int, rows: Int) -> Self:
        """Principal components of some rows of a block; rows with an unknown value are left out."""
        values = block.gather(rows)
        values = values[np.isfinite(values).all(axis=1)]
        d = values.shape[1]
        if n_components == 0 or len(values) < 2 or not np.ptp(values, axis=0).any():
            return cls(np.zeros(d, np.float32), np.zeros((d, 0), np.float32))
        mean = values.mean(axis=0, dtype=np.float64)
        off = values - mean.astype(np.float32)
        off /= np.abs(off).max()  # products of huge values would overflow
        gram = (off.T @ off).astype(np.float64) if d <= len(off) else (off @ off.T).astype(np.float64)
        kept = min(n_components, len(gram))
        variances, vectors = _largest(gram, kept)
        good = variances > 1e-9 * max(float(np.trace(gram)), 1e-30)
        vectors = vectors[:, good]
        axes = vectors if d <= len(off) else off.T @ (vectors / np.sqrt(variances[good]))
        return cls(mean.astype(np.float32), np.ascontiguousarray(axes, dtype=np.float32))

    def along(self, values: Single) -> Single:
        """Rows along the axes (n_samples, n_components); NaN for a row with an unknown value."""
        return np.asarray((np.where(np.isfinite(values), values, np.nan) - self.mean) @ self.axes, dtype=np.float32)

    def points(self, values: Single) -> Single:
        """Unit vectors (n_samples, n_components); zero for a row that is unknown or the mean."""
        off = self.along(values)
        off = np.where(np.isfinite(off), off, np.float32(0.0))
        length = np.sqrt(np.square(off, dtype=np.float64).sum(axis=1, keepdims=True))
        return np.asarray(off / np.where(length > 1e-12, length, 1.0), dtype=np.float32)

    def shares(self, groups: Int, n_groups: int) -> Float:
        """How much of each axis is made of the features of each group (n_components, n_groups); rows sum to 1."""
        result = np.zeros((n_groups, self.n_components))
        np.add.at(result, groups, np.square(self.axes, dtype=np.float64))
        return np.asarray((result / result.sum(axis=0)).T)


def directions_arrays(directions: Mapping[int, Directions]) -> dict[str, NDArray[Any]]:
    """Axes of blocks, by the block's position, as arrays; ``directions_from`` reads them back among others."""
    found: dict[str, NDArray[Any]] = {}
    for i, one in directions.items():
        found |= {f"mean.{i}": one.mean, f"axes.{i}": one.axes}
    return found


def directions_from(arrays: Mapping[str, NDArray[Any]]) -> dict[int, Directions]:
    """Read what ``directions_arrays`` gave."""
    places = sorted(int(name.removeprefix("mean.")) for name in arrays if name.startswith("mean."))
    return {i: Directions(arrays[f"mean.{i}"], arrays[f"axes.{i}"]) for i in places}


def _largest(gram: Float, n: int) -> tuple[Float, Float]:
    """The n largest eigenvalues of a symmetric matrix, in rising order, and their vectors as columns."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    if FEW * n < len(gram):  # for few of many, Lanczos takes a hundredth of the time
        try:
            values, vectors = eigsh(gram, k=n, v0=np.ones(len(gram)))
        except ArpackNoConvergence:
            pass
        else:
            order = np.argsort(values)
            return values[order], vectors[:, order]
    values, vectors = eigh(gram, subset_by_index=(len(gram) - n, len(gram) - 1))
    return values, vectors
