"""Vectors by content: the same text or photo is never encoded twice, in any run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from artifacts.errors import ArtifactError

MAP_SIZE = 1 << 40  # an upper bound of the file, not what it takes
CACHE_VARIABLE = "TABULAR_FUSION_CACHE"
_CHECKSUM = 8


def default_cache_folder() -> Path:
    """``$TABULAR_FUSION_CACHE``, or ``tabular-fusion`` in the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "tabular-fusion"


def content_key(content: bytes, recipe: str) -> bytes:
    """The key of a content under a recipe (encoder, its weights' hash, preprocessing, precision)."""
    return xxhash.xxh3_128_digest(recipe.encode()) + xxhash.xxh3_128_digest(content)


class EmbeddingStore:
    """float32 vectors in an LMDB file. Opened at first use; any number of readers, one writer at a time."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_cache_folder()
        self._environment: Any = None

    def _open(self) -> Any:
        if self._environment is None:
            import lmdb

            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._environment = lmdb.open(str(self.folder), map_size=MAP_SIZE, max_readers=512)
            except (lmdb.Error, OSError) as error:
                raise ArtifactError(
                    f"The cache {str(self.folder)!r} cannot be opened ({error}). "
                    f"Name another folder in ${CACHE_VARIABLE}, or delete this one: it can be made anew."
                ) from error
        return self._environment

    def get(self, keys: Sequence[bytes]) -> list[NDArray[np.float32] | None]:
        """The vector of each key, None where it is not stored or its checksum is wrong."""
        found: list[NDArray[np.float32] | None] = []
        with self._open().begin() as transaction:
            for key in keys:
                found.append(_unpack(transaction.get(key)))
        return found

    def put(self, items: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Store vectors in one transaction.

        Raises:
            ArtifactError: if the disk is full.
        """
        import lmdb

        try:
            with self._open().begin(write=True) as transaction:
                for key, vector in items:
                    data = np.ascontiguousarray(vector, dtype=np.float32).tobytes()
                    transaction.put(key, xxhash.xxh3_64_digest(data) + data)
        except (lmdb.Error, OSError) as error:
            raise ArtifactError(
                f"The cache {str(self.folder)!r} cannot be written ({error}). Free some space or name another folder "
                f"in ${CACHE_VARIABLE}."
            ) from error

    def size_bytes(self) -> int:
        """Bytes on disk, without opening the store."""
        return sum(path.stat().st_blocks * 512 for path in self.folder.glob("*.mdb")) if self.folder.exists() else 0

    def close(self) -> None:
        """Close the file; it is opened again at the next use."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "_environment": None}


def _unpack(stored: bytes | None) -> NDArray[np.float32] | None:
    if stored is None or len(stored) < _CHECKSUM:
        return None
    data = stored[_CHECKSUM:]
    if xxhash.xxh3_64_digest(data) != stored[:_CHECKSUM]:
        return None
    return np.frombuffer(data, dtype=np.float32)
