from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, NotFittedError
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers import encoder_use, text_embedding, text_encoding
from featurizers.base import State, Surroundings
from featurizers.encoders import resolve_encoder
from featurizers.text_embedding import TextEmbedding
from featurizers.text_encoding import encode_texts, measure_encoder

COLUMN = Column("title", Modality.TEXT, Title("Title", "Заголовок"))
TITLES = ["Red cotton shirt", "Кожаные ботинки", "A long description of a blue summer dress with short sleeves", "Mug"]
ODD = ["<b>Mug</b>", "😀😀", "\ud800", "שלום עולם", 5, 2.5, b"bytes", "x", "word " * 250_000, "a b c " * 400]
MISSING = ["", " ", None, np.nan, "<script>x</script>"]


@pytest.fixture(scope="module")
def encoder():
    return resolve_encoder("bundled:minilm", Modality.TEXT, Path(), Audit())


@pytest.fixture
def surroundings(tmp_path) -> Surroundings:
    return Surroundings(store=EmbeddingStore(tmp_path / "cache"))


@pytest.fixture
def encoded(monkeypatch) -> list[str]:
    """Every text that is encoded."""
    seen: list[str] = []
    real = text_embedding.encode_texts

    def counting(encoder, texts, precision):
        seen.extend(texts)
        return real(encoder, texts, precision)

    monkeypatch.setattr(text_embedding, "encode_texts", counting)
    return seen


def series(values) -> pd.Series:
    return pd.Series(values, index=[f"r{i}" for i in range(len(values))], dtype=object)


def vectors(featurizer: TextEmbedding, values, surroundings: Surroundings) -> np.ndarray:
    (block,) = featurizer.transform(series(values), surroundings)
    assert block.values.dtype == np.float32 and block.values.flags.c_contiguous
    assert block.values.shape == (len(values), 384) and block.is_opaque
    return block.values


def test_alike_texts_are_near(encoder, surroundings) -> None:
    featurizer = TextEmbedding(COLUMN, encoder).fit(series(TITLES), surroundings)
    a, b, c = vectors(featurizer, ["red shirt", "scarlet t-shirt", "kitchen knife"], surroundings)
    assert a @ b > a @ c + 0.2
    assert [finding.code for finding in surroundings.audit.findings] == ["encoder_used"]


def test_missing_is_nan_and_said(encoder, surroundings) -> None:
    featurizer = TextEmbedding(COLUMN, encoder).fit(series(TITLES), surroundings)
    result = vectors(featurizer, [*MISSING, "Mug"], surroundings)
    assert np.isnan(result[:-1]).all() and np.isfinite(result[-1]).all()
    assert "text_missing" in [finding.code for finding in surroundings.audit.findings]
    assert np.isnan(vectors(featurizer, [None], surroundings)).all()
    assert vectors(featurizer, [], surroundings).shape == (0, 384)


def test_rows_stand_alone_in_order_whatever_comes(encoder) -> None:
    surroundings = Surroundings()
    values = [*TITLES, *ODD, *MISSING, TITLES[0]]
    before = series(values)
    featurizer = TextEmbedding(COLUMN, encoder, max_characters=1_500).fit(before, surroundings)
    together = vectors(featurizer, values, surroundings)
    pd.testing.assert_series_equal(before, series(values))
    alone = np.concatenate([vectors(featurizer, [value], surroundings) for value in values])
    in_half = featurizer.state().values["precision"] == "bf16"  # whose last bits depend on the batch
    np.testing.assert_allclose(together, alone, atol=2e-3 if in_half else 1e-4)
    np.testing.assert_array_equal(together[0], together[-1])
    np.testing.assert_array_equal(together[3], together[4], err_msg="HTML is stripped")
    assert "text_truncated" in [finding.code for finding in surroundings.audit.findings]


def test_a_second_run_encodes_nothing_and_is_equal(encoder, surroundings, encoded, monkeypatch) -> None:
    text_encoding._compare_precisions.cache_clear()
    values = [*TITLES, TITLES[0], None, *ODD]
    first = vectors(TextEmbedding(COLUMN, encoder).fit(series(values), surroundings), values, surroundings)
    titles = [text for text in encoded if text in TITLES]
    assert sorted(titles) == sorted(TITLES), "each distinct text once"
    encoded.clear()

    def refuse(*_args):
        raise AssertionError("the encoder was loaded")

    monkeypatch.setattr(text_encoding, "_load", refuse)
    text_encoding._compare_precisions.cache_clear()
    again = Surroundings(store=surroundings.store)
    second = vectors(TextEmbedding(COLUMN, encoder).fit(series(values), again), values, again)
    np.testing.assert_array_equal(first, second)
    assert encoded == []


def test_a_crash_loses_one_batch_at_most(encoder, surroundings, monkeypatch, encoded) -> None:
    monkeypatch.setattr(text_embedding, "WRITE", 2)
    values = [f"title {'x ' * i}" for i in range(6)]
    featurizer = TextEmbedding(COLUMN, encoder).fit(series(values), surroundings)
    counting = text_embedding.encode_texts

    def crash_on_the_third(*args):
        if len(encoded) >= n_known + 4:
            raise KeyboardInterrupt
        return counting(*args)

    n_known = len(encoded)
    monkeypatch.setattr(text_embedding, "encode_texts", crash_on_the_third)
    with pytest.raises(KeyboardInterrupt):
        vectors(featurizer, values, surroundings)
    monkeypatch.setattr(text_embedding, "encode_texts", counting)
    encoded.clear()
    assert np.isfinite(vectors(featurizer, values, surroundings)).all()
    assert len(encoded) == 2


