"""The audit as one HTML file, by the rules of ``evaluation.report``: data first, everything escaped, no request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from artifacts.audit_report import AuditReport
from artifacts.finding import Severity
from evaluation.column_reasons import reason_in
from evaluation.page import PagePart, render_page
from evaluation.sections.audit_findings import audit_findings
from evaluation.sections.audit_targets import audit_targets
from evaluation.sections.scales import Scale
from evaluation.wording import Wording, neutral

AuditSection = Callable[[AuditReport, Wording], dict[str, Any]]

MAX_COLUMNS = 300
NOTICEABLE = 0.55  # of the lower end of the drift's interval; as in ``evaluation.drift``


def audit_drift(report: AuditReport, say: Wording) -> dict[str, Any]:
    """The classifier's AUC as a sentence and a picture, and the columns that give the test away."""
    drift = report.drift
    if drift is None:
        return {"missing": say("audit_drift_few")}
    scale = Scale(0.5, 1.0, 8, 352)
    interval = say.interval(say.score(drift.low), say.score(drift.high))
    sizes = {"train": say.number(drift.n_train, 9), "test": say.number(drift.n_test, 9)}
    key = "audit_drift_some" if drift.low > NOTICEABLE else "audit_drift_none"
    return {
        "sentence": say(key, auc=say.score(drift.auc), interval=interval, **sizes),
        "picture": {"score": scale(drift.auc), "low": scale(drift.low), "high": scale(drift.high)},
        "ends": (say.number(0.5), say.number(1.0)),
        "columns": [
            {
                "name": neutral(column.name, 80),
                "auc": say.score(column.auc),
                "what": say.title(column.quantity),
                "train": column.train,
                "test": column.test,
            }
            for column in drift.columns
        ],
    }


def audit_columns(report: AuditReport, say: Wording) -> dict[str, Any]:
    """A row for each column: what it is used as, what is missing, why."""
    total = max(1, sum(report.rows.values()))
    return {
        "rows": [
            {
                "name": neutral(column.name, 80),
                "kind": say(f"modality_{column.modality}") if column.modality else say("audit_unused"),
                "used": bool(column.modality),
                "missing": say.percent(column.missing / total) if column.missing else "–",
                "distinct": say.number(column.distinct, 9) if column.distinct >= 0 else "–",
                "reason": neutral(reason_in(say.language, column.reason), 160),
            }
            for column in report.columns[:MAX_COLUMNS]
        ],
        "left_out": say("left_out", n=len(report.columns) - MAX_COLUMNS) if len(report.columns) > MAX_COLUMNS else "",
    }


def audit_seconds(report: AuditReport, say: Wording) -> dict[str, Any]:
    """How long each part took."""
    return {
        "parts": [
            (say.known(f"audit_part_{part}", part), say.duration(seconds)) for part, seconds in report.seconds.items()
        ]
    }


# In the order of the page. Each has a template and a heading of its name.
AUDIT_SECTIONS: dict[str, AuditSection] = {
    "audit_findings": audit_findings,
    "audit_targets": audit_targets,
    "audit_drift": audit_drift,
    "audit_columns": audit_columns,
    "audit_seconds": audit_seconds,
}


def render_audit(report: AuditReport, language: str = "en") -> str:
    """One self-contained HTML page in ``en`` or ``ru``; equal data give an equal page but for the seconds.

    Sections about a target or a test that the report does not have are left out.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    shown = {
        name: section(report, say)
        for name, section in AUDIT_SECTIONS.items()
        if not (name == "audit_targets" and not report.targets) and not (name == "audit_drift" and not report.targets)
    }
    part = PagePart(shown, line=rows_in_words(report, say), remark=counts_in_words(report, say))
    return render_page("audit", report.name, [part], say)


def rows_in_words(report: AuditReport, say: Wording) -> str:
    """How many rows were looked at."""
    counts = {part: say.number(n, 9) for part, n in report.rows.items()}
    return say("audit_rows_split", **counts) if len(counts) > 1 else say("audit_rows", n=counts["train"])


def counts_in_words(report: AuditReport, say: Wording) -> str:
    """How many findings there are of each severity."""
    return say("audit_counts", **{severity.value: len(report.of_severity(severity)) for severity in Severity})
