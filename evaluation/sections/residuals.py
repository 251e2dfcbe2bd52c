"""Residuals by prediction: a fan of their quantiles over single rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from artifacts.schema import Kind
from evaluation.report_data import ReportData
from evaluation.sections.scales import Scale, padded, tick_digits
from evaluation.wording import Wording

LEFT, RIGHT, TOP, BOTTOM = 46.0, 330.0, 12.0, 186.0
OVERDISPERSED, UNDERDISPERSED = 1.5, 0.67


def residuals(data: ReportData, say: Wording) -> dict[str, Any] | None:
    """One picture and the numbers behind it; None where the task has no numbers."""
    found = data.residuals
    if found is None:
        return None
    rate = data.kind is Kind.CONVERSION
    percent = rate and not found.is_standardised
    # One outlier must not flatten the fan: what lies beyond is put on the edge.
    low, high = np.quantile(found.points[:, 1], [0.01, 0.99]) if len(found.points) else (0.0, 0.0)
    y = padded([low, high, *found.quantiles.ravel(), 0.0], BOTTOM, TOP)
    ends = np.quantile(found.points[:, 0], [0.01, 0.99]) if len(found.points) else ()
    x = padded([*ends, *found.predicted], LEFT, RIGHT)
    places = [x(float(value)) for value in found.predicted]

    def shown_y(value: float, digits: int = 3) -> str:
        return say.percent(value, digits) if percent else say.number(value, digits)

    def shown_x(value: float, digits: int = 3) -> str:
        return say.percent(value, digits) if rate else say.number(value, digits)

    def line(column: int) -> list[str]:
        return [f"{at},{y(float(value))}" for at, value in zip(places, found.quantiles[:, column], strict=True)]

    kind = "rate" if found.is_standardised else "plain_rate" if rate else "number"
    return {
        "intro": say(f"residuals_{kind}"),
        "label": say("residuals"),
        "dots": [{"x": x(float(a)), "y": y(float(b))} for a, b in found.points],
        "outer": " ".join([*line(0), *reversed(line(4))]),
        "inner": " ".join([*line(1), *reversed(line(3))]),
        "middle": " ".join(line(2)),
        "zero": y(0.0),
        "x_ticks": _ticks(x, shown_x),
        "y_ticks": _ticks(y, shown_y),
        "notes": _dispersion(found.dispersion, say) if found.is_standardised else [],
        "rows": [
            {
                "predicted": shown_x(float(at)),
                "values": [shown_y(float(value)) for value in quantiles],
                "rows": say.number(int(n), 9),
            }
            for at, quantiles, n in zip(found.predicted, found.quantiles, found.rows, strict=True)
        ],
    }


def _ticks(scale: Scale, show: Any) -> list[dict[str, Any]]:
    ticks = scale.ticks(4)
    return [{"at": scale(tick), "text": show(tick, tick_digits(ticks))} for tick in ticks]


def _dispersion(dispersion: float, say: Wording) -> list[str]:
    size = "more" if dispersion > OVERDISPERSED else "less" if dispersion < UNDERDISPERSED else "same"
    return [say(f"dispersion_{size}", times=say.number(dispersion, 2))]
