"""A list column as target, end to end, and the labels that predictions name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from artifacts import Task
from artifacts.errors import InputError
from automl import Predictor, fit
from automl.audit import audit_task
from automl.cli import app
from automl.data import load
from automl.reporting import report_html
from automl.run import Run
from evaluation.audit_page import render_audit
from evaluation.compare import compare
from evaluation.metrics import METRICS
from featurizers.task_draft import draft_task

TARGET = {"kind": "multilabel", "column": "tags"}


def make_frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Labels that hang on a number and a word; the label ``odd`` has three rows."""
    rng = np.random.default_rng(seed)
    size, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], size=n)
    tags = [
        [
            *(["large"] if s + 0.3 * e > 0.7 else []),
            *(["warm"] if c == "red" and e > -1 else []),
            *(["sea", "sky"] if c == "blue" and e > 0 else []),
            *(["odd"] if i in (3, 50, 99) else []),
        ]
        for i, (s, c, e) in enumerate(zip(size, colour, rng.normal(size=n), strict=True))
    ]
    texts = [f"a {c} thing, number {i}" for i, c in enumerate(colour)]
    return pd.DataFrame({"id": [f"card {i}" for i in range(n)], "size": size, "title": texts, "tags": tags})


def make_task(**changes: object) -> Task:
    given = {"target": TARGET, "columns": {"id": "id"}, "encoders": {"text": "none", "image": "none"}}
    return Task(**{"name": "tags", **given, **changes})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("multilabel") / "run"
    return fit(make_task(), train=make_frame(), test=make_frame(80, 1), preset="fast", budget_seconds=12, run=folder)


def test_it_beats_the_constant_and_the_leaderboard_says_what_predict_does(run: Run) -> None:
    board = run.leaderboard()
    scores = board[(board["split"] == "test") & (board["error"] == "")].set_index(["model", "view"])["score"]
    assert set(board["metric"]) == {"f1_micro"} and scores["blend", "all"] > scores["constant", "none"] + 0.1
    frame = make_frame(80, 1)
    said = [set(json.loads(cell)) for cell in run.predict(frame)["prediction"]]
    true = [set(cell) for cell in frame["tags"]]
    hits = sum(len(a & b) for a, b in zip(said, true, strict=True))
    both = sum(len(a) + len(b) for a, b in zip(said, true, strict=True))
    assert 2 * hits / both == pytest.approx(scores["blend", "all"])


def test_probabilities_are_given_per_label_and_not_moved_by_the_thresholds(run: Run) -> None:
    predictor = Predictor.load(run.path)
    found = predictor.predict(make_frame(80, 1), proba=True)
    names = [f"probability_{label}" for label in ("large", "odd", "sea", "sky", "warm")]
    assert list(found.columns) == ["id", "prediction", *names]
    np.testing.assert_allclose(found[names].to_numpy(), run.scored().predictions, atol=1e-6)
    assert METRICS["log_loss"].score(run.scored().outcome, found[names].to_numpy()) < 0.5
    with pytest.raises(InputError, match="numbers and rates"):
        predictor.predict(make_frame(5), interval=0.9)
    assert predictor.predict_array(make_frame(80).head(0)).shape == (0, 5)


def test_rare_labels_are_named_and_scored_apart(run: Run) -> None:
    rare = next(finding for finding in run.findings if finding.code == "label_rare")
    assert (rare.count, rare.total, rare.details["labels"]) == (1, 5, ["odd"])
    assert "1 of 5 labels have fewer than 5 rows (odd)" in rare.in_language("en")
    part, apart = run.scored(), run.manifest["labels"]
    assert (apart["frequent"]["n_labels"], apart["rare"]["labels"]) == (4, ["odd"])
    frequent = np.array([0, 2, 3, 4])
    expected = METRICS["f1_micro"].score(part.outcome.of_labels(frequent), part.decided[:, frequent])
    assert apart["frequent"]["f1_micro"] == pytest.approx(expected)
    assert "Labels with enough training rows (4;" in report_html(run.path)


