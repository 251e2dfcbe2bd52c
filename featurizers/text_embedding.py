"""Texts as vectors of a sentence encoder; each text is encoded once, ever."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore, content_key, in_own_order
from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Column, Modality, opaque_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.encoder_use import require_same, runnable, settle_precision
from featurizers.encoders import Encoder
from featurizers.precision import LEAST_COSINE
from featurizers.text_cleaning import clean_texts
from featurizers.text_encoding import encode_texts, measure_encoder, recipe

FloatArray = NDArray[np.float32]

MAX_CHARACTERS = 4_000  # of a text, about 1,000 tokens; what lies behind is not looked at
WRITE = 512  # texts that a crash can lose
READ = 4_096  # texts looked up at once


class TextEmbedding(Featurizer):
    """One opaque block: the encoder's vector of each text, without HTML; NaN for a missing text.

    Distinct texts only are encoded, looked up in ``surroundings.store`` first and written to it
    while going. A text longer than the encoder takes is cut into pieces, and its vector is the mean
    of theirs, weighted by tokens. bf16 is used where the processor or GPU has it and the encoder
    bears it (cosine with fp32 of at least ``LEAST_COSINE`` on a fixed sample), or else fp32. A saved
    state keeps the precision; one in bf16 runs in fp32 where there is no bf16.

    Vectors depend on the text alone (to 1e-6; a text is padded by its own length, whatever
    else is in its batch). What the store holds is returned bit by bit.
    """

    name: ClassVar[str] = "embedding"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.TEXT})

    def __init__(self, column: Column, encoder: Encoder, max_characters: int = MAX_CHARACTERS) -> None:
        super().__init__(column)
        self.encoder = encoder
        self.max_characters = max_characters
        self._learned: dict[str, Any] | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn the number of dimensions and the precision; no value is looked at."""
        n_dimensions, cosine = measure_encoder(self.encoder, surroundings.store)
        precision = settle_precision(
            self.encoder, self.column, surroundings.audit, bears_bf16=cosine >= LEAST_COSINE, cosine=f"{cosine:.4f}"
        )
        self._learned = {
            "encoder": self.encoder.fingerprint,
            "precision": precision,
            "n_dimensions": n_dimensions,
            "max_characters": self.max_characters,
        }
        return self

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, n_dimensions).

        Raises:
            NotFittedError: before ``fit``.
            ArtifactError: if the encoder cannot be loaded, or the cache cannot be written.
        """
        n = int(self.state().values["n_dimensions"])
        texts = clean_texts(values, surroundings.audit, column=self.column.name, limit=self.max_characters)
        distinct, rows = _rows_by_text(texts)
        result = np.full((len(texts), n), np.nan, dtype=np.float32)
        missing = self._look_up(distinct, rows, result, surroundings.store)
        self._encode([distinct[i] for i in missing], [rows[i] for i in missing], result, surroundings)
        return [Block(self.column.name, self.name, opaque_features(self.column, self.name, n), result)]

    def state(self) -> State:
        """Fingerprint of the encoder, precision, number of dimensions, most characters of a text.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._learned is None:
            raise NotFittedError(f"TextEmbedding of column {self.column.name!r} needs fit before this.")
        return State(self._learned)

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave.

        Raises:
            ArtifactError: if it was fitted with another encoder.
        """
        require_same(self.encoder, self.column, str(state.values["encoder"]))
        self._learned = dict(state.values)
        self.max_characters = int(state.values["max_characters"])
        return self

    def _precision(self) -> str:
        return runnable(str(self.state().values["precision"]))

    def _keys(self, texts: Sequence[str]) -> list[bytes]:
        how = recipe(self.encoder, self._precision())
        return [content_key(text.encode(), how) for text in texts]

    def _look_up(
        self, texts: list[str], rows: list[NDArray[Any]], result: FloatArray, store: EmbeddingStore | None
    ) -> list[int]:
        """Fill in what the store has; the positions of the texts that it lacks."""
        if store is None:
            return list(range(len(texts)))
        missing = []
        for start in range(0, len(texts), READ):
            found = store.get(self._keys(texts[start : start + READ]))
            for i, vector in enumerate(found, start):
                if vector is not None and vector.shape == result.shape[1:]:
                    result[rows[i]] = vector
                else:
                    missing.append(i)
        return missing

    def _encode(
        self, texts: list[str], rows: list[NDArray[Any]], result: FloatArray, surroundings: Surroundings
    ) -> None:
        if not texts:
            return
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))  # neighbours alike: little padding
        title = f"{self.column.title.en}: reading texts with {self.encoder.name}"
        amount = float(sum(map(len, texts)))
        bar = surroundings.progress.task(title, amount) if len(texts) > WRITE else nullcontext(lambda _: None)
        with bar as advance:
            for start in in_own_order(range(0, len(order), WRITE)):
                part = order[start : start + WRITE]
                advance(float(sum(len(texts[i]) for i in part)))
                places = [rows[i] for i in part]  # which another process may have encoded meanwhile
                missing = self._look_up([texts[i] for i in part], places, result, surroundings.store)
                if not missing:
                    continue
                batch = [texts[part[i]] for i in missing]
                vectors = encode_texts(self.encoder, batch, self._precision())
                if surroundings.store is not None:
                    surroundings.store.put(zip(self._keys(batch), vectors, strict=True))
                for i, vector in zip(missing, vectors, strict=True):
                    result[places[i]] = vector


def _rows_by_text(texts: list[str]) -> tuple[list[str], list[NDArray[Any]]]:
    """Distinct texts but the empty one, and the rows that hold each."""
    codes, distinct = pd.factorize(np.array([text or None for text in texts], dtype=object))
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.searchsorted(codes[order], np.arange(len(distinct))))
    return list(distinct), parts[1:]  # the first part holds the rows without a text, whose code is -1
