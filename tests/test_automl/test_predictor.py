"""Predictions of raw rows: names, batches, single rows."""

from __future__ import annotations

import io
import json
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from artifacts.errors import ArtifactError, FusionError
from artifacts.progress import Silent
from artifacts.store import RunFolder
from artifacts.task import Output
from automl import Predictor, fit, predictor
from automl.advice_basis import training_examples
from automl.budget import Budget
from automl.clusters import ClusterRequest, cluster_run
from automl.data import load
from automl.decision import Decision
from automl.model_scores import ModelScores
from automl.predictor import predictions_frame
from automl.presets import preset_named
from automl.reporting import report_html
from automl.resuming import stopped_in_words
from automl.run import Run
from automl.steps import Steps
from automl.view_scores import ViewScores

READS: dict[str, tuple[Callable[[Path], Any], ...]] = {  # what reads the files of a run, by their place
    "run.json": (Predictor.load, lambda run: Run(run).scored(), lambda run: Run(run).metric, stopped_in_words),
    "checksums.json": (lambda run: RunFolder(run).faults(),),
    "task": (lambda run: [Run(run).task, Run(run).schema],),
    "features": (lambda run: Run(run).findings, lambda run: Run(run).scored_table(), Predictor.load),
    "model": (Predictor.load,),
    "scores": (lambda run: ModelScores.load(run / "scores"), lambda run: ViewScores.load(run / "scores")),
}
TASK = Task(
    name="names",
    target={"kind": "multiclass", "column": "kind"},
    encoders={"text": "none", "image": "none"},
    output={"id": "product_id", "prediction": "predicted_category_id"},
)


def goes_on(run: Path) -> None:
    steps = Steps(load(TASK, make_frame(), None), preset_named("fast"), 0, RunFolder(run), Budget(5.0), Silent())
    steps.split()


TABLES: dict[str, tuple[Callable[[Path], Any], ...]] = {  # what reads the tables of a run
    "split/rows.parquet": (
        goes_on,
        lambda run: Run(run).scored_table(),
        lambda run: training_examples(Run(run)),
        lambda run: cluster_run(Run(run), ClusterRequest(), make_frame()),
    ),
    "split/folds.parquet": (goes_on,),
    "scores/leaderboard.parquet": (lambda run: Run(run).leaderboard(), report_html),
    "scores/holdout.parquet": (lambda run: Run(run).scored(), report_html),
    "scores/rows.parquet": (report_html,),
    "scores/suspects.parquet": (report_html,),
    "features/train/index.parquet": (lambda run: Run(run).scored_table(),),
}


def make_frame(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], size=n)
    return pd.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(n)],
            "title": [f"{c} thing number {i}" for i, c in enumerate(colour)],
            "price": rng.normal(size=n),
            "kind": np.where(colour == "red", "hat", "shoe"),
        },
        index=range(100, 100 + n),
    )


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("run")
    fit(TASK, train=make_frame(), preset="fast", budget_seconds=5, run=folder)
    return Predictor.load(folder)


def test_the_names_of_output_are_those_of_the_predictions(loaded: Predictor) -> None:
    rows = make_frame(8).drop(columns="kind")
    plain, proba = loaded.predict(rows), loaded.predict(rows, proba=True)
    assert list(plain.columns) == ["product_id", "predicted_category_id"]
    assert list(proba.columns) == [*plain.columns, "probability_hat", "probability_shoe"]
    assert plain["product_id"].tolist() == rows["product_id"].tolist() and plain.index.tolist() == rows.index.tolist()
    likeliest = proba[["probability_hat", "probability_shoe"]].idxmax(axis=1).str.removeprefix("probability_")
    assert plain["predicted_category_id"].tolist() == likeliest.tolist()
    assert list(loaded.predict(rows.drop(columns="product_id")).columns) == ["predicted_category_id"]


def test_a_rate_has_its_name_and_no_classes() -> None:
    task = Task(
        name="rate",
        target={"kind": "conversion", "successes": "c", "trials": "v"},
        columns={"id": "card"},
        output={"prediction": "ctr"},
    )
    frame = predictions_frame(
        task, (), pd.DataFrame({"card": [7, 8]}), np.array([[0.1], [0.2]]), decision=Decision(), proba=True
    )
    assert frame.to_dict("list") == {"card": [7, 8], "ctr": [0.1, 0.2]}
    renamed = task.model_copy(update={"output": Output(id="product_id", prediction="ctr")})
    frame = predictions_frame(
        renamed, (), pd.DataFrame({"card": [7, 8]}), np.array([[0.1], [0.2]]), decision=Decision()
    )
    assert frame.to_dict("list") == {"product_id": [7, 8], "ctr": [0.1, 0.2]}


