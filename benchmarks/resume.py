"""What ``kill -9`` at any moment of a fit costs: nothing that was finished, and no other leaderboard.

    python benchmarks/resume.py --kills 50

One fit is left alone: its leaderboard is what the others have to end with. Each of the others is killed once, half of
them at moments spread evenly over the seconds of that fit, half at moments drawn within each of its stages by turns, so
that short ones (blend, saving) are hit, too. Then the same command runs to its end. Every fit has a cache of its own.

Looked at afterwards: the files of the run (``verify``), steps that had been finished and were written again, vectors
that had been stored and were made again, and all scores and errors of the leaderboard, which have to be equal to the
last digit. Only seconds may differ. For that the budget is one that no fit uses up, the number of trials is bounded,
and arms of tuning take turns by trials and not, as else, by seconds, which no two runs have alike. Vectors are stored
16 at a time, so that there are several writes to be hit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from artifacts.store import RunFolder
from artifacts.tables import read_parquet
from automl.demo_data import make_demo_data

# Notes the keys of vectors that were stored in the file $PUT.
NOTED = """
import os
from artifacts.embedding_store import EmbeddingStore
put = EmbeddingStore.put
def noted(store, items):
    items = list(items)
    put(store, items)
    with open(os.environ["PUT"], "a") as file:
        file.write("".join(key.hex() + "\\n" for key, _ in items))
EmbeddingStore.put = noted
"""
CHILD = f"""{NOTED}
import sys
from dataclasses import replace
from pathlib import Path
from artifacts import Task
from automl.backends.turns import KNOWN, Arm
from automl.fitting import fit
from automl.presets import PRESETS
from featurizers import image_vectors
image_vectors.WRITE = 16
fast = replace(PRESETS["fast"], max_trials=int(sys.argv[3]), models=("linear", "lightgbm"), budget_seconds=3600.0)
PRESETS["fast"] = fast
def trials(arm):
    return sum(t.state.is_finished() and KNOWN not in t.user_attrs for t in arm.study.get_trials(deepcopy=False))
