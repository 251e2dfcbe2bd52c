"""Whether the files of a folder are those that were written: a list of sizes and hashes beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import xxhash

from artifacts.errors import ArtifactError

FILE = "checksums.json"
PIECE = 1 << 20

Listed = dict[str, list[Any]]  # relative path: [size in bytes, hash]


@dataclass(frozen=True)
class Fault:
    """A file that is not as it was written. ``kind`` is ``changed``, ``missing``, ``foreign`` or ``unreadable``."""

    kind: str
    path: str


def listed(folder: Path, paths: Iterable[Path]) -> Listed:
    """Size and hash (xxh3, 128 bits) of files under a folder."""
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, digest(path)] for path in sorted(paths)}


def files_under(folder: Path, without: Iterable[str] = ()) -> list[Path]:
    """Files and links under a folder, but for its list, temporary and lock files and the folders ``without``."""
    away = tuple(folder / name for name in without)
    return [
        path
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file())
        and path != folder / FILE
        and not path.relative_to(folder).parts[0].startswith((".tmp-", ".lock"))
        and not any(path.is_relative_to(other) for other in away)
    ]


def faults(folder: Path, known: Mapping[str, Any], present: Iterable[Path]) -> list[Fault]:
    """Files that are missing or changed, or that no list has.

    Links are foreign: nothing here writes them, and what they lead to is not of the folder.

    Raises:
        ArtifactError: if the list is none of sizes and hashes of files inside the folder.
    """
    names = {path.relative_to(folder).as_posix(): path for path in present}
    found = []
    for name, entry in known.items():
        inside = PurePosixPath(name)
        if not isinstance(entry, list) or len(entry) != 2 or inside.is_absolute() or ".." in inside.parts:
            raise ArtifactError(f"The list {str(folder / FILE)!r} has no size and hash for {name!r}, but {entry!r}.")
        path = names.get(name)
        if path is None or path.is_symlink():
            found.append(Fault("missing", name))
            continue
        try:
            if [path.stat().st_size, digest(path)] != entry:
                found.append(Fault("changed", name))
        except OSError as error:
            found.append(Fault("unreadable", f"{name} ({error.strerror})"))
    return found + [Fault("foreign", n) for n, path in names.items() if n not in known or path.is_symlink()]


def digest(path: Path) -> str:
    """Hash of a file's content, read in pieces."""
    hashed = xxhash.xxh3_128()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            hashed.update(piece)
    return hashed.hexdigest()


def digest_of(content: bytes) -> str:
    """Hash of the content of a file that is yet to be written."""
    return xxhash.xxh3_128_hexdigest(content)
