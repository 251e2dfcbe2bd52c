"""Candidates that do not fit into memory are left out, with a row that says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import FusionError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl import memory
from automl.backends.base import Problem
from automl.backends.search import SearchBackend
from automl.budget import Budget
from evaluation.metrics import METRICS
from evaluation.splits import make_folds


def make_problem(folder: Path, n: int = 120, width: int = 50) -> Problem:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, width)).astype("f4")
    column = Column("photo", Modality.IMAGE, Title("photo", "photo"))
    block = Block("photo", "embedding:net", opaque_features(column, "embedding", width), values)
    outcome = Outcome(Kind.REGRESSION, values[:, 0].astype(float))
    examples = Examples(FeatureTable((block,), pd.RangeIndex(n)), outcome)
    folds = tuple(make_folds(outcome, n_folds=3, seed=0))
    return Problem(examples, folds, METRICS["r2"], Budget(20), RunFolder(folder).create(), settings={"max_trials": 0})


def test_what_needs_more_than_is_free_is_a_row_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        memory, "free_bytes", lambda: 25_000.0
    )  # half a table and its scores fit, one and a half do not
    fitted = SearchBackend().fit(make_problem(tmp_path))
    errors = {candidate.model: candidate.error for candidate in fitted.candidates}
    assert errors["lightgbm"] == errors["catboost"] == ""
    for name in ("linear", "mlp"):
        assert errors[name] == "it would need about 4e-05 GB of memory, and 2.5e-05 GB are free"
    assert set(fitted.blends["final"]) <= {"lightgbm-all", "catboost-all"}


def test_where_nothing_fits_the_error_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 0.0)
    with pytest.raises(FusionError, match="lightgbm on all: it would need about .* GB of memory, and 0 GB are free"):
        SearchBackend().fit(make_problem(tmp_path))


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, used = tmp_path / "max", tmp_path / "current"
    limit.write_text("3000\n")
    used.write_text("1000\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", ((str(limit), str(used)),))
    assert memory.free_bytes() == 2000.0
    limit.write_text("max\n")
    assert memory.free_bytes() > 1e6
