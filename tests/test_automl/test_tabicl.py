"""What TabICL adds to the contract of models."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import ArtifactError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends.base import Problem
from automl.backends.fitted_search import FittedSearch
from automl.backends.search import SearchBackend, _Search
from automl.budget import Budget
from automl.models import tabicl
from automl.models.tabicl import TabICLModel
from automl.models.tabicl_checkpoint import VARIABLE
from evaluation.metrics import METRICS
from evaluation.splits import Fold

needs_package = pytest.mark.skipif(find_spec("tabicl") is None, reason="the package 'tabicl' is not installed")
N = 120


def make_table(n: int = N) -> FeatureTable:
    rng = np.random.default_rng(0)
    blocks = []
    for name, width in (("photo", 40), ("price", 1)):
        column = Column(name, Modality.IMAGE if width > 1 else Modality.NUMERIC, Title(name, name))
        blocks.append(
            Block(name, "net", opaque_features(column, "net", width), rng.normal(size=(n, width)).astype("f4"))
        )
    return FeatureTable(tuple(blocks), pd.RangeIndex(n))


def make_outcome(kind: Kind, n: int = N) -> Outcome:
    price = make_table(n).blocks[1].values[:, 0].astype(np.float64)
    if kind is Kind.REGRESSION:
        return Outcome(kind, 3.0 * price)
    if kind is Kind.CONVERSION:
        return Outcome(kind, 1.0 / (1.0 + np.exp(-price)), trials=np.full(n, 50.0))
    return Outcome(kind, (price > 0).astype(np.int64), ("no", "yes"), 2)


def make_problem(folder: Path, kind: Kind, models: list[str]) -> Problem:
    number = np.arange(N) % 2
    folds = tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(2))
    metric = METRICS["r2" if kind is Kind.REGRESSION else "roc_auc" if kind is Kind.BINARY else "log_likelihood_skill"]
    settings = {"max_trials": 0, "models": models}
    examples = Examples(make_table(), make_outcome(kind))
    return Problem(examples, folds, metric, Budget(600), RunFolder(folder).create(), settings=settings)


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch, tiny_tabicl: Path) -> Path:
    monkeypatch.setenv(VARIABLE, str(tiny_tabicl))
    return tiny_tabicl


@needs_package
def test_a_search_fits_blends_and_keeps_it(weights: Path, tmp_path: Path) -> None:
    problem = make_problem(tmp_path / "run", Kind.BINARY, ["linear", "tabicl"])
    fitted = SearchBackend().fit(problem)
    rows = {(c.model, c.view): c for c in fitted.candidates}
    assert not rows["tabicl", "all"].error and not rows["tabicl", "image"].error
    (tmp_path / "model").mkdir()
    fitted.blends["final"] = {"tabicl-all": 1.0}
    fitted.save(tmp_path / "model")
    size = sum(path.stat().st_size for path in (tmp_path / "model" / "tabicl-all").rglob("*") if path.is_file())
    assert size < 200_000, "the weights are not copied for each fold"
    table = problem.examples.table
    np.testing.assert_allclose(FittedSearch.load(tmp_path / "model").decide(table), fitted.decide(table), atol=1e-4)
    scores = fitted.decide(table, "tabicl-all")[:, 0]
    assert np.corrcoef(scores, table.blocks[1].values[:, 0])[0, 1] > 0.8


def test_a_search_says_why_it_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing.ckpt"))
    fitted = SearchBackend().fit(make_problem(tmp_path / "weights", Kind.BINARY, ["linear", "tabicl"]))
    rows = [c for c in fitted.candidates if c.model == "tabicl"]
    assert [c.view for c in rows] == ["all"], "one row, not one for each view"
    assert "Set TABULAR_FUSION_TABICL" in rows[0].error or "pip install 'tabular-fusion[tabicl]'" in rows[0].error


def test_it_is_searched_where_it_is_named_alone_and_never_for_rates(tmp_path: Path) -> None:
    problem = make_problem(tmp_path / "rates", Kind.CONVERSION, ["linear", "tabicl"])
    search = _Search(problem, problem.budget)
    assert search.models == ["linear"]
    assert "numbers and up to 30 classes, but the target has kind 'conversion'" in search.left_out[0].error
    problem = make_problem(tmp_path / "unasked", Kind.BINARY, [])
    search = _Search(problem, problem.budget)
    assert "linear" in search.models and "tabicl" not in search.models and not search.left_out


@needs_package
def test_more_classes_than_the_weights_know(weights: Path) -> None:
    rng = np.random.default_rng(1)
    table, y = make_table(240), np.concatenate([np.arange(14), rng.integers(0, 14, 226)])
    outcome = Outcome(Kind.MULTICLASS, y, tuple(range(15)), 15)
    model = TabICLModel({"estimators": 2}).fit(Examples(table, outcome))
    predictions = model.predict(table.take(np.arange(20)))
    np.testing.assert_allclose(predictions.sum(axis=1), 1.0)
    assert predictions.shape == (20, 15) and 0 < predictions[:, 14].max() < 0.01
    np.testing.assert_array_equal(model.predict(table.take(np.arange(20))), predictions)


@needs_package
@pytest.mark.parametrize("form", ["kv", "repr"])
def test_how_often_and_with_what_it_is_asked_changes_nothing(monkeypatch, weights: Path, form: str) -> None:
    monkeypatch.setattr(tabicl, "MOST_KEPT", 1 << 40 if form == "kv" else 0)
    monkeypatch.setattr(tabicl, "ASKED_AT_ONCE", 50)
    table = make_table()
    model = TabICLModel({"estimators": 2}).fit(Examples(table, make_outcome(Kind.REGRESSION)))
    first = model.decide(table)
    assert model._kept is None, "what is asked once takes no memory"
    alone = np.concatenate([model.decide(table.take([i])) for i in range(5)])
    assert model._kept is not None and model._kept.cache_mode_ == form
    np.testing.assert_allclose(alone, first[:5], atol=1e-4)


@needs_package
def test_the_context_is_cut_to_the_time_that_there_is(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    """A clock on which each row of a pass takes a second."""

    class Clock:
        now = 0.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    true = TabICLModel._raw_of

    def slow(self: TabICLModel, estimator, x: np.ndarray) -> np.ndarray:
        Clock.now += len(estimator.ensemble_generator_.y_) + len(x)
        return true(self, estimator, x)

    monkeypatch.setattr(tabicl, "time", Clock)
    monkeypatch.setattr(TabICLModel, "_raw_of", slow)
    examples = Examples(make_table(400), make_outcome(Kind.BINARY, 400))
    train, valid = examples.take(np.arange(300)), examples.take(np.arange(300, 400))
    sizes = {}
    for seconds in (10_000.0, 1_000.0, 300.0):
        Clock.now = 0.0
        model = TabICLModel({"estimators": 2}).fit(train, valid, deadline=seconds)
        sizes[seconds] = len(model.x_) if model.columns_ is not None else 0
        if sizes[seconds]:
            model.decide(valid.table)
            assert Clock.now <= seconds
    assert sizes[10_000.0] == 300 and 100 <= sizes[1_000.0] < 200 and sizes[300.0] == 0


@needs_package
def test_a_file_of_something_else_is_told_and_runs_no_code(monkeypatch, weights: Path, tmp_path: Path) -> None:
    import torch

    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run by a checkpoint"),)

    examples = Examples(make_table(), make_outcome(Kind.BINARY))
    torch.save({"config": Harmful(), "state_dict": {}}, tmp_path / "harmful-classifier.ckpt")
    torch.save({"weights": 1}, tmp_path / "strange-classifier.ckpt")
    (tmp_path / "damaged-classifier.ckpt").write_bytes(b"no checkpoint")
    (tmp_path / "other-classifier.ckpt").write_bytes((weights / "tiny-regressor.ckpt").read_bytes())
    for name in ("harmful", "strange", "damaged", "other"):
        monkeypatch.setenv(VARIABLE, str(tmp_path / f"{name}-classifier.ckpt"))
        with pytest.raises(ArtifactError, match=f"{name}-classifier.ckpt.*Set {VARIABLE}"):
            TabICLModel().fit(examples).decide(examples.table)
    assert not (tmp_path / "run by a checkpoint").exists()


@needs_package
def test_a_machine_without_the_weights_says_which_it_lacks(monkeypatch, weights: Path, tmp_path: Path) -> None:
    copied = tmp_path / "here-classifier.ckpt"
    copied.write_bytes((weights / "tiny-classifier.ckpt").read_bytes())
    monkeypatch.setenv(VARIABLE, str(copied))
    examples = Examples(make_table(), make_outcome(Kind.BINARY))
    model = TabICLModel({"estimators": 1}).fit(examples)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    decided = model.decide(examples.table)
    copied.unlink()
    monkeypatch.setenv(VARIABLE, "")
    with pytest.raises(ArtifactError, match="here-classifier.ckpt' .*not on this machine.*Copy that file here"):
        TabICLModel.load(tmp_path / "model")
    monkeypatch.setenv(VARIABLE, str(weights))
    np.testing.assert_array_equal(TabICLModel.load(tmp_path / "model").decide(examples.table), decided)


@needs_package
def test_what_an_embedding_says_counts_for_it(weights: Path) -> None:
    table = make_table(300)
    model = TabICLModel({"estimators": 2}).fit(Examples(table, make_outcome(Kind.REGRESSION, 300)))
    some = table.take(np.arange(15))
    found = model.contributions(some, np.array([0] * 20 + [1] * 20 + [2]), ["left", "right", "price"])
    np.testing.assert_allclose(found.total, model.decide(some), atol=1e-4)
    assert found.importance[2] > 3 * found.importance[:2].max() and "at its training mean" in found.method
