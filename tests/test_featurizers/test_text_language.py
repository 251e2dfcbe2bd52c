from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from featurizers import known_words
from featurizers.calls_to_action import CALLS_TO_ACTION, count_calls
from featurizers.known_words import is_known, vocabulary
from featurizers.text_language import detect_language


@pytest.mark.parametrize(
    ("values", "language"),
    [
        (["A red dress for summer", "Blue cotton shirt with pockets", None], "en"),
        (["Красное летнее платье", "<p>Синяя рубашка Nike из хлопка</p>", np.nan], "ru"),
        (["Ein rotes Kleid für den Sommer", "Das blaue Hemd aus Baumwolle"], "de"),
        (["https://www.example.com/this-is-a-long-link-in-english", "Платье красное из льна и шёлка"], "ru"),
        ([None, 5, "12", ""], ""),
        ([], ""),
    ],
)
def test_language_of_a_column(values, language) -> None:
    assert detect_language(pd.Series(values, dtype=object)) == language


def test_one_foreign_text_does_not_decide() -> None:
    values = ["Красное летнее платье из хлопка"] * 50 + ["A red dress for the summer"] * 5
    assert detect_language(pd.Series(values)) == "ru"


@pytest.mark.parametrize(
    ("word", "language", "known"),
    [
        ("dress", "en", True),
        ("dress", "ru", True),
        ("платье", "en", True),
        ("kleid", "de", True),
        ("dress", "de", True),
        ("don’t", "en", True),
        ("mother's", "en", True),
        ("ёлка", "ru", True),
        ("сине-зелёный", "ru", True),
        ("gloxwib", "en", False),
        ("хрябзик", "ru", False),
        ("abc12", "en", None),
        ("漢字", "", None),
        ("漢字", "xx", None),
    ],
)
def test_known_words(word, language, known) -> None:
    assert is_known(word, language) is known


def test_vocabularies_are_small_in_memory_and_the_lists_are_let_go() -> None:
    import wordfreq

    assert vocabulary("en").dtype == np.uint64 and len(vocabulary("en")) > 200_000
    assert vocabulary("en").nbytes < 10_000_000
    assert wordfreq.get_frequency_list.cache_info().currsize == 0
    assert len(known_words.vocabulary("xx")) == 0


def test_calls_to_action_count_once_each() -> None:
    assert count_calls(["order", "now", "and", "sign", "up"]) == 2
    assert count_calls(["buy", "it", "now"]) == 1
    assert count_calls(["ссылка", "в"]) == 0 and count_calls([]) == 0


def test_every_call_to_action_is_found_as_it_is_written() -> None:
    for phrases in CALLS_TO_ACTION.values():
        assert len(set(phrases)) == len(phrases)
        for phrase in phrases:
            assert phrase == phrase.lower().replace("ё", "е")
            assert count_calls(phrase.split()) == 1, phrase
