"""Metrics with their natural signs, weighted by trials or the weight column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError, pick_known
from artifacts.link import SMALLEST_PROBABILITY
from artifacts.outcome import Outcome
from artifacts.schema import Kind, Title
from artifacts.task import Target

Float = NDArray[np.float64]
CLASSES = frozenset({Kind.BINARY, Kind.MULTICLASS})
NUMBERS = frozenset({Kind.REGRESSION, Kind.CONVERSION})
LIKELIHOODS = CLASSES | {Kind.CONVERSION}


@dataclass(frozen=True)
class Metric:
    """A score of predictions. ``function(outcome, predictions, weights, reference)``."""

    name: str
    higher_is_better: bool
    kinds: frozenset[Kind]
    title: Title
    function: Callable[[Outcome, Float, Float, Float | None], float]

    def score(
        self, outcome: Outcome, predictions: Float, reference: Float | None = None, weights: Float | None = None
    ) -> float:
        """The score; NaN where it is not defined, such as an AUC of one class.

        Args:
            outcome: true targets; codes >= ``n_known`` are classes that training lacked: missed.
            predictions: (n_samples, n_outputs), no NaN.
            reference: constant prediction (n_outputs,), for metrics relative to one.
            weights: (n_samples,) in place of the outcome's own, for a bootstrap.

        Raises:
            InputError: if the shapes differ or a prediction is not a finite number.
        """
        if predictions.shape != (outcome.n_samples, outcome.n_outputs):
            raise InputError(
                f"Predictions must have shape {(outcome.n_samples, outcome.n_outputs)}, but have {predictions.shape}."
            )
        if not np.isfinite(predictions).all():
            raise InputError(f"Metric {self.name!r} needs finite predictions, but some are NaN or infinite.")
        w = outcome.sample_weight if weights is None else weights
        if not len(w) or w.sum() <= 0:
            return float("nan")
        return float(self.function(outcome, predictions, w, reference))


def constant_prediction(outcome: Outcome) -> Float:
    """The best constant (n_outputs,): weighted mean, or smoothed shares of the known classes."""
    weight = outcome.sample_weight
    if outcome.kind in NUMBERS:
        return np.array([np.average(outcome.y, weights=weight)])
    known = outcome.y < outcome.n_known
    counts = np.bincount(outcome.y[known], weights=weight[known], minlength=outcome.n_known) + 1e-3
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def log_likelihoods(outcome: Outcome, predictions: Float) -> Float:
    """Mean log likelihood of each row (n_samples,), per trial for a conversion."""
    p = np.clip(predictions, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    if outcome.kind is Kind.CONVERSION:
        rate = outcome.y
        return np.asarray(rate * np.log(p[:, 0]) + (1 - rate) * np.log1p(-p[:, 0]))
    known = outcome.y < outcome.n_known
    truth = np.full(outcome.n_samples, SMALLEST_PROBABILITY)
    truth[known] = p[known, outcome.y[known]]
    return np.asarray(np.log(truth))


def _log_likelihood(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return float(np.average(log_likelihoods(outcome, p), weights=w))


def _log_loss(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return -_log_likelihood(outcome, p, w, None)


def _skill(outcome: Outcome, p: Float, w: Float, reference: Float | None) -> float:
    constant = constant_prediction(outcome) if reference is None else reference
    base = _log_likelihood(outcome, np.tile(constant, (outcome.n_samples, 1)), w, None)
    return 1 - _log_likelihood(outcome, p, w, None) / base if base else float("nan")


def _roc_auc(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    from sklearn.metrics import roc_auc_score

    known = outcome.y < outcome.n_known
    y, p, w = outcome.y[known], p[known], w[known]
    areas = []
    for code in [1] if outcome.kind is Kind.BINARY else range(outcome.n_known):
        hit = y == code
        if w[hit].sum() > 0 and w[~hit].sum() > 0:
            areas.append(roc_auc_score(hit, p[:, code], sample_weight=w))
    return float(np.mean(areas)) if areas else float("nan")


def _average_precision(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    from sklearn.metrics import average_precision_score

    hit = outcome.y == 1
    return float(average_precision_score(hit, p[:, 1], sample_weight=w)) if w[hit].sum() > 0 else float("nan")


def _accuracy(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return float(np.average(p.argmax(axis=1) == outcome.y, weights=w))


def _per_class(outcome: Outcome, p: Float, w: Float) -> tuple[Float, Float, Float]:
    """F1, recall and true weight of each class that occurs in truth or prediction."""
    n = max(len(outcome.classes), outcome.n_known, int(outcome.y.max(initial=0)) + 1)
    said = p.argmax(axis=1)
    hit = np.bincount(outcome.y, weights=w * (said == outcome.y), minlength=n)
    true = np.bincount(outcome.y, weights=w, minlength=n)
    predicted = np.bincount(said, weights=w, minlength=n)
    there = true + predicted > 0
    f1 = 2 * hit[there] / (true + predicted)[there]
    recall = np.divide(hit[there], true[there], out=np.full(there.sum(), np.nan), where=true[there] > 0)
    return f1, recall, np.asarray(true[there], dtype=np.float64)


def _f1_macro(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return float(_per_class(outcome, p, w)[0].mean())


def _f1_weighted(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    f1, _recall, true = _per_class(outcome, p, w)
    return float(np.average(f1, weights=true))


def _balanced_accuracy(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return float(np.nanmean(_per_class(outcome, p, w)[1]))


def _mse(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return float(np.average((outcome.y - p[:, 0]) ** 2, weights=w))


def _rmse(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return float(np.sqrt(_mse(outcome, p, w, None)))


def _mae(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    return float(np.average(np.abs(outcome.y - p[:, 0]), weights=w))


def _r2(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    spread = np.average((outcome.y - np.average(outcome.y, weights=w)) ** 2, weights=w)
    return 1 - _mse(outcome, p, w, None) / float(spread) if spread > 0 else float("nan")


def _spearman(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    from scipy.stats import rankdata

    a, b = rankdata(outcome.y), rankdata(p[:, 0])
    a, b = a - np.average(a, weights=w), b - np.average(b, weights=w)
    scale = np.sqrt((w * a * a).sum() * (w * b * b).sum())
    return float((w * a * b).sum() / scale) if scale > 0 else float("nan")


def _calibration_error(outcome: Outcome, p: Float, w: Float, _: Float | None) -> float:
    """Expected calibration error in 15 equal bins (Naeini et al. 2015); of the top class for multiclass."""
    if outcome.kind is Kind.CONVERSION:
        said, true = p[:, 0], outcome.y
    elif outcome.kind is Kind.BINARY:
        said, true = p[:, 1], (outcome.y == 1).astype(float)
    else:
        said, true = p.max(axis=1), (p.argmax(axis=1) == outcome.y).astype(float)
    bins = np.minimum((said * 15).astype(int), 14)
    gap = np.bincount(bins, weights=w * (true - said), minlength=15)
    return float(np.abs(gap).sum() / w.sum())


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("log_likelihood", True, LIKELIHOODS, Title("log-likelihood", "логарифм правдоподобия"), _log_likelihood),
        Metric(
            "log_likelihood_skill",
            True,
            LIKELIHOODS,
            Title("log-likelihood skill against a constant", "выигрыш правдоподобия против константы"),
            _skill,
        ),
        Metric("log_loss", False, LIKELIHOODS, Title("log loss", "логистическая потеря"), _log_loss),
        Metric("roc_auc", True, CLASSES, Title("ROC AUC", "ROC AUC"), _roc_auc),
        Metric(
            "average_precision",
            True,
            frozenset({Kind.BINARY}),
            Title("average precision", "средняя точность"),
            _average_precision,
        ),
        Metric("accuracy", True, CLASSES, Title("accuracy", "доля верных"), _accuracy),
        Metric(
            "balanced_accuracy",
            True,
            CLASSES,
            Title("balanced accuracy", "сбалансированная доля верных"),
            _balanced_accuracy,
        ),
        Metric("f1_macro", True, CLASSES, Title("macro F1", "макро-F1"), _f1_macro),
        Metric("f1_weighted", True, CLASSES, Title("weighted F1", "взвешенная F1"), _f1_weighted),
        Metric("f1_micro", True, CLASSES, Title("micro F1", "микро-F1"), _accuracy),
        Metric("r2", True, NUMBERS, Title("R²", "R²"), _r2),
        Metric("rmse", False, NUMBERS, Title("RMSE", "RMSE"), _rmse),
        Metric("mse", False, NUMBERS, Title("MSE", "MSE"), _mse),
        Metric("mae", False, NUMBERS, Title("MAE", "MAE"), _mae),
        Metric("spearman", True, NUMBERS, Title("Spearman correlation", "корреляция Спирмена"), _spearman),
        Metric(
            "calibration_error",
            False,
            LIKELIHOODS,
            Title("expected calibration error", "ожидаемая ошибка калибровки"),
            _calibration_error,
        ),
    )
}
DEFAULT_METRIC = {
    Kind.REGRESSION: "r2",
    Kind.BINARY: "roc_auc",
    Kind.MULTICLASS: "f1_weighted",
    Kind.CONVERSION: "log_likelihood_skill",
}


def metric_for(target: Target) -> Metric:
    """The metric that a task ranks by.

    Raises:
        InputError: if it is unknown or does not fit the kind.
    """
    if target.kind not in DEFAULT_METRIC:
        raise InputError(f"There is no metric for kind {target.kind.value!r} yet.")
    metric = pick_known("metric", target.metric or DEFAULT_METRIC[target.kind], METRICS)
    if target.kind not in metric.kinds:
        fitting = sorted(name for name, known in METRICS.items() if target.kind in known.kinds)
        raise InputError(f"Metric {metric.name!r} does not fit kind {target.kind.value!r}. Choose one of {fitting}.")
    return metric
