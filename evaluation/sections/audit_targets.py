"""Distributions of the target, its counts and rates: a histogram or bars, and the numbers behind them."""

from __future__ import annotations

from typing import Any

from artifacts.audit_report import AuditReport, TargetDistribution
from evaluation.sections.scales import Scale, tick_digits
from evaluation.wording import Wording, neutral

LEFT, RIGHT, TOP, BOTTOM = 46.0, 330.0, 12.0, 186.0


def audit_targets(report: AuditReport, say: Wording) -> dict[str, Any]:
    """One card for each distribution."""
    return {"intro": say("audit_targets_intro"), "cards": [_card(shown, say) for shown in report.targets]}


def value_in_words(shown: TargetDistribution, value: float, say: Wording, digits: int = 3) -> str:
    """A rate as a percentage, everything else as a number."""
    return say.percent(value, digits) if shown.kind == "rate" else say.number(value, digits)


def facts_in_words(shown: TargetDistribution, say: Wording) -> list[tuple[str, str]]:
    """Name and value of what a histogram does not show."""
    mode = neutral(shown.mode, 60) if shown.kind == "classes" else value_in_words(shown, float(shown.mode), say, 4)
    facts = [(say("audit_mode"), say("audit_mode_value", value=mode, share=say.percent(shown.mode_share)))]
    if shown.kind == "classes":
        return facts
    at = shown.quantiles
    ends = say.interval(value_in_words(shown, at["0.01"], say), value_in_words(shown, at["0.99"], say))
    facts = [(say("audit_median"), value_in_words(shown, at["0.5"], say)), (say("audit_ends"), ends), *facts]
    if shown.mean is not None:
        facts.insert(0, (say("audit_mean"), value_in_words(shown, shown.mean, say)))
    if shown.pooled is not None:
        facts.insert(0, (say("audit_pooled"), value_in_words(shown, shown.pooled, say)))
    return facts


def _card(shown: TargetDistribution, say: Wording) -> dict[str, Any]:
    notes = [say("audit_rows", n=say.number(shown.n_rows, 9)), say(f"audit_kind_{shown.kind}")]
    if shown.is_log:
        notes.append(say("audit_log"))
    if shown.n_labels > len(shown.labels):
        notes.append(say("audit_n_labels", n=shown.n_labels))
    return {
        "title": neutral(shown.name, 80),
        "note": ", ".join(notes),
        "facts": facts_in_words(shown, say),
        "has_test": bool(shown.test),
        "classes": _classes(shown, say) if shown.kind == "classes" else None,
        "histogram": None if shown.kind == "classes" else _histogram(shown, say),
    }


def _classes(shown: TargetDistribution, say: Wording) -> list[dict[str, Any]]:
    longest = max(*shown.train, *shown.test, 1e-12)
    test = shown.test or (0.0,) * len(shown.labels)
    return [
        {
            "label": neutral(label, 60),
            "train": round(100 * share / longest, 2),
            "test": round(100 * other / longest, 2),
            "train_text": say.percent(share),
            "test_text": say.percent(other) if shown.test else "",
        }
        for label, share, other in zip(shown.labels, shown.train, test, strict=True)
    ]


def _histogram(shown: TargetDistribution, say: Wording) -> dict[str, Any]:
    x = Scale(shown.edges[0], shown.edges[-1], LEFT, RIGHT, log=shown.is_log)
    y = Scale(0.0, max(*shown.train, *shown.test, 1e-12) * 1.05, BOTTOM, TOP)
    places = [x(edge) for edge in shown.edges]
    outline = [f"{places[0]},{BOTTOM}"]
    for start, stop, share in zip(places, places[1:], shown.test, strict=False):
        outline += [f"{start},{y(share)}", f"{stop},{y(share)}"]
    outline.append(f"{places[-1]},{BOTTOM}")
    ticks = x.ticks(4)
    bins = list(zip(places, places[1:], shown.train, strict=False))
    return {
        "columns": [
            {"x": start, "width": round(stop - start, 1), "y": y(share), "height": round(BOTTOM - y(share), 1)}
            for start, stop, share in bins
        ],
        "outline": " ".join(outline) if shown.test else "",
        "x_ticks": [{"at": x(tick), "text": value_in_words(shown, tick, say, tick_digits(ticks))} for tick in ticks],
        "y_ticks": [{"at": y(tick), "text": say.percent(tick)} for tick in y.ticks(3)],
    }
