"""Where a decision is made: thresholds of labels, or of the second of two classes, chosen on rows out of fold.

The best threshold of an F1 lies below even odds wherever the F1 is below 1 (Lipton, Elkan and Naryanaswamy, Optimal
thresholding of classifiers to maximize F1 measure, 2014). A label has a threshold of its own where it has enough rows
to choose one by, and else the common one (Yang, A study of thresholding strategies for text categorization, 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from artifacts.link import SMALLEST_PROBABILITY, finite_rows, from_link, to_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.metrics import Metric
from evaluation.splits import Fold

Float = NDArray[np.float64]

KINDS = frozenset({Kind.BINARY, Kind.MULTILABEL})  # whose decisions hang on a threshold
LEAST_ROWS = 50  # on fewer a threshold is noise
PARTS_OF_ONE_FOLD = 5
LEAST_OF_LABEL = 20  # rows that have a label, and as many that lack it, for a threshold of its own
MOST_NUMBERS = 200_000  # link scores that are looked at; more say the same
SAID = tuple(float(x) for x in np.geomspace(0.25, 4.0, 17))  # how many are predicted, against how many are true
LARGEST_LINK = float(logit(1.0 - SMALLEST_PROBABILITY))


@dataclass(frozen=True)
class Decision:
    """``shift``: the log-odds above which a label, or the second class, is predicted: one for all labels or one for
    each; empty for even odds. It moves decisions alone: probabilities stay what they are.
    """

    shift: tuple[float, ...] = ()

    def move(self, link: Float) -> Float:
        """Link scores, of the same shape, whose decision is at 0."""
        return link - np.array(self.shift) if self.shift else link

    def predictions(self, kind: Kind, predictions: Float) -> Float:
        """Predictions, of the same shape, whose decision is at one half: for metrics that decide, and for labels."""
        return from_link(kind, self.move(to_link(kind, predictions))) if self.shift else predictions


def fit_decision(link: Float, outcome: Outcome, folds: Sequence[Fold], metric: Metric) -> tuple[Decision, Float]:
    """The thresholds that make a metric of decisions best, or none if they do not on other rows.

    Even odds, one threshold, and one for each label are judged over the folds: the thresholds of a fold's rows are
    chosen on those of the others.

    Args:
        link: link scores out of fold (n_samples, n_link); NaN in rows that no fold validated.
        outcome: the targets of the same rows.
        folds: the folds that the scores are from.
        metric: the task's. Where it is none of decisions, they stay at even odds.

    Returns:
        The decision for new rows, and the link scores (n_samples, n_link) of these rows, moved so that 0 decides: each
        fold's by the thresholds of the others, so that a score of them is none of rows the thresholds were chosen on.
    """
    nothing = Decision(), link
    if not metric.decides or outcome.kind not in KINDS:
        return nothing
    known = finite_rows(link)
    parts = [rows for fold in folds if len(rows := fold.valid[known[fold.valid]])]
    if len(parts) == 1:  # a library that validated on one fold alone
        parts = [parts[0][i::PARTS_OF_ONE_FOLD] for i in range(PARTS_OF_ONE_FOLD)]
    if len(parts) < 2 or sum(map(len, parts)) < LEAST_ROWS:
        return nothing
    link = np.clip(link, -LARGEST_LINK, LARGEST_LINK)
    every = max(1, -(-link.size // MOST_NUMBERS))
    learned = [rows[::every] for rows in parts]
    judged = np.concatenate(parts)
    without = [np.concatenate(learned[:i] + learned[i + 1 :]) for i in range(len(parts))]
    of_fold = [_choices(link[others], outcome.take(others), metric) for others in without]
    every_row = np.concatenate(learned)
    best, best_score = nothing, _score(metric, outcome.take(judged), link[judged])
    if np.isinf(best_score):  # nothing is true
        return nothing
    for way, found in enumerate(_choices(link[every_row], outcome.take(every_row), metric)):
        moved = found.move(link)
        for rows, choices in zip(parts, of_fold, strict=True):
            moved[rows] = choices[way].move(link[rows])
        score = _score(metric, outcome.take(judged), moved[judged])
        if score > best_score:
            best, best_score = (found, moved), score
    return best


def decided_score(
    link: Float, outcome: Outcome, folds: Sequence[Fold], metric: Metric, reference: Float
) -> tuple[Decision, float]:
    """The thresholds of ``fit_decision``, and the metric of the rows, each with the thresholds of other folds."""
    decision, moved = fit_decision(link, outcome, folds, metric)
    rows = finite_rows(moved)
    known = outcome.take(rows)
    return decision, metric.score(known, from_link(known.kind, moved[rows]), reference)


def _score(metric: Metric, outcome: Outcome, moved: Float) -> float:
    """The metric, higher is better, of hard decisions at 0."""
    said = (moved > 0).astype(np.float64)
    score = metric.score(outcome, np.hstack([1.0 - said, said]) if outcome.kind is Kind.BINARY else said)
    return -np.inf if np.isnan(score) else score


def _thresholds(link: Float, true: Float) -> Float:
    """Thresholds (n,) between the values of link scores, above which about ``SAID`` times as many lie as are true."""
    values = np.unique(link)
    below = np.append(values[0] - 1.0, (values[1:] + values[:-1]) / 2.0)  # of each value, so that it lies above
    ranks = np.clip(np.round(float(true.mean()) * np.array(SAID) * true.size), 1, true.size).astype(np.int64)
    return np.asarray(below[np.searchsorted(values, np.unique(np.sort(link.ravel())[-ranks]))])


def _true(outcome: Outcome) -> Float:
    """Which label a row has, as 0 and 1 (n_samples, n_link)."""
    return outcome.y[:, : outcome.n_known] if outcome.y.ndim > 1 else (outcome.y == 1).astype(np.float64)[:, None]


def _choices(link: Float, outcome: Outcome, metric: Metric) -> list[Decision]:
    """One threshold; and for many labels one for each, where the metric is an F1 that can be had so."""
    common = _for_all(link, outcome, metric)
    if outcome.kind is not Kind.MULTILABEL or metric.name not in ("f1_micro", "f1_macro"):
        return [common]
    return [common, _for_each(link, outcome, metric, common)]


def _for_all(link: Float, outcome: Outcome, metric: Metric) -> Decision:
    options = _thresholds(link, _true(outcome))
    scores = [_score(metric, outcome, link - option) for option in options]
    return Decision((float(options[int(np.argmax(scores))]),))


def _for_each(link: Float, outcome: Outcome, metric: Metric, common: Decision) -> Decision:
    true, weight = _true(outcome), outcome.sample_weight
    enough = np.minimum(true.sum(axis=0), (1.0 - true).sum(axis=0)) >= LEAST_OF_LABEL
    if not enough.any():
        return common
    shift = np.full(link.shape[1], common.shift[0])
    labels = [_Label.of(link[:, i], true[:, i], weight, common.shift[0]) for i in np.flatnonzero(enough)]
    if metric.name == "f1_macro":
        shift[enough] = [label.options[np.argmax(2.0 * label.hit / (label.said + label.held))] for label in labels]
        return Decision(tuple(shift.tolist()))
    rest = (link > common.shift[0]) & ~enough
    hit_apart, both_apart = float(weight @ (true * rest).sum(axis=1)), float(weight @ (true + rest).sum(axis=1))
    chosen = [0] * len(labels)
    # A quotient of sums over the labels: at the best quotient each label can be chosen alone (Dinkelbach, On nonlinear
    # fractional programming, 1967).
    while True:
        hit = hit_apart + sum(label.hit[i] for label, i in zip(labels, chosen, strict=True))
        both = both_apart + sum(label.said[i] for label, i in zip(labels, chosen, strict=True))
        better = [int(np.argmax(2.0 * label.hit - 2.0 * hit / both * label.said)) for label in labels]
        if better == chosen:
            break
        chosen = better
    shift[enough] = [label.options[i] for label, i in zip(labels, chosen, strict=True)]
    return Decision(tuple(shift.tolist()))


@dataclass(frozen=True)
class _Label:
    """Thresholds of one label (n,), the weight that is said and rightly said at each, and that of its rows."""

    options: Float
    said: Float
    hit: Float
    held: float

    @classmethod
    def of(cls, link: Float, true: Float, weight: Float, common: float) -> _Label:
        options = np.append(common, _thresholds(link, true))
        above = link[:, None] > options
        return cls(options, weight @ above, (weight * true) @ above, float(weight @ true))
