"""The own search where time is short or a view says nothing."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from artifacts.errors import ArtifactError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.progress import Silent
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends import search
from automl.backends.base import Problem
from automl.backends.blending import kept_for_blends
from automl.backends.search import SearchBackend
from automl.budget import Budget
from automl.models.registry import MODELS
from automl.scoring import Part, score_run
from evaluation.metrics import METRICS
from evaluation.splits import Fold


def make_problem(folder: Path, budget: Budget) -> Problem:
    """60 rows whose text vectors tell the target, and whose photo vectors are all the same."""
    rng = np.random.default_rng(0)
    texts = rng.normal(size=(60, 3)).astype("f4")
    parts = {Modality.TEXT: texts, Modality.IMAGE: np.ones((60, 3), dtype="f4")}
    blocks = [
        Block(m.value, "net", opaque_features(Column(m.value, m, Title("", "")), "net", 3), values)
        for m, values in parts.items()
    ]
    outcome = Outcome(Kind.REGRESSION, 5.0 * texts[:, 0].astype(np.float64) + rng.normal(size=60))
    number = np.arange(60) % 3
    folds = tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(3))
    examples = Examples(FeatureTable(tuple(blocks), pd.RangeIndex(60)), outcome)
    return Problem(examples, folds, METRICS["r2"], budget, RunFolder(folder).create(), settings={"max_trials": 0})


def test_a_view_that_says_nothing_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    fitted = SearchBackend().fit(make_problem(tmp_path, Budget(20)))
    errors = {(c.model, c.view): c.error for c in fitted.candidates}
    assert "predicts the same for every row" in errors["linear", "image"]
    assert errors["linear", "text"] == errors["linear", "all"] == ""
    assert not any("image" in key for key in fitted.blends["final"])
    assert "late" not in fitted.blends, "one view alone is no fusion"
    assert not [c for c in fitted.candidates if c.members]


def test_a_budget_that_is_used_up_still_gives_a_model(tmp_path: Path) -> None:
    fitted = SearchBackend().fit(make_problem(tmp_path, Budget(1e-3)))
    assert list(fitted.blends["final"]) == ["linear-all"]
    assert {c.error for c in fitted.candidates if c.view == "text"} == {"the budget was used up before its turn"}


def test_the_first_model_may_lack_folds_and_the_leaderboard_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = MODELS["linear"].fit

    def slow(*arguments, **settings):
        time.sleep(0.4)
        return fit(*arguments, **settings)

    problem = make_problem(tmp_path, Budget(1e-3))
    with monkeypatch.context() as patch:
        patch.setattr(search, "FIRST_SECONDS", 0.3)
        patch.setattr(MODELS["linear"], "fit", slow)
        fitted = SearchBackend().fit(problem)
    final = next(c for c in fitted.candidates if c.key == fitted.FINAL)
    assert list(fitted.blends["final"]) == ["linear-all"] and final.out_of_fold is not None
    done = [bool(np.isfinite(final.out_of_fold[fold.valid]).all()) for fold in problem.folds]
    assert done in ([True, False, False], [True, True, False])  # two begin at once, where nothing else is busy
    part = Part("holdout", tuple(map(str, range(60))), problem.examples, "print")
    monkeypatch.setattr(fitted, "kept_seconds", lambda table, key: 60.0)  # what decide saves: a second a row
    board = score_run(problem, fitted, part, back_end="search", run="r").leaderboard
    assert board.query("model == 'blend' and split == 'holdout'")["predict_ms_per_row"].item() > 1_000
    said = board[board["model"] == "linear"].query("view == 'all' and error != ''")["error"].tolist()
    assert said == [f"time ran out after {sum(done)} of 3 folds: the scores are of these"]
    assert np.isfinite(board.query("model == 'blend' and split == 'holdout' and error == ''")["score"].item())

    (tmp_path / "search" / "search.json").unlink()  # as if killed after the candidate
    again = SearchBackend().fit(replace(problem, budget=Budget(20), settings={"models": ["linear"], "max_trials": 0}))
    assert not any(c.lack for c in again.candidates), "there was time for all folds now"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("200000 requested and 496 written"),
        TypeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["system", "numpy", "safetensors"],
)
def test_a_full_disk_ends_the_search_and_is_no_failure_of_a_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_):
        raise error

    monkeypatch.setattr(MODELS["linear"], "save", full)
    with pytest.raises(ArtifactError, match="(No space left|written).*Free some space.*finished steps are kept"):
        SearchBackend().fit(make_problem(tmp_path, Budget(20)))


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate 8 TiB"), RuntimeError("can't allocate memory")])
def test_a_candidate_that_runs_out_of_memory_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def hungry(*_, **__):
        raise error

    monkeypatch.setattr(MODELS["linear"], "fit", hungry)
    problem = make_problem(tmp_path, Budget(20))
    fitted = SearchBackend().fit(replace(problem, settings={"models": ["linear", "lightgbm"], "max_trials": 0}))
    errors = {c.key: c.error for c in fitted.candidates}
    assert errors["linear-all"] == f"{type(error).__name__}: {error}" and errors["lightgbm-all"] == ""


@pytest.mark.parametrize(("seconds", "least", "most"), [(0.0, 0.2, 1.0), (0.002, 1.0, 2.3), (0.05, 2.4, 2.4)])
def test_time_for_blends_is_kept_by_what_a_score_takes(tmp_path: Path, seconds, least, most) -> None:
    def slow(*args):
        time.sleep(seconds)
        return METRICS["r2"].formula(*args)

    problem = make_problem(tmp_path, Budget(20))
    kept = kept_for_blends(replace(problem, metric=replace(METRICS["r2"], formula=slow)))
    assert least <= round(kept, 6) <= most


def test_studies_begin_with_the_defaults_and_the_portfolio(tmp_path: Path) -> None:
    settings = {"models": ["linear", "lightgbm"], "max_trials": 4}
    problem = replace(make_problem(tmp_path, Budget(60)), settings=settings)
    fitted = SearchBackend().fit(problem)
    backend = JournalFileBackend(str(tmp_path / "search" / "study.journal"))
    storage = optuna.storages.JournalStorage(backend)
    tuned = {}
    for name in optuna.get_all_study_names(storage):
        trials = optuna.load_study(study_name=name, storage=storage).get_trials(states=(TrialState.COMPLETE,))
        told = [trial.value for trial in trials if not trial.intermediate_values]
        asked = {trial.value for trial in trials if trial.intermediate_values}
        model, view = name.split("-")
        alike = [c for c in fitted.candidates if (c.model, c.view) == (model, view) and c.out_of_fold is not None]
        scores = {problem.metric.score(problem.examples.outcome, c.out_of_fold) for c in alike}
        assert {round(value, 9) for value in told} | {round(value, 9) for value in asked} == {
            round(score, 9) for score in scores
        }
        tuned[name] = len(told)
    best = max(tuned, key=lambda name: tuned[name])
    assert best.startswith("lightgbm") and tuned[best] > 3, "its default and its configurations of the portfolio"


def test_a_search_that_ends_early_says_why(tmp_path: Path) -> None:
    class Said(Silent):
        def say(self, line: str) -> None:
            lines.append(line)

    lines: list[str] = []
    settings = {"models": ["linear"], "max_trials": 2}
    SearchBackend().fit(replace(make_problem(tmp_path, Budget(300)), settings=settings, progress=Said()))
    (line,) = lines
    assert "before its time: all 2 trials that the preset allows are done" in line
