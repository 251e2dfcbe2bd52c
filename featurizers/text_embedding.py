"""Texts as vectors of a sentence encoder; each text is encoded once, ever."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore, content_key
from artifacts.errors import ArtifactError, NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Column, Modality, opaque_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.encoders import Encoder
from featurizers.text_cleaning import clean_texts

FloatArray = NDArray[np.float32]

MAX_CHARACTERS = 4_000  # of a text, about 1,000 tokens; what lies behind is not looked at
LENGTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # that pieces are padded to, in tokens
TOKENS = 3_072  # of a batch on a processor
WRITE = 512  # texts that a crash can lose
READ = 4_096  # texts looked up at once
LEAST_COSINE = 0.999  # between bf16 and fp32 vectors

_RECIPE = "text-embedding/1"  # raise the number when the same text would get another vector
_SAMPLE = (
    "Blue cotton shirt",
    "Кожаные зимние ботинки, чёрные, размер 42",
    "10x20 cm",
    "SALE!!! -50% only today 🔥🔥🔥",
    "A light summer dress with short sleeves and a floral print, made of breathable linen. Machine wash at 30 degrees.",
    "Новый роман о том, как меняется жизнь в маленьком городе, когда туда приезжает передвижной цирк. Читать всем!",
    "?",
    "https://example.com/item?id=12345 артикул 55-A/7",
)


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
        precision, n_dimensions, cosine = choose_precision(self.encoder, surroundings.store)
        if cosine < LEAST_COSINE:
            surroundings.audit.add("precision_fallback", example=self.encoder.name, details=f"{cosine:.4f}")
        surroundings.audit.add("encoder_used", column=self.column.name, example=f"{self.encoder.name} ({precision})")
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
        fitted_with = state.values["encoder"]
        if fitted_with != self.encoder.fingerprint:
            raise ArtifactError(
                f"Column {self.column.name!r} was fitted with a text encoder of fingerprint {fitted_with!r}, but "
                f"{self.encoder.name!r} has {self.encoder.fingerprint!r}. Give back the old encoder, or run fit again."
            )
        self._learned = dict(state.values)
        self.max_characters = int(state.values["max_characters"])
        return self

    def _precision(self) -> str:
        kept = str(self.state().values["precision"])
        return kept if kept == "fp32" else _fastest_precision()

    def _keys(self, texts: Sequence[str]) -> list[bytes]:
        recipe = f"{_RECIPE}|{self.encoder.fingerprint}|{self._precision()}|{_prompt(self.encoder)}"
        return [content_key(text.encode(), recipe) for text in texts]

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
            for start in range(0, len(order), WRITE):
                part = order[start : start + WRITE]
                batch = [texts[i] for i in part]
                vectors = encode_texts(self.encoder, batch, self._precision())
                if surroundings.store is not None:
                    surroundings.store.put(zip(self._keys(batch), vectors, strict=True))
                for i, vector in zip(part, vectors, strict=True):
                    result[rows[i]] = vector
                advance(float(sum(map(len, batch))))


def encode_texts(encoder: Encoder, texts: Sequence[str], precision: str) -> FloatArray:
    """Vectors of plain texts that are not empty, float32 (n_texts, n_dimensions), without any cache."""
    import torch

    model = _load(encoder.location, encoder.fingerprint)
    prompt = _prompt(encoder)
    cut = [_pieces(model, text, prompt) for text in texts]
    pieces = [prompt + piece for parts in cut for piece, _ in parts]
    n_tokens = np.array([n for parts in cut for _, n in parts])
    owners = np.repeat(np.arange(len(texts)), [len(parts) for parts in cut])
    half = torch.autocast(model.device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
    with torch.inference_mode(), half:
        vectors = _forward(model, pieces)
    share = n_tokens / np.bincount(owners, n_tokens, minlength=len(texts))[owners]
    result = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
    np.add.at(result, owners, vectors * share[:, None].astype(np.float32))
    return result


def _forward(model: Any, pieces: list[str]) -> FloatArray:
    """One vector a piece, in batches of one padded length.

    A piece is padded by its own length, not to its longest neighbour: in bf16, padding rounds
    differently in the third digit, and a row must not depend on other rows.
    """
    if not _has_usual_tokenizer(model):
        plain: FloatArray = model.encode(pieces, show_progress_bar=False).astype(np.float32)
        return plain
    longest = int(model.max_seq_length or LENGTHS[-1])
    ids = model.tokenizer(pieces, truncation=True, max_length=longest, verbose=False)["input_ids"]
    lengths = np.array([next((n for n in LENGTHS if n >= len(one)), longest) for one in ids])
    tokens = TOKENS * (16 if model.device.type == "cuda" else 1)
    vectors: list[Any] = [None] * len(ids)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        for batch in np.array_split(rows, -(-len(rows) * length // tokens)):
            padded = model.tokenizer.pad(
                {"input_ids": [ids[i] for i in batch]},
                padding="max_length",
                max_length=length,
                return_tensors="pt",
                verbose=False,
            )
            out = model(dict(padded.to(model.device)))["sentence_embedding"].float().cpu().numpy()
            for i, vector in zip(batch, out, strict=True):
                vectors[i] = vector
    return np.stack(vectors).astype(np.float32, copy=False)


def _has_usual_tokenizer(model: Any) -> bool:
    """Whether texts can be cut into pieces and padded; static embeddings, say, do neither."""
    from transformers import PreTrainedTokenizerBase

    return isinstance(model.tokenizer, PreTrainedTokenizerBase)


def choose_precision(encoder: Encoder, store: EmbeddingStore | None) -> tuple[str, int, float]:
    """Precision, number of dimensions, and the least cosine of bf16 with fp32 on a fixed sample.

    Measured once per encoder and kept in the store, so that a second run need not load the encoder.
    """
    wanted = _fastest_precision()
    key = content_key(b"precision", f"{_RECIPE}|{encoder.fingerprint}|{wanted}|{_device()}")
    known = store.get([key])[0] if store is not None else None
    if known is None or known.shape != (2,):
        known = np.array(_compare_precisions(encoder, wanted), dtype=np.float32)
        if store is not None:
            store.put([(key, known)])
    cosine, n_dimensions = float(known[0]), int(known[1])
    return (wanted if cosine >= LEAST_COSINE else "fp32"), n_dimensions, cosine


@lru_cache(maxsize=16)
def _compare_precisions(encoder: Encoder, wanted: str) -> tuple[float, int]:
    exact = encode_texts(encoder, _SAMPLE, "fp32")
    if wanted == "fp32":
        return 1.0, exact.shape[1]
    fast = encode_texts(encoder, _SAMPLE, wanted)
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(fast, axis=1)
    cosine = float(np.min((exact * fast).sum(axis=1) / np.maximum(lengths, 1e-12)))
    return (cosine if np.isfinite(cosine) else -1.0), exact.shape[1]


@lru_cache(maxsize=2)
def _load(location: str, fingerprint: str) -> Any:
    """The encoder in a folder, shared by all columns of the process; asks no network."""
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    bars: Any = logging  # untyped
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        model = SentenceTransformer(
            location, device=_device(), local_files_only=True, model_kwargs={"use_safetensors": True}
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise ArtifactError(
            f"The text encoder in {location!r} cannot be loaded ({type(error).__name__}: {str(error)[:200]}). "
            "Name another folder, a hub name or 'auto' under [encoders] text."
        ) from error
    finally:
        if shown:
            bars.enable_progress_bar()
    return model.eval()


@lru_cache(maxsize=1)
def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@lru_cache(maxsize=1)
def _fastest_precision() -> str:
    """bf16 where there are instructions for it (measured 1.5-1.8 times as fast as fp32), or fp32."""
    import torch

    if _device() == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    ask = getattr(torch.cpu, "get_capabilities", dict)  # absent from older versions
    has: dict[str, Any] = ask()
    return "bf16" if any(has.get(flag) for flag in ("amx_bf16", "avx512_bf16", "bf16")) else "fp32"


def _prompt(encoder: Encoder) -> str:
    """E5 encoders were trained on texts that begin with their role, and are poor without it."""
    name = encoder.name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return "query: " if "e5-" in name and "instruct" not in name else ""


def _rows_by_text(texts: list[str]) -> tuple[list[str], list[NDArray[Any]]]:
    """Distinct texts but the empty one, and the rows that hold each."""
    codes, distinct = pd.factorize(np.array([text or None for text in texts], dtype=object))
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.searchsorted(codes[order], np.arange(len(distinct))))
    return list(distinct), parts[1:]  # the first part holds the rows without a text, whose code is -1


def _pieces(model: Any, text: str, prompt: str) -> list[tuple[str, int]]:
    """A text in pieces that the encoder takes whole, each with its number of tokens, at least 1."""
    tokenizer = model.tokenizer
    if not _has_usual_tokenizer(model) or not tokenizer.is_fast:  # cannot say where its tokens stand
        return [(text, 1)]
    most = min(int(model.max_seq_length or LENGTHS[-1]), LENGTHS[-1]) - tokenizer.num_special_tokens_to_add()
    most -= len(tokenizer(prompt, add_special_tokens=False)["input_ids"]) if prompt else 0
    tokens = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    spans = [span for span in tokens["offset_mapping"] if span[1] > span[0]]
    if len(spans) <= most:
        return [(text, max(1, len(spans)))]
    parts = [spans[start : start + most] for start in range(0, len(spans), most)]
    return [(text[part[0][0] : part[-1][1]], len(part)) for part in parts]
