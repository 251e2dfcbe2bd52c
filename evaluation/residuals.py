"""Residuals by prediction: whether errors grow, lean or spread with what is predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.link import SMALLEST_PROBABILITY
from artifacts.outcome import Outcome
from artifacts.schema import Kind

Float = NDArray[np.float64]

BINS = 10
MOST_POINTS = 300
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Residuals:
    """Truth less prediction, in bins of as many rows by prediction.

    ``predicted`` (n_bins,) has mean predictions, ``quantiles`` (n_bins, 5) the residuals that 5, 25, 50, 75 and 95 % of
    the rows lie below, ``rows`` (n_bins,) counts. ``points`` (n_points, 2) are prediction and residual of rows drawn by
    chance. Of a number they are in its units. Of a conversion they are Pearson's (McCullagh and Nelder, Generalized
    linear models, 1989, 2.4): over the standard error of a binomial rate, so that rows with many and with few trials
    can be compared; ``dispersion`` is then the mean of their squares, 1 where trials alone make the rows vary, else
    NaN.
    """

    predicted: Float
    quantiles: Float
    rows: NDArray[np.int64]
    points: Float
    dispersion: float = np.nan

    @property
    def is_standardised(self) -> bool:
        """Whether residuals are in standard errors."""
        return bool(np.isfinite(self.dispersion))


def residuals_by_prediction(outcome: Outcome, predictions: Float, *, seed: int = 0) -> Residuals | None:
    """Residuals of numbers and rates; None for classes and labels, and where there are no rows.

    Args:
        outcome: truth of the rows.
        predictions: (n_samples, n_outputs), finite.
        seed: of the points that are drawn.
    """
    if outcome.kind not in (Kind.REGRESSION, Kind.CONVERSION) or not outcome.n_samples:
        return None
    predicted = predictions[:, 0].astype(np.float64)
    residual = outcome.y - predicted
    dispersion = np.nan
    if outcome.kind is Kind.CONVERSION and outcome.trials is not None:
        p = np.clip(predicted, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
        residual = residual * np.sqrt(outcome.trials / (p * (1.0 - p)))
        dispersion = float(np.mean(residual**2))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1], method="higher"))
    place = np.searchsorted(edges, predicted, side="right")  # equal predictions stay in one bin
    bins = [np.flatnonzero(place == i) for i in np.unique(place)]
    drawn = np.sort(np.random.default_rng(seed).permutation(len(predicted))[:MOST_POINTS])
    return Residuals(
        np.array([predicted[rows].mean() for rows in bins]),
        np.stack([np.quantile(residual[rows], SHARES) for rows in bins]),
        np.array([len(rows) for rows in bins], dtype=np.int64),
        np.column_stack([predicted[drawn], residual[drawn]]),
        dispersion,
    )
