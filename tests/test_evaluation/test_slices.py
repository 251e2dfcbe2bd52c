from __future__ import annotations

import numpy as np
import pytest

from artifacts.errors import InputError
from evaluation.slices import find_slices, least_rows


def make_masks(n: int, seed: int, m: int = 40) -> tuple[np.ndarray, np.random.Generator]:
    """Conditions of which some are nearly others, as features are."""
    rng = np.random.default_rng(seed)
    masks = rng.uniform(size=(n, m)) < rng.uniform(0.1, 0.6, size=m)
    masks[:, 0], masks[:, 1] = rng.uniform(size=n) < 0.25, rng.uniform(size=n) < 0.4
    twins = masks[:, 2:12] ^ (rng.uniform(size=(n, 10)) < 0.05)
    return np.hstack([masks, twins]), rng


def test_a_planted_slice_is_found_alone() -> None:
    for seed in range(5):
        masks, rng = make_masks(600, seed)
        losses = rng.exponential(size=600) * np.where(masks[:, 0], 2.5, 1.0)
        found = find_slices(masks, losses)
        assert [one.conditions for one in found.slices] == [(0,)], seed
        one = found.slices[0]
        assert (one.rows == np.flatnonzero(masks[:, 0])).all() and one.q_value < 0.05
        assert one.mean_loss == pytest.approx(losses[masks[:, 0]].mean())
        assert one.rest_loss == pytest.approx(losses[~masks[:, 0]].mean())
        n = masks.shape[1]
        assert 0.8 * n * (n + 1) / 2 < found.n_looked_at <= n * (n + 1) / 2


def test_a_planted_pair_is_found_and_its_parts_say_nothing_new() -> None:
    for seed in range(5):
        masks, rng = make_masks(2000, seed)
        bad = masks[:, 0] & masks[:, 1]
        found = find_slices(masks, rng.exponential(size=2000) * np.where(bad, 2.5, 1.0))
        assert found.slices[0].conditions == (0, 1), seed
        assert (0,) not in [one.conditions for one in found.slices]


def test_of_two_bad_slices_both_are_found() -> None:
    masks, rng = make_masks(1500, 3)
    factor = np.where(masks[:, 0], 2.5, 1.0) * np.where(masks[:, 1], 2.0, 1.0)
    names = {one.conditions for one in find_slices(masks, rng.exponential(size=1500) * factor).slices}
    assert {i for name in names for i in name} >= {0, 1}


def test_slices_of_the_same_rows_are_said_once() -> None:
    masks, rng = make_masks(800, 1)
    masks[:, 20] = masks[:, 0]
    flipped = rng.choice(800, 8, replace=False)
    masks[flipped, 20] ^= True
    found = find_slices(masks, rng.exponential(size=800) * np.where(masks[:, 0], 3.0, 1.0)).slices
    names = [one.conditions for one in found]
    assert (0,) in names or (20,) in names
    first = found[0]
    others = {i for name in first.also for i in name} | set(first.conditions)
    assert {0, 20} <= others and len(found) == 1


LOSSES = {
    "skewed": lambda rng, n: np.exp(1.5 * rng.normal(size=n)),
    "skewed to the left": lambda rng, n: -np.exp(rng.normal(size=n)),
    "two values": lambda rng, n: np.where(rng.uniform(size=n) < 0.7, 1.0, 0.1),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_on_noise_nothing_is_found_at_the_level(kind: str) -> None:
    """30 seeds at a level of 5 % expect 1.5 with a finding; 6 or more have a chance below half a percent."""
    found = 0
    for seed in range(30):
        masks, rng = make_masks(400, seed, 25)
        found += bool(find_slices(masks, LOSSES[kind](rng, 400)).slices)
    assert found <= 5


def test_whole_groups_are_tested() -> None:
    """Losses and conditions are those of groups: 40 of them, though 400 rows."""
    alone = grouped = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(40), 10)
        masks = (rng.uniform(size=(40, 10)) < 0.4)[groups]
        losses = rng.normal(size=40)[groups] ** 2 + 0.1 * rng.uniform(size=400)
        alone += bool(find_slices(masks, losses).slices)
        grouped += bool(find_slices(masks, losses, groups=groups).slices)
    assert alone >= 9 and grouped <= 2
    bad = (np.arange(40) < 15)[groups]
    lone = np.where(np.arange(400) < 5, -1, groups)
    found = find_slices(bad[:, None], losses + 4.0 * bad, groups=lone).slices
    assert [one.conditions for one in found] == [(0,)]


def test_small_slices_and_flat_losses_have_no_findings() -> None:
    rng = np.random.default_rng(0)
    few = np.arange(300) < 10
    losses = np.where(few, 100.0, rng.uniform(size=300))
    assert find_slices(few[:, None], losses).n_looked_at == 0
    assert find_slices(np.zeros((300, 0), bool), losses).slices == ()
    assert find_slices(np.ones((300, 1), bool), losses).slices == ()
    assert find_slices(rng.uniform(size=(300, 3)) < 0.5, np.ones(300)).n_looked_at == 0
    assert least_rows(100) == 20 and least_rows(10_000) == 100


def test_a_slice_that_is_better_than_the_rest_is_none() -> None:
    masks, rng = make_masks(600, 0)
    losses = rng.exponential(size=600) * np.where(masks[:, 0], 0.2, 1.0)
    assert (0,) not in [one.conditions for one in find_slices(masks[:, :1], losses).slices]


def test_unusable_input_is_refused() -> None:
    with pytest.raises(InputError, match="n_samples, n_conditions"):
        find_slices(np.ones((5, 2), bool), np.ones(4))
    with pytest.raises(InputError, match="finite losses, but 1"):
        find_slices(np.ones((2, 2), bool), np.array([1.0, np.nan]))
