"""Bootstrap intervals of scores and of paired differences (Efron and Tibshirani, 1993; percentile method).

A resample is a row of counts that multiplies the weights, so that no rows are copied and a metric scores many resamples
at once. The rows are drawn, not the trials: a post with its views is one observation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from evaluation.metric_functions import Statistic
from evaluation.metrics import Metric

Float = NDArray[np.float64]
CELLS_AT_ONCE = 1_000_000  # weights of resamples in memory: 8 MB, and a few times that inside a metric


@dataclass(frozen=True)
class Difference:
    """``score_a - score_b``, with its interval and a two-sided bootstrap p-value for no difference."""

    score_a: float
    score_b: float
    difference: float
    low: float
    high: float
    p_value: float


def bootstrap_interval(
    metric: Metric,
    outcome: Outcome,
    predictions: Float,
    *,
    seed: int,
    n: int = 500,
    level: float = 0.95,
    reference: Float | None = None,
    groups: NDArray[Any] | None = None,
) -> tuple[float, float, float]:
    """Score, low and high.

    Rows, or whole ``groups`` (n_samples,), are drawn with replacement ``n`` times. Resamples in which the metric is not
    defined (one class only) are left out. Low and high are NaN where none is left, and where there is only one row or
    group, which says nothing about spread. Calibration errors are biased upwards in a resample: their interval may lie
    above the score.

    Raises:
        InputError: if the metric refuses the predictions, or ``n``, ``level`` or ``groups`` are not usable.
    """
    units = _units(outcome.n_samples, groups, n, level)
    statistic = metric.statistic(outcome, predictions, reference)
    score = metric.score(outcome, predictions, reference)
    (draws,) = _draws((statistic,), outcome.sample_weight, units, n, seed)
    return score, *_percentiles(draws, level)


def curve_interval(
    statistic: Statistic,
    weight: Float,
    *,
    seed: int,
    n: int = 200,
    level: float = 0.9,
    groups: NDArray[Any] | None = None,
) -> tuple[Float, Float]:
    """Low and high of a curve at each of its points, both (n_points,).

    Args:
        statistic: weights (k, n_samples) to values (k, n_points).
        weight: (n_samples,) the rows' own weights.
        seed: of the resamples.
        n: resamples.
        level: of the interval.
        groups: (n_samples,) rows of one group are drawn together.

    Raises:
        InputError: if ``n``, ``level`` or ``groups`` are not usable.
    """
    units = _units(len(weight), groups, n, level)
    if units.max(initial=-1) < 1:
        nothing = np.full(statistic(weight[None]).shape[1], np.nan)
        return nothing, nothing
    draws = np.concatenate([statistic(weights) for weights in _resamples(weight, units, n, seed)])
    low, high = np.nanquantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    return low, high


def paired_difference(  # noqa: PLR0913 - one keyword a choice
    metric: Metric,
    outcome: Outcome,
    predictions_a: Float,
    predictions_b: Float,
    *,
    seed: int,
    n: int = 1000,
    level: float = 0.95,
    reference: Float | None = None,
    groups: NDArray[Any] | None = None,
) -> Difference:
    """The difference of two predictions of the same rows, on the same resamples.

    Drawing both together takes out what makes some rows hard for either, so that the interval is far narrower than the
    two intervals suggest. The p-value is twice the smaller share of resamples on one side of zero, and at least
    2 / (n + 1).

    Raises:
        InputError: as ``bootstrap_interval`` does, for either prediction.
    """
    units = _units(outcome.n_samples, groups, n, level)
    both = (predictions_a, predictions_b)
    score_a, score_b = (metric.score(outcome, predictions, reference) for predictions in both)
    statistics = tuple(metric.statistic(outcome, predictions, reference) for predictions in both)
    draws_a, draws_b = _draws(statistics, outcome.sample_weight, units, n, seed)
    draws = draws_a - draws_b
    low, high = _percentiles(draws, level)
    return Difference(score_a, score_b, score_a - score_b, low, high, _p_value(draws))


def _units(n_samples: int, groups: NDArray[Any] | None, n: int, level: float) -> NDArray[np.int64]:
    """Code of the unit that each row is drawn with; a missing group is a unit of its own."""
    if n < 1 or not 0 < level < 1:
        raise InputError(f"A bootstrap needs n >= 1 resamples and a level between 0 and 1, but got {n=}, {level=}.")
    if groups is None:
        return np.arange(n_samples)
    if len(groups) != n_samples:
        raise InputError(f"groups must have one value for each of the {n_samples} rows, but has {len(groups)}.")
    codes = np.asarray(pd.factorize(np.asarray(groups))[0], dtype=np.int64)
    lone = codes < 0
    codes[lone] = codes.max(initial=-1) + 1 + np.arange(int(lone.sum()))
    return codes


def _draws(
    statistics: tuple[Statistic, ...], weight: Float, units: NDArray[np.int64], n: int, seed: int
) -> list[Float]:
    """For each statistic its value on the same resamples, (n,); NaN if there are fewer than two units."""
    if units.max(initial=-1) < 1:
        return [np.full(n, np.nan) for _ in statistics]
    found = [[statistic(weights) for statistic in statistics] for weights in _resamples(weight, units, n, seed)]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _resamples(weight: Float, units: NDArray[np.int64], n: int, seed: int) -> Iterator[Float]:
    rng = np.random.default_rng(seed)
    n_units = int(units.max()) + 1
    at_once = max(1, CELLS_AT_ONCE // len(weight))
    for start in range(0, n, at_once):
        counts = np.empty((min(at_once, n - start), n_units))
        for row in counts:
            row[:] = np.bincount(rng.integers(0, n_units, n_units), minlength=n_units)
        # Without groups the units are the rows in their order.
        yield (counts if n_units == len(weight) else counts[:, units]) * weight


def _percentiles(draws: Float, level: float) -> tuple[float, float]:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _p_value(draws: Float) -> float:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return float("nan")
    # One more draw on the far side: a p-value of 0 would claim more than n draws can know.
    tail = 1 + min(int((known <= 0).sum()), int((known >= 0).sum()))
    return float(min(1.0, 2.0 * tail / (len(known) + 1)))
