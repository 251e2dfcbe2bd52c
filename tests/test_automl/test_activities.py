"""Several activities out of the same views: a run for each on one table of features, and their weighted sum."""

from __future__ import annotations

import io
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from artifacts import Task
from artifacts.errors import ArtifactError, InputError
from artifacts.run_result import ACTIVITY, COLUMNS
from artifacts.store import RunFolder
from artifacts.tables import read_parquet
from artifacts.target import WEIGHTED_SUM
from automl import Predictor, fit
from automl.activities import score_together
from automl.audit import audit_task
from automl.backends.tried import Tried
from automl.cli import app
from automl.reporting import report_html
from automl.resuming import stopped_in_words
from automl.run import Run, compare_runs
from evaluation.metrics import METRICS

WEIGHTS = {"like": 1.8, "hide": -4.0}
SECONDS = 10.0


def make_frame(n: int = 320, seed: int = 0) -> pd.DataFrame:
    """Posts that are liked for their size and hidden for their colour."""
    rng = np.random.default_rng(seed)
    size, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], size=n)
    views = rng.integers(20, 300, size=n)
    return pd.DataFrame(
        {
            "id": [f"post {i}" for i in range(n)],
            "size": size,
            "colour": colour,
            "view": views,
            "like": rng.binomial(views, 1 / (1 + np.exp(1 - size))),
            "hide": rng.binomial(views, np.where(colour == "red", 0.3, 0.05)),
        }
    )


