"""Every kind of page in a browser: narrow and wide, light and dark, on paper, by keyboard. One browser for all."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from artifacts.schema import Kind
from evaluation.advice_page import BEFORE, render_advice
from evaluation.audit_page import render_audit
from evaluation.cluster_page import render_clusters
from evaluation.compare_page import render_comparison
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.row_page import render_row

MOST_BYTES = 5_000_000
PAPER = 690  # CSS pixels between the margins of A4

WIDE = """(() => { const width = document.documentElement.clientWidth;
  const found = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > width + 1
    && (matchMedia('print').matches || !e.closest('.scroll')) && !e.closest('svg *'));
  return [document.documentElement.scrollWidth - width, ...found.slice(0, 4).map(e => e.tagName + '.' + e.className)];
})()"""
DRAWN = r"""(() => { const bad = [];
  for (const e of document.querySelectorAll('img')) if (!e.naturalWidth) bad.push('img');
  for (const d of document.querySelectorAll('details')) d.open = true;
  for (const e of document.querySelectorAll('svg')) {
    const box = e.getBoundingClientRect();
    const parts = [...e.querySelectorAll('rect, circle, line, polyline, polygon, path')];
    const sizes = parts.map(p => p.getBoundingClientRect());
    const empty = parts.length && !sizes.some(s => s.width > 0 || s.height > 0);
    if (!(box.width > 0 && box.height > 0) || empty) bad.push(e.outerHTML.slice(0, 120));
  }
  for (const e of document.querySelectorAll('polyline, polygon'))
    if (/nan|none|inf/i.test(e.getAttribute('points'))) bad.push(e.outerHTML.slice(0, 120));
  return bad;
})()"""
# Contrast by WCAG 2.1: relative luminance of the text and of what lies behind it.
FAINT = r"""(() => {
  const parse = text => [...(text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number), 1].slice(0, 4);
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const linear = v => v / 255 <= .03928 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
  const behind = e => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const faint = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    const shown = walk.currentNode.data.trim() && e.getClientRects().length;
    if (!shown || e.closest('title, script, style, #headline > h2')) continue;
    const style = getComputedStyle(e), back = behind(e), size = parseFloat(style.fontSize);
    const ink = over(parse(e.closest('svg') ? style.fill : style.color), back);
    const [a, b] = [light(ink), light(back)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    const large = size >= 24 || size >= 18.6 && style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) faint.add(`${e.tagName}.${e.getAttribute('class') || ''} ${ratio.toFixed(2)}`);
  }
  return [...faint].slice(0, 8);
})()"""
# What could act: nothing of it may come out of a text.
ACTIVE = r"""(() => {
  const elements = /^(script|iframe|object|embed|link|base|form|input|foreignobject)$/i;
  const acts = a => /^on|^style$|^srcset$/i.test(a.name)
    || /^(src|href|xlink:href)$/i.test(a.name) && !/^(#|data:image\/jpeg;base64,)/.test(a.value);
  return [...document.querySelectorAll('*')].filter(e => elements.test(e.tagName) || [...e.attributes].some(acts))
    .map(e => e.outerHTML.slice(0, 80));
})()"""
FOCUSABLE = """[...document.querySelectorAll('a[href], summary, [tabindex]')].filter(e => e.getClientRects().length
  && !e.closest('details:not([open]) > :not(summary)')).length"""
FOCUSED = """(() => { const e = document.activeElement; if (!e || e === document.body) return null;
  const s = getComputedStyle(e); window.order = window.order || new Map();
  if (!window.order.has(e)) window.order.set(e, window.order.size);
  return [window.order.get(e), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]; })()"""


def sibling(name: str) -> ModuleType:
    """The builders of another test file."""
    spec = spec_from_file_location(f"pages_of_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def advice(hostile: bool = False) -> str:
    built = sibling("test_advice_page")
    pictures = {BEFORE: built.jpeg(), "photo|brighten": built.jpeg()}
    return render_advice(built.report(built.HOSTILE) if hostile else built.report(), "ru", pictures=pictures)


def audit(hostile: bool = False) -> str:
    built = sibling("test_audit_page")
    return render_audit(built.report(built.HOSTILE, built.HOSTILE) if hostile else built.report(), "ru")


def row(hostile: bool = False) -> str:
    built = sibling("test_row_page")
    return render_row(built.explanation(built.HOSTILE, built.HOSTILE) if hostile else built.explanation(), "ru")


PAGES: dict[str, Callable[[], str]] = {
    "audit": audit,
    "audit_hostile": lambda: audit(hostile=True),
    "row": row,
    "row_hostile": lambda: row(hostile=True),
    "advice": advice,
    "advice_hostile": lambda: advice(hostile=True),
    "clusters": lambda: render_clusters(sibling("test_cluster_page").make_report(), "ru"),
    "compare": lambda: render_comparison(sibling("test_compare_page").comparison(1), "ru"),
    "compare_tasks": lambda: render_comparison(sibling("test_compare_page").comparison(4), "en"),
}
HOSTILE_REPORTS = ("hostile_report", "hostile_classes")
KINDS = {f"report_{kind.value}": kind for kind in Kind}


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest, make_report: Callable[..., ReportData]) -> Callable[[str], str]:
    def rendered(name: str) -> str:
        if name in HOSTILE_REPORTS:
            return render_report(request.getfixturevalue(name), "ru")
        if name in KINDS:
            conversion = KINDS[name] is Kind.CONVERSION
            data = request.getfixturevalue("report_data") if conversion else make_report(KINDS[name], 200)
            return render_report(data, "ru" if len(name) % 2 else "en")
        return PAGES[name]()

    return rendered


@pytest.mark.parametrize("name", [*KINDS, *HOSTILE_REPORTS, *PAGES])
def test_a_page_can_be_read_anywhere(browser: Any, page: Callable[[str], str], tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.html"
    file.write_text(page(name), encoding="utf-8")
    assert file.stat().st_size <= MOST_BYTES
    browser.look(390)
    browser.open(file)
    assert browser.run("getComputedStyle(document.body).margin") == "0px", "the policy lets its own style in"
    assert browser.run(WIDE) == [0], "nothing lies to the right of a phone's screen"
    assert browser.run(ACTIVE) == []
    assert browser.run(DRAWN) == []
    assert browser.run(WIDE) == [0], "with all details open, too"
    for width, scheme in ((390, "light"), (390, "dark"), (1200, "dark")):
        browser.look(width, scheme=scheme)
        assert (scheme, browser.run(FAINT)) == (scheme, [])
    assert browser.run(WIDE) == [0]
    browser.look(PAPER, media="print")
    assert browser.run(WIDE) == [0], "nothing is cut off on paper"
    assert browser.run(FAINT) == []
    said = [event for event in browser.events if event.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled")]
    assert not said and not [event for event in browser.events if event.get("method") == "Runtime.exceptionThrown"]
    asked = {
        event["params"]["request"]["url"].split(":")[0]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    }
    assert asked <= {"file", "data"}


@pytest.mark.parametrize("name", ["report_conversion", "compare_tasks", "row"])
def test_everything_is_reached_by_keyboard(browser: Any, page: Callable[[str], str], tmp_path: Path, name: str) -> None:
    (tmp_path / "page.html").write_text(page(name), encoding="utf-8")
    browser.look(1200)
    browser.open(tmp_path / "page.html")
    n = browser.run(FOCUSABLE)
    assert n > 3
    seen: list[Any] = []
    for _ in range(n):
        browser.press_tab()
        seen.append(browser.run(FOCUSED))
    assert [one and one[0] for one in seen] == list(range(n)), "each once, in order"
    assert all(one[1] for one in seen), "and it is seen where one is"


def test_paper_has_what_was_folded_away(browser: Any, page: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(page("report_conversion"), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    browser.look(PAPER, media="print")
    folded = "[...document.querySelectorAll('details table')].filter(e => !e.checkVisibility()).length"
    assert browser.run("document.querySelectorAll('details table').length") > 2 and browser.run(folded) == 0
    printed = browser.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]
    assert printed.startswith("JVBERi") and len(printed) > 50_000


def test_the_checks_see_what_is_wrong(browser: Any, tmp_path: Path) -> None:
    """Each check on a page that fails it."""
    (tmp_path / "page.html").write_text(
        "<!DOCTYPE html><body style='margin:0;background:#fff'><div style='width:500px'>wide</div>"
        "<p style='color:#999;width:90px'>faint</p><svg width=10 height=10><rect width='0' height='0'/></svg>"
        "<img src='data:image/png;base64,AA'><a href='#x' style='outline:none;color:#000'>unseen</a>"
        "<p onclick='x()'></p><img src='http://nowhere.invalid/x.png' width=1><script>console.log('said')</script>"
    )
    browser.look(390)
    browser.open(tmp_path / "page.html")
    assert browser.run(WIDE)[0] == 110 and browser.run(WIDE)[1] == "DIV."
    assert len(browser.run(ACTIVE)) == 8, "five styles, a handler, two sources that are no JPEG, a script"
    assert len(browser.run(DRAWN)) == 3 and browser.run(FAINT) == ["P. 2.85"]
    browser.press_tab()
    assert browser.run(FOCUSED) == [0, False]
    methods = [event.get("method") for event in browser.events]
    assert "Runtime.consoleAPICalled" in methods and "Log.entryAdded" in methods
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    assert "http://nowhere.invalid/x.png" in asked