def test_commands_work_on_it(run: Run, tmp_path: Path) -> None:
    make_frame(20, 2).drop(columns="tags").to_parquet(tmp_path / "new.parquet")
    out = tmp_path / "out.csv"
    done = CliRunner().invoke(app, ["predict", str(run.path), str(tmp_path / "new.parquet"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert all(isinstance(json.loads(cell), list) for cell in pd.read_csv(out)["prediction"])
    table = compare([run.compared(), run.compared()])
    assert table["difference"].tolist() == [0.0] and table["metric"].tolist() == ["f1_micro"]
    explanation = run.predictor.contributions(
        table := run.scored_table(), np.arange(table.n_features), [feature.name for feature in table.features]
    )
    np.testing.assert_allclose(explanation.total, run.predictor.decide(table), atol=1e-5)


@pytest.mark.parametrize(
    "written",
    [
        lambda tags: np.array(tags, dtype=object),
        json.dumps,
        str,
        lambda tags: ", ".join(tags) or "[]",
        lambda tags: " / ".join(tags) or "[]",
    ],
)
def test_lists_are_read_however_they_are_written(written: object) -> None:
    frame = make_frame(60)
    cells = pd.Series([written(tags) for tags in frame["tags"]], dtype=object)  # type: ignore[operator]
    loaded = load(make_task(), frame.assign(tags=cells), frame.assign(tags=cells).head(10))
    plain = load(make_task(), frame)
    assert loaded.train.outcome is not None and plain.train.outcome is not None
    assert loaded.train.outcome.classes == plain.train.outcome.classes
    np.testing.assert_array_equal(loaded.train.outcome.y, plain.train.outcome.y)
    assert loaded.test is not None and loaded.test.outcome is not None
    np.testing.assert_array_equal(loaded.test.outcome.y, plain.train.outcome.y[:10])


def test_missing_and_broken_lists_are_left_out_and_empty_ones_are_said() -> None:
    frame = make_frame(60)
    frame["tags"] = frame["tags"].map(lambda tags: json.dumps(tags) if tags else "[]")
    frame.loc[0:2, "tags"] = [None, "", "[broken"]
    test = make_frame(20, 1)
    test.at[4, "tags"] = ["new", "warm"]
    loaded = load(make_task(), frame, test)
    found = {finding.code: finding for finding in loaded.audit.findings}
    assert len(loaded.train.ids) == 57 and found["target_missing"].count == 3
    assert found["labels_none"].count == int((loaded.train.outcome.y.sum(axis=1) == 0).sum()) > 0
    assert found["label_unseen"].rows == ("card 4",) and found["label_unseen"].details["example"] == "new"


@pytest.mark.parametrize(
    ("tags", "match"),
    [
        ([None] * 40, "No row has a usable target"),
        ([[]] * 40, "has 0 labels in 40 rows"),
        ([["a", "b"]] * 40, "not in all"),
        ([[f"{i} {k}" for k in range(80)] for i in range(40)], "3200 different labels"),
    ],
)
def test_targets_without_use_are_refused(tags: list[object], match: str, tmp_path: Path) -> None:
    frame = make_frame(40).assign(tags=pd.Series(tags, dtype=object))
    with pytest.raises(InputError, match=match):
        fit(make_task(), train=frame, preset="fast", run=tmp_path / "run")


@pytest.mark.parametrize("preset", ["lightautoml", "autogluon"])
def test_back_ends_that_cannot_say_who_can(preset: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"'{preset}' does not do kind 'multilabel', but \['search'\] does.*'fast'"):
        fit(make_task(), train=make_frame(40), preset=preset, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_hostile_labels_and_a_dozen_rows_are_fitted(tmp_path: Path) -> None:
    frame = make_frame(12)
    frame["tags"] = [["<script>", "a\x00b", 'quo"te']] * 4 + [["\u202e", "1"]] * 5 + [[]] * 3
    run = fit(make_task(), train=frame, preset="fast", budget_seconds=5, run=tmp_path / "run")
    found = run.predictor.predict(frame, proba=True)
    assert all(isinstance(json.loads(cell), list) for cell in found["prediction"])
    assert np.isfinite(found.filter(like="probability_").to_numpy()).all()
    assert "<script>" not in report_html(run.path)


def test_a_draft_names_the_kind(tmp_path: Path) -> None:
    frame = make_frame(60)
    frame["tags"] = frame["tags"].map(json.dumps)
    assert 'kind = "multilabel"' in draft_task(frame, data=tmp_path / "rows.csv", target="tags")


def test_the_threshold_of_a_rare_class_reaches_the_predictions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    size = rng.normal(size=400)
    sold = (rng.random(400) < 1 / (1 + np.exp(2.5 - 1.5 * size))).astype(int)
    frame = pd.DataFrame({"size": size, "weight": rng.normal(size=400), "sold": np.where(sold, "yes", "no")})
    task = make_task(target={"kind": "binary", "column": "sold", "metric": "f1"}, columns={})
    run = fit(task, train=frame, test=frame, preset="fast", budget_seconds=6, run=tmp_path / "run")
    (shift,) = run.manifest["decision"]
    assert shift < 0
    found = run.predictor.predict(frame, proba=True)
    decided = found["probability_yes"] > 1 / (1 + np.exp(-shift))
    assert (decided == (found["prediction"] == "yes")).all() and decided.sum() > (found["probability_yes"] > 0.5).sum()
    board = run.leaderboard()
    score = board[(board["model"] == "blend") & (board["split"] == "test")]["score"].iloc[0]
    hits = int(((found["prediction"] == "yes") & (frame["sold"] == "yes")).sum())
    assert score == pytest.approx(2 * hits / ((found["prediction"] == "yes").sum() + (frame["sold"] == "yes").sum()))


def test_an_audit_shows_how_labels_are_spread() -> None:
    frame = make_frame(120)
    report = audit_task(make_task(), train=frame, test=make_frame(80, 1))
    (spread,) = report.targets
    assert spread.n_rows == 120 and spread.n_labels == 5 and spread.test_apart is None
    shares = dict(zip(spread.labels, spread.train, strict=True))
    assert shares["large"] == pytest.approx(np.mean(["large" in tags for tags in frame["tags"]]))
    assert "large" in render_audit(report, "en")
