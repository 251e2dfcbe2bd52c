from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from featurizers.near_duplicates import WINDOW, clusters_of_pairs, groups_of, joined_repeats, near_pairs, repeated
from featurizers.repeats import twins_in_train


def all_alike(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.ones(len(one), dtype=bool)


def test_pairs_share_a_band_and_come_once() -> None:
    bands = np.array([[1, 9], [1, 8], [2, 8], [3, 7]], dtype=np.uint64)
    pairs = near_pairs(bands, np.arange(4, dtype=np.uint64), all_alike)
    assert pairs.tolist() == [[0, 1], [1, 2]]
    both = near_pairs(np.zeros((3, 4), dtype=np.uint64), np.zeros(3, dtype=np.uint64), all_alike)
    assert both.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_one_bucket_for_all_costs_a_window_for_each_row() -> None:
    asked = 0

    def count(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        nonlocal asked
        asked += len(one)
        return np.zeros(len(one), dtype=bool)

    n = 20_000
    started = time.perf_counter()
    near_pairs(np.zeros((n, 1), dtype=np.uint64), np.arange(n, dtype=np.uint64), count)
    assert asked <= n * WINDOW
    assert time.perf_counter() - started < 10


def test_clusters_are_numbered_by_their_first_row() -> None:
    assert clusters_of_pairs(np.array([[1, 3], [3, 4]]), 5).tolist() == [0, 1, 2, 1, 1]
    assert clusters_of_pairs(np.empty((0, 2), dtype=np.int64), 3).tolist() == [0, 1, 2]
    assert repeated(np.array([0, 1, 1, -1, -1])).tolist() == [False, True, True, False, False]


def test_groups_are_the_largest_first() -> None:
    clusters = np.array([5, 2, 5, 2, 5, -1, -1, 7])
    assert groups_of(clusters) == [[0, 2, 4], [1, 3]]
    assert groups_of(clusters, members=2, most=1) == [[0, 2]]
    assert groups_of(np.array([-1, 0, 1])) == []


def test_rows_that_share_any_cluster_are_joined() -> None:
    one, other = np.array([0, 0, -1, -1, 4]), np.array([-1, 1, 1, -1, 2])
    assert joined_repeats([one, other], 5).tolist() == [0, 0, 0, 1, 2]
    assert joined_repeats([], 2).tolist() == [0, 1]


def test_twins_are_training_rows_of_the_same_cluster() -> None:
    assert twins_in_train(np.array([3, -1, 3, 5, 5, 3, -1]), 3).tolist() == [-1, -1, 0, -1]
    assert twins_in_train(np.array([-1, -1, 2]), 2).tolist() == [-1]
    assert twins_in_train(np.array([1, 2]), 2).tolist() == []
