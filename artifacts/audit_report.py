"""What an audit of data tells, as data: text, JSON and HTML are drawn from it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from artifacts.finding import Finding, Severity
from artifacts.schema import Title


@dataclass(frozen=True)
class ColumnFacts:
    """One column of the data: what it is used as (empty if it is left out), why, and what is in it.

    ``missing`` and ``distinct`` are counts of rows and of values; ``distinct`` is -1 where values are photos or nested.
    """

    name: str
    modality: str
    reason: str
    missing: int
    distinct: int


@dataclass(frozen=True)
class TargetDistribution:
    """How one target, count or rate is spread over the training rows, and over the test rows where they have it.

    ``kind`` is ``number``, ``count``, ``rate`` or ``classes``. For classes, ``labels`` are the most frequent ones and
    ``train`` and ``test`` (empty without test) their shares; ``n_labels`` counts all of them. Otherwise ``train``
    and ``test`` are shares of the rows in the bins between ``edges``, values beyond the ends in the outer bins;
    ``is_log`` marks edges that are even on a logarithmic scale. ``quantiles`` maps a share of the rows to a value;
    ``pooled`` is the sum of successes over the sum of trials, for a rate. ``mode_share`` of the rows have the value
    ``mode``; the largest 1% of the values hold ``largest_share`` of their sum (0 where values are negative).
    ``test_apart`` is how surely the test differs: for numbers the lower end of the 95% interval of the chance that a
    value of the one is larger than one of the other (0.5: no difference), for classes the share of rows that would have
    to change class, less what chance explains. ``test_typical`` is the median, or the share of the most frequent class.
    """

    name: str
    kind: str
    n_rows: int
    mode: str
    mode_share: float
    train: tuple[float, ...]
    test: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    n_labels: int = 0
    edges: tuple[float, ...] = ()
    is_log: bool = False
    quantiles: Mapping[str, float] = field(default_factory=dict)
    mean: float | None = None
    spread: float | None = None
    pooled: float | None = None
    largest_share: float = 0.0
    test_apart: float | None = None
    test_typical: str = ""


@dataclass(frozen=True)
class DriftColumn:
    """A column that gives the test away: ``auc`` of a classifier that sees it alone, and what differs most in it.

    ``quantity`` says what ``train`` and ``test`` are the typical values of; both are text.
    """

    name: str
    auc: float
    quantity: Title
    train: str
    test: str


@dataclass(frozen=True)
class Drift:
    """How well a classifier tells test rows from training rows: 0.5 is by chance, 1 without a mistake."""

    auc: float
    low: float
    high: float
    n_train: int
    n_test: int
    columns: tuple[DriftColumn, ...] = ()


@dataclass(frozen=True)
class AuditReport:
    """What was found in a table, or in the training and test rows of a task.

    ``rows`` maps ``train`` and ``test`` to their numbers of rows; a row of the test is named ``test:ID`` in findings.
    ``photo`` gives the bytes of the photo of a column and a named row, ``text`` a short text: both for pages, and no
    part of the JSON. ``seconds`` maps a part of the audit to its duration.
    """

    name: str
    rows: Mapping[str, int]
    columns: tuple[ColumnFacts, ...]
    findings: tuple[Finding, ...]
    targets: tuple[TargetDistribution, ...] = ()
    drift: Drift | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    photo: Callable[[str, str], bytes | None] | None = None
    text: Callable[[str, str], str] | None = None

    def of_severity(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity, in order."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def to_json(self) -> dict[str, Any]:
        """Plain data: everything but the photos and texts; each finding with its severity and its sentence."""
        return {
            "name": self.name,
            "rows": dict(self.rows),
            "findings": [
                {
                    **finding.to_json(),
                    "severity": finding.severity.value,
                    "message": {language: finding.in_language(language) for language in ("en", "ru")},
                }
                for finding in self.findings
            ],
            "columns": [asdict(column) for column in self.columns],
            "targets": [asdict(target) for target in self.targets],
            "drift": None if self.drift is None else asdict(self.drift),
            "seconds": {part: round(seconds, 3) for part, seconds in self.seconds.items()},
        }
