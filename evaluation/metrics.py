"""Metrics with their natural signs, weighted by trials and the weight column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from artifacts.class_paths import ClassPaths
from artifacts.errors import InputError, pick_known
from artifacts.outcome import ClassLabel, Outcome
from artifacts.schema import Kind, Title
from artifacts.target import Target
from evaluation import metric_functions as formulas
from evaluation import ranking_curves
from evaluation.hierarchical import best_codes, f1_hierarchical, f1_of_likeliest
from evaluation.metric_functions import Formula, Statistic, constant_prediction

__all__ = ["DEFAULT_METRIC", "METRICS", "Metric", "constant_prediction", "metric_for"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]
CLASSES = frozenset({Kind.BINARY, Kind.MULTICLASS})
NUMBERS = frozenset({Kind.REGRESSION, Kind.CONVERSION})
LABELS = CLASSES | {Kind.MULTILABEL}
LIKELIHOODS = LABELS | {Kind.CONVERSION}
HIERARCHICAL = "f1_hierarchical"  # of class labels that are paths
TOLERANCE = 1e-6  # by which a probability may leave [0, 1] through rounding


@dataclass(frozen=True)
class Metric:
    """A score of predictions, for the ``kinds`` it fits. ``formula`` stands in metric_functions or ranking_curves.

    ``decides`` says that it looks at the predicted classes alone: the most probable one, or the labels above one half.
    """

    name: str
    higher_is_better: bool
    kinds: frozenset[Kind]
    title: Title
    formula: Formula
    decides: bool = False

    def score(
        self, outcome: Outcome, predictions: Float, reference: Float | None = None, weights: Float | None = None
    ) -> float:
        """The score; NaN where it is not defined, such as an AUC of one class or any score of no rows.

        Args:
            outcome: true targets; codes >= ``n_known`` are classes that training lacked: missed.
            predictions: (n_samples, n_outputs), finite.
            reference: constant prediction (n_outputs,) of the training rows, for metrics that are relative to one;
                None means the scored rows' own mean, as in R2.
            weights: (n_samples,), >= 0, in place of the outcome's own.

        Raises:
            InputError: if the kind or the shapes do not fit, a prediction is not finite or is no probability.
        """
        weights = outcome.sample_weight if weights is None else weights
        statistic = self.statistic(outcome, predictions, reference)
        if not weights.sum() > 0:
            return float("nan")
        return float(statistic(weights[None, :])[0])

    def statistic(self, outcome: Outcome, predictions: Float, reference: Float | None = None) -> Statistic:
        """The score as a function of weights: (k, n_samples) to (k,); every row of weights has a sum > 0.

        Raises:
            InputError: as ``score`` does.
        """
        self._check(outcome, predictions, reference)
        if not outcome.n_samples:
            return lambda weights: np.full(len(weights), np.nan)
        return self.formula(outcome, predictions, reference)

    def _check(self, outcome: Outcome, predictions: Float, reference: Float | None) -> None:
        _check_kind(self, outcome.kind)
        expected = (outcome.n_samples, outcome.n_outputs)
        if predictions.shape != expected:
            raise InputError(
                f"Predictions must have shape (n_samples, n_outputs) = {expected}, but have {predictions.shape}."
            )
        if reference is not None and reference.shape != expected[1:]:
            raise InputError(f"A constant prediction must have shape {expected[1:]}, but has {reference.shape}.")
        bad = ~np.isfinite(predictions)
        if bad.any():
            raise InputError(
                f"Metric {self.name!r} needs finite predictions, but {int(bad.any(axis=1).sum())} of {len(bad)} rows "
                "hold NaN or infinite ones. Leave these rows out of both the outcome and the predictions."
            )
        if outcome.kind is not Kind.REGRESSION and predictions.size:
            low, high = float(predictions.min()), float(predictions.max())
            if low < -TOLERANCE or high > 1 + TOLERANCE:
                raise InputError(
                    f"Predictions of kind {outcome.kind.value!r} must be probabilities in [0, 1], but reach from "
                    f"{low:.6g} to {high:.6g}. Turn link scores into probabilities with artifacts.link.from_link."
                )


def _metric(name: str, higher: bool, kinds: frozenset[Kind], en: str, ru: str, formula: Formula) -> Metric:
    return Metric(name, higher, kinds, Title(en, ru), formula)


def _decision(name: str, kinds: frozenset[Kind], en: str, ru: str, formula: Formula) -> Metric:
    return Metric(name, True, kinds, Title(en, ru), formula, decides=True)


_LISTED = (
    _metric(
        "log_likelihood", True, LIKELIHOODS, "log-likelihood", "логарифм правдоподобия", formulas.log_likelihood,
    ),
    _metric(
        "log_likelihood_skill", True, LIKELIHOODS, "log-likelihood skill against a constant",
        "выигрыш правдоподобия против константы", formulas.log_likelihood_skill,
    ),
    _metric("log_loss", False, LIKELIHOODS, "log loss", "логистическая потеря", formulas.log_loss),
    _metric("roc_auc", True, LABELS, "ROC AUC", "ROC AUC", ranking_curves.roc_auc),
    _metric(
        "average_precision", True, LABELS, "average precision", "средняя точность", ranking_curves.average_precision,
    ),
    _decision("accuracy", CLASSES, "accuracy", "доля верных", formulas.accuracy),
    _decision(
        "balanced_accuracy", CLASSES, "balanced accuracy", "сбалансированная доля верных", formulas.balanced_accuracy
    ),
    _decision("f1", frozenset({Kind.BINARY}), "F1 of the second class", "F1 второго класса", formulas.f1_positive),
    _decision("f1_macro", LABELS, "macro F1", "макро-F1", formulas.f1_macro),
    _decision("f1_weighted", LABELS, "weighted F1", "взвешенная F1", formulas.f1_weighted),
    _decision("f1_micro", LABELS, "micro F1", "микро-F1", formulas.f1_micro),
    _decision(
        "f1_samples", frozenset({Kind.MULTILABEL}), "mean F1 of the rows", "средняя F1 по строкам", formulas.f1_samples
    ),
    _decision(
        HIERARCHICAL, frozenset({Kind.MULTICLASS}), "hierarchical F1", "иерархическая F1", f1_hierarchical
    ),
    _metric("r2", True, NUMBERS, "R²", "R²", formulas.r2),
    _metric("rmse", False, NUMBERS, "RMSE", "RMSE", formulas.rmse),
    _metric("mse", False, NUMBERS, "MSE", "MSE", formulas.mse),
    _metric("mae", False, NUMBERS, "MAE", "MAE", formulas.mae),
    _metric("spearman", True, NUMBERS, "Spearman correlation", "корреляция Спирмена", formulas.spearman),
    _metric(
        "calibration_error", False, LIKELIHOODS - {Kind.MULTILABEL}, "expected calibration error",
        "ожидаемая ошибка калибровки", formulas.calibration_error,
    ),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in _LISTED}

DEFAULT_METRIC: dict[Kind, str] = {
    Kind.REGRESSION: "r2",
    Kind.BINARY: "roc_auc",
    Kind.MULTICLASS: "f1_weighted",
    Kind.MULTILABEL: "f1_micro",
    Kind.CONVERSION: "log_likelihood_skill",
}


def metric_for(target: Target) -> Metric:
    """The metric that a task ranks by: the one it names, or the default of its kind.

    Raises:
        InputError: if the metric is unknown or does not fit the kind.
    """
    metric = pick_known("metric", target.metric or DEFAULT_METRIC[target.kind], METRICS)
    _check_kind(metric, target.kind)
    if metric.name == HIERARCHICAL and target.separator is None:
        raise InputError(
            f"Metric {HIERARCHICAL!r} needs class labels that are paths. Say what stands between their levels: "
            '[target] separator = " > ".'
        )
    return metric


def beside(metric: Metric, outcome: Outcome) -> Metric | None:
    """What is also reported of the final model: the hierarchical F1 of its decisions, where class labels are paths."""
    if outcome.separator is None:
        return None
    return metric if metric.name == HIERARCHICAL else replace(METRICS[HIERARCHICAL], formula=f1_of_likeliest)


def decided_codes(target: Target, classes: Sequence[ClassLabel], predictions: Float) -> Int:
    """The class (n_samples,) that is said of probabilities (n_samples, n_classes).

    The most probable one; where the hierarchical F1 ranks, the one whose expected F1 is largest.
    """
    if target.metric == HIERARCHICAL and target.separator is not None:
        return best_codes(ClassPaths.of(classes, target.separator), predictions)
    return np.asarray(predictions.argmax(axis=1), dtype=np.int64)


def _check_kind(metric: Metric, kind: Kind) -> None:
    if kind not in metric.kinds:
        fitting = sorted(name for name, known in METRICS.items() if kind in known.kinds)
        raise InputError(f"Metric {metric.name!r} does not fit kind {kind.value!r}. Choose one of {fitting}.")
