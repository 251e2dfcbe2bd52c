"""Regularised canonical correlation of two sets of vectors: where contrastive learning starts, and its yardstick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Double = NDArray[np.float64]

SMALLEST = 1e-7  # variance of a principal component, in shares of the largest: below, there is rounding only


@dataclass(frozen=True)
class Components:
    """Principal components: ``(x - mean) @ axes`` has mean vector norm 1 over the rows that were learned from.

    ``mean`` is (n_dimensions,), ``axes`` (n_dimensions, n_components), ``variance`` (n_components,), largest first.
    """

    mean: Double
    axes: Double
    variance: Double

    @classmethod
    def of(cls, x: FloatArray, most: int) -> Components:
        """At most ``most`` components of finite rows (n_samples, n_dimensions), without those of no variance."""
        mean = x.mean(axis=0, dtype=np.float64)
        second = np.zeros((x.shape[1], x.shape[1]))
        for start in range(0, len(x), 4096):
            part = x[start : start + 4096] - mean
            second += part.T @ part
        variance, axes = np.linalg.eigh(second / max(len(x), 1))
        variance, axes = variance[::-1], axes[:, ::-1]
        kept = min(most, max(1, len(x) - 1), int((variance > SMALLEST * max(variance[0], 1e-30)).sum()))
        variance, axes = np.maximum(variance[:kept], 0.0), axes[:, :kept]
        norm = np.linalg.norm((x - mean) @ axes, axis=1).mean() if kept else 0.0
        scale = 1.0 / norm if norm > 0 else 0.0
        return cls(mean, axes * scale, variance * scale**2)

    def transform(self, x: FloatArray) -> FloatArray:
        """float32 (n_samples, n_components)."""
        return np.asarray((x - self.mean) @ self.axes, dtype=np.float32)


def canonical_directions(
    first: FloatArray, second: FloatArray, components: tuple[Components, Components], n: int, ridge: float
) -> tuple[Double, Double]:
    """Directions (n_components, n) of both sides along which paired rows agree most, scaled to vectors of norm 1.

    Args:
        first: principal components of one side (n_samples, n_components).
        second: those of the other side, of the same samples.
        components: what made them: their variances are the covariance matrices.
        n: directions wanted; those beyond the components of either side are 0.
        ridge: added to each variance, in shares of the mean variance of its side (Vinod, Canonical ridge, 1976).

    A direction is weighted by its correlation, so that the agreement of two rows is their best linear
    prediction of each other rather than a count of noisy directions (De Bie et al., 2005; Socher and Li, 2010).
    """
    whiten = [
        1.0 / np.sqrt(c.variance + ridge * c.variance.sum() / max(c.variance.size, 1) + 1e-12) for c in components
    ]
    cross = (first.T @ second).astype(np.float64) / max(len(first), 1)
    left, correlation, right = np.linalg.svd(whiten[0][:, None] * cross * whiten[1], full_matrices=False)
    weight = correlation[:n]
    directions = whiten[0][:, None] * left[:, :n] * weight, whiten[1][:, None] * right[:n].T * weight
    return _scaled(first, directions[0], n), _scaled(second, directions[1], n)


def _scaled(x: FloatArray, directions: Double, n: int) -> Double:
    norm = float(np.linalg.norm(x @ directions, axis=1).mean()) if len(x) else 0.0
    padded = np.pad(directions, ((0, 0), (0, n - directions.shape[1])))
    return padded / norm if norm > 0 else padded
