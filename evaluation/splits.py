"""Holdout and folds that keep groups, equal rows and time whole, and every class known in training.

The unit of a split is the cluster: rows joined by a common group or by equal content, however indirectly. Where two
wishes cannot both be met, the order is: no cluster is cut; nothing is learned from rows later than those it is judged
on; training knows every class; shares of classes (or of target quantiles) and sizes are even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import ArtifactError, InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.dealing import NOWHERE, deal, smallest_sparable
from evaluation.row_clusters import content_clusters, joined_clusters

__all__ = [
    "Fold",
    "content_clusters",
    "folds_frame",
    "folds_from_frame",
    "holdout_rows",
    "in_pairs",
    "make_folds",
    "n_pairs",
    "pair_of",
]

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Float = NDArray[np.float64]

MIN_ROWS = 8  # of which a holdout can be split off
MIN_ROWS_OF_FOLDS = 4  # two to learn from and two to validate on
MAX_STRATA = 10  # quantiles of a number
LEAST_TO_PAIR = 8  # folds: of fewer, a pair would leave too little to learn from
LOST_SHARE = 0.01  # of the rows


@dataclass(frozen=True)
class Fold:
    """Positions (int64, ascending) of the rows to learn from and of the rows to validate on."""

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
    """Mask (n_samples,) of the rows to hold out, as near to ``fraction`` of the rows as whole clusters allow.

    Without ``times`` the holdout is stratified, and training keeps at least one row of each class: the row of a class
    with one row is never held out. With ``times`` the clusters with the latest rows are held out, whatever their class;
    training rows are all earlier than the latest row of every held-out cluster, and rows without a time are the
    earliest. A cluster larger than the holdout stays in training, where there are smaller ones.

    Args:
        outcome: the targets.
        groups: (n_samples,) labels; rows of one label stay together, a missing label is a group of its own.
        times: (n_samples,) numbers, dates or text of dates.
        duplicates: (n_samples,) cluster labels of rows of equal content, see ``content_clusters``.
        fraction: of the rows, between 0 and 1.
        seed: of the choice; unused with ``times``.

    Raises:
        InputError: if there are fewer than ``MIN_ROWS`` rows, or all of them belong together.
    """
    if not 0 < fraction < 1:
        raise InputError(f"The holdout's fraction must lie between 0 and 1, but is {fraction}.")
    _check_rows(outcome, MIN_ROWS)
    clusters = joined_clusters(outcome.n_samples, groups, duplicates)
    if times is not None:
        moment = _moments(times, outcome.n_samples)
        latest = _latest(clusters, moment)
        return np.asarray(latest >= _cuts(latest, np.array([1.0 - fraction]))[0], dtype=bool)
    strata = _strata(outcome, max(1, min(MAX_STRATA, int(outcome.n_samples * fraction) // 2)))
    part = deal(clusters, strata, np.array([1.0 - fraction, fraction]), seed, spared=_spared(outcome, [False, True]))
    mask = np.asarray(part == 1, dtype=bool)
    if not mask.any():
        mask = clusters == smallest_sparable(clusters, strata, whole=_has_classes(outcome))
    if not mask.any():
        raise InputError(
            "No row can be held out: every group holds all rows of some class. Name another group column, merge rare "
            "classes, or name a labelled test file."
        )
    return mask


def make_folds(
    outcome: Outcome,
    *,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
    duplicates: Int | None = None,
    n_folds: int = 5,
    seed: int = 0,
) -> tuple[Fold, ...]:
    """Folds; at most ``n_folds``, fewer where there are fewer clusters or different times.

    Without ``times`` the folds are stratified and each fold learns from all rows that it does not validate. Rows are
    validated once, but for clusters that hold all rows of a class (as the row of a class with one row does): these are
    in the training part of every fold and never validated, so that each fold's model knows every class.

    With ``times`` the folds are windows in time order, each validated by a model of the rows before it. Every training
    row is strictly earlier than every validated row. The earliest rows, and those without a time, are never validated;
    rows of a cluster that reaches into a window are left out of that fold where they are older. Classes that a window
    has first are unknown to its model, as they would have been then.

    Args:
        outcome: the targets.
        groups: as for ``holdout_rows``.
        times: as for ``holdout_rows``.
        duplicates: as for ``holdout_rows``.
        n_folds: how many, at least 2.
        seed: of the choice; unused with ``times``.

    Raises:
        InputError: if there are fewer than ``MIN_ROWS_OF_FOLDS`` rows, or all of them belong together or have one time.
    """
    if n_folds < 2:
        raise InputError(f"n_folds must be 2 or more, but is {n_folds}.")
    _check_rows(outcome, MIN_ROWS_OF_FOLDS)
    clusters = joined_clusters(outcome.n_samples, groups, duplicates)
    if times is not None:
        return _folds_in_time(clusters, _moments(times, outcome.n_samples), n_folds)
    n_folds = min(n_folds, int(clusters.max()) + 1)
    strata = _strata(outcome, max(1, min(MAX_STRATA, outcome.n_samples // (2 * n_folds))))
    part = deal(clusters, strata, np.full(n_folds, 1.0 / n_folds), seed, spared=_spared(outcome, [True] * n_folds))
    used = np.unique(part[part != NOWHERE])
    if len(used) < 2:
        raise InputError(
            "The rows cannot be folded: nearly every row or group holds all rows of some class. Name another group "
            "column, merge rare classes, or use a regression."
        )
    return tuple(Fold(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in used)


def n_pairs(n_folds: int) -> int:
    """How many folds ``in_pairs`` leaves of so many, where it joins any."""
    return n_folds // 2 if n_folds >= LEAST_TO_PAIR and n_folds % 4 == 0 else n_folds


def pair_of(fold: int, n_folds: int, n_models: int) -> int:
    """Which of ``n_models`` models is that of a fold: of no fewer than folds its own, else that of its pair.

    Folds of a pair are both even or both odd: 0 and 2, 1 and 3, and so on. So two halves of the folds, the even ones
    and the odd ones, have no model in common.
    """
    return fold if n_models >= n_folds else 2 * (fold // 4) + fold % 2


def in_pairs(folds: Sequence[Fold], outcome: Outcome) -> tuple[Fold, ...]:
    """Two folds joined to one, which validates the rows of both and learns from the rows that both learn from.

    For models that take minutes: half as many fits, each of somewhat fewer rows, all of which either fold learns from.
    The folds as they are where they are fewer than ``LEAST_TO_PAIR`` or no multiple of four, so that pairs would not
    weigh the same; where they are in the order of time, so that the later one learns from rows that the earlier one
    validates; where a pair would learn from less than half of the rows, as of large groups; and where more than
    ``LOST_SHARE`` of the rows would be of a class that the model which validates them does not know.

    Args:
        folds: of one split.
        outcome: of all rows.
    """
    n, n_joined = len(folds), n_pairs(len(folds))
    rows = [np.union1d(fold.train, fold.valid) for fold in folds]
    if n_joined == n or any(not np.array_equal(one, rows[0]) for one in rows):
        return tuple(folds)
    parts = [[fold for i, fold in enumerate(folds) if pair_of(i, n, n_joined) == pair] for pair in range(n_joined)]
    pairs = tuple(
        Fold(
            np.intersect1d(one.train, other.train).astype(np.int64),
            np.sort(np.concatenate([one.valid, other.valid])),
        )
        for one, other in parts
    )
    fair = all(2 * len(pair.train) >= len(rows[0]) for pair in pairs)
    return pairs if fair and _n_lost(pairs, outcome) <= LOST_SHARE * len(rows[0]) else tuple(folds)


def _n_lost(folds: Sequence[Fold], outcome: Outcome) -> int:
    """Rows of classes that a fold validates and does not learn."""
    if not _has_classes(outcome):
        return 0
    return sum(int((~np.isin(outcome.y[fold.valid], outcome.y[fold.train])).sum()) for fold in folds)


def folds_frame(folds: Sequence[Fold]) -> pd.DataFrame:
    """Folds as rows (fold, part, row) for a parquet file; ``folds_from_frame`` reads them back."""
    parts = [
        pd.DataFrame({"fold": i, "part": part, "row": rows})
        for i, fold in enumerate(folds)
        for part, rows in (("train", fold.train), ("valid", fold.valid))
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"fold": [], "part": [], "row": []})


def folds_from_frame(frame: pd.DataFrame) -> tuple[Fold, ...]:
    """Read what ``folds_frame`` gave.

    Raises:
        ArtifactError: if it is not such a frame.
    """
    if not {"fold", "part", "row"} <= set(frame.columns):
        raise ArtifactError(
            f"Stored folds need the columns fold, part and row, but have {list(frame.columns)}. Run fit again."
        )
    parts = {key: rows.to_numpy(np.int64) for key, rows in frame.groupby(["fold", "part"])["row"]}
    empty = np.zeros(0, dtype=np.int64)
    numbers = sorted(frame["fold"].unique())
    return tuple(Fold(parts.get((i, "train"), empty), parts.get((i, "valid"), empty)) for i in numbers)


def _check_rows(outcome: Outcome, least: int) -> None:
    if outcome.n_samples < least:
        raise InputError(
            f"There are only {outcome.n_samples} usable rows, but at least {least} rows are needed to train and "
            "validate. Add rows, or check why the others have no usable target."
        )


# -- stratified ------------------------------------------------------------------------------------


def _has_classes(outcome: Outcome) -> bool:
    return outcome.kind in (Kind.BINARY, Kind.MULTICLASS)


def _spared(outcome: Outcome, parts: list[bool]) -> Bool:
    """Which parts may not take a whole class."""
    return np.array(parts) & _has_classes(outcome)


def _strata(outcome: Outcome, n_quantiles: int) -> Int:
    """The class; the rarest label that a row has; or the quantile of a number."""
    if _has_classes(outcome):
        return np.asarray(pd.factorize(outcome.y)[0], dtype=np.int64)
    if outcome.kind is Kind.MULTILABEL:
        count = np.where(outcome.y > 0, outcome.y.sum(axis=0), np.inf)
        rarest = np.where(np.isfinite(count).any(axis=1), count.argmin(axis=1), outcome.y.shape[1])
        return np.asarray(rarest, dtype=np.int64)
    ranks = pd.Series(outcome.y).rank(method="average").to_numpy()
    return np.asarray((ranks - 0.5) / outcome.n_samples * n_quantiles, dtype=np.int64)


# -- in time ---------------------------------------------------------------------------------------


def _moments(times: NDArray[Any], n: int) -> Float:
    """Rank of each row's time, equal for equal times; below all others for a missing one."""
    if len(times) != n:
        raise InputError(f"times must have one value for each of the {n} rows, but has {len(times)}.")
    values = pd.Series(np.asarray(times))
    if not pd.api.types.is_numeric_dtype(values):
        values = pd.to_datetime(values, errors="coerce", utc=True)
    ranks = values.rank(method="dense").fillna(0.0).to_numpy(np.float64)
    if len(np.unique(ranks)) < 2:
        raise InputError(
            "All rows have one time or none, so there is no later part to validate on. Name no time column."
        )
    return np.asarray(ranks, dtype=np.float64)


