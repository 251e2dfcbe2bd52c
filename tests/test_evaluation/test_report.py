from __future__ import annotations

import base64
import html.parser
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from artifacts.errors import InputError
from artifacts.run_result import RunResult, results_frame
from artifacts.schema import Column, Kind, Modality, Schema, Title
from evaluation import texts
from evaluation.class_scores import KINDS as KINDS_WITH_CLASSES
from evaluation.report import SECTIONS, render_report
from evaluation.report_data import ReportData
from evaluation.sections.errors import thumbnail
from evaluation.sections.scales import Scale, padded
from evaluation.texts import TEXTS
from evaluation.wording import MAX_TEXT, Wording, neutral, with_unit

ESCAPED = (
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&lt;img src=x onerror=alert(1)&gt;",
    "=HYPERLINK(&#34;https://example.org/x",
    "{{ 7 * 7 }}",
    "abc�gnp.exe��",
    "a�b�c��",
    "&lt;/style&gt;",
)


VOID = {"meta", "img", "br"}


class Checker(html.parser.HTMLParser):
    """Tags must nest; collects elements with their attributes, and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def check_page(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert not checker.open
    ids = [attrs["id"] for _, attrs in checker.seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs in checker.seen:
        assert tag not in ("script", "iframe", "object", "embed", "link", "base", "form", "foreignobject")
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert all(
            attrs[name].startswith(("data:image/jpeg;base64,", "#")) for name in ("src", "href") if name in attrs
        )
    assert not re.search(r"url\(|@import", page)
    return checker


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_every_section_in_both_languages(
    make_report: Callable[..., ReportData], kind: Kind, language: str
) -> None:
    page = render_report(make_report(kind, 200), language)
    checker = check_page(page)
    headings = [attrs["id"] for tag, attrs in checker.seen if tag == "section"]
    without = {"residuals"} if kind in KINDS_WITH_CLASSES else {"classes", "confused"}
    without |= set() if kind in (Kind.MULTICLASS, Kind.MULTILABEL) else {"class_sources"}
    wanted = [name for name in SECTIONS if name not in without]
    assert headings == wanted
    assert all(TEXTS[name][language] in page for name in wanted)
    assert TEXTS["association"][language] in page
    assert ">nan<" not in page and "None" not in page and "Undefined" not in page


@pytest.mark.parametrize("language", ["en", "ru"])
def test_parts_follow_under_their_own_targets(make_report: Callable[..., ReportData], language: str) -> None:
    part = replace(make_report(Kind.CONVERSION, 100), target="hides / <views>")
    whole = replace(make_report(Kind.REGRESSION, 100), target="sum", importance=None, dose_responses=())
    checker = check_page(render_report(whole, language, (part, part)))
    ids = [attrs["id"] for tag, attrs in checker.seen if tag == "section"]
    assert ids[:2] == ["headline", "leaderboard"] and "made" in ids and "factors" not in ids
    assert {"part-1-factors", "part-2-distribution"} <= set(ids) and "part-1-made" not in ids
    assert {attrs["href"][1:] for tag, attrs in checker.seen if tag == "a"} == set(ids) - {"headline"}
    assert render_report(part, language).count("hides / &lt;views&gt;") >= 1


def test_the_headline_puts_the_score_beside_the_constant(report_data: ReportData) -> None:
    page = render_report(report_data)
    assert "log-likelihood skill is 0.207 (95% interval 0.176 to 0.239)" in page
    assert "Clearly better than a constant" in page and "Failed: MissingDependencyError" in page
    assert "On 700 held-out rows" in page
    assert "0,207" in render_report(report_data, "ru")
    lower = replace(report_data, higher_is_better=False, chosen=None)
    assert lower.best() is not None and "Worse than a constant" in render_report(lower)
    unsure = report_data.leaderboard.assign(low=-0.1)
    assert "Not clearly better than a constant" in render_report(replace(report_data, leaderboard=unsure))


def test_rates_say_what_their_intervals_held_and_classes_how_each_is_found(
    make_report: Callable[..., ReportData],
) -> None:
    rates = render_report(make_report(Kind.CONVERSION))
    assert "Intervals of 50% / 90% held the outcome in 51.2% / 89.3% of the rows." in rates
    assert "expected calibration error" in rates and "Classes one by one" not in rates
    classes = make_report(Kind.MULTICLASS)
    page = render_report(classes)
    assert classes.class_scores is not None and set(classes.class_scores["class"]) >= {"sneakers", "boots"}
    for name in ("sneakers", "boots"):
        assert f"<bdi>{name}</bdi></th>" in page
    assert "Most often taken for" in page
    labels = render_report(make_report(Kind.MULTILABEL))
    assert "Classes one by one" in labels and "Most often taken for" not in labels
    many = pd.concat([classes.class_scores] * 100, ignore_index=True)
    assert "more are not shown" in render_report(replace(classes, class_scores=many))


def test_a_measure_beside_the_leaderboard_has_its_interval(make_report: Callable[..., ReportData]) -> None:
    found = {"skill": {"score": 0.912, "low": 0.881, "high": 0.934}}
    page = render_report(replace(make_report(Kind.MULTICLASS), beside=found))
    assert "0.912" in page and "0.881 to 0.934" in page


def test_equal_data_give_an_equal_page_of_bounded_size(
    report_data: ReportData, make_report: Callable[..., ReportData], make_leaderboard: Callable[..., pd.DataFrame]
) -> None:
    page = render_report(report_data)
    assert page == render_report(make_report())
    assert len(report_data.leaderboard) > 60 and page.count("data:image/jpeg;base64,") >= 6
    assert len(page.encode("utf-8")) < 1_000_000
    many = replace(report_data, leaderboard=make_leaderboard(Kind.BINARY, 3000), findings=report_data.findings * 2000)
    assert len(render_report(many).encode("utf-8")) < 5_000_000


@pytest.mark.parametrize("language", ["en", "ru"])
def test_hostile_texts_are_shown_and_do_nothing(
    hostile_report: ReportData, hostile_texts: tuple[str, ...], language: str
) -> None:
    page = render_report(hostile_report, language)
    check_page(page)
    for text in hostile_texts[:3] + hostile_texts[7:9]:
        assert text not in page
    for text in ESCAPED:
        assert text in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert "x" * (MAX_TEXT + 1) not in page
    page.encode("utf-8")
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in page


def test_features_of_photo_and_text_together_have_a_share_of_their_own(report_data: ReportData) -> None:
    shares = report_data.importance
    assert shares is not None
    leader = shares.query("level == 'view'")["name"].iloc[0]
    joint = shares.replace({"name": {leader: "joint"}, "view": {leader: "joint"}})
    data = replace(report_data, importance=joint)
    for language, words in (("en", "photo and text together"), ("ru", "фото и текст вместе")):
        page = render_report(data, language)
        check_page(page)
        assert page.count(words) >= 3 and f'<i class="key joint"></i>{words}' in page, "in the bar and both legends"
        assert words not in render_report(report_data, language)
    assert "leans most on how photos and texts go together" in render_report(data)


def test_texts_inside_a_nested_column_have_its_title_before_their_own(report_data: ReportData) -> None:
    card = Column("card", Modality.NESTED, Title("Card", "Карточка"))
    data = replace(report_data, schema=Schema((card,)))
    assert data.source_title("card") == card.title
    assert data.source_title("card.about") == Title("Card: about", "Карточка: about")
    assert data.source_title("card.*").ru == "Карточка: прочий текст"
    assert data.source_title("cards.about") == Title("cards.about", "cards.about")


def test_what_a_run_lacks_is_said(report_data: ReportData) -> None:
    empty = results_frame([RunResult("demo", "search", "catboost", "all", "holdout", "skill", error="out of memory")])
    bare = ReportData("demo", Kind.BINARY, "sold", "skill", empty, Schema(()), not_explained="the back end has none")
    page = render_report(bare)
    check_page(page)
    assert "every candidate failed" in page and "the back end has none" in page and "Nothing was found wrong" in page
    flat = replace(report_data, importance=report_data.importance.assign(share=0.0), dose_responses=())
    assert "predicts the same for every row" in render_report(flat)
    with pytest.raises(InputError, match="no row of the metric 'auc'"):
        replace(bare, metric="auc")
    with pytest.raises(InputError, match="one of \\['en', 'ru'\\]"):
        render_report(bare, "de")


def test_texts_have_both_languages_and_equal_fields() -> None:
    for key, text in TEXTS.items():
        assert set(text) == {"en", "ru"} and all(text.values()), key
        assert len({tuple(sorted(re.findall(r"\{(\w+)\}", t))) for t in text.values()}) == 1, key
    assert set(SECTIONS) <= set(TEXTS)


def test_thumbnails_are_small_jpegs_without_metadata() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    Image.new("RGB", (900, 300), "red").save(buffer, "JPEG", exif=exif)
    uri = thumbnail(buffer.getvalue())
    assert uri is not None and uri.startswith("data:image/jpeg;base64,")
    small = base64.b64decode(uri.partition(",")[2])
    opened = Image.open(io.BytesIO(small))
    assert opened.size == (160, 53) and b"secret" not in small
    assert thumbnail(b"<svg onload=alert(1)>") is None and thumbnail(buffer.getvalue()[:200]) is None
    bomb = io.BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    assert thumbnail(bomb.getvalue()) is None


def test_numbers_in_words() -> None:
    en, ru = Wording("en"), Wording("ru")
    assert [en.number(v) for v in (0.0, 1234567.0, -0.01234, 12.0, float("nan"))] == [
        "0", "1\u202f234\u202f567", "−0.0123", "12", "–",
    ]  # fmt: skip
    assert ru.number(1.5) == "1,5" and ru.percent(0.123) == "12\u00a0%" and en.percent(0.0001) == "<0.1%"
    assert en.percent(1.0) == "100%" and en.number(2.5, sign=True) == "+2.5" and en.score(0.00123) == "0.0012"
    assert en.duration(90) == "90 s" and ru.duration(600) == "10 мин"
    assert neutral("a\tb\nc\u202e" + "y" * 999).startswith("a b c�") and len(neutral("y" * 999)) == MAX_TEXT


def test_ranges_of_values_are_no_units() -> None:
    assert with_unit("0.4", "0-1") == with_unit("0.4", "-1-1") == with_unit("0.4", "0/1") == "0.4"
    assert with_unit("3", "kg") == "3\u202fkg" and with_unit("3", "") == "3"


def test_scales() -> None:
    assert Scale(0, 10, 0, 100).ticks(5) == [0, 2, 4, 6, 8, 10] and Scale(0, 10, 0, 100)(20) == 100
    assert Scale(100, 9000, 0, 100, log=True).ticks(4) == [100, 300, 1000, 3000]
    assert padded([float("nan")], 0, 1)(0.5) == 0.5 and Scale(3, 3, 0, 10)(3) == 5
    assert padded([2.0], 0, 1).low < 2.0 < padded([2.0], 0, 1).high


def test_no_text_hides_another_of_the_same_key() -> None:
    import importlib

    parts = {
        "texts_advice": "ADVICE_TEXTS", "texts_card": "CARD_TEXTS", "texts_checks": "CHECK_TEXTS",
        "texts_clusters": "CLUSTER_TEXTS", "texts_compare": "COMPARE_TEXTS",
        "texts_errors": "ERRORS_TEXTS", "texts_groups": "GROUP_TEXTS", "texts_row": "ROW_TEXTS",
        "texts_views": "VIEWS_TEXTS", "audit_wording": "AUDIT_TEXTS",
    }  # fmt: skip
    own = re.findall(r'^    "(\w+)": \{', Path(texts.__file__).read_text(encoding="utf-8"), re.MULTILINE)
    keys = [
        *own,
        *(key for file, name in parts.items() for key in getattr(importlib.import_module(f"evaluation.{file}"), name)),
    ]
    assert len(keys) == len(set(keys)) > 400
