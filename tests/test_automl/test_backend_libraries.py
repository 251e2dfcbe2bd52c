"""The contract of a back end, on each library that is wrapped: tiny tables, short budgets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError, MissingDependencyError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features, quantity_feature
from artifacts.store import RunFolder
from automl.backends.base import FittedBackend, Problem
from automl.backends.registry import backend_named
from automl.budget import Budget
from evaluation.metrics import METRICS
from evaluation.partitions import source_groups
from evaluation.splits import Fold

ROOT = Path(__file__).parents[2]
BUDGET = 25
METRIC = {
    Kind.MULTICLASS: "f1_weighted",
    Kind.CONVERSION: "log_likelihood",
    Kind.REGRESSION: "r2",
    Kind.BINARY: "roc_auc",
}
PACKAGES = {"autogluon": "autogluon.tabular", "lightautoml": "lightautoml"}


def column(name: str, modality: Modality) -> Column:
    return Column(name, modality, Title(name, name))


def make_table(n: int, seed: int) -> FeatureTable:
    """An embedding of 25 with a constant and gaps, an empty quantity, a category with unknown rows, a number."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 25)).astype("f4")
    vectors[:, 24] = 3.0
    vectors[::11] = np.nan
    parts = {"empty": np.full(n, np.nan), "price": rng.normal(size=n)}
    quantities = [
        Block(
            name,
            "number",
            (quantity_feature(column(name, Modality.NUMERIC), "number", "value", Title("v", "v")),),
            values.astype("f4").reshape(-1, 1),
        )
        for name, values in parts.items()
    ]
    shop = quantity_feature(column("shop", Modality.CATEGORICAL), "category", "code", Title("c", "c"))
    codes = rng.integers(-1, 3, size=(n, 1)).astype("f4")
    return FeatureTable(
        (
            Block("photo", "net", opaque_features(column("photo", Modality.IMAGE), "net", 25), vectors),
            *quantities,
            Block("shop", "category", (shop,), codes, ("a", "b", "c")),
        ),
        pd.RangeIndex(n),
    )


def make_outcome(kind: Kind, table: FeatureTable) -> Outcome:
    rng = np.random.default_rng(9)
    price = table.blocks[2].values[:, 0].astype(np.float64)
    n = len(price)
    if kind is Kind.MULTICLASS:  # a class of one row, and a known class of none
        y = (price > 0).astype(np.int64)
        y[3] = 2
        return Outcome(kind, y, ("a", "b", "c", "d"), 4)
    if kind is Kind.BINARY:
        return Outcome(kind, (price + 0.3 * rng.normal(size=n) > 0).astype(np.int64), (False, True), 2)
    if kind is Kind.CONVERSION:
        trials = rng.integers(5, 60, size=n).astype(np.float64)
        return Outcome(kind, rng.binomial(trials.astype(int), 1 / (1 + np.exp(2 - price))) / trials, trials=trials)
    return Outcome(kind, 5.0 * price + rng.normal(size=n), weight=rng.uniform(0.5, 2.0, size=n))


@dataclass(frozen=True)
class Case:
    """What a fit left, and how it went."""

    library: str
    kind: Kind
    problem: Problem
    fitted: FittedBackend
    seconds: float
    folder: Path


def fit(library: str, kind: Kind, folder: Path, n: int = 120) -> Case:
    pytest.importorskip(PACKAGES[library])
    table = make_table(n, 0)
    number = np.arange(n) % 3
    folds = tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(3))
    examples = Examples(table, make_outcome(kind, table))
    started = time.monotonic()
    problem = Problem(examples, folds, METRICS[METRIC[kind]], Budget(BUDGET), RunFolder(folder / "run"))
    fitted = backend_named(library)().fit(problem)
    return Case(library, kind, problem, fitted, time.monotonic() - started, folder)


CASES = [
    pytest.param((name, kind), marks=[] if kind is Kind.MULTICLASS else pytest.mark.slow)
    for name in PACKAGES
    for kind in (Kind.MULTICLASS, Kind.CONVERSION)
]


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return fit(*request.param, tmp_path_factory.mktemp("fit"))


def check(case: Case) -> None:
    outcome = case.problem.examples.outcome
    new = make_table(40, 1)
    predictions = case.fitted.predict(new)
    assert predictions.shape == (40, outcome.n_outputs) and np.isfinite(predictions).all()
    if outcome.n_outputs > 1:
        assert np.allclose(predictions.sum(axis=1), 1.0) and (predictions > 0).all()
    assert case.seconds < 1.5 * BUDGET  # a process of the library that starts late on a busy machine also ends late
    truth = make_outcome(case.kind, new)
    metric = METRICS["r2" if case.kind is Kind.REGRESSION else "log_likelihood"]
    constant = np.average(outcome.y, weights=outcome.sample_weight)
    if case.kind in (Kind.REGRESSION, Kind.CONVERSION):
        assert metric.score(truth, predictions) > metric.score(truth, np.full((40, 1), constant))
    else:
        assert np.corrcoef(predictions[:, 1], new.blocks[2].values[:, 0])[0, 1] > 0.6


def test_predictions_are_valid_better_than_a_constant_and_in_time(case: Case) -> None:
    check(case)


