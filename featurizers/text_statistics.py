"""Quantities of a text that its author can change: length, capitals, emoji, prices, lists, readability."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Column, Feature, Modality, Title, quantity_feature
from artifacts.words import WORD
from featurizers.base import Featurizer, State, Surroundings
from featurizers.calls_to_action import count_calls
from featurizers.html_text import count_list_items, count_tags
from featurizers.known_words import MAX_WORD, is_known
from featurizers.readability import readability
from featurizers.text_cleaning import clean_texts, raw_text
from featurizers.text_language import detect_language
from featurizers.text_normal import UNITS
from featurizers.text_workers import map_chunks

MAX_CHARACTERS = 100_000
SECONDS_PER_CHARACTER = 4e-7  # a rough guess, to decide whether workers pay

# quantity: English title, Russian title, unit. Units are numbers, so that they need no translation.
QUANTITIES: dict[str, tuple[str, str, str]] = {
    "is_missing": ("text is missing", "текста нет", "0/1"),
    "characters": ("number of characters", "число символов", ""),
    "words": ("number of words", "число слов", ""),
    "sentences": ("number of sentences", "число предложений", ""),
    "lines": ("number of lines", "число строк", ""),
    "word_length": ("mean word length, characters", "средняя длина слова, символов", ""),
    "sentence_length": ("mean sentence length, words", "средняя длина предложения, слов", ""),
    "capitals_share": ("share of capitals among letters", "доля заглавных среди букв", "0-1"),
    "capital_words": ("number of words in capitals", "число слов заглавными буквами", ""),
    "digits_share": ("share of digits among characters", "доля цифр среди символов", "0-1"),
    "measures": ("number of sizes, weights and volumes", "число размеров, масс и объёмов", ""),
    "prices": ("number of prices", "число цен", ""),
    "repeated_words_share": ("share of words said again", "доля повторённых слов", "0-1"),
    "repeated_marks": ("number of marks set three times or more (!!!)", "число знаков, стоящих подряд (!!!)", ""),
    "unknown_words_share": ("share of words that no dictionary has", "доля слов, которых нет в словаре", "0-1"),
    "emoji": ("number of emoji", "число эмодзи", ""),
    "questions": ("number of question marks", "число вопросительных знаков", ""),
    "exclamations": ("number of exclamation marks", "число восклицательных знаков", ""),
    "links": ("number of links", "число ссылок", ""),
    "hashtags": ("number of hashtags", "число хештегов", ""),
    "mentions": ("number of mentions", "число упоминаний", ""),
    "calls_to_action": ("number of calls to action", "число призывов к действию", ""),
    "list_items": ("number of list items", "число пунктов списков", ""),
    "html_tags": ("number of HTML tags", "число HTML-тегов", ""),
    "readability": ("ease of reading (Flesch)", "лёгкость чтения (Флеш)", "0-100"),
}
FROM_RAW = ("list_items", "html_tags")  # quantities that the tags of the raw text add to

# Each pattern is linear: neighbouring parts share no character, or are possessive.
_SENTENCE_END = re.compile(r"[.!?…。！？؟]++(?=\s|$)|\n|[。！？]")
_LINK = re.compile(r"\bhttps?://[^\s<>\"]++|\bwww\.[^\s<>\"]++", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<![\w&#])#[^\W_]\w*+")
_MENTION = re.compile(r"(?<![\w@.])@[^\W_][\w.]*+")
_DIGIT = re.compile(r"\d")
_NO_LETTER = re.compile(r"[\W\d_]++")
_REPEATED_MARK = re.compile(r"([^\w\s.])\1\1++")  # three full stops are a mark of their own
_LIST_ITEM = re.compile(r"^(?:[•·▪●◦■◆✓✔✅☑➤►▶]\ufe0f?|(?:[-–—*+]|\d{1,2}[.)]) )[^\S\n]?[^\s]", re.MULTILINE)
_PRICE = re.compile(
    r"[$€£₽¥]\s?\d|\d\s?(?:тыс\.?\s?|k)?(?:[$€£₽¥]|руб|р(?!\w)|(?:rub|usd|eur|gbp|dollars?|euros?|долл\w*|евро)(?!\w))",
    re.IGNORECASE,
)
_MEASURE = re.compile(r"(\d++)(?:[.,]\d++)?+((?:\s?[xх×*]\s?\d++(?:[.,]\d++)?+)*+)\s?([^\W\d_]++|\")?", re.IGNORECASE)
_NO_MEASURES = ("pcs", "h", "min", "month", "year", "rub")
_MEASURE_UNITS = {'"', *(s for unit, spellings in UNITS.items() if unit not in _NO_MEASURES for s in spellings)}
_YEAR = re.compile(r"(?:19|20)\d\d")
_BASE = "[\u231a\u231b\u23e9-\u23f3\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
_MODIFIER = "[\ufe0f\U0001f3fb-\U0001f3ff]"
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_BASE}{_MODIFIER}*+(?:\u200d{_BASE}{_MODIFIER}*+)*+"
)
_FIRST_EMOJI = "\u20e3"


class TextStatistics(Featurizer):
    """One block of the quantities in ``QUANTITIES``, named ``{column}__{quantity}``.

    A missing text has ``is_missing`` 1 and counts of 0; shares, means and readability are NaN where
    there is nothing to take them of. All are taken of the plain text, of its first ``MAX_CHARACTERS``
    characters, and tags of the raw text add to ``list_items`` and ``html_tags``. Readability is Flesch
    reading ease, of a text mostly in Cyrillic by Oborneva's coefficients for Russian, clipped to 0 (hard) ...
    100 (easy); it is NaN for other scripts. Words are looked up in the frequency lists of wordfreq for the
    language of the column, which ``fit`` detects; NaN for a language without a list.
    """

    name: ClassVar[str] = "statistics"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.TEXT})

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self._language: str | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn the language of the column."""
        self._language = detect_language(values)
        return self

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, number of quantities).

        Raises:
            NotFittedError: before ``fit``.
        """
        language = str(self.state().values["language"])
        name, progress = self.column.name, surroundings.progress
        texts = clean_texts(values, surroundings.audit, column=name, limit=MAX_CHARACTERS, progress=progress)
        seconds = SECONDS_PER_CHARACTER * sum(map(len, texts))
        chunks = map_chunks(partial(_measured, language), texts, seconds, progress, f"{name}: measuring texts")
        result = np.concatenate([np.empty((0, len(QUANTITIES)), dtype=np.float32), *chunks])
        items, tags = (list(QUANTITIES).index(quantity) for quantity in FROM_RAW)
        for i, value in enumerate(values):
            raw = raw_text(value)
            if "<" in raw:
                result[i, items] += count_list_items(raw)
                result[i, tags] += count_tags(raw)
        return [Block(name, self.name, self._features(), result)]

    def _features(self) -> tuple[Feature, ...]:
        return tuple(
            quantity_feature(self.column, self.name, quantity, Title(en, ru), unit=unit)
            for quantity, (en, ru, unit) in QUANTITIES.items()
        )

    def state(self) -> State:
        """The language of the column, ISO 639-1, empty if there was too little text to tell.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._language is None:
            raise NotFittedError(f"TextStatistics of column {self.column.name!r} needs fit before this.")
        return State({"language": self._language})

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._language = str(state.values["language"])
        return self


