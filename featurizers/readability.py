"""How easy a text is to read, by the lengths of its words and sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

MAX_WORD = 40  # characters of a word that is remembered

_ENGLISH_SYLLABLE = re.compile(r"[aeiouyàâäéèêëïîôöùûüœæ]++")
_SILENT_E = re.compile(r"[^aeiouyl\W]e(?:s|d)?$")
_RUSSIAN_SYLLABLE = re.compile(r"[аеёиоуыэюя]")
_CYRILLIC = re.compile(r"[а-яё]")
_LATIN = re.compile(r"[a-zà-ÿ]")


def readability(words: Sequence[str], sentences: int) -> float:
    """Flesch reading ease, 0 (hard) to 100 (easy), of words in small letters; NaN where it is not defined.

    English: 206.835 - 1.015 words/sentence - 84.6 syllables/word. Russian (Oborneva, 2006):
    206.835 - 1.3 words/sentence - 60.1 syllables/word. The script of most letters decides which;
    words without a letter of it are not counted.
    """
    facts = [_facts(word) if len(word) <= MAX_WORD else _counted(word) for word in words]
    of_cyrillic, of_latin, russian, english = zip(*facts, strict=True) if facts else ((), (), (), ())
    cyrillic, latin = sum(of_cyrillic), sum(of_latin)
    if not sentences or not max(cyrillic, latin):
        return float("nan")
    if cyrillic >= latin:
        n = len(words) - of_cyrillic.count(0)
        score = 206.835 - 1.3 * n / sentences - 60.1 * sum(russian) / n
    else:
        n = len(words) - of_latin.count(0)
        score = 206.835 - 1.015 * n / sentences - 84.6 * sum(english) / n
    return float(min(100.0, max(0.0, score)))


def _counted(word: str) -> tuple[int, int, int, int]:
    """Cyrillic letters, Latin letters, Russian and English syllables; a word with letters has one at least."""
    cyrillic, latin = len(_CYRILLIC.findall(word)), len(_LATIN.findall(word))
    russian = max(1, len(_RUSSIAN_SYLLABLE.findall(word))) if cyrillic else 0
    english = max(1, len(_ENGLISH_SYLLABLE.findall(word)) - bool(_SILENT_E.search(word))) if latin else 0
    return cyrillic, latin, russian, english


_facts = lru_cache(maxsize=100_000)(_counted)
