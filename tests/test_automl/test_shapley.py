from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from automl.models.shapley import shapley_of_sums


def value(total: np.ndarray) -> np.ndarray:
    """Two outputs of a game with interactions."""
    return np.stack([np.square(total).sum(axis=1), np.sin(total).prod(axis=1)], axis=1).astype(np.float64)


def play(parts: np.ndarray, seed: int = 0) -> np.ndarray:
    return shapley_of_sums(parts, value, value(0 * parts[0]), value(parts.sum(axis=0)), seed=seed)


def by_definition(parts: np.ndarray) -> np.ndarray:
    orders = list(permutations(range(len(parts))))
    result = np.zeros((parts.shape[1], len(parts), 2))
    for order in orders:
        for i, player in enumerate(order):
            result[:, player] += value(parts[list(order[: i + 1])].sum(axis=0)) - value(
                parts[list(order[:i])].sum(axis=0)
            )
    return result / len(orders)


def test_few_players_get_their_mean_over_all_orders() -> None:
    parts = np.random.default_rng(0).normal(size=(5, 3, 4)).astype("f4")
    np.testing.assert_allclose(play(parts), by_definition(parts), atol=1e-5)


@pytest.mark.parametrize("n_players", [1, 7, 8, 300])
def test_values_add_up(n_players: int) -> None:
    parts = np.random.default_rng(1).normal(size=(n_players, 3, 4)).astype("f4")
    gained = value(parts.sum(axis=0)) - value(0 * parts[0])
    np.testing.assert_allclose(play(parts).sum(axis=1), gained, rtol=1e-6, atol=1e-6)


def test_sampled_orders_come_close_and_follow_the_seed() -> None:
    parts = np.random.default_rng(2).normal(size=(9, 2, 3)).astype("f4")
    square = lambda total: np.square(total).sum(axis=1, keepdims=True).astype(np.float64)  # noqa: E731
    found = shapley_of_sums(parts, square, square(0 * parts[0]), square(parts.sum(axis=0)), seed=0)
    expected = (parts * parts.sum(axis=0)).sum(axis=2).T[..., None]  # of a square: each product is halved
    np.testing.assert_allclose(found, expected, atol=1e-4)  # an order and its reverse are exact for pairs
    np.testing.assert_array_equal(play(parts, 3), play(parts, 3))
