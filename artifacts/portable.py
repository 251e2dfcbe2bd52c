"""A run as one zip file, for another machine; what is in it is checked before anything of it is used."""

from __future__ import annotations

import json
import os
import shutil
import stat
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import xxhash

from artifacts import checksums
from artifacts.errors import ArtifactError, InputError
from artifacts.store import FORMAT_VERSION, RunFolder, read_json

FORMAT = 1
CONTENTS = "export.json"
RUN, WEIGHTS = "run", "weights"
LEFT_BEHIND = ("search",)  # trials, which the result does not need
MOST_BYTES = 50 << 30  # unpacked
MOST_FILES = 200_000
MOST_CONTENTS = 64 << 20  # bytes of the list itself
UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, ValueError)  # what a damaged file gives


@dataclass(frozen=True)
class Portable:
    """What an export holds: the encoders that the run needs, by modality, and files by their place in it."""

    encoders: dict[str, Any]
    files: checksums.Listed

    @property
    def n_bytes(self) -> int:
        """Size of all files, unpacked."""
        return sum(size for size, _ in self.files.values())


def export_run(run: str | Path, file: str | Path, weights: Mapping[str, Mapping[str, Path]] | None = None) -> Portable:
    """Write a finished run into a zip file, whole or not at all.

    Args:
        run: its folder; every file is checked against its checksum first.
        file: what to write; it must not be there.
        weights: modality of an encoder to its files, by their place in its folder, if they are to be in it.

    Raises:
        ArtifactError: if a file of the run is not as it was written, or the zip file cannot be written.
        InputError: if ``file`` is there already.
    """
    folder, target = RunFolder(run), Path(file)
    if target.exists():
        raise InputError(f"{str(target)!r} is there already. Name another file, or delete it.")
    if faults := folder.faults():
        raise ArtifactError(
            f"{len(faults)} files of {str(run)!r} are not as they were written, the first {faults[0].path!r} "
            f"({faults[0].kind}). `tabular-fusion verify` lists them: restore them, or run fit again."
        )
    files, lists = _files_of(folder)
    for modality, paths in (weights or {}).items():
        files |= {f"{WEIGHTS}/{modality}/{name}": path for name, path in paths.items()}
    listed = {name: [path.stat().st_size, checksums.digest(path)] for name, path in files.items()}
    listed |= {name: [len(content), checksums.digest_of(content)] for name, content in lists.items()}
    encoders = read_json(folder.path / "run.json")["encoders"]
    portable = Portable(encoders, listed)
    if odd := list(_unsafe({name: zipfile.ZipInfo(name) for name in listed})):
        raise InputError(f"{odd[0]!r} has a name that not every system can write. Fit into another folder.")
    temporary = target.parent / f".tmp-{uuid.uuid4().hex}"
    try:
        with zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as packed:
            packed.writestr(CONTENTS, _contents(portable))
            for name, content in lists.items():
                packed.writestr(name, content)
            for name, path in files.items():
                packed.write(path, name)
        os.replace(temporary, target)
    except OSError as error:
        raise ArtifactError(f"{str(target)!r} cannot be written: {error}. Free some space, or name another.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return portable


def _files_of(folder: RunFolder) -> tuple[dict[str, Path], dict[str, bytes]]:
    """Files by their place in the export, and lists of checksums without what is left behind."""
    files: dict[str, Path] = {}
    lists: dict[str, bytes] = {}
    for one in folder.with_inner():
        around = PurePosixPath(RUN) / one.path.relative_to(folder.path).as_posix()
        known = read_json(one.path / checksums.FILE)
        kept = {name: entry for name, entry in known.items() if PurePosixPath(name).parts[0] not in LEFT_BEHIND}
        files |= {str(around / name): one.path / name for name in kept}
        lists[str(around / checksums.FILE)] = json.dumps(kept, ensure_ascii=False, indent=0).encode()
    return files, lists


def _contents(portable: Portable) -> str:
    told = {"format": FORMAT, "run_format": FORMAT_VERSION, **vars(portable)}
    return json.dumps(told, ensure_ascii=False, indent=0, default=str)


def import_run(file: str | Path, run: str | Path) -> tuple[Portable, Path]:
    """Unpack an export beside ``run`` and check it; ``accept`` makes it the run folder.

    Nothing of the file is trusted: only names on its own list are read, each of which must stay inside the folder, none
    may be a link, and none may be longer than the list says, whatever the zip file declares.

    Returns:
        What it holds, and the temporary folder with ``run/`` and ``weights/``.

    Raises:
        InputError: if ``run`` is there already.
        ArtifactError: if the file is no export, is damaged or hostile, or cannot be unpacked.
    """
    target = Path(run)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{str(target)!r} is there already and not empty. Name another folder.")
    temporary = target.absolute().parent / f".tmp-{uuid.uuid4().hex}"
    try:
        with zipfile.ZipFile(file) as packed:
            portable = _checked(packed, str(file))
            temporary.mkdir(parents=True)
            for name, (size, digest) in portable.files.items():
                _unpack(packed, name, temporary / name, size, digest)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, UNREADABLE):
            raise ArtifactError(
                f"{str(file)!r} cannot be unpacked ({error}). Export the run again, and check that the file was copied "
                "whole and the disk has room."
            ) from error
        raise
    return portable, temporary


