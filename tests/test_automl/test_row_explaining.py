"""Rows explained by the model as a whole: photos with a mark whose presence decides, texts with a word that does."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

from artifacts import Task
from artifacts.embedding_store import CACHE_VARIABLE, EmbeddingStore
from artifacts.errors import InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.finding import Audit
from artifacts.progress import Silent
from artifacts.schema import Kind
from automl.backends.base import FittedBackend
from automl.predictor import Predictor
from automl.row_choice import position_of
from automl.row_explaining import explain_row
from evaluation.row_explanation import State
from featurizers.base import Surroundings
from featurizers.column_inference import infer_schema
from featurizers.table_featurizer import TableFeaturizer

SIDE, MARK, N_TRAIN, N_SHOWN = 64, 12, 140, 10


class Logistic(FittedBackend):
    """Logistic regression over the features of some views, standardised; the others have no weight."""

    kind = Kind.BINARY

    def __init__(self, table: FeatureTable, y: NDArray[Any], views: Sequence[str] = ("image", "text", "table")) -> None:
        from sklearn.linear_model import LogisticRegression

        values = np.nan_to_num(table.to_numpy().astype(np.float64))
        self.mean, self.scale = values.mean(axis=0), values.std(axis=0) + 1e-6
        known = np.array([feature.modality.view in views for feature in table.features])
        self.scale[~known] = np.inf
        model = LogisticRegression(C=0.1, max_iter=2000).fit((values - self.mean) / self.scale, y)
        self.weights, self.shift = model.coef_[0], float(model.intercept_[0])

    def _terms(self, table: FeatureTable) -> NDArray[np.float64]:
        values = np.nan_to_num(table.to_numpy().astype(np.float64))
        return np.asarray((values - self.mean) / self.scale * self.weights)

    def decide(self, table: FeatureTable, key: str = FittedBackend.FINAL) -> NDArray[np.float64]:
        return (self._terms(table).sum(axis=1) + self.shift)[:, None]

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        adder = np.zeros((len(groups), len(names)))
        adder[np.arange(len(groups)), groups] = 1.0
        values = (self._terms(table) @ adder)[..., None]
        return Explanation(tuple(names), values, np.array([self.shift]), "log-odds", "exact")

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError


def encoded(seed: int, marked: bool) -> tuple[bytes, tuple[int, int]]:
    rng = np.random.default_rng(seed)
    photo = (rng.normal(110, 12, size=(SIDE, SIDE, 3)) + rng.normal(0, 8, size=3)).clip(0, 255).astype(np.uint8)
    top, left = (int(place) for place in rng.integers(4, SIDE - MARK - 4, size=2))
    if marked:
        photo[top : top + MARK, left : left + MARK] = (250, 240, 60)
    buffer = BytesIO()
    Image.fromarray(photo).save(buffer, "PNG")
    return buffer.getvalue(), (top + MARK // 2, left + MARK // 2)


def cards(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    marked = rng.random(n) < 0.5
    shown = [encoded(1000 * seed + i, bool(mark)) for i, mark in enumerate(marked)]
    words = ["чашка", "кружка", "чайник", "большая", "синяя", "для", "чая", "cup", "plain", "red", "with", "lid"]
    titles = [[*rng.choice(words, size=4, replace=False), "новая" if i % 2 else "старая"] for i in range(n)]
    return pd.DataFrame(
        {
            "card": [f"c{i}" for i in range(n)],
            "photo": pd.Series([photo for photo, _ in shown], dtype=object),
            "title": [" ".join(rng.permutation(title)) for title in titles],
            "sold": marked.astype(int),
            "centre": pd.Series([centre for _, centre in shown], dtype=object),
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A featurizer over cards, and the features of the training rows."""
    folder = tmp_path_factory.mktemp("cache")
    patch = pytest.MonkeyPatch()
    patch.setenv(CACHE_VARIABLE, str(folder))
    task = Task(
        name="marks",
        target={"kind": "binary", "column": "sold"},
        columns={"id": "card", "image": ["photo"], "text": ["title"], "ignore": ["centre"]},
        encoders={"text": "none", "image": "none"},
    )
    frame = cards(N_TRAIN)
    featurizer = TableFeaturizer(infer_schema(frame, task)[0])
    store = EmbeddingStore(folder)
    table = featurizer.fit_transform(frame, Surroundings(None, store, Audit(), Silent()))
    store.close()
    yield {"task": task, "featurizer": featurizer, "table": table, "frame": frame, "cache": folder}
    patch.undo()


def predictor(made: dict[str, Any], y: NDArray[Any] | None = None, **options: Any) -> Predictor:
    target = made["frame"]["sold"].to_numpy() if y is None else y
    fitted = Logistic(made["table"], target, **options)
    return Predictor(made["task"], made["featurizer"], fitted, [0, 1], Silent())


