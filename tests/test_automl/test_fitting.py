"""The straight line, end to end, on small tables without weights."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from artifacts.errors import ArtifactError, InputError
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.progress import Silent
from artifacts.store import RunFolder
from artifacts.tables import read_parquet
from automl import Predictor, fit
from automl.budget import Budget
from automl.data import load
from automl.presets import DEFAULT_MODELS, preset_named
from automl.run import Run
from automl.steps import MOST_FOR_ROWS, SCORING_SHARE, Steps
from featurizers import text_embedding

NO_ENCODERS = {"text": "none", "image": "none"}
SECONDS = 6.0


def make_frame(n: int = 160, seed: int = 0) -> pd.DataFrame:
    """Rows whose target depends on a number, a word and a characteristic."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    colour = rng.choice(["red", "green", "blue"], size=n)
    season = rng.choice(["summer", "winter", None], size=n)
    score = size + (colour == "red") * 1.5 - (season == "winter") * 1.0
    views = rng.integers(5, 200, size=n)
    return pd.DataFrame(
        {
            "id": [f"card {i}" for i in range(n)],
            "size": size,
            "title": [f"{c} thing number {i} for people who like {c}" for i, c in enumerate(colour)],
            "details": [json.dumps({"season": s}) if s else "{}" for s in season],
            "price": score * 3 + rng.normal(size=n) * 0.3,
            "sold": (score + rng.normal(size=n) * 0.3 > 0.3).astype(int),
            "shelf": np.where(score > 1.2, "top", np.where(score > 0, "middle", "bottom")),
            "view": views,
            "click": rng.binomial(views, 1 / (1 + np.exp(-(score - 1)))),
        }
    )


TARGETS = {
    "regression": {"kind": "regression", "column": "price"},
    "binary": {"kind": "binary", "column": "sold"},
    "multiclass": {"kind": "multiclass", "column": "shelf"},
    "conversion": {"kind": "conversion", "successes": "click", "trials": "view"},
}
OUTCOMES = ["price", "sold", "shelf", "view", "click"]


def make_task(kind: str = "conversion", **changes: object) -> Task:
    target = TARGETS[kind]
    named = [value for key, value in target.items() if key in ("column", "successes", "trials")]
    columns = {"id": "id", "ignore": [name for name in OUTCOMES if name not in named]}
    return Task(**{"name": kind, "target": target, "columns": columns, "encoders": NO_ENCODERS, **changes})


def board_of(run: Run, part: str) -> pd.Series:
    board = run.leaderboard()
    scored = board[(board["split"] == part) & (board["error"] == "")]
    return scored.set_index(["model", "view"])["score"]


def test_featurizers_follow_the_seed_of_the_run(tmp_path: Path) -> None:
    loaded, preset = load(make_task(), make_frame(), None), preset_named("fast")
    components = []
    for seed in (3, 4):
        steps = Steps(loaded, preset, seed, RunFolder(tmp_path / str(seed)), Budget(60.0), Silent())
        steps.features(np.zeros(160, dtype=bool))
        states = [np.load(path, allow_pickle=False) for path in sorted(tmp_path.glob(f"{seed}/**/arrays.npz"))]
        components.append(next(state["components"] for state in states if "components" in state))
    assert not np.array_equal(*components)


def test_many_rows_to_score_have_their_time(tmp_path: Path) -> None:
    seconds = []
    for copies in (1, 40):
        loaded = load(make_task(), make_frame(), pd.concat([make_frame()] * copies, ignore_index=True))
        steps = Steps(loaded, preset_named("fast"), 0, RunFolder(tmp_path), Budget(60.0), Silent())
        outcome, rows = loaded.train.outcome, loaded.train.frame
        assert outcome is not None
        seconds.append(steps._problem(Examples(FeatureTable((), tuple(rows.index)), outcome), ()).budget.seconds)
    assert seconds == pytest.approx([60.0 - SCORING_SHARE * 60.0, 60.0 - MOST_FOR_ROWS * 60.0], abs=0.01)


@pytest.mark.parametrize("kind", TARGETS)
def test_each_kind_beats_the_constant_and_predicts_the_same_in_a_fresh_process(kind: str, tmp_path: Path) -> None:
    frame = make_frame()
    run = fit(make_task(kind), train=frame, preset="fast", budget_seconds=SECONDS, run=tmp_path / "run")
    scores = board_of(run, "holdout")
    higher = run.metric.higher_is_better
    assert (scores["blend", "all"] > scores["constant", "none"]) == higher
    assert set(run.leaderboard()["model"]) >= {*DEFAULT_MODELS, "blend", "constant"} - {"shortlist"}
    here = run.predict(frame.head(20))
    frame.head(20).to_parquet(tmp_path / "rows.parquet")
    code = (
        "import sys; from artifacts.tables import read_parquet; from automl import Predictor;"
        "Predictor.load(sys.argv[1]).predict(read_parquet(sys.argv[2])).to_parquet(sys.argv[3])"
    )
    paths = [str(run.path), str(tmp_path / "rows.parquet"), str(tmp_path / "out.parquet")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True, cwd=Path(__file__).parents[2])
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "out.parquet"), here)
    assert run.manifest["spent_seconds"] < SECONDS * 1.1 + 4