def test_candidates(case: Case) -> None:
    first, *others = case.fitted.candidates
    assert (first.key, first.model, first.view) == ("final", case.library, "all") and first.fit_seconds > 0
    assert others and all(candidate.key.startswith(f"{case.library}/") for candidate in others)
    new = make_table(40, 1)
    for candidate in case.fitted.candidates:
        assert case.fitted.decide(new, candidate.key).shape == case.fitted.decide(new).shape
    assert first.out_of_fold is not None and len(first.out_of_fold) == 120
    known = np.isfinite(first.out_of_fold).all(axis=1)
    assert known.sum() >= 30
    if case.kind is Kind.MULTICLASS:
        assert not known[3]  # its copies stood in every fold
    with pytest.raises(InputError, match="no candidate 'other'"):
        case.fitted.decide(new, "other")


def test_a_fresh_process_gives_the_same_numbers(case: Case, tmp_path: Path) -> None:
    if case.kind is not Kind.MULTICLASS:
        pytest.skip("one kind is enough")
    assert type(case.fitted).executes_code_on_load
    (tmp_path / "saved").mkdir()
    case.fitted.save(tmp_path / "saved")
    make_table(40, 1).save(tmp_path / "table")
    script = (
        "from pathlib import Path; import numpy as np\n"
        "from artifacts.feature_table import FeatureTable\n"
        "from automl.backends.registry import backend_named\n"
        f"fitted = backend_named('{case.library}').fitted.load(Path('saved'))\n"
        "np.save('out.npy', fitted.decide(FeatureTable.load(Path('table'))))\n"
    )
    path = os.pathsep.join([str(ROOT), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert {entry.name for entry in tmp_path.iterdir()} == {"saved", "table", "out.npy"}
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), case.fitted.decide(make_table(40, 1)), rtol=1e-6)


def test_nothing_is_left_outside_the_step(case: Case) -> None:
    assert {entry.name for entry in case.folder.iterdir()} == {"run"}
    assert {entry.name for entry in (case.folder / "run").iterdir()} == {case.library}
    assert not (Path.cwd() / "AutogluonModels").exists() and not (Path.cwd() / "catboost_info").exists()


def test_sources_contribute_what_adds_up(case: Case) -> None:
    table = make_table(4, 1)
    groups = source_groups(table)
    found = case.fitted.contributions(table, groups.of_feature, groups.names)
    np.testing.assert_allclose(found.total, case.fitted.decide(table), atol=1e-5)
    assert np.abs(found.values).max() > 0 and "training rows" in found.method


def test_a_second_fit_takes_what_the_first_finished(case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    again = backend_named(case.library)().fit(case.problem)
    assert time.monotonic() - started < 5.0
    new = make_table(40, 1)
    np.testing.assert_array_equal(again.decide(new), case.fitted.decide(new))
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("library", PACKAGES)
@pytest.mark.parametrize("kind", [Kind.REGRESSION, Kind.BINARY])
def test_other_kinds(library: str, kind: Kind, tmp_path: Path) -> None:
    case = fit(library, kind, tmp_path)
    check(case)
    first = case.fitted.candidates[0].out_of_fold
    assert first is not None
    known = np.isfinite(first).all(axis=1)
    assert np.isfinite(from_link(kind, first[known])).all()


@pytest.mark.slow
@pytest.mark.parametrize("library", PACKAGES)
def test_folds_that_follow_time(library: str, tmp_path: Path) -> None:
    pytest.importorskip(PACKAGES[library])
    table = make_table(120, 0)
    folds = tuple(Fold(np.arange(40 * i), np.arange(40 * i, 40 * i + 40)) for i in (1, 2))
    examples = Examples(table, make_outcome(Kind.CONVERSION, table))
    problem = Problem(examples, folds, METRICS["log_likelihood"], Budget(BUDGET), RunFolder(tmp_path))
    fitted = backend_named(library)().fit(problem)
    first = fitted.candidates[0].out_of_fold
    assert first is not None and np.isnan(first[:40]).all() and np.isfinite(first[80:]).all()
    assert np.isfinite(fitted.decide(make_table(40, 1))).all()


@pytest.mark.parametrize("library", PACKAGES)
def test_a_missing_package_is_named_before_any_child_starts(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(PACKAGES[library])
    backend = backend_named(library)
    monkeypatch.setitem(sys.modules, PACKAGES[library], None)
    table = make_table(30, 0)
    examples = Examples(table, make_outcome(Kind.REGRESSION, table))
    problem = Problem(examples, (), METRICS["r2"], Budget(BUDGET), RunFolder(tmp_path / "run"))
    with pytest.raises(MissingDependencyError, match=rf"tabular-fusion\[{library}\]"):
        backend().fit(problem)
    assert not (tmp_path / "run").exists()
    assert backend.fitted.executes_code_on_load


@pytest.mark.slow
@pytest.mark.parametrize("library", PACKAGES)
def test_an_interrupt_keeps_finished_models(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "BUDGET", 300)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press() -> None:
        until = time.monotonic() + 240
        pattern = {"autogluon": "run/.tmp-*/model/models/*/model.pkl", "lightautoml": "run/.tmp-*/model/*.joblib"}
        while len(list(tmp_path.glob(pattern[library]))) < 1 and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(2.0)  # into the next one
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        case = fit(library, Kind.CONVERSION, tmp_path, n=1500)
    finally:
        presser.join()
        signal.signal(signal.SIGINT, before)
    assert case.fitted.interrupted and case.seconds < 200
    check(case)
    first = case.fitted.candidates[0].out_of_fold
    assert first is not None and np.isfinite(first).all(axis=1).sum() >= 300
