from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.finding import Audit
from featurizers.missing_parts import (
    TITLE_CHARACTERS,
    fill_missing,
    first_sentence,
    is_lacking,
    mean_length,
    title_and_body,
)


def series(values, name=None) -> pd.Series:
    return pd.Series(values, index=[f"r{i}" for i in range(len(values))], dtype=object, name=name)


def test_each_part_is_filled_from_the_other() -> None:
    titles = series(["Red dress", None, "  ", "ab", "<p>&nbsp;</p>", None, "Only title", 5.0], "title")
    bodies = series(
        [
            "A dress. Red.",
            "<p>Blue <b>shirt</b>.</p><p>Cotton.</p>",
            "One. Two.",
            "Big bag! Yes",
            "Hat",
            None,
            np.nan,
            "",
        ],
        "text",
    )
    audit = Audit()
    before = titles.copy(), bodies.copy()
    filled = fill_missing(titles, bodies, audit)
    assert list(filled.titles) == ["Red dress", "Blue shirt", "One", "Big bag", "Hat", None, "Only title", 5.0]
    assert filled.bodies["r6"] == "Only title" and filled.bodies["r5"] is None and filled.bodies["r7"] == ""
    assert list(filled.flags["title_from_body"]) == [False, True, True, True, True, False, False, False]
    assert list(filled.flags["body_from_title"]) == [False] * 6 + [True, False]
    assert filled.titles.index.equals(titles.index) and filled.titles.name == "title" and filled.bodies.name == "text"
    pd.testing.assert_series_equal(titles, before[0])
    pd.testing.assert_series_equal(bodies, before[1])
    found = {finding.column: finding for finding in audit.findings}
    assert found["title"].rows == ("r1", "r2", "r3", "r4") and found["text"].rows == ("r6",)
    assert "taken from text" in found["title"].in_language("en") and "взяты из title" in found["text"].in_language("ru")


def test_full_cells_stay_the_same_objects_and_nothing_is_said() -> None:
    raw = "<b>Title</b> here"
    audit = Audit()
    filled = fill_missing(series([raw]), series(["A body text"]), audit)
    assert filled.titles.iat[0] is raw and not audit.findings and not filled.flags.to_numpy().any()
    assert len(fill_missing(series([]), series([])).titles) == 0


@pytest.mark.parametrize(
    ("value", "lacking"),
    [
        (None, True),
        ("", True),
        ("ab", True),
        ("abc", False),
        ("a-b", True),
        ("! …", True),
        ("<b>ab</b>", True),
        (12, True),
    ],
)
def test_what_counts_as_missing(value, lacking) -> None:
    assert is_lacking(value) is lacking


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Hello there. More", "Hello there"),
        ("v. 2.5 is out! New", "2.5 is out"),
        ("first line\nsecond", "first line"),
        ("<ul><li>Хлопок</li><li>Лён</li></ul>", "Хлопок"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_first_sentence(text, sentence) -> None:
    assert first_sentence(text) == sentence


def test_a_long_sentence_is_cut_at_a_word() -> None:
    cut = first_sentence("word " * 200)
    assert len(cut) <= TITLE_CHARACTERS and cut.endswith("word")
    assert first_sentence("x" * 1_000) == "x" * TITLE_CHARACTERS


@pytest.mark.parametrize("piece", ["<", ".", "a.", "<p>", "&", "\n", ". ", "! a"])
def test_hostile_text_takes_little_time(piece) -> None:
    start = time.process_time()
    text = (piece * 10_000_000)[:10_000_000]
    is_lacking(text)
    first_sentence(text)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("lengths", "pair"),
    [
        ({"title": 40.0, "description": 600.0}, ("title", "description")),
        ({"description": 600.0, "caption": 40.0, "author": 12.0, "Title": 45.0}, ("Title", "description")),
        ({"a": 10.0, "b": 30.0}, ("a", "b")),
        ({"a": 11.0, "b": 30.0}, None),
        ({"a": 10.0}, None),
        ({"a": 0.0, "b": 30.0}, None),
        ({"a": float("nan"), "b": 30.0}, None),
        ({}, None),
    ],
)
def test_title_and_body_by_length(lengths, pair) -> None:
    assert title_and_body(lengths) == pair


def test_mean_length_is_of_plain_filled_texts() -> None:
    assert mean_length(series(["<b>four</b>", None, "eight ch", ""])) == 6.0
    assert mean_length(series([None])) == 0.0 and mean_length(series([])) == 0.0
