from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers.audit_texts import audit_texts, shingles_of, text_repeats, words_of
from featurizers.base import Surroundings
from featurizers.near_duplicates import repeated

COLUMN = Column("text", Modality.TEXT, Title("Text", "Текст"))


def made_text(seed: int, words: int = 40) -> str:
    rng = np.random.default_rng(seed)
    return " ".join(f"w{number}" for number in rng.integers(0, 4000, words))


def repeats_of(texts: list[Any]) -> Any:
    return text_repeats(pd.Series(texts, dtype=object), COLUMN, Surroundings())


def test_texts_are_equal_if_their_words_are() -> None:
    repeats = repeats_of(
        [
            "Red shoes, size 38 — new!",
            "<p>red   SHOES size 38</p> new",
            "Red shoes, size 39 — new!",
            "Shoes",
            "Shoes",
            None,
        ]
    )
    assert repeats.exact.tolist() == [0, 0, 1, -1, -1, -1]
    assert repeats.near.tolist() == [0, 0, 1, -1, -1, -1]


def test_near_texts_are_found_and_others_are_not() -> None:
    texts = [made_text(i) for i in range(300)]
    changed = [" ".join("new" if i == 20 else word for i, word in enumerate(text.split())) for text in texts[:100]]
    tailed = [f"{text} Политика, 10:38" for text in texts[100:200]]
    repeats = repeats_of([*texts, *changed, *tailed])
    found = repeats.near[300:] == repeats.near[:200]
    assert found.mean() >= 0.98
    assert not repeated(repeats.near[:300]).any(), "made texts have nothing in common"


def test_titles_that_differ_in_one_word_are_different() -> None:
    repeats = repeats_of(["Puma Men Black Running Sport Shoes", "Puma Men White Running Sport Shoes"])
    assert len(set(repeats.near.tolist())) == 2


def test_findings_tell_repeats_within_and_across() -> None:
    texts = [made_text(i) for i in range(20)]
    values: pd.Series[Any] = pd.Series([*texts, texts[4], texts[6] + " tail", made_text(99)], dtype=object)
    values.index = pd.Index([f"r{i}" for i in range(20)] + ["test:0", "test:1", "test:2"])
    around = Surroundings(audit=Audit())
    audit_texts(values, COLUMN, around, 20)
    found = {finding.code: finding for finding in around.audit.findings}
    assert found["text_repeated"].rows == ("r4", "test:0")
    assert found["text_nearly_repeated"].details["groups"] == [["r6", "test:1"]]
    assert found["text_in_train"].details["groups"] == [["test:0", "r4"]]
    assert found["text_nearly_in_train"].details["groups"] == [["test:1", "r6"]]
    assert found["text_in_train"].total == 3
    assert len(found) == 4


def test_a_formula_that_many_rows_share_makes_no_test_row_a_copy() -> None:
    texts = [made_text(i) for i in range(20)]
    formula = ["The house will be finished in the fourth quarter"] * 20
    values: pd.Series[Any] = pd.Series([*texts, *formula, formula[0], texts[3]], dtype=object)
    around = Surroundings(audit=Audit())
    audit_texts(values, COLUMN, around, 40)
    found = {finding.code: finding for finding in around.audit.findings}
    assert found["text_in_train"].rows == ("41",) and found["text_everywhere"].count == 21


def test_a_text_of_many_copies_hides_no_near_repeat() -> None:
    many = [text for i in range(40) for text in [made_text(i)] * 5]
    found = audit_of([*many, made_text(500), made_text(500) + " tail"])
    assert found["text_nearly_repeated"].details["groups"] == [["200", "201"]]


def audit_of(texts: list[Any]) -> dict[str, Any]:
    around = Surroundings(audit=Audit())
    audit_texts(pd.Series(texts, dtype=object), COLUMN, around, len(texts))
    return {finding.code: finding for finding in around.audit.findings}


def test_languages_without_spaces_are_compared_by_characters() -> None:
    text = "".join(chr(0x4E00 + i * 7 % 2000) for i in range(120))
    repeats = repeats_of([text, text[:60] + "新" + text[61:], "".join(chr(0x5000 + i * 11 % 1500) for i in range(120))])
    assert repeats.near[0] == repeats.near[1] != repeats.near[2]


def test_hostile_texts_take_linear_time() -> None:
    hostile = [
        "a" * 1_000_000,
        "<" * 1_000_000,
        "a " * 500_000,
        "&#" * 500_000,
        "\ud800" * 50,
        3.5,
        b"\xff\xfe",
        [1, 2],
    ]
    started = time.perf_counter()
    repeats_of(hostile)
    assert time.perf_counter() - started < 20
    assert len(shingles_of(words_of(made_text(1, 50_000)))) <= 5_000


def test_nothing_is_found_in_nothing() -> None:
    assert repeats_of([]).near.tolist() == []
    assert repeats_of([None, float("nan"), ""]).near.tolist() == [-1, -1, -1]
