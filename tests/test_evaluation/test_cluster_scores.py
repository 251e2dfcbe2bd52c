from __future__ import annotations

import numpy as np
import pytest

from artifacts.errors import InputError
from evaluation.cluster_scores import (
    agreement,
    clustering_accuracy,
    equal_texts_together,
    mean_interval,
    over_represented,
)


def test_equal_partitions_score_one_whatever_their_names() -> None:
    truth = np.repeat(["a", "b", "c"], 20)
    scores = agreement(truth, np.repeat([2, 0, 1], 20), seed=0)
    assert {s.name for s in scores} == {"ami", "ari", "nmi", "v_measure", "homogeneity", "completeness", "accuracy"}
    assert all(s.score == pytest.approx(1) and s.low == pytest.approx(1) for s in scores)


def test_random_labels_agree_by_chance_only() -> None:
    rng = np.random.default_rng(0)
    scores = {s.name: s for s in agreement(rng.integers(0, 3, 150), rng.integers(0, 3, 150), seed=0)}
    for name in ("ami", "ari"):
        assert abs(scores[name].score) < 0.05 and scores[name].low < 0.02
    assert scores["accuracy"].score < 0.5


def test_accuracy_matches_each_label_with_one_cluster() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1])
    assert clustering_accuracy(labels, np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(4 / 6)


def test_rows_of_one_group_are_no_independent_evidence() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 40)
    clusters = np.where(rng.uniform(size=40) < 0.2, 1 - truth, truth)
    nine = [np.repeat(values, 9) for values in (truth, clusters)]
    width = {}
    for name, groups in (("rows", None), ("groups", np.repeat(np.arange(40), 9))):
        accuracy = next(s for s in agreement(*nine, seed=0, groups=groups) if s.name == "accuracy")
        width[name] = accuracy.high - accuracy.low
    assert width["groups"] > 2 * width["rows"]
    values = np.repeat(rng.normal(size=40), 9)
    low, high = mean_interval(values, seed=0)
    grouped = mean_interval(values, seed=0, groups=np.repeat(np.arange(40), 9))
    assert low < values.mean() < high and grouped[1] - grouped[0] > 2 * (high - low)


def test_unknown_labels_are_left_out_and_useless_ones_refused() -> None:
    scores = agreement(np.array(["a", None, "b", "a", np.nan, "b"], dtype=object), np.array([0, 1, 1, 0, 0, 1]), seed=0)
    assert scores[0].score == pytest.approx(1)
    for labels in (np.array(["a"] * 9), np.arange(9)):
        with pytest.raises(InputError, match="two values or more, each of several rows, but 9 rows have"):
            agreement(labels, np.arange(9) % 2, seed=0)


def test_equal_texts_are_counted_as_rows_beside_chance() -> None:
    texts = ["red", "red", "blue", "blue", "lone", "", ""]
    n, share, chance = equal_texts_together(texts, np.array([0, 0, 0, 1, 1, 1, 0]), seed=0)
    assert (n, share) == (4, 0.5) and 0 < chance < 1
    assert equal_texts_together(["a", "b"], np.array([0, 1]), seed=0)[0] == 0
    assert equal_texts_together(["", ""], np.array([0, 1]), seed=0)[0] == 0


def test_planted_traits_are_found_and_noise_has_none() -> None:
    rng = np.random.default_rng(0)
    clusters = np.repeat([0, 1, 2], 60)
    present = rng.uniform(size=(180, 200)) < 0.3
    names = [("word", "title", f"w{i}") for i in range(200)]
    assert sum(map(len, over_represented(present, names, clusters))) <= 1
    present[:, 7] = (clusters == 1) | (rng.uniform(size=180) < 0.1)
    found = over_represented(present, names, clusters)
    assert found[1][0].name == "w7" and found[1][0].share == 1 and found[1][0].lift > 2
    assert found[1][0].n_rows == 60 and found[1][0].p_value < 1e-10
    assert all(trait.name != "w7" for cluster in (0, 2) for trait in found[cluster])
    assert over_represented(present, names, np.zeros(180, dtype=np.int64)) == [[]]
