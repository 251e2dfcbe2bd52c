from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.schema import Kind
from evaluation.groups_graph import (
    FINDING,
    LEVEL,
    MOST_DIMENSIONS,
    TESTING,
    FoundGroup,
    communities,
    find_groups,
    strongest_edges,
)
from evaluation.groups_interactions import measure_interactions

Float = NDArray[np.float64]
PLANTED = {3, 7, 11}
N = 3000  # rows that are scored


def planted(x: Float) -> Float:
    """Three dimensions that act together, and two that act alone."""
    together = x[:, 3] * x[:, 7] + x[:, 7] * x[:, 11] + x[:, 3] * x[:, 11]
    return together + 2 * x[:, 1] + np.sin(2 * x[:, 2])


def noise(x: Float) -> Float:
    """Dimensions that act alone, and a noise that is the same for the same row."""
    chance = np.sin(1e4 * (x * np.arange(1, x.shape[1] + 1)).sum(axis=1))
    return x[:, 0] - np.tanh(x[:, 4]) + 3 * chance


def groups_of(make_block: Callable[..., object], score: Callable[[Float], Float], seed: int) -> tuple[FoundGroup, ...]:
    table, model = make_block(score, n=400, d=20, seed=seed)  # type: ignore[misc]
    found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=seed, n_evaluations=N)
    return find_groups(found, seed=seed, n_permutations=500)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_group_is_found_and_is_better_than_random(make_block: Callable[..., object], seed: int) -> None:
    best, *others = groups_of(make_block, planted, seed)
    assert set(best.dimensions) == PLANTED and best.is_real
    assert best.density > 10 and best.importance > 2
    assert best.score == pytest.approx(best.density * best.importance) and best.score > 10 * best.random_score
    assert best.p_value <= best.q_value <= LEVEL
    assert not [group for group in others if group.is_real]


def test_noise_has_no_groups(make_block: Callable[..., object]) -> None:
    """At a level of 5 %, one of 20 runs may be wrong; three would be by a chance of 8 %, four of 2 %."""
    wrong = sum(any(g.is_real for g in groups_of(make_block, noise, seed)) for seed in range(20))
    assert wrong <= 3


def test_p_values_of_noise_are_spread_evenly(make_block: Callable[..., object]) -> None:
    """Groups are forced on noise, as if its edges stood out: only the halves keep the test honest."""
    p_values, in_sample = [], []
    for seed in range(12):
        table, model = make_block(noise, n=400, d=30, seed=seed)  # type: ignore[misc]
        found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=seed, n_evaluations=3200)
        strength = found.strength(FINDING)
        i, j = np.triu_indices(30, 1)
        kept = np.argsort(-strength[i, j])[:22]
        for group in communities(i[kept], j[kept], strength[i, j][kept], 30, seed):
            for half, into in ((TESTING, p_values), (FINDING, in_sample)):
                values = found.strength(half)
                rng = np.random.default_rng(seed)
                drawn = [rng.choice(30, len(group), replace=False) for _ in range(200)]
                null = np.array([values[np.ix_(g, g)].mean() for g in drawn])
                into.append((1 + (null >= values[np.ix_(group, group)].mean()).sum()) / 201)
    assert 0.3 < np.mean(p_values) < 0.7 and np.mean(np.array(p_values) <= 0.05) < 0.2
    assert np.mean(np.array(in_sample) <= 0.05) > 0.8  # what testing on the finding half would have said


def test_a_model_that_adds_up_has_no_groups_however_its_dimensions_hang_together(
    make_block: Callable[..., object],
) -> None:
    def add(x: Float) -> Float:
        return x @ np.linspace(-1, 1, x.shape[1])

    table, model = make_block(add, n=300, d=16, seed=0, correlated=True)  # type: ignore[misc]
    found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=0, n_evaluations=2000)
    assert find_groups(found, seed=0) == ()
    assert len(strongest_edges(found, FINDING, 0.05)[0]) == 0


def test_groups_are_bounded_and_the_same_again(make_block: Callable[..., object]) -> None:
    def dense(x: Float) -> Float:
        return np.square(x.sum(axis=1)) + np.square(x[:, :40].sum(axis=1))

    table, model = make_block(dense, n=400, d=60, seed=1)  # type: ignore[misc]
    found = measure_interactions(model, table, 0, Kind.REGRESSION, seed=1, n_evaluations=9000)
    groups = find_groups(found, seed=1, edge_share=0.5, n_permutations=100)
    assert groups and all(3 <= len(group.dimensions) <= MOST_DIMENSIONS for group in groups)
    assert groups == find_groups(found, seed=1, edge_share=0.5, n_permutations=100)
    used = [dimension for group in groups for dimension in group.dimensions]
    assert len(used) == len(set(used))
    with pytest.raises(InputError, match="edge_share must lie above 0"):
        find_groups(found, seed=1, edge_share=0.0)
