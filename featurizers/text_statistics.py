"""Quantities of a text that its author can change: length, capitals, emoji, questions, readability."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from artifacts.feature_table import Block
from artifacts.schema import Feature, Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.html_text import count_tags
from featurizers.text_cleaning import MAX_RAW_CHARACTERS, as_text, clean_texts

MAX_CHARACTERS = 100_000

# quantity: English title, Russian title, unit. Units are numbers, so that they need no translation.
QUANTITIES: dict[str, tuple[str, str, str]] = {
    "is_missing": ("text is missing", "текста нет", "0/1"),
    "characters": ("number of characters", "число символов", ""),
    "words": ("number of words", "число слов", ""),
    "sentences": ("number of sentences", "число предложений", ""),
    "word_length": ("mean word length, characters", "средняя длина слова, символов", ""),
    "sentence_length": ("mean sentence length, words", "средняя длина предложения, слов", ""),
    "capitals_share": ("share of capitals among letters", "доля заглавных среди букв", "0-1"),
    "digits_share": ("share of digits among characters", "доля цифр среди символов", "0-1"),
    "repeated_words_share": ("share of words said again", "доля повторённых слов", "0-1"),
    "emoji": ("number of emoji", "число эмодзи", ""),
    "questions": ("number of question marks", "число вопросительных знаков", ""),
    "exclamations": ("number of exclamation marks", "число восклицательных знаков", ""),
    "links": ("number of links", "число ссылок", ""),
    "hashtags": ("number of hashtags", "число хештегов", ""),
    "mentions": ("number of mentions", "число упоминаний", ""),
    "html_tags": ("number of HTML tags", "число HTML-тегов", ""),
    "readability": ("ease of reading (Flesch)", "лёгкость чтения (Флеш)", "0-100"),
}

# Each pattern is linear: neighbouring parts share no character, or are possessive.
_WORD = re.compile(r"[^\W_]++(?:['’\-][^\W_]++)*+")
_SENTENCE_END = re.compile(r"[.!?…。！？؟]++(?=\s|$)|\n|[。！？]")
_LINK = re.compile(r"\bhttps?://[^\s<>\"]++|\bwww\.[^\s<>\"]++", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<![\w&#])#[^\W_]\w*+")
_MENTION = re.compile(r"(?<![\w@.])@[^\W_][\w.]*+")
_BASE = "[\u231a\u231b\u23e9-\u23f3\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
_MODIFIER = "[\ufe0f\U0001f3fb-\U0001f3ff]"
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_BASE}{_MODIFIER}*+(?:\u200d{_BASE}{_MODIFIER}*+)*+"
)
_ENGLISH_SYLLABLE = re.compile(r"[aeiouyàâäéèêëïîôöùûüœæ]++")
_SILENT_E = re.compile(r"[^aeiouyl\W]e(?:s|d)?$")
_RUSSIAN_SYLLABLE = re.compile(r"[аеёиоуыэюя]")
_CYRILLIC = re.compile(r"[а-яё]")
_LATIN = re.compile(r"[a-zà-ÿ]")


class TextStatistics(Featurizer):
    """One block of the quantities in ``QUANTITIES``, named ``{column}__{quantity}``.

    A missing text has ``is_missing`` 1 and counts of 0; shares, means and readability are NaN where
    there is nothing to take them of. All but ``html_tags`` are taken of the plain text, of its first
    ``MAX_CHARACTERS`` characters. Readability is Flesch reading ease, of a text mostly in Cyrillic
    by Oborneva's coefficients for Russian, clipped to 0 (hard) ... 100 (easy); it is NaN for other
    scripts.
    """

    name: ClassVar[str] = "statistics"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.TEXT})

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Nothing is learned."""
        return self

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, number of quantities)."""
        texts = clean_texts(values, surroundings.audit, column=self.column.name, limit=MAX_CHARACTERS)
        result = np.empty((len(texts), len(QUANTITIES)), dtype=np.float32)
        for i, (value, text) in enumerate(zip(values, texts, strict=True)):
            measured = measure(text)
            measured["html_tags"] = count_tags(as_text(value)[:MAX_RAW_CHARACTERS])
            result[i] = [measured[quantity] for quantity in QUANTITIES]
        return [Block(self.column.name, self.name, self._features(), result)]

    def _features(self) -> tuple[Feature, ...]:
        return tuple(
            quantity_feature(self.column, self.name, quantity, Title(en, ru), unit=unit)
            for quantity, (en, ru, unit) in QUANTITIES.items()
        )

    def state(self) -> State:
        """Empty: nothing is learned."""
        return State()

    def restore(self, state: State) -> Self:
        """Nothing to take over."""
        return self


def measure(text: str) -> dict[str, float]:
    """Every quantity of one plain text but ``html_tags``."""
    words = _WORD.findall(text)
    lower = [word.lower() for word in words]
    letters = sum(map(str.isalpha, text))
    sentences = sum(1 for piece in _SENTENCE_END.split(text) if _WORD.search(piece))
    n = len(words)
    return {
        "is_missing": float(not text),
        "characters": len(text),
        "words": n,
        "sentences": sentences,
        "word_length": _ratio(sum(map(len, words)), n),
        "sentence_length": _ratio(n, sentences),
        "capitals_share": _ratio(sum(map(str.isupper, text)), letters),
        "digits_share": _ratio(sum(map(str.isdigit, text)), len(text)),
        "repeated_words_share": _ratio(n - len(set(lower)), n),
        "emoji": len(_EMOJI.findall(text)),
        "questions": sum(map(text.count, "?？؟")),
        "exclamations": sum(map(text.count, "!！")),
        "links": len(_LINK.findall(text)),
        "hashtags": len(_HASHTAG.findall(text)),
        "mentions": len(_MENTION.findall(text)),
        "readability": readability(lower, sentences),
    }


def readability(words: list[str], sentences: int) -> float:
    """Flesch reading ease, 0 (hard) to 100 (easy), of lower-case words; NaN where it is not defined.

    English: 206.835 - 1.015 words/sentence - 84.6 syllables/word. Russian (Oborneva, 2006):
    206.835 - 1.3 words/sentence - 60.1 syllables/word.
    """
    joined = " ".join(words)
    cyrillic, latin = len(_CYRILLIC.findall(joined)), len(_LATIN.findall(joined))
    if not sentences or not max(cyrillic, latin):
        return float("nan")
    if cyrillic >= latin:
        spoken = [word for word in words if _CYRILLIC.search(word)]
        syllables = sum(max(1, len(_RUSSIAN_SYLLABLE.findall(word))) for word in spoken)
        score = 206.835 - 1.3 * len(spoken) / sentences - 60.1 * syllables / len(spoken)
    else:
        spoken = [word for word in words if _LATIN.search(word)]
        score = 206.835 - 1.015 * len(spoken) / sentences - 84.6 * sum(map(_syllables, spoken)) / len(spoken)
    return min(100.0, max(0.0, score))


def _syllables(word: str) -> int:
    return max(1, len(_ENGLISH_SYLLABLE.findall(word)) - bool(_SILENT_E.search(word)))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
