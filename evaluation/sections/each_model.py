"""Each model beside the truth: its skill against the constant, and small pictures of its predictions."""

from __future__ import annotations

import math
from typing import Any

from artifacts.schema import Kind
from evaluation.model_checks import ModelCheck
from evaluation.report_data import ReportData
from evaluation.sections.distribution import class_bars, reliability_chart, spread_chart
from evaluation.sections.headline import view_name
from evaluation.sections.scales import Scale, padded
from evaluation.wording import Wording, neutral

MAX_MODELS = 8
MOST_BARS = 5  # classes of one small picture


def each_model(data: ReportData, say: Wording) -> dict[str, Any]:
    """Models by skill, with whiskers on one scale, and a card for each; what the final model is, is marked."""
    if data.models is None:
        return {"missing": say("not_in_run")}
    checks = data.models[:MAX_MODELS]
    ends = [value for check in checks for value in (check.skill, check.low, check.high)]
    # A model that is far worse than the constant must not squeeze the others together.
    scale = padded([0.0, *(max(value, -0.5) for value in ends)], 6, 194)
    skill = "r2" if data.kind is Kind.REGRESSION else "likelihood"
    n = checks[0].n_rows if checks else 0
    whole = data.making.rows.get(data.split)
    return {
        "intro": say("each_model_intro", skill=say(f"skill_{skill}")),
        "sampled": say("views_sampled", n=say.number(n, 9)) if whole is not None and n < whole else "",
        "zero": scale(0.0),
        "rows": [_row(data, check, scale, say) for check in checks],
        "cards": [_card(data, check, say) for check in checks],
    }


def _title(check: ModelCheck, say: Wording) -> str:
    return f"{neutral(check.model, 60)} · {view_name(check.view, say)}"


def _row(data: ReportData, check: ModelCheck, scale: Scale, say: Wording) -> dict[str, Any]:
    known = math.isfinite(check.skill)
    low, high = (value if math.isfinite(value) else check.skill for value in (check.low, check.high))
    return {
        "title": _title(check, say),
        "chosen": data.chosen == (check.model, check.view),
        "skill": say.score(check.skill),
        "bounds": say.interval(say.score(check.low), say.score(check.high)),
        "interval": {"score": scale(check.skill), "low": scale(low), "high": scale(high)} if known else None,
    }


def _card(data: ReportData, check: ModelCheck, say: Wording) -> dict[str, Any]:
    shown = check.distribution
    classes = data.kind in (Kind.MULTICLASS, Kind.MULTILABEL)
    return {
        "title": _title(check, say),
        "classes": class_bars(shown, say, MOST_BARS) if classes else None,
        "histogram": None if classes else spread_chart(shown, say),
        "reliability": reliability_chart(shown, say),
        "label": say("confidence" if data.kind is Kind.MULTICLASS else "reliability"),
        "gap": "" if data.kind is Kind.REGRESSION else say("calibration_short", gap=say.percent(shown.reliability.gap)),
    }
