"""Leaderboards: one row of data per model, view and split first; afterwards what a terminal shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError, pick_known
from artifacts.outcome import Outcome
from artifacts.run_result import ACTIVITY, COLUMNS, RunResult
from evaluation.intervals import bootstrap_interval
from evaluation.metrics import METRICS, Metric

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

Float = NDArray[np.float64]
CONSTANT = "constant"
SPLIT_ORDER = {"test": 0, "holdout": 1, "folds": 2}
MAX_ERROR = 300  # characters of a failure that a terminal shows


def score_row(
    row: RunResult,
    metric: Metric,
    outcome: Outcome,
    predictions: Float,
    *,
    seed: int,
    reference: Float | None = None,
    groups: NDArray[Any] | None = None,
) -> RunResult:
    """The row with its metric, score and 95 % interval.

    Rows of ``predictions`` (n_samples, n_outputs) that are not finite were predicted by no fold and are left out; if
    all are, the result is a failure.

    Raises:
        InputError: if the metric refuses the predictions.
    """
    there = np.asarray(np.isfinite(predictions).all(axis=1))
    if not there.any():
        return replace(row, metric=metric.name, error=row.error or "no row was predicted")
    score, low, high = bootstrap_interval(
        metric,
        outcome.take(there),
        predictions[there],
        seed=seed,
        reference=reference,
        groups=None if groups is None else np.asarray(groups)[there],
    )
    return replace(row, metric=metric.name, score=score, low=low, high=high)


def rank(frame: pd.DataFrame, higher_is_better: bool) -> pd.DataFrame:
    """Rows of one metric, best first within each split: test, holdout, folds. Failures come last.

    Raises:
        InputError: if columns of the public leaderboard are missing.
    """
    _check_columns(frame)
    keys = pd.DataFrame(
        {
            "failed": _failed(frame),
            "split": frame["split"].map(SPLIT_ORDER).fillna(len(SPLIT_ORDER)),
            "unknown": frame["score"].isna(),
            "score": -frame["score"] if higher_is_better else frame["score"],
        }
    ).reset_index(drop=True)
    order = keys.sort_values(list(keys.columns), kind="stable").index
    return frame.iloc[order.to_numpy()].reset_index(drop=True)


def merge_leaderboards(
    frames: Sequence[pd.DataFrame], higher_is_better: Mapping[str, bool] | None = None
) -> pd.DataFrame:
    """One leaderboard of several runs, ranked within each metric; metrics stay in the order of their appearance.

    Where a run has several activities, each of them is ranked alone and the board has their column.

    Args:
        frames: leaderboards with the columns of ``artifacts.run_result``.
        higher_is_better: for each metric that occurs; as ``METRICS`` says if None.

    Raises:
        InputError: if there is no leaderboard, columns are missing, or a metric is unknown.
    """
    if not frames:
        raise InputError("There is no leaderboard to merge. Name one run or more.")
    for frame in frames:
        _check_columns(frame)
    filled = [frame for frame in frames if len(frame)] or [frames[0]]
    with_activities = [ACTIVITY] if any(ACTIVITY in frame for frame in filled) else []
    merged = pd.concat(filled, ignore_index=True)[[*COLUMNS, *with_activities]]
    merged = merged.fillna(dict.fromkeys(with_activities, ""))
    keys = [*with_activities, "metric"]
    known = {name: metric.higher_is_better for name, metric in METRICS.items()}
    known.update(higher_is_better or {})
    parts = [rank(part, pick_known("metric", str(key[-1]), known)) for key, part in merged.groupby(keys, sort=False)]
    return pd.concat(parts, ignore_index=True) if parts else merged


def render(frame: pd.DataFrame) -> Group:
    """What a terminal shows: a table of scores with intervals, the constant among them, and below it the failures.

    Failures with the same reason share a line, since a table with reasons has no room for its numbers.

    Raises:
        InputError: if columns of the public leaderboard are missing.
    """
    from rich.box import SIMPLE
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    _check_columns(frame)
    # A column in which all rows say the same is said once, in the title.
    optional = ("run", "back_end", ACTIVITY, "metric")
    shown = [name for name in optional if name in frame and frame[name].nunique() > 1]
    said = [str(frame[name].iloc[0]) for name in ("run", "metric") if name not in shown and len(frame)]
    title = Text(_one_line("Leaderboard" + "".join(f" | {value}" for value in said)))
    table = Table(title=title, box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for name in (*shown, "split", "model", "view"):
        table.add_column(name.replace("_", " "))
    for name in ("score", "95 % interval", "fit s", "ms/row"):
        table.add_column(name, justify="right", no_wrap=True)
    failed = _failed(frame)
    for row in frame[~failed].to_dict("records"):
        cells = [row[name] for name in (*shown, "split", "model", "view")]
        cells += [_number(row["score"], 4), _interval(row["low"], row["high"])]
        cells += [_number(row["fit_seconds"], 1), _number(row["predict_ms_per_row"], 3)]
        table.add_row(*[Text(_one_line(str(cell))) for cell in cells], style="dim" if row["model"] == CONSTANT else "")
    where = [name for name in ("run", ACTIVITY) if name in shown]
    return Group(table, *_failure_lines(frame[failed], where))


def _failure_lines(failures: pd.DataFrame, where: Sequence[str]) -> list[Text]:
    """A line for each reason, with the runs, activities, models and views that it is about."""
    from rich.text import Text

    lines = []
    reasons = failures["error"].astype(str)
    for reason, rows in failures.groupby([reasons, *where] if where else reasons, sort=False):
        said, *places = map(str, reason if isinstance(reason, tuple) else (reason,))
        about = [f"{row['model']} on {row['view']}" if row["view"] else str(row["model"]) for _, row in rows.iterrows()]
        start = " ".join(["failed", *places, ", ".join(dict.fromkeys(about))])
        lines.append(Text(_one_line(f"{start}: {said[:MAX_ERROR]}"), style="dim"))
    return lines


def _failed(frame: pd.DataFrame) -> pd.Series[bool]:
    return frame["error"].fillna("").astype(str) != ""


def _check_columns(frame: pd.DataFrame) -> None:
    lacking = [name for name in COLUMNS if name not in frame]
    if lacking:
        raise InputError(f"A leaderboard needs the columns {list(COLUMNS)}, but lacks {lacking}.")


def _number(value: float, digits: int) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def _interval(low: float, high: float) -> str:
    return "" if pd.isna(low) or pd.isna(high) else f"{low:.4f} .. {high:.4f}"


def _one_line(text: str) -> str:
    # Names come from data and may hold terminal escapes and newlines.
    return "".join(character if character.isprintable() else " " for character in text)
