"""Whole fits under real limits of memory and disk, by ``benchmarks/shortages.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")]


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield import_module("shortages")


@pytest.fixture(scope="module")
def task(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return script.make_task(tmp_path_factory.mktemp("shop") / "shop", 200, "none")


@pytest.mark.parametrize("megabytes", [100, 600, 1000])
def test_memory_that_cannot_be_had_is_told_and_the_fit_goes_on(
    script: ModuleType, task: Path, tmp_path: Path, megabytes: int
) -> None:
    resource = import_module("resource")
    place = script.Place(task, tmp_path, 8.0, script.under_rlimit(resource.RLIMIT_DATA, megabytes))
    (ends, told, *_), faults = script.case(place, lambda: None)
    assert not faults
    assert ends == "valid" or "memory" in told
    assert ends == "told" or megabytes > 100


def test_a_fit_that_the_system_kills_goes_on(script: ModuleType, task: Path, tmp_path: Path) -> None:
    if not os.access(script.CGROUPS, os.W_OK):
        pytest.skip("needs to write cgroups of version 1")
    with script.cgroup(200) as limit:
        shown, faults = script.case(script.Place(task, tmp_path, 8.0, limit), lambda: None, may_be_killed=True)
    assert not faults and shown[0] == "killed"


@pytest.mark.parametrize(("moment", "left_kb"), [("1", 0), ("3", 100), ("search.json", 0), ("model", 0)])
def test_a_disk_that_fills_during_the_search_is_told_and_the_fit_goes_on(
    script: ModuleType, task: Path, tmp_path: Path, moment: str, left_kb: int
) -> None:
    try:
        with script.small_disk(tmp_path / "disk", script.LARGE) as grow:
            place = script.Place(task, tmp_path / "disk" / "work", 15.0)
            place.folder.mkdir()
            place.beside = script.filling(place, moment, left_kb << 10)
            (ends, told, _, steps, *_), faults = script.case(place, grow)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("needs to mount a file system")
    assert not faults
    assert ends == "valid" or "free some space" in told.lower()
    assert "features" in steps, "it was full before the search began"


@pytest.mark.parametrize("megabytes", [1, 15])
def test_a_full_disk_is_told_and_the_fit_goes_on(
    script: ModuleType, task: Path, tmp_path: Path, megabytes: int
) -> None:
    try:
        with script.small_disk(tmp_path / "disk", megabytes) as grow:
            (ends, told, *_), faults = script.case(script.Place(task, tmp_path / "disk" / "work", 8.0), grow)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("needs to mount a file system")
    assert not faults
    assert ends == "valid" or "free some space" in told.lower()
    assert ends == "told" or megabytes > 1
