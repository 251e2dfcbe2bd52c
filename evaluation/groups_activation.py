"""How active a group of dimensions is in each row, and the rows that show it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MOST_ACTIVE_SHARE = 0.1  # of the rows: they are what a group is described by
FEWEST_ACTIVE = 10


@dataclass(frozen=True)
class Activation:
    """``values`` float64 (n_samples,): rows along the first main axis of a group's dimensions, NaN where unknown.

    They have a standard deviation of 1. ``share`` of the variance of the group's standardised dimensions lies along it.
    """

    values: Float
    share: float

    def ends(self, n: int) -> tuple[Int, Int]:
        """Positions of the rows with the highest and with the lowest activation, the furthest first.

        A row with the same activation as another one is a copy of it and is left out. No row is in both.
        """
        known = np.flatnonzero(np.isfinite(self.values))
        first = known[np.sort(np.unique(np.round(self.values[known], 6), return_index=True)[1])]
        order = first[np.argsort(self.values[first], kind="stable")]
        n = min(n, len(order) // 2)
        return order[::-1][:n], order[:n]

    def most_active(self) -> NDArray[np.bool_]:
        """Mask (n_samples,) of the tenth of the known rows with the highest activation, at least ten of them."""
        known = np.flatnonzero(np.isfinite(self.values))
        n = min(max(FEWEST_ACTIVE, round(MOST_ACTIVE_SHARE * len(known))), len(known) // 2)
        mask = np.zeros(len(self.values), dtype=bool)
        mask[known[np.argsort(-self.values[known], kind="stable")[:n]]] = True
        return mask


def activation_of(values: NDArray[np.float32], dimensions: Sequence[int], scores: Float | None = None) -> Activation:
    """Activation of rows by principal components of some standardised dimensions.

    Args:
        values: (n_samples, n_dimensions) of the whole block.
        dimensions: those of the group.
        scores: (n_samples,) predictions; the axis points to where they are higher, else to where most of its dimensions
            are.

    Raises:
        InputError: if fewer than three rows are known, or the dimensions do not vary.
    """
    inside = values[:, list(dimensions)].astype(np.float64)
    known = np.isfinite(inside).all(axis=1)
    off = inside[known]
    if len(off) < 3 or not off.std(axis=0).any():
        raise InputError(
            f"Activations need 3 rows that differ, but {len(off)} are known, in {len(dimensions)} dimensions."
        )
    off -= off.mean(axis=0)
    deviation = off.std(axis=0)
    off /= np.where(deviation > 1e-12, deviation, np.inf)
    variances, vectors = np.linalg.eigh(off.T @ off)
    axis = vectors[:, -1]
    along = off @ axis
    side = float(np.sum(axis))
    if scores is not None and np.ptp(scores[known]) > 0:
        side = float(along @ (scores[known] - scores[known].mean()))
    result = np.full(len(values), np.nan)
    result[known] = along / along.std() * (-1.0 if side < 0 else 1.0)
    return Activation(result, float(variances[-1] / variances.sum()))
