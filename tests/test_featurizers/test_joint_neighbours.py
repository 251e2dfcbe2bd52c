from __future__ import annotations

import numpy as np
import pytest

from featurizers import joint_neighbours
from featurizers.contrastive import Head, Pairs
from featurizers.joint_neighbours import Bank, common_axes, neighbour_quantities


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("f4")


def linear_head(weights: np.ndarray) -> Head:
    size, width = weights.shape
    return Head(
        np.zeros(size, "f4"), weights.astype("f4"), np.zeros((size, 1), "f4"), np.zeros(1, "f4"),
        np.zeros((1, width), "f4"), np.zeros(width, "f4"),
    )  # fmt: skip


@pytest.fixture
def placed() -> tuple[Pairs, Bank]:
    rng = np.random.default_rng(0)
    keys = np.arange(40, dtype=np.uint64)
    pairs = Pairs(unit(rng.normal(size=(40, 6))), unit(rng.normal(size=(40, 6))), keys, keys + np.uint64(100))
    bank = Bank(pairs.first[None].astype("f2"), pairs.second[None].astype("f2"), pairs.first_key, pairs.second_key)
    return pairs, bank


def test_quantities_are_what_they_say(placed: tuple[Pairs, Bank], monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, bank = placed
    monkeypatch.setattr(joint_neighbours, "BLOCK", 7)  # blocks change nothing
    found = neighbour_quantities(pairs, bank, 0)
    for i in (0, 13, 39):
        others = [j for j in range(40) if j != i]
        fits = bank.second[0, others].astype("f4") @ pairs.first[i]
        own = pairs.first[i] @ pairs.second[i]
        middles = unit(bank.first[0, others].astype("f4") + bank.second[0, others].astype("f4"))
        back = bank.first[0, others].astype("f4") @ pairs.second[i]
        middle = unit((pairs.first[i] + pairs.second[i])[None])[0]
        expected = [own, np.nan, 1 - fits.max(), 1 - back.max(), 1 - (middles @ middle).max()]
        np.testing.assert_allclose(found[i, [0, 2, 3, 4]], np.array(expected)[[0, 2, 3, 4]], atol=1e-5)
        assert found[i, 1] == pytest.approx(100 * np.mean(fits < own), abs=2.6), "values within a tie count in part"


def test_a_training_row_is_no_neighbour_of_itself_nor_of_its_copies(placed: tuple[Pairs, Bank]) -> None:
    pairs, bank = placed
    found = neighbour_quantities(pairs, bank, 0)
    assert found[:, 4].min() > 1e-3, "its own pair would be at distance 0"
    twice = Bank(*(np.concatenate([a, a], axis=1) for a in (bank.first, bank.second)), np.tile(bank.first_key, 2),
                 np.tile(bank.second_key, 2))  # fmt: skip
    np.testing.assert_allclose(neighbour_quantities(pairs, twice, 0), found, atol=1e-5)
    # one that shares only the photo with a known pair has that pair for a neighbour no more than its own
    moved = Pairs(pairs.first, pairs.second, pairs.first_key + np.uint64(5000), pairs.second_key)
    np.testing.assert_allclose(neighbour_quantities(moved, bank, 0), found, atol=1e-5)
    stranger = Pairs(pairs.first, pairs.second, moved.first_key, pairs.second_key + np.uint64(5000))
    np.testing.assert_allclose(neighbour_quantities(stranger, bank, 0)[:, 4], 0, atol=1e-3)


def test_nothing_to_compare_with_is_nan(placed: tuple[Pairs, Bank]) -> None:
    pairs, bank = placed
    alone = Bank(bank.first[:, :1], bank.second[:, :1], bank.first_key[:1], bank.second_key[:1])
    found = neighbour_quantities(pairs.take(np.array([0, 1])), alone, 0)
    assert np.isfinite(found[0, 0]) and np.isnan(found[0, 1:]).all() and np.isfinite(found[1]).all()


def test_common_axes_undo_a_rotation_and_put_the_main_directions_first() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 5)) * [1, 9, 3, 1, 1]
    weights = rng.normal(size=(5, 5))
    turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    pairs = Pairs(x.astype("f4"), x.astype("f4"), np.arange(300, dtype=np.uint64), np.arange(300, dtype=np.uint64))
    heads = [(linear_head(weights @ r),) * 2 for r in (np.eye(5), turn)]
    one, other = common_axes(heads, pairs)
    np.testing.assert_allclose(one[0].project(pairs.first), other[0].project(pairs.first), atol=1e-4)
    spread = one[0].project(pairs.first).var(axis=0)
    assert (np.diff(spread) <= 1e-6).all() and spread[0] > 2 * spread[-1]
