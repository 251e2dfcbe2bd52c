from __future__ import annotations

import time

import numpy as np
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation import intervals
from evaluation.intervals import bootstrap_interval, paired_difference
from evaluation.metrics import METRICS

MAE = METRICS["mae"]


def test_the_interval_covers_the_true_score_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    true = np.sqrt(2 / np.pi)  # the mean of |N(0, 1)|
    hits = 0
    for seed in range(150):
        outcome = Outcome(Kind.REGRESSION, rng.normal(size=150))
        score, low, high = bootstrap_interval(MAE, outcome, np.zeros((150, 1)), seed=seed, n=200)
        assert low < score < high
        hits += low <= true <= high
    assert 0.88 <= hits / 150 <= 0.99


def test_the_difference_covers_the_truth_and_equal_models_seldom_differ() -> None:
    rng = np.random.default_rng(0)
    false_alarms = 0
    for seed in range(150):
        outcome = Outcome(Kind.REGRESSION, rng.normal(size=100))
        a, b = (outcome.y[:, None] + rng.normal(size=(100, 1)) for _ in range(2))
        found = paired_difference(METRICS["mse"], outcome, a, b, seed=seed, n=200)
        false_alarms += found.low > 0 or found.high < 0
    assert false_alarms / 150 <= 0.12


def test_a_resample_is_what_drawing_rows_gives() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.MULTICLASS, rng.integers(0, 3, 60), tuple("abc"), 3)
    p = rng.dirichlet(np.ones(3), size=60)
    metric = METRICS["f1_macro"]
    again = np.random.default_rng(5)
    scores = []
    for _ in range(40):
        rows = again.integers(0, 60, 60)
        scores.append(metric.score(outcome.take(rows), p[rows]))
    _, low, high = bootstrap_interval(metric, outcome, p, seed=5, n=40)
    assert (low, high) == pytest.approx(tuple(np.quantile(scores, [0.025, 0.975])))


def test_the_interval_depends_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, flat = Outcome(Kind.REGRESSION, np.random.default_rng(0).normal(size=50)), np.zeros((50, 1))
    one = bootstrap_interval(MAE, outcome, flat, seed=3)
    assert one == bootstrap_interval(MAE, outcome, flat, seed=3) != bootstrap_interval(MAE, outcome, flat, seed=4)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 170)
    assert bootstrap_interval(MAE, outcome, flat, seed=3) == pytest.approx(one)


def test_groups_widen_the_interval() -> None:
    y = np.repeat(np.random.default_rng(0).normal(size=20), 10)
    outcome, flat = Outcome(Kind.REGRESSION, y), np.zeros((200, 1))
    _, low, high = bootstrap_interval(MAE, outcome, flat, seed=0)
    _, wide_low, wide_high = bootstrap_interval(MAE, outcome, flat, seed=0, groups=np.repeat(np.arange(20), 10))
    assert wide_high - wide_low > 1.5 * (high - low)
    lone = np.full(200, None, dtype=object)
    assert bootstrap_interval(MAE, outcome, flat, seed=0, groups=lone)[1:] == pytest.approx((low, high))


def test_paired_differences() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.REGRESSION, rng.normal(size=300))
    good, bad = outcome.y[:, None] + rng.normal(size=(300, 1)) * 0.5, rng.normal(size=(300, 1))
    same = paired_difference(MAE, outcome, good, good, seed=0)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    better = paired_difference(MAE, outcome, good, bad, seed=0)
    assert better.low < better.difference < better.high < 0 and better.p_value == pytest.approx(2 / 1001)
    assert better.difference == pytest.approx(better.score_a - better.score_b)
    turned = paired_difference(MAE, outcome, bad, good, seed=0)
    assert turned.p_value == better.p_value and turned.low == pytest.approx(-better.high)


def test_pairing_narrows_the_interval() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.REGRESSION, 10 * rng.normal(size=300))
    a, b = rng.normal(size=(300, 1)), rng.normal(size=(300, 1))
    _, low, high = bootstrap_interval(MAE, outcome, a, seed=0)
    found = paired_difference(MAE, outcome, a, b, seed=0)
    assert found.high - found.low < 0.5 * (high - low)


def test_what_cannot_be_known_is_nan() -> None:
    auc, half = METRICS["roc_auc"], np.full((3, 2), 0.5)
    one_class = Outcome(Kind.BINARY, np.zeros(3, int), ("n", "y"), 2)
    assert np.isnan(bootstrap_interval(auc, one_class, half, seed=0)).all()
    found = paired_difference(auc, one_class, half, half, seed=0)
    assert np.isnan([found.difference, found.low, found.high, found.p_value]).all()
    score, low, high = bootstrap_interval(MAE, Outcome(Kind.REGRESSION, np.ones(1)), np.zeros((1, 1)), seed=0)
    assert score == 1 and np.isnan([low, high]).all(), "one row says nothing about spread"
    three = Outcome(Kind.REGRESSION, np.ones(3))
    assert np.isnan(bootstrap_interval(MAE, three, np.zeros((3, 1)), seed=0, groups=np.zeros(3))[1])
    assert np.isnan(bootstrap_interval(MAE, three.take(np.arange(0)), np.zeros((0, 1)), seed=0)).all()


def test_resamples_of_one_class_are_left_out() -> None:
    rare = Outcome(Kind.BINARY, np.array([0, 0, 1]), ("n", "y"), 2)
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]])
    score, low, high = bootstrap_interval(METRICS["roc_auc"], rare, p, seed=0)
    assert score == 0.5 and 0 <= low <= score <= high <= 1


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if Kind.MULTICLASS in metric.kinds])
def test_4800_rows_of_29_classes_take_a_moment(name: str) -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.MULTICLASS, rng.integers(0, 29, 4800), tuple(range(29)), 29)
    p = rng.dirichlet(np.ones(29), size=4800)
    started = time.process_time()
    bootstrap_interval(METRICS[name], outcome, p, seed=0)
    assert time.process_time() - started < 6, "about 1 s is usual"


def test_bad_arguments_are_refused() -> None:
    outcome, flat = Outcome(Kind.REGRESSION, np.zeros(4)), np.zeros((4, 1))
    with pytest.raises(InputError, match=r"\(4, 1\), but have \(3, 1\)"):
        paired_difference(MAE, outcome, flat, flat[:3], seed=0)
    with pytest.raises(InputError, match="n=0, level=0.95"):
        bootstrap_interval(MAE, outcome, flat, seed=0, n=0)
    with pytest.raises(InputError, match="one value for each of the 4 rows, but has 2"):
        bootstrap_interval(MAE, outcome, flat, seed=0, groups=np.zeros(2))
