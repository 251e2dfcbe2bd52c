"""Metrics of how well scores order the rows: areas under the ROC and the precision-recall curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.metric_functions import Float, Int, Statistic, nan_mean, ratio, starts_of_ties


def roc_auc(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Area under the ROC curve, half a point for ties; for many classes one against the rest, unweighted mean, as for
    many labels.

    Classes that the rows lack are left out of the mean; a class that training never saw has equal scores, hence 0.5.
    """

    def area(curve: _Curve) -> Float:
        # Mann and Whitney: mid-ranks of the positive rows, less what the positive rows have among themselves.
        pairs = curve.positive * (curve.total - curve.positive)
        above = (curve.hits * (curve.before + curve.until)).sum(axis=0) / 2.0 - curve.positive**2 / 2.0
        return 1.0 - ratio(above, np.where(pairs > 1e-12 * curve.total**2, pairs, 0.0))

    return _over_classes(area, outcome, predictions)


def average_precision(outcome: Outcome, predictions: Float, _: Float | None) -> Statistic:
    """Sum of precision over the steps of recall; for many classes one against the rest, unweighted mean."""

    def precision(curve: _Curve) -> Float:
        found = np.append(np.zeros((1, len(curve.total))), np.cumsum(curve.hits, axis=0), axis=0)[curve.n_found]
        shares = np.divide(found, curve.until, out=np.zeros_like(found), where=curve.until > 0)
        return ratio((shares * curve.hits).sum(axis=0), curve.positive)

    return _over_classes(precision, outcome, predictions)


@dataclass(frozen=True)
class _Curve:
    """Positive rows in the order of falling scores: their weights ``hits`` (n_positive, k), the weight of all rows
    ``before`` and ``until`` the end of their ties, and how many positive rows stand until there.
    """

    hits: Float
    before: Float
    until: Float
    n_found: Int
    positive: Float
    total: Float


class _Order:
    """Rows by falling score of one class, looked at once."""

    def __init__(self, scores: Float, hit: NDArray[np.bool_]) -> None:
        self.rows = np.argsort(-scores, kind="stable")
        edges = np.append(starts_of_ties(scores[self.rows]), len(scores))
        positions = np.flatnonzero(hit[self.rows])
        tie = np.searchsorted(edges, positions, side="right") - 1
        self.positions, self.start, self.end = positions, edges[tie], edges[tie + 1]
        self.n_found = np.searchsorted(positions, self.end, side="left")

    def curve(self, columns: Float) -> _Curve:
        """The curve for weights (n_samples, k)."""
        ordered = columns[self.rows]
        hits = ordered[self.positions]
        sums = np.zeros((len(ordered) + 1, ordered.shape[1]))
        np.cumsum(ordered, axis=0, out=sums[1:])
        return _Curve(hits, sums[self.start], sums[self.end], self.n_found, hits.sum(axis=0), sums[-1])


def _over_classes(of_curve: Callable[[_Curve], Float], outcome: Outcome, predictions: Float) -> Statistic:
    many = outcome.kind is Kind.MULTILABEL
    codes = [1] if outcome.kind is Kind.BINARY else range(outcome.y.shape[1]) if many else np.unique(outcome.y).tolist()
    lacking = np.zeros(outcome.n_samples)
    hits = [outcome.y[:, c] > 0 if many else outcome.y == c for c in codes]
    orders = [
        _Order(predictions[:, c] if c < outcome.n_known else lacking, hit) for c, hit in zip(codes, hits, strict=True)
    ]

    def statistic(weights: Float) -> Float:
        columns = np.ascontiguousarray(weights.T)
        return nan_mean(np.stack([of_curve(order.curve(columns)) for order in orders]))

    return statistic
