"""Shapley values of groups of features for any model that predicts: what is left out is taken from real rows."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import Block, FeatureTable

Float = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_EXACT = 10  # groups whose coalitions are all valued: 1,024 of them
N_ORDERS = 16  # random orders, and each of them backwards, where there are more groups
AT_ONCE = 20_000  # rows that are predicted at once


def shapley_by_replacement(
    decide: Callable[[FeatureTable], Float],
    table: FeatureTable,
    background: FeatureTable,
    groups: NDArray[np.int64],
    n_groups: int,
    *,
    seed: int = 0,
) -> tuple[Float, Float, float]:
    """What groups of features contribute, where those that are absent have the values of background rows.

    The value of a coalition is the mean score over the background rows (interventional Shapley values: Strumbelj and
    Kononenko, Explaining prediction models and individual predictions with feature contributions, 2014). All coalitions
    are valued where there are at most ``MOST_EXACT`` groups; else orders are drawn, each with its reverse (Mitchell et
    al., Sampling permutations for Shapley value estimation, 2022). Either way the values add up.

    Args:
        decide: scores (n_rows, n_link) of a table.
        table: the rows to explain.
        background: real rows with the same features.
        groups: (n_features,) position of each feature's group.
        n_groups: how many groups there are; those without features contribute nothing.
        seed: of the orders.

    Returns:
        Values (n_samples, n_groups, n_link), the base (n_link,), which is the mean score of the background rows, and
        the mean standard error of the values as a share of their mean size; 0 where all coalitions are valued.
    """
    players = np.unique(groups)
    n_link = decide(background).shape[1]
    base, everybody = decide(background).mean(axis=0), decide(table)
    values = np.zeros((table.n_samples, n_groups, n_link))
    if len(players) <= MOST_EXACT:
        there = (np.arange(2 ** len(players))[:, None] >> np.arange(len(players)) & 1).astype(bool)
        found = _values(decide, table, background, players, groups, there)
        values[:, players] = _exact(found, there)
        return _summing_up(values, players, everybody - base), base, 0.0
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(len(players)) for _ in range(N_ORDERS)]
    pairs = []
    for order in drawn:
        each = []
        for one in (order, order[::-1]):
            there = np.tril(np.ones((len(one) + 1, len(one)), dtype=bool), -1)[:, np.argsort(one)]
            steps = np.diff(_values(decide, table, background, players, groups, there), axis=1)
            each.append(steps[:, np.argsort(one)])
        pairs.append((each[0] + each[1]) / 2)
    sampled = np.stack(pairs)
    error = sampled.std(axis=0, ddof=1).mean() / np.sqrt(len(pairs))
    values[:, players] = sampled.mean(axis=0)
    share = float(error / max(np.abs(values[:, players]).mean(), 1e-300))
    return _summing_up(values, players, everybody - base), base, share


def _values(
    decide: Callable[[FeatureTable], Float],
    table: FeatureTable,
    background: FeatureTable,
    players: NDArray[np.int64],
    groups: NDArray[np.int64],
    there: Bools,
) -> Float:
    """Mean scores (n_samples, n_coalitions, n_link) of rows with the players ``there`` (n_coalitions, n_players)."""
    n_back = background.n_samples
    per_row = len(there) * n_back
    player_of = np.searchsorted(players, groups)
    parts = []
    for start in range(0, table.n_samples, max(1, AT_ONCE // per_row)):
        rows = np.arange(start, min(start + max(1, AT_ONCE // per_row), table.n_samples))
        own = np.repeat(rows, per_row)
        back = np.tile(np.arange(n_back), len(rows) * len(there))
        kept = np.tile(np.repeat(there, n_back, axis=0), (len(rows), 1))
        scores = decide(_mixed(table, background, own, back, kept[:, player_of]))
        parts.append(scores.reshape(len(rows), len(there), n_back, -1).mean(axis=2))
    return np.concatenate(parts)


def _mixed(
    table: FeatureTable, background: FeatureTable, own: NDArray[np.int64], back: NDArray[np.int64], kept: Bools
) -> FeatureTable:
    """Rows whose features (n, n_features) are their own where they are kept, and those of background rows elsewhere."""
    import pandas as pd

    blocks, first = [], 0
    of_source: dict[str, Bools] = {}
    for block, other in zip(table.blocks, background.blocks, strict=True):
        width = len(block.features)
        stay = kept[:, first : first + width]
        values = np.where(stay, block.gather(own), other.gather(back))
        blocks.append(Block(block.source, block.featurizer, block.features, values, block.categories))
        of_source[block.source] = stay[:, 0]  # a source comes and goes as a whole
        first += width
    contents = table.contents
    if contents is not None and background.contents is not None:
        contents = contents.mixed(background.contents, own, back, of_source)
    return FeatureTable(tuple(blocks), pd.RangeIndex(len(own)), contents)


def _exact(found: Float, there: Bools) -> Float:
    """Values (n_samples, n_players, n_link) of a game, by those of all coalitions (n_samples, n_coalitions, n_link)."""
    n = there.shape[1]
    size = there.sum(axis=1)
    result = np.zeros((len(found), n, found.shape[2]))
    for player in range(n):
        with_it = np.flatnonzero(there[:, player])
        weight = [factorial(s - 1) * factorial(n - s) / factorial(n) for s in size[with_it]]
        gain = found[:, with_it] - found[:, with_it ^ (1 << player)]
        result[:, player] = np.einsum("c,rck->rk", np.array(weight), gain)
    return result


def _summing_up(values: Float, players: NDArray[np.int64], wanted: Float) -> Float:
    """With what rounding leaves shared out evenly, so that the values of a row add up to (n_samples, n_link)."""
    values[:, players] += ((wanted - values.sum(axis=1)) / len(players))[:, None]
    return values
