"""Where a fitted run fails, as its report tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl import fit
from automl.error_analysis import confused_of, slices_of, suspects_of, suspicious_rows
from automl.reporting import report_data
from automl.run import Run
from automl.scored_rows import FOLDS, read_scored
from automl.scoring import scored_frame
from evaluation.report import render_report

WRONG = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three shelves told by a number and a word; the labels of the first rows are of another shelf."""
    rng = np.random.default_rng(0)
    n = 300
    shelf = rng.integers(0, 3, n)
    said = np.where(np.arange(n) < WRONG, (shelf + 1) % 3, shelf)
    frame = pd.DataFrame(
        {
            "card": [f"card-{i:04d}" for i in range(n)],
            "size": 3.0 * shelf + rng.normal(size=n) * 0.3,
            "title": [f"{('boot', 'cup', 'hat')[s]} number {i} of the shop" for i, s in enumerate(shelf)],
            "shelf": np.array(["low", "middle", "top"])[said],
        }
    )
    target = {"kind": "multiclass", "column": "shelf"}
    columns = {"id": "card", "text": ["title"]}
    task = Task(name="shelves", target=target, columns=columns, encoders={"text": "none", "image": "none"})
    folder = tmp_path_factory.mktemp("errors") / "run"
    return fit(task, train=frame, preset="fast", budget_seconds=12.0, run=folder)


def test_wrong_labels_are_suspects_with_their_ids_and_titles(run: Run) -> None:
    data = report_data(run, None)
    assert data.suspects is not None
    named = {*data.suspects.scored.rows["row"], *data.suspects.training.rows["row"]}
    assert len(named & {f"card-{i:04d}" for i in range(WRONG)}) >= WRONG // 2 and len(named) <= WRONG + 4
    for row in data.suspects.training.rows["row"]:
        assert data.suspects.training_titles[row].endswith(f"number {int(row[5:])} of the shop")
    page = render_report(data)
    assert 'id="suspects"' in page and 'id="slices"' in page and 'id="confused"' in page and 'id="views"' in page


def test_a_run_that_kept_no_suspects_names_training_rows_by_position(run: Run) -> None:
    part = run.scored()
    found = suspects_of(run, part)
    assert found is not None and found.training.n_rows == run.manifest["n_train"]
    known = read_scored(run.folder, FOLDS, run.manifest)
    assert set(found.training.rows["row"]) <= set(known.ids) and found.training_titles == {}


def test_slices_and_confusions_are_of_the_scored_rows(run: Run) -> None:
    part = run.scored()
    told = slices_of(run, part)
    assert told.n_rows == part.outcome.n_samples and told.n_looked_at > 0 and not told.grouped
    pairs = confused_of(run, part)
    assert pairs is not None
    wrong = int((part.outcome.y != part.decided.argmax(axis=1)).sum())
    assert sum(sum(pair.times) for pair in pairs) == wrong
    numbers = Outcome(Kind.REGRESSION, np.zeros(3))
    assert confused_of(run, replace(part, outcome=numbers)) is None


def test_without_predictions_out_of_fold_there_are_no_suspects(run: Run, tmp_path: Path) -> None:
    outcome = Outcome(Kind.REGRESSION, np.arange(4.0))
    assert len(suspicious_rows(outcome, None)) == 0
    frame = scored_frame(tuple("abcd"), outcome, np.full((4, 1), np.nan), None)
    assert len(suspicious_rows(outcome, frame)) == 0
    path = run.folder.folder("scores") / "folds.parquet"
    kept = path.read_bytes()
    path.unlink()
    try:
        assert suspects_of(run, run.scored()) is None
    finally:
        path.write_bytes(kept)
