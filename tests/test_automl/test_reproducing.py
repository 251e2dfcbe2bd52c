from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.task import Task
from automl import fit
from automl.backends import out_of_fold
from automl.demo_data import make_demo_data
from automl.reproducing import Reproduced, compared, difference, reproduce
from automl.run import Run


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("then")
    make_demo_data(folder / "shop", n_rows=60)
    task = folder / "shop" / "task.toml"
    text = task.read_text(encoding="utf-8").split("[encoders]")[0]
    task.write_text(text + '\n[encoders]\ntext = "none"\nimage = "none"\n', encoding="utf-8")
    fit(Task.from_toml(task), preset="fast", budget_seconds=8, run=folder / "run")
    return folder


def test_a_run_comes_out_the_same_but_for_turns_that_go_by_seconds(fitted: Path, tmp_path: Path) -> None:
    found = reproduce(fitted / "run", tmp_path / "again")
    assert "linear" in set(found.candidates["model"])
    exact = found.candidates["model"].isin(["linear", "lightgbm", "catboost"]) & found.candidates["as_long"]
    assert (found.candidates["difference"][exact] <= 1e-9).all() and exact.any(), found.candidates
    assert found.verdict in ("same", "time")
    assert found.versions == {} and set(found.predictions) == {"run"}
    json.dumps(found.to_json())


def test_a_run_is_the_same_as_its_copy_and_not_as_a_changed_one(fitted: Path, tmp_path: Path) -> None:
    shutil.copytree(fitted / "run", tmp_path / "copy")
    found = compared(Run(fitted / "run"), Run(tmp_path / "copy"))
    assert found.verdict == "same" and len(found.differing) == 0 and found.predictions == {"run": 0.0}
    one = next((tmp_path / "copy" / "search").glob("linear-*"))
    scores = out_of_fold.read(one)
    out_of_fold.write(one, scores + 1e-6 * np.abs(scores).max())
    found = compared(Run(fitted / "run"), Run(tmp_path / "copy"))
    assert found.verdict == "different"
    assert found.differing["candidate"].tolist() == [one.name]
    assert found.differing["difference"].tolist() == pytest.approx([1e-6])


def test_what_reads_the_scores_of_others_is_as_long_as_they_are(fitted: Path, tmp_path: Path) -> None:
    runs = tmp_path / "then", tmp_path / "now"
    for run in runs:
        shutil.copytree(fitted / "run", run)
        one = next((run / "search").glob("linear-*"))
        stack = shutil.copytree(one, one.parent / "stack", ignore=shutil.ignore_patterns("model_*"))
        told = json.loads((stack / "candidate.json").read_text(encoding="utf-8"))
        (stack / "candidate.json").write_text(json.dumps({**told, "members": [one.name]}), encoding="utf-8")
    out_of_fold.write(stack, 0.5 * out_of_fold.read(stack))
    assert compared(*map(Run, runs)).verdict == "different", "its member is as it was"
    path = next(one.glob("model_*/model.json"))
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**told, "extra": {"by_time": True}}), encoding="utf-8")
    found = compared(*map(Run, runs))
    assert not found.candidates.set_index("candidate")["as_long"][[one.name, "stack"]].any()
    assert found.verdict == "time"


def test_what_had_no_turn_is_told_from_what_came_out_otherwise() -> None:
    frame = pd.DataFrame({"candidate": ["a"], "difference": [0.0], "as_long": [True]})
    found = Reproduced(Path("then"), Path("now"), {}, frame, 2, 0, {"run": 0.1})
    assert found.verdict == "time"
    assert replace(found, only_then=0).verdict == "different"
    assert replace(found, predictions={"run": 1e-12}).verdict == "same"
    assert replace(found, candidates=frame.assign(difference=np.inf)).verdict == "different"
    assert replace(found, candidates=frame.assign(difference=1.0, as_long=False), only_then=0).verdict == "time"


def test_differences_are_shares_of_the_largest_number() -> None:
    one = np.array([[100.0, np.nan], [1.0, 2.0]])
    assert difference(one, one) == 0.0
    assert difference(one, one + np.array([[0.0, 0.0], [0.0, 1.0]])) == pytest.approx(0.01)
    assert difference(one, np.nan_to_num(one)) == np.inf and difference(one, one[:1]) == np.inf


def test_changed_data_and_used_folders_are_refused(fitted: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not empty"):
        reproduce(fitted / "run", fitted / "run")
    shutil.copytree(fitted / "shop", tmp_path / "shop")
    rows = pd.read_csv(tmp_path / "shop" / "train.csv")
    rows.iloc[1:].to_csv(tmp_path / "shop" / "train.csv", index=False)
    with pytest.raises(
        InputError, match=r"The train table of this run had the hash '\w+', but what is at .* has '\w+'"
    ):
        reproduce(fitted / "run", tmp_path / "again", data=tmp_path / "shop")
    assert not (tmp_path / "again").exists()
