"""Vectors by content: the same text or photo is never encoded twice, in any run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np
import xxhash
from numpy.typing import NDArray

from artifacts.errors import ArtifactError, InputError

MAP_SIZE = 1 << 40  # an upper bound of the file, not what it takes
LOCK_BYTES = 1 << 16  # of the file of readers, enough for as many as there may be
CACHE_VARIABLE = "TABULAR_FUSION_CACHE"
LIMIT_VARIABLE = "TABULAR_FUSION_CACHE_GB"
LIMIT_GB = 50.0
KEPT_SHARE = 0.9  # of the limit, after the oldest entries have gone
USED = b"used"  # the database of days of last use; no content has a key this short
DAY_SECONDS = 86_400
AT_ONCE = 10_000  # entries of one transaction
CHECKED_EVERY = 100  # deletions
_CHECKSUM = 8

T = TypeVar("T")

_open: WeakValueDictionary[tuple[int, str], Any] = WeakValueDictionary()  # by process: LMDB opens a file once in each


def default_cache_folder() -> Path:
    """``$TABULAR_FUSION_CACHE``, or ``tabular-fusion`` in the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "tabular-fusion"


def default_limit_bytes() -> int:
    """``$TABULAR_FUSION_CACHE_GB`` gigabytes, or ``LIMIT_GB``.

    Raises:
        InputError: if the variable is not a positive number.
    """
    named = os.environ.get(LIMIT_VARIABLE, "")
    try:
        limit = float(named or LIMIT_GB)
    except ValueError:
        limit = np.nan
    if not 0 < limit < np.inf:
        raise InputError(f"${LIMIT_VARIABLE} must be a number of gigabytes above 0, such as 50, but it is {named!r}.")
    return int(limit * 1e9)


def content_key(content: bytes, recipe: str) -> bytes:
    """The key of a content under a recipe (encoder, its weights' hash, preprocessing, precision)."""
    return xxhash.xxh3_128_digest(recipe.encode()) + xxhash.xxh3_128_digest(content)


def in_own_order(batches: Sequence[T]) -> list[T]:
    """Batches of work in an order that differs from process to process.

    Two fits at once that have the same texts or photos then meet seldom, and each finds in the store what the other
    has done; in one order both would do all of it.
    """
    order = np.random.default_rng(os.getpid()).permutation(len(batches))
    return [batches[i] for i in order]


