from __future__ import annotations

import numpy as np
import pytest

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.gains import FOUND, RIGHT, gain_curve


def binary(n: int = 400, seed: int = 0) -> tuple[Outcome, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=n) ** 2
    y = (rng.uniform(size=n) < p).astype(np.int64)
    return Outcome(Kind.BINARY, y, ("no", "yes"), n_known=2), np.column_stack([1 - p, p])


def test_the_order_of_the_truth_is_the_ideal_and_ties_are_chance() -> None:
    outcome, predictions = binary()
    truth = (outcome.y == 1).astype(float)
    best = gain_curve(outcome, np.column_stack([1 - truth, truth]))
    flat = gain_curve(outcome, np.full_like(predictions, 0.5))
    worst = gain_curve(outcome, np.column_stack([truth, 1 - truth]))
    found = gain_curve(outcome, predictions)
    assert best is not None and flat is not None and worst is not None and found is not None
    np.testing.assert_allclose(best.value, best.ideal)
    np.testing.assert_allclose(best.value, np.minimum(1.0, best.share / truth.mean()))
    np.testing.assert_allclose(flat.value, flat.base)
    np.testing.assert_allclose(flat.value, flat.share)
    np.testing.assert_allclose(worst.value, 1 - best.value[::-1], atol=1e-12)
    inside = slice(1, -1)
    assert (found.value[inside] > found.base[inside]).all() and (found.value <= found.ideal + 1e-12).all()
    assert (found.low <= found.high).all() and found.measure == FOUND
    assert found.at(0.5)[0] == pytest.approx(np.interp(0.5, found.share, found.value))


def test_a_rate_counts_by_its_trials() -> None:
    outcome = Outcome(Kind.CONVERSION, np.array([0.5, 0.1, 0.1]), trials=np.array([100.0, 100.0, 300.0]))
    found = gain_curve(outcome, np.array([[0.4], [0.2], [0.1]]))
    assert found is not None
    # A fifth of all views, the first row, has 50 of 90 clicks; two fifths have 60.
    assert found.at(0.2)[0] == pytest.approx(50 / 90) and found.at(0.4)[0] == pytest.approx(60 / 90)


def test_many_classes_are_right_where_the_model_is_sure() -> None:
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.34, 1.0, size=600)
    predictions = np.column_stack([sure, (1 - sure) / 2, (1 - sure) / 2])
    y = np.where(rng.uniform(size=600) < sure, 0, 1)
    found = gain_curve(Outcome(Kind.MULTICLASS, y, ("a", "b", "c"), n_known=3), predictions)
    assert found is not None and found.measure == RIGHT
    assert found.at(0.1)[0] > 0.9 > found.at(1.0)[0] and found.at(1.0)[0] == pytest.approx(np.mean(y == 0))
    assert (found.low <= found.value + 1e-9).mean() > 0.9 and found.ideal[0] == 1.0


def test_labels_are_pairs_and_numbers_need_a_sum() -> None:
    y = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    labels = gain_curve(Outcome(Kind.MULTILABEL, y, ("a", "b", "new"), n_known=2), np.array([[0.9, 0.1], [0.2, 0.3]]))
    assert labels is not None and labels.at(0.25)[0] == 1.0, "one of four pairs of known labels, and it is the first"
    numbers = Outcome(Kind.REGRESSION, np.array([1.0, 2.0, 5.0]))
    found = gain_curve(numbers, np.array([[0.0], [1.0], [2.0]]))
    assert found is not None and found.at(1 / 3)[0] == pytest.approx(5 / 8, abs=0.02)
    assert gain_curve(Outcome(Kind.REGRESSION, np.array([-1.0, 2.0])), np.zeros((2, 1))) is None
    assert gain_curve(Outcome(Kind.REGRESSION, np.zeros(2)), np.zeros((2, 1))) is None
    assert gain_curve(Outcome(Kind.REGRESSION, np.zeros(0)), np.zeros((0, 1))) is None


def test_rows_of_a_group_are_drawn_together() -> None:
    outcome, predictions = binary(60)
    repeated = outcome.take(np.repeat(np.arange(60), 10))
    many = np.repeat(predictions, 10, axis=0)
    alone = gain_curve(repeated, many)
    grouped = gain_curve(repeated, many, groups=np.repeat(np.arange(60), 10))
    one = gain_curve(outcome, predictions, groups=np.zeros(60))
    assert alone is not None and grouped is not None and one is not None
    assert np.mean(grouped.high - grouped.low) > 2 * np.mean(alone.high - alone.low)
    assert np.isnan(one.low).all(), "one group says nothing about spread"
