"""Configurations compared on a part of the rows, where a fit of all rows takes long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.link import finite_rows
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends import out_of_fold, subsample
from automl.backends.base import Candidate, Problem
from automl.backends.search import SearchBackend
from automl.budget import Budget
from evaluation.metrics import METRICS
from evaluation.splits import make_folds

N = 1200


def make_problem(folder: Path, seconds: float = 40.0) -> Problem:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 6)).astype("f4")
    column = Column("title", Modality.TEXT, Title("", ""))
    block = Block("title", "net", opaque_features(column, "net", 6), values)
    outcome = Outcome(Kind.REGRESSION, np.sin(3 * values[:, 0]) * values[:, 1] + 0.1 * rng.normal(size=N))
    settings = {"models": ["linear", "lightgbm"], "max_trials": 3, "refit": True}
    examples = Examples(FeatureTable((block,), pd.RangeIndex(N)), outcome)
    folds = make_folds(outcome, n_folds=3, seed=0)
    run = RunFolder(folder).create()
    return Problem(examples, folds, METRICS["r2"], Budget(seconds), run, settings=settings)


def test_models_are_slow_where_few_fits_are_left() -> None:
    ranked = [
        Candidate("lightgbm-text", "lightgbm", "text", fit_seconds=9.0),
        Candidate("lightgbm-all", "lightgbm", "all", fit_seconds=40.0),
        Candidate("linear-all", "linear", "all", fit_seconds=1.0),
        Candidate("mlp-all-1", "mlp", "all", {"width": 64}, fit_seconds=90.0),
    ]
    assert [candidate.key for candidate in subsample.slow_models(ranked, 80.0)] == ["lightgbm-text"]
    assert subsample.slow_models(ranked, 100.0) == []


def test_a_part_keeps_to_the_folds_and_a_small_table_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make_problem(tmp_path)
    assert subsample.on_part(problem) is None
    monkeypatch.setattr(subsample, "LEAST_ROWS", 100)
    part = subsample.on_part(problem)
    assert part is not None and part.settings["refit"] is False and problem.settings["refit"] is True
    known = np.concatenate([fold.valid for fold in part.folds])
    assert len(known) == len(set(known)) == N // 8
    for own, whole in zip(part.folds, problem.folds, strict=True):
        assert set(own.train) <= set(whole.train) and set(own.valid) <= set(whole.valid)


def test_the_best_on_a_part_is_fitted_on_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsample, "LEAST_ROWS", 100)
    monkeypatch.setattr(subsample, "FEW_FITS", 1e9)
    fitted = SearchBackend().fit(make_problem(tmp_path))
    on_part = [path.parent for path in tmp_path.glob("subsample/search/*/candidate.json")]
    assert len(on_part) >= 6, "defaults, portfolio and trials"
    assert all(finite_rows(out_of_fold.read(path)).sum() == N // 8 for path in on_part)
    names = {path.name for path in on_part}
    whole = [c for c in fitted.candidates if not c.error and c.params and c.model in ("linear", "lightgbm")]
    promoted = [c for c in whole if c.key in names]
    assert promoted, "what was good on the part"
    for candidate in promoted:
        scores = out_of_fold.read(tmp_path / "search" / candidate.key)
        assert finite_rows(scores).all()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("subsample/search/*/candidate.json")}
    (tmp_path / "search" / "search.json").unlink()
    SearchBackend().fit(make_problem(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in before} == before, "what was fitted before a kill stays"
