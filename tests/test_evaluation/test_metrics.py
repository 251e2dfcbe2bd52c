from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn import metrics as sk

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.target import Target
from evaluation.metrics import DEFAULT_METRIC, METRICS, constant_prediction, metric_for

SHARED = Path(__file__).parents[3] / "shared" / "data"
N = 200
Theirs = Callable[..., float]


def classes(n_known: int, n_all: int | None = None, seed: int = 0) -> tuple[Outcome, Any]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(n_known), size=N).round(2)  # so that there are ties
    p /= p.sum(axis=1, keepdims=True)
    kind = Kind.BINARY if n_known == 2 else Kind.MULTICLASS
    y = rng.integers(0, n_all or n_known, N)
    return Outcome(kind, y, tuple("abcdef"[: n_all or n_known]), n_known, weight=rng.uniform(0.5, 2, N)), p


def numbers(kind: Kind, seed: int = 0) -> tuple[Outcome, Any]:
    rng = np.random.default_rng(seed)
    y, p = rng.uniform(size=N).round(1), rng.uniform(size=(N, 1)).round(2)
    if kind is Kind.CONVERSION:
        return Outcome(kind, y, trials=rng.integers(1, 50, N).astype(float), weight=rng.uniform(0.5, 2, N)), p
    return Outcome(kind, y, weight=rng.uniform(0.5, 2, N)), p


def labels(seed: int = 0, n_unseen: int = 0) -> tuple[Outcome, Any]:
    rng = np.random.default_rng(seed)
    p, weight = rng.uniform(size=(N, 4)).round(2), rng.uniform(0.5, 2, N)
    y = np.hstack([rng.random((N, 4)) < 0.4, rng.random((N, n_unseen)) < 0.1]).astype(np.float64)
    return Outcome(Kind.MULTILABEL, y, tuple("abcdef"[: 4 + n_unseen]), 4, weight=weight), p


def example(kind: Kind, seed: int = 0) -> tuple[Outcome, Any]:
    if kind is Kind.MULTILABEL:
        return labels(seed)
    if kind in (Kind.REGRESSION, Kind.CONVERSION):
        return numbers(kind, seed)
    return classes(2 if kind is Kind.BINARY else 4, seed=seed)


PAIRS = [(name, kind) for name, metric in METRICS.items() for kind in sorted(metric.kinds)]


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("accuracy", lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w)),
        ("balanced_accuracy", lambda y, p, w: sk.balanced_accuracy_score(y, p.argmax(1), sample_weight=w)),
        ("f1_macro", lambda y, p, w: sk.f1_score(y, p.argmax(1), average="macro", sample_weight=w)),
        ("f1_weighted", lambda y, p, w: sk.f1_score(y, p.argmax(1), average="weighted", sample_weight=w)),
        ("f1_micro", lambda y, p, w: sk.f1_score(y, p.argmax(1), average="micro", sample_weight=w)),
        ("average_precision", lambda y, p, w: _one_against_rest(sk.average_precision_score, y, p, w)),
        ("roc_auc", lambda y, p, w: _one_against_rest(sk.roc_auc_score, y, p, w)),
    ],
)
@pytest.mark.parametrize("n_known", [2, 4])
def test_class_metrics_agree_with_sklearn(name: str, theirs: Theirs, n_known: int) -> None:
    outcome, p = classes(n_known)
    assert METRICS[name].score(outcome, p) == pytest.approx(theirs(outcome.y, p, outcome.weight), abs=1e-12)


@pytest.mark.parametrize("n_known", [2, 4])
def test_the_log_loss_agrees_with_sklearn(n_known: int) -> None:
    outcome, p = classes(n_known)
    p = (p + 1e-3) / (1 + n_known * 1e-3)  # both clip a probability of 0, at different places
    assert METRICS["log_loss"].score(outcome, p) == pytest.approx(
        sk.log_loss(outcome.y, p, sample_weight=outcome.weight)
    )


def _one_against_rest(score: Theirs, y: Any, p: Any, w: Any) -> float:
    codes = [1] if p.shape[1] == 2 else range(p.shape[1])
    return float(np.mean([score(y == code, p[:, code], sample_weight=w) for code in codes]))


