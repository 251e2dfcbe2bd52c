"""A few cases of each target of ``benchmarks/fuzz.py``, the same at every run; millions are run by that script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.errors import FusionError

FOLDER = Path(__file__).parents[1] / "benchmarks"
EXAMPLES = {
    "task": 60, "nested": 80, "text": 40, "shown": 30, "image": 60, "photo": 8, "photo_cell": 60, "csv": 40,
    "jsonl": 40, "parquet": 40, "column": 12, "rows": 3, "draft": 10, "encoder": 30,
}  # fmt: skip
NOT_HERE = {"run"}  # needs a fitted run: tests/test_automl/test_predictor.py spoils the files of one
BOMB_NAMES = ("huge header", "just too many pixels", "many texts", "profile", "gif canvas", "webp canvas", "svg")


@pytest.fixture(scope="module")
def scripts() -> Iterator[tuple[ModuleType, ModuleType, ModuleType]]:
    """The driver, the targets and the seeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield import_module("fuzz"), import_module("fuzz_targets"), import_module("fuzz_seeds")


def changed(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, new in changes:
        place %= len(seed) + 1
        seed = seed[:place] + new + seed[place + length :]
    return seed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", list(EXAMPLES))
def test_nothing_but_our_own_errors_comes_out(target: str, scripts: tuple[ModuleType, ModuleType, ModuleType]) -> None:
    _, targets, seeds = scripts
    words = [word.encode("utf-8", "surrogatepass") for word in seeds.WORDS]
    piece = st.tuples(st.integers(0, 1 << 14), st.integers(0, 30), st.sampled_from(words) | st.binary(max_size=6))
    inputs = st.builds(changed, st.sampled_from(seeds.SEEDS[target]), st.lists(piece, min_size=1, max_size=4))

    @settings(
        max_examples=EXAMPLES[target], derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(inputs | st.binary(max_size=60))
    def holds(data: bytes) -> None:
        with suppress(FusionError):
            targets.TARGETS[target](data)

    for seed in seeds.SEEDS[target][: EXAMPLES[target]]:
        holds.hypothesis.inner_test(seed)
    holds()


@pytest.mark.parametrize("target", ["nested", "text", "photo_cell", "shown", "jsonl"])
def test_giants_of_every_kind_are_no_crash(target: str, scripts: tuple[ModuleType, ModuleType, ModuleType]) -> None:
    _, targets, seeds = scripts
    for _name, data in seeds.giants(target, 4_000):
        with suppress(FusionError):
            targets.TARGETS[target](data)


def test_bombs_are_refused_or_shown_small(scripts: tuple[ModuleType, ModuleType, ModuleType]) -> None:
    _, targets, seeds = scripts
    assert set(BOMB_NAMES) <= set(seeds.bombs())
    for name in BOMB_NAMES:
        targets.TARGETS["image"](seeds.bombs()[name])


def test_every_target_has_seeds_and_is_run(scripts: tuple[ModuleType, ModuleType, ModuleType]) -> None:
    _, targets, seeds = scripts
    assert list(targets.TARGETS) == list(seeds.SEEDS) and set(targets.TARGETS) == set(EXAMPLES) | NOT_HERE


def test_the_driver_keeps_the_smallest_input_of_each_failure(
    scripts: tuple[ModuleType, ModuleType, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    driver, targets, _ = scripts

    def fails(data: bytes) -> None:
        if data.startswith(b"x"):
            raise KeyError("a bug")
        raise FusionError("told")

    monkeypatch.setitem(targets.TARGETS, "task", fails)
    watch = driver.Watch("task", tmp_path)
    for data in (b"ok", b"xxxx", b"x", b"xx"):
        watch.one(data)
    watch.told()
    ((size, path),) = watch.failures.values()
    assert watch.cases == 4 and size == 1 and path.read_bytes() == b"x"
    assert "4 cases" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--target", "task", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"pip install 'tabular-fusion\[fuzz\]'"):
        driver.main()
