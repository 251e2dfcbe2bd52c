"""Thresholds of decisions: found where they help on other rows, and never a change of probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.decision import LEAST_OF_LABEL, LEAST_ROWS, Decision, decided_score, fit_decision
from automl.ensemble import greedy_blend
from evaluation.metrics import METRICS
from evaluation.splits import Fold

N = 3000
F1, MICRO, MACRO = METRICS["f1"], METRICS["f1_micro"], METRICS["f1_macro"]


def folds_of(n: int, n_folds: int = 4) -> tuple[Fold, ...]:
    number = np.arange(n) % n_folds
    return tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(n_folds))


def rare_class(n: int = N, seed: int = 0) -> tuple[np.ndarray, Outcome]:
    rng = np.random.default_rng(seed)
    link = rng.normal(-2.5, 1.0, size=(n, 1))
    return link, Outcome(Kind.BINARY, (rng.random(n) < expit(link[:, 0])).astype(np.int64), ("no", "yes"), 2)


def labels(offsets: list[float], n: int = N, seed: int = 0) -> tuple[np.ndarray, Outcome]:
    """Link scores that are off by ``offsets``, one for each label."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1.0, 1.5, size=(n, len(offsets)))
    y = (rng.random(truth.shape) < expit(truth)).astype(np.float64)
    return truth + offsets, Outcome(Kind.MULTILABEL, y, tuple("abcdefgh"[: len(offsets)]), len(offsets))


def f1_of(decision: Decision, link: np.ndarray, outcome: Outcome) -> float:
    return MICRO.score(outcome, from_link(outcome.kind, decision.move(link)))


def test_the_f1_of_a_rare_class_gets_the_threshold_of_theory() -> None:
    """The best threshold is half the F1 that it gives (Lipton et al. 2014)."""
    link, outcome = rare_class(40_000)
    decision, _ = fit_decision(link, outcome, folds_of(len(link)), F1)
    best = F1.score(outcome, from_link(Kind.BINARY, decision.move(link)))
    assert expit(decision.shift[0]) == pytest.approx(best / 2, abs=0.05)
    new_link, new = rare_class(40_000, seed=1)
    decided = decision.predictions(Kind.BINARY, from_link(Kind.BINARY, new_link))
    assert F1.score(new, decided) > 2 * F1.score(new, from_link(Kind.BINARY, new_link))
    np.testing.assert_allclose(decided.sum(axis=1), 1.0)
    np.testing.assert_array_equal(decided[:, 1] > 0.5, new_link[:, 0] > decision.shift[0])


def test_labels_that_are_off_in_different_ways_get_a_threshold_each_and_others_one_for_all() -> None:
    link, outcome = labels([3.0, 0.0, -3.0])
    decision, moved = fit_decision(link, outcome, folds_of(N), MICRO)
    assert len(decision.shift) == 3 and np.ptp(decision.shift) > 4.0
    even = f1_of(Decision(), link, outcome)
    assert MICRO.score(outcome, from_link(outcome.kind, moved)) > even + 0.1
    new_link, new = labels([3.0, 0.0, -3.0], seed=1)
    assert f1_of(decision, new_link, new) > f1_of(Decision(), new_link, new) + 0.1
    alike, outcome = labels([0.0] * 3)
    one, _ = fit_decision(alike, outcome, folds_of(N), METRICS["f1_samples"])
    assert len(one.shift) == 1 and -2.0 < one.shift[0] < -0.2


def test_each_label_by_itself_is_best_for_macro_f1_and_by_a_common_quotient_for_micro_f1() -> None:
    """Against every pair of thresholds on a grid, on the rows they were chosen on."""
    link, outcome = labels([2.0, -2.0], n=400)
    for metric in (MACRO, MICRO):
        decision, _ = fit_decision(link, outcome, folds_of(400), metric)
        found = metric.score(outcome, from_link(outcome.kind, decision.move(link)))
        grid = np.linspace(-4.0, 4.0, 33)
        scores = [metric.score(outcome, from_link(outcome.kind, link - [a, b])) for a in grid for b in grid]
        assert found > max(scores) - 0.01


