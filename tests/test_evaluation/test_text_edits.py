"""Edits of texts."""

from __future__ import annotations

import pytest

from evaluation import text_edits as edits

ATTRIBUTES = {"colour": "red", "material": "cotton"}


def texts(edit, text: str, language: str = "en") -> list[str]:
    return [changed for _, changed in edit(text, ATTRIBUTES, language)]


def test_shorter_texts_end_with_a_word() -> None:
    assert texts(edits.shorten, "one two, three four five six") == ["one two, three four", "one two, three", "one two"]
    assert texts(edits.shorten, "one two") == []
    assert texts(edits.shorten, "One two\n\nthree four")[0] == "One two\n\nthree"


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        (edits.drop_capitals, "WARM Coat of the USA, НОВОЕ пальто", "Warm Coat of the USA, новое пальто"),
        (edits.drop_links, "See https://a.b/c?d=1 and www.x.y now", "See and now"),
        (edits.drop_hashtags, "Coat #new #зима 5#6 &#39;", "Coat 5#6 &#39;"),
        (edits.drop_emoji, "Hot 🔥🔥 coat ❤️", "Hot coat"),
        (edits.drop_exclamations, "Buy now!!! It is warm!", "Buy now. It is warm"),
        (edits.key_words_first, "A coat for all seasons that is red", "Red A coat for all seasons that is"),
        (edits.add_attribute, "Red coat.", "Red coat, cotton"),
    ],
)
def test_each_changes_what_it_says(edit, before: str, after: str) -> None:
    assert texts(edit, before) == [after]
    assert texts(edit, after) == [] or edit is edits.key_words_first


def test_phrases_are_in_the_language_of_the_column_and_added_once() -> None:
    assert texts(edits.add_question, "Пальто", "ru") == ["Ищете что-то новое? Пальто"]
    assert texts(edits.add_call, "Coat") == ["Coat Find out more!"]
    assert texts(edits.add_question, "Who?") == [] and texts(edits.add_call, "Coat. Find out more") == []


def test_what_holds_nothing_but_links_is_left_alone() -> None:
    assert texts(edits.drop_links, "https://a.b/c") == []


def test_values_that_look_like_patterns_are_plain_text() -> None:
    found = [text for _, text in edits.key_words_first("one two three a.b(c", {"x": "a.b(c"}, "en")]
    assert found == ["A.b(c one two three"]
