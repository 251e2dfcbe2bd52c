"""Shapley values of a game whose players each bring an array, and whose value is a function of the sum."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Single = NDArray[np.float32]

MOST_EXACT = 7  # players whose coalitions are all valued: 128 of them
EVALUATIONS = 256  # at least half as many, where there are more players


def n_orders(n_players: int) -> int:
    """How many orders are valued, where there are more than ``MOST_EXACT`` players."""
    return 2 * max(1, EVALUATIONS // (2 * n_players))


def shapley_of_sums(
    parts: Single, value: Callable[[Single], Float], nobody: Float, everybody: Float, *, seed: int
) -> Float:
    """What each player adds on average over the orders in which they can come; adds up exactly.

    All coalitions are valued where there are at most ``MOST_EXACT`` players (Shapley, A value for n-person games,
    1953). Else the mean is over random orders and each of them backwards (Castro, Gomez and Tejada, Polynomial
    calculation of the Shapley value based on sampling, 2009; pairs as in Mitchell et al., Sampling permutations for
    Shapley value estimation, 2022).

    Args:
        parts: (n_players, n_samples, n), what each player brings.
        value: gives (n_samples, n_outputs) for a sum (n_samples, n) over some players.
        nobody: value of no player (n_samples, n_outputs).
        everybody: value of all players, likewise.
        seed: of the orders.

    Returns:
        float64 (n_samples, n_players, n_outputs).
    """
    n_players = len(parts)
    result = np.zeros((len(nobody), n_players, nobody.shape[1]))
    if n_players <= MOST_EXACT:
        _add_exact(parts, value, nobody, everybody, result)
        return result
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(n_players) for _ in range(n_orders(n_players) // 2)]
    for order in (one for drawn in orders for one in (drawn, drawn[::-1])):
        running, before = np.zeros_like(parts[0]), nobody
        for i, player in enumerate(order):
            running += parts[player]
            after = everybody if i + 1 == n_players else value(running)
            result[:, player] += after - before
            before = after
    return np.asarray(result / (2 * len(orders)))


def _add_exact(parts: Single, value: Callable[[Single], Float], nobody: Float, everybody: Float, result: Float) -> None:
    n_players = len(parts)
    members = (np.arange(2**n_players)[:, None] >> np.arange(n_players) & 1).astype(bool)
    found = [nobody]
    found.extend(everybody if there.all() else value(parts[there].sum(axis=0)) for there in members[1:])
    for mask, there in enumerate(members):
        size = int(there.sum())
        for player in np.flatnonzero(there):
            share = factorial(size - 1) * factorial(n_players - size) / factorial(n_players)
            result[:, player] += share * (found[mask] - found[mask ^ (1 << int(player))])
