"""How much a unit of a model's contribution is worth in outcomes, source by source, on rows that the model did not see.

A model that guards itself against noise says too little of real effects, and what it has learned from noise is worth
nothing on other rows. The outcome's regression on out-of-fold contributions tells both (Copas, Regression, prediction
and shrinkage, 1983; for effects: Chernozhukov et al., Generic machine learning inference on heterogeneous treatment
effects, 2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from artifacts.schema import Kind

Float = NDArray[np.float64]

PRIOR_SD = 1.0  # of a slope around 1


def calibrated_slopes(kind: Kind, parts: Float, rest: Float, truth: Float, weight: Float) -> Float:
    """Slopes (n_sources,), 1 where contributions are worth what they say.

    The penalised likelihood of the outcome given ``rest + intercept + parts @ slopes``, with a normal prior around 1.

    Args:
        kind: a regression has squared errors, all others are rates with a binomial likelihood.
        parts: contributions (n_samples, n_sources) of rows that the models did not see.
        rest: (n_samples,) the score without them.
        truth: (n_samples,) the outcome on the natural scale.
        weight: (n_samples,), such as trials.
    """
    is_rate = kind is not Kind.REGRESSION
    start = rest + parts.sum(axis=1)
    predicted = expit(start) if is_rate else start
    variance = np.maximum(predicted * (1.0 - predicted), 1e-9) if is_rate else np.ones_like(start)
    # Counts of one row are more alike than chance has them: the weights are divided by the over-dispersion.
    dispersion = float(np.mean(weight * np.square(truth - predicted) / variance))
    weight = weight / max(dispersion, 1e-12) if dispersion > 0 else weight

    def loss(params: Float) -> tuple[float, Float]:
        score = rest + params[0] + parts @ params[1:]
        off = params[1:] - 1.0
        if is_rate:
            value = np.logaddexp(0.0, score) - truth * score
            slope = expit(score) - truth
        else:
            slope = score - truth
            value = 0.5 * np.square(slope)
        gradient = np.concatenate([[weight @ slope], parts.T @ (weight * slope) + off / PRIOR_SD**2])
        return float(weight @ value + 0.5 * off @ off / PRIOR_SD**2), gradient

    found = minimize(loss, np.concatenate([[0.0], np.ones(parts.shape[1])]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x[1:])
