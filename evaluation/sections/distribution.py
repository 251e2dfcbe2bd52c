"""Predictions beside the truth: histograms and reliability, with the constant in both."""

from __future__ import annotations

from typing import Any

import numpy as np

from artifacts.schema import Kind
from evaluation.prediction_check import MAX_CLASSES, PredictionDistribution
from evaluation.report_data import ReportData
from evaluation.sections.scales import Scale, padded, tick_digits
from evaluation.wording import Wording, neutral

LEFT, RIGHT, TOP, BOTTOM = 46.0, 330.0, 12.0, 186.0
ROWS_HEIGHT = 22.0


def distribution(data: ReportData, say: Wording) -> dict[str, Any]:
    """Two pictures: how values are spread, and what was observed where a value was predicted."""
    shown = data.distribution
    if shown is None:
        return {"missing": say("not_in_run")}
    labels = shown.kind is Kind.MULTILABEL
    classes = shown.kind is Kind.MULTICLASS or labels
    spread_title = (
        "spread_labels" if labels else "spread_classes" if classes else "spread_binary" if shown.target else "spread"
    )
    return {
        "intro": say("distribution_intro"),
        "spread_title": say(spread_title, target=neutral(shown.target, 60)) if shown.target else say(spread_title),
        "classes": class_bars(shown, say) if classes else None,
        "histogram": None if classes else spread_chart(shown, say),
        "reliability_title": say("confidence" if classes and not labels else "reliability"),
        "reliability": reliability_chart(shown, say),
        "bins": _bins(shown, say),
        "notes": [say("reliability_note"), *_calibration(shown, say), *_coverage(data, say)],
        "apart": _apart(data, say),
    }


def _calibration(shown: PredictionDistribution, say: Wording) -> list[str]:
    if shown.kind is Kind.REGRESSION:
        return []
    return [say("calibration_error", gap=say.percent(shown.reliability.gap))]


def _coverage(data: ReportData, say: Wording) -> list[str]:
    if not data.coverage:
        return []
    columns = [" / ".join(say.percent(x, 3) for x in part) for part in (data.coverage, data.coverage.values())]
    return [say("coverage", levels=columns[0], shares=columns[1])]


def _apart(data: ReportData, say: Wording) -> list[str]:
    """The scores of frequent and of rare labels, one sentence each."""
    found = []
    for name, part in data.label_scores.items():
        if part["n_labels"]:
            score = say("not_defined") if part["f1_micro"] is None else say.number(part["f1_micro"], 3)
            found.append(say(f"labels_{name}", n=part["n_labels"], rows=part["n_rows"], score=score))
    return found


def _value(shown: PredictionDistribution, value: float, say: Wording, digits: int) -> str:
    return say.number(value, digits) if shown.kind is Kind.REGRESSION else say.percent(value, digits)


def _ticks(shown: PredictionDistribution, scale: Scale, say: Wording) -> list[dict[str, Any]]:
    ticks = scale.ticks(4)
    return [{"at": scale(t), "text": _value(shown, t, say, tick_digits(ticks))} for t in ticks]


def class_bars(shown: PredictionDistribution, say: Wording, most: int = MAX_CLASSES) -> list[dict[str, Any]]:
    """How often the most frequent classes or labels occur and are predicted, as percentages of the longest bar."""
    truth, predicted = shown.series["truth"][:most], shown.series["predicted"][:most]
    longest = max(float(np.max(truth)), float(np.max(predicted)), 1e-12)
    return [
        {
            "label": neutral(label, 60),
            "truth": round(100 * float(t) / longest, 2),
            "predicted": round(100 * float(p) / longest, 2),
            "truth_text": say.percent(float(t)),
            "predicted_text": say.percent(float(p)),
        }
        for label, t, p in zip(shown.labels[:most], truth, predicted, strict=True)
    ]


def spread_chart(shown: PredictionDistribution, say: Wording) -> dict[str, Any]:
    """Shares by value. The first series as filled columns, the second as an outline over them."""
    x = Scale(float(shown.edges[0]), float(shown.edges[-1]), LEFT, RIGHT)
    y = Scale(0.0, max(float(np.max(s)) for s in shown.series.values()) * 1.05, BOTTOM, TOP)
    places = [x(float(edge)) for edge in shown.edges]
    (name_a, first), (name_b, second) = shown.series.items()
    outline = [f"{places[0]},{BOTTOM}"]
    for start, stop, share in zip(places, places[1:], second, strict=False):
        outline += [f"{start},{y(float(share))}", f"{stop},{y(float(share))}"]
    outline.append(f"{places[-1]},{BOTTOM}")

    def name(series: str) -> str:
        return say(series) if not shown.target else neutral(series, 60)

    return {
        "columns": [
            {"x": start, "width": round(stop - start, 1), "y": y(float(share)), "height": round(BOTTOM - y(share), 1)}
            for start, stop, share in zip(places, places[1:], first, strict=False)
        ],
        "outline": " ".join(outline),
        "filled_name": name(name_a),
        "outline_name": name(name_b),
        "constant": x(shown.constant),
        "constant_text": say("constant_named", value=_value(shown, shown.constant, say, 3)),
        "x_ticks": _ticks(shown, x, say),
        "y_ticks": [{"at": y(t), "text": say.percent(t)} for t in y.ticks(3)],
    }


def _bins(shown: PredictionDistribution, say: Wording) -> list[dict[str, str]]:
    """The bins of the reliability as a table: what was predicted, what was observed, how many rows."""
    held = shown.reliability
    columns = zip(held.predicted, held.observed, held.low, held.high, held.rows, strict=True)
    return [
        {
            "predicted": _value(shown, p, say, 3),
            "observed": _value(shown, o, say, 3),
            "interval": say.interval(_value(shown, a, say, 3), _value(shown, b, say, 3)),
            "rows": say.number(int(n), 9),
        }
        for p, o, a, b, n in columns
    ]


def reliability_chart(shown: PredictionDistribution, say: Wording) -> dict[str, Any]:
    """Points with whiskers around the diagonal; the columns below count the rows of each."""
    bins = shown.reliability
    values = [*bins.predicted, *bins.observed, *bins.low, *bins.high, shown.constant]
    if shown.kind is Kind.REGRESSION:
        low, high = padded(values, 0, 1).low, padded(values, 0, 1).high
    else:
        low, high = 0.0, min(1.0, 1.06 * max(max(values), 1e-6))
    x, y = Scale(low, high, LEFT, RIGHT), Scale(low, high, BOTTOM, TOP)
    points = zip(bins.predicted, bins.observed, bins.low, bins.high, bins.rows, strict=True)
    return {
        "points": [
            {
                "x": x(p),
                "y": y(o),
                "low": y(a),
                "high": y(b),
                "rows": round(ROWS_HEIGHT * float(n) / float(bins.rows.max()), 1),
                "hint": f"{_value(shown, p, say, 3)} → {_value(shown, o, say, 3)}, "
                f"{say('n_rows', n=say.number(int(n), 9))}",
            }
            for p, o, a, b, n in points
        ],
        "constant": y(shown.constant),
        "constant_text": say("constant_named", value=_value(shown, shown.constant, say, 3)),
        "x_ticks": _ticks(shown, x, say),
        "y_ticks": _ticks(shown, y, say),
    }
