"""From features, outcomes and predictions of scored rows to the slices that a report tells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from evaluation.metrics import Metric
from evaluation.prediction_check import largest_errors, row_losses
from evaluation.slice_conditions import Condition, conditions_of
from evaluation.slices import LEAST_ROWS, find_slices, least_rows

Float = NDArray[np.float64]
EXAMPLES = 3
LEAST_SAMPLES = 3 * LEAST_ROWS  # fewer rows have no slices worth a test
MAX_ALSO = 4


@dataclass(frozen=True)
class ScoredRows:
    """Rows with truth and predictions (n_samples, n_outputs) of a model that did not see them.

    ``decided`` are predictions whose decision is at one half; ``ids`` name the rows; ``groups`` (n_samples,) are codes
    of rows that hang together, -1 for none; ``reference`` is the constant prediction (n_outputs,) of training.
    """

    outcome: Outcome
    predictions: Float
    decided: Float
    ids: Sequence[str]
    groups: NDArray[np.int64] | None = None
    reference: Float | None = None


@dataclass(frozen=True)
class ToldSlice:
    """A slice in words and numbers: see ``slices.Slice``.

    ``score`` and ``rest_score`` are the task's metric inside and outside (NaN where it is not defined, such as an AUC
    of one class); ``errors`` are its rows of the largest loss, as of ``prediction_check.largest_errors``.
    """

    conditions: tuple[Condition, ...]
    also: tuple[tuple[Condition, ...], ...]
    n_rows: int
    mean_loss: float
    rest_loss: float
    score: float
    rest_score: float
    p_value: float
    q_value: float
    errors: pd.DataFrame


@dataclass(frozen=True)
class ToldSlices:
    """All slices found, the surest first, with how many were looked at among ``n_rows`` rows.

    ``left_out`` counts conditions beyond the limit, ``level`` is the share of false discoveries allowed.
    """

    slices: tuple[ToldSlice, ...]
    n_looked_at: int
    n_rows: int
    level: float
    left_out: int = 0
    grouped: bool = False


def weighted_losses(outcome: Outcome, predictions: Float) -> Float:
    """``row_losses``, times the weight column divided by its mean where there is one: trials are in them already."""
    losses = row_losses(outcome, predictions)
    return losses if outcome.weight is None else losses * outcome.weight / outcome.weight.mean()


def tell_slices(table: FeatureTable, rows: ScoredRows, metric: Metric, *, seed: int, level: float = 0.05) -> ToldSlices:
    """Where the model is worse than elsewhere.

    Args:
        table: features of the rows.
        rows: truth and predictions.
        metric: the task's.
        seed: of the clusters of embeddings.
        level: the share of false discoveries that is allowed.

    Raises:
        InputError: if shapes differ or a prediction is not finite.
    """
    outcome = rows.outcome
    n = outcome.n_samples
    grouped = rows.groups is not None
    if n < LEAST_SAMPLES:
        return ToldSlices((), 0, n, level, grouped=grouped)
    losses = weighted_losses(outcome, rows.predictions)
    known = conditions_of(table, outcome, least_rows(n), seed)
    search = find_slices(known.masks, losses, groups=rows.groups, level=level)
    told = []
    for one in search.slices:
        inside = np.zeros(n, dtype=np.bool_)
        inside[one.rows] = True
        part = outcome.take(inside)
        told.append(
            ToldSlice(
                tuple(known.conditions[i] for i in one.conditions),
                tuple(tuple(known.conditions[i] for i in names) for names in one.also[:MAX_ALSO]),
                len(one.rows),
                one.mean_loss,
                one.rest_loss,
                _score(metric, rows, inside),
                _score(metric, rows, ~inside),
                one.p_value,
                one.q_value,
                largest_errors(
                    part,
                    rows.predictions[inside],
                    [rows.ids[i] for i in one.rows],
                    n=EXAMPLES,
                    decided=rows.decided[inside],
                ),
            )
        )
    return ToldSlices(tuple(told), search.n_looked_at, n, level, known.left_out, grouped)


def _score(metric: Metric, rows: ScoredRows, inside: NDArray[Any]) -> float:
    predictions = (rows.decided if metric.decides else rows.predictions)[inside]
    return metric.score(rows.outcome.take(inside), predictions, rows.reference)
