"""Rows whose target looks wrong: labels that the model surely denies, numbers beyond what their interval allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.label_noise import denied_labels, usual_confidence
from evaluation.prediction_intervals import PredictionIntervals
from evaluation.slice_report import ScoredRows

Int = NDArray[np.int64]
Float = NDArray[np.float64]

LEVELS = (0.99, 0.98, 0.95, 0.9)  # of intervals: the first that enough errors were seen for
# Errors beyond the interval, in the least bin of errors. With fewer, the interval of a training row reaches as far as
# its own error, however wrong its target is.
LEAST_BEYOND = 4.0
MAX_SHOWN = 12
COLUMNS = (
    "position", "row", "given", "likelier", "p_given", "p_likelier", "label", "value", "predicted", "low", "high",
)  # fmt: skip


@dataclass(frozen=True)
class Suspects:
    """Suspicious rows of one part, the most suspicious first.

    ``rows`` has ``COLUMNS``: the position and id of the row; of classes ``given`` and ``likelier`` in words with their
    probabilities; of many labels the ``label``, with ``given`` yes or no; of numbers and rates the ``value``, the
    ``predicted`` one and the interval ``low`` to ``high`` of level ``level`` (NaN for classes). ``n_found`` of
    ``n_rows`` were found, of which the first are in ``rows``.
    """

    kind: Kind
    rows: pd.DataFrame
    n_found: int
    n_rows: int
    level: float = np.nan


@dataclass(frozen=True)
class SuspectParts:
    """Suspects among the scored rows, and among the training rows as models saw them that did not know them.

    ``training_titles`` and ``training_photo`` give the title and the encoded photo of a training row by its id.
    """

    scored: Suspects
    training: Suspects
    training_titles: Mapping[str, str] = field(default_factory=dict)
    training_photo: Callable[[str], bytes | None] | None = None


def find_suspects(rows: ScoredRows, learned: tuple[Outcome, Float], n: int = MAX_SHOWN) -> Suspects:
    """Suspicious rows by what is usual in training rows out of fold.

    Args:
        rows: the rows to look at; predictions that are not finite are left out.
        learned: targets and predictions out of fold of the training rows, which say how confident the model usually
            is of each class, or how far numbers lie from their predictions.
        n: rows to tell of at most.

    Raises:
        InputError: if no training row was predicted out of fold.
    """
    numbers = rows.outcome.kind in (Kind.REGRESSION, Kind.CONVERSION)
    return _numbers(rows, learned, n) if numbers else _labels(rows, learned, n)


def _labels(rows: ScoredRows, learned: tuple[Outcome, Float], n: int) -> Suspects:
    outcome = rows.outcome
    found = denied_labels(outcome, rows.predictions, usual_confidence(*learned))
    labels = outcome.kind is Kind.MULTILABEL
    names = ("no", "yes") if labels else tuple(str(name) for name in outcome.classes)
    told = [
        {
            "position": int(found.rows[i]),
            "row": str(rows.ids[found.rows[i]]),
            "given": names[found.given[i]],
            "likelier": names[found.likelier[i]],
            "p_given": float(found.p_given[i]),
            "p_likelier": float(found.p_likelier[i]),
            "label": str(outcome.classes[found.label[i]]) if labels else "",
        }
        for i in range(min(n, len(found.rows)))
    ]
    n_rows = int(np.isfinite(rows.predictions).all(axis=1).sum())
    return Suspects(outcome.kind, pd.DataFrame(told, columns=list(COLUMNS)), len(np.unique(found.rows)), n_rows)


def _numbers(rows: ScoredRows, learned: tuple[Outcome, Float], n: int) -> Suspects:
    outcome, known = rows.outcome, np.isfinite(rows.predictions[:, 0])
    intervals = PredictionIntervals.fit(*learned)
    seen = min(len(errors) for errors in intervals.errors)
    level = next((level for level in LEVELS if seen * (1.0 - level) >= LEAST_BEYOND - 1e-9), None)
    if level is None:  # nothing can be called too far
        return Suspects(outcome.kind, pd.DataFrame(columns=list(COLUMNS)), 0, 0)
    low, high = intervals.bounds(rows.predictions, level, outcome.trials)
    predicted, y = rows.predictions[:, 0], outcome.y
    room = np.where(y > predicted, high - predicted, predicted - low)
    beyond = known & ((y < low - 1e-12) | (y > high + 1e-12))
    far = np.abs(y - predicted) / np.maximum(room, 1e-12)
    found = np.flatnonzero(beyond)
    found = found[np.argsort(-far[found], kind="stable")]
    told = [
        {
            "position": int(i),
            "row": str(rows.ids[i]),
            "value": float(y[i]),
            "predicted": float(predicted[i]),
            "low": float(low[i]),
            "high": float(high[i]),
        }
        for i in found[:n]
    ]
    return Suspects(outcome.kind, pd.DataFrame(told, columns=list(COLUMNS)), len(found), int(known.sum()), level)
