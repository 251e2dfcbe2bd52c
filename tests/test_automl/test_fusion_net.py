"""The net over texts, photos and other columns: fused is more than each alone, and what is missing is no surprise."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import SHARES, Column, Kind, Modality, Title, opaque_features
from automl.models.fusion_net import FusionNetModel, _lacking
from automl.models.solvers import Rows
from automl.models.tuned_model import TunedModel
from automl.models.tuned_net import TunedNet
from automl.models.tuned_text import TunedTextModel
from featurizers.encoders import Encoder

N, N_TRAIN = 900, 600
WORDS = (("cold", "winter", "grey"), ("warm", "summer", "bright"))


def photo(light: bool, number: int) -> bytes:
    random = np.random.default_rng(number)
    pixels = np.clip((190 if light else 60) + random.normal(0, 30, (16, 16, 3)), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def block(name: str, modality: Modality, values: np.ndarray, featurizer: str) -> Block:
    column = Column(name, modality, Title(name, name))
    return Block(name, featurizer, opaque_features(column, featurizer, values.shape[1]), values.astype("f4"))


def made(encoders: tuple[Encoder, Encoder], cache: Path, alike: bool) -> Examples:
    """Text, photo and price each say in four rows of five what a class is, with errors of their own; ``alike``: photo
    and text say the same, which with the price makes a number."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=N)
    said, shown, priced = (np.where(rng.random(N) < 0.8, y, 1 - y) for _ in range(3))
    shown = said if alike else shown
    texts, photos = np.empty(N, dtype=object), np.empty(N, dtype=object)
    texts[:] = [f"{WORDS[word][k % 3]} thing {k % 5}" for k, word in enumerate(said)]
    photos[:] = [photo(bool(light), k % 4) for k, light in enumerate(shown)]
    blocks = (
        block("title", Modality.TEXT, np.zeros((N, 3)), "embedding"),
        block("photo", Modality.IMAGE, np.zeros((N, 3)), "embedding"),
        block("price", Modality.NUMERIC, priced[:, None] + 0.1 * rng.normal(size=(N, 1)), "number"),
    )
    columns = {one.source: Column(one.source, one.modality, Title(one.source, one.source)) for one in blocks[:2]}
    known = {encoder.modality: encoder.to_json() for encoder in encoders}
    contents = Contents(columns, {"title": texts, "photo": photos}, known, None, EmbeddingStore(cache))
    number = Outcome(Kind.REGRESSION, 10.0 + 4.0 * said + 2.0 * priced + 0.3 * rng.normal(size=N))
    outcome = number if alike else Outcome(Kind.BINARY, y, ("no", "yes"), 2)
    return Examples(FeatureTable(blocks, pd.RangeIndex(N), contents), outcome)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("activations")


@pytest.fixture(scope="module")
def examples(encoders: tuple[Encoder, Encoder], cache: Path) -> Examples:
    return made(encoders, cache, alike=False)


def fitted(model: type[TunedModel], rows: Examples, **params: object) -> TunedModel:
    known = rows.take(np.arange(N_TRAIN))
    parts = known.take(np.arange(N_TRAIN) % 4 > 0), known.take(np.arange(N_TRAIN) % 4 == 0)
    return model({**model.get_test_params(), "epochs": 3, **params}, seed=1, n_threads=1).fit(*parts)


def auc(model: TunedModel, rows: Examples) -> float:
    new = rows.take(np.arange(N_TRAIN, N))
    return float(roc_auc_score(new.outcome.y, model.predict(new.table)[:, 1]))


def error(model: TunedModel, rows: Examples, without: str) -> float:
    new = rows.take(np.arange(N_TRAIN, N))
    return float(np.square(model.predict(new.table.blanked([without]))[:, 0] - new.outcome.y).mean())


@pytest.fixture(scope="module")
def fused(examples: Examples) -> FusionNetModel:
    return fitted(FusionNetModel, examples)


def test_together_they_say_more_than_alone(fused: FusionNetModel, examples: Examples) -> None:
    alone = auc(fitted(TunedTextModel, examples), examples)
    assert auc(fused, examples) > alone + 0.05


@pytest.mark.parametrize("view", ["text", "image", "table"])
def test_a_row_without_a_modality_is_predicted_as_by_a_model_without_it(
    view: str, encoders: tuple[Encoder, Encoder], cache: Path
) -> None:
    alike = made(encoders, cache, alike=True)  # who sees text and photo may believe either by half
    size = {"projection": 32, "width": 64, "head_epochs": 24, "epochs": 1}
    rest = alike.view("+".join(one for one in ("image", "text", "table") if one != view))
    never = error(fitted(FusionNetModel, rest, **size), rest, view)
    found = error(fitted(FusionNetModel, alike, **size), alike, view)
    surprised = error(fitted(FusionNetModel, alike, modality_dropout=0.0, **size), alike, view)
    assert found < never + 0.03 * alike.outcome.y.var()
    assert found < (0.6 if view != "table" else 1.0) * surprised  # of the price nothing else tells


