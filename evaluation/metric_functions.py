"""Formulas of metrics, over many weightings of the same rows at once.

Each formula looks at the predictions once and gives a ``Statistic``: weights (k, n_samples) to k scores, NaN where a
score is not defined. A score is the statistic of one row of weights; a bootstrap asks it for hundreds, in which a
resampled row counts as often as it was drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.link import SMALLEST_PROBABILITY
from artifacts.outcome import Outcome
from artifacts.schema import Kind

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Statistic = Callable[[Float], Float]
Formula = Callable[[Outcome, Float, Float | None], Statistic]

CALIBRATION_BINS = 10
DECIDED = 0.5  # a label with a larger probability is predicted


def log_likelihoods(outcome: Outcome, predictions: Float) -> Float:
    """Log-likelihood of each row (n_samples,) in nats, per trial for a conversion and per known label for many labels.

    A class or label that training never saw has the smallest probability.
    """
    p = np.clip(predictions, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    if outcome.kind is Kind.CONVERSION:
        return np.asarray(outcome.y * np.log(p[:, 0]) + (1.0 - outcome.y) * np.log1p(-p[:, 0]))
    if outcome.kind is Kind.MULTILABEL:
        y, unseen = outcome.y[:, : outcome.n_known], outcome.y[:, outcome.n_known :].sum(axis=1)
        known = (y * np.log(p) + (1.0 - y) * np.log1p(-p)).sum(axis=1)
        return np.asarray((known + unseen * np.log(SMALLEST_PROBABILITY)) / outcome.n_known)
    known = outcome.y < outcome.n_known
    truth = np.full(outcome.n_samples, SMALLEST_PROBABILITY)
    truth[known] = p[known, outcome.y[known]]
    return np.asarray(np.log(truth))


def mean_of(values: Float) -> Statistic:
    """Weighted mean of a value of each row (n_samples,)."""
    return lambda weights: np.asarray(weights @ values / weights.sum(axis=1))


def log_likelihood(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Mean log-likelihood per unit of weight; per trial for a conversion."""
    return mean_of(log_likelihoods(outcome, predictions))


