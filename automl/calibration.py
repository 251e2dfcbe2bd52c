"""Calibrated probabilities: a scale and a shift of link scores, learned on rows that the models did not see.

For two outcomes, and for all labels of many together, this is Platt scaling (Platt, Probabilistic outputs for support
vector machines, 1999), for many classes temperature scaling (Guo et al., On calibration of modern neural networks,
2017): one number for all classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.link import SMALLEST_PROBABILITY, finite_rows, from_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl import decision
from evaluation.metrics import METRICS, Metric
from evaluation.splits import Fold

Float = NDArray[np.float64]

SHIFTED = frozenset({Kind.BINARY, Kind.CONVERSION, Kind.MULTILABEL})  # a shift of all classes would change nothing
CALIBRATED = SHIFTED | {Kind.MULTICLASS}
SMALLEST_SCALE, LARGEST_SCALE = 0.05, 20.0
LEAST_ROWS = 50  # two numbers learned on fewer are noise
MOST_NUMBERS = 4_000_000  # link scores that are looked at; more say the same
# Rows (or trials) of evenly mixed outcomes that are added where numbers are learned: where all rows are right, the
# likelihood alone would make them ever surer. Platt's smoothed targets do the same.
PRIOR_ROWS = 2.0


@dataclass(frozen=True)
class Calibration:
    """``scale * link + shift``; the ranking of rows stays."""

    scale: float = 1.0
    shift: float = 0.0

    def apply(self, link: Float) -> Float:
        """Calibrated link scores, of the same shape."""
        return link if self == Calibration() else self.scale * link + self.shift


def fit_calibration(
    link: Float, outcome: Outcome, folds: Sequence[Fold], metric: Metric, reference: Float | None = None
) -> Calibration:
    """What makes the likelihood of rows out of fold best, or nothing if that does not hold on other rows.

    Whether it holds is judged over the folds: the calibration of a fold's rows is learned on those of the others. Nor
    is it kept where the task's own metric gets worse by it, but for one of decisions whose threshold is chosen
    afterwards. Rows of a class that the fold's model could not know are left out: the final model may know it.

    Args:
        link: link scores out of fold (n_samples, n_link); NaN in rows that no fold validated.
        outcome: the targets of the same rows.
        folds: the folds that the scores are from.
        metric: the task's.
        reference: constant prediction, for metrics that are relative to one.
    """
    if outcome.kind not in CALIBRATED:
        return Calibration()
    known = finite_rows(link)
    every = -(-int(known.sum()) * link.shape[1] // MOST_NUMBERS)
    parts = [_learnable(fold, known, outcome)[:: max(1, every)] for fold in folds]
    parts = [part for part in parts if len(part)]
    if len(parts) < 2 or known.sum() < LEAST_ROWS:
        return Calibration()
    calibrated = []
    for i, part in enumerate(parts):
        others = np.concatenate(parts[:i] + parts[i + 1 :])
        calibrated.append(_best(link[others], outcome.take(others)).apply(link[part]))
    judged = np.concatenate(parts)
    plain, truth = link[judged], outcome.take(judged)
    if _loss(np.concatenate(calibrated), truth) >= _loss(plain, truth):
        return Calibration()
    found = _best(plain, truth)
    if metric.decides and truth.kind in decision.KINDS:
        return found
    before, after = (metric.score(truth, from_link(truth.kind, x), reference) for x in (plain, found.apply(plain)))
    return Calibration() if (after < before if metric.higher_is_better else after > before) else found


def _learnable(fold: Fold, known: NDArray[np.bool_], outcome: Outcome) -> NDArray[np.int64]:
    rows = fold.valid[known[fold.valid]]
    if outcome.kind in (Kind.CONVERSION, Kind.MULTILABEL) or not len(fold.train):
        return rows
    return rows[np.isin(outcome.y[rows], outcome.y[fold.train])]


def _best(link: Float, outcome: Outcome) -> Calibration:
    from scipy.optimize import minimize

    shifted = outcome.kind in SHIFTED

    prior = PRIOR_ROWS / max(float(outcome.sample_weight.sum()), 1.0)

    def loss(x: Float) -> float:
        moved = float(np.exp(x[0])) * link + (x[1] if shifted else 0.0)
        return _loss(moved, outcome) + prior * _mixed_loss(moved, outcome.kind)

    bounds = [(np.log(SMALLEST_SCALE), np.log(LARGEST_SCALE))] + [(-5.0, 5.0)] * shifted
    found = minimize(loss, np.zeros(len(bounds)), method="L-BFGS-B", bounds=bounds)
    return Calibration(float(np.exp(found.x[0])), float(found.x[1]) if shifted else 0.0)


def _mixed_loss(link: Float, kind: Kind) -> float:
    """Mean loss where every outcome is as likely."""
    p = from_link(kind, link)
    p = np.hstack([1.0 - p, p]) if kind in (Kind.CONVERSION, Kind.MULTILABEL) else p
    return float(-np.log(np.clip(p, SMALLEST_PROBABILITY, 1.0)).mean())


def _loss(link: Float, outcome: Outcome) -> float:
    return METRICS["log_loss"].score(outcome, from_link(outcome.kind, link), None)
