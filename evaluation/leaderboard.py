"""Leaderboards: tidy frames first, then what a terminal shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from rich.table import Table

SPLIT_ORDER = {"test": 0, "holdout": 1, "folds": 2}


def rank(frame: pd.DataFrame, higher_is_better: bool) -> pd.DataFrame:
    """Rows of one metric, best first within each split: test, holdout, folds. Failures come last."""
    key = frame["score"] if higher_is_better else -frame["score"]
    return (
        frame.assign(_split=frame["split"].map(SPLIT_ORDER).fillna(9), _failed=frame["error"] != "", _key=key)
        .sort_values(["_failed", "_split", "_key"], ascending=[True, True, False], kind="stable", na_position="last")
        .drop(columns=["_split", "_failed", "_key"])
        .reset_index(drop=True)
    )


def merge_leaderboards(frames: Sequence[pd.DataFrame], higher_is_better: Mapping[str, bool]) -> pd.DataFrame:
    """One leaderboard of several runs, ranked within each metric.

    Args:
        frames: leaderboards with the columns of ``artifacts.run_result``.
        higher_is_better: for each metric that occurs.
    """
    filled = [frame.astype({"error": "object"}) for frame in frames if len(frame)]
    merged = pd.concat(filled, ignore_index=True)
    parts = [rank(part, higher_is_better[str(name)]) for name, part in merged.groupby("metric", sort=False)]
    return pd.concat(parts, ignore_index=True)


def render(frame: pd.DataFrame) -> Table:
    """A table for a terminal: scores with their intervals, the constant among them, failures with their reason."""
    from rich.table import Table
    from rich.text import Text

    several = frame["run"].nunique() > 1
    table = Table(title="Leaderboard")
    for name in (*(["run"] if several else []), "split", "model", "view"):
        table.add_column(name)
    table.add_column(", ".join(map(str, frame["metric"].unique())), justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("fit s", justify="right")
    table.add_column("ms/row", justify="right")
    for row in frame.to_dict("records"):
        start = [*([row["run"]] if several else []), row["split"], row["model"], row["view"]]
        if row["error"]:
            cells = [*start, "failed", _one_line(str(row["error"]))[:60], _number(row["fit_seconds"], 1), ""]
        else:
            interval = f"{_number(row['low'], 4)} .. {_number(row['high'], 4)}"
            times = [_number(row["fit_seconds"], 1), _number(row["predict_ms_per_row"], 3)]
            cells = [*start, _number(row["score"], 4), interval, *times]
        style = "dim" if row["model"] == "constant" or row["error"] else "bold" if row["model"] == "blend" else ""
        table.add_row(*[Text(str(cell)) for cell in cells], style=style)
    return table


def _number(value: float, digits: int) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
