"""A fit that was stopped by Ctrl-C: a valid run with a mark, which goes on when called again."""

from __future__ import annotations

import errno
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from artifacts import Task
from artifacts.errors import ArtifactError
from artifacts.progress import Silent
from artifacts.store import read_json, write_json
from automl import Predictor, fit
from automl.backends.tried import Tried
from automl.cli import app
from automl.presets import PRESETS
from automl.reporting import report_html
from automl.resuming import stopped_in_words
from automl.run import Run

SECONDS = 600.0


class Said(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(autouse=True)
def defaults_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "fast", replace(PRESETS["fast"], max_trials=0, models=("linear", "lightgbm")))


def make_frame(n: int = 160, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], size=n)
    title = [f"{name} thing number {i}" for i, name in enumerate(colour)]
    return pd.DataFrame({"id": range(n), "size": size, "title": title, "price": size + (colour == "red")})


def fitted(folder: Path, seconds: float = SECONDS, said: Said | None = None) -> Run:
    task = Task(
        name="cards",
        target={"kind": "regression", "column": "price"},
        columns={"id": "id", "text": ["title"]},
        encoders={"text": "none", "image": "none"},
    )
    return fit(task, preset="fast", budget_seconds=seconds, train=make_frame(), run=folder, progress=said)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Stopped before its third candidate."""
    folder, usual = tmp_path_factory.mktemp("stopped") / "run", signal.getsignal(signal.SIGINT)
    fit_one = Tried.fit

    def fit_or_stop(self: Tried, *arguments: Any) -> Any:
        if len(self.candidates) == 2:
            signal.raise_signal(signal.SIGINT)
        return fit_one(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tried, "fit", fit_or_stop)
        patch.setitem(PRESETS, "fast", replace(PRESETS["fast"], max_trials=0, models=("linear", "lightgbm")))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return fitted(folder)
        finally:
            signal.signal(signal.SIGINT, usual)


def test_a_stopped_fit_is_a_valid_run_and_every_view_of_it_says_so(stopped: Run) -> None:
    assert stopped.manifest["interrupted"] and len(stopped.predict(make_frame(3, seed=1))) == 3
    (line,) = stopped_in_words(stopped.path)
    assert "was stopped before its search had ended. The same fit again goes on" in line
    shown = CliRunner().invoke(app, ["leaderboard", str(stopped.path)])
    assert shown.exit_code == 0 and line in shown.output
    assert "Stopped by the user before its end" in report_html(stopped.path)


def test_called_again_it_goes_on(stopped: Run) -> None:
    folder, before = stopped.path, stopped.manifest
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("search/*/candidate.json")}
    said = Said()
    done = fitted(folder, said=said)
    assert any("was stopped after" in line and "goes on for the" in line for line in said.lines)
    assert not done.manifest["interrupted"] and stopped_in_words(folder) == []
    assert done.manifest["spent_seconds"] > before["spent_seconds"], "the seconds before count"
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(folder.glob("search/*/candidate.json"))) > len(kept)
    assert set(read_json(folder / "model" / "search.json")["blends"]["final"]) <= {
        path.name for path in (folder / "model").iterdir()
    }
    new = make_frame(3, seed=1)
    pd.testing.assert_frame_equal(Predictor.load(folder).predict(new), done.predict(new))
    assert "Stopped by the user" not in report_html(folder)


def test_one_stopped_near_its_end_is_taken_as_it_is(tmp_path: Path) -> None:
    run = fitted(tmp_path)
    write_json(tmp_path / "run.json", {**run.manifest, "interrupted": True, "spent_seconds": 0.95 * SECONDS})
    kept = (tmp_path / "run.json").stat().st_mtime_ns
    assert fitted(tmp_path).manifest["interrupted"]
    assert (tmp_path / "run.json").stat().st_mtime_ns == kept
    assert "To search for longer, fit into another folder" in stopped_in_words(tmp_path)[0]


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError("Unable to allocate 8 TiB"), "ran out of memory"), (OSError(errno.ENOSPC, "full"), "ree some space")],
    ids=["memory", "disk"],
)
def test_a_shortage_while_features_are_made_is_one_clear_error(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("automl.steps.TableFeaturizer.transform", short)
    with pytest.raises(ArtifactError, match=f"{said}.*finished steps are kept"):
        fitted(tmp_path)
    assert (tmp_path / "split").exists() and not list(tmp_path.glob(".tmp-*")) and not (tmp_path / "features").exists()
