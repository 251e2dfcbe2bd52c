from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from artifacts.embedding_store import EmbeddingStore
from artifacts.finding import Finding
from artifacts.schema import Column, Modality, Title
from featurizers import affordability, text_embedding
from featurizers.affordability import Allowance, fit_embedding, seconds_to_transform
from featurizers.base import Surroundings
from featurizers.encoders import FALLBACKS, Encoder
from featurizers.text_embedding import TextEmbedding

COLUMN = Column("about", Modality.TEXT, Title("About", "О товаре"))
ENCODER = Encoder("slow", "local", "slow", "/nowhere", Modality.TEXT, "slow")
FakeTime = Callable[[Sequence[str]], float]


class Clock:
    """Time that passes only while the encoder works, so that what is tested does not depend on the machine."""

    def __init__(self) -> None:
        self.now = 0.0
        self.texts: list[str] = []

    def slow(self, monkeypatch: pytest.MonkeyPatch, seconds: Callable[[str], float], load: float = 0.0) -> None:
        def encode(_encoder: Any, texts: Sequence[str], _precision: str) -> Any:
            self.now += (load if not self.texts else 0.0) + sum(map(seconds, texts))
            self.texts += texts
            return np.ones((len(texts), 3), dtype=np.float32)

        monkeypatch.setattr(text_embedding, "encode_texts", encode)
        monkeypatch.setattr(text_embedding, "measure_encoder", lambda _encoder, _store: (3, 1.0))
        monkeypatch.setattr(text_embedding, "recipe", lambda _encoder, precision: precision)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(store=EmbeddingStore(tmp_path))


def texts(n: int, length: int = 20) -> pd.Series[Any]:
    return pd.Series([f"text {i} ".ljust(length, "x") for i in range(n)], dtype=object)


def fitted(values: pd.Series[Any], around: Surroundings) -> TextEmbedding:
    return TextEmbedding(COLUMN, ENCODER).fit(values, around)


@pytest.mark.parametrize("with_store", [True, False])
def test_the_estimate_is_near_and_nothing_is_wasted(
    clock: Clock, around: Surroundings, monkeypatch: pytest.MonkeyPatch, with_store: bool
) -> None:
    clock.slow(monkeypatch, lambda _: 0.01, load=60.0)
    around = around if with_store else Surroundings()
    values = texts(2_000)
    featurizer = fitted(values, around)
    estimate = seconds_to_transform(featurizer, values, around)
    spent, before = len(clock.texts), clock.now
    assert spent <= 130 and len(around.audit.findings) == 1, "of the fit alone"
    featurizer.transform(values, around)
    truth = clock.now - before
    assert estimate == pytest.approx(truth, rel=0.1)
    assert len(clock.texts) == (2_000 if with_store else 2_000 + spent)


def test_what_is_stored_or_said_twice_or_missing_costs_nothing(
    clock: Clock, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.slow(monkeypatch, lambda _: 0.01)
    values = pd.concat([texts(400)] * 10 + [pd.Series([None, "", float("nan")] * 1_000, dtype=object)])
    featurizer = fitted(values, around)
    assert seconds_to_transform(featurizer, values, around) == pytest.approx(2.74, rel=0.1)
    featurizer.transform(values, around)
    n = len(clock.texts)
    assert n == 400
    assert seconds_to_transform(featurizer, values, around) < 0.05 and len(clock.texts) == n + 1
    assert seconds_to_transform(featurizer, values.iloc[:0], around) == 0.0
    assert seconds_to_transform(featurizer, pd.Series([None, " "]), around) == 0.0


def test_asking_again_and_again_does_not_make_the_rest_look_cheap(
    clock: Clock, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.slow(monkeypatch, lambda _: 0.01)
    values = texts(5_000)
    featurizer = fitted(values, around)
    for _ in range(4):
        assert 45 < seconds_to_transform(featurizer, values, around) < 52


def test_a_very_slow_encoder_is_found_out_early(
    clock: Clock, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.slow(monkeypatch, lambda _: 2.0)
    assert seconds_to_transform(fitted(texts(1_000), around), texts(1_000), around) > 1_900
    assert len(clock.texts) <= 3


def by_length(text: str) -> float:
    return len(text) * 1e-5  # 0.03 s for 3,000 characters


CASES = [(None, 4_000, []), (60.0, 4_000, []), (25.0, 1_000, ["text_shortened"]), (12.0, 300, ["text_shortened"])]


@pytest.mark.parametrize(("seconds", "limit", "codes"), CASES)
def test_texts_are_cut_as_far_as_needed(
    clock: Clock,
    around: Surroundings,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float | None,
    limit: int,
    codes: list[str],
) -> None:
    clock.slow(monkeypatch, by_length)
    values = texts(1_500, 3_000)
    allowance = Allowance(seconds)
    embedding = fit_embedding(COLUMN, ENCODER, values, around, allowance)
    assert isinstance(embedding, TextEmbedding) and embedding.max_characters == limit
    assert [finding.code for finding in around.audit.findings] == ["encoder_used", *codes]
    embedding.transform(values, around)
    assert seconds is None or clock.now <= seconds * 1.15
    if seconds is not None and allowance.seconds is not None:
        assert 0 <= allowance.seconds < seconds, "what it takes is taken off"
    if codes:
        finding = around.audit.findings[-1]
        assert f"first {limit} characters" in finding.in_language("en")
        assert f"первые {limit} символов" in finding.in_language("ru")
        restored = TextEmbedding(COLUMN, ENCODER).restore(embedding.state())
        n = len(clock.texts)
        restored.transform(values, around)
        assert len(clock.texts) == n, "the saved state cuts the same"


def test_where_nothing_fits_there_is_none_and_it_is_said(
    clock: Clock, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.slow(monkeypatch, lambda _: 0.1)
    allowance = Allowance(30.0)
    assert fit_embedding(COLUMN, ENCODER, texts(2_000, 2_000), around, allowance) is None
    (finding,) = around.audit.findings
    assert finding.code == "encoder_too_slow" and finding.severity == "warning"
    assert "about 1" in finding.in_language("en") and "lexical text is used in its place" in finding.in_language("en")
    assert clock.now < 30 and allowance.seconds is not None and allowance.seconds < 30


def test_short_texts_are_not_tried_shorter(clock: Clock, around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.slow(monkeypatch, lambda _: 0.1)
    tried = []
    asked = affordability.seconds_to_transform
    monkeypatch.setattr(affordability, "seconds_to_transform", lambda *args: tried.append(1) or asked(*args))
    assert fit_embedding(COLUMN, ENCODER, texts(2_000, 100), around, Allowance(30.0)) is None
    assert len(tried) == 1


def test_what_is_used_instead_of_an_encoder_has_a_russian_name() -> None:
    for modality, fallback in FALLBACKS.items():
        finding = Finding(
            "encoder_too_slow", "photo", details={"example": "timm/x", "details": 9, "fallback": fallback}
        )
        said = {language: finding.in_language(language) for language in ("en", "ru")}
        assert fallback in said["en"] and fallback not in said["ru"], modality
