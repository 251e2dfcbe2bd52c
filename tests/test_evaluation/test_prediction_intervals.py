"""Intervals hold what they promise, for numbers and for rates."""

from __future__ import annotations

import numpy as np
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.prediction_intervals import LEAST_IN_BIN, PredictionIntervals

LEVELS = (0.5, 0.8, 0.9, 0.95)


def numbers(seed: int, n: int = 4000) -> tuple[Outcome, np.ndarray]:
    """Skewed errors that grow with the prediction."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(1, 10, n)
    return Outcome(Kind.REGRESSION, predicted * rng.lognormal(0, 0.3, n)), predicted[:, None]


def rates(seed: int, dispersion: float, n: int = 6000) -> tuple[Outcome, np.ndarray]:
    rng = np.random.default_rng(seed)
    trials = rng.integers(1, 400, n).astype(np.float64)
    mean = rng.uniform(0.05, 0.4, n)
    size = 1.0 / dispersion - 1.0 if dispersion else np.inf
    own = rng.beta(mean * size, (1 - mean) * size) if dispersion else mean
    return Outcome(Kind.CONVERSION, rng.binomial(trials.astype(int), own) / trials, trials=trials), mean[:, None]


@pytest.mark.parametrize("level", LEVELS)
def test_numbers_lie_within_as_often_as_said(level: float) -> None:
    intervals = PredictionIntervals.fit(*numbers(0))
    assert intervals.coverage(*numbers(1), level) == pytest.approx(level, abs=0.02)


def test_large_predictions_that_err_more_have_wider_intervals_that_hold_too() -> None:
    intervals = PredictionIntervals.fit(*numbers(0))
    low, high = intervals.bounds(np.array([[1.5], [9.0]]), 0.9)
    assert high[1] - low[1] > 3 * (high[0] - low[0])
    outcome, predicted = numbers(1)
    large = predicted[:, 0] > 8
    assert intervals.coverage(outcome.take(large), predicted[large], 0.9) == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize("dispersion", [0.0, 0.02, 0.1])
def test_rates_lie_within_as_often_as_said(dispersion: float) -> None:
    intervals = PredictionIntervals.fit(*rates(0, dispersion))
    assert intervals.over_dispersion == pytest.approx(dispersion, abs=0.004)
    for level in (0.8, 0.9, 0.95):
        assert intervals.coverage(*rates(1, dispersion), level) == pytest.approx(level, abs=0.02)


def test_a_rate_of_few_trials_has_a_wider_interval() -> None:
    intervals = PredictionIntervals.fit(*rates(0, 0.02))
    low, high = intervals.bounds(np.full((3, 1), 0.2), 0.9, np.array([2.0, 50.0, 1e6]))
    widths = high - low
    assert widths[0] > widths[1] > widths[2] > 0.1, "what a row's own rate adds stays, however many trials"
    assert low.min() >= 0.0
    usual = intervals.bounds(np.full((1, 1), 0.2), 0.9)
    expected = intervals.bounds(np.full((1, 1), 0.2), 0.9, np.array([intervals.usual_trials]))
    assert usual == expected


@pytest.mark.parametrize("dispersion", [0.0, 0.05])
def test_rows_of_many_and_of_few_trials_are_held_alike(dispersion: float) -> None:
    def skewed(seed: int) -> tuple[Outcome, np.ndarray]:
        rng = np.random.default_rng(seed)
        trials = np.exp(rng.uniform(0, np.log(2000), 20_000)).round()
        mean = rng.uniform(0.005, 0.08, len(trials))
        size = 1.0 / dispersion - 1.0 if dispersion else np.inf
        own = rng.beta(mean * size, (1 - mean) * size) if dispersion else mean
        return Outcome(Kind.CONVERSION, rng.binomial(trials.astype(int), own) / trials, trials=trials), mean[:, None]

    intervals = PredictionIntervals.fit(*skewed(0))
    outcome, predicted = skewed(1)
    assert outcome.trials is not None
    for low, high in ((30, 150), (150, 700), (700, 3000)):
        rows = (outcome.trials >= low) & (outcome.trials < high)
        assert intervals.coverage(outcome.take(rows), predicted[rows], 0.9) == pytest.approx(0.9, abs=0.03)


def test_tied_predictions_make_no_bin_of_few_errors() -> None:
    outcome, predicted = numbers(0)
    for tied in (np.full_like(predicted, 5.0), np.where(predicted < 8, 1.0, predicted)):
        intervals = PredictionIntervals.fit(outcome, tied)
        assert min(map(len, intervals.errors)) >= LEAST_IN_BIN
        assert np.isfinite(intervals.bounds(np.array([[0.5], [4.999], [5.0], [20.0]]), 0.9)).all()


def test_few_rows_promise_nothing() -> None:
    outcome, predicted = numbers(0, n=10)
    low, high = PredictionIntervals.fit(outcome, predicted).bounds(predicted, 0.95)
    assert np.isinf(low).all() and np.isinf(high).all()
    assert len(PredictionIntervals.fit(*numbers(0, n=LEAST_IN_BIN + 50)).errors) == 1


def test_equal_predictions_are_one_bin() -> None:
    outcome, predicted = numbers(0)
    intervals = PredictionIntervals.fit(outcome, np.full_like(predicted, 5.0))
    assert intervals.coverage(outcome, np.full_like(predicted, 5.0), 0.9) == pytest.approx(0.9, abs=0.01)


def test_rows_that_no_fold_predicted_are_left_out() -> None:
    outcome, predicted = numbers(0)
    partly = predicted.copy()
    partly[:500] = np.nan
    assert sum(map(len, PredictionIntervals.fit(outcome, partly).errors)) == 3500
    with pytest.raises(InputError, match="out of fold"):
        PredictionIntervals.fit(outcome, np.full_like(predicted, np.nan))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        PredictionIntervals.fit(*numbers(0)).bounds(np.ones((1, 1)), 90)
    classes = Outcome(Kind.BINARY, np.array([0, 1]), classes=("a", "b"), n_known=2)
    with pytest.raises(InputError, match="probabilities"):
        PredictionIntervals.fit(classes, np.full((2, 2), 0.5))


@pytest.mark.parametrize("level", [0.05, 0.25, 0.5, 0.75, 0.95])
def test_outcomes_lie_below_a_quantile_as_often_as_said(level: float) -> None:
    for make in (lambda seed: numbers(seed), lambda seed: rates(seed, 0.05)):
        intervals, (outcome, predicted) = PredictionIntervals.fit(*make(0)), make(1)
        below = outcome.y <= intervals.quantile(predicted, level, outcome.trials)
        assert below.mean() == pytest.approx(level, abs=0.025)


def test_an_interval_lies_between_its_quantiles() -> None:
    intervals, (_, predicted) = PredictionIntervals.fit(*numbers(0)), numbers(1)
    low, high = intervals.bounds(predicted, 0.8)
    np.testing.assert_array_equal(low, intervals.quantile(predicted, 0.1))
    np.testing.assert_array_equal(high, intervals.quantile(predicted, 0.9))
    with pytest.raises(InputError, match="between 0 and 1, but is 10"):
        intervals.quantile(predicted, 10)