def test_areas_agree_with_what_sklearn_calls_ovr_and_macro() -> None:
    outcome, p = classes(4)
    theirs = sk.roc_auc_score(outcome.y, p, multi_class="ovr", average="macro", sample_weight=outcome.weight)
    assert METRICS["roc_auc"].score(outcome, p) == pytest.approx(theirs)
    theirs = sk.average_precision_score(np.eye(4)[outcome.y], p, average="macro", sample_weight=outcome.weight)
    assert METRICS["average_precision"].score(outcome, p) == pytest.approx(theirs)
    outcome, p = classes(2)
    theirs = sk.f1_score(outcome.y, p.argmax(1), sample_weight=outcome.weight)
    assert METRICS["f1"].score(outcome, p) == pytest.approx(theirs)


@pytest.mark.parametrize("kind", [Kind.REGRESSION, Kind.CONVERSION])
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("r2", sk.r2_score),
        ("rmse", sk.root_mean_squared_error),
        ("mse", sk.mean_squared_error),
        ("mae", sk.mean_absolute_error),
    ],
)
def test_number_metrics_agree_with_sklearn(name: str, theirs: Theirs, kind: Kind) -> None:
    outcome, p = numbers(kind)
    expected = theirs(outcome.y, p[:, 0], sample_weight=outcome.sample_weight)
    assert METRICS[name].score(outcome, p) == pytest.approx(expected, rel=1e-12)


def test_r2_of_a_target_far_from_zero() -> None:
    y = 1e6 + np.random.default_rng(0).normal(size=50)
    outcome, p = Outcome(Kind.REGRESSION, y), (y + 0.5)[:, None]
    assert METRICS["r2"].score(outcome, p) == pytest.approx(sk.r2_score(y, p[:, 0]), rel=1e-9)


def test_spearman_agrees_with_scipy_and_weights_are_counts_of_rows() -> None:
    outcome, p = numbers(Kind.REGRESSION)
    spearman = METRICS["spearman"]
    plain = Outcome(Kind.REGRESSION, outcome.y)
    assert spearman.score(plain, p) == pytest.approx(spearmanr(outcome.y, p[:, 0]).statistic)
    counts = np.random.default_rng(0).integers(0, 4, N)
    expected = spearmanr(np.repeat(outcome.y, counts), np.repeat(p[:, 0], counts)).statistic
    assert spearman.score(plain, p, weights=counts.astype(float)) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_a_weight_is_as_many_equal_rows(name: str, kind: Kind) -> None:
    if name == "calibration_error":
        pytest.skip("its bins are made of the rows before they are weighted")
    outcome, p = example(kind)
    metric, reference = METRICS[name], constant_prediction(outcome)
    counts = np.random.default_rng(1).integers(0, 4, N)
    again = np.repeat(np.arange(N), counts)
    weighted = metric.score(outcome, p, reference, outcome.sample_weight * counts)
    assert weighted == pytest.approx(metric.score(outcome.take(again), p[again], reference), rel=1e-9)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_many_weightings_at_once_are_each_by_itself(name: str, kind: Kind) -> None:
    outcome, p = example(kind)
    weights = np.random.default_rng(2).uniform(size=(5, N))
    together = METRICS[name].statistic(outcome, p)(weights)
    alone = [METRICS[name].score(outcome, p, weights=row) for row in weights]
    np.testing.assert_allclose(together, alone, rtol=1e-10)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_the_natural_sign_says_which_way_is_better(name: str, kind: Kind) -> None:
    metric = METRICS[name]
    outcome, noise = example(kind)
    truth = outcome.y.reshape(N, -1)
    if kind in (Kind.BINARY, Kind.MULTICLASS):
        truth = np.eye(outcome.n_outputs)[outcome.y]
    good, bad = 0.9 * truth + 0.1 * noise, noise
    if name == "calibration_error":  # sharpness is not what it measures
        bad = 1.0 - good if kind is not Kind.MULTICLASS else np.roll(good, 1, axis=1)
    reference = constant_prediction(outcome)
    better, worse = metric.score(outcome, good, reference), metric.score(outcome, bad, reference)
    assert (better > worse) == metric.higher_is_better and better != worse


