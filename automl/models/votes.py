"""Neighbours from similarities, and how they vote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]

SIMILARITIES_AT_ONCE = 1 << 24
TIED = 1e-5  # of similarity: rows that are as near as the last neighbour share its vote


@dataclass(frozen=True)
class Votes:
    """How many neighbours vote, how their votes fall with similarity, and the votes of the base rate."""

    neighbours: int
    temperature: float
    prior: float

    def cast(self, similarity: Single) -> tuple[Int, Int, Float]:
        """Row, column and vote (without its weight) of each neighbour among similarities (n_samples, n)."""
        n = similarity.shape[1]
        k = min(self.neighbours, n)
        last = np.partition(similarity, n - k, axis=1)[:, n - k]
        row, column = np.nonzero(similarity >= last[:, None] - TIED)
        found = similarity[row, column]
        tied = found <= last[row] + TIED
        n_tied = np.bincount(row, tied, minlength=len(similarity))
        n_above = np.bincount(row, ~tied, minlength=len(similarity))
        off = (found - similarity.max(axis=1)[row]).astype(np.float64)
        vote = np.exp(off / self.temperature) * np.where(tied, ((k - n_above) / np.maximum(n_tied, 1))[row], 1.0)
        return row, column, np.asarray(vote)

    def of(self, similarity: Single, weight: Float) -> Float:
        """Votes (n_samples, k) of neighbours, nearest first."""
        off = (similarity - similarity[:, :1]).astype(np.float64)
        return np.asarray(np.exp(off / self.temperature) * weight)


@dataclass(frozen=True)
class Asked:
    """Held rows: their points, targets and weights; ``own`` are their positions among the training rows, if there."""

    points: Single
    y: Float
    weight: Float
    own: Int | None = None

    def first(self, rows: Int) -> Asked:
        """Some of the rows."""
        return Asked(self.points[rows], self.y[rows], self.weight[rows])

    def chunks(self, n_train: int) -> Iterator[tuple[Single, Int | None]]:
        """Points in pieces, with ``own``."""
        start = 0
        for part in chunks(self.points, n_train):
            yield part, None if self.own is None else self.own[start : start + len(part)]
            start += len(part)


def chunks(points: Single, n_train: int) -> Iterator[Single]:
    """Points in pieces whose similarities to the training rows are held at once."""
    size = max(1, SIMILARITIES_AT_ONCE // max(1, n_train))
    return (points[start : start + size] for start in range(0, len(points), size))


def largest(similarity: Single, k: int) -> tuple[Single, Int]:
    """The ``k`` largest of each row and where they are, the largest first."""
    n = similarity.shape[1]
    found = (
        np.argpartition(similarity, n - k, axis=1)[:, n - k :] if k < n else np.tile(np.arange(n), (len(similarity), 1))
    )
    values = np.take_along_axis(similarity, found, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(found, order, axis=1)
