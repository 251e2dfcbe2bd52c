from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from artifacts.schema import Kind, Schema
from evaluation.report_data import ReportData
from evaluation.report_json import FUNCTIONS, report_json

DOCS = Path(__file__).parents[2] / "docs" / "report_json.md"


@pytest.mark.parametrize("kind", list(Kind))
def test_it_is_json_and_documented(make_report: Callable[..., ReportData], kind: Kind) -> None:
    found = report_json(make_report(kind, 200))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    (part,) = found["parts"]
    assert set(part) >= {field.name for field in fields(ReportData)} - set(FUNCTIONS)
    told = DOCS.read_text(encoding="utf-8")
    for key in (*found, *part):
        assert f"`{key}`" in told, f"{key} is not explained in {DOCS.name}"


def test_it_holds_what_the_page_says(report_data: ReportData) -> None:
    (part,) = report_json(report_data)["parts"]
    assert part["headline"]["score"] == 0.207 and part["headline"]["verdict"] == "better"
    assert part["headline"]["constant"] == 0.0 and part["headline"]["n_rows"] == 700
    assert len(part["leaderboard"]) == len(report_data.leaderboard)
    assert part["distribution"]["calibration_gap"] == report_data.distribution.reliability.gap
    assert len(part["models"]) == 3 and part["models"][0]["distribution"]["calibration_gap"] < 0.1
    assert part["findings"][1]["severity"] == "warning" and set(part["findings"][1]["message"]) == {"en", "ru"}
    assert part["errors"][0]["row"] in part["row_titles"] and part["coverage"] == {"0.5": 0.512, "0.9": 0.893}
    assert part["suspects"]["scored"]["n_rows"] == 700
    more = replace(report_data, row_titles={**report_data.row_titles, "card-9999": "a text of no shown row"})
    assert report_json(more)["parts"][0]["row_titles"] == part["row_titles"]


def test_parts_follow_and_what_is_missing_is_null(report_data: ReportData) -> None:
    bare = ReportData("demo", Kind.BINARY, "sold", "skill", report_data.leaderboard, Schema(()))
    found = report_json(bare, (report_data,))
    assert [part["target"] for part in found["parts"]] == ["sold", "clicks out of views"]
    first = found["parts"][0]
    assert first["distribution"] is None and first["gain"] is None and first["models"] is None


def test_hostile_texts_stay_data(hostile_report: ReportData) -> None:
    text = json.dumps(report_json(hostile_report), allow_nan=False, ensure_ascii=False)
    assert json.loads(text)["parts"][0]["target"].startswith("<script>")
    text.encode("utf-8")