def accept(temporary: Path, run: str | Path) -> Path:
    """Make the unpacked run the folder ``run``, and delete what is left of ``temporary``.

    Raises:
        ArtifactError: if files of the run are not as its own list says.
    """
    try:
        if faults := RunFolder(temporary / RUN).faults():
            raise _hostile(str(run), f"its run has a file {faults[0].path!r} that is {faults[0].kind}")
        target = Path(run)
        if target.is_dir():
            target.rmdir()
        os.replace(temporary / RUN, target)
        return target
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _checked(packed: zipfile.ZipFile, file: str) -> Portable:
    """The contents that an export names, if its members are these and no others."""
    members = {member.filename: member for member in packed.infolist()}
    if CONTENTS not in members:
        raise ArtifactError(f"{file!r} is no export of a run: it has no {CONTENTS}. `tabular-fusion export` makes one.")
    if len(members) != len(packed.infolist()):
        raise _hostile(file, "it has two members of one name")
    try:
        told = json.loads(_read(packed, CONTENTS, MOST_CONTENTS))
        if told["format"] != FORMAT or told["run_format"] != FORMAT_VERSION:
            raise ArtifactError(
                f"{file!r} has format {told['format']} of a run of format {told['run_format']}, but this version reads "
                f"{FORMAT} and {FORMAT_VERSION}. Use the version of tabular-fusion that wrote it, or fit again."
            )
        listed: checksums.Listed = {str(n): [int(size), str(digest)] for n, (size, digest) in told["files"].items()}
        portable = Portable(dict(told["encoders"]), listed)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"The list {CONTENTS} in {file!r} is damaged ({error}). Export the run again.") from error
    if set(members) != {CONTENTS, *listed}:
        odd = sorted(set(members) ^ {CONTENTS, *listed})
        raise _hostile(file, f"its list and its members differ in {len(odd)} names, the first {odd[0]!r}")
    if len(listed) > MOST_FILES or portable.n_bytes > MOST_BYTES:
        raise _hostile(file, f"it would unpack to {len(listed)} files and {portable.n_bytes / 1e9:.0f} GB")
    for name in _unsafe(members):
        raise _hostile(file, f"the name {name!r} could leave the folder, or is of a link")
    if any(size < 0 or members[name].file_size != size for name, (size, _) in listed.items()):
        raise _hostile(file, "a member has another size than its list says")
    return portable


def _unsafe(members: Mapping[str, zipfile.ZipInfo]) -> Iterator[str]:
    for name, member in members.items():
        path, mode = PurePosixPath(name), member.external_attr >> 16
        odd = any(c in name for c in '\\:*?"<>|') or not name.isprintable() or name != path.as_posix()
        outside = path.is_absolute() or ".." in path.parts or any(part.startswith(".") for part in path.parts)
        elsewhere = name != CONTENTS and path.parts[:1] not in ((RUN,), (WEIGHTS,))
        if odd or outside or elsewhere or (stat.S_IFMT(mode) not in (0, stat.S_IFREG)) or member.flag_bits & 1:
            yield name


def _read(packed: zipfile.ZipFile, name: str, most: int) -> bytes:
    with packed.open(name) as member:
        content = member.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name!r} is longer than {most} bytes")
    return content


def _unpack(packed: zipfile.ZipFile, name: str, target: Path, size: int, digest: str) -> None:
    """Write a member, of which no more is read than it should have."""
    target.parent.mkdir(parents=True, exist_ok=True)
    hashed, left = xxhash.xxh3_128(), size
    with packed.open(name) as member, target.open("xb") as out:
        while piece := member.read(min(checksums.PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"{name!r} is longer than its {size} bytes")
            hashed.update(piece)
            out.write(piece)
    if left or hashed.hexdigest() != digest:
        raise ValueError(f"{name!r} is not as it was written")


def _hostile(file: str, what: str) -> ArtifactError:
    return ArtifactError(f"{file!r} is refused: {what}. Export the run again from where it was fitted.")
