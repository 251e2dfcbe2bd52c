"""Thresholds of two classes for the models of foreign libraries: chosen out of fold, used by scores and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from artifacts import Task
from artifacts.errors import ArtifactError, InputError
from artifacts.feature_table import FeatureTable
from automl import Predictor, fit
from automl.backends.foreign import solve
from automl.backends.foreign_table import FrameMaker
from automl.backends.lightautoml import FittedLightAutoML, LightAutoMLBackend
from automl.carrying import export, import_
from automl.cli import app
from automl.reporting import report_html
from automl.run import Run
from evaluation.metrics import METRICS

# Stands in for a library whose model knows the probability of a rare class: .5 is above nearly all of them.
FAKE = """
import numpy as np
def work(job):
    x = job.frame().iloc[:, 0].to_numpy(np.float64)[job.rows().source]
    p = 1 / (1 + np.exp(2.2 - 1.5 * x))
    np.save(job.folder / "oof.npy", np.column_stack([1 - p, p]))
    job.report([{"key": "fake/model", "fit_seconds": 1.0, "may_be_final": True, "out_of_fold": "oof.npy"}])
"""
PACKAGES = {"autogluon": "autogluon.tabular", "lightautoml": "lightautoml"}


def make_frame(n: int = 900, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    sold = rng.random(n) < 1 / (1 + np.exp(2.2 - 1.5 * x))
    return pd.DataFrame({"id": range(n), "x": x, "sold": np.where(sold, "yes", "no")})


def make_task() -> Task:
    return Task(
        name="sold",
        target={"kind": "binary", "column": "sold", "metric": "f1"},
        columns={"id": "id"},
        encoders={"text": "none", "image": "none"},
    )


def check(run: Run, new: pd.DataFrame) -> None:
    """The rare class is said above a threshold below even odds, everywhere alike, and never a probability is moved."""
    (shift,) = run.manifest["decision"]
    assert shift < -0.2
    board = run.leaderboard()
    final = board[(board["split"] == "holdout") & (board["model"] == run.manifest["final_model"])]
    part, f1 = run.scored(), METRICS["f1"]
    assert f1.score(part.outcome, part.decided) == pytest.approx(final["score"].item())
    assert f1.score(part.outcome, part.decided) > f1.score(part.outcome, part.predictions)
    told = Predictor.load(run.path, trust=True).predict(new, proba=True)
    above = told["probability_yes"] > 1 / (1 + np.exp(-shift))
    np.testing.assert_array_equal(told["prediction"] == "yes", above)
    assert (above & (told["probability_yes"] < 0.5)).any(), "said, though less likely than not"


def check_trust(run: Run, new: pd.DataFrame, folder: Path) -> None:
    """An imported file of a foreign back end loads its models only where it is trusted, whatever asks for them."""
    export(run.path, folder / "run.zip")
    imported, _ = import_(folder / "run.zip", folder / "imported")
    new.to_csv(folder / "new.csv", index=False)
    place, rows, out = str(imported.path), str(folder / "new.csv"), str(folder / "out.csv")
    for ask in (Predictor.load, report_html, lambda path: Run(path).predict(new), lambda path: imported.predictor):
        with pytest.raises(ArtifactError, match=r"whose files are pickles.*trust=True \(--trust\)"):
            ask(imported.path)
    ask_for = (
        ["predict", place, rows, "--out", out],
        ["explain", place, rows, "--row", "3"],
        ["report", place, "--json"],
    )
    for command in ask_for:
        refused = CliRunner().invoke(app, command)
        assert refused.exit_code and isinstance(refused.exception, ArtifactError), command
    assert not Path(out).exists()
    advised = CliRunner().invoke(app, ["advise", place, rows])  # never loads them
    assert isinstance(advised.exception, InputError) and "cannot be fitted again" in str(advised.exception)
    told = Run(place, trust=True).predict(new)
    pd.testing.assert_frame_equal(told, Run(run.path, trust=True).predict(new))
    assert CliRunner().invoke(app, [*ask_for[0], "--trust"]).exit_code == 0
    assert pd.read_csv(out)["prediction"].tolist() == told["prediction"].tolist()


def test_a_foreign_model_says_the_rare_class_above_a_threshold_chosen_out_of_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(_self: LightAutoMLBackend, problem: Any) -> FittedLightAutoML:
        return FittedLightAutoML(solve(problem, "fake_library", FrameMaker()))

    def decide(self: FittedLightAutoML, table: FeatureTable, key: str = "final") -> Any:
        assert key in ("final", "fake/model")
        x = self.run.maker.frame(table).iloc[:, [0]].to_numpy(np.float64)
        return 1.5 * x - 2.2

    (tmp_path / "fake_library.py").write_text(FAKE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(LightAutoMLBackend, "fit", fitted)
    monkeypatch.setattr(FittedLightAutoML, "decide", decide)
    run = fit(make_task(), preset="lightautoml", budget_seconds=60, train=make_frame(), run=tmp_path / "run")
    check(run, make_frame(300, seed=1))
    check_trust(run, make_frame(20, seed=2), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("library", PACKAGES)
def test_the_libraries_themselves(library: str, tmp_path: Path) -> None:
    pytest.importorskip(PACKAGES[library])
    run = fit(make_task(), preset=library, budget_seconds=40, train=make_frame(), run=tmp_path / "run")
    check(run, make_frame(300, seed=1))
    check_trust(run, make_frame(20, seed=2), tmp_path)
