"""Calibration: found where probabilities are too sure or too timid, left out where it is noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from artifacts.outcome import Outcome
from artifacts.schema import Kind, Title
from automl.calibration import LEAST_ROWS, Calibration, fit_calibration
from automl.decision import fit_decision
from evaluation.metrics import METRICS, Metric
from evaluation.splits import Fold

N = 4000
LOSS = METRICS["log_loss"]


def folds_of(n: int) -> tuple[Fold, ...]:
    number = np.arange(n) % 4
    return tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(4))


def binary(link: np.ndarray) -> Outcome:
    y = (np.random.default_rng(1).random(len(link)) < expit(link[:, 0])).astype(np.int64)
    return Outcome(Kind.BINARY, y, classes=("no", "yes"), n_known=2)


def test_too_sure_and_shifted_log_odds_are_brought_back() -> None:
    truth = np.random.default_rng(0).normal(size=(N, 1))
    found = fit_calibration(3.0 * truth + 1.0, binary(truth), folds_of(N), LOSS)
    assert found.scale == pytest.approx(1 / 3, abs=0.04)
    assert found.shift == pytest.approx(-1 / 3, abs=0.1)
    assert np.allclose(found.apply(3.0 * truth + 1.0), truth, atol=0.35)


def test_a_conversion_with_many_trials() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(-2.0, 0.5, size=(N, 1))
    trials = rng.integers(1, 200, N).astype(np.float64)
    rate = rng.binomial(trials.astype(int), expit(truth[:, 0])) / trials
    outcome = Outcome(Kind.CONVERSION, rate, trials=trials)
    found = fit_calibration(0.5 * (truth + 2.0) - 2.0, outcome, folds_of(N), LOSS)
    assert found.scale == pytest.approx(2.0, abs=0.05)
    assert found.shift == pytest.approx(2.0, abs=0.1)


def test_many_classes_get_one_temperature_and_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(N, 6))
    shares = softmax(truth, axis=1).cumsum(axis=1)
    y = (rng.random((N, 1)) > shares).sum(axis=1)
    outcome = Outcome(Kind.MULTICLASS, y, classes=tuple("abcdef"), n_known=6)
    found = fit_calibration(4.0 * truth, outcome, folds_of(N), LOSS)
    assert found.scale == pytest.approx(0.25, abs=0.03) and found.shift == 0.0


def test_what_is_calibrated_already_stays_about_as_it_is() -> None:
    truth = np.random.default_rng(0).normal(size=(N, 1))
    found = fit_calibration(truth, binary(truth), folds_of(N), LOSS)
    assert found.scale == pytest.approx(1.0, abs=0.1) and found.shift == pytest.approx(0.0, abs=0.1)


def test_nothing_is_learned_from_few_rows_or_for_a_regression() -> None:
    few = np.random.default_rng(0).normal(size=(LEAST_ROWS - 1, 1))
    assert fit_calibration(5.0 * few, binary(few), folds_of(len(few)), LOSS) == Calibration()
    numbers = np.random.default_rng(0).normal(size=(N, 1))
    assert fit_calibration(5.0 * numbers, Outcome(Kind.REGRESSION, numbers[:, 0]), folds_of(N), LOSS) == Calibration()


def test_gains_that_do_not_hold_on_other_folds_are_left_out() -> None:
    """Each fold is off by a shift of its own: what the others teach makes it worse."""
    truth = np.random.default_rng(0).normal(size=(N, 1))
    number = np.arange(N) % 4
    shift = np.array([1.5, -0.5, -0.5, -0.5])[number][:, None]
    alternating = np.array([1.0, -1.0, 1.0, -1.0])[number][:, None]
    assert fit_calibration(truth + alternating, binary(truth), folds_of(N), LOSS) != Calibration(), (
        "common part is learned"
    )
    two = (Fold(np.flatnonzero(number != 0), np.flatnonzero(number == 0)), Fold(np.arange(0), np.flatnonzero(number)))
    assert fit_calibration(truth + shift, binary(truth), two, LOSS) == Calibration()


def test_rows_that_no_fold_validated_are_left_out() -> None:
    truth = np.random.default_rng(0).normal(size=(N, 1))
    link = 3.0 * truth
    link[:1000] = np.nan
    assert fit_calibration(link, binary(truth), folds_of(N), LOSS).scale == pytest.approx(1 / 3, abs=0.05)


def test_rows_that_are_all_right_do_not_make_it_ever_surer() -> None:
    rng = np.random.default_rng(0)
    link = np.sign(rng.normal(size=(80, 1))) * rng.uniform(2, 4, size=(80, 1))
    outcome = Outcome(Kind.BINARY, (link[:, 0] > 0).astype(np.int64), classes=("no", "yes"), n_known=2)
    assert fit_calibration(link, outcome, folds_of(80), LOSS).scale < 2.0


def test_a_likelihood_that_costs_decisions_is_kept_where_their_threshold_comes_afterwards() -> None:
    """Log-odds shifted up find more of a rare class: the likelihood shifts them back, the threshold of F1 down."""
    truth = np.random.default_rng(0).normal(-2.0, 1.0, size=(N, 1))
    outcome, link = binary(truth), truth + 1.5
    assert fit_calibration(link, outcome, folds_of(N), LOSS).shift == pytest.approx(-1.5, abs=0.2)
    found = fit_calibration(link, outcome, folds_of(N), METRICS["f1"])
    assert found.shift == pytest.approx(-1.5, abs=0.2)
    decision, _ = fit_decision(found.apply(link), outcome, folds_of(N), METRICS["f1"])
    assert decision.shift[0] < -0.5


def test_many_labels_share_one_scale_and_shift() -> None:
    truth = np.random.default_rng(0).normal([-2.0, 0.0, 1.0], 1.0, size=(N, 3))
    y = (np.random.default_rng(1).random((N, 3)) < expit(truth)).astype(np.float64)
    outcome = Outcome(Kind.MULTILABEL, y, classes=("a", "b", "c"), n_known=3)
    found = fit_calibration(2.0 * truth - 1.0, outcome, folds_of(N), LOSS)
    assert found.scale == pytest.approx(0.5, abs=0.03) and found.shift == pytest.approx(0.5, abs=0.06)


def test_a_metric_that_gets_worse_leaves_a_rate_as_it_is() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(-2.0, 0.5, size=(N, 1))
    trials = rng.integers(1, 200, N).astype(np.float64)
    rate = rng.binomial(trials.astype(int), expit(truth[:, 0])) / trials
    outcome = Outcome(Kind.CONVERSION, rate, trials=trials)
    worse = Metric("x", False, frozenset(Kind), Title("x", "x"), lambda _, p, __: lambda w: np.full(len(w), p.std()))
    assert fit_calibration(0.5 * (truth + 2.0) - 2.0, outcome, folds_of(N), LOSS) != Calibration()
    assert fit_calibration(0.5 * (truth + 2.0) - 2.0, outcome, folds_of(N), worse) == Calibration()


def test_classes_that_a_fold_could_not_know_do_not_flatten_the_rest() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(scale=2.0, size=(N, 3))
    y = (rng.random((N, 1)) > softmax(truth, axis=1).cumsum(axis=1)).sum(axis=1)
    late = np.arange(N) >= N // 2
    new = late & (rng.random(N) < 0.3)
    y[new] = 3
    link = np.hstack([truth, np.full((N, 1), -9.0)])
    outcome = Outcome(Kind.MULTICLASS, y, classes=tuple("abcd"), n_known=4)
    quarter = N // 4
    folds = tuple(
        Fold(np.flatnonzero((np.arange(N) < start) & ~new), np.arange(start, start + quarter))
        for start in (quarter, 2 * quarter, 3 * quarter)
    )
    assert fit_calibration(link, outcome, folds, LOSS).scale == pytest.approx(1.0, abs=0.1)