def test_the_mark_is_found_and_another_model_has_another_map(made: dict[str, Any]) -> None:
    shown = cards(60, seed=1)
    shown = shown[shown["sold"] == 1].head(N_SHOWN)
    model = predictor(made)
    shuffled = predictor(made, np.random.default_rng(0).permutation(made["frame"]["sold"].to_numpy()))
    hits, alike = 0, []
    for i in range(len(shown)):
        row = shown.iloc[[i]]
        found = explain_row(model, row, name=str(row["card"].iloc[0]))
        heat = found.photos[0].heat
        assert heat is not None and heat.shape == (SIDE, SIDE)
        hits += bool(heat[row["centre"].iloc[0]] >= np.quantile(heat, 0.9))
        if i < 3:
            other = explain_row(shuffled, row, name="x").photos[0].heat
            alike.append(abs(spearmanr(heat.ravel(), other.ravel()).statistic))
    assert hits >= 0.9 * N_SHOWN
    assert np.mean(alike) < 0.5


def n_entries(folder: Path) -> int:
    store = EmbeddingStore(folder)
    try:
        return int(store.describe()["entries"])
    finally:
        store.close()


def test_contributions_add_up_and_the_cache_and_the_audit_stay_clean(made: dict[str, Any]) -> None:
    row = cards(3, seed=2).iloc[[1]]
    model = predictor(made)
    model.featurize(row)
    model.audit = Audit()
    before = n_entries(made["cache"])
    found = explain_row(model, row, name="c1")
    assert n_entries(made["cache"]) == before > N_TRAIN
    assert not model.audit.findings
    assert found.base + sum(one.delta for one in found.sources) == pytest.approx(found.score)
    assert found.photos[0].part == pytest.approx(next(one.delta for one in found.sources if one.name == "photo"))
    assert found.predictions[1] == pytest.approx(model.predict_array(row)[0, 1])
    assert {piece.delta == piece.delta for piece in found.texts[0].pieces} == {True}
    flipped = explain_row(model, row, name="c1", label="0")
    np.testing.assert_allclose(flipped.photos[0].heat, -found.photos[0].heat, atol=1e-9)
    assert flipped.score == pytest.approx(-found.score)


def test_a_model_without_the_photo_has_an_empty_map_and_finds_the_word(made: dict[str, Any]) -> None:
    new = made["frame"]["title"].str.contains("новая").to_numpy()
    model = predictor(made, new.astype(int), views=("text",))
    row = cards(3, seed=3).iloc[[1]]
    found = explain_row(model, row, name="c1")
    assert found.photos[0].state is State.TRIED and not found.photos[0].heat.any() and found.photos[0].part == 0
    text = found.texts[0]
    deltas = {text.text[piece.start : piece.end]: piece.delta for piece in text.pieces}
    assert max(deltas, key=deltas.get) == "новая" and deltas["новая"] > 0


def test_what_is_missing_or_broken_or_several_is_said(made: dict[str, Any]) -> None:
    model, row = predictor(made), cards(3, seed=4).iloc[[0]]
    broken = row.assign(photo=pd.Series([b"\xff\xd8\xff no photo"], index=row.index, dtype=object), title="!!!")
    found = explain_row(model, broken, name="c0")
    assert found.photos[0].state is State.BROKEN and found.texts[0].state is State.NO_WORDS
    found = explain_row(model, row.drop(columns=["photo"]).assign(title=None), name="c0")
    assert found.photos[0].state is State.MISSING and found.texts[0].state is State.MISSING
    several = pd.Series([[row["photo"].iloc[0], encoded(9, False)[0]]], index=row.index, dtype=object)
    found = explain_row(model, row.assign(photo=several), name="c0")
    assert found.photos[0].n_photos == 2 and abs(found.photos[0].shift) < 1e-6


def test_bad_input_is_refused(made: dict[str, Any]) -> None:
    model, frame = predictor(made), cards(3, seed=5)
    with pytest.raises(InputError, match="has 3"):
        explain_row(model, frame, name="x")
    with pytest.raises(InputError, match="none of the columns"):
        explain_row(model, frame[["centre"]].iloc[[0]], name="x")
    with pytest.raises(InputError, match="Unknown label '7'"):
        explain_row(model, frame.iloc[[0]], name="x", label="7")


def test_a_row_is_found_by_its_id_or_number(made: dict[str, Any]) -> None:
    task, frame = made["task"], cards(12)
    assert position_of(frame, task, "c7") == 7
    with pytest.raises(InputError, match=r"no row 'c77' in column 'card'\. Near: \['c7'"):
        position_of(frame, task, "c77")
    with pytest.raises(InputError, match="2 rows are called 'c1'"):
        position_of(frame.assign(card=["c1", "c1", *frame["card"][2:]]), task, "c1")
    assert position_of(frame.assign(card=np.arange(12.0)), task, "3") == 3
    assert position_of(frame.drop(columns="card"), task, "5") == 5
    with pytest.raises(InputError, match="the numbers of the rows"):
        position_of(frame.drop(columns="card"), task, "12")
    with pytest.raises(InputError, match="the table is empty"):
        position_of(frame.head(0), task, "c1")
