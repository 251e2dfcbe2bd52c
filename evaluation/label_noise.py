"""Labels that look wrong: rows of equal content with different targets, and labels that a model surely denies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.link import finite_rows
from artifacts.outcome import Outcome
from artifacts.schema import Kind

Int = NDArray[np.int64]
Float = NDArray[np.float64]

LEAST_ROWS = 10  # that repeat; with fewer the share says nothing
LEAST_OF_CLASS = 5  # rows of a class, from which its usual confidence can be told
SURE = 0.9  # a probability that is enough of a class whose usual one is larger: half of its own rows lie below that


@dataclass(frozen=True)
class DeniedLabels:
    """Rows whose label a model surely denies, the surest first; each array is (n_denied,).

    ``rows`` are positions. Of classes, ``given`` and ``likelier`` are codes; of many labels, ``label`` is the code of
    the label, ``given`` 1 if the row has it, and ``likelier`` the other one. ``p_given`` and ``p_likelier`` are
    probabilities.
    """

    rows: Int
    given: Int
    likelier: Int
    p_given: Float
    p_likelier: Float
    label: Int


def denied_labels(outcome: Outcome, predictions: Float, usual: Float | None = None) -> DeniedLabels:
    """Labels that are likely wrong, by confident learning (Northcutt, Jiang and Chuang, Confident learning:
    estimating uncertainty in dataset labels, 2021).

    A row is suspicious if another class has a larger probability than its own, and at least as large a one as that
    class has on average where it is the label, or 0.9. Of many labels, each label by itself, as one of two classes.

    Args:
        outcome: labels of rows: binary, multiclass or multilabel.
        predictions: (n_samples, n_outputs) of models that did not see the rows; rows that are not finite have none.
        usual: of ``usual_confidence`` on other rows; on these if None.

    Raises:
        InputError: for a kind without labels.
    """
    usual = usual_confidence(outcome, predictions) if usual is None else usual
    known = finite_rows(predictions)
    if outcome.kind is Kind.MULTILABEL:
        given = (outcome.y[:, : outcome.n_known] > 0).astype(np.int64)
        p_other = np.where(given > 0, 1.0 - predictions, predictions)
        denied = known[:, None] & (p_other > 0.5) & (p_other >= np.where(given > 0, usual[0], usual[1]))
        rows, label = np.nonzero(denied)
        p, was = p_other[rows, label], given[rows, label]
        order = np.argsort(-p, kind="stable")
        return DeniedLabels(rows[order], was[order], 1 - was[order], 1 - p[order], p[order], label[order])
    known &= outcome.y < outcome.n_known
    rows = np.flatnonzero(known)
    p, y = predictions[rows], outcome.y[rows].astype(np.int64)
    confident = np.where(p >= usual, p, -1.0)
    likelier = confident.argmax(axis=1)
    each = np.arange(len(rows))
    p_given, p_likelier = p[each, y], confident[each, likelier]
    denied = (likelier != y) & (p_likelier > p_given)
    order = np.flatnonzero(denied)
    order = order[np.argsort(p_given[order] - p_likelier[order], kind="stable")]
    none = np.full(len(order), -1)
    return DeniedLabels(rows[order], y[order], likelier[order], p_given[order], p_likelier[order], none)


def usual_confidence(outcome: Outcome, predictions: Float) -> Float:
    """The mean probability of each class over the rows that have it (n_outputs,), at most 0.9; infinite for classes of
    few rows.

    Of many labels (2, n_outputs): of lacking a label over the rows that lack it, and of having it over those that have.

    Raises:
        InputError: for a kind without labels.
    """
    if outcome.kind not in (Kind.BINARY, Kind.MULTICLASS, Kind.MULTILABEL):
        raise InputError(f"Labels are of classes, but the task is {outcome.kind.value!r}. Use intervals of numbers.")
    known = finite_rows(predictions)
    p = predictions[known]
    if outcome.kind is Kind.MULTILABEL:
        has = np.asarray(outcome.y[known][:, : outcome.n_known] > 0, dtype=np.bool_)
        return np.stack([_mean_where(~has, 1.0 - p), _mean_where(has, p)])
    codes = outcome.y[known].astype(np.int64)
    return _mean_where(codes[:, None] == np.arange(outcome.n_known), p)


def _mean_where(mask: NDArray[np.bool_], values: Float) -> Float:
    n = mask.sum(axis=0)
    mean = np.where(mask, values, 0.0).sum(axis=0) / np.maximum(n, 1)
    return np.asarray(np.where(n >= LEAST_OF_CLASS, np.minimum(mean, SURE), np.inf), dtype=np.float64)


@dataclass(frozen=True)
class Disagreement:
    """Among ``n_rows`` rows of repeated content.

    ``rows`` (int64) are positions of rows whose target is not like their repeats', the farthest first. For classes,
    these are the rows outside the most frequent class of their content, and ``share`` is their share of ``n_rows``: a
    lower bound on the error of any model that sees only this content. Otherwise ``share`` is the share of the
    targets' variance that lies within contents: of their ranks for a regression; for a conversion of the rates,
    weighted by trials, beyond what binomial counts vary by chance.
    """

    rows: Int
    n_rows: int
    share: float


def disagreement(clusters: Int, outcome: Outcome) -> Disagreement | None:
    """How far targets differ within clusters; None if fewer than ``LEAST_ROWS`` rows repeat.

    Args:
        clusters: (n_samples,) equal for rows of equal content; negative for rows without content.
        outcome: the targets of the same rows; not multilabel.
    """
    counts = pd.Series(clusters).map(pd.Series(clusters).value_counts()).to_numpy()
    rows = np.flatnonzero((clusters >= 0) & (counts > 1))
    if len(rows) < LEAST_ROWS:
        return None
    own = np.unique(clusters[rows], return_inverse=True)[1]
    if outcome.kind in (Kind.BINARY, Kind.MULTICLASS):
        return _of_classes(rows, own, outcome)
    if outcome.kind is Kind.CONVERSION and outcome.trials is not None:
        return _of_rates(rows, own, outcome.y, outcome.trials)
    ranks = pd.Series(outcome.y).rank().to_numpy(np.float64)
    mean = np.bincount(own, ranks[rows]) / np.bincount(own)
    apart = ranks[rows] - mean[own]
    within = float(np.sum(apart**2)) / (len(rows) - len(mean))
    total = float(np.var(ranks))
    far = np.flatnonzero(np.abs(apart) > np.sqrt(total) / 2)
    order = far[np.argsort(-np.abs(apart[far]), kind="stable")]
    return Disagreement(rows[order], len(rows), min(1.0, within / total) if total > 0 else 0.0)


def _of_classes(rows: Int, own: Int, outcome: Outcome) -> Disagreement:
    y = outcome.y[rows].astype(np.int64)
    pairs, inverse, counts = np.unique(own * (y.max() + 1) + y, return_inverse=True, return_counts=True)
    group = pairs // (y.max() + 1)
    order = np.lexsort((pairs, -counts, group))
    usual = np.zeros(len(pairs), dtype=bool)
    usual[order[np.unique(group[order], return_index=True)[1]]] = True
    odd = rows[~usual[inverse]]
    return Disagreement(odd, len(rows), len(odd) / len(rows))


def _of_rates(rows: Int, own: Int, rate: Float, trials: Float) -> Disagreement:
    y, n = rate[rows], trials[rows]
    size = np.bincount(own, n)
    mean = (np.bincount(own, n * y) / size)[own]
    chance = mean * (1 - mean) * (1 - n / size[own])
    within = n * (y - mean) ** 2
    freedom = len(rows) - len(size)
    pooled = float(np.average(rate, weights=trials))
    # Excess over the binomial variance, per degree of freedom, of rows that repeat and of all rows.
    inner = (float(within.sum()) - float(chance.sum())) / freedom
    whole = float(np.mean(trials * (rate - pooled) ** 2)) - pooled * (1 - pooled)
    scores = (y - mean) / np.sqrt(np.maximum(chance / n, 1e-12))
    far = np.flatnonzero(np.abs(scores) > 4)
    order = far[np.argsort(-np.abs(scores[far]), kind="stable")]
    return Disagreement(rows[order], len(rows), float(np.clip(inner / whole, 0, 1)) if whole > 0 else 0.0)
