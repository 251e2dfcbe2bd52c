"""How much of a model's effects is worth in outcomes, on rows that the model did not see, and what stays open in that.

A model that guards itself against noise says too little of real effects, and what it has learned from noise is worth
nothing on other rows. The regression of outcomes on out-of-fold contributions tells both (Copas, Regression, prediction
and shrinkage, 1983), and its slopes on readable quantities are what the model has missed of them: a one-step
correction of a plug-in estimate (van der Laan and Rubin, Targeted maximum likelihood learning, 2006; Chernozhukov et
al., Double/debiased machine learning, 2018). A change moves more than it is meant to: a word has letters, too, and a
model may have given to one quantity what another does. How much these others can add at all is learned by empirical
Bayes (MacKay, Bayesian interpolation, 1992). What the priors still hide of an effect is a bias that no spread of models
shows; its expected square belongs in an interval (Wahba, Bayesian confidence intervals, 1983).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from artifacts.schema import Kind

Float = NDArray[np.float64]

SLOPE_SD = 1.0  # of a slope around 1, before the rows are seen
# Of what a standard deviation of a quantity adds, before the rows are seen: log-odds, or deviations of the outcome.
MEANT_SD = 0.5  # of a quantity that a change is meant to move
OTHER_SDS = (0.003, 0.01, 0.03, 0.1, 0.3)  # of what moves beside it; the rows choose one
CUT = 3.0  # standard deviations at which a quantity's outliers are cut
MOST_STEPS = 30
CONVERGED = 1e-7  # of the penalised loss, between two steps of Newton


@dataclass(frozen=True)
class Unseen:
    """Rows that models did not see: what they say of them, and what came of them.

    Args:
        parts: contributions (n_samples, n_sources).
        rest: (n_samples,) the score without them.
        quantities: (n_samples, n_quantities) that changes may move; NaN where unknown.
        truth: (n_samples,) the outcome on the natural scale.
        weight: (n_samples,), such as trials.
        meant: (n_quantities,) whether changes are meant to move a quantity, or move it beside another.
    """

    parts: Float
    rest: Float
    quantities: Float
    truth: Float
    weight: Float
    meant: NDArray[np.bool_]

    def some(self, rows: NDArray[np.bool_]) -> Unseen:
        """Some of the rows."""
        each = ("parts", "rest", "quantities", "truth", "weight")
        return replace(self, **{name: getattr(self, name)[rows] for name in each})


@dataclass(frozen=True)
class Worth:
    """What contributions are worth, and what quantities add to them.

    Args:
        slopes: (n_sources,), 1 where contributions are worth what they say.
        missed: (n_quantities,), link per unit.
        known: (2, n_quantities) lowest and highest values between which that is; beyond them nothing is added.
        hidden: (n_parameters, n_sources + n_quantities) a root of the expected squares of what the priors hide: an
            effect made of ``x``, contributions by source and moved quantities, is hidden by |hidden @ x| (a standard
            deviation).
    """

    slopes: Float
    missed: Float
    known: Float
    hidden: Float


def sd_of_others(kind: Kind, unseen: Unseen) -> float:
    """Which of ``OTHER_SDS`` the rows find likeliest (Laplace's approximation of the evidence)."""
    model, evidence = _Calibration(kind, unseen), []
    params = model.middle
    for sd in OTHER_SDS:
        params, hessian = model.fitted(sd, params)
        inverse = model.inverse_variance(sd)
        _, volume = np.linalg.slogdet(hessian)
        evidence.append(-model.loss(params, inverse) - 0.5 * volume + 0.5 * np.log(inverse[inverse > 0]).sum())
    return OTHER_SDS[int(np.argmax(evidence))]


def calibrated(kind: Kind, unseen: Unseen, sd: float) -> Worth:
    """What contributions are worth, and what a unit of each quantity adds to what the model says.

    Maximum of the penalised likelihood of the outcome given ``rest + intercept + parts @ slopes + quantities @
    missed``, with normal priors around slopes of 1 and around nothing missed. A regression has squared errors, all
    others are rates with a binomial likelihood.

    Args:
        kind: of the task.
        unseen: rows that the models did not see.
        sd: of what a standard deviation of a quantity adds that changes move beside another, see ``sd_of_others``.
    """
    model = _Calibration(kind, unseen)
    params, hessian = model.fitted(sd, model.middle)
    n = unseen.parts.shape[1]
    root = np.sqrt(model.inverse_variance(sd))[:, None] * np.linalg.inv(hessian)
    hidden = root[:, 1:] / np.concatenate([np.ones(n), model.scale])
    return Worth(params[1 : 1 + n], params[1 + n :] / model.scale, model.known, hidden)


class _Calibration:
    """The penalised likelihood of outcomes; parameters are an intercept, slopes, and what quantities add by scale."""

    def __init__(self, kind: Kind, unseen: Unseen) -> None:
        self.is_rate, self.unseen = kind is not Kind.REGRESSION, unseen
        self.spread = 1.0 if self.is_rate else max(float(unseen.truth.std()), 1e-12)
        scaled, self.scale, self.known = _scaled(unseen.quantities)
        self.design = np.hstack([np.ones((len(unseen.truth), 1)), unseen.parts, scaled])
        self.middle = np.concatenate([[0.0], np.ones(unseen.parts.shape[1]), np.zeros(scaled.shape[1])])

    def inverse_variance(self, sd: float) -> Float:
        """Of the priors (n_parameters,), 0 of the intercept."""
        n_sources = self.unseen.parts.shape[1]
        missed = (np.where(self.unseen.meant, MEANT_SD, sd) * self.spread) ** -2
        return np.concatenate([[0.0], np.full(n_sources, SLOPE_SD**-2), missed])

    @cached_property
    def weight(self) -> Float:
        """Of rows; counts of one row are more alike than chance has them: divided by the over-dispersion."""
        truth, weight = self.unseen.truth, self.unseen.weight
        predicted, variance = self._mean(self.unseen.rest + self.unseen.parts.sum(axis=1))
        dispersion = float(np.mean(weight * np.square(truth - predicted) / np.maximum(variance, 1e-9)))
        return weight / dispersion if dispersion > 0 else weight

    def _mean(self, score: Float) -> tuple[Float, Float]:
        if not self.is_rate:
            return score, np.ones_like(score)
        mean = expit(score)
        return mean, mean * (1.0 - mean)

    def loss(self, params: Float, inverse: Float) -> float:
        """Minus the penalised log-likelihood."""
        score, truth = self.unseen.rest + self.design @ params, self.unseen.truth
        each = np.logaddexp(0.0, score) - truth * score if self.is_rate else 0.5 * np.square(score - truth)
        return float(self.weight @ each + 0.5 * inverse @ np.square(params - self.middle))

    def fitted(self, sd: float, start: Float) -> tuple[Float, Float]:
        """Parameters at the minimum, and the second derivatives there: Newton's steps, halved where they go too far."""
        inverse = self.inverse_variance(sd)
        params, value = start, self.loss(start, inverse)
        for _ in range(MOST_STEPS):
            mean, variance = self._mean(self.unseen.rest + self.design @ params)
            gradient = self.design.T @ (self.weight * (mean - self.unseen.truth)) + inverse * (params - self.middle)
            hessian = (self.design * (self.weight * variance)[:, None]).T @ self.design + np.diag(inverse)
            step = np.linalg.solve(hessian, gradient)
            while (new := self.loss(params - step, inverse)) > value + CONVERGED and np.abs(step).max() > CONVERGED:
                step = step / 2
            params, gained, value = params - step, value - new, new
            if gained < CONVERGED:
                break
        return params, hessian


def _scaled(quantities: Float) -> tuple[Float, Float, Float]:
    """Standardised, outliers cut, what is unknown at the mean; the standard deviations; the cuts (2, n_quantities)."""
    known = np.isfinite(quantities)
    filled = np.where(known, quantities, 0.0)
    count = np.maximum(known.sum(axis=0), 1)
    mean = filled.sum(axis=0) / count
    scale = np.sqrt((np.square(filled - mean) * known).sum(axis=0) / count)
    scale = np.where(scale > 1e-12, scale, np.inf)  # what does not vary tells nothing
    scaled = np.clip(np.where(known, (filled - mean) / scale, 0.0), -CUT, CUT)
    return scaled, scale, np.array([mean - CUT * scale, mean + CUT * scale])
