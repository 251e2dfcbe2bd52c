"""A run folder: each step is a folder that is there whole or not at all."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from artifacts import checksums
from artifacts.errors import ArtifactError, FusionError
from artifacts.full_disk import is_full_disk

FORMAT_VERSION = 3
ACTIVITIES = "activities"
CONTEST = "contest"
MANIFEST = "run.json"
LOCK, HOLDER, STEPS_LOCK = ".lock", ".lock-holder", ".lock-steps"
AGAIN = "Name the folder of a finished run, or run fit again."
# What reading damaged files gives: JSON of another form, numpy's and safetensors' files, parquet.
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, RuntimeError,
            MemoryError, zipfile.BadZipFile, zlib.error)  # fmt: skip
SHARED_STEPS = ("split", "features")  # of the activities, or of the contestants, of one run


class RunFolder:
    """Steps under one folder. A step is written to a temporary name, synced, and renamed.

    The folders ``activities/NAME`` and ``contest/NAME`` of a run are run folders, too, which read their split and
    features from that run.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def activity(self, name: str) -> RunFolder:
        """The run folder of one of several activities."""
        return RunFolder(self.path / ACTIVITIES / name)

    def contestant(self, name: str) -> RunFolder:
        """The run folder of one of several presets."""
        return RunFolder(self.path / CONTEST / name)

    def create(self) -> RunFolder:
        """Make the folder if it is not there, and sweep away what a killed run left half-written.

        Raises:
            ArtifactError: if the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for left in self.path.glob(".tmp-*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            probe = self.path / f".tmp-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        return self

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other fits out of the folder; the hold ends with the process, however that ends.

        Raises:
            ArtifactError: if another fit holds it, or the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        holder = self.path / HOLDER
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / LOCK, timeout=0)
            lock.acquire()
        except Timeout:
            by = holder.read_text(encoding="utf-8", errors="replace").strip() if holder.exists() else "another process"
            raise ArtifactError(
                f"The run folder {str(self.path)!r} is in use by {by}. Wait until that fit has ended, stop it, or name "
                "another folder with --run."
            ) from None
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        try:
            write_file(holder, f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    def has(self, step: str) -> bool:
        """Whether the step was finished."""
        return self._place(step).exists()

    def folder(self, step: str) -> Path:
        """The folder of a finished step.

        Raises:
            ArtifactError: if it is not there.
        """
        if not self.has(step):
            raise ArtifactError(
                f"The run folder {str(self.path)!r} lacks {step!r}. "
                "Name the folder of a finished run, or run fit again to complete it."
            )
        return self._place(step)

    def _place(self, step: str) -> Path:
        around = self.path.absolute().parent
        inside = around.name in (ACTIVITIES, CONTEST) and (around.parent / "task" / "task.json").exists()
        return around.parent / step if inside and step in SHARED_STEPS else self.path / step

    @contextmanager
    def write(self, step: str) -> Iterator[Path]:
        """A temporary folder to write the step's files into; on success it becomes the step.

        Raises:
            ArtifactError: if the disk is full or the folder cannot be written.
        """
        from filelock import FileLock

        target = self.path / step
        temporary = self.path / f".tmp-{uuid.uuid4().hex}"
        try:
            temporary.mkdir(parents=True)
            yield temporary
            _sync_tree(temporary)
            target.parent.mkdir(parents=True, exist_ok=True)
            finished = (self.path / checksums.FILE).exists()  # to which several may add at once; a fit is alone
            with FileLock(self.path / STEPS_LOCK) if finished else nullcontext():
                self._put(temporary, target)
        except FusionError:
            raise
        except Exception as error:  # libraries tell of a full disk by errors of their own
            if not isinstance(error, OSError) and not is_full_disk(error):
                raise
            raise ArtifactError(
                f"Step {step!r} could not be written into {str(self.path)!r}: {error}. Free some space or name "
                "another folder with --run, then run the same command again: finished steps are kept."
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _put(self, temporary: Path, target: Path) -> None:
        if target.exists():
            replaced = self.path / f".tmp-{uuid.uuid4().hex}"
            os.replace(target, replaced)
            os.replace(temporary, target)
            shutil.rmtree(replaced)
        else:
            os.replace(temporary, target)
        _sync(target.parent)
        self._list_step(target)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write ``run.json``, which makes a run of the folder, and before it checksums of it and all that lies there.

        Raises:
            ArtifactError: if they cannot be written.
        """
        content = json.dumps(manifest, ensure_ascii=False, indent=1, default=str).encode()
        known = checksums.listed(self.path, (path for path in self._own_files() if path.name != MANIFEST))
        known[MANIFEST] = [len(content), checksums.digest_of(content)]
        self._write_list(known)
        write_file(self.path / MANIFEST, content)

    def faults(self) -> list[checksums.Fault]:
        """What is not as it was written, in this folder and in the runs inside it.

        Raises:
            ArtifactError: if the folder has no checksums, or a damaged list of them.
        """
        if not (self.path / checksums.FILE).is_file():
            raise ArtifactError(
                f"{str(self.path)!r} has no {checksums.FILE}: it is no finished run, or one of an older version. Name "
                "the folder that fit printed, or run fit again."
            )
        found = checksums.faults(self.path, read_object(self.path / checksums.FILE), self._own_files())
        for inner in self._inner():
            name = inner.path.relative_to(self.path).as_posix()
            found += [checksums.Fault(fault.kind, f"{name}/{fault.path}") for fault in inner.faults()]
        return found

    def with_inner(self) -> list[RunFolder]:
        """This run, and the runs inside it."""
        return [self, *self._inner()]

    def _inner(self) -> list[RunFolder]:
        runs = (path for kind in (ACTIVITIES, CONTEST) for path in sorted((self.path / kind).glob("*")))
        return [RunFolder(path) for path in runs if (path / MANIFEST).exists()]

    def _own_files(self) -> list[Path]:
        return checksums.files_under(self.path, [str(run.path.relative_to(self.path)) for run in self._inner()])

    def _list_step(self, step: Path) -> None:
        """Bring the list up to date after a step of a finished run was written."""
        if (self.path / checksums.FILE).exists():
            place = step.relative_to(self.path).as_posix() + "/"
            known = read_object(self.path / checksums.FILE)
            known = {name: entry for name, entry in known.items() if not name.startswith(place)}
            new = (path for path in checksums.files_under(step))
            self._write_list({**known, **checksums.listed(self.path, new)})

    def _write_list(self, known: checksums.Listed) -> None:
        write_file(self.path / checksums.FILE, json.dumps(known, ensure_ascii=False, indent=0))


