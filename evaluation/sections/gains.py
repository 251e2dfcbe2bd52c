"""The gain chart: what the highest predictions hold, beside an order by chance and the order of the truth."""

from __future__ import annotations

from typing import Any

from artifacts.schema import Kind
from evaluation.gains import FOUND, GainCurve
from evaluation.report_data import ReportData
from evaluation.sections.scales import Scale
from evaluation.wording import Wording, neutral

LEFT, RIGHT, TOP, BOTTOM = 46.0, 330.0, 12.0, 186.0
SHARES = (0.05, 0.1, 0.2, 0.5)


def gains(data: ReportData, say: Wording) -> dict[str, Any]:
    """One picture, and what some shares of the rows hold; a sentence where the outcome has no shares."""
    found = data.gain
    if found is None:
        return {"missing": say("gains_none" if data.kind is Kind.REGRESSION else "not_in_run")}
    kind = "right" if found.measure != FOUND else data.kind.value
    positive = neutral(data.distribution.target, 60) if data.distribution is not None else ""
    intro = say(f"gains_{kind}", target=positive) if data.kind is Kind.BINARY else say(f"gains_{kind}")
    lifts = found.measure == FOUND
    return {
        "intro": intro,
        "label": say("gains"),
        "chart": gain_chart(found, say),
        "model_name": say("gains_model"),
        "ideal_name": say("gains_ideal"),
        "base_name": say("gains_base" if lifts else "gains_all"),
        "lifts": lifts,
        "rows": [_row(found, share, lifts, say) for share in SHARES],
    }


def gain_chart(found: GainCurve, say: Wording) -> dict[str, Any]:
    """Lines of the model, of the best order and of chance, and the band of the model's interval."""
    low = 0.0 if found.measure == FOUND else max(0.0, float(min(found.value.min(), found.base.min())) - 0.1)
    x, y = Scale(0.0, 1.0, LEFT, RIGHT), Scale(low, 1.0, BOTTOM, TOP)

    def line(values: Any) -> list[str]:
        return [f"{x(float(a))},{y(float(b))}" for a, b in zip(found.share, values, strict=True) if b == b]

    return {
        "model": " ".join(line(found.value)),
        "ideal": " ".join(line(found.ideal)),
        "base": " ".join(line(found.base)),
        "band": " ".join([*line(found.low), *reversed(line(found.high))]),
        "x_ticks": [{"at": x(tick), "text": say.percent(tick)} for tick in x.ticks(5)],
        "y_ticks": [{"at": y(tick), "text": say.percent(tick)} for tick in y.ticks(4)],
    }


def _row(found: GainCurve, share: float, lifts: bool, say: Wording) -> dict[str, str]:
    value, low, high = found.at(share)
    return {
        "share": say.percent(share),
        "value": say.percent(value),
        "interval": say.interval(say.percent(low), say.percent(high)),
        "lift": say("times", n=say.number(value / share, 2)) if lifts else "",
    }
