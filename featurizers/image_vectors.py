"""A column of photos to one vector a row: streamed through threads, and never computed twice."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import content_key, in_own_order
from artifacts.schema import Column
from featurizers.base import Surroundings
from featurizers.image_cells import MAX_PHOTOS, photos_in
from featurizers.image_loading import ImageLoader, LoadedImage

FloatArray = NDArray[np.float32]
Compute = Callable[[Sequence[bytes]], "list[FloatArray | str]"]  # a vector, or the code of a finding
OpenPool = Callable[[], AbstractContextManager[ThreadPoolExecutor]]

MAX_WORKERS = 8
READ = 4_096  # photos looked up at once
HELD = 64 << 20  # bytes of photos written in lists that are looked up at once
WRITE = 256  # photos that a crash can lose
IN_FLIGHT = 2 * MAX_WORKERS  # batches handed to the threads before the first one is waited for


@contextmanager
def plain_pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for each processor, at most ``MAX_WORKERS``."""
    with ThreadPoolExecutor(min(MAX_WORKERS, os.cpu_count() or 1)) as pool:
        yield pool


@dataclass(frozen=True)
class ImageWork:
    """What is computed of each photo.

    ``recipe`` names everything but the photo that decides on the vector. ``compute`` gets the bytes
    of up to ``batch`` photos and runs in several threads at once. ``open_pool`` is called only if a
    photo is not in the store.
    """

    recipe: str
    n_dimensions: int
    compute: Compute
    title: str
    batch: int = 32
    open_pool: OpenPool = plain_pool


@dataclass
class _Pass:
    """One pass over the cells of a column."""

    cells: list[Any]
    loader: ImageLoader
    work: ImageWork
    around: Surroundings
    result: FloatArray
    counts: NDArray[np.int64]  # readable photos of each row
    n_photos: int = 0
    failures: list[tuple[int, str, str]] = field(default_factory=list)  # row, code, example
    crowded: list[int] = field(default_factory=list)  # rows with more than MAX_PHOTOS
    broken: dict[bytes, str] = field(default_factory=dict)  # the code of a content that cannot be read
    known: dict[bytes, FloatArray] = field(default_factory=dict)  # only where there is no store


@dataclass
class _Chunk:
    """The photos of some rows that follow each other."""

    rows: range
    owners: list[int]  # the row of each photo
    values: list[Any]
    vectors: FloatArray  # (n_photos, n_dimensions)
    readable: NDArray[np.bool_]

    def fill(self, photo: int, vector: FloatArray) -> None:
        self.vectors[photo], self.readable[photo] = vector, True


def image_vectors(values: pd.Series[Any], work: ImageWork, column: Column, surroundings: Surroundings) -> FloatArray:
    """float32 (n_samples, n_dimensions): NaN where there is no readable photo, with findings in the audit.

    A cell may hold several photos (see ``image_cells``): a row is the mean over those of its photos
    that can be read, of each number over the photos that have it.

    Reading and hashing precede decoding, so a photo that is in the store is not decoded. Files are
    read again for decoding: the photos themselves are never held but for the batches at work.

    Raises:
        ArtifactError: if the cache cannot be written.
    """
    return _walk(values, work, column, surroundings).result


def count_photos(values: pd.Series[Any], work: ImageWork, column: Column, surroundings: Surroundings) -> NDArray[Any]:
    """int64 (n_samples,): the photos of each row that have a vector; findings and errors as ``image_vectors``."""
    return _walk(values, work, column, surroundings).counts


def _walk(values: pd.Series[Any], work: ImageWork, column: Column, surroundings: Surroundings) -> _Pass:
    result = np.full((len(values), work.n_dimensions), np.nan, dtype=np.float32)
    counts = np.zeros(len(values), dtype=np.int64)
    done = _Pass(values.tolist(), ImageLoader(surroundings.images), work, surroundings, result, counts)
    title = f"{column.title.en}: {work.title}"
    bar = surroundings.progress.task(title, float(len(values))) if len(values) > WRITE else nullcontext(lambda _: None)
    with bar as advance:
        start = 0
        while start < len(values):
            chunk = _gather(start, done)
            _read(chunk, done, advance)
            _pool(chunk, result, counts)
            start = chunk.rows.stop
    _report(done, values.index, column)
    return done


def _gather(start: int, done: _Pass) -> _Chunk:
    """The photos of the rows from ``start`` on, until there are ``READ`` of them."""
    owners: list[int] = []
    values: list[Any] = []
    held, row = 0, start
    while row < len(done.cells) and len(values) < READ and held < HELD:
        found = photos_in(done.cells[row], done.loader)
        if len(found) > MAX_PHOTOS:
            done.crowded.append(row)
            found = found[:MAX_PHOTOS]
        if len(found) > 1:
            held += sum(len(value) for value in found if isinstance(value, (str, bytes)))
        values += found or [None]
        owners += [row] * max(1, len(found))
        row += 1
    done.n_photos += len(values)
    vectors = np.full((len(values), done.work.n_dimensions), np.nan, dtype=np.float32)
    return _Chunk(range(start, row), owners, values, vectors, np.zeros(len(values), dtype=bool))


