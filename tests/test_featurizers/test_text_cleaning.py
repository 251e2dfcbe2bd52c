from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.finding import Audit
from featurizers.text_cleaning import as_text, clean_texts, count_tags, plain_text


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
