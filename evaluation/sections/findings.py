"""What was found wrong in the data, the worst first."""

from __future__ import annotations

from typing import Any

from artifacts.finding import Severity
from evaluation.report_data import ReportData
from evaluation.wording import Wording, neutral

MAX_FINDINGS = 60  # of each severity
MAX_NAMED = 8


def findings(data: ReportData, say: Wording) -> dict[str, Any]:
    """Findings by severity: errors, warnings, good to know."""
    groups = []
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        found = [finding for finding in data.findings if finding.severity is severity]
        if not found:
            continue
        groups.append(
            {
                "severity": severity.value,
                "title": say(f"severity_{severity.value}"),
                "items": [
                    {
                        "text": finding.in_language(say.language),
                        "rows": say("rows_named", rows=_named(finding.rows)) if finding.rows else "",
                    }
                    for finding in found[:MAX_FINDINGS]
                ],
                "left_out": say("left_out", n=len(found) - MAX_FINDINGS) if len(found) > MAX_FINDINGS else "",
            }
        )
    return {"groups": groups}


def _named(rows: tuple[str, ...]) -> str:
    names = ", ".join(neutral(row, 40) for row in rows[:MAX_NAMED])
    return names + (", …" if len(rows) > MAX_NAMED else "")
