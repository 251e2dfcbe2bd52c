"""One clear error for a lack of memory or room, whichever library noticed it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.errors import ArtifactError
from artifacts.store import reading
from automl.shortages import told_shortages

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), r"The fit ran out of memory \(MemoryError\)\. Close other programs.*finished steps are kept"),
        (MemoryError("Unable to allocate 8 TiB"), "ran out of memory.*8 TiB"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "ran out of memory.*smaller encoder"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "ran out of memory.*libtorch_cpu"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "ran out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), "could not go on: .*No space left.*Free some space"),
        (TypeError("I/O error: No space left on device (os error 28)"), "could not go on: .*Free some space"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "Read-only.*Make it writable, or name another folder"),
    ],
    ids=str,
)
def test_shortages_say_what_to_do(error: Exception, said: str) -> None:
    with pytest.raises(ArtifactError, match=said), told_shortages("The fit"):
        raise error


def test_a_lack_that_was_told_as_damage_is_told_as_what_it_is() -> None:
    with pytest.raises(ArtifactError, match="The fit ran out of memory"), told_shortages("The fit"), reading(Path("a")):
        raise MemoryError


def test_a_lack_is_told_once() -> None:
    with pytest.raises(ArtifactError) as raised, told_shortages("The command"), told_shortages("The fit"):
        raise MemoryError("no room")
    assert str(raised.value).count("ran out of memory") == 1 and "The fit" in str(raised.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), ImportError("no"), OSError(errno.ENOENT, "gone"), ValueError("bad")], ids=str
)
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, told_shortages("The fit"):
        raise error
    assert raised.value is error


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")
@pytest.mark.parametrize("option", ["-d", "-v"])
def test_limits_under_which_libraries_hang_are_told_before_they_load(option: str) -> None:
    command = f'ulimit {option} 200000 && exec "$0" -c "from automl.cli import main; main()" leaderboard nowhere'
    line = ["bash", "-c", command, sys.executable]
    done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60)
    assert done.returncode == 2 and f"195 MB of memory (ulimit {option})" in done.stderr
    assert "Traceback" not in done.stderr and "512 MB at least" in done.stderr


def test_an_error_without_a_reason_is_a_lack_of_memory_only_under_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    error = SystemError("error return without exception set")
    with pytest.raises(SystemError), told_shortages("The fit"):
        raise error
    monkeypatch.setattr("automl.shortages._limits", lambda: [("-d", 1 << 30)])
    with pytest.raises(ArtifactError, match="ran out of memory.*without exception set"), told_shortages("The fit"):
        raise error


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")
def test_a_real_limit_of_memory_is_one_clear_line() -> None:
    code = """
import resource, sys
import numpy as np
from artifacts.errors import ArtifactError
from artifacts.store import reading
from automl.shortages import told_shortages
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try:
    with told_shortages("The fit"):
        np.ones(1 << 30)
except ArtifactError as error:
    sys.exit(str(error))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "The fit ran out of memory" in done.stderr and "8.00 GiB" in done.stderr and "Traceback" not in done.stderr
