"""The page of advice: both languages, hostile texts, and what is said of nothing."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from artifacts.advice_report import Advice, AdviceReport, Observed, Verdict
from artifacts.errors import InputError
from artifacts.schema import Kind, Title
from evaluation.advice_lines import advice_lines
from evaluation.advice_page import BEFORE, natural_interval, observed_in_words, render_advice
from evaluation.wording import Wording

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=1>\x1b[31m\u202e{{ 7 * 7 }}'


def advice(text: str = "Shorten") -> Advice:
    observed = Observed(40, 0.02, -0.01, 0.05, Title(text, text), 12.0, 7.0)
    return Advice("shorten", "title", Title(text, text), Verdict.GIVEN, 0.4, 0.2, 0.6, 0.1, 0.14, 0.05, 1, observed,
                  text, text)  # fmt: skip


def report(text: str = "Shorten", kind: Kind = Kind.CONVERSION) -> AdviceReport:
    photo = replace(advice(text), column="photo", edit="brighten", observed=Observed(), was="", becomes="")
    withheld = {"unseen": 3, "unsure": 1, "placebo": 2, "worse": 4}
    return AdviceReport(text, kind, "log-odds", 0.1, (advice(text), photo), withheld, text, together=(advice(), photo))


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_page_says_it_all(language: str) -> None:
    pictures = {BEFORE: jpeg(), "photo|brighten": jpeg()}
    page = render_advice(report(), language, titles={"title": "Заголовок"}, pictures=pictures)
    assert page.count("data:image/jpeg") == 2 and "Заголовок" in page and "40" in page
    assert not re.search(r"https?://|<script|\{\{", page)
    promise = {"en": "not a promise", "ru": "не обещание"}[language]
    assert promise in page and len(re.findall(r"<li>", page)) == 4 + 2


def test_hostile_texts_do_nothing() -> None:
    page = render_advice(report(HOSTILE), "en", titles={"title": HOSTILE, "photo": HOSTILE})
    assert "<script" not in page and "<img src=x" not in page and "\u202e" not in page and "\x1b" not in page
    assert "49" not in re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    assert not [line for line in advice_lines(report(HOSTILE), "en", {}) if "\x1b" in line or "\u202e" in line]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_placebo_test_is_said_with_what_it_withheld(language: str) -> None:
    tested = replace(report(), n_versions=5, n_placebos=19)
    none = replace(tested, withheld={})
    for one, withheld in ((tested, 2), (none, 0)):
        said = {"en": f"Withheld for this alone: {withheld}.", "ru": f"лишь по этой причине: {withheld}."}[language]
        lines = [*advice_lines(one, language, {})]
        assert any(said in line for line in lines) and said in render_advice(one, language)
        assert {"en": "It is not a promise.", "ru": "Это не обещание."}[language] in lines[-1]
    assert {"en": "at most 1 of them", "ru": "не более 1 из них"}[language] in render_advice(tested, language)


def test_what_was_observed_says_what_was_compared() -> None:
    say = Wording("en")
    words = observed_in_words(report(), advice(), say)
    assert "in 40 pairs" in words and "“Shorten” is near 7" in words and "near 12" in words and "+2 points" in words
    flag = replace(advice(), observed=replace(advice().observed, before=np.nan, after=np.nan))
    assert "with “Shorten” the outcome differs by" in observed_in_words(report(), flag, say)
    few = replace(advice(), observed=Observed(quantity=Title("Words", "Слова")))
    assert "Too few rows with and without it (“Words”)" in observed_in_words(report(), few, say)
    assert "No single quantity" in observed_in_words(report(), replace(advice(), observed=Observed()), say)


def test_a_draw_of_many_rows_is_said() -> None:
    drawn = replace(report(), n_rows=200, n_all=480)
    assert "200 rows as they are, drawn from 480" in next(advice_lines(drawn, "en", {}))
    assert "drawn" not in next(advice_lines(replace(drawn, n_all=200), "en", {}))


def test_no_advice_is_said() -> None:
    empty = AdviceReport("row", Kind.REGRESSION, "units", 3.0, (), {})
    assert "There is no advice" in render_advice(empty)
    assert [*advice_lines(empty, "ru", {})][1].startswith("Нет советов")
    with pytest.raises(InputError, match=r"one of \['en', 'ru'\]"):
        render_advice(empty, "xx")


def test_intervals_are_around_the_prediction_before() -> None:
    low, high = natural_interval(report(), advice())
    assert 0 < low < advice().gain < high < 0.1
    number = replace(advice(), before=10.0, after=10.4)
    assert natural_interval(report(kind=Kind.REGRESSION), number) == (0.2, 0.6)
    apart = replace(advice(), before=0.5, after=0.52, n_rows=20)  # half of the rows near 0, half near 1
    assert natural_interval(report(), apart) == pytest.approx((0.01, 0.03))


def test_a_report_is_json() -> None:
    data = json.loads(json.dumps(report().to_json(), allow_nan=False))
    assert data["advice"][0]["title"] == {"en": "Shorten", "ru": "Shorten"} and data["kind"] == "conversion"
    assert data["advice"][1]["observed"]["difference"] is None and np.isclose(data["prediction"], 0.1)
