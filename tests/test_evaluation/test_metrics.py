from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.task import Target
from evaluation.metrics import DEFAULT_METRIC, METRICS, constant_prediction, metric_for

SHARED = Path(__file__).parents[3] / "shared" / "data"
RNG = np.random.default_rng(0)
N = 200


def classes(n_known: int, n_all: int | None = None) -> tuple[Outcome, np.ndarray]:
    p = RNG.dirichlet(np.ones(n_known), size=N)
    kind = Kind.BINARY if n_known == 2 else Kind.MULTICLASS
    y = RNG.integers(0, n_all or n_known, N)
    names = tuple("abcdef"[: n_all or n_known])
    return Outcome(kind, y, names, n_known, weight=RNG.uniform(0.5, 2, N)), p


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("accuracy", lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w)),
        ("balanced_accuracy", lambda y, p, w: sk.balanced_accuracy_score(y, p.argmax(1), sample_weight=w)),
        ("f1_macro", lambda y, p, w: sk.f1_score(y, p.argmax(1), average="macro", sample_weight=w)),
        ("f1_weighted", lambda y, p, w: sk.f1_score(y, p.argmax(1), average="weighted", sample_weight=w)),
        ("f1_micro", lambda y, p, w: sk.f1_score(y, p.argmax(1), average="micro", sample_weight=w)),
        ("log_loss", lambda y, p, w: sk.log_loss(y, p, sample_weight=w)),
    ],
)
@pytest.mark.parametrize("n_known", [2, 4])
def test_class_metrics_agree_with_sklearn(name, theirs, n_known) -> None:
    outcome, p = classes(n_known)
    assert METRICS[name].score(outcome, p) == pytest.approx(theirs(outcome.y, p, outcome.weight), abs=1e-9)


def test_binary_areas_agree_with_sklearn() -> None:
    outcome, p = classes(2)
    area = sk.roc_auc_score(outcome.y, p[:, 1], sample_weight=outcome.weight)
    assert METRICS["roc_auc"].score(outcome, p) == pytest.approx(area)
    precision = sk.average_precision_score(outcome.y, p[:, 1], sample_weight=outcome.weight)
    assert METRICS["average_precision"].score(outcome, p) == pytest.approx(precision)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("r2", sk.r2_score),
        ("rmse", sk.root_mean_squared_error),
        ("mse", sk.mean_squared_error),
        ("mae", sk.mean_absolute_error),
    ],
)
def test_number_metrics_agree_with_sklearn(name, theirs) -> None:
    y, p, w = RNG.normal(size=N), RNG.normal(size=N), RNG.uniform(0.5, 2, N)
    score = METRICS[name].score(Outcome(Kind.REGRESSION, y, weight=w), p[:, None])
    assert score == pytest.approx(theirs(y, p, sample_weight=w))


def test_a_class_that_training_lacked_counts_as_missed() -> None:
    outcome, p = classes(3, n_all=5)
    said = p.argmax(1)
    theirs = sk.f1_score(outcome.y, said, average="weighted", sample_weight=outcome.weight, zero_division=0)
    assert METRICS["f1_weighted"].score(outcome, p) == pytest.approx(theirs)
    assert METRICS["log_loss"].score(outcome, p) > METRICS["log_loss"].score(
        outcome.take(outcome.y < 3), p[outcome.y < 3]
    )


def test_trials_weight_a_conversion() -> None:
    outcome = Outcome(Kind.CONVERSION, np.array([0.5, 0.0]), trials=np.array([2.0, 8.0]))
    p = np.array([[0.3], [0.1]])
    by_hand = (np.log(0.3) + np.log(0.7) + 8 * np.log(0.9)) / 10
    assert METRICS["log_likelihood"].score(outcome, p) == pytest.approx(by_hand)
    constant = constant_prediction(outcome)
    assert constant == pytest.approx(0.1)
    flat = np.full((2, 1), 0.1)
    assert METRICS["log_likelihood_skill"].score(outcome, flat, constant) == pytest.approx(0)
    assert METRICS["log_likelihood_skill"].score(outcome, p, constant) > 0


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


def test_calibration_error_of_a_calibrated_and_of_a_bold_prediction() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0, 1, 20_000)
    outcome = Outcome(Kind.BINARY, (rng.uniform(size=20_000) < p).astype(int), ("n", "y"), 2)
    ece = METRICS["calibration_error"]
    assert ece.score(outcome, np.c_[1 - p, p]) < 0.02
    bold = np.clip(3 * (p - 0.5) + 0.5, 0, 1)
    assert ece.score(outcome, np.c_[1 - bold, bold]) > 0.1


def test_scores_that_are_not_defined_are_nan() -> None:
    one_class = Outcome(Kind.BINARY, np.zeros(3, int), ("n", "y"), 2)
    assert np.isnan(METRICS["roc_auc"].score(one_class, np.full((3, 2), 0.5)))
    flat = Outcome(Kind.REGRESSION, np.ones(3))
    assert np.isnan(METRICS["r2"].score(flat, np.ones((3, 1))))


def test_wrong_predictions_are_refused() -> None:
    outcome, p = classes(3)
    with pytest.raises(InputError, match=r"must have shape \(200, 3\)"):
        METRICS["accuracy"].score(outcome, p[:, :2])
    with pytest.raises(InputError, match="NaN or infinite"):
        METRICS["accuracy"].score(outcome, np.full_like(p, np.nan))


def test_the_metric_of_a_task() -> None:
    for kind, name in DEFAULT_METRIC.items():
        assert kind in METRICS[name].kinds
    with pytest.raises(InputError, match="Unknown metric 'acuracy'. Did you mean 'accuracy'"):
        metric_for(Target(kind="binary", column="y", metric="acuracy"))
    with pytest.raises(InputError, match="does not fit kind 'binary'"):
        metric_for(Target(kind="binary", column="y", metric="r2"))
