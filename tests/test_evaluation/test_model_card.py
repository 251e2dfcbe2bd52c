from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from artifacts.errors import InputError
from artifacts.run_result import RunResult, results_frame
from artifacts.schema import Kind, Schema
from evaluation.model_card import OF_RUN, OF_TARGET, render_card
from evaluation.report_data import Making, ReportData
from evaluation.texts import TEXTS

ACTIVE = {"html_block", "html_inline", "link_open", "image", "fence", "code_block"}


def tokens_of(card: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(card)
    return [token.type for token in tokens] + [child.type for token in tokens for child in token.children or []]


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_every_section(make_report: Callable[..., ReportData], kind: Kind, language: str) -> None:
    card = render_card(make_report(kind, 200), language)
    headings = re.findall(r"^## (.+)$", card, re.MULTILINE)
    assert headings == [TEXTS[key][language] for key in (*OF_TARGET, *OF_RUN)]
    assert not re.search(r"\b(nan|None|Undefined)\b", card)
    assert not set(tokens_of(card)) & ACTIVE and "table_open" in tokens_of(card)


def test_it_says_what_one_needs_to_know(report_data: ReportData) -> None:
    making = replace(report_data.making, licences={"title": "apache-2.0"}, interrupted=True, cut_short=("like|hide",),
                     fingerprint="ab12")  # fmt: skip
    card = render_card(replace(report_data, making=making))
    assert "log-likelihood skill is 0.207 (95% interval 0.176 to 0.239)" in card
    assert "**Clearly better than a constant.**" in card and "gives 0.000" in card
    assert "| `title` | `all-MiniLM-L6-v2` | `apache-2.0` |" in card
    assert "| `photo` | `mobilenetv2_100 (ImageNet)` | not stated in its files |" in card
    assert "`tabular-fusion fit task.toml --preset balanced --budget 300 --seed 0`" in card
    assert (
        "The search was stopped before its end." in card and "models alone: `like|hide`." in card and "`ab12`" in card
    )
    assert "Intervals of 50% / 90% held the outcome in 51.2% / 89.3% of the rows." in card
    assert "The 10% with the highest predictions hold" in card and "drawn by chance" in card
    held = replace(report_data.schema, time="when", group="author")
    told = render_card(replace(report_data, schema=held))
    assert "the latest by `when`" in told and "with the same `author`" in told and "drawn by chance" not in told


def test_what_a_run_lacks_is_left_out(report_data: ReportData) -> None:
    empty = results_frame([RunResult("demo", "search", "catboost", "all", "holdout", "skill", error="out of memory")])
    card = render_card(ReportData("demo", Kind.BINARY, "sold", "skill", empty, Schema(()), making=Making()))
    assert "every candidate failed" in card and "None was used." in card
    unsure = replace(report_data, leaderboard=report_data.leaderboard.assign(low=-0.1))
    assert "not clearly better than predicting the same" in render_card(unsure)
    parts = render_card(report_data, parts=(report_data,))
    assert parts.count("## `clicks out of views`") == 2 and parts.count("### Score") == 2
    with pytest.raises(InputError, match="'de' was asked for"):
        render_card(report_data, "de")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_hostile_texts_stay_text(hostile_report: ReportData, language: str) -> None:
    card = render_card(hostile_report, language)
    assert not set(tokens_of(card)) & ACTIVE
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", card)
    headings = re.findall(r"^#+ ", card, re.MULTILINE)
    assert len(headings) == 1 + len(OF_TARGET) + len(OF_RUN)
    assert render_card(hostile_report, language) == card
