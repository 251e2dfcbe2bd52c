"""Protocols that say what frozen vectors know of an outcome: a linear probe, neighbours, and names of classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.metrics import Metric, constant_prediction
from evaluation.splits import Fold

Float = NDArray[np.float64]
Predict = Callable[[Float, Outcome, Float, float], Float]
STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # inverse of the penalty of a logistic regression
PENALTIES = (1e4, 1e3, 1e2, 10.0)  # of a ridge regression
NEIGHBOURS = (1, 5, 20, 50)
MAX_STEPS = 300
TEMPERATURE = 0.05  # of cosines of sentence encoders; it changes probabilities, never which class is first
CLASSES = (Kind.BINARY, Kind.MULTICLASS)


def linear_probe(train: Float, outcome: Outcome, rows: Float, strength: float) -> Float:
    """Logistic regression of classes, labels and rates, ridge regression of numbers, over standardised dimensions.

    Args:
        train: vectors (n_train, n_dimensions), finite.
        outcome: of the training rows.
        rows: vectors (n_samples, n_dimensions) to predict.
        strength: ``C`` of the logistic regression, ``alpha`` of the ridge regression.

    Returns:
        Predictions (n_samples, n_outputs).
    """
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    x, new = scaler.transform(train), scaler.transform(rows)
    weight = outcome.sample_weight
    if outcome.kind is Kind.REGRESSION:
        return np.asarray(Ridge(alpha=strength).fit(x, outcome.y, sample_weight=weight).predict(new))[:, None]
    if outcome.kind is Kind.CONVERSION:
        # A rate is so many successes and so many failures with the same vector.
        twice, y = np.vstack([x, x]), np.repeat([1, 0], len(x))
        counts = np.concatenate([weight * outcome.y, weight * (1.0 - outcome.y)])
        return _logistic(twice, y, new, 2, counts / max(float(weight.mean()), 1e-12), strength)[:, 1:]
    if outcome.kind is Kind.MULTILABEL:
        labels = outcome.y[:, : outcome.n_known].astype(np.int64)
        return np.column_stack([_logistic(x, of, new, 2, weight, strength)[:, 1] for of in labels.T])
    return _logistic(x, outcome.y, new, outcome.n_outputs, weight, strength)


def neighbour_probe(train: Float, outcome: Outcome, rows: Float, n_neighbours: float) -> Float:
    """Weighted mean outcome of the nearest training rows by cosine, and of one mean row of the training rows.

    Arguments and result as those of ``linear_probe``; ``n_neighbours`` is cut to the number of training rows.
    """
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=min(int(n_neighbours), len(train)), metric="cosine").fit(train)
    nearest = found.kneighbors(rows, return_distance=False)
    targets, weight = _targets(outcome), outcome.sample_weight
    mean = constant_prediction(outcome)
    prior = float(weight.mean()) if outcome.kind is not Kind.REGRESSION else 0.0
    near = weight[nearest][:, :, None]
    summed = (near * targets[nearest]).sum(axis=1) + prior * mean
    total = near.sum(axis=1) + prior
    return np.asarray(np.where(total > 0, summed / np.maximum(total, 1e-300), mean), dtype=np.float64)


def name_probe(names: Float, rows: Float) -> Float:
    """Probabilities (n_samples, n_classes) by the cosine of each row's vector with the vector of each class's name.

    No outcome is looked at. A row without a vector gets equal probabilities.
    """
    cosines = _unit(rows) @ _unit(names).T / TEMPERATURE
    powers = np.exp(cosines - cosines.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


# Of the protocols that learn: how they predict, and the values of their one parameter that are tried.
LEARNED: dict[str, tuple[Predict, tuple[float, ...], tuple[float, ...]]] = {
    "linear": (linear_probe, STRENGTHS, PENALTIES),
    "knn": (neighbour_probe, NEIGHBOURS, NEIGHBOURS),
}
PROTOCOLS = (*LEARNED, "zero-shot")


def best_parameter(
    protocol: str, train: Float, outcome: Outcome, folds: Sequence[Fold], metric: Metric
) -> tuple[float, float]:
    """The parameter with the best score out of fold, the more cautious of equals, and that score."""
    predict, of_others, of_numbers = LEARNED[protocol]
    constant = constant_prediction(outcome)
    best, best_score = float("nan"), -np.inf
    for value in of_numbers if outcome.kind is Kind.REGRESSION else of_others:
        predictions = np.full((outcome.n_samples, outcome.n_outputs), np.nan)
        for fold in folds:
            predictions[fold.valid] = predict(train[fold.train], outcome.take(fold.train), train[fold.valid], value)
        there = np.isfinite(predictions).all(axis=1)
        score = metric.score(outcome.take(there), predictions[there], constant)
        score = score if metric.higher_is_better else -score
        if np.isnan(best) or score > best_score:
            best, best_score = value, score
    return best, best_score if metric.higher_is_better else -best_score


def require_names(outcome: Outcome) -> list[str]:
    """Names of the classes, which zero-shot reads.

    Raises:
        InputError: if the outcome has no classes, or their names are numbers, which say nothing.
    """
    if outcome.kind not in CLASSES:
        raise InputError(f"Zero-shot needs classes with names, but the task is {outcome.kind.value!r}. Take 'linear'.")
    names = [str(name) for name in outcome.classes[: outcome.n_known]]
    if not any(character.isalpha() for name in names for character in name):
        raise InputError(f"Zero-shot reads the names of the classes, but they are numbers: {names[:5]}. Take 'linear'.")
    return names


def _logistic(x: Float, y: NDArray[Any], new: Float, n_classes: int, weight: Float, strength: float) -> Float:
    """Probabilities (n_samples, n_classes); a class that no row with weight has gets 0."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    result = np.zeros((len(new), n_classes))
    kept = weight > 0
    present = np.unique(y[kept]).astype(np.int64)
    if len(present) < 2:
        result[:, present] = 1.0
        return result
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the steps are bounded on purpose; the score says enough
        model = LogisticRegression(C=strength, max_iter=MAX_STEPS).fit(x[kept], y[kept], sample_weight=weight[kept])
    result[:, present] = model.predict_proba(new)
    return result


def _targets(outcome: Outcome) -> Float:
    """Outcomes as (n_samples, n_outputs)."""
    if outcome.kind in CLASSES:
        return np.asarray(np.eye(outcome.n_outputs)[outcome.y], dtype=np.float64)
    y = np.asarray(outcome.y, dtype=np.float64)
    return y[:, : outcome.n_known] if y.ndim == 2 else y[:, None]


def _unit(vectors: Float) -> Float:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)