def log_loss(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """The log-likelihood with its sign turned."""
    return mean_of(-log_likelihoods(outcome, predictions))


def log_likelihood_skill(outcome: Outcome, predictions: Float, reference: Float | None) -> Statistic:
    """1 - LL of the model / LL of a constant; without ``reference`` the constant is the scored rows' own mean."""
    constant = constant_prediction(outcome) if reference is None else reference
    model = log_likelihoods(outcome, predictions)
    base = log_likelihoods(outcome, np.broadcast_to(constant, predictions.shape))
    return lambda weights: 1.0 - ratio(weights @ model, weights @ base)


def constant_prediction(outcome: Outcome) -> Float:
    """The best constant (n_outputs,): the weighted mean, or the weighted shares of the known classes or labels.

    A thousandth of a mean row is added to each class (and to the lack of each label), so that none has the
    probability 0.
    """
    weight = outcome.sample_weight
    if outcome.kind in (Kind.REGRESSION, Kind.CONVERSION):
        return np.array([np.average(outcome.y, weights=weight)])
    added = 1e-3 * (float(weight.mean()) if weight.sum() > 0 else 1.0)
    if outcome.kind is Kind.MULTILABEL:
        held = weight @ outcome.y[:, : outcome.n_known]
        return np.asarray((held + added) / (weight.sum() + 2.0 * added), dtype=np.float64)
    known = outcome.y < outcome.n_known
    counts = np.bincount(outcome.y[known], weights=weight[known], minlength=outcome.n_known)
    smoothed = counts + added
    return np.asarray(smoothed / smoothed.sum(), dtype=np.float64)


def mse(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Weighted mean squared error."""
    return mean_of((outcome.y - predictions[:, 0]) ** 2)


def rmse(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Root of the weighted mean squared error."""
    squared = mse(outcome, predictions, None)
    return lambda weights: np.sqrt(squared(weights))


def mae(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Weighted mean absolute error."""
    return mean_of(np.abs(outcome.y - predictions[:, 0]))


def r2(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """1 - squared error / spread around the weighted mean; NaN for a constant target."""
    centred = outcome.y - np.average(outcome.y) if outcome.n_samples else outcome.y
    squared = (outcome.y - predictions[:, 0]) ** 2

    def statistic(weights: Float) -> Float:
        total = weights.sum(axis=1)
        spread = weights @ centred**2 - (weights @ centred) ** 2 / total
        # Rounding leaves a spread of about 1e-16 of the squares where the target is constant.
        return 1.0 - ratio(weights @ squared, np.where(spread > 1e-13 * (weights @ outcome.y**2), spread, 0.0))

    return statistic


def spearman(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Pearson correlation of weighted mid-ranks: Spearman's where weights are counts of equal rows."""
    ranks_of = (_MidRanks(outcome.y), _MidRanks(predictions[:, 0]))

    def statistic(weights: Float) -> Float:
        total = weights.sum(axis=1, keepdims=True)
        # Mid-ranks have the weighted mean total / 2, whatever the ties.
        a, b = (ranks(weights) / total - 0.5 for ranks in ranks_of)
        spread = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
        return ratio((weights * a * b).sum(axis=1), np.where(spread > 1e-12 * total[:, 0], spread, 0.0))

    return statistic


class _MidRanks:
    """Weight below each row plus half the weight of its ties."""

    def __init__(self, values: Float) -> None:
        self._order = np.argsort(values, kind="stable")
        self._starts = starts_of_ties(values[self._order])
        sizes = np.diff(np.append(self._starts, len(values)))
        self._tie_of = np.empty(len(values), dtype=np.int64)
        self._tie_of[self._order] = np.repeat(np.arange(len(sizes)), sizes)

    def __call__(self, weights: Float) -> Float:
        tied = np.add.reduceat(weights[:, self._order], self._starts, axis=1)
        return np.asarray((np.cumsum(tied, axis=1) - tied / 2.0)[:, self._tie_of])


def accuracy(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Weighted share of rows whose most probable class is the true one."""
    return mean_of((predictions.argmax(axis=1) == outcome.y).astype(np.float64))


def f1_positive(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """F1 of the second class; NaN where it stands neither in truth nor in predictions."""
    sums = _ClassSums(outcome, predictions)
    return lambda weights: sums(weights).f1[1]


def f1_micro(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """F1 over all rows and labels together; NaN where no label stands in truth or predictions.

    Where each row has one class, all false positives are false negatives, too: there it is the accuracy.
    """
    if outcome.kind is not Kind.MULTILABEL:
        return accuracy(outcome, predictions, None)
    hit, both = _label_counts(outcome, predictions)
    return lambda weights: ratio(2.0 * (weights @ hit), weights @ both)


def f1_samples(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Weighted mean over the rows of the F1 of a row's labels; 1 for a row without labels that is given none."""
    hit, both = _label_counts(outcome, predictions)
    return mean_of(np.where(both > 0, 2.0 * hit / np.maximum(both, 1.0), 1.0))


def _label_counts(outcome: Outcome, predictions: Float) -> tuple[Float, Float]:
    """Of each row the labels that are true and predicted, and the true and the predicted ones together."""
    said = predictions > DECIDED
    hit = (outcome.y[:, : outcome.n_known] * said).sum(axis=1)
    return hit, np.asarray(outcome.y.sum(axis=1) + said.sum(axis=1), dtype=np.float64)


def f1_macro(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Unweighted mean of F1 over the classes or labels that stand in truth or predictions."""
    sums = _ClassSums(outcome, predictions)
    return lambda weights: nan_mean(sums(weights).f1)


def f1_weighted(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Mean of F1 over the classes, weighted by the classes' true weight."""
    sums = _ClassSums(outcome, predictions)

    def statistic(weights: Float) -> Float:
        counted = sums(weights)
        return ratio((np.nan_to_num(counted.f1) * counted.true).sum(axis=0), counted.true.sum(axis=0))

    return statistic


def balanced_accuracy(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Unweighted mean of recall over the classes that stand in truth."""
    sums = _ClassSums(outcome, predictions)

    def statistic(weights: Float) -> Float:
        counted = sums(weights)
        return nan_mean(ratio(counted.hit, counted.true))

    return statistic


class _Counted:
    """Weight (n_classes, k) of true, predicted and correctly predicted rows of each class."""

    def __init__(self, true: Float, predicted: Float, hit: Float) -> None:
        self.true = true
        self.hit = hit
        self.f1 = ratio(2.0 * hit, true + predicted)


class _ClassSums:
    def __init__(self, outcome: Outcome, predictions: Float) -> None:
        if outcome.kind is Kind.MULTILABEL:
            from scipy.sparse import csr_array

            labels = np.zeros_like(outcome.y)
            labels[:, : outcome.n_known] = predictions > DECIDED
            self._true, self._said = csr_array(outcome.y.T), csr_array(labels.T)
            self._hit = csr_array((outcome.y * labels).T)
            return
        said = predictions.argmax(axis=1)
        n = max(outcome.n_known, int(outcome.y.max(initial=0)) + 1)
        self._true = _indicator(outcome.y, n)
        self._said = _indicator(said, n)
        self._hit = _indicator(outcome.y, n, (said == outcome.y).astype(np.float64))

    def __call__(self, weights: Float) -> _Counted:
        columns = np.ascontiguousarray(weights.T)
        return _Counted(self._true @ columns, self._said @ columns, self._hit @ columns)


def _indicator(codes: Int, n_classes: int, values: Float | None = None) -> Any:
    from scipy.sparse import csr_array

    ones = np.ones(len(codes)) if values is None else values
    return csr_array((ones, (codes, np.arange(len(codes)))), shape=(n_classes, len(codes)))


def calibration_error(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Expected calibration error: mean gap between predicted and true share in bins of equal weight.

    Of the second class for binary, of the rate for a conversion, of the most probable class for many classes (Naeini
    et al. 2015; Guo et al. 2017). Bins of equal weight (Nixon et al. 2019), since conversions of a few percent would
    all share one bin of equal width; equal predictions share a bin.
    """
    if outcome.kind is Kind.CONVERSION:
        said, true = predictions[:, 0], outcome.y
    elif outcome.kind is Kind.BINARY:
        said, true = predictions[:, 1], (outcome.y == 1).astype(np.float64)
    else:
        said, true = predictions.max(axis=1), (predictions.argmax(axis=1) == outcome.y).astype(np.float64)
    middle = _MidRanks(said)(outcome.sample_weight[None, :])[0] / outcome.sample_weight.sum()
    gaps = _indicator((middle * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS, true - said)
    return lambda weights: np.asarray(np.abs(gaps @ weights.T).sum(axis=0) / weights.sum(axis=1))


def starts_of_ties(ordered: Float) -> Int:
    """Positions at which a new value begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def ratio(numerator: Float, denominator: Float) -> Float:
    """Quotient, NaN where the denominator is 0."""
    nan = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=nan, where=denominator != 0), dtype=np.float64)


def nan_mean(values: Float) -> Float:
    """Mean over the first axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    return ratio(np.where(there, values, 0.0).sum(axis=0), there.sum(axis=0).astype(np.float64))