def _cannot_write(path: Path, error: OSError) -> ArtifactError:
    return ArtifactError(
        f"Cannot write into the run folder {str(path)!r}: {error}. "
        "Name a writable folder with --run, or free some space."
    )


def write_json(path: Path, data: Any) -> None:
    """Write readable JSON in UTF-8."""
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON in UTF-8.

    Raises:
        ArtifactError: if the file is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{str(path)!r} cannot be read ({error}). {AGAIN}") from error


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object in UTF-8.

    Raises:
        ArtifactError: if the file is missing or holds no JSON object.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise ArtifactError(
            f"{str(path)!r} holds a {type(found).__name__}, but an object {{...}} was expected. {AGAIN}"
        )
    return found


@contextmanager
def reading(place: Path) -> Iterator[None]:
    """Around code that reads files of a run: what they lack, or hold in another form, is told as a damaged file.

    Raises:
        ArtifactError: instead of the errors that keys, types and values give.
    """
    try:
        yield
    except FusionError:
        raise
    except _DAMAGED as error:
        told = f"{type(error).__name__}: {str(error)[:200]}"
        raise ArtifactError(
            f"{str(place)!r} cannot be read: it is damaged or of another version ({told}). {AGAIN}"
        ) from error


def write_file(path: Path, content: str | bytes) -> None:
    """Write one file whole or not at all, texts in UTF-8; half of a surrogate pair, which it lacks, becomes ``?``.

    Raises:
        ArtifactError: if it cannot be written.
    """
    temporary = path.with_name(f".tmp-{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.encode(errors="replace") if isinstance(content, str) else content)
        _sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise ArtifactError(f"Cannot write {str(path)!r}: {error}. Name another place or free some space.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)
