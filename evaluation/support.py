"""Whether a changed row is like rows that training had: out of them a model guesses, and no advice is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import Block, FeatureTable

Float = NDArray[np.float64]
Bools = NDArray[np.bool_]

EDGES = (0.001, 0.999)  # quantiles of training values between which a number was seen
MOST_ROWS = 2_000  # training rows that an embedding is compared with
COMPONENTS = 16  # main axes of an embedding that distances are taken in
FAR = 0.99  # quantile of the training rows' own distances beyond which an embedding is unlike all of them
NEIGHBOURS = 3
SLACK = 1e-6


@dataclass(frozen=True)
class _Near:
    """Main axes of an embedding, training points in them, and the largest usual distance to the nearest ones."""

    mean: Float
    axes: Float
    points: Float
    limit: float

    @classmethod
    def of(cls, values: Float, seed: int) -> Self:
        from sklearn.decomposition import PCA
        from sklearn.neighbors import NearestNeighbors

        n = min(COMPONENTS, *values.shape)
        axes = PCA(n, svd_solver="randomized", random_state=seed).fit(values)
        points = axes.transform(values)
        found = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(points))).fit(points)
        own = found.kneighbors(points)[0][:, 1:].mean(axis=1) if len(points) > 1 else np.zeros(1)
        return cls(axes.mean_, axes.components_, points, float(np.quantile(own, FAR)))

    def distance(self, values: Float) -> Float:
        """Mean distance (n_samples,) to the nearest training rows."""
        from sklearn.neighbors import NearestNeighbors

        found = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(self.points))).fit(self.points)
        distance: Float = found.kneighbors((values - self.mean) @ self.axes.T)[0].mean(axis=1)
        return distance


@dataclass(frozen=True)
class Support:
    """What training rows have: usual ranges of readable numbers, known categories, and where embeddings lie.

    ``of`` learns it; ``holds`` judges changed rows against the rows that they were changed from.
    """

    ranges: Mapping[str, tuple[Float, Float]]
    levels: Mapping[str, frozenset[int]]
    near: Mapping[str, _Near]

    @classmethod
    def of(cls, table: FeatureTable, *, seed: int = 0) -> Self:
        """Learn from training rows (n_samples, n_features)."""
        rows = np.arange(table.n_samples)
        if len(rows) > MOST_ROWS:
            rows = np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False))
        ranges, levels, near = {}, {}, {}
        for block in table.blocks:
            values = block.gather(rows).astype(np.float64)
            if block.is_category:
                levels[block.name] = frozenset(int(code) for code in np.unique(values))
            elif block.is_opaque:
                whole = values[np.isfinite(values).all(axis=1)]
                if len(whole) > NEIGHBOURS:
                    near[block.name] = _Near.of(whole, seed)
            else:
                known = np.where(np.isfinite(values), values, np.nan)
                empty = np.isnan(known).all(axis=0)
                low, high = np.nanquantile(np.where(empty, 0.0, known), EDGES, axis=0)
                ranges[block.name] = (np.where(empty, np.nan, low), np.where(empty, np.nan, high))
        return cls(ranges, levels, near)

    def holds(self, changed: FeatureTable, before: FeatureTable) -> Bools:
        """Which changed rows (n_samples,) are like training rows in every block that the change has touched.

        A value that was out of range before may stay there, but not go further out.

        Args:
            changed: the changed rows.
            before: the rows that they were changed from, in the same order.
        """
        fine = np.ones(changed.n_samples, dtype=bool)
        everything = np.arange(changed.n_samples)
        for new, old in zip(changed.blocks, before.blocks, strict=True):
            after, was = new.gather(everything).astype(np.float64), old.gather(everything).astype(np.float64)
            touched = ~((after == was) | (np.isnan(after) & np.isnan(was))).all(axis=1)
            if touched.any():
                fine[touched] &= self._holds(new, after[touched], was[touched])
        return fine

    def _holds(self, block: Block, after: Float, before: Float) -> Bools:
        if block.name in self.levels:
            return np.asarray(np.isin(after, [*self.levels[block.name]]).all(axis=1))
        if block.name in self.ranges:
            low, high = self.ranges[block.name]
            beyond, was = (np.nan_to_num(np.fmax(low - values, values - high)) for values in (after, before))
            slack = SLACK * np.nan_to_num(1 + np.abs(high))
            return np.asarray((beyond <= np.maximum(was, 0.0) + slack).all(axis=1))
        fine = np.ones(len(after), dtype=bool)
        known = np.isfinite(after).all(axis=1)
        if block.name in self.near and known.any():
            space = self.near[block.name]
            limit = np.full(int(known.sum()), space.limit)
            kept = np.isfinite(before[known]).all(axis=1)
            if kept.any():
                limit[kept] = np.maximum(limit[kept], space.distance(before[known][kept]))
            fine[known] = space.distance(after[known]) <= limit * (1 + SLACK)
        return fine
