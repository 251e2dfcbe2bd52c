"""What the order of predictions is worth: how much of the outcome lies among the rows with the highest ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.intervals import curve_interval

Float = NDArray[np.float64]

POINTS = 41
FEWEST = 0.05  # of the rows, below which a share of right ones says little
MOST_PAIRS = 100_000  # of rows and labels
FOUND, RIGHT = "found", "right"


@dataclass(frozen=True)
class GainCurve:
    """A cumulative gain curve; each array is (n_points,).

    Of ``measure`` ``found``: among the ``share`` of all weight (rows, trials of a conversion, pairs of row and label)
    with the highest predictions lies the share ``value`` of the outcome: of the second class, of all successes, of the
    sum of a number, of all labels. ``ideal`` is what the order of the truth itself would give, ``base`` (n_points,) an
    order by chance. Of ``measure`` ``right``, for many classes: of the ``share`` of the rows that the model is surest
    of, ``value`` are right; ``base`` is the share of right ones over all. ``low`` and ``high`` bound the 90 % bootstrap
    interval of ``value``.
    """

    measure: str
    share: Float
    value: Float
    low: Float
    high: Float
    ideal: Float
    base: Float

    def at(self, share: float) -> tuple[float, float, float]:
        """Value, low and high at one share."""
        value, low, high = (float(np.interp(share, self.share, column)) for column in (self.value, self.low, self.high))
        return value, low, high


def gain_curve(
    outcome: Outcome, predictions: Float, *, seed: int = 0, groups: NDArray[Any] | None = None
) -> GainCurve | None:
    """The gain curve of scored rows; None where the outcome has no shares.

    These lack where nothing was found at all, and where a number is negative somewhere: what the highest predictions
    hold of a sum could then be anything.

    Args:
        outcome: truth of the rows.
        predictions: (n_samples, n_outputs), finite.
        seed: of resamples, and of pairs where there are too many.
        groups: (n_samples,) rows of one group are drawn together.
    """
    weight = outcome.sample_weight
    if not outcome.n_samples or not weight.sum() > 0:
        return None
    if outcome.kind is Kind.MULTICLASS:
        hit = (predictions.argmax(axis=1) == outcome.y).astype(np.float64)
        order = _Order(predictions.max(axis=1))
        share = np.linspace(FEWEST, 1.0, POINTS)
        right = float(np.average(hit, weights=weight))
        ideal = np.minimum(1.0, right / share)
        low, high = curve_interval(lambda w: order.right(hit, w, share), weight, seed=seed, groups=groups)
        return GainCurve(
            RIGHT, share, order.right(hit, weight[None], share)[0], low, high, ideal, np.full(POINTS, right)
        )
    amount, score = _amounts(outcome, predictions)
    if outcome.kind is Kind.MULTILABEL:
        amount, score, weight, groups = _pairs(amount, score, weight, groups, seed)
    if amount.min() < 0 or not weight @ amount > 0:
        return None
    share = np.linspace(0.0, 1.0, POINTS)
    order, best = _Order(score), _Order(amount)
    low, high = curve_interval(lambda w: order.found(amount, w, share), weight, seed=seed, groups=groups)
    own = weight[None]
    return GainCurve(
        FOUND, share, order.found(amount, own, share)[0], low, high, best.found(amount, own, share)[0], share.copy()
    )


def _amounts(outcome: Outcome, predictions: Float) -> tuple[Float, Float]:
    """What there is to find in each row, and the score that it is looked for by; (n_samples, n_labels) of labels."""
    if outcome.kind is Kind.BINARY:
        return (outcome.y == 1).astype(np.float64), predictions[:, -1]
    if outcome.kind is Kind.MULTILABEL:
        return outcome.y[:, : outcome.n_known].astype(np.float64), predictions
    return outcome.y.astype(np.float64), predictions[:, 0]


def _pairs(
    amount: Float, score: Float, weight: Float, groups: NDArray[Any] | None, seed: int
) -> tuple[Float, Float, Float, NDArray[Any]]:
    """Each label of a row as a row of its own, drawn together with the others of it."""
    n_rows, n_labels = amount.shape
    kept = np.sort(np.random.default_rng(seed).permutation(amount.size)[:MOST_PAIRS])
    units = np.arange(n_rows) if groups is None else groups
    together = np.repeat(units, n_labels)[kept]
    return amount.ravel()[kept], score.ravel()[kept], np.repeat(weight, n_labels)[kept], together


class _Order:
    """Rows by falling score. Within ties the curve is straight: no order of theirs is better than another."""

    def __init__(self, score: Float) -> None:
        self.rows = np.argsort(-score, kind="stable")
        ordered = score[self.rows]
        self.ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)

    def found(self, amount: Float, weights: Float, share: Float) -> Float:
        """Shares of the amount (k, n_points) for weights (k, n_samples); NaN where nothing is to be found."""
        return np.stack([self._share(row, row * amount, share) for row in weights])

    def right(self, hit: Float, weights: Float, share: Float) -> Float:
        """Shares of hits among the first (k, n_points)."""
        total = (weights @ hit) / weights.sum(axis=1)
        return np.asarray(self.found(hit, weights, share) * total[:, None] / share)

    def _share(self, weight: Float, amount: Float, share: Float) -> Float:
        x, y = (np.append(0.0, np.cumsum(column[self.rows])[self.ends]) for column in (weight, amount))
        if not x[-1] > 0:
            return np.full(len(share), np.nan)
        # Of nothing to find, everything was found by any order: right() multiplies by its share, which is 0.
        return np.asarray(np.interp(share, x / x[-1], y / y[-1] if y[-1] > 0 else x / x[-1]), dtype=np.float64)
