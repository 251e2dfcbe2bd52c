"""How much of a model's effects is worth in outcomes, on rows that the model did not see.

A model that guards itself against noise says too little of real effects, and what it has learned from noise is worth
nothing on other rows. The regression of outcomes on out-of-fold contributions tells both (Copas, Regression, prediction
and shrinkage, 1983), and its slopes on quantities that changes move are what the model has missed of them: a one-step
correction of a plug-in estimate (van der Laan and Rubin, Targeted maximum likelihood learning, 2006; Chernozhukov et
al., Double/debiased machine learning, 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from artifacts.schema import Kind

Float = NDArray[np.float64]

SLOPE_SD = 1.0  # of a slope around 1, before the rows are seen
MISSED_SD = 0.5  # of what a standard deviation of a quantity adds: log-odds, or standard deviations of the outcome
CUT = 3.0  # standard deviations at which a quantity's outliers are cut


@dataclass(frozen=True)
class Unseen:
    """Rows that models did not see: what they say of them, and what came of them.

    Args:
        parts: contributions (n_samples, n_sources).
        rest: (n_samples,) the score without them.
        quantities: (n_samples, n_quantities) that changes move; NaN where unknown.
        truth: (n_samples,) the outcome on the natural scale.
        weight: (n_samples,), such as trials.
    """

    parts: Float
    rest: Float
    quantities: Float
    truth: Float
    weight: Float

    def some(self, rows: NDArray[np.bool_]) -> Unseen:
        """Some of the rows."""
        return Unseen(*(getattr(self, name)[rows] for name in ("parts", "rest", "quantities", "truth", "weight")))


def calibrated(kind: Kind, unseen: Unseen) -> tuple[Float, Float]:
    """What contributions are worth, and what a unit of each quantity adds to what the model says.

    Maximum of the penalised likelihood of the outcome given ``rest + intercept + parts @ slopes + quantities @
    missed``, with normal priors around slopes of 1 and around nothing missed. A regression has squared errors, all
    others are rates with a binomial likelihood.

    Returns:
        Slopes (n_sources,), 1 where contributions are worth what they say; missed (n_quantities,), link per unit.
    """
    is_rate = kind is not Kind.REGRESSION
    parts, truth = unseen.parts, unseen.truth
    spread = 1.0 if is_rate else max(float(truth.std()), 1e-12)
    start = unseen.rest + parts.sum(axis=1)
    predicted = expit(start) if is_rate else start
    variance = np.maximum(predicted * (1.0 - predicted), 1e-9) if is_rate else np.ones_like(start)
    # Counts of one row are more alike than chance has them: the weights are divided by the over-dispersion.
    dispersion = float(np.mean(unseen.weight * np.square(truth - predicted) / variance))
    weight = unseen.weight / dispersion if dispersion > 0 else unseen.weight
    scaled, scale = _scaled(unseen.quantities)
    design = np.hstack([np.ones((len(truth), 1)), parts, scaled])
    n_sources = parts.shape[1]
    middle = np.concatenate([[0.0], np.ones(n_sources), np.zeros(scaled.shape[1])])
    inverse = np.concatenate([[0.0], np.full(n_sources, SLOPE_SD**-2), np.full(len(scale), (MISSED_SD * spread) ** -2)])

    def loss(params: Float) -> tuple[float, Float]:
        score, off = unseen.rest + design @ params, params - middle
        if is_rate:
            value, slope = np.logaddexp(0.0, score) - truth * score, expit(score) - truth
        else:
            value, slope = 0.5 * np.square(score - truth), score - truth
        gradient = design.T @ (weight * slope) + inverse * off
        return float(weight @ value + 0.5 * inverse @ np.square(off)), gradient

    found = minimize(loss, middle, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return found[1 : 1 + n_sources], found[1 + n_sources :] / scale


def _scaled(quantities: Float) -> tuple[Float, Float]:
    """Standardised, outliers cut and what is unknown at the mean; and the standard deviations (n_quantities,)."""
    known = np.isfinite(quantities)
    filled = np.where(known, quantities, 0.0)
    count = np.maximum(known.sum(axis=0), 1)
    mean = filled.sum(axis=0) / count
    scale = np.sqrt((np.square(filled - mean) * known).sum(axis=0) / count)
    scale = np.where(scale > 1e-12, scale, np.inf)  # what does not vary tells nothing
    return np.clip(np.where(known, (filled - mean) / scale, 0.0), -CUT, CUT), scale
