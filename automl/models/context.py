"""For a model that predicts from a context of training rows: which rows it reads, and who plays in its explanation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from automl.models.compression import Compression

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def context_rows(y: Float, weight: Float, n: int, *, all_classes: bool) -> Int:
    """Positions of ``n`` rows or fewer, each as often as its weight says, spread evenly over the targets.

    Systematic sampling (Madow, On the theory of systematic sampling, 1949) along the sorted targets: a row of twice
    the weight stands there twice as often, and where all weigh the same and there are no more than ``n``, each stands
    there once. To attention, a row that stands there twice is one that weighs twice as much.

    Args:
        y: targets (n_samples,) that rows are sorted by.
        weight: (n_samples,), not all 0; a row of weight 0 is never taken.
        n: rows that are wanted.
        all_classes: whether each value of ``y`` stays in, by its heaviest row if by no other.
    """
    order = np.argsort(y, kind="stable")
    reached = np.cumsum(weight[order])
    wanted = min(n, int(np.count_nonzero(weight > 0)))
    marks = (np.arange(wanted) + 0.5) / wanted * reached[-1]
    rows = order[np.searchsorted(reached, marks)]
    if all_classes:
        heaviest = order[np.argsort(-weight[order], kind="stable")]
        heaviest = heaviest[weight[heaviest] > 0]
        _, first = np.unique(y[heaviest], return_index=True)
        rows = np.concatenate([rows, heaviest[first][~np.isin(y[heaviest[first]], y[rows])]])
    return np.sort(rows)


@dataclass(frozen=True)
class Cast:
    """Who comes and goes when a row is valued without some of its sources.

    ``columns`` (n_players, n_columns) says which columns of the matrix belong to a player, ``shares``
    (n_players, n_groups) how much of a player belongs to each group of features.
    """

    columns: NDArray[np.bool_]
    shares: Float

    @classmethod
    def of(cls, table: FeatureTable, compression: Compression, feature: Int, groups: Int, n_groups: int) -> Cast:
        """Of a table whose features belong to ``groups`` (n_features,), positions below ``n_groups``.

        A group is a player. So is an embedding whose features are in several groups: its axes are shared by the
        features that they are made of.

        Args:
            table: before it was compressed.
            compression: what made fewer columns of it.
            feature: (n_columns,), positions among the compressed features.
            groups: of the table's features.
            n_groups: number of groups.
        """
        owner: list[Int] = []
        shares = list(np.eye(n_groups))
        first = 0
        for i, block in enumerate(table.blocks):
            own = np.asarray(groups[first : first + len(block.features)], dtype=np.int64)
            first += len(own)
            found = compression.directions.get(i)
            if found is None:
                owner.append(own)
            elif (own == own[0]).all():
                owner.append(own[: found.n_components])
            elif found.n_components:
                owner.append(np.full(found.n_components, len(shares)))
                shares.append(found.shares(own, n_groups).mean(axis=0))
        of_column = np.concatenate([np.empty(0, np.int64), *owner])[feature]
        playing = np.unique(of_column)
        return cls(of_column == playing[:, None], np.array(shares).reshape(-1, n_groups)[playing])
