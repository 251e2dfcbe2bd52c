"""Maps by gradients: they add up, are of the weights, and find the mark that decides."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models.registry import TUNED
from automl.models.tuned_gradients import photo_gradients, word_gradients
from automl.models.tuned_model import TunedModel
from featurizers.encoders import Encoder
from featurizers.image_trunk import ImageTrunk
from featurizers.text_trunk import TextTrunk

N, SIDE, MARK = 120, 64, 16


def drawn(seed: int, marked: bool) -> tuple[bytes, tuple[int, int]]:
    rng = np.random.default_rng(seed)
    pixels = (rng.normal(110, 12, size=(SIDE, SIDE, 3)) + rng.normal(0, 8, size=3)).clip(0, 255).astype(np.uint8)
    top, left = (int(place) for place in rng.integers(0, SIDE - MARK, size=2))
    if marked:
        pixels[top : top + MARK, left : left + MARK] = (250, 60, 40)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue(), (top + MARK // 2, left + MARK // 2)


def made(
    modality: Modality, cells: list[Any], good: np.ndarray, encoders: tuple[Encoder, Encoder], folder: Path
) -> Examples:
    """Rows of one text or photo, and a price beside it."""
    column, price = Column("it", modality, Title("it", "it")), Column("price", Modality.NUMERIC, Title("p", "p"))
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    known = {encoder.modality: encoder.to_json() for encoder in encoders}
    contents = Contents({"it": column}, {"it": values}, known, None, EmbeddingStore(folder / "cache"))
    numbers = np.random.default_rng(0).normal(size=(len(cells), 1)).astype("f4")
    blocks = (
        Block("it", "embedding", opaque_features(column, "embedding", 3), np.zeros((len(cells), 3), "f4")),
        Block("price", "number", opaque_features(price, "number", 1), numbers),
    )
    table = FeatureTable(blocks, pd.RangeIndex(len(cells)), contents)
    return Examples(table, Outcome(Kind.BINARY, good.astype(np.int64), ("no", "yes"), 2))


def fitted(name: str, examples: Examples, **params: Any) -> TunedModel:
    rows = np.arange(examples.n_samples)
    model = TUNED[name]({**TUNED[name].get_test_params(), **params})
    return model.fit(examples.take(rows[rows % 4 > 0]), examples.take(rows[rows % 4 == 0]))


def randomised(model: TunedModel, seed: int) -> TunedModel:
    """The same with other weights in the layers that are tuned."""
    assert model.net_ is not None
    torch.manual_seed(seed)
    with torch.no_grad():
        for tower in model.net_.towers:
            for weight in tower.upper.parameters():
                weight.copy_(torch.randn_like(weight) * weight.std().nan_to_num(nan=1.0))
    model._read = None
    return model


@pytest.fixture(scope="module")
def marks(encoders: tuple[Encoder, Encoder], tmp_path_factory: pytest.TempPathFactory) -> Examples:
    good = np.arange(N) % 2 == 0
    cells = [drawn(i, bool(one))[0] for i, one in enumerate(good)]
    return made(Modality.IMAGE, cells, good, encoders, tmp_path_factory.mktemp("marks"))


@pytest.mark.parametrize("name", ["tuned_image", "fusion_net"])
def test_the_mark_is_found_and_the_map_is_of_the_weights(name: str, marks: Examples) -> None:
    model = fitted(name, marks, **({"layers": 1} if name == "tuned_image" else {}))
    found, maps = [], []
    shown = range(0, 40, 2)
    for i in shown:
        photo, (row, column) = drawn(i, True)
        heat = photo_gradients(model, marks.table.take([i]), "it", photo, (SIDE, SIDE), 0)
        assert heat.shape == (SIDE, SIDE) and np.isfinite(heat).all()
        found.append(heat[row, column] >= np.quantile(heat, 0.9))
        maps.append(heat)
    assert np.mean(found) >= 0.9
    alike = []
    for seed in range(3):
        other = randomised(model, seed)
        for i, known in zip(shown, maps, strict=True):
            heat = photo_gradients(other, marks.table.take([i]), "it", drawn(i, True)[0], (SIDE, SIDE), 0)
            alike.append(spearmanr(known.ravel(), heat.ravel()).statistic)
    assert np.median(alike) < 0.5


def test_what_places_give_adds_up_to_the_photo_less_an_empty_one(marks: Examples) -> None:
    model = fitted("tuned_image", marks)
    assert model.net_ is not None
    trunk = model.net_.towers[0].trunk
    assert isinstance(trunk, ImageTrunk)
    photo, _ = drawn(0, True)
    heat = photo_gradients(model, marks.table.take([0]), "it", photo, (SIDE, SIDE), 0)
    contents = marks.table.take([0]).contents
    assert contents is not None
    cells = np.empty(1, dtype=object)
    cells[:] = [trunk.emptied(photo)]
    empty = replace(marks.table.take([0]), contents=replace(contents, cells={"it": cells}))
    difference = float((model.decide(marks.table.take([0])) - model.decide(empty))[0, 0])
    rows, columns = trunk._facts.seen(SIDE, SIDE)
    # The map is the grid made larger, so that its mean times the places of the grid is their sum.
    assert heat.sum() / (rows * columns) * np.prod(trunk._parts.shape[1:]) == pytest.approx(difference, rel=0.05)


@pytest.fixture(scope="module")
def posts(encoders: tuple[Encoder, Encoder], tmp_path_factory: pytest.TempPathFactory) -> tuple[Examples, list[str]]:
    rng = np.random.default_rng(0)
    good = rng.integers(0, 2, size=N) > 0
    words = ("paper", "river", "table", "seven", "garden", "window", "letter")
    texts = []
    for one in good:
        said = [str(word) for word in rng.choice(words, size=4)]
        said.insert(int(rng.integers(0, 5)), "wonderful" if one else "broken")
        texts.append(" ".join(said))
    return made(Modality.TEXT, texts, good, encoders, tmp_path_factory.mktemp("posts")), texts


@pytest.mark.parametrize("name", ["tuned_text", "fusion_net"])
def test_words_that_decide_are_found(name: str, posts: tuple[Examples, list[str]]) -> None:
    examples, texts = posts
    model = fitted(name, examples)
    assert model.net_ is not None
    trunk = model.net_.towers[0].trunk
    assert isinstance(trunk, TextTrunk)
    right, maps = [], []
    for i in range(20):
        ends = np.cumsum([len(word) + 1 for word in texts[i].split()])
        pieces = [(int(end) - len(word) - 1, int(end) - 1) for end, word in zip(ends, texts[i].split(), strict=True)]
        given = word_gradients(model, examples.table.take([i]), "it", pieces, 0)
        assert np.isfinite(given).all()
        strongest = texts[i].split()[int(np.abs(given).argmax())]
        right.append(strongest in ("wonderful", "broken"))
        maps.append(given)
    assert np.mean(right) >= 0.9
    first = dict(zip(texts[0].split(), maps[0], strict=True))
    sign = 1.0 if "wonderful" in first else -1.0
    assert sign * first["wonderful" if sign > 0 else "broken"] > 0
    other = randomised(model, 0)
    pieces = [(0, len(texts[0].split()[0]))]
    assert abs(word_gradients(other, examples.table.take([0]), "it", pieces, 0)[0] - maps[0][0]) > 1e-3


def test_what_is_not_read_gives_nothing(posts: tuple[Examples, list[str]]) -> None:
    examples, _ = posts
    model = fitted("tuned_text", examples)
    row = examples.table.take([0])
    assert not word_gradients(model, row, "another", [(0, 3)], 0).any()
    assert not word_gradients(model, row.blanked(), "it", [(0, 3)], 0).any()
    assert not photo_gradients(model, row, "it", b"", (4, 5), 0).any()
    assert np.isnan(word_gradients(model, row, "it", [(0, 3), (9_000, 9_003)], 0)[1])
