"""Each model beside the truth: how its predictions are spread, how far they can be trusted, what it gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.intervals import bootstrap_interval
from evaluation.metrics import METRICS
from evaluation.prediction_check import PredictionDistribution, common_edges, prediction_distribution

Float = NDArray[np.float64]


@dataclass(frozen=True)
class ModelCheck:
    """One model on the scored rows.

    ``skill`` is the share of a constant's loss that the model saves, with its 95 % interval: R2 of a number, else of
    the log-likelihood. 0 is as good as the constant, 1 perfect.
    """

    model: str
    view: str
    n_rows: int
    skill: float
    low: float
    high: float
    distribution: PredictionDistribution


@dataclass(frozen=True)
class Predicted:
    """Predictions (n_samples, n_outputs) of a model with its name and view."""

    model: str
    view: str
    predictions: Float


def skill_metric(kind: Kind) -> str:
    """Name of the metric that says what a model saves of a constant's loss."""
    return "r2" if kind is Kind.REGRESSION else "log_likelihood_skill"


def check_models(
    outcome: Outcome,
    models: Sequence[Predicted],
    *,
    constant: Float,
    seed: int,
    groups: NDArray[Any] | None = None,
) -> tuple[ModelCheck, ...]:
    """Check models on the same rows, the most skilled first; histograms have common edges.

    Args:
        outcome: truth of the rows.
        models: their predictions of these rows, finite; the run's own first, see ``common_edges``.
        constant: (n_outputs,) the constant prediction learned in training.
        seed: of the resamples.
        groups: (n_samples,) rows of one group are drawn together.

    Raises:
        InputError: if shapes differ, a prediction is not finite, or there are no rows.
    """
    metric = METRICS[skill_metric(outcome.kind)]
    edges = common_edges(outcome, [one.predictions for one in models]) if models else None
    checks = []
    for one in models:
        score, low, high = bootstrap_interval(
            metric, outcome, one.predictions, seed=seed, n=200, reference=constant, groups=groups
        )
        spread = prediction_distribution(outcome, one.predictions, constant=constant, edges=edges, seed=seed)
        checks.append(ModelCheck(one.model, one.view, outcome.n_samples, score, low, high, spread))
    return tuple(sorted(checks, key=lambda check: -check.skill if np.isfinite(check.skill) else np.inf))