class EmbeddingStore:
    """float32 vectors in an LMDB file. Opened at first use; any number of readers, one writer at a time.

    A vector that was not used for longest goes first, by days, when the file's content grows above ``limit_bytes``.
    """

    def __init__(self, folder: Path | None = None, *, limit_bytes: int | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_cache_folder()
        self.limit_bytes = limit_bytes if limit_bytes is not None else default_limit_bytes()
        self._environment: Any = None

    def get(self, keys: Sequence[bytes]) -> list[NDArray[np.float32] | None]:
        """The vector of each key, None where it is not stored or its checksum is wrong."""
        found: list[NDArray[np.float32] | None] = []
        today, before = _day(), []
        environment, used = self._databases()
        with _reading(self.folder), environment.begin() as transaction:
            for key in keys:
                vector = _unpack(transaction.get(key))
                found.append(vector)
                if vector is not None and transaction.get(key, db=used) != today:
                    before.append(key)
        if before:
            self._remember_use(before, today)
        return found

    def put(self, items: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Store vectors in one transaction; a crash loses these at most.

        Raises:
            ArtifactError: if the disk is full.
        """
        environment, used = self._databases()
        today = _day()
        with _writing(self.folder), environment.begin(write=True) as transaction:
            for key, vector in items:
                data = np.ascontiguousarray(vector, dtype=np.float32).tobytes()
                transaction.put(key, xxhash.xxh3_64_digest(data) + data)
                transaction.put(key, today, db=used)
            too_much = _content_bytes(transaction) > self.limit_bytes
        if too_much:
            self.evict(int(KEPT_SHARE * self.limit_bytes))

    def evict(self, to_bytes: int) -> int:
        """Delete entries, those not used for longest first, until the content takes no more; says how many went."""
        environment, used = self._databases()
        with environment.begin() as transaction:
            days, today = dict(transaction.cursor(db=used)), _day()
            known = {key: day for key, day in days.items() if day <= today}  # others are of a clock that was wrong
            stored = ((known.get(key, b""), key) for key in _keys(transaction))
            oldest = [key for _, key in sorted(stored)]
        gone = 0
        for start in range(0, len(oldest), AT_ONCE):
            with _writing(self.folder), environment.begin(write=True) as transaction:
                for key in oldest[start : start + AT_ONCE]:
                    if gone % CHECKED_EVERY == 0 and _content_bytes(transaction) <= to_bytes:
                        return gone
                    gone += bool(transaction.delete(key))
                    transaction.delete(key, db=used)
        return gone

    def verify(self) -> tuple[int, int]:
        """Number of entries, and how many of them had another checksum and were deleted: they are made again."""
        environment, used = self._databases()
        with _reading(self.folder), environment.begin() as transaction:
            keys = list(_keys(transaction))
            damaged = [key for key in keys if _unpack(transaction.get(key)) is None]
        with _writing(self.folder), environment.begin(write=True) as transaction:
            for key in damaged:
                transaction.delete(key)
                transaction.delete(key, db=used)
        return len(keys), len(damaged)

    def clear(self) -> None:
        """Delete the files. A process that has them open goes on with what it has, and its new vectors are lost.

        Raises:
            ArtifactError: if they cannot be deleted.
        """
        self.close()
        try:
            for path in self.folder.glob("*.mdb"):
                path.unlink()
        except OSError as error:
            raise ArtifactError(f"The cache {str(self.folder)!r} cannot be deleted ({error}).") from error

    def describe(self) -> dict[str, Any]:
        """Folder, entries, bytes of content, bytes of the file and the limit."""
        told = {"folder": str(self.folder), "file_bytes": self.size_bytes(), "limit_bytes": self.limit_bytes}
        if not told["file_bytes"]:
            return {**told, "entries": 0, "content_bytes": 0}
        environment, _ = self._databases()
        with environment.begin() as transaction:
            return {**told, "entries": transaction.stat()["entries"] - 1, "content_bytes": _content_bytes(transaction)}

    def size_bytes(self) -> int:
        """Bytes on disk, without opening the store."""
        return sum(path.stat().st_blocks * 512 for path in self.folder.glob("*.mdb")) if self.folder.exists() else 0

    def close(self) -> None:
        """Let go of the file, which is closed when no store of this process has it open; the next use opens it."""
        self._environment = None

    def _databases(self) -> tuple[Any, Any]:
        if self._environment is None:
            import lmdb

            place = (os.getpid(), os.path.realpath(self.folder))
            environment = _open.get(place)
            try:
                if environment is None:
                    self.folder.mkdir(parents=True, exist_ok=True)
                    _keep_room_for_locks(self.folder)
                    environment = lmdb.open(str(self.folder), map_size=MAP_SIZE, max_readers=512, max_dbs=1)
                    _fill_up(environment, self.folder)
                    _open[place] = environment
                self._environment = environment, environment.open_db(USED)
            except (lmdb.Error, OSError) as error:
                if "Cannot allocate memory" in str(error):
                    raise ArtifactError(
                        f"The cache {str(self.folder)!r} cannot be mapped ({error}): it takes a terabyte of addresses, "
                        "though hardly any memory. Lift their limit with ulimit -v unlimited (ulimit -d bounds memory "
                        "itself), then run the same command again."
                    ) from error
                raise ArtifactError(
                    f"The cache {str(self.folder)!r} cannot be opened ({error}). Free some space if its disk is full; "
                    f"else name another folder in ${CACHE_VARIABLE}, or delete this one with "
                    "`tabular-fusion cache clear`: what it held is made anew."
                ) from error
        environment, used = self._environment
        return environment, used

    def _remember_use(self, keys: Sequence[bytes], today: bytes) -> None:
        import lmdb

        environment, used = self._databases()
        with suppress(lmdb.Error), environment.begin(write=True) as transaction:  # a full disk is no reason not to read
            for key in keys:
                transaction.put(key, today, db=used)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_environment": None}


def _keep_room_for_locks(folder: Path) -> None:
    """Readers write into a map of this file: without room on the disk, that would end the process with a signal."""
    file = folder / "lock.mdb"
    file.touch()
    if hasattr(os, "posix_fallocate") and file.stat().st_blocks * 512 < LOCK_BYTES:
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, LOCK_BYTES)


def _fill_up(environment: Any, folder: Path) -> None:
    """Zeros behind the end of a file that was cut off: reading there would end the process with a signal.

    What had stood there has no right checksum then, and is made again. The last pages may lack by right, too, where
    they were given up before they were written.
    """
    file = folder / "data.mdb"

    def lacks() -> int:
        needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
        return int(needed) if file.stat().st_size < needed else 0

    if lacks():
        with environment.begin(write=True):  # nobody else makes it longer meanwhile
            if size := lacks():
                os.truncate(file, size)


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    import lmdb

    try:
        yield
    except lmdb.Error as error:
        raise ArtifactError(
            f"The cache {str(folder)!r} is damaged ({error}). Delete it with `tabular-fusion cache clear`, or name "
            f"another folder in ${CACHE_VARIABLE}: what it held is made anew."
        ) from error


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    import lmdb

    try:
        yield
    except (lmdb.Error, OSError) as error:
        raise ArtifactError(
            f"The cache {str(folder)!r} cannot be written ({error}). Free some space or name another folder "
            f"in ${CACHE_VARIABLE}."
        ) from error


def _day() -> bytes:
    return int(time.time() // DAY_SECONDS).to_bytes(4, "big")  # noqa: TID251 - the day, which other processes know


def _keys(transaction: Any) -> Iterator[bytes]:
    return (key for key in transaction.cursor().iternext(values=False) if key != USED)


def _content_bytes(transaction: Any) -> int:
    """Of the pages of all vectors; what deleted ones leave free in the file is used again and does not count."""
    told = transaction.stat()
    return int(told["psize"] * (told["branch_pages"] + told["leaf_pages"] + told["overflow_pages"]))


def _unpack(stored: bytes | None) -> NDArray[np.float32] | None:
    if stored is None or len(stored) < _CHECKSUM:
        return None
    data = stored[_CHECKSUM:]
    if xxhash.xxh3_64_digest(data) != stored[:_CHECKSUM] or len(data) % 4:
        return None
    return np.frombuffer(data, dtype=np.float32)
