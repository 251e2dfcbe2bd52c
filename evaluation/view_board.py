"""The modality leaderboard: what each kind of input can do, and what each adds to the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import VIEWS
from evaluation.intervals import bootstrap_interval, paired_difference
from evaluation.metrics import Metric

Float = NDArray[np.float64]
ALL = "all"
COLUMNS = (
    "view", "score", "low", "high", "against", "difference", "difference_low", "difference_high", "p_value", "model",
    "n_rows",
)  # fmt: skip


def view_board(
    metric: Metric,
    outcome: Outcome,
    predictions: Mapping[str, Float],
    against: Mapping[str, str],
    *,
    seed: int,
    models: Mapping[str, str] | None = None,
    reference: Float | None = None,
    groups: NDArray[Any] | None = None,
) -> pd.DataFrame:
    """Scores of views of one run on the same rows, with paired differences.

    Args:
        metric: the task's.
        outcome: truth of the rows.
        predictions: view (``all``, ``text``, ``text+image`` ...) to predictions (n_samples, n_outputs).
        against: view to the one that it is compared with; empty for none.
        seed: of the bootstrap.
        models: view to the name of the model behind it.
        reference: constant prediction (n_outputs,) of training, for metrics that are relative to one.
        groups: (n_samples,) of rows that are resampled together.

    Returns:
        One row a view, in the order of ``predictions``, with ``COLUMNS``: score with its 95 % interval, and
        ``difference``, the score less that of ``against``, with the 95 % interval of a paired bootstrap (NaN where
        there is nothing to compare with).

    Raises:
        InputError: if a view is compared with one that is not there, or the metric refuses the predictions.
    """
    rows = []
    for view, predicted in predictions.items():
        other = against.get(view, "")
        if other and other not in predictions:
            raise InputError(f"View {view!r} is compared with {other!r}, but there are only {list(predictions)}.")
        score, low, high = bootstrap_interval(metric, outcome, predicted, seed=seed, reference=reference, groups=groups)
        row = {"view": view, "model": (models or {}).get(view, ""), "score": score, "low": low, "high": high}
        row |= {"against": other, "n_rows": outcome.n_samples}
        if other:
            found = paired_difference(
                metric, outcome, predicted, predictions[other], seed=seed, reference=reference, groups=groups
            )
            row |= {"difference": found.difference, "difference_low": found.low, "difference_high": found.high}
            row["p_value"] = found.p_value
        rows.append(row)
    numbers = ["score", "low", "high", "difference", "difference_low", "difference_high", "p_value"]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(numbers, "float64"))


def added_by_views(board: pd.DataFrame, higher_is_better: bool) -> pd.DataFrame:
    """What each single view adds to the others, larger is better whatever the metric's sign.

    Args:
        board: of ``view_board``, where sums of all views but one stand beside everything.
        higher_is_better: of its metric.

    Returns:
        Columns ``view``, ``to`` (the view without it), ``gain``, ``low``, ``high``: how much better everything is than
        without the view. Only views whose rest was scored; empty if there is one view only.
    """
    there = [view for view in VIEWS if (board["view"] == view).any()]
    of_view = board.set_index("view")
    found = []
    for view in there:
        rest = "+".join(other for other in there if other != view)
        if rest not in of_view.index:
            continue
        row, sign = of_view.loc[rest], -1.0 if higher_is_better else 1.0
        low, high = sorted(sign * float(row[name]) for name in ("difference_low", "difference_high"))
        found.append({"view": view, "to": rest, "gain": sign * float(row["difference"]), "low": low, "high": high})
    return pd.DataFrame(found, columns=["view", "to", "gain", "low", "high"])
