"""What was found wrong in the data: as data first, as words afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from artifacts.audit_findings import AUDIT_FINDINGS
from artifacts.fit_findings import FALLBACKS_IN_RUSSIAN, FIT_FINDINGS


class Severity(StrEnum):
    """How bad a finding is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


MAX_ROWS_NAMED = 20

# code: (severity, English, Russian)
FINDINGS: dict[str, tuple[Severity, str, str]] = {
    code: (Severity(severity), english, russian)
    for code, (severity, english, russian) in (FIT_FINDINGS | AUDIT_FINDINGS).items()
}


@dataclass(frozen=True)
class Finding:
    """One thing found. ``rows`` names at most ``MAX_ROWS_NAMED`` rows by their index labels."""

    code: str
    column: str = ""
    count: int = 0
    total: int = 0
    rows: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return FINDINGS[self.code][0]

    def in_language(self, language: str) -> str:
        """One sentence in ``en`` or ``ru``; plain text, not escaped for HTML."""
        template = FINDINGS[self.code][2 if language == "ru" else 1]
        values = _Lenient(column=self.column, count=self.count, total=self.total)
        values.update({key: str(value)[:120] for key, value in self.details.items()})
        if language == "ru" and "fallback" in values:
            values["fallback"] = FALLBACKS_IN_RUSSIAN.get(values["fallback"], values["fallback"])
        return template.format_map(values)

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``Finding(**data)`` reads it back, except that rows come back as a list."""
        return asdict(self)


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


class Audit:
    """Collects findings while data pass through. Not thread-safe; workers return, the caller adds."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def add(
        self,
        code: str,
        *,
        column: str = "",
        rows: Iterable[Any] = (),
        count: int | None = None,
        total: int = 0,
        **details: Any,
    ) -> None:
        """Add a finding; ``count`` is the number of ``rows`` if not given. An equal one is kept once.

        Raises:
            KeyError: if ``code`` is not in ``FINDINGS``.
        """
        named = [str(row) for row in rows]
        _ = FINDINGS[code]
        finding = Finding(
            code, column, len(named) if count is None else count, total, tuple(named[:MAX_ROWS_NAMED]), details
        )
        if finding not in self.findings:
            self.findings.append(finding)
