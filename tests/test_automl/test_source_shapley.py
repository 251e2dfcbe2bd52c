"""Shapley values with replaced sources: known games, adding up, and the error of sampled orders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Modality, Title, opaque_features
from automl.backends.source_shapley import shapley_by_replacement

RNG = np.random.default_rng(0)


def table(n: int, n_sources: int) -> FeatureTable:
    """Sources of two columns each; the last is a category and a number."""
    blocks = []
    for i in range(n_sources):
        column = Column(f"s{i}", Modality.NUMERIC, Title("", ""))
        values = RNG.normal(size=(n, 2)).astype("f4")
        if i < n_sources - 1:
            blocks.append(Block(f"s{i}", "x", opaque_features(column, "x", 2), values))
            continue
        blocks.append(Block(f"s{i}", "x", opaque_features(column, "x", 1), values[:, :1].copy()))
        codes = RNG.integers(0, 2, (n, 1)).astype("f4")
        blocks.append(Block(f"s{i}", "c", opaque_features(column, "c", 1), codes, ("a", "b")))
    return FeatureTable(tuple(blocks), pd.RangeIndex(n))


def decide(rows: FeatureTable) -> np.ndarray:
    """Additive but for a product of the first two sources, in two outputs."""
    x = rows.to_numpy().astype(float)
    return np.stack([x[:, 0] * x[:, 2] + 2 * x[:, 4] + x[:, -1], x.sum(axis=1)], axis=1)


@pytest.mark.parametrize("n_sources", [4, 12])
def test_values_add_up_and_are_those_of_the_game(n_sources: int) -> None:
    rows, background = table(5, n_sources), table(3, n_sources)
    groups = np.repeat(np.arange(n_sources), 2)
    values, base, error = shapley_by_replacement(decide, rows, background, groups, n_sources + 1)
    np.testing.assert_allclose(base, decide(background).mean(axis=0))
    np.testing.assert_allclose(base + values.sum(axis=1), decide(rows), atol=1e-6)
    assert not values[:, n_sources].any(), "a group without features"
    x, back = rows.to_numpy().astype(float), background.to_numpy().astype(float)
    plain = x.reshape(5, n_sources, 2).sum(axis=2) - back.reshape(3, n_sources, 2).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(values[:, :n_sources, 1], plain, atol=1e-5)
    np.testing.assert_allclose(values[:, 2, 0], 2 * (x[:, 4] - back[:, 4].mean()), atol=1e-5)
    a, b, c, d = x[:, 0, None], x[:, 2, None], back[:, 0], back[:, 2]
    first = ((a * d - c * d) + (a * b - c * b)).mean(axis=1) / 2
    np.testing.assert_allclose(values[:, 0, 0], first, atol=1e-5 if n_sources == 4 else 0.2)
    assert (error == 0.0) == (n_sources == 4) and error < 0.5


def test_the_same_seed_gives_the_same_values() -> None:
    rows, background, groups = table(2, 12), table(2, 12), np.repeat(np.arange(12), 2)
    one, other = (shapley_by_replacement(decide, rows, background, groups, 12, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)
