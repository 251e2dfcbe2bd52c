"""Running a sentence encoder: pieces, padding, precision. No cache, no missing texts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore, content_key
from artifacts.schema import Modality
from featurizers.encoder_use import loading
from featurizers.encoders import Encoder
from featurizers.precision import compare_vectors, device, fastest_precision

FloatArray = NDArray[np.float32]

LENGTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # that pieces are padded to, in tokens
TOKENS = 3_072  # of a batch on a processor

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


def encode_texts(encoder: Encoder, texts: Sequence[str], precision: str) -> FloatArray:
    """Vectors of plain texts that are not empty, float32 (n_texts, n_dimensions), without any cache."""
    import torch

    model = load_sentence_encoder(encoder)
    prompt = prompt_of(encoder)
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
    if not has_usual_tokenizer(model):
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


def has_usual_tokenizer(model: Any) -> bool:
    """Whether texts can be cut into pieces and padded; static embeddings, say, do neither."""
    from transformers import PreTrainedTokenizerBase

    return isinstance(model.tokenizer, PreTrainedTokenizerBase)


def recipe(encoder: Encoder, precision: str) -> str:
    """What a vector depends on beside its text; part of its key in the store."""
    return f"{_RECIPE}|{encoder.fingerprint}|{precision}|{prompt_of(encoder)}"


def measure_encoder(encoder: Encoder, store: EmbeddingStore | None) -> tuple[int, float]:
    """Number of dimensions, and the least cosine of vectors in the fastest precision with fp32 on a fixed sample.

    Measured once per encoder and kept in the store, so that a second run need not load the encoder.
    """
    wanted = fastest_precision()
    key = content_key(b"", recipe(encoder, wanted) + f"|least cosine on {device()}")
    known = store.get([key])[0] if store is not None else None
    if known is None or known.shape != (2,):
        known = np.array(_compare_precisions(encoder, wanted), dtype=np.float32)
        if store is not None:
            store.put([(key, known)])
    return int(known[1]), float(known[0])


@lru_cache(maxsize=16)
def _compare_precisions(encoder: Encoder, wanted: str) -> tuple[float, int]:
    exact = encode_texts(encoder, _SAMPLE, "fp32")
    low = 1.0 if wanted == "fp32" else compare_vectors(exact, encode_texts(encoder, _SAMPLE, wanted))[0]
    return low, exact.shape[1]


def load_sentence_encoder(encoder: Encoder) -> Any:
    """The encoder as a ``SentenceTransformer`` in evaluation mode, shared by all of the process; asks no network.

    Raises:
        ArtifactError: if it cannot be loaded.
    """
    return _load(encoder.location, encoder.fingerprint)


@lru_cache(maxsize=2)
def _load(location: str, fingerprint: str) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    bars: Any = logging  # untyped
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        with loading(location, Modality.TEXT):
            model = SentenceTransformer(
                location, device=device(), local_files_only=True, model_kwargs={"use_safetensors": True}
            )
    finally:
        if shown:
            bars.enable_progress_bar()
    return model.eval()


def prompt_of(encoder: Encoder) -> str:
    """E5 encoders were trained on texts that begin with their role, and are poor without it."""
    name = encoder.name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return "query: " if "e5-" in name and "instruct" not in name else ""


def _pieces(model: Any, text: str, prompt: str) -> list[tuple[str, int]]:
    """A text in pieces that the encoder takes whole, each with its number of tokens, at least 1.

    One piece, whose end the encoder does not read, if its tokenizer cannot say where tokens stand.
    """
    tokenizer = model.tokenizer
    if not has_usual_tokenizer(model) or not tokenizer.is_fast:  # cannot say where its tokens stand
        return [(text, 1)]
    most = min(int(model.max_seq_length or LENGTHS[-1]), LENGTHS[-1]) - tokenizer.num_special_tokens_to_add()
    most -= len(tokenizer(prompt, add_special_tokens=False)["input_ids"]) if prompt else 0
    tokens = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    spans = [span for span in tokens["offset_mapping"] if span[1] > span[0]]
    if len(spans) <= most:
        return [(text, max(1, len(spans)))]
    parts = [spans[start : start + most] for start in range(0, len(spans), most)]
    return [(text[part[0][0] : part[-1][1]], len(part)) for part in parts]
