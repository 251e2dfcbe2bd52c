"""How well clusters agree with known labels, and what they have more of than all rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
N_RESAMPLES = 200
N_PERMUTATIONS = 20
ALPHA = 0.05
LEAST_LIFT = 1.2
CHANCE_CORRECTED = ("ami", "ari")  # these may be below 0
MAX_TRAITS = 8  # of a cluster


def clustering_accuracy(labels: Int, clusters: Int) -> float:
    """Share of rows whose cluster is the one assigned to their label, one to one (Hungarian method; Kuhn, 1955)."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(labels, clusters)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


def _of_sklearn(name: str) -> Callable[[Int, Int], float]:
    def score(labels: Int, clusters: Int) -> float:
        from sklearn import metrics

        return float(getattr(metrics, name)(labels, clusters))

    return score


# All are 1 for equal partitions; AMI and ARI are 0 by chance, the others above.
LABEL_SCORES: dict[str, Callable[[Int, Int], float]] = {
    "ami": _of_sklearn("adjusted_mutual_info_score"),
    "ari": _of_sklearn("adjusted_rand_score"),
    "nmi": _of_sklearn("normalized_mutual_info_score"),
    "v_measure": _of_sklearn("v_measure_score"),
    "homogeneity": _of_sklearn("homogeneity_score"),
    "completeness": _of_sklearn("completeness_score"),
    "accuracy": clustering_accuracy,
}


@dataclass(frozen=True)
class AgreementScore:
    """A score of clusters against labels with its 95 % interval."""

    name: str
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Trait:
    """What a cluster has more of: ``share`` of its rows against ``share_all`` of all rows have it.

    ``kind`` is ``value`` (of an attribute) or ``word`` (of a text); ``lift`` is the ratio of the shares, ``p_value``
    that of the hypergeometric test, multiplied by the number of tests (Bonferroni).
    """

    kind: str
    source: str
    name: str
    n_rows: int
    share: float
    share_all: float
    lift: float
    p_value: float


