from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.finding import Audit
from featurizers import text_cleaning
from featurizers.html_text import count_tags
from featurizers.text_cleaning import MAX_RAW_CHARACTERS, as_text, clean_texts, plain_text


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("", ""),
        ("Just a title", "Just a title"),
        ("<p>Hello <b>wor</b>ld &amp; co</p><p>next</p>", "Hello world & co\nnext"),
        ("one<br/>two<BR>three", "one\ntwo\nthree"),
        ('a <a href="x" title="b > c">link</a>', "a link"),
        ("5 < 6 and y <3 & z", "5 < 6 and y <3 & z"),
        ("<script>alert('<b>')</script>tail", "tail"),
        ("<STYLE type='a'>p {}</sTyLe >tail<script>never closed", "tail"),
        ("<script/>kept", "kept"),
        ("before<!-- hidden <b> -->after", "beforeafter"),
        ("before<!-- hidden to the end", "before"),
        ("<!DOCTYPE html><?xml x?>text", "text"),
        ("a <b unclosed", "a <b unclosed"),
        ("&lt;b&gt; &#1087; &#x43f; &nbsp;x&unknown;", "<b> п п x&unknown;"),
        ("zero\u200bwidth\ufeff soft\u00adhyphen \x00nul", "zerowidth softhyphen nul"),
        ("שלום \u202eעולם", "שלום עולם"),
        ("👨‍👩‍👧 family", "👨‍👩‍👧 family"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("&#xd800;", "\ufffd"),
        ("  many \t spaces \r\n\r\n and lines ", "many spaces\nand lines"),
    ],
)
def test_plain_text(html, plain) -> None:
    assert plain_text(html) == plain
    plain_text(html).encode()


@pytest.mark.parametrize(
    "piece",
    ["<", "<!--", "<a ", '<a "', "<a '\"<", "<a\"'", "<script>", "</script ", "&", "&#9", "<![", " \n", "</", "<svg/>"],
)
def test_hostile_text_takes_linear_time(piece) -> None:
    def seconds(n: int) -> float:
        text = (piece * n)[:n]
        start = time.process_time()
        plain_text(text)
        count_tags(text)
        return time.process_time() - start

    assert seconds(1_000_000) < 40 * max(seconds(100_000), 0.02)


def test_endless_references_do_not_fail() -> None:
    assert plain_text("a&#" + "9" * 100_000 + ";b&#x" + "f" * 100_000 + ";c") == "a b c"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (np.nan, ""),
        (pd.NA, ""),
        (pd.NaT, ""),
        (5, "5"),
        (5.0, "5"),
        (np.float32(2.5), "2.5"),
        (float("inf"), "inf"),
        (True, "True"),
        (b"\xd0\xbf\xff", "п\ufffd"),
        (["a", 1], "['a', 1]"),
        ("\udfff", "\ufffd"),
    ],
)
def test_any_cell_becomes_text(value, text) -> None:
    assert as_text(value) == text


def test_tags_are_counted() -> None:
    assert count_tags("<p>a<br/>b</p><!-- <i> --> 1 < 2 <!DOCTYPE x>") == 4


def test_missing_and_cut_texts_are_found() -> None:
    audit = Audit()
    values = pd.Series(["short", None, "<p></p>", "long " * 300_000], index=list("abcd"))
    texts = clean_texts(values, audit, column="title", limit=10)
    assert texts == ["short", "", "", "long long "]
    found = {finding.code: finding for finding in audit.findings}
    assert found["text_missing"].rows == ("b", "c") and found["text_missing"].total == 4
    assert found["text_truncated"].rows == ("d",) and "first 10 characters" in found["text_truncated"].in_language("en")


@pytest.mark.parametrize(
    ("misread", "meant"),
    [
        ("РџСЂРёРІРµС‚, РјРёСЂ", "Привет, мир"),
        ("ÐŸÐ»Ð°Ñ‚ÑŒÐµ", "Платье"),
        ("â€œquotedâ€\x9d cafÃ©", "“quoted” café"),
        ("ðŸ˜€ smile", "😀 smile"),
        ("<p>5Â°C</p>", "5°C"),
    ],
)
def test_text_read_in_a_wrong_encoding_is_read_again(misread, meant) -> None:
    assert plain_text(misread) == meant


