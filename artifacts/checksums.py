"""Whether the files of a run are those that were written: a list of sizes and hashes beside them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from artifacts.errors import ArtifactError

FILE = "checksums.json"
PIECE = 1 << 20


@dataclass(frozen=True)
class Fault:
    """A file that is not as it was written. ``kind`` is ``changed``, ``missing``, ``foreign`` or ``unreadable``."""

    kind: str
    path: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}"


def checksums_of(folder: Path, paths: Iterable[Path] | None = None) -> dict[str, list[Any]]:
    """Size in bytes and hash (xxh3, 128 bits) of files under a folder, by relative path; of all but its own list."""
    chosen = paths if paths is not None else (path for path in folder.rglob("*") if path.is_file())
    return {_name(path, folder): [path.stat().st_size, _hash(path)] for path in sorted(chosen) if path != folder / FILE}


def faults_of(folder: Path, listed: Mapping[str, Any]) -> list[Fault]:
    """Which of the listed files are missing or changed.

    Raises:
        ArtifactError: if the list is no list of sizes and hashes.
    """
    faults = []
    for name, entry in listed.items():
        path = folder / name
        if not isinstance(entry, list) or len(entry) != 2 or ".." in Path(name).parts or Path(name).is_absolute():
            raise ArtifactError(f"{name!r} in the checksums of {str(folder)!r} has no size and hash, but {entry!r}.")
        try:
            if path.is_symlink() or not path.is_file():
                faults.append(Fault("missing", name))
            elif path.stat().st_size != entry[0] or _hash(path) != entry[1]:
                faults.append(Fault("changed", name))
        except OSError as error:
            faults.append(Fault("unreadable", f"{name} ({error.strerror})"))
    return faults


def foreign_to(folder: Path, listed: Container[str]) -> list[Fault]:
    """Files that no list has. Links are foreign: nothing here writes them, and what they lead to is not of the run."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = ((_name(path, folder), path.is_symlink()) for path in paths if path != folder / FILE)
    return [Fault("foreign", name) for name, is_link in sorted(names) if is_link or name not in listed]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _hash(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
