"""What both foreign back ends share: rows, frames, and a child process that keeps its time."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import FusionError, InputError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features, quantity_feature
from artifacts.store import RunFolder
from automl.backends.base import Problem
from automl.backends.foreign import Ends, ForeignRun, solve
from automl.backends.foreign_table import FEWEST_ROWS, Answers, FrameMaker, training_rows
from automl.budget import Budget
from evaluation.metrics import METRICS
from evaluation.splits import Fold

ROOT = Path(__file__).parents[2]

# Stands in for a library: one model that always says .25, then it hangs, with a child of its own.
FAKE = """
import os, subprocess, sys, time
import numpy as np
def started(job):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (job.folder.parent / "pids.txt").write_text(f"{os.getpid()} {child.pid}")
def finish(job):
    np.save(job.folder / "oof.npy", np.full(len(job.rows().source), 0.25))
    (job.model_folder / "model.txt").write_text("constant")
    job.report([{"key": "fake/constant", "fit_seconds": 1.0, "may_be_final": True, "out_of_fold": "oof.npy"}])
"""
HANGING = FAKE + "def work(job):\n print('working')\n started(job)\n time.sleep(600)\n"
HALF = FAKE + "def work(job):\n finish(job)\n started(job)\n time.sleep(600)\n"
RESCUED = FAKE + "def work(job):\n time.sleep(600)\ndef rescue(job):\n finish(job)\n"
RELEASED = (
    FAKE + "import threading\nasked = threading.Event()\ndef wind_down():\n asked.set()\n"
    "def work(job):\n started(job)\n asked.wait(600)\n finish(job)\n"
)
KILLED = FAKE + "def work(job):\n finish(job)\n os.kill(os.getpid(), 9)\n"
LOST = FAKE + "def work(job):\n os.kill(os.getpid(), 9)\n"
BROKEN = FAKE + "def work(job):\n raise ValueError('the library is out of order')\n"


def column(name: str, modality: Modality) -> Column:
    return Column(name, modality, Title(name, name))


def make_table(n: int, *, missing: bool = False) -> FeatureTable:
    rng = np.random.default_rng(n)
    values = rng.normal(size=(n, 8)).astype("f4")
    values[:, 7] = 1.0
    if missing:
        values[0], values[1, 0] = np.nan, np.inf
    size = quantity_feature(column("size", Modality.NUMERIC), "number", "value", Title("v", "v"))
    shop = quantity_feature(column("shop", Modality.CATEGORICAL), "category", "code", Title("c", "c"))
    empty = np.full((n, 1), np.nan, dtype="f4")
    return FeatureTable(
        (
            Block("photo", "net", opaque_features(column("photo", Modality.IMAGE), "net", 8), values),
            Block("size", "number", (size,), empty),
            Block("shop", "category", (shop,), np.array([[i % 3 - 1] for i in range(n)], dtype="f4"), ("a", "b")),
        ),
        pd.RangeIndex(n),
    )


def make_folds(n: int, k: int = 3) -> tuple[Fold, ...]:
    number = np.arange(n) % k
    return tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(k))


def make_problem(folder: Path, budget_seconds: float, n: int = 30) -> Problem:
    outcome = Outcome(Kind.REGRESSION, np.random.default_rng(0).normal(size=n))
    return Problem(
        Examples(make_table(n), outcome), make_folds(n), METRICS["rmse"], Budget(budget_seconds), RunFolder(folder)
    )


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Writes a stand-in for a library where the child finds it."""
    monkeypatch.syspath_prepend(tmp_path)

    def solved(source: str, budget_seconds: float, ends: Ends | None = None) -> ForeignRun:
        (tmp_path / "fake_library.py").write_text(source)
        problem = make_problem(tmp_path / "run", budget_seconds)
        return solve(problem, "fake_library", FrameMaker(), ends)

    return SimpleNamespace(solve=solved, run=tmp_path / "run")


