"""One row of any leaderboard. A failure is a row, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class RunResult:
    """A score of one model on one split, or the reason why there is none.

    ``split`` is ``folds`` (out of fold), ``holdout`` or ``test``. ``low`` and ``high`` bound the
    score's 95 % bootstrap interval. ``model`` is a model's or blend's name, or ``constant``.
    """

    run: str
    back_end: str
    model: str
    view: str
    split: str
    metric: str
    score: float = np.nan
    low: float = np.nan
    high: float = np.nan
    fit_seconds: float = np.nan
    predict_ms_per_row: float = np.nan
    error: str = ""


COLUMNS = tuple(field.name for field in fields(RunResult))
ACTIVITY = "activity"  # one more column, of leaderboards over several activities alone


def results_frame(results: Iterable[RunResult]) -> pd.DataFrame:
    """One row per result, with the columns of the public leaderboard in their order."""
    frame = pd.DataFrame([asdict(result) for result in results], columns=list(COLUMNS))
    numbers = ["score", "low", "high", "fit_seconds", "predict_ms_per_row"]
    return frame.astype({**dict.fromkeys(numbers, "float64"), "error": "object"})
