"""Hierarchical F1: an error inside a branch costs less than one across branches.

Kiritchenko, Matwin and Famili, Functional annotation of genes using hierarchical text categorization, 2005: micro F1
over the sets of branches that the true and the predicted class stand in, themselves included and the root left out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from artifacts.class_paths import ClassPaths
from artifacts.outcome import Outcome
from evaluation.metric_functions import Statistic, ratio

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def paths_of(outcome: Outcome) -> ClassPaths:
    """The class labels as paths; where the task does not say that they are, each is a branch of its own."""
    if outcome.separator is None:
        return ClassPaths(tuple((str(i),) for i in range(len(outcome.classes))))
    return ClassPaths.of(outcome.classes, outcome.separator)


def f1_of_codes(outcome: Outcome, said: Int) -> Statistic:
    """Hierarchical F1 of predicted classes (n_samples,); a class that training never saw counts by its branches."""
    paths = paths_of(outcome)
    shared = paths.shared[outcome.y, said].astype(np.float64)
    total = (paths.depths[outcome.y] + paths.depths[said]).astype(np.float64)
    return lambda weights: ratio(2.0 * weights @ shared, weights @ total)


def best_codes(paths: ClassPaths, predictions: Float) -> Int:
    """The class (n_samples,) whose expected F1 with the true one is largest, for probabilities (n_samples, n_known).

    Where a branch is likely and none of its classes is, this is one of the branch, and not a likelier one elsewhere.
    """
    n = predictions.shape[1]
    gain = 2.0 * paths.shared[:n, :n] / (paths.depths[:n, None] + paths.depths[:n])
    step = max(1, 4_000_000 // max(n, 1))
    parts = [(predictions[i : i + step] @ gain).argmax(axis=1) for i in range(0, len(predictions), step)]
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def f1_hierarchical(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Hierarchical F1 of the classes with the best expected one; see ``best_codes``."""
    known = replace(outcome, classes=outcome.classes[: outcome.n_known])
    return f1_of_codes(outcome, best_codes(paths_of(known), predictions))


def f1_of_likeliest(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Hierarchical F1 of the most probable classes."""
    return f1_of_codes(outcome, predictions.argmax(axis=1))
