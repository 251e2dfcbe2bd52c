from __future__ import annotations

import numpy as np
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.probes import LEARNED, best_parameter, linear_probe, name_probe, neighbour_probe, require_names
from evaluation.metrics import METRICS
from evaluation.splits import Fold

N = 120


def vectors(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, 6))


def outcome_of_kind(kind: Kind, x: np.ndarray) -> Outcome:
    """An outcome that the first two dimensions decide."""
    if kind is Kind.REGRESSION:
        return Outcome(kind, 3.0 + 2.0 * x[:, 0])
    if kind is Kind.CONVERSION:
        return Outcome(kind, 1 / (1 + np.exp(1 - 2 * x[:, 0])), trials=np.full(len(x), 200.0))
    if kind is Kind.MULTILABEL:
        return Outcome(kind, np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1).astype(float), ("a", "b"), 2)
    if kind is Kind.BINARY:
        return Outcome(kind, (x[:, 0] > 0).astype(np.int64), ("no", "yes"), 2)
    return Outcome(kind, (x[:, 0] > 0) + (x[:, 1] > 0).astype(np.int64), ("a", "b", "c"), 3)


METRIC = {
    Kind.REGRESSION: "r2",
    Kind.CONVERSION: "log_likelihood_skill",
    Kind.MULTILABEL: "f1_micro",
    Kind.BINARY: "roc_auc",
    Kind.MULTICLASS: "accuracy",
}


@pytest.mark.parametrize("protocol", sorted(LEARNED))
@pytest.mark.parametrize("kind", list(Kind))
def test_a_planted_effect_is_found_in_every_kind_and_noise_is_not(kind: Kind, protocol: str) -> None:
    x, new = vectors(0), vectors(1)
    known, scored, metric = outcome_of_kind(kind, x), outcome_of_kind(kind, new), METRICS[METRIC[kind]]
    folds = [Fold(np.flatnonzero(np.arange(N) % 2 != i), np.flatnonzero(np.arange(N) % 2 == i)) for i in range(2)]
    value, out_of_fold = best_parameter(protocol, x, known, folds, metric)
    predictions = LEARNED[protocol][0](x, known, new, value)
    assert predictions.shape == (N, known.n_outputs) and np.isfinite(predictions).all()
    if kind in (Kind.BINARY, Kind.MULTICLASS):
        assert np.allclose(predictions.sum(axis=1), 1)
    noise = LEARNED[protocol][0](vectors(2), known, new, value)
    score, by_chance = metric.score(scored, predictions), metric.score(scored, noise)
    assert score > by_chance + 0.1 and out_of_fold > by_chance


def test_a_class_that_training_rows_lack_gets_nothing_and_one_class_all() -> None:
    x = vectors()
    y = (x[:, 0] > 0).astype(np.int64) * 2
    lacking = linear_probe(x, Outcome(Kind.MULTICLASS, y, ("a", "b", "c"), 3), x, 1.0)
    assert (lacking[:, 1] == 0).all() and np.allclose(lacking.sum(axis=1), 1)
    alone = linear_probe(x, Outcome(Kind.MULTICLASS, np.ones(N, dtype=np.int64), ("a", "b", "c"), 3), x, 1.0)
    assert (alone[:, 1] == 1).all()


def test_neighbours_are_weighted_and_no_more_than_there_are() -> None:
    x = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    outcome = Outcome(Kind.REGRESSION, np.array([1.0, 2.0, 9.0]), weight=np.array([3.0, 1.0, 1.0]))
    assert neighbour_probe(x, outcome, x[:1], 2)[0, 0] == pytest.approx((3 * 1 + 2) / 4)
    assert neighbour_probe(x, outcome, x[:1], 50)[0, 0] == pytest.approx((3 + 2 + 9) / 5)


def test_names_nearest_to_a_row_are_likeliest() -> None:
    names = np.eye(3)
    found = name_probe(names, np.array([[0.1, 2.0, 0.0], [0.0, 0.0, 0.0]]))
    assert found[0].argmax() == 1 and np.allclose(found.sum(axis=1), 1) and np.allclose(found[1], 1 / 3)


def test_zero_shot_needs_classes_with_names() -> None:
    y = np.array([0, 1])
    assert require_names(Outcome(Kind.BINARY, y, ("cup", "hat"), 2)) == ["cup", "hat"]
    with pytest.raises(InputError, match="they are numbers: \\['17', '19'\\]"):
        require_names(Outcome(Kind.BINARY, y, (17, 19), 2))
    with pytest.raises(InputError, match="the task is 'regression'"):
        require_names(Outcome(Kind.REGRESSION, np.array([0.0, 1.0])))
