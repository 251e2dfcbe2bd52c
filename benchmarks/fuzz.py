"""Hostile inputs for everything that reads data of others, guided by the coverage of the code (needs atheris).

    python benchmarks/fuzz.py --target nested --cases 100000 --seconds 600
    python benchmarks/fuzz.py --target nested --giants 10000000

First the seeds as they are, then what atheris makes of them, until one of the limits is reached. Prints cases, seconds,
the slowest case, the peak of memory, and every way to fail with its smallest input, which is saved in --out. A case
fails by an exception that is none of the project's own, or by more than 2 seconds of processor time; one that does not
come back in two minutes ends the run, and libFuzzer saves it. With --giants, inputs of so many bytes and bombs
instead. Ends with exit code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_seeds import SEEDS, WORDS, giants
from fuzz_targets import TARGETS, scratch

from artifacts.errors import FusionError
from featurizers.known_words import vocabulary

SECONDS_A_CASE = 2.0
ROOT = str(Path(__file__).parents[1])


@dataclass
class Watch:
    """Runs cases and keeps what is told of them."""

    target: str
    out: Path
    cases: int = 0
    slowest: float = 0.0
    failures: dict[str, tuple[int, Path]] = field(default_factory=dict)  # how: bytes of the smallest input, its file
    start: float = field(default_factory=time.perf_counter)

    def one(self, data: bytes, name: str = "") -> None:
        """One case; a failure is kept if it is new, or smaller than those of its kind."""
        self.cases += 1
        before = time.process_time()
        try:
            TARGETS[self.target](data)
        except FusionError:
            pass
        except Exception as error:  # all of it: that is what is looked for
            self._keep(_where(error), data)
        spent = time.process_time() - before
        self.slowest = max(self.slowest, spent)
        if spent > SECONDS_A_CASE:
            self._keep(f"slow {name}".strip(), data, f"{spent:.1f} s")

    def _keep(self, how: str, data: bytes, more: str = "") -> None:
        known = self.failures.get(how)
        if known is not None and known[0] <= len(data):
            return
        path = self.out / f"{self.target}-{hashlib.sha256(how.encode()).hexdigest()[:10]}"
        self.out.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.failures[how] = (len(data), path)
        if known is None:
            print(f"FAILED {self.target}: {how} {more} ({len(data)} bytes: {data[:80]!r})", flush=True)

    def told(self) -> None:
        """Print the figures."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = time.perf_counter() - self.start
        print(
            f"{self.target}: {self.cases} cases, {seconds:.0f} s, slowest {self.slowest:.2f} s, peak {peak:.0f} MB, "
            f"{len(self.failures)} ways to fail"
        )
        for how, (size, path) in self.failures.items():
            print(f"  {how}: {size} bytes in {path}")
        sys.stdout.flush()


def _where(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(ROOT)]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-2:]]
    return f"{type(error).__name__} at {' < '.join(reversed(places))}: {str(error)[:120]!r}"


def _drive(watch: Watch, cases: int, seconds: float) -> None:
    try:
        import atheris
    except ImportError:
        sys.exit("This needs atheris, on Linux with Python 3.11 to 3.13: pip install 'tabular-fusion[fuzz]'.")
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("artifacts", "featurizers", "tomllib"):
            _instrument(atheris, module)
    folder = Path(tempfile.mkdtemp(prefix="corpus-"))
    for i, seed in enumerate(SEEDS[watch.target]):
        (folder / f"seed-{i}").write_bytes(seed)
    words = [word.encode("utf-8", "surrogatepass") for word in WORDS]
    shown = ("".join(f"\\x{byte:02x}" for byte in word) for word in words if len(word) < 60)
    (folder.parent / f"{folder.name}.dict").write_text("".join(f'"{word}"\n' for word in shown))

    def one(data: bytes) -> None:
        watch.one(data)
        if watch.cases >= cases or time.perf_counter() - watch.start >= seconds:
            watch.told()
            shutil.rmtree(scratch(), ignore_errors=True)
            os._exit(bool(watch.failures))

    print(f"{watch.target}: corpus and what it grows to in {folder}", flush=True)
    limits = ["-timeout=120", "-rss_limit_mb=4096", "-max_len=20000", "-len_control=20", "-verbosity=0"]
    places = [f"-artifact_prefix={watch.out}/{watch.target}-hang-", f"-dict={folder}.dict"]
    atheris.Setup([sys.argv[0], *limits, *places, str(folder)], one)
    atheris.Fuzz()


def _instrument(atheris: object, module: object) -> None:
    """Coverage of the functions and methods of a module that is imported already."""
    import types

    for held in list(vars(module).values()):
        places = vars(held).values() if isinstance(held, type) else (held,)
        for one in places:
            if isinstance(one, types.FunctionType) and one.__module__ == getattr(module, "__name__", None):
                atheris.instrument_func(one)  # type: ignore[attr-defined]


def main() -> None:
    """Drive one target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, choices=list(TARGETS))
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--giants", type=int, default=0, metavar="BYTES")
    parser.add_argument("--out", type=Path, default=Path("fuzz_failures"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for language in ("en", "ru"):
        vocabulary(language)  # read once in a process
    for seed in SEEDS[asked.target]:
        with suppress(Exception):
            TARGETS[asked.target](seed)  # imports what it needs, and whatever else is done once
    watch = Watch(asked.target, asked.out)
    for seed in SEEDS[asked.target]:
        watch.one(seed)
    if not asked.giants:
        _drive(watch, asked.cases, asked.seconds)
    for name, data in giants(asked.target, asked.giants):
        watch.one(data, name)
    watch.told()
    sys.exit(bool(watch.failures))


if __name__ == "__main__":
    main()