def _read(chunk: _Chunk, done: _Pass, advance: Callable[[float], None]) -> None:
    """Fill in the vectors of a chunk, from the store or by computing them."""
    share = len(chunk.rows) / len(chunk.values)  # of a row, a photo
    same: dict[bytes, list[int]] = {}  # the photos of each content
    for photo, value in enumerate(chunk.values):
        loaded = done.loader.load(value)
        if loaded.failure:
            done.failures.append((chunk.owners[photo], loaded.failure, loaded.example))
            continue
        key = content_key(loaded.content, done.work.recipe)
        if key in done.broken:
            done.failures.append((chunk.owners[photo], done.broken[key], loaded.example))
        else:
            same.setdefault(key, []).append(photo)
    missing = _look_up(same, chunk, done)
    advance((len(chunk.values) - len(missing)) * share)
    _compute(missing, chunk, done, lambda n: advance(n * share))
    for key, (first, *others) in same.items():
        for photo in others:
            if chunk.readable[first]:
                chunk.fill(photo, chunk.vectors[first])
            else:
                example = done.loader.load(chunk.values[photo]).example
                done.failures.append((chunk.owners[photo], done.broken.get(key, "image_broken"), example))


def _look_up(same: dict[bytes, list[int]], chunk: _Chunk, done: _Pass) -> list[int]:
    """Fill in what is known; the first photos of the contents that are not."""
    store = done.around.store
    stored = [done.known.get(key) for key in same] if store is None else store.get(list(same))
    missing = []
    for (first, *_), vector in zip(same.values(), stored, strict=True):
        if vector is not None and vector.shape == chunk.vectors.shape[1:]:
            chunk.fill(first, vector)
        else:
            missing.append(first)
    return missing


def _compute(photos: list[int], chunk: _Chunk, done: _Pass, advance: Callable[[float], None]) -> None:
    if not photos:
        return
    size = max(1, min(done.work.batch, -(-len(photos) // MAX_WORKERS)))
    batches = [photos[start : start + size] for start in range(0, len(photos), size)]
    waiting: deque[tuple[list[int], Future[_Batch]]] = deque()
    fresh: list[tuple[bytes, FloatArray]] = []

    def write() -> None:
        if done.around.store is None:
            done.known.update(fresh)
        elif fresh:
            done.around.store.put(fresh)
        fresh.clear()

    def finish() -> None:
        part, future = waiting.popleft()
        for photo, (example, key, outcome, stored) in zip(part, future.result(), strict=True):
            if isinstance(outcome, str):
                done.failures.append((chunk.owners[photo], outcome, example))
                done.broken[key] = outcome
            else:
                chunk.fill(photo, outcome)
                fresh.extend([] if stored else [(key, outcome)])
        if len(fresh) >= WRITE:
            write()
        advance(float(len(part)))

    with done.work.open_pool() as pool:
        for part in in_own_order(batches):
            waiting.append((part, pool.submit(_batch, [chunk.values[photo] for photo in part], done)))
            if len(waiting) >= IN_FLIGHT:
                finish()
        while waiting:
            finish()
    write()


_Batch = list[tuple[str, bytes, "FloatArray | str", bool]]


def _batch(values: list[Any], done: _Pass) -> _Batch:
    """Example, key, vector or failure, and whether it was stored, of each value; the key is of the decoded bytes."""
    work, store = done.work, done.around.store
    loaded: list[LoadedImage] = [done.loader.load(value) for value in values]
    keys = [content_key(one.content, work.recipe) for one in loaded]
    # Another process may have computed some since they were looked up.
    stored = [None] * len(keys) if store is None else store.get(keys)
    known = [vector is not None and vector.shape == (work.n_dimensions,) for vector in stored]
    lacking = [one.content for one, has in zip(loaded, known, strict=True) if not (has or one.failure)]
    outcomes = iter(work.compute(lacking) if lacking else [])
    return [
        (one.example, key, one.failure or (vector if vector is not None and has else next(outcomes)), has)
        for one, key, vector, has in zip(loaded, keys, stored, known, strict=True)
    ]


def _pool(chunk: _Chunk, result: FloatArray, n_readable: NDArray[np.int64]) -> None:
    """The mean over the readable photos of each row; the very vector where there is one."""
    photos = np.flatnonzero(chunk.readable)
    rows, starts, counts = np.unique(np.array(chunk.owners)[photos], return_index=True, return_counts=True)
    n_readable[rows] = counts
    alone = counts == 1
    result[rows[alone]] = chunk.vectors[photos[starts[alone]]]
    for row, start, count in zip(rows[~alone], starts[~alone], counts[~alone], strict=True):
        vectors = chunk.vectors[photos[start : start + count]].astype(np.float64)
        has = ~np.isnan(vectors)
        total, number = np.where(has, vectors, 0.0).sum(axis=0), has.sum(axis=0)
        result[row] = np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _report(done: _Pass, index: pd.Index[Any], column: Column) -> None:
    audit = done.around.audit
    for code in sorted({code for _, code, _ in done.failures}):
        failed = sorted((row, example) for row, found, example in done.failures if found == code)
        missing = code == "image_missing"
        audit.add(
            code,
            column=column.name,
            rows=(index[row] for row in dict.fromkeys(row for row, _ in failed)),
            count=len(failed),
            total=len(done.cells) if missing else done.n_photos,
            **({} if missing else {"example": failed[0][1]}),
        )
    if done.crowded:
        rows = (index[row] for row in done.crowded)
        audit.add("image_many", column=column.name, rows=rows, total=len(done.cells), limit=MAX_PHOTOS)
