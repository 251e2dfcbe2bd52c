"""A fit as a process of its own: a full disk, a folder that cannot be written, and kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.store import RunFolder
from automl.run import Run

ROOT = Path(__file__).parents[2]
COMMAND = "from automl.cli import main; main()"
# Every file that the process writes may have so many bytes: what a full disk does, without filling one.
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); "

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits and signals of POSIX")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], size=400)
    views = rng.integers(5, 200, size=400)
    frame = pd.DataFrame({"title": [f"{c} thing {i}" for i, c in enumerate(colour)], "size": rng.normal(size=400)})
    frame["view"], frame["click"] = views, rng.binomial(views, np.where(colour == "red", 0.4, 0.2))
    frame.to_csv(folder / "train.csv", index=False)
    (folder / "task.toml").write_text(
        'name = "posts"\n[data]\ntrain = "train.csv"\n[target]\nkind = "conversion"\nsuccesses = "click"\n'
        'trials = "view"\n[encoders]\ntext = "none"\n'
    )
    return folder / "task.toml"


def start(task: Path, run: Path, budget: float, before: str = "") -> subprocess.Popen[str]:
    line = [sys.executable, "-c", before + COMMAND, "fit", str(task), "--preset", "fast", "--budget", str(budget)]
    return subprocess.Popen(
        [*line, "--run", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TABULAR_FUSION_CACHE": str(task.parent / "cache")},
    )


def refusal(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert out == "" and "Traceback" not in err
    return err.strip().splitlines()[-1]


@pytest.mark.parametrize("size", [500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_full_disk_is_one_clear_line_and_nothing_is_lost(task: Path, tmp_path: Path, size: int) -> None:
    run = tmp_path / "run"
    said = refusal(start(task, run, 4, FULL_DISK.format(size)))
    assert "free some space" in said.lower() and (str(run) in said or size > 500)
    assert not list(run.glob(".tmp-*"))
    done = start(task, run, 4)
    assert done.communicate(timeout=120) and done.returncode == 0
    assert not Run(run).leaderboard().empty


def test_a_folder_that_cannot_be_written_is_one_clear_line(task: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "Name a writable folder" in refusal(start(task, tmp_path / "file" / "run", 4))
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    assert "Name a writable folder" in refusal(start(task, locked / "run", 4))


@pytest.mark.slow  # ten kills below are in every run
def test_kill_9_in_the_search_loses_no_finished_candidate(task: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    killed = start(task, run, 12)
    limit = time.monotonic() + 60
    while len(list(run.glob("search/*/candidate.json"))) < 3:
        assert killed.poll() is None and time.monotonic() < limit, killed.communicate()[1]
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    steps = [path.parent for path in run.glob("search/*/candidate.json")] + [run / "features", run / "split"]
    made = {step: step.stat().st_mtime_ns for step in steps}
    assert not (run / "run.json").exists()
    again = start(task, run, 12)
    assert again.communicate(timeout=120) and again.returncode == 0
    assert {step: step.stat().st_mtime_ns for step in made} == made
    assert not list(run.glob(".tmp-*"))
    assert {"blend", "constant"} <= set(Run(run).leaderboard()["model"])


def finished(run: Path) -> int:
    return len(list(run.glob("search/*/candidate.json")))


# What starts the tests may ignore interrupts, and hand that on.
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def test_an_interrupt_keeps_what_is_done_and_finishes(task: Path, tmp_path: Path) -> None:
    process = start(task, tmp_path / "run", budget=120, before=HEED)
    until = time.monotonic() + 90
    while finished(tmp_path / "run") < 3 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert "finishing with the" in err and "Traceback" not in err
    run = Run(tmp_path / "run")
    assert run.manifest["spent_seconds"] < 100
    assert run.manifest["interrupted"] is True
    assert len(run.predict(pd.read_csv(task.parent / "train.csv").head(5))) == 5


def test_ten_kills_at_any_moment_lose_no_finished_step(task: Path, tmp_path: Path) -> None:
    run, budget = tmp_path / "run", 8.0
    made: dict[Path, int] = {}
    for wait in np.random.default_rng(0).uniform(0.3, 2.5, size=10):
        process = start(task, run, budget)
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
        process.kill()
        process.communicate()
        steps = [path.parent for path in run.glob("search/*/candidate.json")] + [run / "features", run / "split"]
        now = {step: step.stat().st_mtime_ns for step in steps if step.exists()}
        assert {step: now[step] for step in made} == made, "a finished step was done again"
        made = now
    last = start(task, run, budget)
    assert last.communicate(timeout=240) and last.returncode == 0
    assert RunFolder(run).faults() == [] and not list(run.glob(".tmp-*"))
    assert {"blend", "constant"} <= set(Run(run).leaderboard()["model"])
