"""A foreign library in a process of its own: files in, files out, and an end that is kept.

LightAutoML and AutoGluon print, leave folders where they stand, and look at the clock only between
models. So each works in a child process, inside the run's folder, its screen is a log file, and at
the deadline the child and all that it started are ended. The child in turn ends itself when its
parent is gone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from artifacts.store import read_json, write_file, write_json
from automl.backends.foreign_table import Answers, TrainingRows, answers_from_json, answers_to_json
from automl.interrupts import Interrupts

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Job:
    """What the child is told.

    ``started_at``, ``work_until`` and ``ends_at`` are values of ``time.monotonic()``, a clock that all processes share
    and nobody sets: the latter are when ``work`` is ended, and when ``rescue`` is.
    """

    folder: Path
    answers: Answers
    metric: str
    started_at: float
    work_until: float
    ends_at: float
    seed: int
    n_threads: int
    n_folds: int
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds that ``work`` has in all."""
        return self.work_until - self.started_at

    @property
    def seconds_left(self) -> float:
        """Seconds until ``work`` is ended."""
        return self.work_until - time.monotonic()

    @property
    def model_folder(self) -> Path:
        """Where the child leaves its models; it becomes part of the run."""
        return self.folder / "model"

    def frame(self) -> pd.DataFrame:
        """Features, one row per example."""
        return pd.read_feather(self.folder / "features.feather")

    def rows(self) -> TrainingRows:
        """Rows to learn from."""
        with np.load(self.folder / "rows.npz", allow_pickle=False) as stored:
            weight = stored["weight"] if stored["weight"].size else None
            return TrainingRows(stored["source"], stored["target"], weight, stored["fold"], stored["honest"])

    def save(self) -> None:
        """Write ``job.json``, which ``load`` reads in the child."""
        data = {**asdict(self), "folder": str(self.folder), "answers": answers_to_json(self.answers)}
        write_json(self.folder / "job.json", data)

    @classmethod
    def load(cls, folder: Path) -> Job:
        """Read what ``save`` wrote."""
        data = read_json(folder / "job.json")
        return cls(**{**data, "folder": folder, "answers": answers_from_json(data["answers"])})

    def report(self, results: list[dict[str, Any]]) -> None:
        """Tell the parent what is finished so far; each call replaces the one before.

        An entry has ``key``, ``fit_seconds``, ``may_be_final`` and ``out_of_fold``: the name of a
        file with raw answers, rows as in ``rows``, or "".
        """
        write_file(self.folder / "results.json", json.dumps(results))


@dataclass(frozen=True)
class Ending:
    """How a child ended, in words, and whether the user stopped it."""

    how: str
    interrupted: bool = False


@dataclass(frozen=True)
class Patience:
    """What a child is allowed: ``ends_at``, a value of ``time.monotonic()``, and seconds after a first Ctrl-C.

    ``say`` tells the user that the child was asked to end.
    """

    ends_at: float
    wind_down_seconds: float = 0.0
    say: Callable[[], None] = lambda: None


def run_child(
    job: Job, module: str, verb: str, patience: Patience, advance: Callable[[float], None], interrupts: Interrupts
) -> Ending:
    """Run the function ``verb`` of ``module`` on the job until it ends or its time is over.

    At the first Ctrl-C the child is asked to end: the function ``wind_down`` of the module is called in it.

    Raises:
        KeyboardInterrupt: at the second Ctrl-C.
    """
    command = [sys.executable, "-m", "automl.backends.foreign_process", module, verb, str(job.folder)]
    ends_at, interrupted = patience.ends_at, False
    with (job.folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=job.folder,
            env=_environment(job),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while True:
                try:
                    if child.poll() is not None:
                        break
                    if time.monotonic() >= ends_at:
                        return Ending("before its time was over", interrupted)
                    time.sleep(POLL_SECONDS)
                    advance(POLL_SECONDS)
                except KeyboardInterrupt:
                    if interrupted or interrupts.again:
                        raise
                    interrupted, ends_at = True, min(ends_at, time.monotonic() + patience.wind_down_seconds)
                    patience.say()
                    _ask_to_end(child)
        finally:
            _end(child)
    return Ending(_ended_in_words(child.returncode), interrupted)


def _ended_in_words(code: int) -> str:
    if code < 0:  # by a signal; the system kills so what takes the last of the memory
        return f"and was killed by signal {-code}, as happens when memory runs out"
    return f"and ended by itself with code {code}"


def _ask_to_end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    with contextlib.suppress(OSError):  # it may be gone
        child.stdin.write(b".")
        child.stdin.flush()


def _end(child: subprocess.Popen[bytes]) -> None:
    # Also when it has ended by itself: it may have left workers of its own in its session.
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()
    if child.stdin is not None:
        child.stdin.close()


def _environment(job: Job) -> dict[str, str]:
    temporary = job.folder / "temporary"
    temporary.mkdir(exist_ok=True)
    threads = str(job.n_threads)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path),
        "PYTHONIOENCODING": "utf-8",
        "TMPDIR": str(temporary),
        "JOBLIB_TEMP_FOLDER": str(temporary),
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        # Threads that spin at barriers stand in each other's way where cores are shared: LightGBM
        # took 38 s instead of 1.8 s for 20 trees on 2 such cores.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _heed_parent(wind_down: Callable[[], None]) -> None:
    """Call ``wind_down`` at each byte of the standard input, which the parent holds; where it is closed, end this
    process and what it started."""

    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock, held by a thread, makes a process abort at its end
            wind_down()
        if os.name == "posix":
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(module: str, verb: str, folder: str) -> None:
    """What the child does: the function ``verb`` of ``module``, on the job in ``folder``."""
    warnings.filterwarnings("ignore")
    library = importlib.import_module(module)
    _heed_parent(getattr(library, "wind_down", lambda: None))
    getattr(library, verb)(Job.load(Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
