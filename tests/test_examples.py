"""The examples run on real data where these are there: in small for CI, whole when asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from artifacts import Task
from artifacts.tables import read_parquet
from automl import Predictor, fit
from automl.data import load as read_rows

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
EXAMPLES = {
    "fashion_category": "fashion",
    "late_fusion": "fashion",
    "movie_posts": "movie_posts",
    "kazan_cards": "kazan_cards",
    "cian_flats": "cian_ru",
}

pytestmark = pytest.mark.skipif(not (SHARED / "data").exists(), reason="the development sets are not there")


def load(example: str) -> tuple[Task, pd.DataFrame, pd.DataFrame]:
    data = SHARED / "data" / EXAMPLES[example]
    task = Task.from_toml(ROOT / "examples" / example / "task.toml", data=data)
    read = pd.read_csv if (data / "train.csv").exists() else read_parquet
    test = read(data / str(task.data.test))
    if (data / "test_labels.parquet").exists():  # labels in a file of their own
        labels = read_parquet(data / "test_labels.parquet")[[task.output.id, task.target.column]]
        test = test.merge(labels, on=task.output.id, validate="1:1")
    return task, read(data / str(task.data.train)), test


@pytest.mark.examples
@pytest.mark.parametrize("example", EXAMPLES)
def test_in_small(example: str, tmp_path: Path) -> None:
    task, train, test = load(example)
    run = fit(task, preset="fast", budget_seconds=45, train=train.head(500), test=test.head(200), run=tmp_path / "run")
    board = run.leaderboard()
    scored = board[(board["split"] == "test") & (board["error"] == "")].set_index(["model", "view"])["score"]
    assert scored["blend", "all"] > scored["constant", "none"]
    again = Predictor.load(run.path).predict(test.head(200))
    pd.testing.assert_frame_equal(again, run.predict(test.head(200)))
    assert len(again) == 200 and task.output.prediction in again


@pytest.mark.examples
def test_the_path_that_only_training_has_is_found_as_a_leak() -> None:
    task, train, test = load("kazan_cards")
    columns = task.columns.model_copy(update={"ignore": ()})
    open_task = task.model_copy(update={"columns": columns})
    found = read_rows(open_task, train, test.drop(columns="category_id")).audit.findings
    leaks = {finding.code for finding in found if finding.column == "category_name"}
    assert {"looks_like_leak", "test_columns_missing", "leak_in_training_only"} <= leaks
    ignoring = read_rows(task, train, test.drop(columns="category_id")).audit.findings
    assert not [finding for finding in ignoring if finding.column == "category_name"]


@pytest.mark.examples
def test_the_sweep_of_neighbours(tmp_path: Path) -> None:
    line = [sys.executable, "examples/category_knn/sweep.py", "--data", str(SHARED / "data" / "kazan_cards")]
    out = tmp_path / "sweep.csv"
    line += ["--budget", "45", "--run", str(tmp_path / "run"), "--out", str(out)]
    done = subprocess.run(line, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(out)
    swept = table[table["model"].str.startswith("knn, ")]
    assert set(swept["model"]) == {"knn, majority", "knn, weighted"} and len(swept) == 16
    assert swept["score"].min() > table.set_index("model").loc["constant", "score"]
    assert table.set_index("model").loc["blend", "score"] > table.set_index("model").loc["constant", "score"]


@pytest.mark.slow
def test_fashion_category_whole(tmp_path: Path) -> None:
    task, train, _ = load("fashion_category")
    run = fit(task, preset="balanced", budget_seconds=300, run=tmp_path / "run")
    board = run.leaderboard()
    final = board[(board["split"] == "test") & (board["model"] == "blend")].iloc[0]
    assert final["score"] >= 0.985
    assert run.manifest["spent_seconds"] <= 330
    outcome = run.manifest["outcome"]
    assert outcome["n_known"] == train["subCategory"].nunique()
    assert len(outcome["classes"]) > outcome["n_known"], "the class that training lacks is scored as missed"


@pytest.mark.slow
def test_movie_posts_whole(tmp_path: Path) -> None:
    task, _, _ = load("movie_posts")
    run = fit(task, preset="balanced", budget_seconds=300, run=tmp_path / "run")
    board = run.leaderboard()
    final = board[(board["split"] == "test") & (board["model"] == "blend")].iloc[0]
    assert final["low"] > 0, "better than the constant, with the whole interval"
    assert json.loads((run.path / "run.json").read_text())["spent_seconds"] <= 330
