"""The blend: weights on the link scale that are right, sum to one, and do not live on copies of one member."""

from __future__ import annotations

import time

import numpy as np
import pytest

from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.ensemble import MAX_CANDIDATES, greedy_blend
from evaluation.metrics import METRICS

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(400, 1))
OUTCOME = Outcome(Kind.REGRESSION, TRUTH[:, 0])


def noisy(sd: float, seed: int) -> np.ndarray:
    return TRUTH + sd * np.random.default_rng(seed).normal(size=TRUTH.shape)


def r2(weights: dict[str, float], scores: dict[str, np.ndarray]) -> float:
    blended = sum(weight * scores[key] for key, weight in weights.items())
    return METRICS["r2"].score(OUTCOME, from_link(Kind.REGRESSION, np.asarray(blended)), None)


def test_independent_errors_are_averaged() -> None:
    scores = {f"m{i}": noisy(0.5, i) for i in range(1, 5)}
    weights = greedy_blend(scores, OUTCOME, METRICS["r2"])
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.get(key, 0.0) for key in scores) > 0.1
    assert r2(weights, scores) > max(r2({key: 1.0}, scores) for key in scores) + 0.1


def test_the_best_alone_where_nothing_adds() -> None:
    scores = {"good": noisy(0.1, 1), "bad": -TRUTH, "constant": np.zeros_like(TRUTH)}
    assert greedy_blend(scores, OUTCOME, METRICS["r2"]) == {"good": 1.0}


def test_many_versions_of_the_best_do_not_crowd_out_another_family() -> None:
    best = noisy(0.40, 1)
    versions = {f"net-{i}": best + 0.01 * np.random.default_rng(100 + i).normal(size=best.shape) for i in range(60)}
    scores = {**versions, "tree-1": noisy(0.45, 2)}
    families = {key: key.split("-")[0] for key in scores}
    weights = greedy_blend(scores, OUTCOME, METRICS["r2"], families=families)
    assert len(versions) > MAX_CANDIDATES and weights["tree-1"] > 0.3
    assert r2(weights, scores) > r2({"net-0": 1.0}, scores) + 0.05


def test_rows_that_any_candidate_lacks_are_left_out() -> None:
    scores = {"a": noisy(0.5, 1), "b": noisy(0.5, 2)}
    scores["a"][:100] = np.nan
    weights = greedy_blend(scores, OUTCOME, METRICS["r2"])
    assert set(weights) == {"a", "b"}


def test_the_likelihood_decides_between_equal_decisions() -> None:
    codes = (TRUTH[:, 0] > 0).astype(np.int64)
    outcome = Outcome(Kind.BINARY, codes, classes=("no", "yes"), n_known=2)
    scores = {"timid": 0.01 * np.sign(TRUTH), "sure": 4.0 * np.sign(TRUTH)}
    assert greedy_blend(scores, outcome, METRICS["accuracy"]) == {"sure": 1.0}


def test_when_its_time_is_up_the_blend_is_what_was_best_so_far() -> None:
    scores = {f"m{i}": noisy(0.2 + 0.1 * i, i) for i in range(1, 5)}
    assert greedy_blend(scores, OUTCOME, METRICS["r2"], until=time.monotonic()) == {"m1": 1.0}