@pytest.mark.parametrize(
    "text",
    ["PÃO DE QUEIJO", "Сёстры и РОСАТОМ", "São Paulo – “Ä”", "naïve café", "Français à Noël", "Rock ’n’ Roll — №5 °C"],
)
def test_text_that_was_read_well_stays(text) -> None:
    assert plain_text(text) == text


@pytest.mark.parametrize(
    "piece", ["Ð¿", "Ã", "â€", "Рµ", "ÃƒÂ©", "<a a1 ", "<b a=1><p>x", "<div>", "вЂ", "<![CDATA[", "\x1c"]
)
def test_hostile_repairs_take_little_time(piece) -> None:
    start = time.process_time()
    for n in (19_999, 1_000_000):
        plain_text((piece * n)[:n])
    assert time.process_time() - start < 2


def test_a_column_read_again_is_not_cleaned_again(monkeypatch) -> None:
    monkeypatch.setattr(text_cleaning, "_MEMO", text_cleaning._Memo())
    values = pd.Series(["<b>one</b>", None, "two", 5, 2.5], index=list("abcde"), dtype=object)
    first = clean_texts(values, Audit(), column="title", limit=100)
    monkeypatch.setattr(text_cleaning, "plain_text", lambda text: "never")
    audit = Audit()
    assert clean_texts(values.copy(), audit, column="title", limit=2) == [text[:2] for text in first]
    assert [finding.code for finding in audit.findings] == ["text_missing", "text_truncated"]
    changed = values.copy()
    changed["c"] = "three"
    assert clean_texts(changed, Audit(), column="title", limit=100) == ["never"] * 5


def test_equal_values_of_other_types_are_not_taken_for_one_another() -> None:
    for values, texts in (([1, 0], ["1", "0"]), ([True, False], ["True", "False"]), ([1.0, 0.0], ["1", "0"])):
        assert clean_texts(pd.Series(values, dtype=object), Audit(), column="c", limit=9) == texts


def test_cells_that_can_change_are_cleaned_each_time() -> None:
    cell = ["a"]
    values = pd.Series([None], dtype=object)
    values.iat[0] = cell
    assert clean_texts(values, Audit(), column="c", limit=99) == ["['a']"]
    cell.append("b")
    assert clean_texts(values, Audit(), column="c", limit=99) == ["['a', 'b']"]


def test_the_memo_is_bounded(monkeypatch) -> None:
    memo = text_cleaning._Memo()
    monkeypatch.setattr(text_cleaning, "MEMO_CHARACTERS", 100)
    memo.keep(["a" * 30], ["a" * 30])
    memo.keep(["b" * 15], ["b" * 15])
    assert memo.find(["a" * 30]) and memo.find(["b" * 15])
    memo.keep(["c" * 30], ["c" * 30])
    assert memo.find(["c" * 30]) and memo.find(["b" * 15]) and not memo.find(["a" * 30])
    memo.keep(["d" * 200], ["d" * 200])
    assert not memo.find(["d" * 200])


def test_a_picture_inside_html_hides_no_text() -> None:
    cell = f'<p><img src="data:image/png;base64,{"iVBORw0KGgo" * 6_000}"></p><p>Warm winter boots, size 42</p>'
    audit = Audit()
    assert clean_texts(pd.Series([cell]), audit, column="text", limit=100) == ["Warm winter boots, size 42"]
    assert not audit.findings


def test_a_long_text_is_not_cut_inside_a_tag() -> None:
    cell = "word " * (MAX_RAW_CHARACTERS // 5 - 1) + '<img alt="' + "a" * 100 + '"> and more'
    audit = Audit()
    (text,) = clean_texts(pd.Series([cell]), audit, column="text", limit=100_000)
    assert text.endswith("word") and "<" not in text
    (finding,) = audit.findings
    assert finding.code == "text_truncated" and f"{MAX_RAW_CHARACTERS}" in str(finding.details)
