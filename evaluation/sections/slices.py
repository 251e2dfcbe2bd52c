"""Slices of rows on which the model is worse than on the others."""

from __future__ import annotations

import math
from typing import Any

from evaluation.report_data import ReportData
from evaluation.sections.errors import row_card
from evaluation.slice_conditions import Condition
from evaluation.slice_report import ToldSlice
from evaluation.wording import Wording, neutral, with_unit

MAX_NAME = 90


def slices(data: ReportData, say: Wording) -> dict[str, Any]:
    """A card a slice: what it is, how much worse, how sure, and its worst rows."""
    found = data.slices
    if found is None:
        return {"missing": say("not_in_run")}
    n = say.number(found.n_rows, 9)
    if not found.n_looked_at:
        return {"missing": say("slices_few", n=n)}
    looked = say.number(found.n_looked_at, 9)
    notes = [say("slices_grouped")] if found.grouped else []
    if found.left_out:
        notes.append(say("slices_left_out", n=say.number(found.left_out, 9)))
    intro = say("slices_intro" if found.slices else "slices_none", looked=looked, n=n, level=say.percent(found.level))
    return {"intro": intro, "notes": notes, "cards": [_card(data, say, one) for one in found.slices]}


def _card(data: ReportData, say: Wording, one: ToldSlice) -> dict[str, Any]:
    longest = max(one.mean_loss, one.rest_loss, 1e-300)
    losses = {"loss": say.number(one.mean_loss), "rest": say.number(one.rest_loss)}
    ratio = one.mean_loss / one.rest_loss if one.rest_loss > 0 else math.inf
    chance = "< " + say.number(0.001) if one.q_value < 0.001 else say.number(one.q_value, 2)
    return {
        "title": condition_names(data, say, one.conditions),
        "rows": say("slice_rows", n=say.number(one.n_rows, 9), share=say.percent(one.n_rows / _n_rows(data))),
        "loss": say("slice_loss", ratio=say.number(ratio, 2)) if ratio < 100 else say("slice_loss_only", **losses),
        "score": say(
            "slice_score",
            metric=say.title(data.metric_title(data.metric)),
            score=say.score(one.score),
            rest=say.score(one.rest_score),
        ),
        "chance": say("slice_chance", p=chance),
        "bars": [
            {"name": say("slice_inside"), "width": round(100 * one.mean_loss / longest, 1), "text": losses["loss"]},
            {"name": say("slice_rest"), "width": round(100 * one.rest_loss / longest, 1), "text": losses["rest"]},
        ],
        "also": say("slice_also", names="; ".join(condition_names(data, say, names) for names in one.also))
        if one.also
        else "",
        "cards": [row_card(data, say, row) for _, row in one.errors.iterrows()],
    }


def _n_rows(data: ReportData) -> int:
    assert data.slices is not None
    return data.slices.n_rows


def condition_names(data: ReportData, say: Wording, conditions: tuple[Condition, ...]) -> str:
    """One condition, or both of a pair, in words."""
    names = [_name(data, say, condition) for condition in conditions]
    return names[0] if len(names) == 1 else say("slice_and", first=names[0], second=names[1])


def _name(data: ReportData, say: Wording, condition: Condition) -> str:
    return say(
        f"condition_{condition.what}",
        title=neutral(say.title(condition.title), MAX_NAME),
        source=neutral(say.title(data.source_title(condition.source)), MAX_NAME),
        value=neutral(condition.value, MAX_NAME),
        low=with_unit(say.number(condition.low), condition.unit),
        high=with_unit(say.number(condition.high), condition.unit),
    )
