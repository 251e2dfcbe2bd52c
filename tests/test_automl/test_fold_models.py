"""Models of folds: one after the other, or side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.backends import fold_models
from automl.backends.fold_models import OutOfTime, Pruned, Way, fit_fold_models
from automl.budget import Budget
from automl.models.base import Model
from automl.models.lightgbm import LightGBMModel
from evaluation.splits import Fold, make_folds

N = 300


@pytest.fixture(scope="module")
def examples() -> Examples:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 5)).astype("f4")
    block = Block("title", "net", opaque_features(Column("title", Modality.TEXT, Title("", "")), "net", 5), values)
    outcome = Outcome(Kind.REGRESSION, values[:, 0] + 0.1 * rng.normal(size=N))
    return Examples(FeatureTable((block,), pd.RangeIndex(N)), outcome)


@pytest.fixture(scope="module")
def folds(examples: Examples) -> tuple[Fold, ...]:
    return make_folds(examples.outcome, n_folds=5, seed=0)


class Slow(LightGBMModel):
    """Notes which fits run at once."""

    running = most = begun = 0
    lock = threading.Lock()

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Slow:
        with Slow.lock:
            Slow.running += 1
            Slow.begun += 1
            Slow.most = max(Slow.most, Slow.running)
        time.sleep(0.05)
        super().fit(train, valid, deadline=deadline)
        with Slow.lock:
            Slow.running -= 1
        return self


def making(kind: type[Model], made: list[Model]) -> Callable[[dict[str, Any]], Model]:
    def make(params: dict[str, Any]) -> Model:
        made.append(kind({"rounds": 20, **params}, seed=0, n_threads=2))
        return made[-1]

    return make


@pytest.mark.parametrize("refit", [False, True])
def test_side_by_side_gives_the_same_models(examples: Examples, folds: tuple[Fold, ...], refit: bool) -> None:
    found = []
    for width in (1, 2):
        seen: list[int] = []
        made: list[Model] = []
        way = Way(refit=refit, side_by_side=width)
        models, scores = fit_fold_models(
            making(LightGBMModel, made), examples, folds, Budget(60), way, lambda m, _, seen=seen: seen.append(len(m))
        )
        assert seen == [1, 2, 3, 4, 5] and len(models) == (1 if refit else 5)
        assert {model.n_threads for model in made[:5]} == {3 - width}
        found.append((scores, models[0].decide(examples.table)))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_two_run_at_once_and_what_was_not_begun_never_is(examples: Examples, folds: tuple[Fold, ...]) -> None:
    def prune(models: Any, _: Any) -> None:
        raise Pruned("enough")

    Slow.most = Slow.begun = 0
    with pytest.raises(Pruned, match="enough"):
        fit_fold_models(making(Slow, []), examples, folds, Budget(60), Way(side_by_side=2), prune)
    assert Slow.most == 2 and Slow.begun < len(folds) and Slow.running == 0


def test_all_threads_run_before_there_is_work_and_stay(examples: Examples, folds: tuple[Fold, ...]) -> None:
    seen: list[set[int]] = []

    class Noted(LightGBMModel):
        def fit(self, *given: Any, **more: Any) -> Noted:
            seen.append({one.ident or 0 for one in threading.enumerate()})
            assert threading.get_ident() != threading.main_thread().ident
            return super().fit(*given, **more)

    for _ in range(2):
        fit_fold_models(making(Noted, []), examples, folds, Budget(60), Way(side_by_side=2))
    assert all(idents == seen[0] for idents in seen)


def test_threads_that_cannot_begin_leave_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    begin, before = threading.Thread.start, set(threading.enumerate())
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="new thread"):
        fold_models._threads(3)
    started[0].join(5.0)
    assert not started[0].is_alive() and set(threading.enumerate()) <= before


def test_an_error_of_one_is_that_of_all(examples: Examples, folds: tuple[Fold, ...]) -> None:
    class Broken(LightGBMModel):
        def fit(self, *_: Any, **__: Any) -> Broken:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fit_fold_models(making(Broken, []), examples, folds, Budget(60), Way(side_by_side=2))


def test_no_time_for_the_last_fold_is_pruned(examples: Examples, folds: tuple[Fold, ...]) -> None:
    with pytest.raises(OutOfTime, match="time ran out after"):
        fit_fold_models(making(Slow, []), examples, folds, Budget(0.02), Way(side_by_side=2))


def test_the_folds_that_are_done_will_do(examples: Examples, folds: tuple[Fold, ...]) -> None:
    way = Way(side_by_side=2, partial=True, refit=True)
    models, scores = fit_fold_models(making(Slow, []), examples, folds, Budget(0.02), way)
    known = [bool(np.isfinite(scores[fold.valid]).all()) for fold in folds]
    assert known == sorted(known, reverse=True) and 1 <= sum(known) == len(models) <= 2