def gone(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().split()[2] == "Z"


def test_a_rare_class_is_repeated_with_its_weight_shared_and_dealt_to_all_folds() -> None:
    y = np.array([0] * 40 + [2] * 20 + [1])
    outcome = Outcome(Kind.MULTICLASS, y, ("a", "b", "c", "d"), 4)
    folds = make_folds(len(y))
    answers = Answers.of(outcome)
    rows = training_rows(outcome, folds, answers.present)
    assert answers.present == (0, 1, 2) and np.bincount(rows.target).min() == FEWEST_ROWS
    assert rows.weight is not None and np.isclose(rows.weight[rows.source == 60].sum(), 1.0)
    assert set(rows.fold[rows.source == 60]) == {0, 1, 2} and not rows.honest[rows.source == 60].any()
    assert rows.is_partition and rows.honest[rows.source < 60].all()


def test_a_conversion_is_successes_and_failures_in_one_fold() -> None:
    outcome = Outcome(Kind.CONVERSION, np.array([0.0, 0.25, 1.0]), trials=np.array([4.0, 8.0, 2.0]))
    rows = training_rows(outcome, make_folds(3), ())
    assert rows.weight is not None
    share = {(s, t): w for s, t, w in zip(rows.source, rows.target, rows.weight / rows.weight.sum(), strict=True)}
    assert set(share) == {(0, 0), (1, 0), (1, 1), (2, 1)}
    assert np.isclose(share[1, 1], 2 / 14) and np.isclose(share[1, 0], 6 / 14)
    assert len(set(rows.fold[rows.source == 1])) == 1


def test_folds_that_follow_time_are_no_partition() -> None:
    outcome = Outcome(Kind.REGRESSION, np.arange(6.0))
    folds = (Fold(np.arange(2), np.arange(2, 4)), Fold(np.arange(4), np.arange(4, 6)))
    rows = training_rows(outcome, folds, ())
    assert list(rows.fold) == [-1, -1, 0, 0, 1, 1] and not rows.is_partition


def test_answers_have_a_column_for_each_known_class() -> None:
    answers = Answers(Kind.MULTICLASS, 4, 61, (0, 1, 2))
    predictions = answers.predictions(np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 2.0]]))
    assert predictions.shape == (2, 4) and np.allclose(predictions.sum(axis=1), 1.0)
    assert (predictions[:, 3] > 0).all() and predictions[1].argmax() == 2
    assert np.isnan(answers.predictions(np.full((1, 3), np.nan))).all()


@pytest.mark.parametrize("n_dims", [None, 3])
def test_frames_leave_out_what_does_not_vary_and_survive_a_round_trip(tmp_path: Path, n_dims: int | None) -> None:
    maker = FrameMaker(n_dims).fit(make_table(30))
    maker.save(tmp_path)
    again = FrameMaker.load(tmp_path)
    table = make_table(12, missing=True)
    frame = maker.frame(table)
    pd.testing.assert_frame_equal(frame, again.frame(table))
    assert frame.shape == (12, (n_dims or 7) + 1) and next(iter(frame.columns)) == "f0"
    assert not np.isinf(frame.select_dtypes("number")).any().any()
    assert frame.iloc[0, : n_dims or 7].isna().all()
    assert isinstance(frame.iloc[:, -1].dtype, pd.CategoricalDtype)
    with pytest.raises(InputError, match="differ from the 10 of training"):
        maker.frame(table.select(view="image"))


def test_unseen_categories_are_missing() -> None:
    table = make_table(30)
    maker = FrameMaker().fit(table)
    shop = table.blocks[2]
    codes = np.array([[i % 2] for i in range(30)], dtype="f4")
    other = Block(shop.source, shop.featurizer, shop.features, codes, ("z", "a"))
    frame = maker.frame(FeatureTable((*table.blocks[:2], other), table.index))
    assert set(frame.iloc[:, -1].dropna()) == {"a"} and frame.iloc[:, -1].isna().sum() == 15


def test_nothing_varies() -> None:
    with pytest.raises(InputError, match="None of the 10 features varies"):
        FrameMaker().fit(make_table(30).take(np.zeros(5, dtype=int)))