def _latest(clusters: Int, moment: Float) -> Float:
    """Of each row the latest time of its cluster."""
    latest = np.full(int(clusters.max()) + 1, -np.inf)
    np.maximum.at(latest, clusters, moment)
    return np.asarray(latest[clusters])


def _cuts(latest: Float, shares: Float) -> Float:
    """Times at which about ``shares`` of the rows are earlier; never the first one, so that some rows are."""
    known, counts = np.unique(latest, return_counts=True)
    if len(known) < 2:
        raise InputError(
            "All rows belong to groups that reach to one latest time, so they cannot be split in time without a leak. "
            "Name either a group column or a time column."
        )
    earlier = np.cumsum(counts)[:-1] / len(latest)  # share of the rows before known[1:]
    nearest = np.abs(earlier[None, :] - shares[:, None]).argmin(axis=1)
    return np.asarray(np.unique(known[1:][nearest]))


def _folds_in_time(clusters: Int, moment: Float, n_folds: int) -> tuple[Fold, ...]:
    latest = _latest(clusters, moment)
    # The first window is only learned from, and twice as long: the first model needs something to learn from.
    starts = _cuts(latest, np.arange(2, n_folds + 2, dtype=np.float64) / (n_folds + 2))
    folds = []
    for start, end in zip(starts, np.append(starts[1:], np.inf), strict=True):
        train = latest < start
        newest = moment[train].max()
        valid = (latest >= start) & (latest < end) & (moment > newest)
        folds.append(Fold(np.flatnonzero(train), np.flatnonzero(valid)))
    return tuple(folds)