def test_contributions_tell_sources_and_columns_apart(fused: FusionNetModel, examples: Examples) -> None:
    new = examples.table.take(np.arange(N_TRAIN, N))
    told = fused.contributions(new, np.array([0, 0, 0, 1, 1, 1, 2]), ["title", "photo", "price"])
    np.testing.assert_allclose(told.values.sum(axis=1) + told.base, fused.decide(new), atol=1e-4)
    assert np.abs(told.values).mean(axis=(0, 2)).min() > 0.1
    price = new.blocks[2].values[:, 0]
    assert np.corrcoef(told.values[:, 2, 0], price)[0, 1] > 0.9
    by_feature = fused.contributions(new, np.arange(7), [f"f{i}" for i in range(7)]).values
    np.testing.assert_allclose(by_feature[:, :3].sum(axis=1), told.values[:, 0], atol=1e-6)  # shared by its dimensions


def test_random_targets_show_no_skill(examples: Examples) -> None:
    rng = np.random.default_rng(3)
    shuffled = replace(examples, outcome=replace(examples.outcome, y=rng.permutation(examples.outcome.y)))
    n = N - N_TRAIN
    assert abs(auc(fitted(FusionNetModel, shuffled), shuffled) - 0.5) < 2.5 * np.sqrt(n / 12) / (n / 2)


def test_what_changes_in_another_column_is_seen(fused: FusionNetModel, examples: Examples) -> None:
    new = examples.table.take(np.arange(5))
    before = fused.decide(new)
    price = new.blocks[2]
    dearer = Block("price", price.featurizer, price.features, price.values + 1)
    after = fused.decide(replace(new, blocks=(*new.blocks[:2], dearer)))  # the same contents
    assert np.abs(after - before).min() > 0.1


def test_one_source_alone_is_nothing_to_fuse(examples: Examples) -> None:
    sources = FusionNetModel.sources_in(examples.table)
    assert sources == {Modality.TEXT: ("title",), Modality.IMAGE: ("photo",)}
    assert FusionNetModel.sources_in(examples.table.select(view="text")) == {}
    assert FusionNetModel.sources_in(examples.table.select(view="text+table")) == {Modality.TEXT: ("title",)}
    assert FusionNetModel.sources_in(replace(examples.table, contents=None)) == {}


def test_a_modality_that_cannot_be_read_is_left_out(examples: Examples) -> None:
    contents = examples.table.contents
    assert contents is not None
    broken = np.empty(N, dtype=object)
    broken[:] = [b"\x89PNG\r\n\x1a\n no photo %d" % i for i in range(N)]
    spoilt = replace(contents, cells={**contents.cells, "photo": broken})
    rows = replace(examples, table=replace(examples.table, contents=spoilt))
    model = fitted(FusionNetModel, rows)
    assert list(model.sources_) == [Modality.TEXT] and auc(model, rows) > 0.75


def test_training_shows_rows_as_they_are_and_without_each_modality(fused: FusionNetModel) -> None:
    net = fused.net_
    assert net is not None
    n_columns = sum(net.parts)
    rows = Rows(np.full((2, n_columns), 7.0, dtype=np.float32), np.array([0.0, 1.0]), np.ones(2))
    seen = _lacking(rows, net, 0.1)
    assert seen.x.shape == (8, n_columns) and seen.y.tolist() == [0.0, 1.0] * 4
    np.testing.assert_allclose(seen.weight, [0.7] * 2 + [0.1] * 6)
    text = net.blank().view == SHARES.index("text")
    (without,) = [one for one in seen.x[2:] if (one[~text] == 7.0).all()][:1]
    assert text.sum() == net.towers[0].width + 1 and (without[text][:-1] == 0.0).all() and without[text][-1] == 1.0


def test_a_batch_that_does_not_fit_is_halved(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    sizes, scores = [], TunedNet.scores

    def scarce(net: TunedNet, inputs: object, rows: np.ndarray) -> object:
        sizes.append(len(rows))
        if torch.is_grad_enabled() and len(rows) > 8:
            raise torch.OutOfMemoryError
        return scores(net, inputs, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(TunedNet, "scores", scarce)
    model = fitted(FusionNetModel, examples, epochs=1)
    assert {32, 16, 8} <= set(sizes) and np.isfinite(model.losses_).all()


def test_huber_leaves_outliers_where_they_are(examples: Examples) -> None:
    rng = np.random.default_rng(1)
    plain = 10.0 + 4.0 * examples.outcome.y + 0.1 * rng.normal(size=N)
    far = np.where(rng.random(N) < 0.06, plain + 60.0, plain)
    rows = replace(examples, outcome=Outcome(Kind.REGRESSION, far))
    new = examples.table.take(np.arange(N_TRAIN, N))
    off = {
        huber: np.median(
            np.abs(fitted(FusionNetModel, rows, huber=huber, epochs=4).predict(new)[:, 0] - plain[N_TRAIN:])
        )
        for huber in (False, True)
    }
    assert off[True] < 0.8 * off[False]