def test_a_class_that_training_lacked_counts_as_missed() -> None:
    outcome, p = classes(3, n_all=5)
    said, lacking = p.argmax(1), outcome.y >= 3
    theirs = sk.f1_score(outcome.y, said, average="weighted", sample_weight=outcome.weight, zero_division=0)
    assert METRICS["f1_weighted"].score(outcome, p) == pytest.approx(theirs)
    theirs = sk.f1_score(outcome.y, said, average="macro", sample_weight=outcome.weight, zero_division=0)
    assert METRICS["f1_macro"].score(outcome, p) == pytest.approx(theirs)
    log_loss = METRICS["log_loss"]
    assert log_loss.score(outcome.take(lacking), p[lacking]) == pytest.approx(-np.log(1e-7))
    for metric in METRICS.values():
        if Kind.MULTICLASS in metric.kinds:
            assert np.isfinite(metric.score(outcome, p, np.full(3, 1 / 3)))


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "samples"])
@pytest.mark.parametrize("n_unseen", [0, 2])
def test_f1_of_many_labels_agrees_with_sklearn_and_unseen_labels_are_missed(average: str, n_unseen: int) -> None:
    outcome, p = labels(n_unseen=n_unseen)
    said = np.hstack([p > 0.5, np.zeros((N, n_unseen), dtype=bool)])
    given = {"average": average, "sample_weight": outcome.weight, "zero_division": 1.0 if average == "samples" else 0.0}
    found = METRICS[f"f1_{average}"].score(outcome, p)
    assert found == pytest.approx(sk.f1_score(outcome.y > 0, said, **given), abs=1e-12)
    if n_unseen and average != "samples":
        assert found < METRICS[f"f1_{average}"].score(outcome.of_labels(np.arange(4)), p)


def test_likelihoods_and_areas_of_many_labels_are_means_over_the_labels() -> None:
    outcome, p = labels()
    p = np.clip(p, 0.01, 0.99)
    each = [sk.log_loss(outcome.y[:, i], p[:, i], sample_weight=outcome.weight) for i in range(4)]
    assert METRICS["log_loss"].score(outcome, p) == pytest.approx(np.mean(each))
    theirs = sk.roc_auc_score(outcome.y, p, average="macro", sample_weight=outcome.weight)
    assert METRICS["roc_auc"].score(outcome, p) == pytest.approx(theirs)
    constant = constant_prediction(outcome)
    np.testing.assert_allclose(constant, np.average(outcome.y, axis=0, weights=outcome.weight), atol=1e-4)
    unseen = Outcome(Kind.MULTILABEL, np.array([[0.0, 1.0]]), ("a", "new"), 1)
    expected = np.log(0.9) + np.log(1e-7)
    assert METRICS["log_likelihood"].score(unseen, np.array([[0.1]])) == pytest.approx(expected)


def test_many_labels_without_any_have_no_micro_f1() -> None:
    outcome = Outcome(Kind.MULTILABEL, np.zeros((3, 2)), ("a", "b"), 2)
    assert np.isnan(METRICS["f1_micro"].score(outcome, np.zeros((3, 2))))
    assert METRICS["f1_samples"].score(outcome, np.zeros((3, 2))) == 1.0


def test_trials_weight_a_conversion() -> None:
    outcome = Outcome(Kind.CONVERSION, np.array([0.5, 0.0]), trials=np.array([2.0, 8.0]))
    p = np.array([[0.3], [0.1]])
    by_hand = (np.log(0.3) + np.log(0.7) + 8 * np.log(0.9)) / 10
    assert METRICS["log_likelihood"].score(outcome, p) == pytest.approx(by_hand)
    assert METRICS["log_loss"].score(outcome, p) == pytest.approx(-by_hand)
    constant = constant_prediction(outcome)
    assert constant == pytest.approx(0.1)
    flat, skill = np.full((2, 1), 0.1), METRICS["log_likelihood_skill"]
    assert skill.score(outcome, flat, constant) == pytest.approx(0)
    assert skill.score(outcome, p, constant) > 0
    assert skill.score(outcome, p) == skill.score(outcome, p, constant), "without one it is the rows' own mean"
    other = 1 - by_hand / METRICS["log_likelihood"].score(outcome, np.full((2, 1), 0.4))
    assert skill.score(outcome, p, np.array([0.4])) == pytest.approx(other)


@pytest.mark.skipif(not (SHARED / "movie_posts").exists(), reason="the development sets are not there")
def test_the_known_constant_of_real_posts() -> None:
    train, test = (pd.read_csv(SHARED / "movie_posts" / f"{part}.csv") for part in ("train", "test"))
    parts = [
        Outcome(Kind.CONVERSION, (f["like"] / f["view"]).to_numpy(), trials=f["view"].to_numpy(float))
        for f in (train, test)
    ]
    constant = constant_prediction(parts[0])
    assert constant[0] == pytest.approx(0.5020, abs=5e-5)
    score = METRICS["log_likelihood"].score(parts[1], np.tile(constant, (len(test), 1)))
    assert score == pytest.approx(-0.6932, abs=5e-5)


