"""Predictions beside the truth: where they fail most, how they are spread, whether they mean what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from artifacts.errors import InputError
from artifacts.link import SMALLEST_PROBABILITY
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.metric_functions import DECIDED, log_likelihoods

Float = NDArray[np.float64]

MAX_CLASSES = 12
MOST_PAIRS = 100_000  # of rows and labels, that reliability is measured on
NO_LABEL = "-"  # of a row without labels
HISTOGRAM_BINS = 24
RELIABILITY_BINS = 8
ERROR_COLUMNS = (
    "row", "loss", "truth", "prediction", "truth_value", "predicted_value", "successes", "trials", "seen",
)  # fmt: skip


def _check(outcome: Outcome, predictions: Float) -> None:
    expected = (outcome.n_samples, outcome.n_outputs)
    if predictions.shape != expected:
        raise InputError(f"Predictions must have shape (n_samples, n_outputs) = {expected}, got {predictions.shape}.")
    if not np.isfinite(predictions).all():
        raise InputError(f"Predictions must be finite, but {int((~np.isfinite(predictions)).sum())} are not.")


def row_losses(outcome: Outcome, predictions: Float) -> Float:
    """The loss of each row (n_samples,), lower is better.

    Squared error for a regression; log loss for classes and summed over labels, with one that training never saw taken
    at the smallest probability; for a conversion the binomial deviance of the row (McCullagh and Nelder 1989, 2.3),
    which grows with its trials: a wrong rate on many trials is worse than the same one on few.

    Raises:
        InputError: if shapes differ or a prediction is not finite.
    """
    _check(outcome, predictions)
    if outcome.kind is Kind.REGRESSION:
        return np.asarray((outcome.y - predictions[:, 0]) ** 2)
    if outcome.kind is Kind.CONVERSION:
        y, p = outcome.y, np.clip(predictions[:, 0], SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        trials = np.ones(len(y)) if outcome.trials is None else outcome.trials
        return np.asarray(2 * trials * (xlogy(y, y / p) + xlogy(1 - y, (1 - y) / (1 - p))))
    if outcome.kind is Kind.MULTILABEL:
        return -outcome.n_known * log_likelihoods(outcome, predictions)
    return np.asarray(-np.log(_probability_of_truth(outcome, predictions)))


def _probability_of_truth(outcome: Outcome, predictions: Float) -> Float:
    known = outcome.y < outcome.n_known
    probability = predictions[np.arange(len(predictions)), np.where(known, outcome.y, 0)]
    return np.clip(np.where(known, probability, 0.0), SMALLEST_PROBABILITY, 1.0)


def largest_errors(
    outcome: Outcome, predictions: Float, row_ids: Sequence[Any], n: int = 12, *, decided: Float | None = None
) -> pd.DataFrame:
    """The rows with the largest loss, worst first.

    Args:
        outcome: truth of the rows.
        predictions: (n_samples, n_outputs).
        row_ids: (n_samples,) what a person knows the rows by.
        n: rows to return at most.
        decided: predictions, of the same shape, whose decision is at one half, where classes or labels are predicted by
            another threshold than ``predictions`` have.

    Returns:
        Columns ``row`` (text), ``loss`` (see ``row_losses``), ``truth`` and ``prediction`` (text: classes, rates
        with counts, or numbers), ``truth_value`` and ``predicted_value`` (numbers; for classes the probabilities
        given to the true and to the predicted class, for labels their means), ``successes`` and ``trials`` (NaN unless
        a conversion), and
        ``seen`` (False where the true class, or a true label, was not in training).

    Raises:
        InputError: if shapes differ or a prediction is not finite.
    """
    if len(row_ids) != outcome.n_samples:
        raise InputError(f"There are {len(row_ids)} row ids for {outcome.n_samples} rows; expected one for each.")
    losses = row_losses(outcome, predictions)
    worst = np.argsort(-losses, kind="stable")[:n]
    decided = predictions if decided is None else decided
    rows = [
        {"row": str(row_ids[i]), "loss": losses[i], **_error_row(outcome, predictions[i], decided[i], int(i))}
        for i in worst
    ]
    return pd.DataFrame(rows, columns=list(ERROR_COLUMNS))


def _error_row(outcome: Outcome, prediction: Float, decided: Float, i: int) -> dict[str, Any]:
    plain = {"successes": np.nan, "trials": np.nan, "seen": True}
    if outcome.kind is Kind.REGRESSION:
        y, p = float(outcome.y[i]), float(prediction[0])
        return {**plain, "truth": f"{y:.4g}", "prediction": f"{p:.4g}", "truth_value": y, "predicted_value": p}
    if outcome.kind is Kind.CONVERSION:
        y, p = float(outcome.y[i]), float(prediction[0])
        trials = np.nan if outcome.trials is None else float(outcome.trials[i])
        counts = "" if np.isnan(trials) else f" ({y * trials:.4g} / {trials:.6g})"
        words = {"truth": f"{100 * y:.3g} %{counts}", "prediction": f"{100 * p:.3g} %"}
        numbers = {"truth_value": y, "predicted_value": p, "successes": y * trials, "trials": trials}
        return {**plain, **words, **numbers}
    if outcome.kind is Kind.MULTILABEL:
        given = np.append(prediction, np.zeros(len(outcome.classes) - len(prediction)))
        true, said = np.flatnonzero(outcome.y[i]), np.flatnonzero(decided > DECIDED)
        names = [", ".join(str(outcome.classes[x]) for x in labels) or NO_LABEL for labels in (true, said)]
        means = [float(given[labels].mean()) if len(labels) else np.nan for labels in (true, said)]
        seen = bool((true < outcome.n_known).all())
        return {
            **plain, "truth": names[0], "prediction": names[1], "truth_value": means[0],
            "predicted_value": means[1], "seen": seen,
        }  # fmt: skip
    code, best = int(outcome.y[i]), int(np.argmax(decided))
    seen = code < outcome.n_known
    return {
        **plain,
        "truth": str(outcome.classes[code]),
        "prediction": str(outcome.classes[best]),
        "truth_value": float(prediction[code]) if seen else 0.0,
        "predicted_value": float(prediction[best]),
        "seen": seen,
    }


@dataclass(frozen=True)
class Reliability:
    """Rows binned by what was predicted; each array is (n_bins,).

    ``predicted`` and ``observed`` are weighted means, ``low`` and ``high`` bound the 90 % bootstrap interval of
    ``observed``, ``rows`` counts rows. For multiclass, ``predicted`` is the probability of the predicted class and
    ``observed`` how often it was right; for multilabel, each label of a row counts by itself.
    """

    predicted: Float
    observed: Float
    low: Float
    high: Float
    rows: NDArray[np.int64]

    @property
    def gap(self) -> float:
        """Mean distance of ``observed`` from ``predicted`` over the rows.

        For classes and rates it is the expected calibration error (Naeini et al., Obtaining well calibrated
        probabilities using Bayesian binning, 2015), over bins of as many rows.
        """
        return float(np.average(np.abs(self.observed - self.predicted), weights=self.rows))


@dataclass(frozen=True)
class PredictionDistribution:
    """Histograms and reliability of predictions.

    ``series`` maps a name to shares (n_bins,) that sum to 1. For a regression or a conversion they are ``truth``
    and ``predicted`` over ``edges`` (n_bins + 1,); values beyond the edges count in the outer bins. For binary they are
    the predicted probability of the second class among the rows of either class, named by the classes. For multiclass
    they are ``truth`` and ``predicted`` (the sum of probabilities) over the most frequent classes, ``labels``; so they
    are for multilabel, where a row may count for several. ``constant`` is what a constant would predict: the mean (over
    the labels, too), or the share of the most frequent class.
    ``target`` names the second class for binary, else is empty.
    """

    kind: Kind
    series: Mapping[str, Float]
    reliability: Reliability
    constant: float
    edges: Float = field(default_factory=lambda: np.empty(0))
    labels: tuple[str, ...] = ()
    target: str = ""


def common_edges(outcome: Outcome, predictions: Sequence[Float]) -> Float | None:
    """Edges (n_bins + 1,) of histograms of several predictions; None for classes and labels.

    Of numbers they hold the truth and the first of the predictions: another model may be far off, and counts in the
    outer bins.
    """
    if outcome.kind in (Kind.MULTICLASS, Kind.MULTILABEL):
        return None
    if outcome.kind is Kind.BINARY:
        # A rare class has small probabilities only; on all of [0, 1] they would be one column.
        most = max(float(one[:, -1].max()) for one in predictions)
        return np.linspace(0.0, min(1.0, 1.02 * most + 1e-9), HISTOGRAM_BINS + 1)
    # The long tail of a skewed target goes into the outer bins, so that the bulk can be seen.
    low, high = np.quantile(np.concatenate([outcome.y, predictions[0][:, 0]]), [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(0.0 if outcome.kind is Kind.CONVERSION else low, high, HISTOGRAM_BINS + 1)


def prediction_distribution(
    outcome: Outcome, predictions: Float, *, constant: Float | None = None, edges: Float | None = None, seed: int = 0
) -> PredictionDistribution:
    """How predictions are spread beside the truth, and how far they can be taken at their word.

    Rows count by ``outcome.sample_weight``: for a conversion, by their trials.

    Args:
        outcome: truth of the rows.
        predictions: (n_samples, n_outputs).
        constant: (n_outputs,) the constant prediction learned in training; by default the mean over these rows.
        edges: of the histograms, from ``common_edges``; by default of these predictions alone.
        seed: of the resamples.

    Raises:
        InputError: if shapes differ, a prediction is not finite, or there are no rows.
    """
    _check(outcome, predictions)
    if not outcome.n_samples:
        raise InputError("A distribution of predictions needs at least one row, but there is none.")
    weight = outcome.sample_weight
    if outcome.kind is Kind.MULTICLASS:
        return _of_classes(outcome, predictions, weight, constant, seed)
    if outcome.kind is Kind.MULTILABEL:
        return _of_labels(outcome, predictions, weight, constant, seed)
    y, predicted = outcome.y.astype(np.float64), predictions[:, -1]
    if outcome.kind is Kind.BINARY:
        y = (outcome.y == 1).astype(np.float64)
    value = float(np.average(y, weights=weight) if constant is None else constant[-1])
    reliability = _reliability(predicted, y, weight, seed)
    edges = common_edges(outcome, [predictions]) if edges is None else edges
    assert edges is not None
    if outcome.kind is Kind.BINARY:
        names = tuple(str(label) for label in outcome.classes[:2])
        series = {
            name: _histogram(predicted[outcome.y == i], weight[outcome.y == i], edges) for i, name in enumerate(names)
        }
        return PredictionDistribution(outcome.kind, series, reliability, value, edges, target=names[1])
    series = {"truth": _histogram(y, weight, edges), "predicted": _histogram(predicted, weight, edges)}
    return PredictionDistribution(outcome.kind, series, reliability, value, edges)


def _of_classes(
    outcome: Outcome, predictions: Float, weight: Float, constant: Float | None, seed: int
) -> PredictionDistribution:
    share = np.bincount(outcome.y, weights=weight, minlength=len(outcome.classes)) / weight.sum()
    expected = np.append(weight @ predictions / weight.sum(), np.zeros(len(share) - outcome.n_outputs))
    shown = np.argsort(-share, kind="stable")[:MAX_CLASSES]
    best = np.argmax(predictions, axis=1)
    reliability = _reliability(predictions.max(axis=1), (best == outcome.y).astype(np.float64), weight, seed)
    # The constant that training learned is right as often as its favourite class occurs here.
    favourite = int(np.argmax(share if constant is None else constant))
    return PredictionDistribution(
        outcome.kind,
        {"truth": share[shown], "predicted": expected[shown]},
        reliability,
        float(share[favourite]),
        labels=tuple(str(outcome.classes[i]) for i in shown),
    )


def _of_labels(
    outcome: Outcome, predictions: Float, weight: Float, constant: Float | None, seed: int
) -> PredictionDistribution:
    share = weight @ outcome.y / weight.sum()
    expected = np.append(weight @ predictions / weight.sum(), np.zeros(len(share) - outcome.n_outputs))
    shown = np.argsort(-share, kind="stable")[:MAX_CLASSES]
    pairs = np.random.default_rng(seed).permutation(predictions.size)[:MOST_PAIRS]
    known = outcome.y[:, : outcome.n_known]
    reliability = _reliability(
        predictions.ravel()[pairs], known.ravel()[pairs], np.repeat(weight, outcome.n_known)[pairs], seed
    )
    return PredictionDistribution(
        outcome.kind,
        {"truth": share[shown], "predicted": expected[shown]},
        reliability,
        float(np.mean(share[: outcome.n_known] if constant is None else constant)),
        labels=tuple(str(outcome.classes[i]) for i in shown),
    )


def _histogram(values: Float, weight: Float, edges: Float) -> Float:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges, weights=weight)
    total = counts.sum()
    return np.asarray(counts / total if total > 0 else counts, dtype=np.float64)


def _reliability(predicted: Float, observed: Float, weight: Float, seed: int, n_bootstrap: int = 200) -> Reliability:
    """Bins of as many rows each, by prediction; equal predictions stay in one bin."""
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, RELIABILITY_BINS + 1)[1:-1], method="higher"))
    place = np.searchsorted(edges, predicted, side="right")
    rng = np.random.default_rng(seed)
    rows = []
    for i in np.unique(place):
        inside = place == i
        n, w, y = int(inside.sum()), weight[inside], observed[inside]
        draws = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap) * w
        low, high = np.percentile((draws @ y) / draws.sum(axis=1), (5, 95))
        rows.append((np.average(predicted[inside], weights=w), np.average(y, weights=w), low, high, n))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Reliability(columns[0], columns[1], columns[2], columns[3], columns[4].astype(np.int64))
