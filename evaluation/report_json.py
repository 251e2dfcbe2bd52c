"""The report as data: what the page shows, in numbers and with the texts of both languages. See docs/report_json.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from artifacts.finding import Finding
from artifacts.plain import plain
from artifacts.schema import LANGUAGES
from evaluation.prediction_check import PredictionDistribution
from evaluation.report_data import ReportData
from evaluation.sections.headline import verdict
from evaluation.view_board import added_by_views

REPORT_FORMAT = 1  # rises when a key changes its meaning or goes; new keys may come without
FUNCTIONS = ("photo",)


def report_json(data: ReportData, parts: Sequence[ReportData] = ()) -> dict[str, Any]:
    """Everything that ``evaluation.report.render_report`` shows of the same data but photos, as plain data.

    ``json.dumps(..., allow_nan=False)`` takes it: what is not known is ``None``.
    """
    return {"format": REPORT_FORMAT, "name": plain(data.name), "parts": [_part(part) for part in (data, *parts)]}


def _part(data: ReportData) -> dict[str, Any]:
    given = {field.name: getattr(data, field.name) for field in fields(data) if field.name not in FUNCTIONS}
    found: dict[str, Any] = {name: plain(value) for name, value in given.items()}
    found["headline"] = _headline(data)
    found["metric_title"] = plain(data.metric_title(data.metric))
    found["findings"] = [finding_json(finding) for finding in data.findings]
    found["schema"] = plain(data.schema.to_json())
    found["class_profiles"] = data.class_profiles and plain(data.class_profiles.to_json())
    found["segments"] = data.segments and plain(data.segments.to_json())
    if data.distribution is not None:
        found["distribution"] |= _calibration(data.distribution)
    for told, check in zip(found["models"] or (), data.models or (), strict=True):
        told["distribution"] |= _calibration(check.distribution)
    if data.views is not None and len(data.views) > 1:
        found["views_add"] = plain(added_by_views(data.views, data.higher_is_better))
    # Of all rows that the run knows a text of, those that the page shows.
    shown = set(_texts({name: value for name, value in found.items() if name != "row_titles"}))
    found["row_titles"] = {row: text for row, text in found["row_titles"].items() if row in shown}
    return found


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding with its severity and its sentence in each language."""
    sentences = {language: finding.in_language(language) for language in LANGUAGES}
    told: dict[str, Any] = plain({**finding.to_json(), "severity": finding.severity, "message": sentences})
    return told


def _headline(data: ReportData) -> dict[str, Any]:
    best = data.best()
    if best is None:
        return {"score": None}
    score, low, high = (float(best[name]) for name in ("score", "low", "high"))
    constant = data.constant()
    told: dict[str, Any] = plain(
        {
            "model": str(best["model"]),
            "view": str(best["view"]),
            "score": score,
            "low": low,
            "high": high,
            "constant": constant,
            "verdict": verdict(score, low, high, constant, data.higher_is_better),
            "n_rows": data.making.rows.get(data.split),
        }
    )
    return told


def _calibration(shown: PredictionDistribution) -> dict[str, Any]:
    return {"calibration_gap": plain(shown.reliability.gap)}


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for held in value.values():
            yield from _texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from _texts(held)
