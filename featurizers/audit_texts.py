"""The audit of a column of texts: which repeat each other, word for word or nearly, and which cross a split."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from artifacts.schema import Column
from featurizers.base import Surroundings
from featurizers.near_duplicates import clusters_of_pairs, near_pairs, numbered
from featurizers.repeats import Repeats, report_repeats
from featurizers.text_cleaning import plain_text, raw_text

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

LEAST_WORDS = 4  # a shorter text repeats by chance, as the word "Shoes" does
SHINGLE = 3  # words
CHARACTERS = 6  # of a shingle where words are not set apart by spaces
LONGEST_WORD = 24  # characters on average; beyond, words are not set apart by spaces
LEAST_SHINGLES = 8  # a text with fewer differs as a whole when one word does
MOST_SHINGLES = 5_000  # what lies behind is not compared
NEAR = 0.7  # of the Jaccard similarity of shingles, as estimated: two headlines that differ in a short tail

_N_HASHES = 125
_SEED = 1  # of the hashes: which texts nearly repeat is a fact of the table, whatever a run's seed
_BANDS = 25  # of 5 hashes: a pair of similarity 0.8 shares one with probability 0.9999, one of 0.7 with 0.99
_WORD = re.compile(r"\w+")
_PART = 4096  # rows compared at once


def audit_texts(values: pd.Series[Any], column: Column, surroundings: Surroundings, n_train: int) -> Repeats:
    """Add which texts of a column repeat each other, and tell the clusters; arguments as for ``audit_photos``."""
    repeats = text_repeats(values, column, surroundings)
    report_repeats(repeats, values.index, column, n_train, surroundings.audit, "text")
    return repeats


def text_repeats(values: pd.Series[Any], column: Column, surroundings: Surroundings) -> Repeats:
    """Clusters of equal texts, and of texts that share two thirds of their word triples.

    Texts are equal if their words are: letter case, punctuation, spaces and HTML do not count. Those under
    ``LEAST_WORDS`` words belong to no cluster. Near repeats are found by MinHash (Broder 1997; datasketch) in buckets
    of equal bands; each text is hashed once and not kept.
    """
    n = len(values)
    keys = np.zeros(n, dtype=np.uint64)
    known = np.zeros(n, dtype=bool)
    rows: list[int] = []
    signatures: list[NDArray[np.uint32]] = []
    seen: set[int] = set()
    sign = _signer()
    with surroundings.progress.task(f"{column.title.en}: comparing texts", float(n)) as advance:
        for row, value in enumerate(values.tolist()):
            words = words_of(value)
            if len(words) >= LEAST_WORDS or _unspaced(words):
                key = xxhash.xxh3_64_intdigest(" ".join(words).encode("utf-8"))
                keys[row], known[row] = key, True
                if key not in seen:
                    seen.add(key)
                    signature = sign(words)
                    if signature is not None:
                        rows.append(row)
                        signatures.append(signature)
            if row % _PART == _PART - 1:
                advance(float(_PART))
    exact = np.full(n, -1, dtype=np.int64)
    exact[known] = numbered(keys[known])
    return Repeats(exact, _joined(exact, np.array(rows, dtype=np.int64), signatures))


def words_of(value: Any) -> list[str]:
    """The words of a cell in lower case, without HTML and punctuation."""
    return _WORD.findall(plain_text(raw_text(value)).casefold())


def shingles_of(words: list[str]) -> set[str]:
    """Triples of words, or runs of characters where words are not set apart; at most ``MOST_SHINGLES`` of them."""
    words = words[: MOST_SHINGLES + SHINGLE - 1]
    if _unspaced(words):
        text = "".join(words)[: MOST_SHINGLES + CHARACTERS - 1]
        return {text[i : i + CHARACTERS] for i in range(len(text) - CHARACTERS + 1)}
    return {" ".join(triple) for triple in zip(words, words[1:], words[2:], strict=False)}


def _unspaced(words: list[str]) -> bool:
    """Whether these are no words but sentences, written without spaces as in Chinese."""
    return bool(words) and sum(map(len, words)) > LONGEST_WORD * len(words)


def _signer() -> Any:
    """A function from words to a signature, uint32 (_N_HASHES,), or None for a text that is too short."""
    from datasketch import MinHash

    hasher = MinHash(num_perm=_N_HASHES, seed=_SEED, hashfunc=xxhash.xxh32_intdigest)

    def sign(words: list[str]) -> NDArray[np.uint32] | None:
        shingles = shingles_of(words)
        if len(shingles) < LEAST_SHINGLES:
            return None
        hasher.clear()
        hasher.update_batch([shingle.encode("utf-8") for shingle in shingles])
        return np.asarray(hasher.hashvalues, dtype=np.uint32)

    return sign


def _joined(exact: Int, rows: Int, signatures: list[NDArray[np.uint32]]) -> Int:
    """Clusters of ``exact``, joined where the rows that stand for them are nearly alike."""
    if len(rows) < 2:
        return exact
    signed = np.stack(signatures)

    def alike(one: Int, other: Int) -> Bool:
        close = np.empty(len(one), dtype=bool)
        for start in range(0, len(one), _PART):
            part = slice(start, start + _PART)
            close[part] = (signed[one[part]] == signed[other[part]]).mean(axis=1) >= NEAR
        return close

    hashes = signed.reshape(len(signed), _BANDS, -1)
    bands = np.zeros((len(signed), _BANDS), dtype=np.uint64)
    for i in range(hashes.shape[2]):
        bands = (bands ^ hashes[:, :, i]) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing; it wraps around
    order = signed[:, 0].astype(np.uint64) << np.uint64(32) | signed[:, 1].astype(np.uint64)
    joined = clusters_of_pairs(near_pairs(bands, order, alike), len(rows))
    codes = np.arange(exact.max() + 1) + len(rows)  # texts that are not compared keep their own cluster
    codes[exact[rows]] = joined
    near = exact.copy()
    near[exact >= 0] = numbered(codes[exact[exact >= 0]])
    return near
