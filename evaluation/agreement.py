"""Whether two halves of a run's models explain rows alike.

Models of two halves are models that had other luck: each half has its own folds of the training rows, and its own
draws. Where what they say of the same unseen rows does not go together, the explanation is of that luck, and not of
the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.partitions import Groups

Float = NDArray[np.float64]

STABLE = 0.9  # correlation of contributions from which an explanation is called stable
SMALL_SHARE = 0.01  # of all contributions; what is smaller is not named as unstable
COLUMNS = ("source", "share", "correlation")


@dataclass
class Moments:
    """Weighted sums over rows and outputs of pairs of contributions: ``sums`` float64 (5, n_groups) has those of the
    first, the second, both squares and the product; ``weight`` is the sum of weights, the same for each group.
    """

    n_groups: int
    weight: float = 0.0
    sums: Float = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros((5, self.n_groups))

    def add(self, first: Float, second: Float, weight: Float) -> None:
        """Contributions (n_samples, n_groups, n_link) by two halves, and weights (n_samples,) of the rows."""
        self.weight += float(weight.sum()) * first.shape[2]
        w = weight[:, None]
        self.sums[0] += weight @ first.sum(axis=2)
        self.sums[1] += weight @ second.sum(axis=2)
        for i, (one, other) in enumerate(((first, first), (second, second), (first, second)), start=2):
            self.sums[i] += (w * np.einsum("rgk,rgk->rg", one, other)).sum(axis=0)

    def correlations(self) -> Float:
        """Pearson's, of each group (n_groups,); NaN where neither half uses it, 0 where only one does."""
        return _pearson(self.sums / max(self.weight, 1e-300))

    def overall(self) -> float:
        """Pearson's over all groups together; NaN where neither half uses anything."""
        return float(_pearson(self.sums.sum(axis=1, keepdims=True) / max(self.weight * self.n_groups, 1e-300))[0])


def _pearson(means: Float) -> Float:
    first, second = means[2] - means[0] ** 2, means[3] - means[1] ** 2
    rounding = 1e-12
    varies = np.stack([first > rounding * means[2], second > rounding * means[3]])
    size = np.sqrt(np.where(varies[0], first, 1.0) * np.where(varies[1], second, 1.0))
    found = np.clip((means[4] - means[0] * means[1]) / size, -1.0, 1.0)
    return np.asarray(np.where(varies.all(axis=0), found, np.where(varies.any(axis=0), 0.0, np.nan)))


@dataclass(frozen=True)
class Stability:
    """How far two halves of a run's models agree.

    ``n_models`` counts the models of each half. ``of_sources`` and ``of_features`` are correlations over rows, groups
    and outputs; features are compared in as many rows as ``Explained.kept`` has. ``by_source`` has ``COLUMNS``, the
    source with the largest share first.
    """

    n_models: tuple[int, int]
    n_rows: int
    of_sources: float
    of_features: float
    by_source: pd.DataFrame

    @property
    def is_stable(self) -> bool:
        """Whether the halves agree well enough; also where the model uses nothing at all."""
        return not self.of_sources < STABLE

    @property
    def unstable(self) -> tuple[str, ...]:
        """Sources that count for something and on which the halves do not agree, the largest first."""
        rows = self.by_source
        wrong = (rows["correlation"] < STABLE) & (rows["share"] >= SMALL_SHARE)
        return tuple(rows.loc[wrong, "source"].astype(str))


def stability(
    moments: Mapping[str, Moments], sources: Groups, share: Float, n_models: tuple[int, int], n_rows: int
) -> Stability:
    """Read the moments of ``source`` and ``feature``; ``share`` (n_sources,) is of all contributions."""
    found = {"source": sources.names, "share": share, "correlation": moments["source"].correlations()}
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    frame = frame.sort_values("share", ascending=False, kind="stable", ignore_index=True)
    return Stability(n_models, n_rows, moments["source"].overall(), moments["feature"].overall(), frame)
