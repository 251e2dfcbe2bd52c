"""Whether a word is one that people use: in the frequency lists of wordfreq."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

MAX_WORD = 40  # characters; what is longer is no word, and is not to be asked for, as answers are remembered

# Names of goods are English in texts of any language, so English counts for words in Latin letters.
_LATIN = re.compile(r"[a-zà-ÿ]")
_CYRILLIC = re.compile(r"[а-яё]")
_CYRILLIC_LANGUAGES = frozenset({"ru", "uk", "bg", "mk"})  # that have a list


@lru_cache(maxsize=100_000)
def is_known(word: str, language: str) -> bool | None:
    """Whether a word in small letters is in the list of ``language``, or of the language of its letters.

    Latin letters are looked up in English, too, Cyrillic ones in Russian unless the language is another
    one written in them. A hyphenated word is known if its parts are. None where there is no list
    to look in, or the word has digits.
    """
    letters = word.replace("-", "").replace("'", "").replace("’", "")
    if not letters.isalpha():
        return None
    lists = [vocabulary(name) for name in _languages(word, language)]
    if not any(map(len, lists)):
        return None
    return all(any(_holds(words, part) for words in lists) for part in (word.split("-") if "-" in word else (word,)))


@cache
def vocabulary(language: str) -> NDArray[np.uint64]:
    """Sorted hashes of all words of the largest list of a language; empty if there is none.

    The list itself takes tens of megabytes for English and over a hundred for Russian, and is let go.
    """
    import wordfreq

    if language not in wordfreq.available_languages("best"):  # else it takes a language that is near, and says so
        return np.empty(0, dtype=np.uint64)
    buckets = wordfreq.get_frequency_list(language, "best")
    hashes = np.array([_hash(word) for bucket in buckets for word in bucket], dtype=np.uint64)
    wordfreq.get_frequency_list.cache_clear()
    return np.sort(hashes)


def _languages(word: str, language: str) -> tuple[str, ...]:
    if _CYRILLIC.search(word):
        return (language,) if language in _CYRILLIC_LANGUAGES else ("ru",)
    if _LATIN.search(word):
        return ("en",) if language in _CYRILLIC_LANGUAGES or language in ("en", "") else (language, "en")
    return (language,) if language else ()


def _holds(words: NDArray[np.uint64], word: str) -> bool:
    spellings = {word.replace("’", "'"), word.replace("ё", "е"), word.split("'")[0].split("’")[0]}
    for spelling in spellings:
        at = int(np.searchsorted(words, np.uint64(_hash(spelling))))
        if at < len(words) and int(words[at]) == _hash(spelling):
            return True
    return False


def _hash(word: str) -> int:
    from xxhash import xxh3_64_intdigest

    return int(xxh3_64_intdigest(word))