Arm.spent = property(trials, lambda arm, seconds: None)
fit(Task.from_toml(Path(sys.argv[1])), preset="fast", run=sys.argv[2])
"""
STEPS = ("task", "split", "features", "search", "model", "scores", "run.json")
STAGES = ("reading", "split", "features", "trials", "blend and saving", "scoring", "finishing", "after the end")
EQUAL = ("model", "view", "split", "metric", "score", "low", "high", "error")


@dataclass
class Case:
    """A run folder, its cache, and the keys of the vectors that were put there, in a file."""

    task: Path
    folder: Path
    trials: int

    @property
    def run(self) -> Path:
        """Where the fit leaves everything."""
        return self.folder / "run"

    @property
    def put(self) -> Path:
        """Keys of the vectors that were stored."""
        return self.folder / "put.txt"

    def start(self) -> subprocess.Popen[bytes]:
        """The fit as a process of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        root = str(Path(__file__).resolve().parents[1])
        arguments = [str(self.task), str(self.run), str(self.trials)]
        places = {"TABULAR_FUSION_CACHE": str(self.folder / "cache"), "PUT": str(self.put)}
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", CHILD, *arguments],
                env={**os.environ, "PYTHONPATH": root, **places},
                stdout=log,
                stderr=log,
            )

    def finish(self) -> float:
        """Run to the end; the seconds it took."""
        started = time.monotonic()
        if self.start().wait():
            sys.exit((self.folder / "log.txt").read_text(errors="replace"))
        return time.monotonic() - started

    def stage(self) -> str:
        """The one that a process is in, or was killed in."""
        done = [
            (self.run / "search" / "search.json" if step == "search" else self.run / step).exists() for step in STEPS
        ]
        return STAGES[next((i for i, there in enumerate(done) if not there), len(done))]

    def finished(self) -> dict[Path, int]:
        """Steps and candidates that are there, and when they were written."""
        steps = [path for path in self.run.glob("*") if path.is_dir() and path.name != "search"]
        steps += [path.parent for path in self.run.glob("search/*/candidate.json")]
        return {path: path.stat().st_mtime_ns for path in steps if not path.name.startswith(".")}

    def leaderboard(self) -> pd.DataFrame:
        """What has to be equal of it."""
        board = read_parquet(self.run / "scores" / "leaderboard.parquet")
        return board[list(EQUAL)].sort_values(list(EQUAL)).reset_index(drop=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--text", default="none", help="text encoder")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        task = _task(Path(place) / "shop", arguments.rows, arguments.text)
        alone = Case(task, Path(place) / "alone", arguments.trials)
        stages = _watched(alone)
        told = ", ".join(f"{name} {end - begin:.1f}" for name, (begin, end) in stages.items())
        print(f"Undisturbed, seconds: {told}; {len(alone.leaderboard())} rows of leaderboard\n")
        columns = (
            "killed at s",
            "stage",
            "finished by then",
            "resumed s",
            "done again",
            "made again",
            "equal",
            "verify",
        )
        print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
        bad, hit = 0, Counter[str]()
        for i, moment in enumerate(_moments(stages, arguments.kills, arguments.seed)):
            case = Case(task, Path(place) / f"kill_{i}", arguments.trials)
            row, fine = _killed(case, moment, alone.leaderboard())
            bad, hit[row[1]] = bad + (not fine), hit[row[1]] + 1
            print("| " + " | ".join(row) + " |", flush=True)
        print(f"\n{arguments.kills} kills, {bad} with a fault; stages hit: {dict(hit)}")
    sys.exit(bool(bad))


def put_twice(noted: Path) -> int:
    """Vectors that were made though they had been stored, by what ``NOTED`` wrote."""
    keys = noted.read_text().split() if noted.exists() else []
    return len(keys) - len(set(keys))


def _task(folder: Path, rows: int, text: str) -> Path:
    make_demo_data(folder, n_rows=rows)
    task = folder / "task.toml"
    task.write_text(
        f'{task.read_text(encoding="utf-8")}[encoders]\ntext = "{text}"\nimage = "none"\n', encoding="utf-8"
    )
    return task


def _watched(case: Case) -> dict[str, tuple[float, float]]:
    """Run to the end; the seconds between which each stage lasted."""
    started, seen = time.monotonic(), {}
    process = case.start()
    while process.poll() is None:
        seen.setdefault(case.stage(), time.monotonic() - started)
        time.sleep(0.01)
    if process.returncode:
        sys.exit((case.folder / "log.txt").read_text(errors="replace"))
    ends = [*list(seen.values())[1:], time.monotonic() - started]
    return {name: (begin, end) for (name, begin), end in zip(seen.items(), ends, strict=True)}


def _moments(stages: dict[str, tuple[float, float]], n: int, seed: int) -> Iterator[tuple[str, float]]:
    """A stage to wait for, and the seconds after it began; no stage for seconds after the start."""
    rng = np.random.default_rng(seed)
    names, end = list(stages), max(end for _, end in stages.values())
    for i in range(n):
        if i % 2:
            name = names[i // 2 % len(names)]
            begin, until = stages[name]
            yield name, float(rng.uniform(0, until - begin))
        else:
            yield "", float(end * (i // 2 + rng.uniform()) / -(-n // 2))


def _killed(case: Case, moment: tuple[str, float], wanted: pd.DataFrame) -> tuple[tuple[str, ...], bool]:
    name, seconds = moment
    started = time.monotonic()
    process = case.start()
    while name and process.poll() is None and STAGES.index(case.stage()) < STAGES.index(name):
        time.sleep(0.002)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.wait()
    killed_at, stage, before = time.monotonic() - started, case.stage(), case.finished()
    resumed = case.finish()
    after = case.finished()
    again = [path.name for path, written in before.items() if after.get(path) != written]
    made, faults = put_twice(case.put), RunFolder(case.run).faults()
    left = [path.name for path in case.run.rglob(".tmp-*")]
    board = case.leaderboard()
    equal = board.equals(wanted)
    if not equal and len(board) == len(wanted):
        gap = (board[["score", "low", "high"]] - wanted[["score", "low", "high"]]).abs().to_numpy()
        print(f"largest difference of a score {np.nanmax(gap):.3g}", file=sys.stderr)
    told = (f"{killed_at:.1f}", stage, str(len(before)), f"{resumed:.1f}", ", ".join(again) or "0", str(made))
    whole = not faults and not left
    return (*told, "yes" if equal else "no", "clean" if whole else f"{faults} {left}"), equal and whole and not again


if __name__ == "__main__":
    main()
