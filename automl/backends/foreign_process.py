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

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Job:
    """What the child is told.

    ``started_at``, ``work_until`` and ``ends_at`` are values of ``time.time()``, which two processes
    share: the latter are when ``work`` is ended, and when ``rescue`` is.
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
        return self.work_until - time.time()

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


def run_child(job: Job, module: str, verb: str, ends_at: float, advance: Callable[[float], None]) -> str:
    """Run the function ``verb`` of ``module`` on the job until it ends or ``ends_at``; says which of the two it was."""
    environment = _environment(job)
    command = [sys.executable, "-m", "automl.backends.foreign_process", module, verb, str(job.folder)]
    with (job.folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=job.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                if time.time() >= ends_at:
                    return "before its time was over"
                time.sleep(POLL_SECONDS)
                advance(POLL_SECONDS)
        finally:
            _end(child)
    return f"and ended by itself with code {child.returncode}"


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


def _end_with_parent() -> None:
    """End this process and what it started when its standard input, held by the parent, is closed."""

    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin: its lock, held by a thread, makes a process abort at its end
            pass
        if os.name == "posix":
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(module: str, verb: str, folder: str) -> None:
    """What the child does: the function ``verb`` of ``module``, on the job in ``folder``."""
    _end_with_parent()
    warnings.filterwarnings("ignore")
    getattr(importlib.import_module(module), verb)(Job.load(Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
