"""The audit as lines for a terminal."""

from __future__ import annotations

import math
import re

from artifacts.audit_report import AuditReport, TargetDistribution
from artifacts.finding import Finding, Severity
from evaluation.audit_page import audit_drift, counts_in_words, rows_in_words
from evaluation.sections.audit_targets import facts_in_words
from evaluation.wording import NARROW_SPACE, Wording, neutral

MAX_ROWS = 6
MAX_LABELS = 6
_BLOCKS = " ▁▂▃▄▅▆▇█"
_SPACES = re.compile(f"[\u00a0{NARROW_SPACE}]")  # terminals may draw them as anything


def audit_lines(report: AuditReport, language: str = "en") -> list[str]:
    """One line for each finding, distribution and number; what comes from the data can neither break nor colour it.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    lines = [f"{neutral(report.name, 80)}: {rows_in_words(report, say)}; {counts_in_words(report, say)}"]
    for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO):
        found = report.of_severity(severity)
        if found:
            lines += ["", say(f"severity_{severity.value}"), *(f"  {_line(finding, say)}" for finding in found)]
    if not report.findings:
        lines += ["", say("findings_none")]
    if report.targets:
        lines += ["", say("audit_targets")]
        lines += [f"  {line}" for shown in report.targets for line in _target(shown, say)]
    if report.drift is not None:
        lines += ["", say("audit_drift"), f"  {audit_drift(report, say)['sentence']}"]
    return [" ".join(_SPACES.split(line)) for line in lines]


def _line(finding: Finding, say: Wording) -> str:
    text = neutral(finding.in_language(say.language), 600)
    if not finding.rows:
        return text
    named = ", ".join(neutral(row, 40) for row in finding.rows[:MAX_ROWS])
    return f"{text} {say('rows_named', rows=named + (', …' if finding.count > MAX_ROWS else ''))}"


def _target(shown: TargetDistribution, say: Wording) -> list[str]:
    facts = "; ".join(f"{name} {value}" for name, value in facts_in_words(shown, say))
    if shown.kind == "classes":
        labels = zip(shown.labels[:MAX_LABELS], shown.train, strict=False)
        bars = ", ".join(f"{neutral(label, 40)} {say.percent(share)}" for label, share in labels)
        return [f"{neutral(shown.name, 80)}: {bars}{', …' if shown.n_labels > MAX_LABELS else ''}"]
    most = max(*shown.train, 1e-12)
    # A bin with any row is not drawn as empty.
    bars = "".join(_BLOCKS[min(8, math.ceil(8 * share / most))] for share in shown.train)
    return [f"{neutral(shown.name, 80)}: {facts}", f"  {bars}"]