def test_many_rows_are_featurized_in_batches(loaded: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, sizes = make_frame(50), []
    whole, featurize = loaded.predict_array(rows), loaded.featurize
    monkeypatch.setattr(predictor, "CHUNK_ROWS", 16)
    monkeypatch.setattr(loaded, "featurize", lambda frame: sizes.append(len(frame)) or featurize(frame))
    np.testing.assert_allclose(loaded.predict_array(rows), whole, rtol=0, atol=1e-9)
    assert sizes == [16, 16, 16, 2]


def test_a_row_is_predicted_alone_as_among_others(loaded: Predictor) -> None:
    rows = make_frame(5)
    alone = np.concatenate([loaded.predict_array(rows.iloc[[i]]) for i in range(5)])
    np.testing.assert_allclose(alone, loaded.predict_array(rows), rtol=0, atol=1e-6)


class Malice:
    """What a pickle runs when it is read."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.sentinel,)


def test_no_file_of_a_run_can_run_code(loaded: Predictor, tmp_path: Path) -> None:
    """Each kind of file in turn is a pickle, as such and inside npy and npz files."""
    assert loaded._run is not None
    run, sentinel = tmp_path / "run", tmp_path / "it ran"
    shutil.copytree(loaded._run.path, run)
    payload = pickle.dumps(Malice(sentinel))
    pickle.loads(payload)  # noqa: S301 - that the payload works is what makes this a test
    assert sentinel.exists()
    sentinel.unlink()
    array, arrays = io.BytesIO(), io.BytesIO()
    objects = np.array([Malice(sentinel)], dtype=object)
    np.save(array, objects, allow_pickle=True)
    np.savez(arrays, weights=objects, allow_pickle=True)
    files = [path for path in sorted(run.rglob("*")) if path.is_file()]
    kinds = {re.sub(r"\d+|[^/]+-[^/]+/", "", path.relative_to(run).as_posix()): path for path in files}
    told, rows = 0, make_frame(3)
    for path in kinds.values():
        whole = path.read_bytes()
        contents = {".npy": [array], ".npz": [arrays]}.get(path.suffix, [])
        for content in [payload, *(one.getvalue() for one in contents)]:
            path.write_bytes(content)
            for read in (
                lambda run: Predictor.load(run).predict(rows),
                lambda run: Run(run).scored(),
                *READS["scores"],
            ):
                try:
                    read(run)
                except (FusionError, OSError, ValueError):
                    told += 1
        path.write_bytes(whole)
    assert told > 10 and not sentinel.exists()


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_table_of_a_run_is_told_with_the_remedy(name: str, loaded: Predictor, tmp_path: Path) -> None:
    assert loaded._run is not None
    run, other = tmp_path / "run", io.BytesIO()
    shutil.copytree(loaded._run.path, run)
    path = run / name
    whole = path.read_bytes()
    pd.DataFrame({"foreign": [1.0]}).to_parquet(other)
    damaged = {"cut off": whole[: len(whole) // 2], "empty": b"", "noise": b"PAR1" * 50, "foreign": other.getvalue()}
    for how, content in damaged.items():
        path.write_bytes(content)
        for read in TABLES[name]:
            if (how, name) == ("foreign", "scores/leaderboard.parquet"):
                continue  # any columns are shown
            with pytest.raises(ArtifactError, match="[rR]un fit again"):
                read(run)


def test_spoilt_files_of_a_run_are_told(loaded: Predictor, tmp_path: Path) -> None:
    assert loaded._run is not None
    run = tmp_path / "run"
    shutil.copytree(loaded._run.path, run)
    told, files = 0, {path.name: path for path in sorted(run.rglob("*.json"))}  # of the models of folds, one
    for path in files.values():
        whole = path.read_bytes()
        held = json.loads(whole)
        spoilt: list[Any] = [[], {}, 7, None, [[]], [{}]]
        if isinstance(held, dict):
            spoilt += [{name: value for name, value in held.items() if name != gone} for gone in held]
            spoilt += [{**held, name: [{}]} for name in held]
        for content in [*map(json.dumps, spoilt), "", "{", "[" * 10_000, "9" * 5_000]:
            path.write_text(content)
            for read in READS.get(path.relative_to(run).parts[0], ()):
                try:
                    read(run)
                except FusionError:
                    told += 1
        path.write_bytes(whole)
    assert told > 200 and not RunFolder(run).faults()
