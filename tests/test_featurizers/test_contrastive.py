from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from featurizers.contrastive import Head, Pairs, Settings, _held_back, _mean_rank, _Training, learn_heads

FAST = Settings(width=16, hidden=64, epochs=40, patience=10, dropout=0.1, batch=256)


def make_pairs(n: int, seed: int = 0, repeats: int = 1) -> Pairs:
    """Two views of five hidden causes, one of them mostly of their size; every content comes ``repeats`` times."""
    maps, rng = np.random.default_rng(99), np.random.default_rng(seed)
    a, b, c = (maps.normal(size=(5, k)) for k in (24, 30, 30))
    cause = np.repeat(rng.normal(size=(n // repeats, 5)), repeats, axis=0)
    noise = [0.4 * np.repeat(rng.normal(size=(n // repeats, k)), repeats, axis=0) for k in (24, 30)]
    keys = np.repeat(np.arange(n // repeats, dtype=np.uint64), repeats)
    first, second = cause @ a + noise[0], np.abs(cause) @ b + 0.1 * cause @ c + noise[1]
    return Pairs(first.astype("f4"), second.astype("f4"), keys, keys + np.uint64(10**6))


def recall(first: np.ndarray, second: np.ndarray) -> float:
    return float(((first @ second.T).argmax(axis=1) == np.arange(len(first))).mean())


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return make_pairs(1500)


def test_new_pairs_are_found_far_above_chance(pairs: Pairs) -> None:
    learned, new = learn_heads(pairs, 0, FAST), make_pairs(300, seed=5)
    first, second = learned.first.project(new.first), learned.second.project(new.second)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-5)
    assert recall(first, second) > 0.1 and recall(first, np.roll(second, 7, axis=0)) < 0.02
    assert learned.held_rank > 0.93 and learned.epoch > 0 and 0.01 <= learned.temperature < 1


def test_training_beats_the_canonical_correlation_that_it_starts_from(pairs: Pairs) -> None:
    new, ranks = make_pairs(1000, seed=6), []
    for epochs in (0, 40):
        learned = learn_heads(pairs, 0, replace(FAST, epochs=epochs))
        ranks.append(_mean_rank(learned.first.project(new.first), learned.second.project(new.second)))
    assert 0.8 < ranks[0] < ranks[1] - 0.02


def test_unrelated_sides_stay_at_chance(pairs: Pairs) -> None:
    order = np.random.default_rng(1).permutation(len(pairs))
    learned = learn_heads(replace(pairs, second=pairs.second[order]), 0, replace(FAST, epochs=10))
    assert 0.3 < learned.held_rank < 0.7


def test_same_seed_same_numbers_and_torch_is_left_as_it_was(pairs: Pairs) -> None:
    n_threads = torch.get_num_threads()
    torch.manual_seed(3)
    expected = torch.rand(5)
    torch.manual_seed(3)
    one, same, other = (learn_heads(pairs, seed, replace(FAST, epochs=2)) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(5), expected) and torch.get_num_threads() == n_threads
    for name, array in one.first.arrays().items():
        np.testing.assert_array_equal(array, same.first.arrays()[name])
    assert np.abs(one.first.linear - other.first.linear).max() > 1e-4


def test_no_batch_holds_a_side_twice_and_none_is_shared_with_the_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = make_pairs(600, repeats=3)
    # every photo of the first hundred rows also comes with another text
    pairs = replace(pairs, first_key=np.r_[np.arange(7000, 7100, dtype=np.uint64), pairs.first_key[100:]])
    sizes: list[int] = []
    real = Pairs.without_repeats

    def checked(self: Pairs, order: np.ndarray) -> np.ndarray:
        rows = real(self, order)
        for key in (self.first_key, self.second_key):
            assert len(set(key[rows])) == len(rows)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(Pairs, "without_repeats", checked)
    learn_heads(pairs, 0, replace(FAST, epochs=2))
    assert len(sizes) == 3 and all(120 < size <= 200 for size in sizes)
    held, kept = _held_back(pairs, np.random.default_rng(0))
    for key in (pairs.first_key, pairs.second_key):
        assert not set(key[held]) & set(key[kept])
    assert len(held) + len(kept) < len(pairs), "repeats of held-back rows are in neither part"


def test_early_stop_keeps_the_best_epoch(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([5.0, 4.0, 3.0, 3.5, 3.6, 3.7, 3.8])
    monkeypatch.setattr(_Training, "_held_loss", lambda self: next(losses))
    learned = learn_heads(pairs, 0, replace(FAST, epochs=20, patience=4))
    assert learned.epoch == 2


def test_few_rows_and_few_dimensions() -> None:
    tiny = make_pairs(30)
    learned = learn_heads(Pairs(tiny.first[:, :3], tiny.second[:, :2], tiny.first_key, tiny.second_key), 0)
    assert learned.first.project(tiny.first[:, :3]).shape == (30, 128)
    constant = learn_heads(replace(tiny, first=np.ones_like(tiny.first)), 0, FAST)
    assert np.isfinite(constant.first.project(tiny.first)).all()


def test_a_head_survives_its_arrays_and_a_rotation_changes_no_cosine(pairs: Pairs) -> None:
    learned = learn_heads(pairs, 0, replace(FAST, epochs=1))
    again = Head.from_arrays(learned.first.arrays())
    np.testing.assert_array_equal(again.project(pairs.first), learned.first.project(pairs.first))
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))
    turned = learned.first.turned(turn).project(pairs.first), learned.second.turned(turn).project(pairs.second)
    plain = learned.first.project(pairs.first), learned.second.project(pairs.second)
    np.testing.assert_allclose((turned[0] * turned[1]).sum(1), (plain[0] * plain[1]).sum(1), atol=1e-5)
