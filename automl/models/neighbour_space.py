"""Rows as points whose distances add up over sources, for models that compare rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from automl.models.directions import Directions, directions_arrays, directions_from
from automl.models.matrix import CHUNK_ROWS, Standardizer

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Space:
    """Points (n_samples, n_columns) of rows; half their squared distance is a weighted mean over parts of a row.

    Each embedding is a part, 1 less its cosine after centring, and 1 if one of the rows lacks it; all other columns
    together are one, standardised, with a mean square of 1. ``table_weight`` is the weight of that part beside the
    1 of an embedding. ``block`` (n_columns,) is the block that a column comes from, ``feature`` the feature, -1 in
    embeddings.
    """

    directions: Mapping[int, Directions]
    standardizer: Standardizer
    scale: Single
    block: Int
    feature: Int

    @classmethod
    def of(cls, table: FeatureTable, *, n_components: int, table_weight: float, rows: Int) -> Self:
        """Learn from training rows; the main axes of embeddings from ``rows`` of them."""
        opaque = {i: block for i, block in enumerate(table.blocks) if block.is_opaque}
        directions = {i: Directions.of(block, n_components, rows) for i, block in opaque.items()}
        standardizer = Standardizer.of(_others(table))
        n_varying = int((standardizer.inverse_scale > 0).sum())
        used = sum(found.axes.shape[1] > 0 for found in directions.values())
        total = max(used + (table_weight if n_varying else 0.0), 1e-12)
        sizes = [found.axes.shape[1] for found in directions.values()]
        first_feature = np.cumsum([0, *(len(block.features) for block in table.blocks)])
        kept = np.array([i for i in range(len(table.blocks)) if i not in opaque], dtype=np.int64)
        of_block = kept[standardizer.block] if len(kept) else standardizer.block
        # Features of the others are numbered among themselves; the block says how many lie between.
        inside = np.flatnonzero(np.repeat(~np.isin(np.arange(len(table.blocks)), list(opaque)), np.diff(first_feature)))
        feature = inside[standardizer.feature]
        scale = np.concatenate(
            [
                np.full(sum(sizes), np.sqrt(1.0 / total)),
                np.full(standardizer.n_columns, np.sqrt(table_weight / max(n_varying, 1) / total)),
            ]
        )
        return cls(
            directions,
            standardizer,
            scale.astype(np.float32),
            np.concatenate([np.repeat(np.array(list(opaque), dtype=np.int64), sizes), of_block]),
            np.concatenate([np.full(sum(sizes), -1), feature]).astype(np.int64),
        )

    def points(self, table: FeatureTable) -> Single:
        """float32 (n_samples, n_columns), finite."""
        result = np.empty((table.n_samples, len(self.scale)), dtype=np.float32)
        n_opaque = len(self.scale) - self.standardizer.n_columns
        for start in range(0, table.n_samples, CHUNK_ROWS):
            rows = np.arange(start, min(start + CHUNK_ROWS, table.n_samples))
            first = 0
            for i, found in self.directions.items():
                last = first + found.axes.shape[1]
                result[rows, first:last] = found.points(table.blocks[i].gather(rows))
                first = last
        result[:, n_opaque:] = self.standardizer.transform(_others(table))
        result *= self.scale
        return result

    @property
    def varying(self) -> NDArray[np.bool_]:
        """Which columns tell training rows apart (n_columns,)."""
        n_opaque = len(self.scale) - self.standardizer.n_columns
        return np.concatenate([np.ones(n_opaque, dtype=bool), self.standardizer.inverse_scale > 0]) & (self.scale > 0)

    def players(self, table: FeatureTable, groups: Int, n_groups: int) -> tuple[list[Int], Float]:
        """Columns that come and go together when rows are compared without some groups of features.

        Returns:
            The columns of each player, and (n_players, n_groups) how much of it belongs to each group. An embedding
            whose features are in several groups is a player of its own, shared by their numbers.
        """
        first = np.cumsum([0, *(len(block.features) for block in table.blocks)])
        owner = np.full(len(self.scale), -1)
        inside = self.feature >= 0
        owner[inside] = groups[self.feature[inside]]
        split: list[int] = []
        for i in self.directions:
            own = groups[first[i] : first[i + 1]]
            if len(np.unique(own)) == 1:
                owner[self.block == i] = own[0]
            else:
                split.append(i)
        varying = self.varying
        alone = [g for g in range(n_groups) if (varying & (owner == g)).any()]
        columns = [np.flatnonzero(varying & (owner == g)) for g in alone]
        shares = [np.eye(n_groups)[g] for g in alone]
        for i in split:
            mine = np.flatnonzero(varying & (self.block == i) & ~inside)
            if len(mine):
                columns.append(mine)
                counts = np.bincount(groups[first[i] : first[i + 1]], minlength=n_groups)
                shares.append(counts / counts.sum())
        return columns, np.array(shares).reshape(len(columns), n_groups)

    def half_norms(self, points: Single, columns: Int) -> Single:
        """Half the squared length (n_samples,) of points in some columns; that of an embedding is always the same.

        So a row without it, whose point is 0 there, is as far from every row.
        """
        n_opaque = len(self.scale) - self.standardizer.n_columns
        inside = columns < n_opaque
        blocks, first = np.unique(self.block[columns[inside]], return_index=True)
        constant = np.square(self.scale[columns[inside]][first], dtype=np.float64).sum() if len(blocks) else 0.0
        found = np.square(points[:, columns[~inside]], dtype=np.float64).sum(axis=1) + constant
        return np.asarray(0.5 * found, dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as arrays; ``from_arrays`` reads it back."""
        found: dict[str, NDArray[Any]] = {"scale": self.scale, "block": self.block, "feature": self.feature}
        found |= {f"column.{name}": values for name, values in self.standardizer.arrays().items()}
        return found | directions_arrays(self.directions)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what ``arrays`` gave."""
        columns = {name.removeprefix("column."): x for name, x in arrays.items() if name.startswith("column.")}
        known = (arrays[name] for name in ("scale", "block", "feature"))
        return cls(directions_from(arrays), Standardizer.from_arrays(columns), *known)


def _others(table: FeatureTable) -> FeatureTable:
    return FeatureTable(tuple(block for block in table.blocks if not block.is_opaque), table.index)
