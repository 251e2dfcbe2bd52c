"""What photo, text and table can do alone, and what each adds to the others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from artifacts.schema import VIEWS
from evaluation.report_data import ReportData
from evaluation.sections.headline import view_name
from evaluation.sections.scales import padded
from evaluation.view_board import added_by_views
from evaluation.wording import Wording, neutral

SCORE = ("score", "low", "high")
DIFFERENCE = ("difference", "difference_low", "difference_high")


def views(data: ReportData, say: Wording) -> dict[str, Any]:
    """Rows best first, with whiskers of scores and of differences on a common scale each, and a sentence a view."""
    board = data.views
    if board is None:
        return {"missing": say("views_old")}
    if len(board) < 2:
        wanted = {view for view in data.leaderboard["view"] if view in VIEWS}  # with those that failed
        return {"missing": say("views_one" if len(wanted) < 2 else "views_unfitted")}
    constant = data.constant()
    scores = padded([*board[["score", "low", "high"]].to_numpy(np.float64).ravel(), constant], 6, 124)
    apart = padded(
        [0.0, *board[["difference", "difference_low", "difference_high"]].to_numpy(np.float64).ravel()], 6, 104
    )
    ranked = board.sort_values("score", ascending=not data.higher_is_better, kind="stable")
    n = int(board["n_rows"].iloc[0])
    whole = data.making.rows.get(data.split)
    return {
        "intro": say(
            "views_intro",
            metric=say.title(data.metric_title(data.metric)),
            direction=say("higher" if data.higher_is_better else "lower"),
            n=say.number(n, 9),
            all=say("view_all"),
        ),
        "rows": [_row(row, say, scores, apart, constant) for _, row in ranked.iterrows()],
        "sentences": [_sentence(row, say) for _, row in added_by_views(board, data.higher_is_better).iterrows()],
        "sampled": say("views_sampled", n=say.number(n, 9)) if whole is not None and n < whole else "",
    }


def _row(row: pd.Series[Any], say: Wording, scores: Any, apart: Any, constant: float) -> dict[str, Any]:
    view, against = str(row["view"]), str(row["against"])
    return {
        "view": view_name(view, say),
        "key": view if view in VIEWS else "",
        "model": neutral(str(row["model"]), 40),
        "score": say.score(float(row["score"])),
        "interval": _whisker(row, SCORE, scores),
        "constant": scores(constant) if math.isfinite(constant) else None,
        "difference": signed(float(row["difference"]), say) if against else "",
        "apart": _whisker(row, DIFFERENCE, apart) if against else None,
        "zero": apart(0.0),
        "against": say("views_against", view=view_name(against, say)) if against else "",
    }


def _whisker(row: pd.Series[Any], names: tuple[str, str, str], scale: Any) -> dict[str, float] | None:
    middle, low, high = (float(row[name]) for name in names)
    if not math.isfinite(middle):
        return None
    low, high = (low, high) if math.isfinite(low) and math.isfinite(high) else (middle, middle)
    return {"score": scale(middle), "low": scale(low), "high": scale(high)}


def signed(value: float, say: Wording) -> str:
    """A difference of scores, with its sign."""
    return ("+" if value > 0 else "") + say.score(value)


def _sentence(row: pd.Series[Any], say: Wording) -> str:
    gain, low, high = (float(row[name]) for name in ("gain", "low", "high"))
    key = "views_unclear"
    if gain == low == high == 0.0:
        key = "views_nothing"
    elif not (math.isfinite(low) and math.isfinite(high)):
        key = "views_no_interval"
    elif low > 0:
        key = "views_adds"
    elif high < 0:
        key = "views_harms"
    view, rest = say(f"view_{row['view']}"), f" {say('and')} ".join(say(f"view_{v}") for v in str(row["to"]).split("+"))
    view = view[:1].upper() + view[1:] if say.language == "ru" else view
    show = signed if key in ("views_unclear", "views_harms") else lambda value, words: words.score(value)
    return say(key, view=view, rest=rest, gain=show(gain, say), low=show(low, say), high=show(high, say))
