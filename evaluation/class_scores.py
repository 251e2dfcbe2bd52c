"""How well each class is found, and what it is taken for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind

KINDS = (Kind.BINARY, Kind.MULTICLASS, Kind.MULTILABEL)
COLUMNS = ("class", "rows", "predicted", "precision", "recall", "f1", "taken_for", "taken_for_share")


def class_scores(outcome: Outcome, predictions: NDArray[np.float64]) -> pd.DataFrame:
    """One row a class that occurs or is predicted, the most frequent first.

    Args:
        outcome: truth of the rows: binary, multiclass or multilabel.
        predictions: (n_samples, n_outputs); the class with the highest one is taken, and each of many labels from one
            half, so thresholds are to be in them.

    Returns:
        Columns ``class``, ``rows`` that have it, ``predicted`` rows that were given it, ``precision``, ``recall`` and
        ``f1`` (NaN where there is nothing to divide by), ``taken_for``, the class that its missed rows were given most
        often (empty if none was missed, and of many labels), and ``taken_for_share``, the share of the class's rows
        that were.

    Raises:
        InputError: for another kind.
    """
    if outcome.kind not in KINDS:
        raise InputError(f"Scores per class are for classes, but the task is {outcome.kind.value!r}.")
    n = len(outcome.classes)
    missed = np.zeros((n, n), dtype=np.int64)
    if outcome.kind is Kind.MULTILABEL:
        said = np.zeros(outcome.y.shape, dtype=bool)
        said[:, : predictions.shape[1]] = predictions >= 0.5
        has = outcome.y.astype(bool)
        right, rows, predicted = (has & said).sum(axis=0), has.sum(axis=0), said.sum(axis=0)
    else:
        np.add.at(missed, (outcome.y, np.argmax(predictions, axis=1)), 1)
        right, rows, predicted = np.diag(missed).copy(), missed.sum(axis=1), missed.sum(axis=0)
        np.fill_diagonal(missed, 0)
    with np.errstate(invalid="ignore"):
        shares = {"precision": right / predicted, "recall": right / rows, "f1": 2 * right / (rows + predicted)}
    most = missed.argmax(axis=1)
    times = missed[np.arange(n), most]
    labels = np.array([str(label) for label in outcome.classes], dtype=object)
    found = pd.DataFrame(
        {
            "class": labels,
            "rows": rows,
            "predicted": predicted,
            **shares,
            "taken_for": np.where(times > 0, labels[most], ""),
            "taken_for_share": np.where(rows > 0, times / np.maximum(rows, 1), 0.0),
        },
        columns=list(COLUMNS),
    )
    found = found[(found["rows"] > 0) | (found["predicted"] > 0)]
    return found.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