def test_constant_predictions_are_weighted_and_never_zero() -> None:
    y, weight = np.array([0, 0, 1, 3]), np.array([1.0, 1.0, 2.0, 5.0])
    prior = constant_prediction(Outcome(Kind.MULTICLASS, y, tuple("abcd"), 3, weight=weight))
    assert prior == pytest.approx([0.5, 0.5, 0.0], abs=1e-3) and (prior > 0).all() and prior.sum() == pytest.approx(1)
    assert constant_prediction(Outcome(Kind.REGRESSION, y.astype(float), weight=weight)) == pytest.approx(17 / 9)


def test_calibration_error_of_a_calibrated_and_of_a_bold_prediction() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0, 1, 20_000)
    outcome = Outcome(Kind.BINARY, (rng.uniform(size=20_000) < p).astype(int), ("n", "y"), 2)
    ece = METRICS["calibration_error"]
    assert ece.score(outcome, np.c_[1 - p, p]) < 0.02
    bold = np.clip(3 * (p - 0.5) + 0.5, 0, 1)
    assert ece.score(outcome, np.c_[1 - bold, bold]) > 0.1


def test_calibration_error_sees_through_rates_of_a_few_percent() -> None:
    rate = np.linspace(0.01, 0.05, 100)
    outcome = Outcome(Kind.CONVERSION, rate, trials=np.full(100, 50.0))
    ece = METRICS["calibration_error"]
    assert ece.score(outcome, rate[:, None]) == pytest.approx(0, abs=1e-12)
    assert ece.score(outcome, rate[::-1, None]) == pytest.approx(0.02, rel=0.02), "in one bin this would be 0"
    flat = np.full((100, 1), 0.04)
    assert ece.score(outcome, flat) == pytest.approx(0.01), "equal predictions share a bin"


def test_scores_that_are_not_defined_are_nan() -> None:
    one_class = Outcome(Kind.BINARY, np.zeros(3, int), ("n", "y"), 2)
    for name in ("roc_auc", "average_precision"):
        assert np.isnan(METRICS[name].score(one_class, np.full((3, 2), 0.5)))
    flat = Outcome(Kind.REGRESSION, np.full(3, 0.1))
    assert np.isnan(METRICS["r2"].score(flat, np.ones((3, 1))))
    assert np.isnan(METRICS["spearman"].score(flat, np.arange(3.0)[:, None]))
    for name, kind in PAIRS:
        outcome, p = example(kind)
        assert np.isnan(METRICS[name].score(outcome.take(np.arange(0)), p[:0]))


def test_wrong_predictions_are_refused() -> None:
    outcome, p = classes(3)
    with pytest.raises(InputError, match=r"\(200, 3\), but have \(200, 2\)"):
        METRICS["accuracy"].score(outcome, p[:, :2])
    p[7, 1] = np.nan
    with pytest.raises(InputError, match="1 of 200 rows hold NaN"):
        METRICS["accuracy"].score(outcome, p)
    with pytest.raises(InputError, match=r"must be probabilities in \[0, 1\], but reach from -2"):
        METRICS["log_likelihood"].score(numbers(Kind.CONVERSION)[0], np.full((N, 1), -2.0))
    with pytest.raises(InputError, match=r"constant prediction must have shape \(1,\)"):
        METRICS["log_likelihood_skill"].score(*numbers(Kind.CONVERSION), np.zeros(3))
    with pytest.raises(InputError, match="'r2' does not fit kind 'multiclass'"):
        METRICS["r2"].score(*classes(3))


def test_the_metric_of_a_task() -> None:
    for kind, name in DEFAULT_METRIC.items():
        assert kind in METRICS[name].kinds
    assert all(name == metric.name and metric.title.ru for name, metric in METRICS.items())
    assert metric_for(Target(kind="conversion", successes="a", trials="b")).name == "log_likelihood_skill"
    with pytest.raises(InputError, match="Unknown metric 'acuracy'. Did you mean 'accuracy'"):
        metric_for(Target(kind="binary", column="y", metric="acuracy"))
    with pytest.raises(InputError, match=r"does not fit kind 'binary'. Choose one of \['accuracy'"):
        metric_for(Target(kind="binary", column="y", metric="r2"))
    assert metric_for(Target(kind="multilabel", column="y")).name == "f1_micro"
