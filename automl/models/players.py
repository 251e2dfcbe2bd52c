"""Who comes and goes together when a row is valued without some of its sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from automl.models.matrix import Standardizer
from automl.models.neighbour_space import Space

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Players:
    """``columns`` and ``points`` name the player (n_columns,) of each standardised column and dimension of the space.

    ``shares`` (n_players, n_groups) is how much of a player belongs to each group of features: a group is a player,
    and so is an embedding whose features are in several groups. -1 is a column that is the same for all rows.
    """

    columns: Int
    points: Int
    shares: Float

    @classmethod
    def of(
        cls, table: FeatureTable, groups: Int, n_groups: int, standardizer: Standardizer, space: Space | None
    ) -> Self:
        """Of a table whose features belong to ``groups`` (n_features,), positions below ``n_groups``."""
        owner, shares = np.asarray(groups, dtype=np.int64).copy(), list(np.eye(n_groups))
        first = np.cumsum([0, *(len(block.features) for block in table.blocks)])
        for i, block in enumerate(table.blocks):
            own = groups[first[i] : first[i + 1]]
            if block.is_opaque and len(np.unique(own)) > 1:
                owner[first[i] : first[i + 1]] = len(shares)
                shares.append(np.bincount(own, minlength=n_groups) / len(own))
        columns = np.where(standardizer.inverse_scale > 0, owner[standardizer.feature], -1)
        points = np.empty(0, dtype=np.int64)
        if space is not None:
            feature = np.where(space.feature >= 0, space.feature, first[space.block])
            points = np.where(space.varying, owner[feature], -1)
        used = np.unique(np.concatenate([columns[columns >= 0], points[points >= 0]]))
        place = np.full(len(shares) + 1, -1)
        place[used] = np.arange(len(used))
        return cls(place[columns], place[points], np.array(shares).reshape(-1, n_groups)[used])

    @property
    def n(self) -> int:
        """Number of players."""
        return len(self.shares)

    def of_columns(self, there: Single) -> Single:
        """1 for the columns of the players that are there, 0 for the others (n_columns,)."""
        return _of(self.columns, there)

    def of_points(self, there: Single) -> Single:
        """The same for the dimensions of the space."""
        return _of(self.points, there)


def _of(owner: Int, there: Single) -> Single:
    return np.append(there > 0.5, False)[owner].astype(np.float32)
