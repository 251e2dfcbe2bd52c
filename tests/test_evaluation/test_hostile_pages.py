"""Hostile texts in every place of every page but the report, which has its own: nothing of them becomes markup."""

from __future__ import annotations

import base64
import hashlib
import html
import html.parser
import re
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from evaluation.advice_lines import advice_lines
from evaluation.advice_page import render_advice
from evaluation.audit_lines import audit_lines
from evaluation.audit_page import render_audit
from evaluation.cluster_page import render_clusters
from evaluation.compare_page import render_comparison
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.row_lines import row_lines
from evaluation.row_page import render_row
from evaluation.wording import Wording

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def sibling(name: str) -> ModuleType:
    """The builders of another test file."""
    spec = spec_from_file_location(f"hostile_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ADVICE, AUDIT, ROW = (sibling(f"test_{name}_page") for name in ("advice", "audit", "row"))
CLUSTERS, COMPARE = (sibling(f"test_{name}_page") for name in ("cluster", "compare"))

PAGES: dict[str, Callable[[str], str]] = {
    "advice": lambda text: render_advice(ADVICE.report(text), "ru", titles={"title": text, "photo": text}),
    "audit": lambda text: render_audit(AUDIT.report(text, text), "ru"),
    "row": lambda text: render_row(ROW.explanation(text, text), "en"),
    "clusters": lambda text: render_clusters(CLUSTERS.make_report(text), "en"),
    "compare": lambda text: render_comparison(COMPARE.comparison(2, text, text), "ru"),
}


class Markup(html.parser.HTMLParser):
    """Elements and the names of their attributes, in order: what a text must not change."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, *(name for name, _ in attrs)))
        assert all((value or "").startswith(("#", "data:image/")) for name, value in attrs if name in ("href", "src"))


@pytest.mark.parametrize("name", list(PAGES))
def test_markup_is_the_same_whatever_a_text_holds(name: str, hostile_texts: tuple[str, ...]) -> None:
    plain = Markup(PAGES[name]("harmless text")).seen
    kinds = set(plain)
    for text in hostile_texts:
        page = PAGES[name](text)
        assert not CONTROLS.search(page), text
        page.encode("utf-8")
        seen = Markup(page).seen
        assert set(seen) <= kinds, text
        if name != "row":  # a text of another length is written in other pieces
            assert len(seen) == len(plain), text


@pytest.mark.parametrize("name", [*PAGES, "report"])
def test_every_page_forbids_all_but_its_own_style(name: str, report_data: ReportData) -> None:
    page = render_report(report_data, "en") if name == "report" else PAGES[name]("harmless text")
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert policy is not None, "no policy"
    assert not re.search("<(?!meta|!DOCTYPE|html|head)", page[: policy.start()]), "something comes before it"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert html.unescape(policy[1]) == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_lines_of_a_terminal_are_printable(hostile_texts: tuple[str, ...]) -> None:
    for text in hostile_texts:
        lines = [
            *advice_lines(ADVICE.report(text), "en", {"title": text, "photo": text}),
            *audit_lines(AUDIT.report(text, text), "ru"),
            *row_lines(ROW.explanation(text, text), Wording("en")),
        ]
        assert not [line for line in lines if CONTROLS.search(line)], text
