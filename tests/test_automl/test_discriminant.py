from __future__ import annotations

import numpy as np
import pytest

from automl.models.discriminant import MOST_COLUMNS, Learned, axes_in_time, log_normalised, seconds_to_fit, shrink

N, M, K = 90, 6, 5


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.append(rng.integers(0, K - 1, N - 1), K - 1)  # the last class has one row
    x = rng.normal(size=(K, M))[y] + rng.normal(size=(N, M)) @ rng.normal(size=(M, M))
    return x.astype("f4"), y, rng.uniform(0.5, 2.0, N)


def scores_by_hand(learned: Learned, rest: np.ndarray, i: int) -> np.ndarray:
    """Logits of row i by the textbook, from the class means and the scatter of other rows."""
    x, y, weight = learned.x.astype(np.float64), learned.y, learned.weight
    total = weight.sum()
    scatter, means, sizes = np.zeros((M, M)), np.zeros((K, M)), np.zeros(K)
    for k in range(K):
        own = rest[y[rest] == k]
        if len(own):
            sizes[k] = weight[own].sum()
            means[k] = np.average(x[own], axis=0, weights=weight[own]) - learned.mean
            off = x[own] - learned.mean - means[k]
            scatter += (off * weight[own, None]).T @ off
    covariance = (1 - learned.shrinkage) * scatter / total + learned.shrinkage * learned._spread * np.eye(M)
    shrunk = means * shrink(sizes, learned.pseudo_rows)[:, None]
    directions = np.linalg.solve(covariance, shrunk.T)
    prior = np.log(np.maximum(sizes, 0.1))
    return (x[i] - learned.mean) @ directions - 0.5 * np.sum(shrunk.T * directions, axis=0) + prior


def test_new_rows_are_scored_by_fishers_discriminant(rows) -> None:
    learned = Learned(*rows, K, seed=0)
    found = learned.discriminant().scores(rows[0][:10])
    by_hand = np.array([scores_by_hand(learned, np.arange(N), i) for i in range(10)])
    np.testing.assert_allclose(found, log_normalised(learned.scale * by_hand), atol=1e-4)


def test_a_left_out_row_is_scored_by_what_is_learned_without_it(rows) -> None:
    learned = Learned(*rows, K, seed=0)
    found = learned.left_out(np.arange(N))
    by_hand = np.array([scores_by_hand(learned, np.delete(np.arange(N), i), i) for i in range(N)])
    np.testing.assert_allclose(found, log_normalised(learned.scale * by_hand), atol=1e-4)
    assert np.abs(found - learned.discriminant().scores(rows[0])).max() > 0.01


def test_more_columns_than_rows_are_cut_to_their_main_axes() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = rng.normal(size=(60, 200)).astype("f4")
    x[:, :20] += 2.0 * rng.normal(size=(3, 20))[y]
    found = Learned(x, y, np.ones(60), 3, seed=0)
    left_out = found.left_out(np.arange(60))
    assert (left_out.argmax(axis=1) == y).mean() > 0.9
    assert found.discriminant().scores(x).shape == (60, 3)
    few = Learned(x, y, np.ones(60), 3, seed=0, most=20)
    assert few.discriminant().scores(x).shape == (60, 3) and len(few._values) < 20


def test_less_time_leaves_fewer_axes() -> None:
    shape = (50_000, 1536)
    needed = [seconds_to_fit(shape, 845, most) for most in MOST_COLUMNS]
    assert needed == sorted(needed, reverse=True)
    assert [axes_in_time(shape, 845, 1.01 * seconds) for seconds in needed] == list(MOST_COLUMNS)
    assert axes_in_time(shape, 845, 0.9 * needed[-1]) == 0


def test_rows_that_are_all_equal_give_finite_scores() -> None:
    found = Learned(np.ones((8, 3), dtype="f4"), np.arange(8) % 4, np.ones(8), 4, seed=0)
    assert np.isfinite(found.left_out(np.arange(8))).all()
    assert np.isfinite(found.discriminant().scores(np.ones((2, 3), dtype="f4"))).all()
