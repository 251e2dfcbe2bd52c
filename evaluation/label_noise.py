"""Rows of equal content with different targets: how much of the target no model of that content can know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.outcome import Outcome
from artifacts.schema import Kind

Int = NDArray[np.int64]
Float = NDArray[np.float64]

LEAST_ROWS = 10  # that repeat; with fewer the share says nothing


@dataclass(frozen=True)
class Disagreement:
    """Among ``n_rows`` rows of repeated content.

    ``rows`` (int64) are positions of rows whose target is not like their repeats', the farthest first. For classes,
    these are the rows outside the most frequent class of their content, and ``share`` is their share of ``n_rows``: a
    lower bound on the error of any model that sees only this content. Otherwise ``share`` is the share of the
    targets' variance that lies within contents: of their ranks for a regression; for a conversion of the rates,
    weighted by trials, beyond what binomial counts vary by chance.
    """

    rows: Int
    n_rows: int
    share: float


def disagreement(clusters: Int, outcome: Outcome) -> Disagreement | None:
    """How far targets differ within clusters; None if fewer than ``LEAST_ROWS`` rows repeat.

    Args:
        clusters: (n_samples,) equal for rows of equal content; negative for rows without content.
        outcome: the targets of the same rows; not multilabel.
    """
    counts = pd.Series(clusters).map(pd.Series(clusters).value_counts()).to_numpy()
    rows = np.flatnonzero((clusters >= 0) & (counts > 1))
    if len(rows) < LEAST_ROWS:
        return None
    own = np.unique(clusters[rows], return_inverse=True)[1]
    if outcome.kind in (Kind.BINARY, Kind.MULTICLASS):
        return _of_classes(rows, own, outcome)
    if outcome.kind is Kind.CONVERSION and outcome.trials is not None:
        return _of_rates(rows, own, outcome.y, outcome.trials)
    ranks = pd.Series(outcome.y).rank().to_numpy(np.float64)
    mean = np.bincount(own, ranks[rows]) / np.bincount(own)
    apart = ranks[rows] - mean[own]
    within = float(np.sum(apart**2)) / (len(rows) - len(mean))
    total = float(np.var(ranks))
    far = np.flatnonzero(np.abs(apart) > np.sqrt(total) / 2)
    order = far[np.argsort(-np.abs(apart[far]), kind="stable")]
    return Disagreement(rows[order], len(rows), min(1.0, within / total) if total > 0 else 0.0)


def _of_classes(rows: Int, own: Int, outcome: Outcome) -> Disagreement:
    y = outcome.y[rows].astype(np.int64)
    pairs, inverse, counts = np.unique(own * (y.max() + 1) + y, return_inverse=True, return_counts=True)
    group = pairs // (y.max() + 1)
    order = np.lexsort((pairs, -counts, group))
    usual = np.zeros(len(pairs), dtype=bool)
    usual[order[np.unique(group[order], return_index=True)[1]]] = True
    odd = rows[~usual[inverse]]
    return Disagreement(odd, len(rows), len(odd) / len(rows))


def _of_rates(rows: Int, own: Int, rate: Float, trials: Float) -> Disagreement:
    y, n = rate[rows], trials[rows]
    size = np.bincount(own, n)
    mean = (np.bincount(own, n * y) / size)[own]
    chance = mean * (1 - mean) * (1 - n / size[own])
    within = n * (y - mean) ** 2
    freedom = len(rows) - len(size)
    pooled = float(np.average(rate, weights=trials))
    # Excess over the binomial variance, per degree of freedom, of rows that repeat and of all rows.
    inner = (float(within.sum()) - float(chance.sum())) / freedom
    whole = float(np.mean(trials * (rate - pooled) ** 2)) - pooled * (1 - pooled)
    scores = (y - mean) / np.sqrt(np.maximum(chance / n, 1e-12))
    far = np.flatnonzero(np.abs(scores) > 4)
    order = far[np.argsort(-np.abs(scores[far]), kind="stable")]
    return Disagreement(rows[order], len(rows), float(np.clip(inner / whole, 0, 1)) if whole > 0 else 0.0)
