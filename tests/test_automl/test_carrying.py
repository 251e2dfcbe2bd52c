"""A run fitted here predicts elsewhere: without its data, and with the weights of its encoders if they went with it."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.embedding_store import CACHE_VARIABLE
from artifacts.errors import ArtifactError
from artifacts.portable import CONTENTS
from artifacts.task import Task
from automl import fit
from automl.carrying import export, import_
from automl.demo_data import make_demo_data


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, tiny_image_encoder_folder: Path) -> Path:
    """A shop beside the weights of a photo encoder, and a run that uses them."""
    folder = tmp_path_factory.mktemp("here")
    make_demo_data(folder / "shop", n_rows=60)
    shutil.copytree(tiny_image_encoder_folder, folder / "weights")
    task = folder / "shop" / "task.toml"
    text = task.read_text(encoding="utf-8").split("[encoders]")[0]
    task.write_text(text + '\n[encoders]\ntext = "none"\nimage = "../weights"\n', encoding="utf-8")
    fit(Task.from_toml(task), preset="fast", budget_seconds=8, run=folder / "run")
    return folder


def test_with_weights_it_predicts_where_there_are_none(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl.run import Run

    rows = pd.read_csv(fitted / "shop" / "test.csv")
    before = Run(fitted / "run").predict(rows)
    portable = export(fitted / "run", tmp_path / "run.zip", weights=True)
    assert any(name.startswith("weights/image/") for name in portable.files)
    export(fitted / "run", tmp_path / "bare.zip")
    hidden = fitted / "hidden"
    (fitted / "weights").rename(hidden)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    try:
        bare, lacking = import_(tmp_path / "bare.zip", tmp_path / "bare")
        assert set(lacking) == {"image"} and "is gone" in lacking["image"]
        assert bare.folder.faults() == []
        run, lacking = import_(tmp_path / "run.zip", tmp_path / "elsewhere")
        assert lacking == {} and run.folder.faults() == []
        after = run.predict(rows)
        np.testing.assert_array_equal(after["prediction"], before["prediction"])
        assert len(run.leaderboard())
        _, lacking = import_(tmp_path / "run.zip", tmp_path / "again")
        assert lacking == {}, "weights that are there stay"
    finally:
        hidden.rename(fitted / "weights")


def test_other_weights_than_the_run_needs_are_refused(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl.carrying.files_to_carry", lambda folder: {"config.json": folder / "config.json"})
    export(fitted / "run", tmp_path / "run.zip", weights=True)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    with pytest.raises(ArtifactError, match=r"have the hash .* but the run needs"):
        import_(tmp_path / "run.zip", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / "cache" / "encoders").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tmp")] == []


@pytest.mark.parametrize("spoilt", [{"image": {"kind": "local"}}, {"image": 7}, {"image": {"fingerprint": ["x"]}}])
def test_spoilt_encoders_of_a_file_are_told(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: dict[str, object]
) -> None:
    export(fitted / "run", tmp_path / "run.zip", weights=True)
    with zipfile.ZipFile(tmp_path / "run.zip") as packed, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in packed.namelist():
            content = packed.read(name)
            bad.writestr(name, json.dumps({**json.loads(content), "encoders": spoilt}) if name == CONTENTS else content)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    with pytest.raises(ArtifactError):
        import_(tmp_path / "bad.zip", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / "cache" / "encoders").exists()
