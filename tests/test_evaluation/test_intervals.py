from __future__ import annotations

import numpy as np
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.compare import ComparedRun, compare
from evaluation.intervals import bootstrap_interval, paired_difference
from evaluation.metrics import METRICS

MAE = METRICS["mae"]


def test_the_interval_covers_the_true_score_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    true = np.sqrt(2 / np.pi)  # the mean of |N(0, 1)|
    hits = 0
    for seed in range(120):
        outcome = Outcome(Kind.REGRESSION, rng.normal(size=150))
        _, low, high = bootstrap_interval(MAE, outcome, np.zeros((150, 1)), seed=seed, n=200)
        hits += low <= true <= high
    assert 0.88 <= hits / 120 <= 0.99


def test_groups_widen_the_interval() -> None:
    y = np.repeat(np.random.default_rng(0).normal(size=20), 10)
    outcome, flat = Outcome(Kind.REGRESSION, y), np.zeros((200, 1))
    _, low, high = bootstrap_interval(MAE, outcome, flat, seed=0)
    _, wide_low, wide_high = bootstrap_interval(MAE, outcome, flat, seed=0, groups=np.repeat(np.arange(20), 10))
    assert wide_high - wide_low > 1.5 * (high - low)


def test_paired_differences() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.REGRESSION, rng.normal(size=300))
    good, bad = outcome.y[:, None] + rng.normal(size=(300, 1)) * 0.5, rng.normal(size=(300, 1))
    same = paired_difference(MAE, outcome, good, good, seed=0)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    better = paired_difference(MAE, outcome, good, bad, seed=0)
    assert better.high < 0 and better.p_value < 0.01
    with pytest.raises(InputError, match="one shape"):
        paired_difference(MAE, outcome, good, good[:5], seed=0)


def test_a_score_that_is_never_defined_has_no_interval() -> None:
    outcome = Outcome(Kind.BINARY, np.zeros(3, int), ("n", "y"), 2)
    assert np.isnan(bootstrap_interval(METRICS["roc_auc"], outcome, np.full((3, 2), 0.5), seed=0)).all()


def make_run(name: str, noise: float, *, n: int = 200, fingerprint: str = "f", metric=MAE) -> ComparedRun:
    y = np.random.default_rng(0).normal(size=n)
    predictions = y[:, None] + np.random.default_rng(1).normal(size=(n, 1)) * noise
    return ComparedRun(name, metric, Outcome(Kind.REGRESSION, y), predictions, tuple(map(str, range(n))), fingerprint)


def test_runs_are_compared_pairwise() -> None:
    table = compare([make_run("a", 0.1), make_run("b", 1.0), make_run("c", 1.0)])
    assert list(table["better"]) == ["a", "a", "neither"] and (table["high"][:2] < 0).all()


def test_runs_of_different_rows_are_refused() -> None:
    with pytest.raises(InputError, match="different holdouts: 200 and 100 rows, 100 ids in common"):
        compare([make_run("a", 0.1), make_run("b", 0.1, n=100, fingerprint="g")])
    with pytest.raises(InputError, match="different metrics"):
        compare([make_run("a", 0.1), make_run("b", 0.1, metric=METRICS["r2"])])
    with pytest.raises(InputError, match="needs two runs"):
        compare([make_run("a", 0.1)])