def agreement(
    labels: NDArray[Any], clusters: Int, *, seed: int, groups: NDArray[Any] | None = None
) -> tuple[AgreementScore, ...]:
    """``LABEL_SCORES`` over the rows with a label; a cluster of noise counts as one.

    The clusters are kept, and rows (or whole groups) are drawn: basic bootstrap intervals (Davison and Hinkley, 1997),
    because agreement is biased upwards in a resample, by as much as the interval turns it back.

    Args:
        labels: (n_samples,) of any type; None and NaN are unknown.
        clusters: (n_samples,).
        seed: of the draws.
        groups: (n_samples,) whose rows are drawn together; a missing one is a group of its own.

    Raises:
        InputError: if fewer than two labels are known, or almost every row has its own.
    """
    codes, names = pd.factorize(pd.Series(labels).map(str, na_action="ignore"))
    there = np.flatnonzero(codes >= 0)
    if len(names) < 2 or len(names) > max(2, len(there) // 2):
        raise InputError(
            f"Labels to compare clusters with need two values or more, each of several rows, but {len(there)} rows "
            f"have {len(names)}. Name another column."
        )
    known, found = codes[there].astype(np.int64), clusters[there]
    draws = _draws(len(there), None if groups is None else np.asarray(groups)[there], seed)
    result = []
    for name, score in LABEL_SCORES.items():
        whole = score(known, found)
        low, high = np.quantile([score(known[rows], found[rows]) for rows in draws], [0.025, 0.975])
        ends = np.clip([2 * whole - high, 2 * whole - low], -1.0 if name in CHANCE_CORRECTED else 0.0, 1.0)
        result.append(AgreementScore(name, whole, float(ends[0]), float(ends[1])))
    return tuple(result)


def mean_interval(values: Float, *, seed: int, groups: NDArray[Any] | None = None) -> tuple[float, float]:
    """Percentile bootstrap interval (95 %) of the mean of the finite values (n_samples,)."""
    there = np.flatnonzero(np.isfinite(values))
    if len(there) < 2:
        return float("nan"), float("nan")
    kept = values[there]
    draws = _draws(len(there), None if groups is None else np.asarray(groups)[there], seed)
    low, high = np.quantile([kept[rows].mean() for rows in draws], [0.025, 0.975])
    return float(low), float(high)


def equal_texts_together(texts: Sequence[str], clusters: Int, *, seed: int) -> tuple[int, float, float]:
    """Of rows whose text another row has, too: their number, the share with all copies in one cluster, and by chance.

    Chance is the mean over ``N_PERMUTATIONS`` permutations of the clusters; both shares are NaN without such rows.
    """
    codes = pd.factorize(np.array([text or None for text in texts], dtype=object))[0].astype(np.int64)
    counts = np.bincount(codes[codes >= 0]) if (codes >= 0).any() else np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero((codes >= 0) & (counts[np.maximum(codes, 0)] > 1)) if len(counts) else np.zeros(0, np.int64)
    if not len(rows):
        return 0, float("nan"), float("nan")

    def share(of: Int) -> float:
        frame = pd.DataFrame({"text": codes[rows], "cluster": of[rows]})
        return float((frame.groupby("text")["cluster"].transform("nunique") == 1).mean())

    rng = np.random.default_rng(seed)
    chance = np.mean([share(rng.permutation(clusters)) for _ in range(N_PERMUTATIONS)])
    return len(rows), share(clusters), float(chance)


def over_represented(
    present: Bool, traits: Sequence[tuple[str, str, str]], clusters: Int, n_most: int = MAX_TRAITS
) -> list[list[Trait]]:
    """For each cluster what it surely has more of than the other rows, clearest first.

    Args:
        present: (n_samples, n_traits).
        traits: kind, source and name of each column.
        clusters: (n_samples,); -1 is no cluster of its own, but its rows count among all.
        n_most: traits of a cluster.
    """
    from scipy.stats import hypergeom

    n, n_clusters = len(clusters), int(clusters.max(initial=-1)) + 1
    if not present.shape[1] or n_clusters < 2:
        return [[] for _ in range(n_clusters)]
    overall = present.sum(axis=0).astype(np.int64)
    tests = n_clusters * present.shape[1]
    result = []
    for cluster in range(n_clusters):
        rows = clusters == cluster
        size = int(rows.sum())
        inside = present[rows].sum(axis=0).astype(np.int64)
        share, share_all = inside / size, overall / n
        lift = np.divide(share, share_all, out=np.zeros_like(share), where=share_all > 0)
        p = np.minimum(1.0, hypergeom.sf(inside - 1, n, overall, size) * tests)
        order = [i for i in np.lexsort((-lift, p)) if p[i] < ALPHA and lift[i] >= LEAST_LIFT][:n_most]
        numbers = np.column_stack([share, share_all, lift, p])[order].tolist()
        named = [(traits[int(i)], int(inside[i])) for i in order]
        result.append([Trait(*of, n_rows, *row) for (of, n_rows), row in zip(named, numbers, strict=True)])
    return result


def _draws(n: int, groups: NDArray[Any] | None, seed: int) -> list[Int]:
    """Rows of ``N_RESAMPLES`` draws with replacement, of whole groups where there are some."""
    rng = np.random.default_rng(seed)
    if groups is None:
        return [rng.integers(0, n, n) for _ in range(N_RESAMPLES)]
    units = np.asarray(pd.factorize(groups)[0], dtype=np.int64)
    lone = units < 0
    units[lone] = units.max(initial=-1) + 1 + np.arange(int(lone.sum()))
    n_units = int(units.max()) + 1
    counts = (np.bincount(rng.integers(0, n_units, n_units), minlength=n_units) for _ in range(N_RESAMPLES))
    return [rows if len(rows := np.repeat(np.arange(n), count[units])) else np.arange(n) for count in counts]
