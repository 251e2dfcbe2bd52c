"""The files of an encoder: which decide on its output, and where those that came with a run lie."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import xxhash

from artifacts.embedding_store import default_cache_folder
from featurizers.encoder_options import SIGN

DECIDING = (".safetensors", ".json", ".txt", ".model")  # no pickled weights
_LICENCES = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md")


def encoder_files(folder: Path) -> Iterator[Path]:
    """Those that decide on the output."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in DECIDING and path.is_file():
            yield path


def files_to_carry(folder: Path) -> dict[str, Path]:
    """Those that decide on the output, and those that say the licence, by their place in the folder."""
    paths = {*encoder_files(folder), *(folder / name for name in _LICENCES if (folder / name).is_file())}
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}


def fingerprint_of(folder: Path) -> str:
    """A hash of names and contents of the files that decide on the output."""
    stats = tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in encoder_files(folder))
    return _hash_of_files(str(folder), stats)


def carried_folder(fingerprint: str) -> Path:
    """Where the weights of this fingerprint lie if they came with an imported run."""
    name = xxhash.xxh3_128_hexdigest(fingerprint.partition(SIGN)[0].encode())
    return default_cache_folder() / "encoders" / name


@lru_cache(maxsize=32)
def _hash_of_files(folder: str, stats: tuple[tuple[str, int, int], ...]) -> str:
    state = xxhash.xxh3_128()
    for path, _, size in stats:
        state.update(f"{Path(path).relative_to(folder).as_posix()}:{size};".encode())
        with Path(path).open("rb") as file:
            while piece := file.read(1 << 22):
                state.update(piece)
    return state.hexdigest()
