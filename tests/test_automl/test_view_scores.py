"""The best of each view, kept in the run; without any fit but the last tests'."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.store import RunFolder
from automl import fit, view_scores
from automl.backends.base import Candidate, Problem
from automl.budget import Budget
from automl.decision import Decision
from automl.run import Run
from automl.view_scores import ViewPool, ViewScores
from evaluation.metrics import METRICS
from evaluation.splits import Fold

ROOT = Path(__file__).parents[2]


def make_pool(tmp_path: Path, views: tuple[str, ...], n: int = 300) -> tuple[ViewPool, np.ndarray]:
    """Candidates whose signal grows with their number, over views with a signal of their own each."""
    rng = np.random.default_rng(0)
    signals = {view: rng.normal(size=2 * n) for view in views}
    y = sum(signals.values()) + rng.normal(size=2 * n)
    halves = np.arange(n)
    folds = (Fold(halves[: n // 2], halves[n // 2 :]), Fold(halves[n // 2 :], halves[: n // 2]))
    outcome = Outcome(Kind.REGRESSION, y[:n])
    examples = Examples(FeatureTable((), pd.RangeIndex(n)), outcome)
    problem = Problem(examples, folds, METRICS["r2"], Budget(100.0), RunFolder(tmp_path))
    pool = ViewPool(problem, np.array([y.mean()]))
    for view in views:
        for i in range(5):
            link = (signals[view] + (5 - i) * 0.3 * rng.normal(size=2 * n))[:, None]
            score = METRICS["r2"].score(outcome, link[:n])
            candidate = Candidate(f"{i}-{view}", f"model{i}", view, out_of_fold=link[:n])
            pool.add(candidate, score, Decision(), link[n:])
    return pool, y


def test_the_best_of_each_view_and_sums_of_views_are_blends_chosen_out_of_fold(tmp_path: Path) -> None:
    pool, y = make_pool(tmp_path, ("image", "text", "table"))
    kept = pool.scores(y[300:, None], "final", 0)
    names = [view.view for view in kept.views]
    assert names[:4] == ["all", "image", "text", "table"]
    assert set(names[4:]) == {"image+text", "image+table", "text+table", "image+text+table"}
    against = {view.view: view.against for view in kept.views}
    assert against["all"] == "" and against["text"] == "all" and against["image+text+table"] == "all"
    assert against["image+text"] == "image+text+table"
    assert kept.links.shape == (8, 300, 1) and kept.links.dtype == np.float32 and kept.rows is None
    found = dict(zip(names, kept.links, strict=True))
    held = Outcome(Kind.REGRESSION, y[300:])
    r2 = {view: METRICS["r2"].score(held, link.astype(np.float64)) for view, link in found.items()}
    assert r2["all"] == pytest.approx(1.0) and r2["image+text+table"] > r2["image+text"] > r2["image"]
    assert kept.views[1].model in ("model4", "blend") and kept.views[-1].model == "late fusion"


def test_two_views_have_no_sum_and_one_has_nothing_beside_it(tmp_path: Path) -> None:
    pool, y = make_pool(tmp_path, ("text", "table"))
    assert [view.view for view in pool.scores(y[300:, None], "final", 0).views] == ["all", "text", "table"]
    pool, _ = make_pool(tmp_path, ())
    assert [view.view for view in pool.scores(np.zeros((300, 1)), "final", 0).views] == ["all"]


def test_what_cannot_be_ranked_takes_no_part(tmp_path: Path) -> None:
    pool, _ = make_pool(tmp_path, ())
    link = np.zeros((300, 1))
    pool.add(Candidate("a", "m", "all", out_of_fold=link), 0.5, Decision(), link)
    pool.add(Candidate("b", "m", "text"), 0.5, Decision(), link)
    pool.add(Candidate("c", "m", "text", out_of_fold=link), float("nan"), Decision(), link)
    pool.add(Candidate("d", "m", "text", out_of_fold=link, members=("a",)), 0.5, Decision(), link)
    assert len(pool.scores(link, "final", 0).views) == 1


def test_the_file_is_bounded_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, y = make_pool(tmp_path, ("text", "table"))
    monkeypatch.setattr(view_scores, "MOST_KEPT", 300)
    kept = pool.scores(y[300:, None], "final", 7)
    assert kept.links.shape == (3, 100, 1) and kept.rows is not None and len(np.unique(kept.rows)) == 100
    np.testing.assert_allclose(kept.links[0, :, 0], y[300:][kept.rows], rtol=1e-6)
    kept.save(tmp_path)
    again = ViewScores.load(tmp_path)
    assert again.views == kept.views and (again.links == kept.links).all() and again.rows is not None
    assert (again.rows == kept.rows).all()
    (tmp_path / "views.npy").unlink()
    with pytest.raises(InputError, match="older version"):
        ViewScores.load(tmp_path)


def test_thresholds_of_labels_are_in_the_scores(tmp_path: Path) -> None:
    """At even odds every row would be said to lack the label; F1 is not 0 once a threshold moved them."""
    rng = np.random.default_rng(1)
    n = 400
    y = (rng.uniform(size=n) < 0.3).astype(np.int64)
    link = (2.0 * y + rng.normal(size=n) - 5.0)[:, None]
    halves = np.arange(n)
    folds = (Fold(halves[: n // 2], halves[n // 2 :]), Fold(halves[n // 2 :], halves[: n // 2]))
    outcome = Outcome(Kind.BINARY, y, ("no", "yes"), 2)
    examples = Examples(FeatureTable((), pd.RangeIndex(n)), outcome)
    problem = Problem(examples, folds, METRICS["f1"], Budget(100.0), RunFolder(tmp_path))
    pool = ViewPool(problem, np.array([0.7, 0.3]))
    for view in ("text", "table"):
        pool.add(Candidate(view, "m", view, out_of_fold=link), 0.6, Decision((-4.0,)), link)
    kept = pool.scores(link + 4.0, "final", 0)
    for moved in kept.links:
        predictions = from_link(Kind.BINARY, moved)
        assert METRICS["f1"].score(outcome, predictions) > 0.6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    rng = np.random.default_rng(0)
    size, colour = rng.normal(size=160), rng.choice(["red", "green", "blue"], size=160)
    frame = pd.DataFrame(
        {
            "size": size,
            "title": [f"{c} thing number {i} for people who like {c}" for i, c in enumerate(colour)],
            "price": 3 * size + 4.0 * (colour == "red") + rng.normal(size=160) * 0.3,
        }
    )
    target = {"kind": "regression", "column": "price"}
    task = Task(name="views", target=target, encoders={"text": "none", "image": "none"})
    folder = tmp_path_factory.mktemp("views") / "run"
    return fit(task, train=frame, preset="fast", budget_seconds=12.0, run=folder)


def test_a_run_says_what_its_views_can_do(run: Run) -> None:
    board = run.view_leaderboard().set_index("view")
    assert list(board.index) == ["all", "text", "table"]
    final = run.leaderboard().query("model == 'blend' and view == 'all' and split == 'holdout'").iloc[0]
    assert board.loc["all", "score"] == pytest.approx(final["score"], abs=1e-5)
    assert (board.loc[["text", "table"], "difference_high"] < 0).all()
    assert (board.loc[["text", "table"], "against"] == "all").all()


def leaderboard(*arguments: object) -> subprocess.CompletedProcess[str]:
    code = "from automl.cli import main; main()"
    line = [sys.executable, "-c", code, "leaderboard", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT)


def test_the_command_prints_views_and_says_of_older_runs_that_they_have_none(run: Run, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(run.path, old)
    (old / "scores" / "views.npy").unlink()
    done = leaderboard(run.path, old, "--views", "--json")
    assert done.returncode == 0 and "older version" in done.stderr
    rows = json.loads(done.stdout)
    assert [row["view"] for row in rows] == ["all", "text", "table"] and {row["run"] for row in rows} == {run.name}
    assert "difference_low" in leaderboard(run.path, "--views").stdout
    with pytest.raises(InputError, match="older version"):
        Run(old).view_leaderboard()
    assert leaderboard(run.path, "--views", "--classes").returncode == 2
