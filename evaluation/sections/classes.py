"""Classes one by one: how many of each were found, and what they were taken for."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evaluation.report_data import ReportData
from evaluation.wording import Wording, neutral

SHOWN_FIRST = 12
MAX_ROWS = 200


def classes(data: ReportData, say: Wording) -> dict[str, Any] | None:
    """The classes with the lowest F1 first, among those that occur; None where the task has no classes."""
    if data.class_scores is None:
        return None
    ranked = data.class_scores.sort_values("f1", kind="stable", na_position="last")
    ranked = ranked[ranked["rows"] > 0]
    rows = [_row(say, row) for _, row in ranked.head(MAX_ROWS).iterrows()]
    return {
        "intro": say("classes_intro"),
        "first": rows[:SHOWN_FIRST],
        "rest": rows[SHOWN_FIRST:],
        "taken": any(row["taken_for"] for row in rows),  # a label is not taken for another one
        "left_out": len(ranked) - len(rows),
    }


def _row(say: Wording, row: pd.Series[Any]) -> dict[str, Any]:
    def share(value: float) -> str:
        return "–" if pd.isna(value) else say.percent(value)

    taken = neutral(str(row["taken_for"]), 60)
    return {
        "label": neutral(str(row["class"]), 60),
        "rows": say.number(int(row["rows"]), 9),
        "recall": share(row["recall"]),
        "precision": share(row["precision"]),
        "f1": say.score(float(row["f1"])),
        "bar": round(100 * float(row["f1"]), 1),
        "taken_for": say("class_taken", label=taken, share=share(row["taken_for_share"])) if taken else "",
    }
