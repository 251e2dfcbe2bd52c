"""Intervals of the outcomes of single rows: conformal, from errors of rows out of fold.

Scaled residuals of rows that the models did not see say how far outcomes lie from predictions (Lei et al.,
Distribution-free predictive inference for regression, 2018; over folds: Barber et al., Predictive inference with the
jackknife+, 2021). A conversion's rate scatters by its trials and by what the model does not know: the variance of a
beta-binomial rate, whose over-dispersion is estimated from the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind

Float = NDArray[np.float64]

MAX_BINS = 5  # of predictions, or of trials: where some err more than others, their intervals are wider
LEAST_IN_BIN = 200
EDGE = 1e-6  # rates are kept this far from 0 and 1 where they scale an error


@dataclass(frozen=True)
class PredictionIntervals:
    """What errors were like in each bin of predictions, or for a conversion of trials.

    ``edges`` (n_bins - 1,) part the predictions or trials, ``errors`` holds the sorted scaled errors of each bin.
    ``over_dispersion`` is 0 where a conversion's rows scatter as much as their trials say, and towards 1 where a row's
    rate is its own; ``usual_trials`` is the median. Both are 0 for a regression.
    """

    kind: Kind
    edges: Float
    errors: tuple[Float, ...]
    over_dispersion: float = 0.0
    usual_trials: float = 0.0

    @classmethod
    def fit(cls, outcome: Outcome, predictions: Float) -> Self:
        """Learn from rows out of fold.

        Args:
            outcome: the targets of a regression or a conversion.
            predictions: (n_samples, 1), not finite in rows that no fold validated.

        Raises:
            InputError: for another kind, or if no row was predicted.
        """
        if outcome.kind not in (Kind.REGRESSION, Kind.CONVERSION):
            raise InputError(
                f"Intervals are for numbers and rates, but the task is {outcome.kind.value!r}. Ask for probabilities."
            )
        known = np.isfinite(predictions[:, 0])
        if not known.any():
            raise InputError("Intervals need predictions of training rows out of fold, but this run has none.")
        outcome, predicted = outcome.take(known), predictions[known, 0]
        dispersion = usual = 0.0
        if outcome.trials is not None:
            dispersion, usual = _over_dispersion(outcome, predicted), float(np.median(outcome.trials))
        scaled = (outcome.y - predicted) / _scale(outcome.kind, predicted, outcome.trials, dispersion)
        binned_by = predicted if outcome.trials is None else outcome.trials
        edges = _edges(binned_by)
        of_row = np.searchsorted(edges, binned_by, side="right")
        errors = tuple(np.sort(scaled[of_row == i]) for i in range(len(edges) + 1))
        return cls(outcome.kind, edges, errors, dispersion, usual)

    def bounds(self, predictions: Float, level: float, trials: Float | None = None) -> tuple[Float, Float]:
        """Lower and upper bounds (n_samples,) that hold outcomes with the probability ``level``.

        Infinite (0 and 1 for a rate) where too few errors were seen for the level.

        Args:
            predictions: (n_samples, 1).
            level: between 0 and 1.
            trials: of a conversion (n_samples,); the median of training if None.

        Raises:
            InputError: if the level is not between 0 and 1.
        """
        check_level(level)
        tail = (1.0 - level) / 2
        return self.quantile(predictions, tail, trials), self.quantile(predictions, 1.0 - tail, trials)

    def quantile(self, predictions: Float, level: float, trials: Float | None = None) -> Float:
        """Values (n_samples,) below which outcomes lie with the probability ``level``.

        Above the median with at least, below it with at most this probability. Arguments and infinite values as of
        ``bounds``.

        Raises:
            InputError: if the level is not between 0 and 1.
        """
        check_level(level)
        predicted = np.asarray(predictions[:, 0], dtype=np.float64)
        if self.kind is Kind.REGRESSION:
            trials = None
        elif trials is None:
            trials = np.full(len(predicted), self.usual_trials)
        scale = _scale(self.kind, predicted, trials, self.over_dispersion)
        of_row = np.searchsorted(self.edges, predicted if trials is None else trials, side="right")
        found = predicted + np.array([_quantile(errors, level) for errors in self.errors])[of_row] * scale
        return np.clip(found, 0.0, 1.0) if self.kind is Kind.CONVERSION else found

    def coverage(self, outcome: Outcome, predictions: Float, level: float) -> float:
        """The share of rows whose outcome lies within its interval."""
        low, high = self.bounds(predictions, level, outcome.trials)
        return float(np.mean((outcome.y >= low - 1e-12) & (outcome.y <= high + 1e-12)))


def check_level(level: float) -> None:
    """Refuse what is no share.

    Raises:
        InputError: if the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"The level of an interval or a quantile must lie between 0 and 1, but is {level}. Try 0.9.")


def _edges(values: Float) -> Float:
    """Quantiles that part rows into bins of ``LEAST_IN_BIN`` at least, however many of the values are equal."""
    n_bins = max(1, min(MAX_BINS, len(values) // LEAST_IN_BIN))
    kept: list[float] = []
    before = 0
    for edge in np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1])):
        below = int((values < edge).sum())
        if below - before >= LEAST_IN_BIN and len(values) - below >= LEAST_IN_BIN:
            kept.append(float(edge))
            before = below
    return np.array(kept)


def _quantile(errors: Float, level: float) -> float:
    """The error that a new one stays below with the probability ``level``, if it is exchangeable with these."""
    n = len(errors)
    place = np.ceil((n + 1) * level - 1e-9) if level >= 0.5 else np.floor((n + 1) * level + 1e-9)
    if not 1 <= place <= n:
        return np.inf if level >= 0.5 else -np.inf
    return float(errors[int(place) - 1])


def _scale(kind: Kind, predicted: Float, trials: Float | None, dispersion: float) -> Float:
    if kind is Kind.REGRESSION or trials is None:
        return np.ones(len(predicted))
    rate = np.clip(predicted, EDGE, 1.0 - EDGE)
    return np.asarray(np.sqrt(rate * (1.0 - rate) * _relative_variance(trials, dispersion)))


def _relative_variance(trials: Float, dispersion: float) -> Float:
    """Variance of a beta-binomial rate, as a part of that of a single trial."""
    return np.asarray((1.0 + (trials - 1.0) * dispersion) / trials)


def _over_dispersion(outcome: Outcome, predicted: Float) -> float:
    """The intra-class correlation of a beta-binomial by weighted moments, in a few rounds of weights."""
    assert outcome.trials is not None
    trials, rate = outcome.trials, np.clip(predicted, EDGE, 1.0 - EDGE)
    squared = (outcome.y - predicted) ** 2 / (rate * (1.0 - rate))
    excess, share = squared - 1.0 / trials, (trials - 1.0) / trials
    found = 0.0
    for _ in range(10):
        weight = 1.0 / np.maximum(_relative_variance(trials, found), 1e-12) ** 2
        total = float(weight @ share)
        found = float(np.clip(weight @ excess / total, 0.0, 1.0)) if total > 0 else 0.0
    return found
