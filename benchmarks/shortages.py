"""What a whole fit does where memory or the disk is really too small, and whether it goes on when there is room.

    python benchmarks/shortages.py --cgroup 300 400 500 700 --data 300 1000 2000 --address 1000 4000 --disk 2 10 40 100
    python benchmarks/shortages.py --filled 1 5 15 search.json model scores --left 0 100 1000
    python benchmarks/shortages.py --image DIR --rows 1500 --cgroup 500 700 900 --data 1000 2000

Each fit is ``fit`` of a made shop with an empty cache, as a process of its own. Memory, in MB, is bounded
in three ways: by a cgroup, beyond which the system kills the process (version 1, needs root); by ``RLIMIT_DATA``,
beyond which allocations fail; and by ``RLIMIT_AS``, where files mapped into memory count, too, and so the cache with
its terabyte of addresses: no fit gets past that. The disk, in MB, is a file system in memory of that size (needs root),
which holds the run, the cache and temporary files. With --filled such a disk is large at first; once so many candidates
of the search are stored, or the named file or step of the run is there, a file beside takes all room but --left KB, and
takes again whatever becomes free. Then the same command runs where there is room.

A case is at fault if it ends otherwise than with a valid run, with one line that says what to do, or killed by the
system; if the line leaves something half-written; if a candidate of a valid run lacked the disk; if a vector that was
stored is made again; or if the second fit has no valid run, whose files all match their checksums. Ends with exit code
1 then.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from resume import NOTED, put_twice

from artifacts.full_disk import says_full_disk
from artifacts.store import RunFolder
from automl.demo_data import make_demo_data
from automl.run import Run

CGROUPS = Path("/sys/fs/cgroup/memory")
RLIMITS = {"data": resource.RLIMIT_DATA, "address": resource.RLIMIT_AS}
LARGE, ROOM, HANG = 1000, "4g", 1800.0  # MB of a disk that is then filled, bytes of one with room, seconds
BALLAST = "ballast"
TODO = ("run the same command again", "ree some space")
CHILD = f"{NOTED}\nfrom automl.cli import main\nmain()"
COLUMNS = (
    "limit", "MB", "ends", "with", "seconds", "steps that are whole", "candidates", "lacked memory", "vectors", "then",
)  # fmt: skip


Limited = tuple["Place", Callable[[], None], bool]


@dataclass
class Place:
    """Where a fit works, what is done in its process before it begins, and what beside it, given the process."""

    task: Path
    folder: Path
    budget: float
    limit: Callable[[], None] = field(default=lambda: None)
    beside: Callable[[subprocess.Popen[str]], None] = field(default=lambda _: None)
    preset: str = "fast"

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
            "PUT": str(self.put),
        }
        line = [sys.executable, "-c", CHILD, "fit", str(self.task), "--preset", self.preset]
        with subprocess.Popen(
            [*line, "--budget", str(self.budget), "--run", str(self.run)],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=self.limit,
        ) as process:
            beside = threading.Thread(target=self.beside, args=(process,))
            beside.start()
            try:
                told = process.communicate(timeout=HANG)
            finally:
                process.kill()
                beside.join()
        return subprocess.CompletedProcess(line, process.returncode, *told)

    @property
    def put(self) -> Path:
        """Keys of the vectors that were stored; not on the small disk."""
        return self.task.parent / f"put{str(self.folder.absolute()).replace('/', '-')}.txt"

    def vectors(self) -> int:
        """Vectors that were stored so far, those that were stored twice counted twice."""
        return len(self.put.read_text().split()) if self.put.exists() else 0

    def candidates(self) -> int:
        """Candidates that are stored so far."""
        return len(list(self.run.glob("search/*/candidate.json")))

    def reached(self, moment: str) -> bool:
        """Whether so many candidates are stored, or the file or step of this name is there."""
        if moment.isdecimal():
            return self.candidates() >= int(moment)
        return (self.run / moment).exists() or (self.run / "search" / moment).exists()


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
    lacking, candidates, vectors = "", str(place.candidates()), place.vectors()
    whole = sorted(path.name for path in place.run.glob("[!.]*") if path.name != "search")
    if ends == "valid":
        faults += map(str, RunFolder(place.run).faults())
        errors = Run(place.run).leaderboard()["error"]
        lacking = str(sum("memory" in error for error in errors))
        faults += [f"the disk was full, and the fit went on: {error}" for error in errors if says_full_disk(error)]
    then()
    place.limit, place.beside = lambda: None, lambda _: None
    again = place.fit()
    shown = [
        ends,
        told,
        f"{seconds:.0f}",
        " ".join(whole),
        candidates,
        lacking,
        f"{vectors}+{place.vectors() - vectors}",
    ]
    if again.returncode:
        return [*shown, "failed"], [*faults, again.stderr[-2000:]]
    faults += map(str, RunFolder(place.run).faults())
    if Run(place.run).leaderboard().empty:
        faults.append("no leaderboard")
    if twice := put_twice(place.put):
        faults.append(f"{twice} stored vectors made again")
    return [*shown, "valid"], faults


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


def filling(place: Place, moment: str, left: int) -> Callable[[subprocess.Popen[str]], None]:
    """What fills the disk of a place from that moment on but for ``left`` bytes, until the process has ended."""

    def fill(process: subprocess.Popen[str]) -> None:
        reached = False
        with (place.folder / BALLAST).open("wb", buffering=0) as ballast:
            while process.poll() is None:
                reached = reached or place.reached(moment)
                disk = os.statvfs(place.folder)
                if reached and (more := disk.f_bavail * disk.f_frsize - left) > 0:
                    with suppress(OSError):  # the fit took it meanwhile
                        os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, more)
                time.sleep(0.002)

    return fill


def make_task(folder: Path, rows: int, text: str, image: str = "none") -> Path:
    """A shop and its task file."""
    make_demo_data(folder, n_rows=rows)
    task = folder / "task.toml"
    known = task.read_text(encoding="utf-8").split("[encoders]")[0]
    task.write_text(f'{known}\n[encoders]\ntext = "{text}"\nimage = "{image}"\n', encoding="utf-8")
    return task


@contextmanager
def limited(base: Path, task: Path, limit: str, amount: str, asked: argparse.Namespace) -> Iterator[Limited]:
    """A place under a limit of this kind, what makes room there, and whether the system may kill its process."""
    name = f"{limit}-{amount}".replace("/", "-").replace(" ", "-")
    place = Place(task, base / name, asked.budget, preset=asked.preset)
    if limit == "cgroup":
        with cgroup(int(amount)) as place.limit:
            yield place, lambda: None, True
    elif limit == "disk":
        with small_disk(base / name, int(amount)) as grow:
            yield replace(place, folder=base / name / "work"), grow, False
    elif limit == "filled":
        moment, left = amount.split(" but ")
        with small_disk(base / name, LARGE) as grow:
            place.folder = base / name / "work"
            place.folder.mkdir()
            place.beside = filling(place, moment, int(left) << 10)
            yield place, grow, False
    else:
        place.limit = under_rlimit(RLIMITS[limit], int(amount))
        yield place, lambda: None, False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cgroup", "data", "address", "disk"):
        parser.add_argument(f"--{name}", nargs="*", default=[], metavar="MB")
    parser.add_argument("--filled", nargs="*", default=[], metavar="MOMENT")
    parser.add_argument("--left", nargs="*", default=["0"], metavar="KB", help="room that --filled leaves")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--text", default="bundled:minilm", help="text encoder")
    parser.add_argument("--image", default="none", help="photo encoder")
    asked = parser.parse_args()
    wanted = [(limit, amount) for limit in ("cgroup", "data", "address", "disk") for amount in getattr(asked, limit)]
    wanted += [("filled", f"{moment} but {left}") for moment in asked.filled for left in asked.left]
    bad = 0
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    with tempfile.TemporaryDirectory() as base:
        task = make_task(Path(base) / "shop", asked.rows, asked.text, asked.image)
        for limit, amount in wanted:
            with limited(Path(base), task, limit, amount, asked) as (place, grow, may_be_killed):
                shown, faults = case(place, grow, may_be_killed)
            print(f"| {limit} | {amount} | {' | '.join(shown)} |", flush=True)
            for fault in faults:
                print(f"FAULT {limit} {amount}: {fault}", file=sys.stderr, flush=True)
            bad += bool(faults)
    print(f"\n{bad} cases at fault")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
