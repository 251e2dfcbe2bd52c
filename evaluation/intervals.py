"""Bootstrap intervals of scores and of paired differences (Efron and Tibshirani, 1993; percentile method).

A resample is a vector of row counts that multiplies the weights, so metrics need no copies of rows.
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
from evaluation.metrics import Metric

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """``score_a - score_b`` with its interval and a two-sided bootstrap p-value."""

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
    """Score, low and high. Rows (or whole ``groups``) are drawn with replacement ``n`` times.

    Low and high are NaN where the metric is not defined on any resample.
    """
    score = metric.score(outcome, predictions, reference)
    draws = [
        metric.score(outcome, predictions, reference, weights)
        for weights in _resamples(outcome.sample_weight, seed, n, groups)
    ]
    low, high = _percentiles(np.array(draws), level)
    return score, low, high


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

    Raises:
        InputError: if the two have different shapes.
    """
    if predictions_a.shape != predictions_b.shape:
        raise InputError(f"Only predictions of one shape can be paired: {predictions_a.shape}, {predictions_b.shape}.")
    score_a = metric.score(outcome, predictions_a, reference)
    score_b = metric.score(outcome, predictions_b, reference)
    draws = np.array(
        [
            metric.score(outcome, predictions_a, reference, weights)
            - metric.score(outcome, predictions_b, reference, weights)
            for weights in _resamples(outcome.sample_weight, seed, n, groups)
        ]
    )
    low, high = _percentiles(draws, level)
    known = draws[np.isfinite(draws)]
    if not len(known):
        return Difference(score_a, score_b, score_a - score_b, low, high, float("nan"))
    tail = min(np.mean(known <= 0), np.mean(known >= 0))
    p_value = float(min(1.0, 2 * (tail * len(known) + 1) / (len(known) + 1)))
    return Difference(score_a, score_b, score_a - score_b, low, high, p_value)


def _resamples(weight: Float, seed: int, n: int, groups: NDArray[Any] | None) -> Iterator[Float]:
    rng = np.random.default_rng(seed)
    codes = np.arange(len(weight)) if groups is None else pd.factorize(groups)[0]
    size = int(codes.max(initial=-1)) + 1
    for _ in range(n):
        counts = np.bincount(rng.integers(0, size, size), minlength=size)
        yield weight * counts[codes]


def _percentiles(draws: Float, level: float) -> tuple[float, float]:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
