"""What an audit found, the worst first, with the photos and texts that it is about."""

from __future__ import annotations

from typing import Any

from artifacts.audit_report import AuditReport
from artifacts.finding import Finding, Severity
from evaluation.sections.errors import thumbnail
from evaluation.sections.findings import MAX_FINDINGS, MAX_NAMED
from evaluation.wording import Wording, neutral

MAX_PHOTOS = 8
MAX_GROUPS = 4
MAX_TEXT = 150


def audit_findings(report: AuditReport, say: Wording) -> dict[str, Any]:
    """Findings by severity; those about photos show them, those about repeated texts quote them."""
    groups = []
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        found = report.of_severity(severity)
        if not found:
            continue
        groups.append(
            {
                "severity": severity.value,
                "title": say(f"severity_{severity.value}"),
                "items": [_item(finding, report, say) for finding in found[:MAX_FINDINGS]],
                "left_out": say("left_out", n=len(found) - MAX_FINDINGS) if len(found) > MAX_FINDINGS else "",
            }
        )
    return {"groups": groups}


def _item(finding: Finding, report: AuditReport, say: Wording) -> dict[str, Any]:
    together: list[list[str]] = [[str(row) for row in group] for group in finding.details.get("groups", ())]
    rows = list(finding.rows)
    if together:
        names = "; ".join(" = ".join(neutral(row, 40) for row in group[:4]) for group in together[:MAX_GROUPS])
        named = names + ("; …" if len(together) > MAX_GROUPS else "")
    else:
        named = ", ".join(neutral(row, 40) for row in rows[:MAX_NAMED]) + (", …" if finding.count > MAX_NAMED else "")
    about_photos = finding.code.startswith("image_") and finding.code not in ("image_missing", "image_not_found")
    mismatch = finding.code == "alignment_mismatch"
    photos = str(finding.details.get("other", "")) if mismatch else finding.column
    alone = [[row] for row in rows[:MAX_PHOTOS]]
    shown = [group[:3] for group in together[:MAX_GROUPS]] or alone
    return {
        "text": finding.in_language(say.language),
        "rows": say("rows_named", rows=named) if rows else "",
        "photos": _photos(photos, shown, report) if about_photos or mismatch else [],
        "quotes": _quotes(finding.column, alone if mismatch else together[: MAX_GROUPS - 1], report)
        if mismatch or finding.code.startswith("text_")
        else [],
    }


def _photos(column: str, groups: list[list[str]], report: AuditReport) -> list[list[dict[str, str]]]:
    """Small copies of the photos, group by group; those that cannot be read are left out."""
    if report.photo is None:
        return []
    strips = []
    for group in groups:
        strip = []
        for row in group:
            content = report.photo(column, row)
            picture = thumbnail(content) if content else None
            if picture is not None:
                strip.append({"picture": picture, "row": neutral(row, 40)})
        if strip:
            strips.append(strip)
    return strips


def _quotes(column: str, groups: list[list[str]], report: AuditReport) -> list[list[dict[str, str]]]:
    """The first two texts of some groups."""
    if report.text is None:
        return []
    return [
        [{"row": neutral(row, 40), "text": neutral(report.text(column, row), MAX_TEXT)} for row in group[:2]]
        for group in groups
    ]
