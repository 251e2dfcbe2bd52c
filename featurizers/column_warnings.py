"""Warnings about columns before anything is fitted: leaks of the target, likely groups, repeated ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.finding import Audit
from artifacts.outcome import has_target
from artifacts.schema import Column, Kind, Modality
from artifacts.task import Task
from featurizers.categories import labels_of
from featurizers.hierarchy import path_down, path_separator, split_paths
from featurizers.numbers import to_numbers

LEAK_ROWS = 200  # with fewer, chance alone makes perfect columns
MAX_ROWS = 2000
ALMOST_PERFECT = 0.99
SEED = 0  # warnings change no result: init, audit and fits of any seed say the same of a table

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

_GROUP_NAME = re.compile(
    r"author|user|seller|shop|store|brand|vendor|owner|customer|client|publisher|channel|group|session|building|zip|"
    r"street|автор|магазин|продав|бренд|улица|(?:^|_)id$|(?<=[a-z])Id$",
    re.IGNORECASE,
)


def warn_of_leaks(frame: pd.DataFrame, columns: tuple[Column, ...], task: Task, audit: Audit) -> None:
    """Add ``looks_like_leak`` for every numeric or categorical column that almost alone gives the target.

    Half of the rows teach, the other half are predicted: numbers by what lies nearest, categories
    by their mean or most frequent class; of category paths, each level is tried. Needs ``LEAK_ROWS``
    rows with a target.
    """
    if not has_target(frame, task):
        return
    known = np.flatnonzero(_known_targets(frame, task))
    if len(known) < LEAK_ROWS:
        return
    rows = np.random.default_rng(SEED).permutation(known)[:MAX_ROWS]
    target, classes = _target(frame, rows, task)
    ranks: Float = np.asarray(pd.Series(target).rank(), dtype=np.float64)  # so that a few far values do not hide a leak
    for column in columns:
        if column.modality not in (Modality.NUMERIC, Modality.CATEGORICAL):
            continue
        score, level = -np.inf, ""
        for part, values in _levels(frame[column.name].iloc[rows], column.modality):
            known_values = _numbers_or_codes(values, column.modality)
            found = _accuracy_gain(known_values, target) if classes else _best_r2(known_values, target, ranks)
            score, level = max((score, level), (found, part), key=lambda pair: pair[0])
        if score > ALMOST_PERFECT:
            details = f"{'skill' if classes else 'R2'} {score:.3f}{level}"
            audit.add("looks_like_leak", column=column.name, details=details, total=len(frame), count=1)


def warn_of_training_only(
    frame: pd.DataFrame, columns: Iterable[Column], test_names: Iterable[str], task: Task, audit: Audit
) -> None:
    """Add ``leak_in_training_only`` for categories that the test rows lack and that say what the target is.

    Such a column, or a level of it if it holds category paths, leaves next to nothing of the target
    open among the rows that share a value. Any number of rows will do, but most must share theirs.
    """
    if not has_target(frame, task):
        return
    known = np.flatnonzero(_known_targets(frame, task))
    test_has = set(test_names)
    for column in columns:
        if column.name in test_has or column.modality is not Modality.CATEGORICAL or not len(known):
            continue
        target, classes = _target(frame, known, task)
        for part, values in _levels(frame[column.name].iloc[known], column.modality):
            codes = pd.factorize(np.array(labels_of(values), dtype=object))[0]
            score = _settled(codes, target, classes)
            if score > ALMOST_PERFECT:
                details = f"{score:.1%}{part}"
                audit.add("leak_in_training_only", column=column.name, details=details, count=1, total=len(frame))
                break


def _levels(values: pd.Series[Any], modality: Modality) -> Iterator[tuple[str, pd.Series[Any]]]:
    """The values themselves and, if they are category paths, cut to each of their upper levels."""
    yield "", values
    separator = path_separator(values) if modality is Modality.CATEGORICAL else None
    if separator is None:
        return
    paths = [path_down(levels) for levels in split_paths(values, separator)]
    for k in range(1, max(map(len, paths))):
        cut = [path[min(k, len(path)) - 1] if path else None for path in paths]
        yield f" by level {k}", pd.Series(cut, index=values.index, dtype=object)


def _settled(codes: Codes, target: Float, classes: bool) -> float:
    """How much of the target is settled within rows of one code, above chance; NaN if hardly any rows share one."""
    counts = np.bincount(codes[codes >= 0], minlength=1)
    shared = (codes >= 0) & (counts[codes] > 1)
    if shared.sum() < max(20, 0.5 * len(codes)):
        return float("nan")
    code, y = codes[shared], target[shared]
    if classes:
        pairs, times = np.unique(np.stack([code.astype(np.float64), y]), axis=1, return_counts=True)
        most = pd.Series(times).groupby(pairs[0]).max().sum() / len(y)
        base = np.unique(y, return_counts=True)[1].max() / len(y)
        return float((most - base) / (1 - base)) if base < 1 else float("nan")
    means = np.bincount(code, weights=y) / np.maximum(np.bincount(code), 1)
    spread = float(np.sum((y - y.mean()) ** 2))
    return 1 - float(np.sum((y - means[code]) ** 2)) / spread if spread > 0 else float("nan")


def warn_of_groups(frame: pd.DataFrame, columns: tuple[Column, ...], task: Task, audit: Audit) -> None:
    """Add ``looks_like_group`` for columns such as authors or shops, if the task names no group."""
    if not task.columns.group:
        warn_of_group_columns(frame, columns, audit)


def warn_of_group_columns(frame: pd.DataFrame, columns: tuple[Column, ...], audit: Audit) -> None:
    """Add ``looks_like_group`` for columns such as authors or shops."""
    for column in columns:
        if column.modality is not Modality.CATEGORICAL or not _GROUP_NAME.search(column.name):
            continue
        labels = [label for label in labels_of(frame[column.name]) if label is not None]
        distinct = len(set(labels))
        if distinct >= 10 and len(labels) >= 1.5 * distinct:
            details = f"{distinct} values in {len(labels)} rows"
            audit.add(
                "looks_like_group", column=column.name, details=details, example=repr(column.name), count=distinct
            )


def warn_of_repeated_ids(frame: pd.DataFrame, task: Task, audit: Audit) -> None:
    """Add ``duplicate_ids`` if the id column that the task names has a value twice."""
    name = task.columns.id
    if name is None or name not in frame:
        return
    labels = pd.Series(labels_of(frame[name]), index=frame.index, dtype=object)
    repeated = (labels.duplicated(keep=False) & labels.notna()).to_numpy()
    if repeated.any():
        audit.add("duplicate_ids", column=name, rows=frame.index[repeated], total=len(frame))


def _known_targets(frame: pd.DataFrame, task: Task) -> NDArray[np.bool_]:
    target = task.target
    if target.kind is Kind.CONVERSION:
        trials, _ = to_numbers(frame[target.trials or ""])
        counts = [to_numbers(frame[name])[0] for name in target.success_weights]
        return np.asarray((trials > 0) & np.isfinite(np.sum(counts, axis=0)))
    if target.kind is Kind.REGRESSION:
        return np.isfinite(to_numbers(frame[target.column or ""])[0])
    return frame[target.column or ""].notna().to_numpy()


def _target(frame: pd.DataFrame, rows: Codes, task: Task) -> tuple[Float, bool]:
    """Values or class codes (n_rows,), and whether they are classes."""
    target = task.target
    if target.kind is Kind.CONVERSION:
        trials = to_numbers(frame[target.trials or ""].iloc[rows])[0]
        weights = target.success_weights
        successes = [weight * to_numbers(frame[name].iloc[rows])[0] for name, weight in weights.items()]
        return np.asarray(np.sum(successes, axis=0) / trials), False
    values = frame[target.column or ""].iloc[rows]
    if target.kind is Kind.REGRESSION:
        return to_numbers(values)[0], False
    return pd.factorize(np.array([str(label) for label in labels_of(values)]))[0].astype(np.float64), True


def _numbers_or_codes(values: pd.Series[Any], modality: Modality) -> Float | Codes:
    """Numbers as float64, missing ones far below all others; categories as int64 codes."""
    if modality is Modality.NUMERIC:
        numbers, _ = to_numbers(values)
        return np.where(np.isnan(numbers), -1e300, numbers)
    return pd.factorize(np.array([str(label) for label in labels_of(values)]))[0].astype(np.int64)


def _best_r2(values: Float | Codes, target: Float, ranks: Float) -> float:
    return max(_r2(values, y) for y in (target, ranks))


def _halves(values: NDArray[Any], target: Float) -> tuple[NDArray[Any], Float, NDArray[Any], Float]:
    half = len(target) // 2
    return values[:half], target[:half], values[half:], target[half:]


def _r2(values: Float | Codes, target: Float) -> float:
    x, y, new, truth = _halves(values, target)
    spread = float(np.sum((truth - truth.mean()) ** 2))
    if spread <= 0:
        return 0.0
    at, inverse = np.unique(x, return_inverse=True)
    means = np.bincount(inverse, weights=y) / np.bincount(inverse)
    predicted = np.interp(new, at, means)
    if values.dtype == np.int64:  # codes have no order: what was not seen gets the mean
        place = np.clip(np.searchsorted(at, new), 0, len(at) - 1)
        predicted = np.where(at[place] == new, means[place], y.mean())
    return 1 - float(np.sum((truth - predicted) ** 2)) / spread


def _accuracy_gain(values: Float | Codes, target: Float) -> float:
    """Accuracy over that of the most frequent class, as a share of what was to gain."""
    x, y, new, truth = _halves(values, target)
    usual = np.bincount(y.astype(np.int64)).argmax()
    base = float(np.mean(truth == usual))
    if base >= 1:
        return 0.0
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    pairs, counts = np.unique(np.stack([x.astype(np.float64), y]), axis=1, return_counts=True)
    best = np.lexsort((-counts, pairs[0]))
    at, first = np.unique(pairs[0][best], return_index=True)
    classes = pairs[1][best][first]
    place = np.clip(np.searchsorted(at, new), 0, len(at) - 1)
    before = np.maximum(place - 1, 0)
    nearest = np.where(np.abs(at[before] - new) < np.abs(at[place] - new), before, place)
    predicted = classes[nearest]
    if values.dtype == np.int64:
        predicted = np.where(at[nearest] == new, predicted, usual)
    return (float(np.mean(truth == predicted)) - base) / (1 - base)
