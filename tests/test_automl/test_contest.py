"""Several back ends on one table."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from artifacts.errors import FusionError, InputError, MissingDependencyError
from automl import Predictor, fit
from automl.backends.lightautoml import LightAutoMLBackend
from automl.backends.tried import Tried
from automl.contest import contest_in_words
from automl.presets import PRESETS, Preset
from automl.reporting import report_html
from automl.resuming import stopped_in_words
from automl.run import Run, compare_runs


def make_frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, colour = rng.normal(size=n), rng.choice(["red", "green"], size=n)
    return pd.DataFrame(
        {"id": range(n), "x": x, "colour": colour, "y": np.sin(2 * x) + (colour == "red") + rng.normal(size=n) / 4}
    )


def make_task(**target: Any) -> Task:
    return Task(
        name="contest",
        target={"kind": "regression", "column": "y", **target},
        columns={"id": "id"},
        encoders={"text": "none", "image": "none"},
    )


def missing(*_: object) -> None:
    raise MissingDependencyError("Back end 'lightautoml' needs the package 'lightautoml'.")


@pytest.fixture(autouse=True)
def small_contest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two contestants of the own search, one of which knows the linear model alone, and one that is not installed."""
    fast = replace(PRESETS["fast"], max_trials=0)
    monkeypatch.setitem(PRESETS, "fast", fast)
    monkeypatch.setitem(PRESETS, "plain", replace(fast, name="plain", models=("linear",)))
    monkeypatch.setitem(
        PRESETS, "contest", Preset("contest", "search", 15, 3, contestants=("plain", "fast", "lightautoml"))
    )
    monkeypatch.setattr(LightAutoMLBackend, "fit", missing)


def test_the_contestant_that_is_best_out_of_fold_becomes_the_run(tmp_path: Path) -> None:
    run = fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")
    told = run.manifest["contest"]
    assert told["winner"] == "fast"
    assert "needs the package 'lightautoml'" in told["failures"]["lightautoml"]
    (pair,) = told["pairs"]
    assert {pair["run_a"], pair["run_b"]} == {"fast", "plain"} and pair["better"] == "fast"
    assert pair["low"] <= pair["difference"] <= pair["high"]
    words = "\n".join(contest_in_words(told))
    assert "Best out of fold: fast" in words and "; better: fast" in words
    board = run.leaderboard()
    assert set(board["run"]) == {"fast", "plain", "lightautoml"}
    assert board[board["model"] == "lightautoml"]["error"].str.contains("needs the package").all()
    winner = Run(run.path / "contest" / "fast")
    rows = make_frame(20, seed=1)
    pd.testing.assert_frame_equal(run.predict(rows), winner.predict(rows))
    pd.testing.assert_frame_equal(Predictor.load(run.path).predict(rows), winner.predict(rows))
    assert run.scored().ids == winner.scored().ids
    steps = ["checksums.json", "model", "run.json", "scores", "search", "task"]
    assert sorted(path.name for path in winner.path.iterdir()) == steps
    assert compare_runs([winner, Run(run.path / "contest" / "plain")])["better"].item() == "fast"
    assert "contest" in report_html(run.path)
    assert run.manifest["spent_seconds"] < 15 * 1.5


def test_a_contest_that_was_killed_goes_on(tmp_path: Path) -> None:
    run = fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")
    (run.path / "run.json").unlink()
    kept = {path: path.stat().st_mtime_ns for path in run.path.rglob("run.json")}
    assert len(kept) == 2
    again = fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert json.dumps(again.manifest["contest"]) == json.dumps(run.manifest["contest"])


def test_where_all_fail_the_reasons_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "contest", Preset("contest", "search", 5, 3, contestants=("lightautoml",)))
    with pytest.raises(FusionError, match=r"No contestant has a model\. lightautoml: MissingDependencyError"):
        fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")


def test_a_contest_is_about_one_target(tmp_path: Path) -> None:
    task = Task(
        name="posts", target={"kind": "conversion", "activities": ["like", "hide"], "trials": "view"}, columns={}
    )
    with pytest.raises(InputError, match="about one target, but the task has several activities"):
        fit(task, train=make_frame(), preset="contest", run=tmp_path / "run")


@pytest.fixture
def stopped_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], None]]:
    """Presses Ctrl-C before a contestant's fit of this number; counts from 0 in its folder."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    fit_one = Tried.fit

    def stop_at(name: str, number: int) -> None:
        def fit_or_stop(self: Tried, *arguments: Any) -> Any:
            if self.problem.folder.path.name == name and len(self.candidates) == number:
                monkeypatch.setattr(Tried, "fit", fit_one)  # once
                signal.raise_signal(signal.SIGINT)
            return fit_one(self, *arguments)

        monkeypatch.setattr(Tried, "fit", fit_or_stop)

    yield stop_at
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_ends_the_contestant_at_hand_and_the_contest_which_goes_on_when_asked(
    tmp_path: Path, stopped_in: Callable[[str, int], None]
) -> None:
    stopped_in("fast", 1)
    run = fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")
    told = run.manifest["contest"]
    assert run.manifest["interrupted"] and Run(run.path / "contest" / "fast").manifest["interrupted"]
    assert not Run(run.path / "contest" / "plain").manifest["interrupted"]
    assert told["failures"] == {"lightautoml": "the contest was stopped before its turn"}
    board = run.leaderboard()
    assert board[board["model"] == "lightautoml"]["error"].item() == told["failures"]["lightautoml"]
    assert len(run.predict(make_frame(5, seed=1))) == 5
    (line,) = stopped_in_words(run.path)
    assert "was stopped before its search had ended" in line and "goes on with the rest of its budget" in line

    plain = (run.path / "contest" / "plain" / "run.json").stat().st_mtime_ns
    again = fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")
    assert not again.manifest["interrupted"] and not stopped_in_words(run.path)
    assert "needs the package" in again.manifest["contest"]["failures"]["lightautoml"]
    assert (run.path / "contest" / "plain" / "run.json").stat().st_mtime_ns == plain
    assert len(Run(run.path / "contest" / "fast").leaderboard()) > 2


def test_a_contestant_stopped_before_its_first_model_is_a_row(
    tmp_path: Path, stopped_in: Callable[[str, int], None]
) -> None:
    stopped_in("fast", 0)
    run = fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")
    assert run.manifest["interrupted"] and run.manifest["contest"]["winner"] == "plain"
    assert run.manifest["contest"]["failures"]["fast"] == "it was stopped before it had a model"


def test_a_contest_stopped_before_its_first_model_is_left(
    tmp_path: Path, stopped_in: Callable[[str, int], None]
) -> None:
    stopped_in("plain", 0)
    with pytest.raises(KeyboardInterrupt):
        fit(make_task(), train=make_frame(), preset="contest", run=tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()