def test_a_hanging_child_is_ended_with_all_that_it_started_however_the_clock_is_set(
    fake: SimpleNamespace, capfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = itertools.cycle([0.0, 1e9, -1e9])
    monkeypatch.setattr(time, "time", lambda: next(hours))
    started = time.monotonic()
    with pytest.raises(FusionError, match=r"fake_library finished no model before its time was over.*working"):
        fake.solve(HANGING, 6.0)
    assert time.monotonic() - started < 7.0
    pids = [int(pid) for pid in (fake.run / "pids.txt").read_text().split()]
    assert all(gone(pid) for pid in pids)
    assert capfd.readouterr() == ("", "")
    assert {path.name for path in fake.run.iterdir()} == {"pids.txt", "fake_library.log"}


def test_what_was_finished_counts_and_is_not_done_again(fake: SimpleNamespace) -> None:
    run = fake.solve(HALF, 6.0)
    assert run.final == "fake/constant" and [c.key for c in run.candidates] == ["final", "fake/constant"]
    assert run.candidates[0].out_of_fold is not None and (run.candidates[0].out_of_fold == 0.25).all()
    assert not list(fake.run.glob("**/*.feather"))
    started = time.monotonic()
    assert fake.solve(BROKEN, 6.0).final == "fake/constant"
    assert time.monotonic() - started < 1.0


def test_a_second_child_rescues(fake: SimpleNamespace) -> None:
    assert fake.solve(RESCUED, 8.0, Ends(rescue_seconds=5.0)).final == "fake/constant"


def test_a_rescue_that_begins_late_is_waited_for(fake: SimpleNamespace) -> None:
    slow = RESCUED.replace("def rescue(job):\n", "def rescue(job):\n time.sleep(3)\n")
    assert fake.solve(slow, 3.0, Ends(rescue_seconds=1.0)).final == "fake/constant"


def test_a_failure_of_the_library_is_one_clear_error(fake: SimpleNamespace) -> None:
    with pytest.raises(FusionError, match=r"ended by itself with code 1.*the library is out of order"):
        fake.solve(BROKEN, 20.0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_of_a_killed_child_what_was_finished_counts(fake: SimpleNamespace) -> None:
    with pytest.raises(FusionError, match=r"no model and was killed by signal 9, as happens when memory runs out"):
        fake.solve(LOST, 20.0)
    assert fake.solve(KILLED, 20.0).final == "fake/constant"


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    outcome = Outcome(Kind.BINARY, np.zeros(30, dtype=np.int64), (0, 1), 2)
    examples = Examples(make_table(30), outcome)
    problem = Problem(examples, make_folds(30), METRICS["roc_auc"], Budget(5.0), RunFolder(tmp_path))
    with pytest.raises(FusionError, match="one class only"):
        solve(problem, "fake_library", FrameMaker())


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_parent_leaves_no_child(tmp_path: Path) -> None:
    (tmp_path / "fake_library.py").write_text(HANGING)
    script = (
        "import sys, importlib.util; from pathlib import Path\n"
        f"spec = importlib.util.spec_from_file_location('cases', {str(Path(__file__))!r})\n"
        "cases = importlib.util.module_from_spec(spec); spec.loader.exec_module(cases)\n"
        f"cases.solve(cases.make_problem(Path({str(tmp_path / 'run')!r}), 60.0), 'fake_library', cases.FrameMaker())\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    parent = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path}, cwd=ROOT)
    pids = tmp_path / "run" / "pids.txt"
    wait_for(lambda: pids.exists() and pids.read_text().count(" ") == 1, 30.0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    children = [int(pid) for pid in pids.read_text().split()]
    wait_for(lambda: all(gone(pid) for pid in children), 5.0)


@pytest.fixture
def interrupt() -> Iterator[Callable[..., None]]:
    """Presses Ctrl-C as soon as the child has begun, or so many seconds after it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers: list[threading.Thread] = []

    def press(pids: Path, *delays: float) -> None:
        def wait() -> None:
            wait_for(pids.exists, 60.0)
            for delay in delays or (0.0,):
                time.sleep(delay)
                os.kill(os.getpid(), signal.SIGINT)

        timers.append(threading.Thread(target=wait))
        timers[-1].start()

    yield press
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("source", "ends"),
    [
        (HALF, Ends()),
        (HANGING + "def rescue(job):\n finish(job)\n", Ends(rescue_seconds=30.0)),
        (RELEASED, Ends(wind_down_seconds=60.0)),
    ],
    ids=["some is finished", "a second child rescues", "the first one winds down"],
)
def test_an_interrupt_keeps_what_is_done(
    source: str, ends: Ends, fake: SimpleNamespace, interrupt: Callable[..., None]
) -> None:
    interrupt(fake.run / "pids.txt")
    run = fake.solve(source, 600.0, ends)
    assert run.final == "fake/constant" and run.interrupted
    assert fake.solve(BROKEN, 600.0).interrupted, "what it left is taken as it is"
    assert all(gone(int(pid)) for pid in (fake.run / "pids.txt").read_text().split())


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_before_the_first_model_leaves_nothing(
    fake: SimpleNamespace, interrupt: Callable[..., None]
) -> None:
    interrupt(fake.run / "pids.txt")
    with pytest.raises(KeyboardInterrupt, match="fake_library had finished no model when it was stopped"):
        fake.solve(HANGING, 600.0)
    assert {path.name for path in fake.run.iterdir()} == {"pids.txt"}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_second_interrupt_leaves_at_once(fake: SimpleNamespace, interrupt: Callable[..., None]) -> None:
    interrupt(fake.run / "pids.txt", 0.0, 0.5)
    with pytest.raises(KeyboardInterrupt):
        fake.solve(HALF, 600.0, Ends(wind_down_seconds=600.0))
    assert all(gone(int(pid)) for pid in (fake.run / "pids.txt").read_text().split())
    assert {path.name for path in fake.run.iterdir()} == {"pids.txt"}


def wait_for(condition, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_fold_without_a_class_is_lent_a_copy() -> None:
    y = np.array([0] * 20 + [1] * 12)
    number = np.array([i % 3 for i in range(20)] + [0] * 6 + [1] * 6)
    folds = tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(3))
    rows = training_rows(Outcome(Kind.BINARY, y, ("a", "b"), 2), folds, (0, 1))
    assert len(rows.source) == 33 and set(rows.fold[rows.target == 1]) == {0, 1, 2}
    assert rows.weight is not None and np.isclose(rows.weight.sum(), 32) and rows.honest.sum() == 31
