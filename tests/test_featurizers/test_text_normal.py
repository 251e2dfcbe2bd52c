from __future__ import annotations

import time

import pytest

from featurizers.stop_words import KEPT, stop_words
from featurizers.text_normal import UNITS, normal_form, normal_forms


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", ""),
        ("iPhone12Pro 256GB", "iphone 12 pro 256 gb"),
        ("Шампунь 100мл и 1,5 л.", "шампунь 100 ml и 1.5 l"),
        ("10 х 20 х 30см, 10×20, 10x20", "10x20x30 cm 10x20 , 10x20"),
        ("СУПЕР!!!!!! Ооочень", "супер! очень"),
        ("soooo cool, good", "so cool, good"),
        ("XXXL, III, www", "xxxl, iii, www"),
        ("see https://www.Shop.ru/a?b=1#c now", "see shop.ru now"),
        ("ＷＩＤＥ ёлка", "wide елка"),
        ("Набор 5 шт. по 250 гр.", "набор 5 pcs по 250 g"),
        ("size M, in time", "size m, in time"),
    ],
)
def test_one_spelling(text, form) -> None:
    assert normal_form(text) == form
    assert normal_form(form) == form or "," in form


def test_units_stay_as_written_where_asked() -> None:
    assert normal_form("100мл", same_units=False) == "100 мл"
    assert normal_forms(frozenset({"и"}), ["100мл и 5 Л"]) == ["100 мл 5 л"]


def test_no_spelling_has_two_units() -> None:
    spellings = [spelling for all_ in UNITS.values() for spelling in all_]
    assert len(spellings) == len(set(spellings))
    assert all(spelling == spelling.casefold().replace("ё", "е") for spelling in spellings)


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        (
            "en",
            "this is not for the children without a helmet size s m l us",
            "not for children without helmet size s m l",
        ),
        ("ru", "это не для детей и без сахара, размер м", "не для детей без сахара, размер м"),
    ],
)
def test_stop_words_go_and_what_matters_stays(language, text, left) -> None:
    assert normal_form(text, stop_words(language)) == left


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_exception_is_a_stop_word_of_the_list(language) -> None:
    """A misspelt exception would protect nothing."""
    import stopwordsiso

    listed = {word.casefold().replace("ё", "е") for word in stopwordsiso.stopwords(language)}
    kept = set(KEPT[language].split())
    assert len(kept & listed) > 0.8 * len(kept)
    assert not kept & stop_words(language)


def test_a_language_without_a_list_has_no_stop_words() -> None:
    assert stop_words("") == stop_words("xx") == frozenset()
    assert "und" in stop_words("de")


@pytest.mark.parametrize("piece", ["!", "а", "1", "10x", "1,", "a1", "www.", "https://", "x", "1 x ", "!?"])
def test_hostile_text_takes_linear_time(piece) -> None:
    def seconds(n: int) -> float:
        start = time.process_time()
        normal_form((piece * n)[:n], stop_words("en"))
        return time.process_time() - start

    assert seconds(200_000) < 40 * max(seconds(20_000), 0.05)


def test_one_character_that_stands_for_many_does_not_blow_up() -> None:
    start = time.process_time()
    normal_form("ﷺ" * 20_000)
    assert time.process_time() - start < 4
