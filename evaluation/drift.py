"""Do test rows come from where training rows come from? A classifier two-sample test (Lopez-Paz and Oquab 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.audit_report import Drift, DriftColumn
from artifacts.outcome import Outcome
from artifacts.schema import Kind, Title
from evaluation.intervals import bootstrap_interval
from evaluation.metrics import METRICS
from evaluation.target_distribution import plain_number

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

FOLDS = 3
MOST_COLUMNS = 5  # named
LEAST_ROWS = 30  # of each side
NOTICEABLE = 0.55  # the lower end of the interval, from which on drift is reported
COLUMN_NOTICEABLE = 0.55
LEAST_APART = 0.03  # of a feature's own AUC from 0.5; a smaller difference explains nothing
_ROUNDS = 60


def two_sample_test(
    features: NDArray[np.float32],
    is_test: Bool,
    sources: Sequence[str],
    titles: Sequence[tuple[Title, str]],
    *,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Drift | None:
    """The AUC of boosted trees that tell test from training rows, predicted out of fold; None with too few rows.

    Args:
        features: (n_samples, n_features), NaN where there is no value.
        is_test: (n_samples,).
        sources: the column of each feature; for the columns that the trees use most, an AUC of each alone is measured.
        titles: title and kind (``number``, ``date``, ``flag``) of each feature.
        groups: (n_samples,) rows of one group stay in one fold. Rows that repeat each other must share one: a
            split that keeps them on one side would pass for drift, as the trees would know the repeats again.
        seed: of folds, trees and resamples.
    """
    n_test = int(is_test.sum())
    if min(n_test, len(is_test) - n_test) < LEAST_ROWS or not features.shape[1]:
        return None
    fold = _folds(is_test, groups, seed)
    predicted, gains = _out_of_fold(features, is_test, fold, seed)
    outcome = Outcome(Kind.BINARY, is_test.astype(np.int64), (False, True), 2)
    both = np.stack([1 - predicted, predicted], axis=1)
    auc, low, high = bootstrap_interval(METRICS["roc_auc"], outcome, both, seed=seed, n=200)
    names = np.asarray(sources, dtype=object)
    by_source = pd.Series(gains).groupby(names).sum().sort_values(ascending=False)
    columns = []
    for name in by_source.index[by_source > 0][:MOST_COLUMNS] if low > NOTICEABLE else []:
        own = np.flatnonzero(names == name)
        alone, _ = _out_of_fold(features[:, own], is_test, fold, seed)
        score = _auc(is_test, alone)
        if score >= COLUMN_NOTICEABLE:
            columns.append(_described(str(name), score, features[:, own], is_test, [titles[int(i)] for i in own]))
    columns.sort(key=lambda column: -column.auc)
    return Drift(auc, low, high, len(is_test) - n_test, n_test, tuple(columns))


def _folds(is_test: Bool, groups: NDArray[np.int64] | None, seed: int) -> NDArray[np.int64]:
    """Fold of each row; each side is spread evenly over the folds as far as groups allow."""
    rng = np.random.default_rng(seed)
    codes = np.arange(len(is_test)) if groups is None else np.unique(groups, return_inverse=True)[1]
    share = np.bincount(codes, is_test) / np.bincount(codes)
    fold = np.empty(len(share), dtype=np.int64)
    fold[np.lexsort((rng.random(len(share)), np.bincount(codes), share > 0.5))] = np.arange(len(share)) % FOLDS
    return np.asarray(fold[codes], dtype=np.int64)


def _out_of_fold(
    features: NDArray[np.float32], is_test: Bool, fold: NDArray[np.int64], seed: int
) -> tuple[Float, Float]:
    """Probability of test (n_samples,) and the gain of each feature (n_features,)."""
    import lightgbm

    parameters: dict[str, Any] = {
        "objective": "binary", "num_leaves": 15, "learning_rate": 0.1, "max_bin": 63, "min_data_in_leaf": 10,
        "feature_fraction": 0.8, "verbosity": -1, "seed": seed, "deterministic": True,
        "num_threads": 1,  # so few rows gain nothing from threads, which wait for each other on a busy machine
    }  # fmt: skip
    predicted = np.empty(len(is_test))
    gains = np.zeros(features.shape[1])
    for number in range(FOLDS):
        train = fold != number
        data = lightgbm.Dataset(features[train], is_test[train].astype(np.float32), params={"verbosity": -1})
        booster = lightgbm.train(parameters, data, num_boost_round=_ROUNDS)
        predicted[~train] = booster.predict(features[~train])
        gains += booster.feature_importance("gain")
    return predicted, gains


def _auc(is_test: Bool, score: Float) -> float:
    ranks = pd.Series(score).rank().to_numpy()
    n_test = int(is_test.sum())
    return float((ranks[is_test].sum() - n_test * (n_test + 1) / 2) / (n_test * (len(is_test) - n_test)))


def _described(
    name: str, auc: float, features: NDArray[np.float32], is_test: Bool, titles: Sequence[tuple[Title, str]]
) -> DriftColumn:
    """The column by its feature that differs most by itself."""
    values = np.nan_to_num(features.astype(np.float64), nan=-1e30)
    apart = [abs(_auc(is_test, column) - 0.5) for column in values.T]
    most = int(np.argmax(apart))
    if apart[most] < LEAST_APART:
        return DriftColumn(name, auc, Title("several things together", "сочетание признаков"), "", "")
    title, kind = titles[most]
    train, test = (_typical(features[rows, most], kind) for rows in (~is_test, is_test))
    return DriftColumn(name, auc, title, train, test)


def _typical(values: NDArray[np.float32], kind: str) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    if kind == "flag":
        return f"{100 * float(known.mean()):.3g}%"
    middle = float(np.median(known))
    if kind == "date":
        return str((pd.Timestamp("2000-01-01") + pd.Timedelta(days=middle)).date())
    return plain_number(middle)
