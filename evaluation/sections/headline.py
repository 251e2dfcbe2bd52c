"""The score beside the constant, in one plain sentence and one picture."""

from __future__ import annotations

import math
from typing import Any

from evaluation.report_data import ReportData
from evaluation.sections.scales import padded
from evaluation.wording import Wording

MAX_MEASURES = 12


def headline(data: ReportData, say: Wording) -> dict[str, Any]:
    """Score, interval, constant, verdict (better, unclear, worse) and the other measures of the chosen model."""
    best = data.best()
    if best is None:
        return {"sentence": say("headline_none"), "score": None}
    score, low, high = (float(best[name]) for name in ("score", "low", "high"))
    constant = data.constant()
    title = say.title(data.metric_title(data.metric))
    n = data.making.rows.get(data.split)
    where = say("headline_rows_unknown") if n is None else say(f"headline_rows_{data.split}", n=say.number(n, 9))
    known = math.isfinite(constant)
    return {
        "metric": title,
        "direction": say("higher" if data.higher_is_better else "lower"),
        "score": say.score(score),
        "interval": say.interval(say.score(low), say.score(high)),
        "model": say("model_named", model=f"{best['model']} · {view_name(str(best['view']), say)}"),
        "sentence": say(
            "headline_sentence" if known else "headline_sentence_alone",
            where=where,
            metric=title,
            score=say.score(score),
            interval=say.interval(say.score(low), say.score(high)),
            constant=say.score(constant),
        ),
        "verdict": verdict(score, low, high, constant, data.higher_is_better),
        "picture": _picture(score, low, high, constant, say),
        "measures": _measures(data, say),
    }


def view_name(view: str, say: Wording) -> str:
    """A view such as ``text+image`` in words."""
    return " + ".join(say.known(f"view_{part}", part) for part in view.split("+"))


def verdict(score: float, low: float, high: float, constant: float, higher_is_better: bool) -> str | None:
    """``better`` or ``worse`` than the constant, or ``unclear``; None where there is no constant."""
    if not math.isfinite(constant):
        return None
    if not higher_is_better:
        score, low, high, constant = -score, -high, -low, -constant
    if score <= constant:
        return "worse"
    # Without an interval nothing can be called clear.
    return "better" if math.isfinite(low) and low > constant else "unclear"


def _picture(score: float, low: float, high: float, constant: float, say: Wording) -> dict[str, Any]:
    scale = padded((score, low, high, constant), 8.0, 352.0)
    picture: dict[str, Any] = {
        "score": scale(score),
        "low": scale(low) if math.isfinite(low) else scale(score),
        "high": scale(high) if math.isfinite(high) else scale(score),
        "constant": None,
    }
    if math.isfinite(constant):
        place = scale(constant)
        picture |= {"constant": place, "constant_text": say("constant_named", value=say.score(constant))}
        picture["anchor"] = "start" if place < 90 else "end" if place > 270 else "middle"
    return picture


def _measures(data: ReportData, say: Wording) -> list[dict[str, str]]:
    best = data.best()
    assert best is not None
    board = data.leaderboard
    same = (board["split"] == data.split) & board["score"].notna() & (board["metric"] != data.metric)
    for name in ("run", "back_end", "model", "view"):
        same &= board[name] == best[name]
    beside = [
        {
            "title": say.title(data.metric_title(name)),
            "score": say.score(found["score"]),
            "remark": say.interval(say.score(found["low"]), say.score(found["high"])),
        }
        for name, found in data.beside.items()
    ]
    return beside + [
        {
            "title": say.title(data.metric_title(str(row["metric"]))),
            "score": say.score(float(row["score"])),
            "remark": say("constant_named", value=say.score(data.constant(str(row["metric"])))),
        }
        for _, row in board[same].head(MAX_MEASURES).iterrows()
    ]
