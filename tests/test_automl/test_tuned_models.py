"""Models that tune an encoder: the contract of a model over texts and photos, and no skill where there is none."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, InputError, NotFittedError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models import tower
from automl.models.base import Model
from automl.models.registry import TUNED
from automl.models.tower import Tower
from automl.models.tuned_net import TunedNet
from evaluation.texts_methods import method_in
from featurizers.encoders import Encoder
from featurizers.precision import device
from featurizers.trunk import Trunk

every_model = pytest.mark.parametrize("name", list(TUNED))
N = 90


def photo(seed: int, size: tuple[int, int]) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def make_table(name: str, encoders: tuple[Encoder, Encoder], store: EmbeddingStore, n: int, seed: int) -> FeatureTable:
    """Two sources, of two modalities for a fusion; what they say hangs on a hidden number, some rows lack one."""
    rng = np.random.default_rng(seed)
    good = rng.integers(0, 2, size=n)
    blocks, columns, cells = [], {}, {}
    for i, source in enumerate(("first", "second")):
        modality = Modality.TEXT if name == "tuned_text" or (name == "fusion_net" and not i) else Modality.IMAGE
        column = Column(source, modality, Title(source, source))
        said = [(f"warm {k % 7}" if g else f"cold {k % 7}") if not i else f"item {k % 5}" for k, g in enumerate(good)]
        drawn = [photo(int(g) + 10 * (k % 3) if not i else 50 + k % 3, (24, 24)) for k, g in enumerate(good)]
        values = np.empty(n, dtype=object)
        values[:] = said if modality is Modality.TEXT else drawn
        values[rng.random(n) < 0.1 * i] = None
        columns[source], cells[source] = column, values
        blocks.append(Block(source, "embedding", opaque_features(column, "embedding", 3), np.zeros((n, 3), "f4")))
    price = Column("price", Modality.NUMERIC, Title("price", "price"))
    numbers = rng.normal(size=(n, 1)).astype("f4")
    blocks.append(Block("price", "number", opaque_features(price, "number", 1), numbers))
    known = {encoder.modality: encoder.to_json() for encoder in encoders}
    contents = Contents(columns, cells, known, None, store)
    return FeatureTable(tuple(blocks), pd.RangeIndex(n), contents)


def make_outcome(table: FeatureTable, kind: Kind, seed: int = 0) -> Outcome:
    assert table.contents is not None
    first = table.contents.cells["first"]
    signal = np.array([str(x).startswith("warm") if isinstance(x, str) else x in WARM for x in first], dtype=float)
    rng = np.random.default_rng(seed)
    if kind is Kind.REGRESSION:
        return Outcome(kind, 10.0 + 5.0 * signal + 0.1 * rng.normal(size=len(signal)))
    if kind is Kind.BINARY:
        return Outcome(kind, signal.astype(np.int64), ("no", "yes"), 2)
    if kind is Kind.MULTICLASS:
        return Outcome(kind, (2 * signal).astype(np.int64), ("a", "never", "c"), 3)
    if kind is Kind.MULTILABEL:
        return Outcome(kind, np.stack([signal, 1 - signal], axis=1), ("up", "down"), 2)
    trials = rng.integers(5, 50, size=len(signal)).astype(float)
    return Outcome(kind, rng.binomial(trials.astype(int), 0.2 + 0.6 * signal) / trials, trials=trials)


WARM = {photo(1 + 10 * k, (24, 24)) for k in range(3)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingStore:
    return EmbeddingStore(tmp_path_factory.mktemp("activations"))


@pytest.fixture(scope="module")
def tables(encoders: tuple[Encoder, Encoder], store: EmbeddingStore) -> dict[str, FeatureTable]:
    return {name: make_table(name, encoders, store, N, 0) for name in TUNED}


def make_model(name: str, **params: Any) -> Model:
    return TUNED[name]({**TUNED[name].get_test_params(), **params}, seed=1, n_threads=1)


def parts_of(table: FeatureTable, kind: Kind) -> tuple[Examples, Examples]:
    examples = Examples(table, make_outcome(table, kind))
    rows = np.arange(N)
    return examples.take(rows[: N * 2 // 3]), examples.take(rows[N * 2 // 3 :])


@every_model
@pytest.mark.parametrize("kind", list(Kind), ids=[kind.value for kind in Kind])
def test_it_learns_is_kept_and_adds_up(name: str, kind: Kind, tables: dict[str, FeatureTable], tmp_path: Path) -> None:
    train, valid = parts_of(tables[name], kind)
    model = make_model(name).fit(train, valid)
    found = model.predict(valid.table)
    assert found.shape == (valid.n_samples, train.outcome.n_outputs) and np.isfinite(found).all()
    truth = valid.outcome.y if kind is not Kind.MULTILABEL else valid.outcome.y[:, 0]
    said = found[:, 0] if found.shape[1] == 1 or kind is Kind.MULTILABEL else found[:, -1]
    assert np.corrcoef(said, truth)[0, 1] > 0.9
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    # Where arrays lie in memory decides which instructions read them, and so on the last digits.
    np.testing.assert_allclose(loaded.decide(valid.table), model.decide(valid.table), atol=1e-4)
    groups = np.array([0, 0, 0, 1, 1, 1, 2])
    told = loaded.contributions(valid.table, groups, ["first", "second", "price"])
    np.testing.assert_allclose(told.values.sum(axis=1) + told.base, model.decide(valid.table), atol=1e-4)
    assert method_in("ru", told.method) != told.method
    if name != "fusion_net":
        assert np.abs(told.values[:, 2]).max() == 0.0  # it does not read the price
    assert np.abs(told.values[:, 0]).mean() > 3 * np.abs(told.values[:, 1]).mean()


@every_model
def test_the_same_seed_and_the_batch_do_not_matter(name: str, tables: dict[str, FeatureTable]) -> None:
    train, valid = parts_of(tables[name], Kind.BINARY)
    models = [make_model(name).fit(train, valid) for _ in range(2)]
    scores = [model.decide(valid.table) for model in models]
    np.testing.assert_allclose(*scores, atol=1e-4)
    single = np.concatenate([models[0].decide(valid.table.take([i])) for i in range(5)])
    np.testing.assert_allclose(single, scores[0][:5], atol=1e-4)


def test_steps_that_spoil_are_taken_back_and_lowered(tables: dict[str, FeatureTable]) -> None:
    train, valid = parts_of(tables["tuned_text"], Kind.CONVERSION)
    wild = make_model("tuned_text", epochs=4, learning_rate=3.0, head_rate=3.0).fit(train, valid)
    probe, first, *later = wild.losses_  # type: ignore[attr-defined]
    assert first > probe and len(later) == 3  # two lowerings, each with an epoch, and patience
    assert min(later) < first
    kept = wild.losses_[wild.epochs_]  # type: ignore[attr-defined]
    assert kept == min(wild.losses_)  # type: ignore[attr-defined]


@every_model
def test_what_is_missing_is_at_the_mean(name: str, tables: dict[str, FeatureTable]) -> None:
    train, valid = parts_of(tables[name], Kind.BINARY)
    model = make_model(name).fit(train, valid)
    blank = model.decide(valid.table.blanked())
    assert np.ptp(blank) == 0.0 and np.isfinite(blank).all()
    empty = valid.table.take(np.zeros(0, dtype=np.int64))
    assert model.decide(empty).shape == (0, 1)
    assert model.contributions(empty, np.zeros(7, np.int64), ["all"]).values.shape == (0, 1, 1)


def test_rows_are_scored_once_whoever_asks(tables: dict[str, FeatureTable], monkeypatch: pytest.MonkeyPatch) -> None:
    train, valid = parts_of(tables["tuned_text"], Kind.BINARY)
    model, asked = make_model("tuned_text").fit(train, valid), []
    once = TunedNet.all_read
    monkeypatch.setattr(TunedNet, "all_read", lambda net, parts: asked.append(1) or once(net, parts))
    model.decide(valid.table)
    model.decide(valid.table.select(view="text+table"))
    assert len(asked) == 1
    other = model.decide(valid.table.take(np.arange(3)))
    assert len(asked) == 2 and len(other) == 3


@every_model
def test_errors_say_what_to_do(name: str, tables: dict[str, FeatureTable], tmp_path: Path) -> None:
    train, valid = parts_of(tables[name], Kind.BINARY)
    with pytest.raises(NotFittedError):
        make_model(name).decide(valid.table)
    with pytest.raises(InputError, match="encoder"):
        make_model(name).fit(replace(train, table=replace(train.table, contents=None)))
    model = make_model(name).fit(train, valid)
    with pytest.raises(InputError, match="encoder"):
        model.decide(replace(valid.table, contents=None))
    model.save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    described["extra"]["sources"] = ["first", "second"]  # as earlier versions had them
    (tmp_path / "model.json").write_text(json.dumps(described))
    with pytest.raises(ArtifactError, match="Run fit again"):
        type(model).load(tmp_path)
    weights = tmp_path / "tuned.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(ArtifactError):
        type(model).load(tmp_path)


@every_model
def test_deadlines_and_constants(name: str, tables: dict[str, FeatureTable], tmp_path: Path) -> None:
    train, valid = parts_of(tables[name], Kind.BINARY)
    late = make_model(name).fit(train, valid, deadline=time.monotonic() - 1.0)
    assert np.ptp(late.decide(valid.table)) == 0.0
    one = replace(train, outcome=replace(train.outcome, y=np.zeros(train.n_samples, np.int64)))
    constant = make_model(name).fit(one)
    constant.save(tmp_path)
    assert np.ptp(type(constant).load(tmp_path).decide(valid.table)) == 0.0
    assert make_model(name).params_for_refit([make_model(name).fit(train, valid)])["epochs"] >= 1


@every_model
def test_reading_ends_at_the_deadline(
    name: str, tables: dict[str, FeatureTable], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, valid = parts_of(tables[name], Kind.BINARY)
    read, begun, now = Tower._raw, [], time.monotonic()

    def counted(*arguments: Any) -> Any:
        begun.append(1)
        return read(*arguments)

    monkeypatch.setattr(Tower, "_raw", counted)
    monkeypatch.setattr(tower, "ROWS_AT_ONCE", 20)
    # A clock that leaps over the deadline while the first rows are read.
    monkeypatch.setattr(tower, "time", SimpleNamespace(monotonic=lambda: now + 1e6 * len(begun)))
    late = make_model(name).fit(train, valid, deadline=now + 1e5)
    assert len(begun) == 1 and np.ptp(late.decide(valid.table)) == 0.0
    late.save(tmp_path)
    assert np.ptp(type(late).load(tmp_path).decide(valid.table)) == 0.0


@every_model
def test_it_learns_as_well_in_bf16(name: str, tables: dict[str, FeatureTable], monkeypatch: pytest.MonkeyPatch) -> None:
    train, valid = parts_of(tables[name], Kind.BINARY)
    monkeypatch.setattr(tower, "fastest_precision", lambda: "fp32")
    exact = make_model(name).fit(train, valid).decide(valid.table)
    seen = []
    vectors = Trunk.vectors

    def watched(trunk: Trunk, *arguments: Any) -> Any:
        import torch

        seen.append(torch.is_autocast_enabled(device()))
        return vectors(trunk, *arguments)

    monkeypatch.setattr(Trunk, "vectors", watched)
    monkeypatch.setattr(tower, "fastest_precision", lambda: "bf16")
    rounded = make_model(name).fit(train, valid).decide(valid.table)
    assert seen and all(seen) and not np.array_equal(exact, rounded)
    np.testing.assert_array_equal(rounded > 0, exact > 0)
    assert np.corrcoef(exact[:, 0], rounded[:, 0])[0, 1] > 0.99


def test_random_targets_show_no_skill(tables: dict[str, FeatureTable]) -> None:
    from sklearn.metrics import roc_auc_score

    table, rng = tables["tuned_text"], np.random.default_rng(5)
    outcome = Outcome(Kind.BINARY, rng.permutation(np.arange(N) % 2), ("no", "yes"), 2)
    examples, scores = Examples(table, outcome), np.zeros(N)
    fold = rng.permutation(np.arange(N) % 3)
    for k in range(3):
        model = make_model("tuned_text", epochs=3).fit(examples.take(fold != k), examples.take(fold == k))
        scores[fold == k] = model.predict(table.take(fold == k))[:, 1]
    assert abs(roc_auc_score(outcome.y, scores) - 0.5) < 2.5 * np.sqrt(N / 12) / (N / 2)