def test_what_another_process_has_encoded_meanwhile_is_taken(encoder, surroundings, monkeypatch, encoded) -> None:
    monkeypatch.setattr(text_embedding, "WRITE", 2)
    values = [f"cup {'x ' * i}" for i in range(6)]
    featurizer = TextEmbedding(COLUMN, encoder).fit(series(values), surroundings)
    counting, keys = text_embedding.encode_texts, featurizer._keys([value.strip() for value in values])
    mark = np.full(featurizer.state().values["n_dimensions"], 7.0, dtype=np.float32)

    def encode_as_another_does(*args):
        surroundings.store.put((key, mark) for key in keys)
        return counting(*args)

    monkeypatch.setattr(text_embedding, "encode_texts", encode_as_another_does)
    encoded.clear()
    found = vectors(featurizer, values, surroundings)
    assert len(encoded) == 2 and (found == 7.0).all(axis=1).sum() == 4


def test_long_texts_are_the_mean_of_their_pieces(encoder) -> None:
    start, end = "red cotton shirt " * 90, "blue kitchen knife " * 90
    whole, first, second = encode_texts(encoder, [start + end, start, end], "fp32")
    assert whole @ second > first @ second + 0.2, "the end is read"
    model = text_encoding._load(encoder.location, encoder.fingerprint)
    pieces = text_encoding._pieces(model, start + end, "")
    assert len(pieces) > 1 and all(1 <= n <= 256 for _, n in pieces)
    assert "".join(piece.replace(" ", "") for piece, _ in pieces) == (start + end).replace(" ", "")


def test_save_and_load_are_equal(encoder, surroundings, tmp_path) -> None:
    featurizer = TextEmbedding(COLUMN, encoder, max_characters=50).fit(series(TITLES), surroundings)
    featurizer.state().save(tmp_path / "s")
    again = TextEmbedding(COLUMN, encoder).restore(State.load(tmp_path / "s"))
    values = [*TITLES, "x " * 100]
    np.testing.assert_array_equal(vectors(featurizer, values, Surroundings()), vectors(again, values, Surroundings()))
    other = replace(encoder, name="other", fingerprint="other")
    with pytest.raises(ArtifactError, match="was fitted with a text encoder of fingerprint"):
        TextEmbedding(COLUMN, other).restore(State.load(tmp_path / "s"))


def test_bf16_is_refused_where_it_is_wrong(encoder, monkeypatch) -> None:
    real = text_encoding.encode_texts
    for module in (text_encoding, encoder_use):
        monkeypatch.setattr(module, "fastest_precision", lambda: "bf16")

    def wrong_in_bf16(encoder, texts, precision):
        result = real(encoder, texts, "fp32")
        return result if precision == "fp32" else result[:, ::-1].copy()

    monkeypatch.setattr(text_encoding, "encode_texts", wrong_in_bf16)
    text_encoding._compare_precisions.cache_clear()
    surroundings = Surroundings()
    featurizer = TextEmbedding(COLUMN, encoder).fit(series(TITLES), surroundings)
    text_encoding._compare_precisions.cache_clear()
    assert featurizer.state().values["precision"] == "fp32"
    assert [finding.code for finding in surroundings.audit.findings] == ["precision_fallback", "encoder_used"]


def test_the_fastest_precision_is_close_to_exact(encoder) -> None:
    n_dimensions, cosine = measure_encoder(encoder, None)
    assert n_dimensions == 384 and cosine > 0.999


def test_loading_asks_no_network(encoder, monkeypatch) -> None:
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    text_encoding._load.cache_clear()
    assert encode_texts(encoder, ["Mug"], "fp32").shape == (1, 384)


def test_broken_weights_are_said(encoder, tmp_path) -> None:
    for file in Path(encoder.location).glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    broken = resolve_encoder(str(tmp_path), Modality.TEXT, Path(), Audit())
    with pytest.raises(ArtifactError, match=r"cannot be loaded .*Name another folder"):
        encode_texts(broken, ["Mug"], "fp32")


def test_progress_is_shown_for_much_work(encoder, monkeypatch) -> None:
    monkeypatch.setattr(text_embedding, "WRITE", 2)
    bars = []

    class Recorder:
        @contextmanager
        def task(self, description, total):
            bars.append([description, total, 0.0])

            def advance(units):
                bars[-1][2] += units

            yield advance

        def say(self, line):
            pass

    surroundings = Surroundings(progress=Recorder())
    featurizer = TextEmbedding(COLUMN, encoder).fit(series(TITLES), surroundings)
    vectors(featurizer, TITLES[:2], surroundings)
    assert bars == []
    vectors(featurizer, TITLES, surroundings)
    assert "bundled:minilm" in bars[0][0] and bars[0][1] == bars[0][2]


def test_e5_gets_its_prompt(encoder) -> None:
    assert text_encoding.prompt_of(encoder) == ""
    assert text_encoding.prompt_of(replace(encoder, name="intfloat/multilingual-e5-small@abc")) == "query: "
    assert text_encoding.prompt_of(replace(encoder, name="/models/multilingual-e5-large-instruct")) == ""


def test_unfitted_is_said(encoder) -> None:
    with pytest.raises(NotFittedError, match="column 'title' needs fit"):
        TextEmbedding(COLUMN, encoder).transform(series(TITLES), Surroundings())


def test_texts_of_one_length_run_together(encoder) -> None:
    model = text_encoding._load(encoder.location, encoder.fingerprint)
    shapes = []
    hook = model.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0]["input_ids"].shape)))
    try:
        encode_texts(encoder, ["Mug", "word " * 40, "Red mug", "word " * 42, "Blue", "word " * 700], "fp32")
    finally:
        hook.remove()
    assert all(length in text_encoding.LENGTHS and n * length <= text_encoding.TOKENS for n, length in shapes)
    assert shapes[0] == (3, 8) and shapes[1] == (2, 48)
