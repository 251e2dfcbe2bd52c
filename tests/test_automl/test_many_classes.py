"""A whole fit where classes are many, their labels are paths, and their scores do not fit where they usually lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from automl import Predictor, fit
from automl.backends import out_of_fold

K = 40


def make_frame(n: int = 420, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    code = np.minimum((K * rng.random(n) ** 1.5).astype(int), K - 1)
    code[:2] = [K - 2, K - 1]
    world = np.random.default_rng(7)
    place = 3 * world.normal(size=(4, 5))[np.arange(K) % 4] + 1.5 * world.normal(size=(K, 5))
    values = pd.DataFrame(place[code] + rng.normal(size=(n, 5)), columns=[f"x{i}" for i in range(5)])
    return values.assign(label=[f"All > branch {c % 4} > class {c}" for c in code])


def make_task(**target: object) -> Task:
    return Task(
        name="many",
        target={"kind": "multiclass", "column": "label", "separator": " > ", **target},
        columns={"numeric": [f"x{i}" for i in range(5)]},
        encoders={"text": "none", "image": "none"},
    )


def test_a_fit_keeps_all_classes_and_reports_the_hierarchical_f1(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(out_of_fold, "MOST_IN_MEMORY", 100)
    run = fit(make_task(), train=make_frame(), preset="fast", budget_seconds=12, run=tmp_path / "run")
    board = run.leaderboard()
    assert "shortlist" in set(board[board["error"] == ""]["model"])
    score = board[(board["split"] == "holdout") & (board["error"] == "")].set_index("model")["score"]
    assert score["blend"] > score["constant"]
    found = run.manifest["f1_hierarchical"]
    assert 0 < found["low"] <= found["score"] <= found["high"] <= 1
    part = run.scored()
    said, true = part.predictions.argmax(axis=1), part.outcome.y
    branch = np.array([str(label).split(" > ")[1] for label in part.outcome.classes])
    half = (said != true) & (branch[said] == branch[true])
    assert found["score"] == pytest.approx((said == true).mean() + 0.5 * half.mean()), "a branch is worth a half"
    assert part.outcome.separator == " > " and part.predictions.shape[1] == len(set(make_frame()["label"]))
    assert run.scored().predictions.sum(axis=1).round(6).tolist() == [1.0] * len(part.ids)
    scores = np.load(next(run.path.glob("search/shortlist-all/out_of_fold.npy")))
    assert scores.dtype == np.float32
    table = run.scored_table().take(np.arange(5))
    groups = np.zeros(table.n_features, dtype=np.int64)
    explained = run.predictor.contributions(table, groups, ["all"])
    np.testing.assert_allclose(explained.total, run.predictor.decide(table), rtol=1e-5, atol=1e-5)


def test_the_metric_decides_what_is_said(tmp_path: Path) -> None:
    frame = make_frame()
    frame[["x0", "x1"]] += 3 * np.random.default_rng(3).normal(size=(len(frame), 2))
    task = make_task(metric="f1_hierarchical")
    run = fit(task, train=frame, preset="fast", budget_seconds=8, run=tmp_path / "run")
    predictor = Predictor.load(run.path)
    said, p = predictor.predict(frame)["prediction"].to_numpy(), predictor.predict_array(frame)
    levels = [str(label).split(" > ")[1:] for label in predictor.classes]
    same = np.array([[sum(a == b for a, b in zip(x, y, strict=True)) for y in levels] for x in levels])
    assert [predictor.classes.index(label) for label in said] == (p @ same).argmax(axis=1).tolist()
    board = run.leaderboard()
    row = board[(board["model"] == "blend") & (board["split"] == "holdout")].iloc[0]
    assert row["metric"] == "f1_hierarchical"
    assert row["score"] == run.manifest["f1_hierarchical"]["score"]


def test_tasks_without_paths_have_none(tmp_path: Path) -> None:
    run = fit(make_task(separator=None), train=make_frame(), preset="fast", budget_seconds=5, run=tmp_path / "run")
    assert run.manifest["f1_hierarchical"] is None