def _measured(language: str, texts: list[str]) -> NDArray[np.float32]:
    result = np.empty((len(texts), len(QUANTITIES)), dtype=np.float32)
    for i, text in enumerate(texts):
        measured = measure(text, language)
        result[i] = [measured[quantity] for quantity in QUANTITIES]
    return result


def measure(text: str, language: str) -> dict[str, float]:
    """Every quantity of one plain text in a column of a language (ISO 639-1); it has no HTML tags."""
    words = WORD.findall(text)
    lower = " ".join(words).lower().replace("ё", "е").split()
    sentences = sum(1 for piece in _SENTENCE_END.split(text) if WORD.search(piece))
    known = [is_known(word, language) for word in lower if len(word) <= MAX_WORD]
    n = len(words)
    return {
        "is_missing": float(not text),
        "characters": len(text),
        "words": n,
        "sentences": sentences,
        "word_length": _ratio(sum(map(len, words)), n),
        "sentence_length": _ratio(n, sentences),
        "repeated_words_share": _ratio(len(lower) - len(set(lower)), len(lower)),
        "unknown_words_share": _ratio(known.count(False), len(known) - known.count(None)),
        "calls_to_action": count_calls(lower),
        "readability": readability(lower, sentences),
        **_shapes(text, words),
        **_marks(text),
    }


def _shapes(text: str, words: list[str]) -> dict[str, float]:
    """Capitals, digits and what stands in digits."""
    shown = [word for word in words if not word.islower()]
    digits = len(_DIGIT.findall(text))
    letters = len(_NO_LETTER.sub("", "".join(words)))
    return {
        "capitals_share": _ratio(sum(map(str.isupper, "".join(shown))), letters),
        "capital_words": sum(1 for word in shown if len(word) > 1 and word.isupper()),
        "digits_share": _ratio(digits, len(text)),
        "measures": sum(map(_is_measure, _MEASURE.findall(text))) if digits else 0,
        "prices": len(_PRICE.findall(text)) if digits else 0,
    }


def _marks(text: str) -> dict[str, float]:
    """Signs that a reader sees at a glance. Each search that is slow is made only where it can find something."""
    may_hold_emoji = not text.isascii() and max(text) >= _FIRST_EMOJI
    return {
        "lines": text.count("\n") + bool(text),
        "repeated_marks": sum(1 for _ in _REPEATED_MARK.finditer(text)),
        "emoji": len(_EMOJI.findall(text)) if may_hold_emoji else 0,
        "questions": sum(map(text.count, "?？؟")),
        "exclamations": sum(map(text.count, "!！")),
        "links": len(_LINK.findall(text)) if "://" in text or "www." in text.lower() else 0,
        "hashtags": len(_HASHTAG.findall(text)) if "#" in text else 0,
        "mentions": len(_MENTION.findall(text)) if "@" in text else 0,
        "list_items": len(_LIST_ITEM.findall(text)),
        "html_tags": 0,
    }


def _is_measure(found: tuple[str, str, str]) -> bool:
    number, by, unit = found
    unit = unit.lower()
    return bool(by) or (unit in _MEASURE_UNITS and not (unit == "г" and _YEAR.fullmatch(number)))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
