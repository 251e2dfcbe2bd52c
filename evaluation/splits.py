"""Holdout and folds that respect groups, time, equal rows and rare classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
MIN_ROWS = 8
N_STRATA = 10


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to learn from and of the rows to validate on."""

    train: Int
    valid: Int


def holdout_rows(
    outcome: Outcome,
    *,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
    duplicates: Int | None = None,
    fraction: float = 0.2,
    seed: int = 0,
) -> Bool:
    """Mask of the rows to hold out (n_samples,).

    Rows of one group, and rows equal in content, are on one side. With ``times`` the latest rows
    are held out. Otherwise the split is stratified, and the last row of a class stays in training.

    Raises:
        InputError: if there are too few rows, or all are in one group.
    """
    if not 0 < fraction < 1:
        raise InputError(f"The holdout's fraction must lie between 0 and 1, but is {fraction}.")
    _enough(outcome)
    clusters = _clusters(outcome.n_samples, groups, duplicates)
    strata = _strata(outcome)
    singles = _rows_of_classes_below(outcome, clusters, 2)
    mask = np.zeros(outcome.n_samples, dtype=bool)
    if times is not None:
        for cluster in _by_time(clusters, times)[::-1]:
            rows = np.flatnonzero(clusters == cluster)
            if mask.sum() + len(rows) > max(1, round(fraction * len(mask))) and mask.any():
                break
            mask[rows] = True
        return mask & ~singles
    n_parts = max(2, round(1 / fraction))
    part = _spread(clusters, strata, n_parts, seed)
    sizes = np.bincount(part, minlength=n_parts)
    chosen = int(np.argmin(np.abs(sizes - fraction * len(mask))))
    mask[part == chosen] = True
    return mask & ~singles