def test_the_run_folder_holds_what_is_promised(tmp_path: Path) -> None:
    run = fit(make_task(), train=make_frame(), preset="fast", budget_seconds=SECONDS, run=tmp_path / "run")
    for name in (
        "task/task.json", "task/schema.json", "split/rows.parquet", "split/folds.parquet", "features/train/blocks.json",
        "features/findings.json", "model/search.json", "scores/leaderboard.parquet", "scores/leaderboard.csv",
        "scores/holdout.parquet", "scores/folds.parquet", "run.json",
    ):  # fmt: skip
        assert (run.path / name).is_file(), name
    assert not [path for path in run.path.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib", ".pt")]
    assert run.manifest["versions"]["catboost"] and run.manifest["seed"] == 0
    holdout = read_parquet(run.path / "split" / "rows.parquet")["holdout"]
    assert 0.1 < holdout.mean() < 0.3 and len(run.scored().ids) == holdout.sum()
    explained = run.predictor
    table = run.scored_table()
    groups = np.arange(table.n_features)
    explanation = explained.contributions(table, groups, [feature.name for feature in table.features])
    np.testing.assert_allclose(explanation.total, explained.decide(table), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "lost",
    ["run.json", "features", *(pytest.param(step, marks=pytest.mark.slow) for step in ("scores", "model", "split"))],
)
def test_a_killed_fit_goes_on_from_the_last_finished_step(lost: str, tmp_path: Path) -> None:
    import shutil

    frame, folder = make_frame(), tmp_path / "run"
    run = fit(make_task(), train=frame, preset="fast", budget_seconds=SECONDS, run=folder)
    order = ["split", "features", "model", "scores", "run.json"]
    kept = {name: (folder / name).stat().st_mtime_ns for name in order[: order.index(lost)]}
    before = run.predict(frame.head(5))
    for name in [*order[order.index(lost) :], *(["search"] if lost in ("split", "features") else [])]:
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
    again = fit(make_task(), train=frame, preset="fast", budget_seconds=SECONDS, run=folder)
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept, "finished steps are not done again"
    if lost in ("run.json", "scores"):
        pd.testing.assert_frame_equal(again.predict(frame.head(5)), before)


def test_a_finished_run_is_returned_and_another_request_refused(tmp_path: Path) -> None:
    frame, folder = make_frame(), tmp_path / "run"
    fit(make_task(), train=frame, preset="fast", budget_seconds=SECONDS, run=folder)
    written = (folder / "run.json").stat().st_mtime_ns
    fit(make_task(), train=frame, preset="fast", budget_seconds=SECONDS, run=folder)
    assert (folder / "run.json").stat().st_mtime_ns == written
    with pytest.raises(InputError, match="was begun with seed = 0, but this fit has 1"):
        fit(make_task(), train=frame, preset="fast", budget_seconds=SECONDS, run=folder, seed=1)
    with pytest.raises(InputError, match=r"was begun with a train table of hash '\w+', but now it has '\w+'"):
        fit(make_task(), train=frame.head(100), preset="fast", budget_seconds=SECONDS, run=folder)


def test_a_labelled_test_file_is_scored_and_a_class_training_lacks_counts_as_missed(tmp_path: Path) -> None:
    train, test = make_frame(), make_frame(60, seed=1)
    test.loc[:4, "shelf"] = "attic"
    train.loc[0, "shelf"] = "cellar"  # a class with one row
    run = fit(
        make_task("multiclass"), train=train, test=test, preset="fast", budget_seconds=SECONDS, run=tmp_path / "r"
    )
    assert run.scored_part == "test" and len(run.scored().ids) == 60
    assert run.manifest["outcome"]["classes"] == ["bottom", "cellar", "middle", "top", "attic"]
    assert run.scored().predictions.shape == (60, 4)
    assert {"class_unseen", "class_rare"} <= {finding.code for finding in run.findings}
    assert list(run.predictor.predict(test, proba=True).columns)[2:] == [
        f"probability_{name}" for name in ("bottom", "cellar", "middle", "top")
    ]


@pytest.mark.parametrize("kind", ["regression", "conversion"])
def test_intervals_hold_outcomes_of_new_rows(kind: str, tmp_path: Path) -> None:
    frame, column = make_frame(320), {"regression": "price", "conversion": "click"}[kind]
    run = fit(make_task(kind), train=frame, preset="fast", budget_seconds=SECONDS, run=tmp_path / "run")
    new = make_frame(seed=7)
    predicted = Predictor.load(run.path).predict(new, interval=0.8)
    assert (predicted["prediction_low"] < predicted["prediction"]).all()
    truth = new[column] / (new["view"] if kind == "conversion" else 1)
    within = truth.between(predicted["prediction_low"] - 1e-9, predicted["prediction_high"] + 1e-9)
    assert within.mean() == pytest.approx(0.8, abs=0.12)
    assert 0.6 <= run.coverage(0.8) <= 1.0
    if kind == "conversion":
        few = run.predict(new.assign(view=2), interval=0.8)
        usual = run.predict(new.drop(columns="view"), interval=0.8)
        wide = few["prediction_high"] - few["prediction_low"]
        assert (wide > usual["prediction_high"] - usual["prediction_low"]).mean() > 0.9


def test_classes_have_no_intervals(tmp_path: Path) -> None:
    run = fit(make_task("binary"), train=make_frame(), preset="fast", budget_seconds=SECONDS, run=tmp_path / "run")
    with pytest.raises(InputError, match="numbers and rates"):
        run.predict(make_frame().head(3), interval=0.9)
    with pytest.raises(InputError, match="between 0 and 1"):
        run.predict(make_frame().head(3), interval=90)


def test_a_test_file_without_labels_is_predicted(tmp_path: Path) -> None:
    train, test = make_frame(), make_frame(30, seed=1).drop(columns=OUTCOMES)
    task = make_task("multiclass", output={"prediction": "guess"})
    run = fit(task, train=train, test=test, preset="fast", budget_seconds=SECONDS, run=tmp_path / "r")
    written = read_parquet(run.path / "scores" / "predictions.parquet")
    assert run.scored_part == "holdout" and written["id"].tolist() == test["id"].tolist()
    pd.testing.assert_frame_equal(written, run.predictor.predict(test, proba=True))
    assert written["guess"].isin(["bottom", "middle", "top"]).all()


def test_prediction_lives_with_missing_new_and_odd_columns(tmp_path: Path) -> None:
    frame = make_frame()
    run = fit(make_task(), train=frame, preset="fast", budget_seconds=SECONDS, run=tmp_path / "run")
    odd = frame.head(4).drop(columns=["size", "details"]).assign(extra=1, title=[None, 7, "", "<script>"])
    predictor = Predictor.load(run.path)
    predictions = predictor.predict(odd)
    assert predictions["prediction"].between(0, 1).all()
    assert {"column_missing", "column_new"} <= {finding.code for finding in predictor.audit.findings}
    assert predictor.predict(frame.head(0)).empty
    with pytest.raises(InputError, match="none of the columns that the model uses"):
        predictor.predict(pd.DataFrame({"other": [1]}))


BAD = [
    ("one class only", {"sold": 1}, "binary", "has one value only"),
    ("all targets missing", {"price": np.nan}, "regression", "No row has a usable target"),
    ("no trials", {"view": 0}, "conversion", "No row has a usable target.*trials not positive"),
    ("words as a number", {"price": "many"}, "regression", "must hold numbers"),
]


@pytest.mark.parametrize(("change", "kind", "match"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_unusable_targets_are_refused(change: dict[str, object], kind: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=match):
        fit(make_task(kind), train=make_frame().assign(**change), preset="fast", run=tmp_path / "run")


def test_other_unusable_input_is_refused(tmp_path: Path) -> None:
    frame, run = make_frame(), tmp_path / "run"
    with pytest.raises(InputError, match=r"names columns that the data lacks: \['photo'\]"):
        fit(make_task(columns={"image": ["photo"]}), train=frame, preset="fast", run=run)
    with pytest.raises(InputError, match="Unknown preset 'quick'"):
        fit(make_task(), train=frame, preset="quick", run=run)
    with pytest.raises(InputError, match="budget_seconds must be a positive number"):
        fit(make_task(), train=frame, budget_seconds=-1, run=run)
    with pytest.raises(InputError, match="metric"):
        fit(make_task(target={**TARGETS["conversion"], "metric": "bleu"}), train=frame, run=run)
    with pytest.raises(InputError, match="names no train data"):
        fit(make_task(), run=run)
    with pytest.raises(InputError, match="rows"):
        fit(make_task(), train=frame.head(3), run=run)


def test_dirty_rows_are_left_out_and_said(tmp_path: Path) -> None:
    frame = make_frame()
    frame["click"] = frame["click"].astype(float)
    frame.loc[0, "view"] = 0
    frame.loc[1, "click"] = 10_000
    frame.loc[2, "click"] = -1
    frame.loc[3, "click"] = np.nan
    frame.loc[5, "id"] = frame.loc[4, "id"]
    frame["empty"] = np.nan
    frame["same"] = "x"
    frame["mixed"] = [i if i % 2 else f"text {i % 5}" for i in range(len(frame))]
    frame.loc[6, "details"] = "{'season': 'sum"
    frame.loc[7, "title"] = "word " * 200_000
    run = fit(make_task(), train=frame, preset="fast", budget_seconds=SECONDS, run=tmp_path / "run")
    codes = {finding.code for finding in run.findings}
    assert codes >= {
        "trials_not_positive", "successes_above_trials", "successes_negative", "target_missing", "duplicate_ids",
        "column_empty", "column_constant", "nested_unreadable", "text_truncated",
    }  # fmt: skip
    assert len(read_parquet(run.path / "split" / "rows.parquet")) == len(frame) - 4


def test_groups_stay_together_and_time_is_kept(tmp_path: Path) -> None:
    frame = make_frame()
    frame["author"] = np.arange(len(frame)) // 4
    frame["day"] = pd.date_range("2025-01-01", periods=len(frame)).astype(str)
    columns = make_task().columns.model_dump()
    grouped = make_task(columns={**columns, "group": "author", "ignore": (*columns["ignore"], "day")})
    run = fit(grouped, train=frame, preset="fast", budget_seconds=SECONDS, run=tmp_path / "group")
    rows = read_parquet(run.path / "split" / "rows.parquet")
    assert rows.groupby(frame["author"].to_numpy())["holdout"].nunique().max() == 1
    groups = run.compared().groups
    assert groups is not None and np.array_equal(np.bincount(groups), np.full(len(groups) // 4, 4))
    timed = make_task(columns={**columns, "time": "day", "ignore": (*columns["ignore"], "author")})
    run = fit(timed, train=frame, preset="fast", budget_seconds=SECONDS, run=tmp_path / "time")
    rows = read_parquet(run.path / "split" / "rows.parquet")
    assert rows["holdout"].to_numpy().tolist() == sorted(rows["holdout"])
    assert board_of(run, "holdout")["blend", "all"] > board_of(run, "holdout")["constant", "none"]


def test_a_damaged_or_foreign_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is not the folder of a finished run"):
        Run(tmp_path)
    (tmp_path / "run.json").write_text('{"format": 99}')
    with pytest.raises(ArtifactError, match="has format 99"):
        Run(tmp_path)


@pytest.mark.parametrize("budget", [12.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_a_slow_encoder_does_not_break_the_budget(
    budget: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_encoder: object, texts: list[str], _precision: str) -> np.ndarray:
        time.sleep(0.02 * len(texts) * budget)
        return np.ones((len(texts), 3), dtype=np.float32)

    monkeypatch.setattr(text_embedding, "encode_texts", slow)
    monkeypatch.setattr(text_embedding, "measure_encoder", lambda *_: (3, 1.0))
    monkeypatch.setenv("TABULAR_FUSION_CACHE", str(tmp_path / "cache"))
    task = make_task("regression", encoders={"text": "bundled:minilm", "image": "none"})
    run = fit(task, train=make_frame(), preset="fast", budget_seconds=budget, run=tmp_path / "run")
    found = {finding.code: finding for finding in run.findings}
    assert found["encoder_too_slow"].column == "title" and "encoder_used" not in found
    blocks = json.loads((tmp_path / "run" / "features" / "train" / "blocks.json").read_text())
    assert "lexical" in str(blocks) and "embedding" not in str(blocks)
    scores = board_of(run, "holdout")
    assert scores["blend", "all"] != scores["constant", "none"]
    assert run.manifest["seconds"]["features"] < 0.6 * budget
    assert run.manifest["spent_seconds"] < budget * 1.1 + 4
    assert len(Predictor.load(run.path).predict(make_frame().head(3))) == 3


def test_scores_of_classes_are_of_what_predict_says(tmp_path: Path) -> None:
    frame = make_frame()
    frame["sold"] = (frame["size"] + np.random.default_rng(3).normal(size=len(frame)) > 1.2).astype(int)
    task = make_task("binary", target={**TARGETS["binary"], "metric": "f1"})
    run = fit(task, train=frame, preset="fast", budget_seconds=SECONDS, run=tmp_path / "run")
    assert run.scored().decision.shift, "a rare class has a threshold of its own"
    held = frame.set_index("id").loc[list(run.scored().ids)].reset_index()
    said = run.predict(held)["prediction"].astype(str).value_counts()
    scores = run.class_scores().set_index("class")
    assert scores["predicted"].to_dict() == {name: said.get(name, 0) for name in scores.index}
    board = run.leaderboard()
    final = board[(board["model"] == "blend") & (board["split"] == "holdout")].iloc[0]
    assert scores.loc["1", "f1"] == pytest.approx(final["score"])
