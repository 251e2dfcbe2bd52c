from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.audit_findings import AUDIT_FINDINGS
from artifacts.audit_report import AuditReport, ColumnFacts, Drift, DriftColumn
from artifacts.errors import InputError
from artifacts.finding import FINDINGS, Finding, Severity
from artifacts.schema import Title
from artifacts.task import Task
from evaluation.audit_lines import audit_lines
from evaluation.audit_page import AUDIT_SECTIONS, render_audit
from evaluation.target_distribution import target_distributions
from evaluation.texts import TEXTS

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=1>\x1b[31m\u202e{{ 7 * 7 }}'


def picture(_column: str, _row: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, "JPEG")
    return buffer.getvalue()


def report(name: str = "shop", text: str = "a text") -> AuditReport:
    frame = pd.DataFrame({"y": np.random.default_rng(0).normal(size=200)})
    findings = tuple(
        Finding(
            code,
            text,
            3,
            200,
            ("1", text, "test:7"),
            {"example": text, "other": text, "groups": [["test:7", "1"], [text, "2"]]},
        )
        for code in sorted(FINDINGS)
    )
    drift = Drift(0.8, 0.75, 0.85, 200, 100, (DriftColumn(text, 0.7, Title("length", "длина"), "3", "5"),))
    return AuditReport(
        name,
        {"train": 200, "test": 100},
        (ColumnFacts(text, "text", text, 12, 180), ColumnFacts("id", "", "looks like an identifier", 0, -1)),
        findings,
        target_distributions(frame, frame, Task(name="t", target={"kind": "regression", "column": "y"})),
        drift,
        {"photos": 1.25},
        picture,
        lambda _column, _row: text,
    )


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_has_every_section_and_loads_nothing(language: str) -> None:
    page = render_audit(report(), language)
    assert all(TEXTS[section][language] in page for section in AUDIT_SECTIONS)
    assert "data:image/jpeg;base64," in page and "<script" not in page and "default-src &#39;none&#39;" not in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert page == render_audit(report(), language)


def test_a_mismatch_shows_the_photo_of_one_column_and_the_text_of_the_other() -> None:
    asked: list[tuple[str, str, str]] = []
    shown = AuditReport(
        "t",
        {"train": 5},
        (),
        (Finding("alignment_mismatch", "title", 1, 5, ("r3",), {"other": "photo"}),),
        photo=lambda column, row: asked.append(("photo", column, row)) or picture(column, row),
        text=lambda column, row: asked.append(("text", column, row)) or "a red lamp",
    )
    page = render_audit(shown)
    assert asked == [("photo", "photo", "r3"), ("text", "title", "r3")]
    assert "data:image/jpeg;base64," in page and "a red lamp" in page


@pytest.mark.parametrize("language", ["en", "ru"])
def test_what_the_data_say_cannot_act(language: str) -> None:
    page = render_audit(report(HOSTILE, HOSTILE), language)
    assert "<script" not in page and "<img src=x" not in page and "\u202e" not in page and "\x1b" not in page
    lines = audit_lines(report(HOSTILE, HOSTILE), language)
    assert all(character.isprintable() for line in lines for character in line)


def test_lines_name_each_finding_under_its_severity() -> None:
    lines = audit_lines(report(), "en")
    assert lines[0].startswith("shop: 200 training rows, 100 test rows; errors: ")
    assert lines.index("Errors") < lines.index("Warnings") < lines.index("Good to know")
    blurred = FINDINGS["image_blurred"][1].format(column="a text", count=3, total=200)
    assert any(blurred in line and "Rows: 1, a text, test:7" in line for line in lines)
    assert any(set(line.strip()) <= set(" ▁▂▃▄▅▆▇█") and len(line.strip()) > 10 for line in lines)


def test_json_holds_the_data_and_the_sentences() -> None:
    data = json.loads(json.dumps(report().to_json()))
    assert set(data) == {"name", "rows", "findings", "columns", "targets", "drift", "seconds"}
    first = data["findings"][0]
    assert {"code", "column", "count", "total", "rows", "details", "severity", "message"} == set(first)
    assert set(first["message"]) == {"en", "ru"} and data["drift"]["auc"] == 0.8


def test_a_table_without_target_and_findings_has_a_short_page() -> None:
    page = render_audit(AuditReport("t", {"train": 5}, (), ()))
    assert TEXTS["findings_none"]["en"] in page and TEXTS["audit_targets"]["en"] not in page
    with pytest.raises(InputError, match="'xx'"):
        render_audit(AuditReport("t", {"train": 5}, (), ()), "xx")


def test_findings_have_a_severity_two_languages_and_equal_placeholders() -> None:
    for code, (severity, english, russian) in AUDIT_FINDINGS.items():
        assert Severity(severity) is FINDINGS[code][0]
        fields = [set(re.findall(r"{(\w+)}", text.replace("{example_ru}", "{example}"))) for text in (english, russian)]
        assert fields[0] == fields[1], code
        assert len(re.findall(r"[.!?](?: |$)", english)) >= 2, f"{code} says what was seen, and what to do"
