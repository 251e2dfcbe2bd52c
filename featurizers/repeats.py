"""Rows that repeat each other in one column, as clusters and as findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.finding import MAX_ROWS_NAMED, Audit
from artifacts.schema import Column
from featurizers.near_duplicates import groups_of, repeated

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

MAX_GROUPS = 10  # named in a finding
MOST_COPIES = 15  # training rows of one content, up to which a test row is their copy; more hold a formula
COMMON = 5  # rows with one content, from which on it is called a placeholder if it is also ...
COMMON_SHARE = 0.005  # ... this share of the rows


@dataclass(frozen=True)
class Repeats:
    """Cluster of each row (n_samples,) by equal content, and by content equal or nearly alike; -1 without content."""

    exact: Int
    near: Int


def report_repeats(
    repeats: Repeats, index: pd.Index[Any], column: Column, n_train: int, audit: Audit, what: str
) -> None:
    """Add findings about repeats within the rows and across the split.

    ``what`` is ``image`` or ``text``: codes are ``{what}_repeated``, ``{what}_nearly_repeated``, ``{what}_everywhere``,
    ``{what}_in_train`` and ``{what}_nearly_in_train``. A row is named under the stronger of exact and near.
    """
    _everywhere(repeats.exact, index, column, audit, what)
    exact = repeated(repeats.exact)
    near = repeated(repeats.near) & ~exact
    for code, mask, clusters in (
        (f"{what}_repeated", exact, repeats.exact),
        (f"{what}_nearly_repeated", near, _of_different(repeats, near)),
    ):
        if mask.any():
            groups = groups_of(clusters, most=MAX_GROUPS)
            audit.add(
                code,
                column=column.name,
                rows=[index[row] for row in _named(mask, groups)],
                count=int(mask.sum()),
                total=len(index),
                groups=[[str(index[row]) for row in group] for group in groups],
            )
    _across(repeats, index, column, n_train, audit, what)


def _of_different(repeats: Repeats, near: Bool) -> Int:
    """The clusters that hold ``near`` rows, each with one row of every content; -1 elsewhere."""
    known = np.flatnonzero(repeats.exact >= 0)
    _, first = np.unique(repeats.exact[known], return_index=True)
    kept = known[first]
    kept = kept[np.isin(repeats.near[kept], repeats.near[near])]
    clusters = np.full(len(near), -1, dtype=np.int64)
    clusters[kept] = repeats.near[kept]
    return clusters


def _named(mask: Bool, groups: list[list[int]]) -> list[int]:
    """Rows of the groups first, so that the rows that a finding names belong together."""
    rows = [row for group in groups for row in group]
    if len(rows) < MAX_ROWS_NAMED:
        rows += [row for row in np.flatnonzero(mask)[:MAX_ROWS_NAMED].tolist() if row not in rows]
    return rows[:MAX_ROWS_NAMED]


def _everywhere(exact: Int, index: pd.Index[Any], column: Column, audit: Audit, what: str) -> None:
    known = exact[exact >= 0]
    if not len(known):
        return
    counts = np.bincount(known)
    most = int(counts.argmax())
    if counts[most] >= max(COMMON, COMMON_SHARE * len(index)):
        rows = np.flatnonzero(exact == most)
        audit.add(f"{what}_everywhere", column=column.name, rows=index[rows], total=len(index))


def twins_in_train(clusters: Int, n_train: int) -> Int:
    """For each row behind the first ``n_train``, the first training row of its cluster; -1 where there is none."""
    train, rest = clusters[:n_train], clusters[n_train:]
    twins = np.full(len(rest), -1, dtype=np.int64)
    known = np.flatnonzero(train >= 0)
    codes, first = np.unique(train[known], return_index=True)
    if not len(codes) or not len(rest):
        return twins
    place = np.clip(np.searchsorted(codes, rest), 0, len(codes) - 1)
    found = (codes[place] == rest) & (rest >= 0)
    twins[found] = known[first[place[found]]]
    return twins


def _few(clusters: Int, n_train: int) -> Int:
    """The clusters with at most ``MOST_COPIES`` training rows; -1 elsewhere."""
    train = clusters[:n_train]
    counts = np.bincount(train[train >= 0], minlength=int(clusters.max(initial=0)) + 1)
    return np.where(counts[np.maximum(clusters, 0)] <= MOST_COPIES, clusters, -1)


def _across(repeats: Repeats, index: pd.Index[Any], column: Column, n_train: int, audit: Audit, what: str) -> None:
    exact = twins_in_train(_few(repeats.exact, n_train), n_train)
    near = np.where(
        twins_in_train(repeats.exact, n_train) < 0, twins_in_train(_few(repeats.near, n_train), n_train), -1
    )
    for code, twins in ((f"{what}_in_train", exact), (f"{what}_nearly_in_train", near)):
        rows = np.flatnonzero(twins >= 0)
        if len(rows):
            pairs = [[str(index[n_train + row]), str(index[twins[row]])] for row in rows[:MAX_GROUPS]]
            audit.add(
                code,
                column=column.name,
                rows=index[n_train + rows],
                total=len(index) - n_train,
                groups=pairs,
                example=f"{pairs[0][0]} = {pairs[0][1]}",
            )
