"""A full disk is known by the errors of whichever library noticed it, made here on a disk that is really full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError
from artifacts.full_disk import is_full_disk
from artifacts.store import RunFolder

LEFT = 8_192  # bytes
VALUES = np.random.default_rng(0).normal(size=50_000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte with room for two pages."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs to mount a file system")
    try:
        with (folder / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, (1 << 20) - LEFT)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def by_safetensors(path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": VALUES}, path)


def by_catboost(path: Path) -> None:
    from catboost import CatBoostRegressor

    model = CatBoostRegressor(iterations=60, verbose=0, thread_count=1, allow_writing_files=False)
    model.fit(VALUES[:4_000].reshape(-1, 4), VALUES[:1_000]).save_model(str(path))


WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("a" * 100_000),
    "numpy": lambda path: np.save(path, VALUES),
    "numpy, several": lambda path: np.savez(path, a=VALUES),
    "parquet": lambda path: pd.DataFrame({"a": VALUES}).to_parquet(path),
    "safetensors": by_safetensors,
    "catboost": by_catboost,
    "cache": lambda path: EmbeddingStore(path).put([(bytes(16), VALUES)]),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_s_error_is_known_and_nothing_is_left(name: str, disk: Path) -> None:
    file = disk / f"file{'.npz' if name == 'numpy, several' else '.npy' if name == 'numpy' else ''}"
    with pytest.raises(Exception) as raised:  # of any library
        WRITERS[name](file)
    assert is_full_disk(raised.value), repr(raised.value)
    if file.is_file():
        file.unlink()
    with pytest.raises(ArtifactError, match=r"[fF]ree some space"), RunFolder(disk).write("step") as step:
        WRITERS[name](step / file.name)
    assert not list(disk.glob(".tmp-*")) and not (disk / "step").exists()


def test_a_cache_on_a_disk_without_any_room_is_told_and_no_signal(disk: Path) -> None:
    with (disk / "more").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, LEFT)
    code = "import sys; from artifacts.embedding_store import EmbeddingStore; EmbeddingStore(sys.argv[1]).get([])"
    root = str(Path(__file__).parents[2])
    line = [sys.executable, "-c", code, str(disk / "cache")]
    done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}, timeout=60)
    assert done.returncode == 1 and "Free some space" in done.stderr


def test_other_errors_are_none_of_a_full_disk() -> None:
    outer = ArtifactError("step")
    assert not is_full_disk(outer) and not is_full_disk(None) and not is_full_disk(OSError(errno.ENOENT, "gone"))
    outer.__cause__ = OSError(errno.ENOSPC, "full")
    assert is_full_disk(outer)
