from __future__ import annotations

import numpy as np
import pytest

from artifacts.class_paths import ClassPaths
from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.target import Target
from evaluation.hierarchical import best_codes, f1_of_codes
from evaluation.metrics import METRICS, beside, decided_codes, metric_for

LABELS = ("Bags", "Shoes > Boots", "Shoes > Sandals > Beach", "Shoes > Sandals > City")
METRIC = METRICS["f1_hierarchical"]


def outcome_of(y: list[int], n_known: int = 4, separator: str | None = " > ", **more) -> Outcome:
    return Outcome(Kind.MULTICLASS, np.array(y), LABELS, n_known, separator=separator, **more)


def ancestors(label: str) -> set[str]:
    levels = label.split(" > ")
    return {" > ".join(levels[: k + 1]) for k in range(len(levels))}


def test_it_is_micro_f1_over_the_sets_of_branches() -> None:
    rng = np.random.default_rng(0)
    y, said, weight = rng.integers(0, 4, 50), rng.integers(0, 4, 50), rng.uniform(0.1, 2.0, 50)
    true, predicted = ([ancestors(LABELS[code]) for code in codes] for codes in (y, said))
    both = sum(w * len(a & b) for w, a, b in zip(weight, true, predicted, strict=True))
    precision = both / sum(w * len(b) for w, b in zip(weight, predicted, strict=True))
    recall = both / sum(w * len(a) for w, a in zip(weight, true, strict=True))
    expected = 2 * precision * recall / (precision + recall)
    found = f1_of_codes(outcome_of(y.tolist()), said)(weight[None, :])
    assert found[0] == pytest.approx(expected)


def test_an_error_inside_a_branch_costs_less() -> None:
    truth = outcome_of([3])
    near, far = (float(f1_of_codes(truth, np.array([code]))(np.ones((1, 1)))[0]) for code in (2, 0))
    assert (near, far) == (pytest.approx(2 * 2 / 6), 0.0)


def test_the_decision_has_the_best_expected_score() -> None:
    p = np.array([[0.4, 0.0, 0.31, 0.29], [0.9, 0.0, 0.1, 0.0], [0.3, 0.36, 0.17, 0.17]])
    paths = ClassPaths.of(LABELS, " > ")
    expected = [
        max(range(4), key=lambda c, row=row: sum(
            row[j] * 2 * len(ancestors(LABELS[j]) & ancestors(LABELS[c])) / (paths.depths[j] + paths.depths[c])
            for j in range(4)
        ))
        for row in p
    ]  # fmt: skip
    assert best_codes(paths, p).tolist() == expected == [2, 0, 1]
    target = Target(kind="multiclass", column="y", metric="f1_hierarchical", separator=" > ")
    assert decided_codes(target, LABELS, p).tolist() == [2, 0, 1]
    assert decided_codes(target.model_copy(update={"metric": None}), LABELS, p).tolist() == [0, 0, 1]
    assert METRIC.score(outcome_of([3, 0, 1]), p) == pytest.approx(2 * (2 + 1 + 2) / (3 + 1 + 2 + 3 + 1 + 2))
    assert best_codes(paths, np.zeros((0, 4))).shape == (0,)


def test_a_class_that_training_lacked_counts_by_its_branches() -> None:
    p = np.array([[0.1, 0.1, 0.8]])
    assert METRIC.score(outcome_of([3], n_known=3), p) == pytest.approx(2 * 2 / 6)


def test_without_paths_it_is_the_accuracy() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(4), 30)
    plain = outcome_of(np.random.default_rng(1).integers(0, 4, 30).tolist(), separator=None)
    assert METRIC.score(plain, p) == pytest.approx(METRICS["accuracy"].score(plain, p))


def test_what_is_reported_beside_the_leaderboard_is_of_the_same_decisions() -> None:
    p, truth = np.array([[0.4, 0.0, 0.31, 0.29]]), outcome_of([3])
    assert beside(METRICS["accuracy"], outcome_of([3], separator=None)) is None
    assert beside(METRICS["accuracy"], truth).score(truth, p) == 0.0
    assert beside(METRIC, truth).score(truth, p) == pytest.approx(2 * 2 / 6)


def test_misuse_is_told() -> None:
    with pytest.raises(InputError, match=r"needs class labels that are paths.*separator"):
        metric_for(Target(kind="multiclass", column="y", metric="f1_hierarchical"))
    with pytest.raises(InputError, match="does not fit kind 'binary'"):
        metric_for(Target(kind="binary", column="y", metric="f1_hierarchical"))
