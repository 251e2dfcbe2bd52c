"""What a whole fit does where memory or the disk is really too small, and whether it goes on when there is room.

    python benchmarks/shortages.py --cgroup 300 400 500 700 --data 300 1000 2000 --address 1000 4000 --disk 2 10 40 100

Each fit is ``fit --preset fast`` of a made shop with an empty cache, as a process of its own. Memory, in MB, is bounded
in three ways: by a cgroup, beyond which the system kills the process (version 1, needs root); by ``RLIMIT_DATA``,
beyond which allocations fail; and by ``RLIMIT_AS``, where files mapped into memory count, too, and so the cache with
its terabyte of addresses: no fit gets past that. The disk, in MB, is a file system in memory of that size (needs root),
which holds the run, the cache and temporary files. Then the same command runs where there is room.

A case is at fault if it ends otherwise than with a valid run, with one line that says what to do, or killed by the
system; if the line leaves something half-written; or if the second fit has no valid run, whose files all match their
checksums. Ends with exit code 1 then.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from artifacts.store import RunFolder
from automl.demo_data import make_demo_data
from automl.run import Run

CGROUPS = Path("/sys/fs/cgroup/memory")
ROOM, HANG = "4g", 1800.0  # seconds
TODO = ("run the same command again", "ree some space")
COLUMNS = ("limit", "MB", "ends", "with", "seconds", "steps that are whole", "lacked memory", "then")


@dataclass
class Place:
    """Where a fit works, and what is done in its process before it begins."""

    task: Path
    folder: Path
    budget: float
    limit: Callable[[], None] = field(default=lambda: None)

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.folder / "run"

    def fit(self) -> subprocess.CompletedProcess[str]:
        """The command, until it ends."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        environment = {
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "TABULAR_FUSION_CACHE": str(self.folder / "cache"),
            "TMPDIR": str(self.folder / "tmp"),
        }
        line = [sys.executable, "-c", "from automl.cli import main; main()", "fit", str(self.task), "--preset", "fast"]
        return subprocess.run(
            [*line, "--budget", str(self.budget), "--run", str(self.run)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            preexec_fn=self.limit,
            timeout=HANG,
        )


def case(place: Place, then: Callable[[], None], may_be_killed: bool = False) -> tuple[list[str], list[str]]:
    """A fit within a limit, and one where ``then`` has made room: what to show, and what is at fault."""
    started = time.monotonic()
    done = place.fit()
    seconds, faults = time.monotonic() - started, []
    ends, told = _ending(done, may_be_killed)
    if not ends:
        faults.append(f"exit code {done.returncode}: {done.stderr[-2000:]}")
    if ends == "told" and (left := [str(path) for path in place.run.rglob(".tmp-*")]):
        faults.append(f"half-written: {left}")
    lacking = ""
    whole = sorted(path.name for path in place.run.glob("[!.]*") if path.name != "search")
    if ends == "valid":
        faults += map(str, RunFolder(place.run).faults())
        lacking = str(sum("memory" in error for error in Run(place.run).leaderboard()["error"]))
    then()
    place.limit = lambda: None
    again = place.fit()
    if again.returncode:
        return [ends, told, f"{seconds:.0f}", " ".join(whole), lacking, "failed"], [*faults, again.stderr[-2000:]]
    faults += map(str, RunFolder(place.run).faults())
    if Run(place.run).leaderboard().empty:
        faults.append("no leaderboard")
    return [ends, told, f"{seconds:.0f}", " ".join(whole), lacking, "valid"], faults


def _ending(done: subprocess.CompletedProcess[str], may_be_killed: bool) -> tuple[str, str]:
    """How it ended, "" if it must not end so; and the line that was told."""
    line = (done.stderr.strip().splitlines() or [""])[-1]
    if not done.returncode:
        return "valid", ""
    if done.returncode == -9 and may_be_killed:
        return "killed", ""
    is_told = done.returncode == 2 and "Traceback" not in done.stderr and any(todo in line for todo in TODO)
    return ("told" if is_told else ""), line


def under_rlimit(kind: int, megabytes: int) -> Callable[[], None]:
    """What sets a limit in a new process."""
    return lambda: resource.setrlimit(kind, (megabytes << 20, megabytes << 20))


@contextmanager
def cgroup(megabytes: int) -> Iterator[Callable[[], None]]:
    """What puts a new process under a limit that the system holds it to; PermissionError or so where it cannot."""
    group = CGROUPS / f"shortages-{uuid.uuid4().hex[:8]}"
    group.mkdir()
    try:
        for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
            if (group / name).exists():
                (group / name).write_text(str(megabytes << 20))
        yield lambda: (group / "cgroup.procs").write_text("0") and None
    finally:
        group.rmdir()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Callable[[], None]]:
    """A file system of that size at ``folder``, and what makes it large; CalledProcessError where it cannot be."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", f"remount,size={ROOM}", folder], check=True) and None
    finally:
        subprocess.run(["umount", folder], check=True)


def make_task(folder: Path, rows: int, text: str) -> Path:
    """A shop and its task file."""
    make_demo_data(folder, n_rows=rows)
    task = folder / "task.toml"
    known = task.read_text(encoding="utf-8").split("[encoders]")[0]
    task.write_text(f'{known}\n[encoders]\ntext = "{text}"\nimage = "none"\n', encoding="utf-8")
    return task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, least in (("cgroup", [300, 400, 500, 700]), ("data", [300, 1000, 2000]), ("address", [1000, 4000])):
        parser.add_argument(f"--{name}", type=int, nargs="*", default=least, metavar="MB")
    parser.add_argument("--disk", type=int, nargs="*", default=[2, 10, 40, 100], metavar="MB")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--text", default="bundled:minilm", help="text encoder")
    asked = parser.parse_args()
    bad = 0

    def show(limit: str, megabytes: int, found: tuple[list[str], list[str]]) -> None:
        nonlocal bad
        print(f"| {limit} | {megabytes} | {' | '.join(found[0])} |", flush=True)
        for fault in found[1]:
            print(f"FAULT {limit} {megabytes}: {fault}", file=sys.stderr, flush=True)
        bad += bool(found[1])

    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    with tempfile.TemporaryDirectory() as base:
        task = make_task(Path(base) / "shop", asked.rows, asked.text)
        for number in asked.cgroup:
            with cgroup(number) as limit:
                place = Place(task, Path(base) / f"cgroup-{number}", asked.budget, limit)
                show("cgroup", number, case(place, lambda: None, may_be_killed=True))
        for number in asked.data:
            place = Place(task, Path(base) / f"data-{number}", asked.budget, under_rlimit(resource.RLIMIT_DATA, number))
            show("RLIMIT_DATA", number, case(place, lambda: None))
        for number in asked.address:
            place = Place(
                task, Path(base) / f"address-{number}", asked.budget, under_rlimit(resource.RLIMIT_AS, number)
            )
            show("RLIMIT_AS", number, case(place, lambda: None))
        for number in asked.disk:
            with small_disk(Path(base) / f"disk-{number}", number) as grow:
                place = Place(task, Path(base) / f"disk-{number}" / "work", asked.budget)
                show("disk", number, case(place, grow))
    print(f"\n{bad} cases at fault")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
