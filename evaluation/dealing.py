"""Rows dealt to parts of given shares, so that each part has its share of every stratum and no cluster is cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Float = NDArray[np.float64]

NOWHERE = -1


def deal(clusters: Int, strata: Int, shares: Float, seed: int, *, spared: Bool) -> Int:
    """Part (n_samples,) of each row: large clusters first, each to the part that lacks its strata most.

    What a part lacks is told by Sainte-Lague's rule, which rounds a part's share of each stratum to whole rows.

    Args:
        clusters: (n_samples,) from 0; rows of one cluster go together.
        strata: (n_samples,) from 0.
        shares: (n_parts,), which sum to 1.
        seed: of the order among clusters of one size.
        spared: (n_parts,), parts that may not take all rows of a stratum; a cluster that therefore fits no part goes
            ``NOWHERE``.
    """
    tally = _Tally(strata, shares, spared)
    sizes = np.bincount(clusters)
    order = np.random.default_rng(seed).permutation(len(sizes))
    part_of = np.full(len(sizes), NOWHERE, dtype=np.int64)
    contents = _Contents.of(clusters, strata)
    large = order[sizes[order] > 1]
    for cluster in large[np.argsort(-sizes[large], kind="stable")]:
        part_of[cluster] = tally.place(contents.strata[cluster], contents.counts[cluster])
    single = order[sizes[order] == 1]
    stratum_of = np.array([contents.strata[cluster][0] for cluster in single], dtype=np.int64)
    by_stratum = np.argsort(stratum_of, kind="stable")
    borders = np.flatnonzero(np.diff(stratum_of[by_stratum])) + 1
    for members in np.split(single[by_stratum], borders):
        if len(members):
            part_of[members] = tally.place_rows(int(contents.strata[members[0]][0]), len(members))
    return part_of[clusters]


def smallest_sparable(clusters: Int, strata: Int, *, whole: bool) -> int:
    """The smallest cluster; with ``whole`` among those that hold no stratum whole, ``NOWHERE`` if there is none."""
    contents, totals = _Contents.of(clusters, strata), np.bincount(strata)
    for cluster in np.argsort(np.bincount(clusters), kind="stable"):
        if not whole or (contents.counts[cluster] < totals[contents.strata[cluster]]).all():
            return int(cluster)
    return NOWHERE


@dataclass(frozen=True)
class _Contents:
    """Of each cluster its strata, and how many rows it has of each."""

    strata: tuple[Int, ...]
    counts: tuple[Int, ...]

    @classmethod
    def of(cls, clusters: Int, strata: Int) -> _Contents:
        width = int(strata.max()) + 1
        keys, counts = np.unique(clusters * width + strata, return_counts=True)
        starts = np.flatnonzero(np.diff(keys // width)) + 1
        return cls(tuple(np.split(keys % width, starts)), tuple(np.split(counts, starts)))


class _Tally:
    """What each part has so far."""

    def __init__(self, strata: Int, shares: Float, spared: Bool) -> None:
        self.totals = np.bincount(strata).astype(np.float64)
        self.held = np.zeros((len(shares), len(self.totals)))
        self.shares = shares
        self.spared = spared

    def place(self, strata: Int, counts: Int) -> int:
        """Give one cluster to the part that lacks it most."""
        before, totals = self.held[:, strata], self.totals[strata]
        need = ((before + counts / 2.0) * (counts / totals)).sum(axis=1) / self.shares
        need[self.spared & (before + counts >= totals).any(axis=1)] = np.inf
        if not np.isfinite(need).any():
            return NOWHERE
        best = np.flatnonzero(need <= need.min() * (1.0 + 1e-9))
        part = int(best[np.argmin(self._filled[best])])
        self.held[part, strata] += counts
        return part

    def place_rows(self, stratum: int, n: int) -> Int:
        """Give ``n`` rows of one stratum, each a cluster of its own: the same rule for all of them at once."""
        held = self.held[:, stratum]
        quotients = (held[:, None] + np.arange(n) + 0.5) / self.shares[:, None]
        full = held[:, None] + np.arange(n) + 1.0 >= self.totals[stratum]
        quotients[full & self.spared[:, None]] = np.inf
        part = np.repeat(np.arange(len(held)), n)
        ties = np.repeat(self._filled, n)
        first = np.lexsort((ties, np.round(quotients.ravel(), 9)))[:n]
        given = np.where(np.isfinite(quotients.ravel()[first]), part[first], NOWHERE)
        self.held[:, stratum] += np.bincount(given[given != NOWHERE], minlength=len(held))
        return np.asarray(given, dtype=np.int64)

    @property
    def _filled(self) -> Float:
        return np.asarray(self.held.sum(axis=1) / self.shares, dtype=np.float64)
