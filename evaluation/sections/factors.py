"""Dose-response curves of what the author controls."""

from __future__ import annotations

import math
from typing import Any

from evaluation.dose_response import DoseBin, DoseResponse
from evaluation.report_data import ReportData
from evaluation.sections.importance import why_missing
from evaluation.sections.scales import Scale, padded, tick_digits
from evaluation.wording import Wording, neutral, with_unit

# Places in a curve's picture, in its own units: 340 x 216.
LEFT, RIGHT, TOP, BOTTOM = 46.0, 330.0, 10.0, 150.0
MISSING_ROOM = 46.0  # at the right, for rows without a value
ROWS_BASE, ROWS_HEIGHT = 186.0, 28.0
LOG_RATIO = 30.0


def factors(data: ReportData, say: Wording) -> dict[str, Any]:
    """One picture a factor: a curve for a number, whiskers for categories."""
    if data.importance is None and not data.dose_responses:
        return {"missing": why_missing(data, say)}
    if not data.dose_responses:
        return {"missing": say("factors_none")}
    first = data.dose_responses[0]
    unit = say.known(f"unit_{first.link_unit}", first.link_unit)
    intro = "factors_intro_probability" if first.on_probability_scale else "factors_intro_link"
    return {
        "intro": say(intro, unit=unit) if not first.on_probability_scale else say(intro),
        "curves": [_factor(curve, say) for curve in data.dose_responses],
        "association": say("association"),
    }


def _shown(curve: DoseResponse, effect: float) -> float:
    """What the vertical axis shows: the probability around the base, or the effect itself."""
    return curve.probability(effect) if curve.on_probability_scale else effect


def _text(curve: DoseResponse, value: float, say: Wording, digits: int = 3) -> str:
    return say.percent(value, digits) if curve.on_probability_scale else say.number(value, digits, sign=True)


def _unit(unit: str) -> str:
    """A unit as it is read: ``-1-1``, a range of values, with an ellipsis."""
    low, dash, high = unit.rpartition("-")
    return f"{low.replace('-', '−')}…{high}" if dash and low.lstrip("-").isdigit() and high.isdigit() else unit


def _factor(curve: DoseResponse, say: Wording) -> dict[str, Any]:
    factor = {
        "title": say.title(curve.feature.title),
        "view": curve.feature.modality.view,
        "unit": neutral(_unit(curve.feature.unit), 30),
        "share": say("factor_share", share=say.percent(curve.share)) if math.isfinite(curve.share) else "",
        "output": say("factor_output", output=neutral(curve.output, 80)) if curve.output else "",
        "summary": _summary(curve, say),
    }
    drawn = _categories(curve, say) if curve.is_category else _curve(curve, say)
    return {**factor, **drawn}


def _label(curve: DoseResponse, b: DoseBin, say: Wording) -> str:
    if b.role != "value":
        return say("missing" if b.role == "missing" else "other_values")
    if curve.is_category:
        return neutral(b.label, 60)
    if b.lower == b.upper:
        return with_unit(say.number(b.centre, 4), curve.feature.unit)
    return with_unit(f"{say.number(b.lower, 2)}–{say.number(b.upper, 2)}", curve.feature.unit)


def _summary(curve: DoseResponse, say: Wording) -> str:
    bins = [b for b in curve.bins if b.role == "value"]
    if len(bins) < 2:
        return say("factor_flat")
    worst, best = min(bins, key=lambda b: b.effect), max(bins, key=lambda b: b.effect)
    words = {
        "low": _text(curve, _shown(curve, worst.effect), say),
        "worst": _label(curve, worst, say),
        "high": _text(curve, _shown(curve, best.effect), say),
        "best": _label(curve, best, say),
    }
    if not curve.on_probability_scale:
        return say("factor_link", **words)
    return say("factor_probability", odds=say.number(curve.odds_ratio(best.effect - worst.effect), 3), **words)


def _vertical(curve: DoseResponse) -> Scale:
    values = [_shown(curve, effect) for b in curve.bins for effect in (b.low, b.high, b.effect)]
    return padded([*values, _shown(curve, 0.0)], BOTTOM, TOP)


def _horizontal(bins: list[DoseBin], stop: float) -> Scale:
    low, high = bins[0].centre, bins[-1].centre
    if high <= low:
        return Scale(low - 1, low + 1, LEFT + 8, stop)
    return Scale(low, high, LEFT + 8, stop - 8, log=low > 0 and high / low > LOG_RATIO)


def _curve(curve: DoseResponse, say: Wording) -> dict[str, Any]:
    """Places of a band, a line, points, ticks and bars of rows; the missing bin stands apart at the right."""
    bins = [b for b in curve.bins if b.role == "value"]
    missing = [b for b in curve.bins if b.role == "missing"]
    stop = RIGHT - MISSING_ROOM if missing else RIGHT
    y = _vertical(curve)
    x = _horizontal(bins, stop)
    most = max(b.count for b in curve.bins)

    def point(b: DoseBin, place: float) -> dict[str, Any]:
        return {
            "x": place,
            "y": y(_shown(curve, b.effect)),
            "low": y(_shown(curve, b.low)),
            "high": y(_shown(curve, b.high)),
            "rows": round(ROWS_HEIGHT * b.count / most, 1),
            "hint": f"{_label(curve, b, say)}: {_text(curve, _shown(curve, b.effect), say)}, "
            f"{say('n_rows', n=say.number(b.count, 9))}",
        }

    points = [point(b, x(b.centre)) for b in bins]
    upper = " ".join(f"{p['x']},{p['high']}" for p in points)
    lower = " ".join(f"{p['x']},{p['low']}" for p in reversed(points))
    y_ticks = y.ticks(4)
    # The last ticks give way to the words below the missing bin.
    x_ticks = [t for t in x.ticks(4) if x(t) < stop - MISSING_ROOM * 0.7 or not missing]
    return {
        "is_category": False,
        "points": points,
        "missing": point(missing[0], RIGHT - 16) if missing else None,
        "missing_text": say("missing"),
        "line": " ".join(f"{p['x']},{p['y']}" for p in points),
        "band": f"{upper} {lower}",
        "base": y(_shown(curve, 0.0)),
        "stop": stop,
        "x_ticks": [{"at": x(t), "text": say.number(t, 3)} for t in x_ticks],
        "y_ticks": [{"at": y(t), "text": _text(curve, t, say, tick_digits(y_ticks))} for t in y_ticks],
    }


def _categories(curve: DoseResponse, say: Wording) -> dict[str, Any]:
    """One line a category, with a whisker on a scale common to the factor."""
    values = [_shown(curve, effect) for b in curve.bins for effect in (b.low, b.high, b.effect)]
    scale = padded([*values, _shown(curve, 0.0)], 4.0, 156.0)
    return {
        "is_category": True,
        "base": scale(_shown(curve, 0.0)),
        "bins": [
            {
                "label": _label(curve, b, say),
                "score": scale(_shown(curve, b.effect)),
                "low": scale(_shown(curve, b.low)),
                "high": scale(_shown(curve, b.high)),
                "text": _text(curve, _shown(curve, b.effect), say),
                "rows": say.number(b.count, 9),
            }
            for b in curve.bins
        ],
    }
