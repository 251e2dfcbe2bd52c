"""Texts by the words and letter groups in them: TF-IDF and SVD, for any language and without weights."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Column, Modality, opaque_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.stop_words import stop_words
from featurizers.text_cleaning import clean_texts
from featurizers.text_language import detect_language
from featurizers.text_normal import normal_forms
from featurizers.text_workers import map_chunks

MAX_CHARACTERS = 20_000  # of a text; words behind are not looked at
LETTER_CHARACTERS = 1_000  # of a text, for letter groups: they tell titles and word forms, and cost the most
MAX_TERMS = {"words": 20_000, "letters": 20_000}
FIT_CHARACTERS = 2_000_000  # of all texts together; more are thinned out evenly
SECONDS_PER_CHARACTER = 2e-7  # to normalise; a rough guess, to decide whether workers pay

_WORD = r"(?u)\d+(?:[.x]\d+)+|[^\W_]+(?:['’\-][^\W_]+)*"


class TextLexical(Featurizer):
    """TF-IDF of words (1-2) and of letter groups (3-5), reduced by truncated SVD to one opaque block.

    Works for any script that separates words; for others the letter groups carry it. At most
    ``components`` dimensions, fewer for few distinct texts; no block at all if training holds
    fewer than two distinct texts, or no letter. A missing text, and one without any known word or
    letter group, is a row of zeros. State is vocabularies and arrays, ready to be read by a person.

    Texts are counted in their ``normal_form``: glued numbers apart, sizes and repeated marks in one spelling.
    ``drop_stop_words`` leaves out the stop words of the column's language, which ``fit`` detects; frequent
    words weigh little anyway, and no gain was measured, so it is off.
    """

    name: ClassVar[str] = "lexical"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.TEXT})

    def __init__(self, column: Column, components: int = 64, drop_stop_words: bool = False) -> None:
        super().__init__(column)
        self.components = components
        self.drop_stop_words = drop_stop_words
        self._language = ""
        self._stop_words: frozenset[str] = frozenset()
        self._state: State | None = None
        self._vectorizers: dict[str, Any] = {}

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn vocabularies, their weights and the components from the distinct texts of training."""
        self._language = detect_language(values) if self.drop_stop_words else ""
        self._stop_words = stop_words(self._language)
        texts = self._texts(values, surroundings)
        distinct = _thinned(sorted({text for text in texts if text}))
        vocabularies, counts = {}, {}
        for part in MAX_TERMS:
            vocabularies[part], counts[part] = _learn(part, distinct)
        n_terms = sum(map(len, vocabularies.values()))
        n = min(self.components, max(2, len(distinct) // 4), len(distinct) - 1, n_terms - 1)
        if n < 1:
            return self.restore(self._state_of({part: [] for part in MAX_TERMS}, {}))
        arrays = {f"idf_{part}": _idf(matrix) for part, matrix in counts.items()}
        arrays["components"] = _components(_weighted(counts, arrays), n, surroundings.seed)
        return self.restore(self._state_of(vocabularies, arrays))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One opaque block, float32 (n_samples, at most ``components``), or none.

        Raises:
            NotFittedError: before ``fit``.
        """
        arrays = self.state().arrays
        texts = self._texts(values, surroundings)
        if "components" not in arrays:
            return []
        codes, distinct = pd.factorize(np.array(texts, dtype=object))
        components = arrays["components"]
        result = np.empty((len(texts), len(components)), dtype=np.float32)
        if len(texts):
            weighted = _weighted({part: self._counts(part, list(distinct)) for part in MAX_TERMS}, arrays)
            used = np.unique(weighted.indices)  # one text has few of the terms
            result[:] = (weighted[:, used] @ np.ascontiguousarray(components[:, used].T))[codes]
        return [Block(self.column.name, self.name, opaque_features(self.column, self.name, result.shape[1]), result)]

    def state(self) -> State:
        """Language, stop words and vocabularies as lists; idf and components (n_components, n_terms) as float32.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"TextLexical of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        self._language = state.values["language"]
        self._stop_words = frozenset(state.values["stop_words"])
        self._vectorizers = {
            part: _vectorizer(part, vocabulary=terms) for part, terms in state.values["vocabularies"].items() if terms
        }
        return self

    def _state_of(self, vocabularies: dict[str, list[str]], arrays: dict[str, NDArray[Any]]) -> State:
        dropped = {"language": self._language, "stop_words": sorted(self._stop_words)}
        return State({**dropped, "vocabularies": vocabularies}, arrays)

    def _texts(self, values: pd.Series[Any], surroundings: Surroundings) -> list[str]:
        name, progress = self.column.name, surroundings.progress
        texts = clean_texts(values, surroundings.audit, column=name, limit=MAX_CHARACTERS, progress=progress)
        seconds = SECONDS_PER_CHARACTER * sum(map(len, texts))
        chunks = map_chunks(
            partial(normal_forms, self._stop_words), texts, seconds, progress, f"{name}: normalising texts"
        )
        return [text for chunk in chunks for text in chunk]

    def _counts(self, part: str, texts: list[str]) -> Any:
        return self._vectorizers[part].transform(_cut(part, texts)) if part in self._vectorizers else _no_terms(texts)


def _cut(part: str, texts: list[str]) -> list[str]:
    return [text[:LETTER_CHARACTERS] for text in texts] if part == "letters" else texts


def _thinned(texts: list[str]) -> list[str]:
    """Every k-th text, so that fitting takes seconds however many there are."""
    total = sum(map(len, texts))
    return texts[:: max(1, -(-total // FIT_CHARACTERS))]


def _vectorizer(part: str, **settings: Any) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    how = {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": _WORD}
    if part == "letters":
        how = {"analyzer": "char_wb", "ngram_range": (3, 5)}
    return CountVectorizer(lowercase=False, dtype=np.float32, **how, **settings)


def _learn(part: str, texts: list[str]) -> tuple[list[str], Any]:
    """Terms in alphabetical order, and how often each text has them (CSR, n_texts x n_terms).

    A term must stand in two texts at least, unless there are few texts.
    """
    vectorizer = _vectorizer(part, max_features=MAX_TERMS[part], min_df=2 if len(texts) >= 20 else 1)
    try:
        counts = vectorizer.fit_transform(_cut(part, texts))
    except ValueError:  # sklearn's answer where there is no term, or none that stands in two texts
        return [], _no_terms(texts)
    return list(vectorizer.get_feature_names_out()), counts


def _no_terms(texts: list[str]) -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix((len(texts), 0), dtype=np.float32)


def _idf(counts: Any) -> NDArray[np.float32]:
    """Smoothed inverse document frequency of each term."""
    present = np.bincount(counts.indices, minlength=counts.shape[1])
    idf: NDArray[np.float32] = (np.log((1 + counts.shape[0]) / (1 + present)) + 1).astype(np.float32)
    return idf


def _weighted(counts: dict[str, Any], arrays: Any) -> Any:
    """TF-IDF with logarithmic counts; words and letter groups each of length 1, side by side (CSR)."""
    from scipy.sparse import hstack
    from sklearn.preprocessing import normalize

    parts = []
    for part, matrix in counts.items():
        if not matrix.shape[1]:
            continue
        weighted = matrix.copy()
        weighted.data = (1 + np.log(weighted.data)) * arrays[f"idf_{part}"][weighted.indices]
        parts.append(normalize(weighted, copy=False))
    return hstack(parts, format="csr", dtype=np.float32)


def _components(matrix: Any, n: int, seed: int) -> NDArray[np.float32]:
    """The strongest directions (n_components, n_terms); those without any strength are left out."""
    from sklearn.decomposition import TruncatedSVD

    with np.errstate(invalid="ignore", divide="ignore"):  # texts without any variance have no explained share of it
        svd = TruncatedSVD(n, random_state=seed).fit(matrix)
    strong = svd.singular_values_ > 1e-4 * svd.singular_values_[0]
    return np.ascontiguousarray(svd.components_[strong], dtype=np.float32)