def test_labels_of_few_rows_share_the_common_threshold() -> None:
    link, outcome = labels([3.0, 0.0, -3.0, 0.0, 1.0])
    outcome.y[:, 3:] = 0.0
    outcome.y[: LEAST_OF_LABEL - 1, 3:] = 1.0
    decision, _ = fit_decision(link, outcome, folds_of(N), MICRO)
    assert len(decision.shift) == 5 and decision.shift[3] == decision.shift[4]
    assert len(set(decision.shift)) == 4
    outcome.y[: 2 * LEAST_OF_LABEL, 4] = 1.0
    assert len(set(fit_decision(link, outcome, folds_of(N), MICRO)[0].shift)) == 5


def test_even_odds_stay_where_nothing_is_gained() -> None:
    link, outcome = rare_class()
    folds = folds_of(N)
    decision, moved = fit_decision(link, outcome, folds, METRICS["log_loss"])
    assert decision == Decision() and moved is link
    few = np.arange(LEAST_ROWS - 1)
    assert fit_decision(link[few], outcome.take(few), folds_of(len(few)), F1)[0] == Decision()
    many = Outcome(Kind.MULTICLASS, np.arange(N) % 3, ("a", "b", "c"), 3)
    assert fit_decision(np.zeros((N, 3)), many, folds, METRICS["f1_macro"])[0] == Decision()
    nothing = Outcome(Kind.MULTILABEL, np.zeros((N, 2)), ("a", "b"), 2)
    assert fit_decision(np.zeros((N, 2)), nothing, folds, MICRO)[0] == Decision()


def test_what_is_learned_from_noise_does_not_flatter_the_score() -> None:
    """Thresholds chosen on 60 rows of noise look good on these rows, and not on those of other folds."""
    scores = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        link, y = rng.normal(size=(60, 8)), (rng.random((60, 8)) < 0.5).astype(np.float64)
        outcome = Outcome(Kind.MULTILABEL, y, tuple("abcdefgh"), 8)
        _, score = decided_score(link, outcome, folds_of(60), MICRO, np.full(8, 0.5))
        scores.append(score)
    assert np.mean(scores) < 2 / 3 + 0.01  # of predicting every label of every row


def test_rows_that_no_fold_validated_are_left_out_and_huge_scores_do_no_harm() -> None:
    link, outcome = rare_class()
    link[:500] = np.nan
    link[500:510] = 800.0
    decision, moved = fit_decision(link, outcome, folds_of(N), F1)
    assert decision.shift and np.isnan(moved[:500]).all() and np.isfinite(moved[500:]).all()
    predictions = from_link(Kind.BINARY, np.array([[800.0], [-800.0]]))
    assert (decision.predictions(Kind.BINARY, predictions)[:, 1] > 0.5).tolist() == [True, False]


def test_a_blend_is_chosen_by_what_its_members_would_decide() -> None:
    """At even odds both say no to every row, so that the F1 alone cannot tell the good one from noise."""
    link, outcome = rare_class()
    low = link - 4.0
    noise = np.random.default_rng(3).normal(-7.0, 0.5, size=link.shape)
    scores = {"noise": noise, "good": low}
    decisions = {key: fit_decision(values, outcome, folds_of(N), F1)[0] for key, values in scores.items()}
    weights = greedy_blend(scores, outcome, F1, decisions=decisions)
    assert weights["good"] > 0.7


def test_one_validated_fold_is_enough_for_a_threshold() -> None:
    link, outcome = rare_class()
    folds = folds_of(N)
    link[np.setdiff1d(np.arange(N), folds[0].valid)] = np.nan
    decision, score = decided_score(link, outcome, folds, F1, np.array([0.9, 0.1]))
    known = folds[0].valid
    assert decision.shift[0] < -0.5
    assert score > F1.score(outcome.take(known), from_link(Kind.BINARY, link[known]))