def make_folds(
    outcome: Outcome,
    *,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
    duplicates: Int | None = None,
    n_folds: int = 5,
    seed: int = 0,
) -> tuple[Fold, ...]:
    """Folds over all rows; with ``times`` each is validated on rows later than those it learns from.

    The rows of a class that stands in one cluster alone are in the training part of every fold and never validated, so
    that every fold's model knows every class.

    Raises:
        InputError: if there are too few rows, or all are in one group.
    """
    _enough(outcome)
    clusters = _clusters(outcome.n_samples, groups, duplicates)
    n_folds = min(n_folds, len(np.unique(clusters)))
    if times is not None:
        return _folds_in_time(outcome, clusters, times, n_folds)
    part = _spread(clusters, _strata(outcome), n_folds, seed)
    part[_rows_of_classes_below(outcome, clusters, 2)] = -1
    _keep_each_class_in_training(outcome, clusters, part)
    folds = [Fold(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(n_folds)]
    return tuple(fold for fold in folds if len(fold.valid))


def content_clusters(frame: pd.DataFrame, columns: Sequence[str]) -> Int:
    """Cluster of each row (n_samples,): rows that are equal in all ``columns`` share one."""
    if not columns:
        return np.arange(len(frame), dtype=np.int64)
    total = np.zeros(len(frame), dtype=np.uint64)
    for i, name in enumerate(columns):
        hashed = pd.util.hash_array(frame[name].map(_plain).astype(str).to_numpy(dtype=object), categorize=True)
        with np.errstate(over="ignore"):
            total = total * np.uint64(1_000_003) + hashed.astype(np.uint64) + np.uint64(i)
    return np.asarray(pd.factorize(total)[0], dtype=np.int64)


def folds_frame(folds: Sequence[Fold]) -> pd.DataFrame:
    """Folds as rows (fold, part, row); ``folds_from_frame`` reads them back."""
    parts = [
        pd.DataFrame({"fold": i, "part": name, "row": rows})
        for i, fold in enumerate(folds)
        for name, rows in (("train", fold.train), ("valid", fold.valid))
    ]
    return pd.concat(parts, ignore_index=True)


def folds_from_frame(frame: pd.DataFrame) -> tuple[Fold, ...]:
    """Read what ``folds_frame`` gave."""

    def rows(fold: int, part: str) -> Int:
        return frame.loc[(frame["fold"] == fold) & (frame["part"] == part), "row"].to_numpy(np.int64)

    return tuple(Fold(rows(i, "train"), rows(i, "valid")) for i in sorted(frame["fold"].unique()))


def _enough(outcome: Outcome) -> None:
    if outcome.n_samples < MIN_ROWS:
        raise InputError(
            f"There are only {outcome.n_samples} usable rows, but at least {MIN_ROWS} rows are needed to train, "
            "validate and score. Add rows, or check why the others have no usable target."
        )


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _clusters(n: int, groups: NDArray[Any] | None, duplicates: Int | None) -> Int:
    """Connected components of rows that share a group or a content; a missing group is a group of its own."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows, columns, offset = [], [], n
    for labels in (groups, duplicates):
        if labels is None:
            continue
        codes = pd.factorize(pd.Series(labels).astype("object").map(_plain), use_na_sentinel=True)[0]
        there = codes >= 0
        rows.append(np.flatnonzero(there))
        columns.append(offset + codes[there])
        offset += int(codes.max(initial=-1)) + 1
    if not rows:
        return np.arange(n, dtype=np.int64)
    r, c = np.concatenate(rows), np.concatenate(columns)
    graph = coo_matrix((np.ones(len(r)), (r, c)), shape=(offset, offset))
    clusters = np.asarray(connected_components(graph, directed=False)[1][:n], dtype=np.int64)
    if len(np.unique(clusters)) < 2:
        raise InputError(
            f"All {n} rows belong to one group (or are equal), so they cannot be split without a leak. Name another "
            "group column, or none."
        )
    return clusters


def _strata(outcome: Outcome) -> Int:
    if outcome.classes:
        return np.asarray(outcome.y, dtype=np.int64)
    ranks = pd.Series(outcome.y).rank(method="first").to_numpy()
    return np.asarray((ranks - 1) * min(N_STRATA, max(outcome.n_samples // 20, 1)) // outcome.n_samples, dtype=np.int64)


def _rows_of_classes_below(outcome: Outcome, clusters: Int, least: int) -> Bool:
    """Rows of classes that stand in fewer than ``least`` clusters."""
    if not outcome.classes:
        return np.zeros(outcome.n_samples, dtype=bool)
    pairs = pd.DataFrame({"y": outcome.y, "cluster": clusters}).drop_duplicates()
    counts = pairs["y"].value_counts()
    return np.asarray(counts.reindex(outcome.y).to_numpy() < least)


def _spread(clusters: Int, strata: Int, n_parts: int, seed: int) -> Int:
    """A part for each row: clusters, large ones first, go where their strata are rarest and rows are fewest."""
    order = np.random.default_rng(seed).permutation(int(clusters.max()) + 1)
    table = pd.DataFrame({"cluster": clusters, "stratum": strata})
    sizes = table.groupby("cluster").size()
    main = table.groupby("cluster")["stratum"].first()
    frame = pd.DataFrame({"size": sizes, "stratum": main, "order": order[sizes.index.to_numpy()]})
    frame = frame.sort_values(["size", "stratum", "order"], ascending=[False, True, True])
    filled = np.zeros(n_parts)
    per_stratum = np.zeros((int(strata.max()) + 1, n_parts))
    tie = np.random.default_rng(seed + 1)
    part_of = {}
    for cluster, size, stratum in zip(frame.index, frame["size"], frame["stratum"], strict=True):
        key = per_stratum[stratum] + 1e-3 * filled + 1e-6 * tie.random(n_parts)
        part = int(np.argmin(key))
        part_of[cluster] = part
        filled[part] += size
        per_stratum[stratum, part] += size
    return np.asarray(pd.Series(clusters).map(part_of).to_numpy(), dtype=np.int64)


def _keep_each_class_in_training(outcome: Outcome, clusters: Int, part: Int) -> None:
    """Move a cluster of a class that one part would validate whole, so that its model knows the class."""
    if not outcome.classes:
        return
    for code in np.unique(outcome.y):
        rows = np.flatnonzero((outcome.y == code) & (part >= 0))
        if len(rows) and len(np.unique(part[rows])) == 1 and not ((outcome.y == code) & (part < 0)).any():
            part[clusters == clusters[rows[0]]] = -1


def _by_time(clusters: Int, times: NDArray[Any]) -> list[int]:
    """Clusters by their latest row; a missing time counts as the earliest."""
    moments = pd.Series(pd.to_datetime(pd.Series(times), errors="coerce"))
    latest = moments.groupby(clusters).max()
    return [int(cluster) for cluster in latest.sort_values(kind="stable", na_position="first").index]


def _folds_in_time(outcome: Outcome, clusters: Int, times: NDArray[Any], n_folds: int) -> tuple[Fold, ...]:
    position = {cluster: i for i, cluster in enumerate(_by_time(clusters, times))}
    moment = np.array([position[cluster] for cluster in clusters])
    # The first block is twice as long as the others: the first model needs something to learn from.
    edges = np.append(np.quantile(moment, np.arange(2, n_folds + 2) / (n_folds + 2)), moment.max() + 1)
    always = _rows_of_classes_below(outcome, clusters, 2)
    folds = []
    for low, high in pairwise(edges):
        train = np.flatnonzero((moment < low) | always)
        valid = np.flatnonzero((moment >= low) & (moment < high) & ~always)
        if outcome.classes:
            valid = valid[np.isin(outcome.y[valid], np.unique(outcome.y[train]))]
        if len(train) and len(valid):
            folds.append(Fold(train, valid))
    if not folds:
        raise InputError(
            "The time column has too few different values to validate on later rows. Name none or another."
        )
    return tuple(folds)
