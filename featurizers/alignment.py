"""Text and photo of a row in one common space: what they say together, and whether they say the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from artifacts.errors import ArtifactError, NotFittedError
from artifacts.feature_table import Block
from artifacts.finding import Audit
from artifacts.schema import Column, Feature, Modality, Title, opaque_features, quantity_feature
from featurizers.base import State, Surroundings
from featurizers.contrastive import FloatArray, Head, Keys, Pairs, Settings, learn_heads
from featurizers.encoders import Encoder
from featurizers.image_embedding import ImageEmbedding
from featurizers.image_loading import ImageLoader
from featurizers.joint_neighbours import Bank, common_axes, neighbour_quantities
from featurizers.pair import PairFeaturizer
from featurizers.text_cleaning import clean_texts
from featurizers.text_embedding import TextEmbedding

N_JOINT = 64  # columns of the joint embedding
N_PARTS = 3  # heads; each is learned without one part of the pairs, and describes the rows of that part
LEAST_PAIRS = 50  # that share no text and no photo
MAX_PAIRS = 30_000  # learned from; more add time rather than agreement
CHUNK = 4_096  # rows whose vectors are held at once
MISMATCH = 50.0  # % of other photos that fit the text less well: below, a row is named
TRUSTED_RANK = 0.9  # of held-back pairs; a space that tells them worse names no row


@dataclass(frozen=True)
class _Fitted:
    """Heads of each part, the training pairs seen by each of them, and how well held-back pairs are told."""

    heads: tuple[tuple[Head, Head], ...]
    bank: Bank
    n_pairs: int
    held_rank: float


class Alignment(PairFeaturizer):
    """A text column and an image column in a common space that is learned from the training rows, without the target.

    Two blocks, of modality ``joint``: ``alignment``, quantities about how text and photo go together
    (their cosine, its rank among other photos, distances to the nearest training rows), and
    ``alignment:joint``, opaque, the mean of both in ``N_JOINT`` main directions of the space. A row that
    lacks its text or a readable photo is NaN throughout; so is every row after fewer than ``LEAST_PAIRS``
    different pairs (finding ``alignment_too_few``).

    Small heads over the frozen vectors of ``TextEmbedding`` and ``ImageEmbedding``, which come from the
    store, are learned by telling each text's own photo from others (see ``contrastive``). A head knows the
    pairs it was trained on too well, and a model would take that for a property of the rows. So there are
    ``N_PARTS`` of them, each learned without a part of the texts, and every row - of training or not - is
    described by the head that has not seen its text; for the same reason, training rows with its text or
    its photo are no neighbours of it.
    """

    name: ClassVar[str] = "alignment"
    modalities: ClassVar[tuple[Modality, Modality]] = (Modality.TEXT, Modality.IMAGE)

    def __init__(
        self,
        first: Column,
        second: Column,
        text_encoder: Encoder,
        image_encoder: Encoder,
        seed: int = 0,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(first, second)
        self.seed = seed
        self.settings = settings or Settings()
        self._text = TextEmbedding(first, text_encoder)
        self._image = ImageEmbedding(second, image_encoder)
        self._ready = False
        self._fitted: _Fitted | None = None  # also None after too few pairs

    def fit(self, first: pd.Series[Any], second: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn the common space from at most ``MAX_PAIRS`` of the rows.

        Raises:
            ArtifactError: if an encoder cannot be loaded, or the cache cannot be written.
        """
        quiet = replace(surroundings, audit=Audit())
        self._text.fit(first, quiet)
        self._image.fit(second, quiet)
        self._ready, self._fitted = True, None
        random = np.random.default_rng(self.seed)
        rows = np.sort(random.permutation(len(first))[:MAX_PAIRS])
        first, second = first.iloc[rows], second.iloc[rows]
        pairs = self._pairs(first, second, surroundings)
        pairs = pairs.take(_usable(pairs))
        n = len(pairs.without_repeats(np.arange(len(pairs))))
        if n < LEAST_PAIRS:
            surroundings.audit.add(
                "alignment_too_few", column=self.first.name, count=n, limit=LEAST_PAIRS, other=self.second.name
            )
            return self
        self._fitted = _learn(pairs, self.seed, self.settings)
        surroundings.audit.add(
            "alignment_learned",
            column=self.first.name,
            count=self._fitted.n_pairs,
            other=self.second.name,
            rank=f"{self._fitted.held_rank:.1%}",
        )
        return self

    def transform(self, first: pd.Series[Any], second: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """Two blocks, float32 (n_samples, 5) and (n_samples, N_JOINT).

        Raises:
            NotFittedError: before ``fit``.
            ArtifactError: if an encoder cannot be loaded, or the cache cannot be written.
        """
        self._check_ready()
        quantities, joint = self._features()
        values = np.full((len(first), len(quantities)), np.nan, dtype=np.float32)
        vectors = np.full((len(first), len(joint)), np.nan, dtype=np.float32)
        if self._fitted is not None:
            for start in range(0, len(first), CHUNK):
                rows = slice(start, start + CHUNK)
                pairs = self._pairs(first.iloc[rows], second.iloc[rows], surroundings)
                self._describe(self._fitted, pairs, values[rows], vectors[rows])
            self._report(values, first.index, surroundings.audit)
        return [
            Block(self.first.name, self.name, quantities, values),
            Block(self.first.name, f"{self.name}:joint", joint, vectors),
        ]

    def state(self) -> State:
        """Heads, training pairs in the space with the keys of their content, and the states of both embeddings.

        Raises:
            NotFittedError: before ``fit``.
        """
        self._check_ready()
        own = {"text": self._text.state(), "image": self._image.state()}
        values: dict[str, Any] = {side: dict(state.values) for side, state in own.items()}
        arrays = {f"{side}.own.{name}": array for side, state in own.items() for name, array in state.arrays.items()}
        if self._fitted is None:
            return State(values | {"n_pairs": 0}, arrays)
        fitted = self._fitted
        arrays |= fitted.bank.arrays()
        for i, heads in enumerate(fitted.heads):
            for side, head in zip(("text", "image"), heads, strict=True):
                arrays |= {f"{side}.{i}.{name}": array for name, array in head.arrays().items()}
        values |= {"n_pairs": fitted.n_pairs, "held_rank": fitted.held_rank, "n_parts": len(fitted.heads)}
        return State(values, arrays)

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave.

        Raises:
            ArtifactError: if it was fitted with other encoders, or an array is missing.
        """
        self._text.restore(State(state.values["text"], _under(state, "text.own.")))
        self._image.restore(State(state.values["image"], _under(state, "image.own.")))
        self._ready, self._fitted = True, None
        if state.values["n_pairs"]:
            try:
                heads = tuple(
                    (Head.from_arrays(_under(state, f"text.{i}.")), Head.from_arrays(_under(state, f"image.{i}.")))
                    for i in range(int(state.values["n_parts"]))
                )
                bank = Bank.from_arrays(state.arrays)
            except KeyError as error:
                raise ArtifactError(
                    f"The alignment of column {self.first.name!r} lacks the array {error}. Run fit again."
                ) from None
            held_rank = float(state.values["held_rank"])
            self._fitted = _Fitted(heads, bank, int(state.values["n_pairs"]), held_rank)
        return self

    def _check_ready(self) -> None:
        if not self._ready:
            raise NotFittedError(
                f"Alignment of columns {self.first.name!r} and {self.second.name!r} needs fit before this."
            )

    def _pairs(self, first: pd.Series[Any], second: pd.Series[Any], around: Surroundings) -> Pairs:
        """Vectors of both sides, NaN where missing, and keys of their contents; the embeddings' findings are theirs."""
        around = replace(around, audit=Audit())
        texts = clean_texts(first, Audit(), column=self.first.name, limit=self._text.max_characters)
        loader = ImageLoader(around.images)
        photos = (loader.load(value).content for value in second)
        text_vectors = self._text.transform(first, around)[0].values
        image_vectors = self._image.transform(second, around)[0].values
        text_keys = [_key(text.encode(), vector) for text, vector in zip(texts, text_vectors, strict=True)]
        photo_keys = [_key(photo, vector) for photo, vector in zip(photos, image_vectors, strict=True)]
        keys = (np.array(known, dtype=np.uint64) for known in (text_keys, photo_keys))
        return Pairs(text_vectors, image_vectors, *keys)

    def _describe(self, fitted: _Fitted, pairs: Pairs, values: FloatArray, vectors: FloatArray) -> None:
        """Fill in the usable rows of both blocks."""
        part = np.where(_usable(pairs), _part(pairs.first_key), -1)
        for i, (text, image) in enumerate(fitted.heads):
            rows = np.flatnonzero(part == i)
            if len(rows):
                chosen = pairs.take(rows)
                placed = replace(chosen, first=text.project(chosen.first), second=image.project(chosen.second))
                values[rows] = neighbour_quantities(placed, fitted.bank, i)
                vectors[rows] = 0.5 * (placed.first + placed.second)[:, : vectors.shape[1]]

    def _features(self) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
        column = replace(self.first, modality=Modality.JOINT)
        en, ru = self.second.title.en, self.second.title.ru

        def quantity(name: str, words: Title, unit: str = "", actionable: bool = False) -> Feature:
            named = f"{self.second.name}_{name}"
            return quantity_feature(column, self.name, named, words, unit=unit, actionable=actionable)

        return (
            quantity(
                "agreement",
                Title(f"agreement with “{en}”, from -1 to 1", f"соответствие с «{ru}», от -1 до 1"),
                actionable=True,
            ),
            quantity(
                "agreement_rank",
                Title(
                    f"other photos that fit it less well than “{en}”", f"доля чужих фото, подходящих хуже, чем «{ru}»"
                ),
                "%",
                True,
            ),
            quantity(
                "text_to_photo", Title("distance to the nearest known photo", "расстояние до ближайшего чужого фото")
            ),
            quantity(
                "photo_to_text",
                Title(
                    f"distance of “{en}” to the nearest known text", f"расстояние от «{ru}» до ближайшего чужого текста"
                ),
            ),
            quantity(
                "to_pair",
                Title(
                    f"distance, together with “{en}”, to the nearest known row",
                    f"расстояние вместе с «{ru}» до ближайшей известной строки",
                ),
            ),
        ), opaque_features(column, f"{self.name}:joint", N_JOINT)

    def _report(self, values: FloatArray, index: pd.Index[Any], audit: Audit) -> None:
        assert self._fitted is not None
        rank, name, other = values[:, 1], self.first.name, self.second.name
        lacking = np.flatnonzero(np.isnan(rank)).tolist()
        if lacking:
            rows = (index[i] for i in lacking)
            audit.add("alignment_incomplete", column=name, rows=rows, total=len(values), other=other)
        worst = [i for i in np.argsort(rank, kind="stable").tolist() if rank[i] < MISMATCH]
        if worst and self._fitted.held_rank >= TRUSTED_RANK:
            rows = (index[i] for i in worst)
            audit.add("alignment_mismatch", column=name, rows=rows, total=len(values), other=other)


def _learn(pairs: Pairs, seed: int, settings: Settings) -> _Fitted:
    part = _part(pairs.first_key)
    found = []
    for i in range(N_PARTS):
        without = pairs.take(part != i)
        enough = len(without.without_repeats(np.arange(len(without)))) >= LEAST_PAIRS // 3
        found.append(learn_heads(without if enough else pairs, seed + i, settings))
    bank_rows = Bank.rows(pairs, np.random.default_rng(seed))
    heads = common_axes([(one.first, one.second) for one in found], bank_rows)
    held_rank = float(np.mean([one.held_rank for one in found]))
    return _Fitted(tuple(heads), Bank.of(bank_rows, heads), len(pairs), held_rank)


def _part(text_keys: Keys) -> NDArray[np.int64]:
    """The part of each row, by its text alone."""
    return np.asarray(text_keys % np.uint64(N_PARTS), dtype=np.int64)


def _usable(pairs: Pairs) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(pairs.first).all(axis=1) & np.isfinite(pairs.second).all(axis=1), dtype=np.bool_)


def _key(content: bytes, vector: FloatArray) -> int:
    """What equal contents have in common; the vector stands for a content that cannot be had as bytes."""
    return xxhash.xxh3_64_intdigest(content or np.ascontiguousarray(vector).tobytes())


def _under(state: State, start: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(start): array for name, array in state.arrays.items() if name.startswith(start)}
