"""Changes of a text that its author could make in a minute. Each takes a text and gives changed ones with titles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from artifacts.schema import Title

Changed = Iterator[tuple[Title, str]]

SHARES = (0.75, 0.5, 0.3)  # of the words that are left
LEAST_WORDS = 2
LONGEST_ADDED = 60  # characters of an attribute

QUESTIONS = {"en": "Looking for something new?", "ru": "Ищете что-то новое?"}  # of goods and of posts alike
CALLS = {"en": "Find out more!", "ru": "Узнайте больше!"}
_LINK = re.compile(r"\bhttps?://[^\s<>\"]+|\bwww\.[^\s<>\"]+", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<![\w&#])#[^\W_]\w*")
_EMOJI = re.compile("[\u231a\u231b\u23e9-\u23f3\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001faff][\ufe0f\u200d]*")
_MARKS = re.compile(r"([!?])[!?]+")
_SPACES = re.compile(r"[^\S\n]{2,}")
_WORD = re.compile(r"[^\W\d_]{2,}")


def shorten(text: str, _: Mapping[str, str], __: str) -> Changed:
    """Cut at the end of a word to shares of the words."""
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    seen = set()
    for share in SHARES:
        n = max(LEAST_WORDS, round(share * len(ends)))
        if n < len(ends) and n not in seen:
            seen.add(n)
            yield (
                Title(f"Shorten to {share:.0%} of its words", f"Сократить до {100 * share:.0f} % слов"),
                text[: ends[n - 1]].rstrip(",;:-–— "),  # its lines stay
            )


def key_words_first(text: str, attributes: Mapping[str, str], _: str) -> Changed:
    """What the text says of the row's own attributes moves to its start."""
    for name, value in attributes.items():
        found = re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE) if value.strip() else None
        if found and found.start() > len(text) // 3:
            rest = _tidy(text[: found.start()] + text[found.end() :])
            moved = f"{found[0][:1].upper()}{found[0][1:]} {rest}"
            yield Title(f"Begin with what it says of “{name}”", f"Начать с того, что сказано о «{name}»"), moved


def drop_capitals(text: str, _: Mapping[str, str], __: str) -> Changed:
    """Words in capitals become ordinary ones; abbreviations of up to three letters stay."""
    lowered = _WORD.sub(lambda found: found[0].lower() if len(found[0]) > 3 and found[0].isupper() else found[0], text)
    if lowered != text:
        yield Title("Write without capitals", "Писать не заглавными"), lowered[:1].upper() + lowered[1:]


def drop_links(text: str, _: Mapping[str, str], __: str) -> Changed:
    """Without links."""
    yield from _without(text, _LINK, Title("Remove the links", "Убрать ссылки"))


def drop_hashtags(text: str, _: Mapping[str, str], __: str) -> Changed:
    """Without hashtags."""
    yield from _without(text, _HASHTAG, Title("Remove the hashtags", "Убрать хештеги"))


def drop_emoji(text: str, _: Mapping[str, str], __: str) -> Changed:
    """Without emoji."""
    yield from _without(text, _EMOJI, Title("Remove the emoji", "Убрать эмодзи"))


def drop_exclamations(text: str, _: Mapping[str, str], __: str) -> Changed:
    """Exclamation marks become full stops, and go at the end of a line."""
    changed = re.sub(r"!+(?=\s*$)", "", _MARKS.sub(r"\1", text), flags=re.MULTILINE).replace("!", ".")
    if changed != text:
        yield Title("Remove the exclamation marks", "Убрать восклицательные знаки"), changed


def add_question(text: str, _: Mapping[str, str], language: str) -> Changed:
    """A question at the start, where there is none."""
    question = QUESTIONS[language]
    if "?" not in text:
        title = Title(f"Begin with a question (“{question}”)", f"Начать с вопроса («{question}»)")
        yield title, f"{question} {text}".rstrip()


def add_call(text: str, _: Mapping[str, str], language: str) -> Changed:
    """A call to action at the end."""
    call = CALLS[language]
    if call.rstrip("!").lower() not in text.lower():
        title = Title(f"End with a call to action (“{call}”)", f"Закончить призывом («{call}»)")
        yield title, f"{text.rstrip()} {call}".lstrip()


def add_attribute(text: str, attributes: Mapping[str, str], _: str) -> Changed:
    """An attribute of the row that its text does not name."""
    for name, value in attributes.items():
        if value.strip() and len(value) <= LONGEST_ADDED and value.lower() not in text.lower():
            title = Title(f"Say “{name}” in the text", f"Указать в тексте «{name}»")
            yield title, f"{text.rstrip(' .')}, {value}" if text.strip() else value


def _without(text: str, pattern: re.Pattern[str], title: Title) -> Changed:
    changed = _tidy(pattern.sub(" ", text))
    if pattern.search(text) and changed:
        yield title, changed


def _tidy(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" ,")
