"""Predictions on two scales: the natural one, and the link scale on which blends and contributions add up.

A link score is float64 (n_samples, n_link): the value itself for a regression; log-odds in one
column for a conversion, and for binary those of the second class; logits centred over the classes
for multiclass; log-odds per class for multilabel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from artifacts.schema import Kind

Float = NDArray[np.float64]
SMALLEST_PROBABILITY = 1e-7


def n_link(kind: Kind, n_outputs: int) -> int:
    """Columns of a link score for predictions with ``n_outputs`` columns."""
    return n_outputs if kind in (Kind.MULTICLASS, Kind.MULTILABEL) else 1


def from_link(kind: Kind, scores: Float) -> Float:
    """Predictions (n_samples, n_outputs) of link scores (n_samples, n_link)."""
    scores = np.asarray(scores, dtype=np.float64)
    if kind is Kind.REGRESSION:
        return scores
    if kind is Kind.MULTICLASS:
        return _softmax(scores)
    probability = expit(scores)
    return np.hstack([1.0 - probability, probability]) if kind is Kind.BINARY else probability


def to_link(kind: Kind, predictions: Float) -> Float:
    """Link scores (n_samples, n_link) of predictions (n_samples, n_outputs).

    Probabilities are kept ``SMALLEST_PROBABILITY`` away from 0 and 1 first.
    """
    predictions = np.asarray(predictions, dtype=np.float64)
    if kind is Kind.REGRESSION:
        return predictions
    clipped = np.clip(predictions, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    if kind is Kind.MULTICLASS:
        return centred(np.log(clipped))
    return np.asarray(logit(clipped[:, 1:] if kind is Kind.BINARY else clipped), dtype=np.float64)


def _softmax(scores: Float) -> Float:
    """With one array beside the scores: those of many rows and classes are large."""
    result = scores - scores.max(axis=1, keepdims=True, initial=-np.inf)
    np.exp(result, out=result)
    result /= result.sum(axis=1, keepdims=True)
    return np.asarray(result)


def centred(logits: Float) -> Float:
    """Logits less their mean over the last axis, so that equal probabilities have equal logits."""
    return np.asarray(logits - logits.mean(axis=-1, keepdims=True), dtype=np.float64)


def finite_rows(scores: Float) -> NDArray[np.bool_]:
    """Which rows have a link score in every column (n_samples,)."""
    return np.asarray(np.isfinite(scores).all(axis=1), dtype=np.bool_)