def make_task(activities: object = WEIGHTS, **columns: object) -> Task:
    target = {"kind": "conversion", "activities": activities, "trials": "view"}
    return Task(
        name="posts",
        target=target,
        columns={"id": "id", **columns},
        encoders={"text": "none", "image": "none"},
        output={"prediction": "score"},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("activities") / "run"
    return fit(make_task(), train=make_frame(), preset="fast", budget_seconds=SECONDS, run=folder)


def test_one_leaderboard_has_each_activity_and_the_weighted_sum(run: Run) -> None:
    board = run.leaderboard()
    assert list(board.columns) == [*COLUMNS, ACTIVITY]
    assert list(board[ACTIVITY].unique()) == ["like", "hide", WEIGHTED_SUM] and set(board["run"]) == {run.name}
    finals = board[(board["split"] == "holdout") & (board["model"].isin(["blend", "constant"]))]
    for name in WEIGHTS:
        scores = finals[finals[ACTIVITY] == name].set_index("model")["score"]
        assert scores["blend"] > scores["constant"] == pytest.approx(0.0, abs=1e-12)
    sums = finals[finals[ACTIVITY] == WEIGHTED_SUM].set_index(["model", "metric"])
    assert sums["score"]["blend", "r2"] > 0.5 > sums["score"]["constant", "r2"]
    assert sums["score"]["blend", "rmse"] < sums["score"]["constant", "rmse"]
    assert (sums["low"]["blend"] < sums["score"]["blend"]).all() and (
        sums["score"]["blend"] < sums["high"]["blend"]
    ).all()
    assert set(board[board[ACTIVITY] == WEIGHTED_SUM]["split"]) == {"folds", "holdout"}


def test_the_sum_is_of_the_observed_and_of_the_predicted_rates_weighted_by_views(run: Run) -> None:
    frame = make_frame().set_index("id")
    part = run.scored()
    rows = frame.loc[list(part.ids)]
    truth = (1.8 * rows["like"] - 4 * rows["hide"]) / rows["view"]
    np.testing.assert_allclose(part.outcome.y, truth)
    predicted = sum(w * run.activity(name).scored().predictions for name, w in WEIGHTS.items())
    np.testing.assert_allclose(part.predictions, predicted)
    error = np.average((truth - predicted[:, 0]) ** 2, weights=rows["view"])
    board = run.leaderboard().set_index([ACTIVITY, "model", "split", "metric"])["score"]
    assert board[WEIGHTED_SUM, "blend", "holdout", "rmse"] == pytest.approx(np.sqrt(error))
    known = frame.drop(list(part.ids))
    constant = sum(w * known[name].sum() / known["view"].sum() for name, w in WEIGHTS.items())
    assert run.manifest["constant"] == pytest.approx([constant])


def test_features_and_split_are_made_once_and_each_activity_is_a_run(run: Run) -> None:
    assert sorted(path.name for path in run.path.iterdir()) == [
        ".lock", "activities", "checksums.json", "features", "run.json", "scores", "split", "task",
    ]  # fmt: skip
    for name in WEIGHTS:
        own = Run(run.path / "activities" / name)
        steps = ["checksums.json", "model", "run.json", "scores", "search", "task"]
        assert sorted(path.name for path in own.path.iterdir()) == steps
        assert own.task.target.success_weights == {name: 1.0} and set(own.task.columns.ignore) == WEIGHTS.keys() - {
            name
        }
        assert own.scored_table().index.equals(run.scored_table().index)
        assert set(own.predict(make_frame(3))) == {"id", f"score_{name}"}
        assert "report" in report_html(own.path).lower()


def test_a_prediction_has_a_column_for_each_activity_and_the_sum(run: Run) -> None:
    new = make_frame(200, seed=5)
    predicted = Predictor.load(run.path).predict(new, interval=0.8)
    assert list(predicted.columns[:4]) == ["id", "score_like", "score_hide", "score"]
    np.testing.assert_allclose(predicted["score"], 1.8 * predicted["score_like"] - 4 * predicted["score_hide"])
    for name in WEIGHTS:
        np.testing.assert_allclose(predicted[f"score_{name}"], run.activity(name).predict(new)[f"score_{name}"])
    rates = {f"score_{name}": new[name] / new["view"] for name in WEIGHTS}
    truths = rates | {"score": 1.8 * rates["score_like"] - 4 * rates["score_hide"]}
    for name, truth in truths.items():
        within = truth.between(predicted[f"{name}_low"] - 1e-9, predicted[f"{name}_high"] + 1e-9)
        assert within.mean() == pytest.approx(0.8, abs=0.12), name
    assert run.predict(new.head(0)).empty
    with pytest.raises(InputError, match="explained on its own"):
        run.predictor.contributions(run.scored_table(), np.zeros(2, dtype=np.int64), ["all"])


def test_the_report_shows_the_sum_and_each_activity_beside_the_truth(run: Run) -> None:
    for language, words in (("en", "Predictions beside"), ("ru", "Таблица моделей")):
        page = report_html(run.path, language=language)
        assert "(1.8 like - 4 hide) / view" in page and words.split()[0] in page
        for prefix, target in (("", "(1.8 like"), ("part-1-", "like / view"), ("part-2-", "hide / view")):
            assert f'id="{prefix}distribution"' in page and target in page
        assert page.count('id="made"') == 1 and 'id="part-1-factors"' in page and 'id="factors"' not in page


@pytest.mark.parametrize("lost", [["run.json"], ["run.json", "scores"], ["run.json", "scores", "activities/hide"]])
def test_a_killed_fit_goes_on(run: Run, lost: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    for name in lost:
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name in ("model", "split", "features")}
    again = fit(make_task(), train=make_frame(), preset="fast", budget_seconds=SECONDS, run=folder)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "finished steps are not done again"
    columns = ["score_like"] if "activities/hide" in lost else ["score_like", "score_hide", "score"]
    rows = make_frame(5)
    pd.testing.assert_frame_equal(again.predict(rows)[columns], run.predict(rows)[columns])
    assert set(again.leaderboard()[ACTIVITY]) == {"like", "hide", WEIGHTED_SUM}
    assert again.manifest["spent_seconds"] < SECONDS * 1.1 + 4


def test_without_weights_there_is_no_sum_and_a_test_file_without_labels_is_predicted(tmp_path: Path) -> None:
    test = make_frame(30, seed=1).drop(columns=["like", "hide", "view"])
    run = fit(make_task(["like", "hide"]), train=make_frame(), test=test, preset="fast", budget_seconds=8, run=tmp_path)
    assert set(run.leaderboard()[ACTIVITY]) == {"like", "hide"}
    written = read_parquet(run.path / "scores" / "predictions.parquet")
    assert list(written) == ["id", "score_like", "score_hide"]
    pd.testing.assert_frame_equal(written, run.predict(test))
    assert 'id="part-1-distribution"' in report_html(run.path) and 'id="part-2-' not in report_html(run.path)
    assert list(compare_runs([run, run])[ACTIVITY]) == ["like", "hide"]
    for ask in (run.scored, run.compared, run.coverage):
        with pytest.raises(InputError, match="no weights to sum them by. Name one of them"):
            ask()


def test_a_labelled_test_file_is_scored_with_whole_groups_and_an_activity_that_never_happens(tmp_path: Path) -> None:
    train, test = (
        frame.assign(skip=0, author=np.arange(len(frame)) // 4) for frame in (make_frame(), make_frame(60, 1))
    )
    task = make_task({"like": 1.0, "skip": -1.0}, group="author", ignore=["hide"])
    run = fit(task, train=train, test=test, preset="fast", budget_seconds=8, run=tmp_path)
    assert [shown.name for shown in audit_task(task, train=train, test=test).targets] == [
        "like / view", "skip / view", "like", "skip", "view",
    ]  # fmt: skip
    assert run.scored_part == "test" and run.scored().outcome.n_samples == 60
    groups = run.scored().groups
    assert groups is not None and np.array_equal(np.bincount(groups), np.full(15, 4))
    predicted = run.predict(test)
    assert predicted["score_skip"].between(0, 0.01).all() and predicted["score"].corr(predicted["score_like"]) > 0.99


def test_bounds_hide_no_column(tmp_path: Path) -> None:
    frame = make_frame().rename(columns={"hide": "low"})
    run = fit(make_task({"like": 1.0, "low": -1.0}), train=frame, preset="fast", budget_seconds=6, run=tmp_path)
    assert list(run.predict(frame.head(2))) == ["id", "score_like", "score_low", "score"]
    with pytest.raises(InputError, match="would hide the column 'score_low'"):
        run.predict(frame.head(2), interval=0.8)


def test_runs_are_compared_activity_by_activity(run: Run, tmp_path: Path) -> None:
    other = fit(
        make_task(ignore=["colour"]), train=make_frame(), preset="fast", budget_seconds=8, run=tmp_path / "other"
    )
    table = compare_runs([run, other]).set_index(ACTIVITY)
    assert list(table.index) == ["like", "hide", WEIGHTED_SUM] and set(table["run_a"]) == {run.name}
    assert table["better"]["hide"] == table["better"][WEIGHTED_SUM] == run.name, "without the colour hides are unknown"
    found = METRICS["r2"].score(run.scored().outcome, run.scored().predictions)
    assert table["score_a"][WEIGHTED_SUM] == pytest.approx(found)
    with pytest.raises(InputError, match="different activities or weights"):
        compare_runs([run, run.activity("like")])
    assert compare_runs([run.activity("like"), other.activity("like")])["metric"].item() == "log_likelihood_skill"
    with pytest.raises(InputError, match="has no activity 'likes'. Did you mean 'like'"):
        run.activity("likes")


def test_the_commands_work_on_a_run_with_activities_and_inside_it(run: Run, tmp_path: Path) -> None:
    make_frame(20, seed=2).to_csv(tmp_path / "new.csv", index=False)

    def command(*arguments: object) -> str:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
        assert done.exit_code == 0, (arguments, done.output, done.exception)
        return done.output

    for folder in (run.path, run.path / "activities" / "hide"):
        rows = json.loads(command("leaderboard", folder, "--json"))
        assert (ACTIVITY in rows[0]) == (folder == run.path) and set(COLUMNS) <= set(rows[0])
        command("predict", folder, tmp_path / "new.csv", "--out", tmp_path / "p.csv")
        assert "score_hide" in pd.read_csv(tmp_path / "p.csv")
        command("report", folder, "--out", tmp_path / "report.html", "--lang", "ru")
        assert "neither" in command("compare", folder, folder)
    shown = command("leaderboard", run.path)
    assert "activity" in shown and WEIGHTED_SUM in shown
    assert f"{WEIGHTED_SUM}, r2: run" in command("compare", run.path, run.path)


def test_unusable_activities_are_refused(tmp_path: Path) -> None:
    frame = make_frame()
    with pytest.raises(InputError, match=r"lacks: \['share'\]"):
        fit(make_task(["like", "share"]), train=frame, run=tmp_path)
    with pytest.raises(InputError, match="No row has a usable target.*successes above trials"):
        fit(make_task(), train=frame.assign(hide=frame["view"] + 1), run=tmp_path)
    with pytest.raises(InputError, match="rows"):
        fit(make_task(), train=frame.head(3), run=tmp_path)
    odd = frame.astype({"hide": float})
    odd.loc[0, "hide"] = np.nan
    run = fit(make_task(["like", "hide"]), train=odd, preset="fast", budget_seconds=6, run=tmp_path / "odd")
    assert "target_missing" in {finding.code for finding in run.findings}
    assert len(read_parquet(run.path / "split" / "rows.parquet")) == len(frame) - 1, "one set of rows for all"


def together(run: Path) -> object:
    return score_together(RunFolder(run), make_task(), 0)


READS: dict[str, tuple[Callable[[Path], Any], ...]] = {  # what reads a file of one activity, by its name
    "run.json": (together, lambda run: Run(run).view_leaderboard(), lambda run: Run(run).activity("like").scored()),
    "search.json": (Predictor.load,),
    "model.json": (lambda run: Predictor.load(run).predict(make_frame(3)),),
    "holdout.parquet": (together, lambda run: compare_runs([Run(run), Run(run)])),
    "folds.parquet": (together,),
    "leaderboard.parquet": (together,),
}
NEEDED = {"outcome", "scored_rows", "constant", "candidates", "blends", "params", "features", "files"}


@pytest.mark.parametrize("name", READS)
def test_a_damaged_file_of_an_activity_is_told_with_the_remedy(name: str, run: Run, tmp_path: Path) -> None:
    copied, foreign = tmp_path / "run", io.BytesIO()
    shutil.copytree(run.path, copied)
    found = (path for path in (copied / "activities" / "like").rglob(name) if "search" not in path.parts)
    path = min(found)
    whole = path.read_bytes()
    pd.DataFrame({"foreign": [1.0]}).to_parquet(foreign)
    pickled = f"cos\nsystem\n(S'touch {tmp_path / 'it-ran'}'\ntR.".encode()
    damaged = [b"", whole[: len(whole) // 2], b"PAR1" * 50, pickled, foreign.getvalue()]
    if path.suffix == ".json":
        held = json.loads(whole)
        lacking = [{key: value for key, value in held.items() if key != gone} for gone in NEEDED & set(held)]
        odd = [{**held, key: [{}]} for key in NEEDED & set(held)]
        damaged += [json.dumps(one).encode() for one in ([], {}, 7, *lacking, *odd)]
    for content in damaged:
        path.write_bytes(content)
        for read in READS[name]:
            with pytest.raises(ArtifactError, match="[rR]un fit again"):
                read(copied)
        assert [fault.path for fault in RunFolder(copied).faults()] == [path.relative_to(copied).as_posix()]
    assert not (tmp_path / "it-ran").exists()
    path.write_bytes(whole)
    assert all(read(copied) is not None for read in READS[name])


@pytest.mark.parametrize("name", ["holdout", "folds"])
def test_activities_of_different_rows_are_not_summed(name: str, run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    path = tmp_path / "run" / "activities" / "like" / "scores" / f"{name}.parquet"
    read_parquet(path).iloc[::-1].to_parquet(path, index=False)
    with pytest.raises(ArtifactError, match=r"scores of different rows.*run fit again"):
        together(tmp_path / "run")


@pytest.fixture
def stopped_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], None]]:
    """Presses Ctrl-C before an activity's fit of this number."""
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


def test_an_interrupt_leaves_the_other_activities_the_cheapest_models_until_the_fit_goes_on(
    tmp_path: Path, stopped_in: Callable[[str, int], None]
) -> None:
    stopped_in("like", 1)
    arguments: dict[str, Any] = {"train": make_frame(120), "preset": "fast", "run": tmp_path / "run"}
    started = time.monotonic()
    run = fit(make_task(), **arguments, budget_seconds=600.0)
    assert time.monotonic() - started < 100.0
    assert run.manifest["interrupted"] and run.manifest["cut_short"] == ["hide"]
    assert all(run.activity(name).manifest["interrupted"] for name in WEIGHTS)
    assert not list(run.path.glob("activities/hide/search/*-*-*/candidate.json")), "nothing but defaults"
    assert set(run.predict(make_frame(3))) == {"id", "score_like", "score_hide", "score"}
    (line,) = stopped_in_words(run.path)
    assert "cheapest models alone: hide" in line and "goes on with the rest of its budget" in line
    page = report_html(run.path)
    assert "Stopped by the user before its end" in page and "The cheapest models alone: hide." in page


def test_an_interrupt_before_any_model_leaves_the_fit(tmp_path: Path, stopped_in: Callable[[str, int], None]) -> None:
    stopped_in("like", 0)
    with pytest.raises(KeyboardInterrupt):
        fit(make_task(), train=make_frame(120), preset="fast", budget_seconds=600.0, run=tmp_path / "run")


def test_an_interrupt_before_the_first_model_of_a_later_activity_finishes_it_with_the_cheapest(
    tmp_path: Path, stopped_in: Callable[[str, int], None]
) -> None:
    stopped_in("hide", 0)
    run = fit(make_task(), train=make_frame(120), preset="fast", budget_seconds=8.0, run=tmp_path / "run")
    assert run.manifest["cut_short"] == ["hide"] and not run.activity("like").manifest["interrupted"]
