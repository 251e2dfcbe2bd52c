"""Runs side by side, row by row on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from evaluation.intervals import paired_difference
from evaluation.metrics import Metric

Float = NDArray[np.float64]


@dataclass(frozen=True)
class ComparedRun:
    """A run's predictions of its scored rows. Runs with one ``fingerprint`` have the same rows and targets.

    ``reference`` is the constant prediction of its training rows.
    """

    name: str
    metric: Metric
    outcome: Outcome
    predictions: Float
    row_ids: tuple[str, ...]
    fingerprint: str
    reference: Float | None = None


def compare(runs: Sequence[ComparedRun], seed: int = 0) -> pd.DataFrame:
    """Paired bootstrap of each pair of runs.

    Returns:
        Columns run_a, run_b, metric, score_a, score_b, difference (a - b), low, high, p_value, better
        (the better run, or "neither" where the interval holds 0).

    Raises:
        InputError: if there are fewer than two runs, or they were scored on different rows or by different metrics.
    """
    if len(runs) < 2:
        raise InputError(f"A comparison needs two runs or more, but got {len(runs)}.")
    first = runs[0]
    for run in runs[1:]:
        _same(first, run)
    rows = []
    for a, b in combinations(runs, 2):
        found = paired_difference(a.metric, a.outcome, a.predictions, b.predictions, seed=seed, reference=a.reference)
        sign = 1 if a.metric.higher_is_better else -1
        better = "neither"
        if found.low > 0 or found.high < 0:
            better = a.name if sign * found.difference > 0 else b.name
        rows.append({"run_a": a.name, "run_b": b.name, "metric": a.metric.name, **vars(found), "better": better})
    return pd.DataFrame(rows)


def _same(a: ComparedRun, b: ComparedRun) -> None:
    if a.metric.name != b.metric.name:
        raise InputError(
            f"Runs {a.name!r} and {b.name!r} were ranked by different metrics, {a.metric.name!r} and "
            f"{b.metric.name!r}. Fit them with the same metric under [target]."
        )
    if a.fingerprint == b.fingerprint and a.row_ids == b.row_ids and a.predictions.shape == b.predictions.shape:
        return
    common = len(set(a.row_ids) & set(b.row_ids))
    raise InputError(
        f"Runs {a.name!r} and {b.name!r} have different holdouts: {len(a.row_ids)} and {len(b.row_ids)} rows, "
        f"{common} ids in common, or other targets. Fit both with the same data and seed, or name a "
        "labelled test file in the task."
    )
