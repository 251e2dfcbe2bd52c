"""A column of photos to one vector each: streamed through threads, and never computed twice."""

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

from artifacts.embedding_store import content_key
from artifacts.finding import Audit
from artifacts.schema import Column
from featurizers.base import Surroundings
from featurizers.image_loading import ImageLoader, LoadedImage

FloatArray = NDArray[np.float32]
Compute = Callable[[Sequence[bytes]], "list[FloatArray | str]"]  # a vector, or the code of a finding
OpenPool = Callable[[], AbstractContextManager[ThreadPoolExecutor]]

MAX_WORKERS = 8
READ = 4_096  # photos looked up at once
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
    """One pass over the values of a column."""

    values: list[Any]
    result: FloatArray
    failures: dict[int, str] = field(default_factory=dict)  # row: code
    examples: dict[int, str] = field(default_factory=dict)
    first: dict[bytes, int] = field(default_factory=dict)  # the row that stands for a content
    repeats: list[tuple[int, int]] = field(default_factory=list)  # row, the row that stands for it

    def fail(self, row: int, code: str, example: str) -> None:
        self.failures[row] = code
        self.examples[row] = example


def image_vectors(values: pd.Series[Any], work: ImageWork, column: Column, surroundings: Surroundings) -> FloatArray:
    """float32 (n_samples, n_dimensions): NaN where there is no readable photo, with findings in the audit.

    Reading and hashing precede decoding, so a photo that is in the store is not decoded. Files are
    read again for decoding: the photos themselves are never held but for the batches at work.

    Raises:
        ArtifactError: if the cache cannot be written.
    """
    loader = ImageLoader(surroundings.images)
    shape = (len(values), work.n_dimensions)
    done = _Pass(values.tolist(), np.full(shape, np.nan, dtype=np.float32))
    title = f"{column.title.en}: {work.title}"
    bar = surroundings.progress.task(title, float(len(values))) if len(values) > WRITE else nullcontext(lambda _: None)
    with bar as advance:
        for start in range(0, len(values), READ):
            rows = range(start, min(start + READ, len(values)))
            missing = _look_up(rows, loader, work, done, surroundings)
            advance(float(len(rows) - len(missing)))
            if missing:
                _compute(missing, loader, work, done, surroundings, advance)
    for row, standing in done.repeats:
        done.result[row] = done.result[standing]
        if standing in done.failures:
            done.fail(row, done.failures[standing], done.examples[standing])
    _report(done, values.index, column, surroundings.audit)
    return done.result


def _look_up(rows: range, loader: ImageLoader, work: ImageWork, done: _Pass, surroundings: Surroundings) -> list[int]:
    """Fill in what the store has; rows that stand for the contents it lacks."""
    distinct: dict[bytes, int] = {}
    for row in rows:
        loaded = loader.load(done.values[row])
        if loaded.failure:
            done.fail(row, loaded.failure, loaded.example)
            continue
        key = content_key(loaded.content, work.recipe)
        standing = done.first.setdefault(key, row)
        if standing == row:
            distinct[key] = row
        else:
            done.repeats.append((row, standing))
    if surroundings.store is None:
        return list(distinct.values())
    missing = []
    for row, vector in zip(distinct.values(), surroundings.store.get(list(distinct)), strict=True):
        if vector is not None and vector.shape == done.result.shape[1:]:
            done.result[row] = vector
        else:
            missing.append(row)
    return missing


def _compute(
    rows: list[int],
    loader: ImageLoader,
    work: ImageWork,
    done: _Pass,
    surroundings: Surroundings,
    advance: Callable[[float], None],
) -> None:
    size = max(1, min(work.batch, -(-len(rows) // MAX_WORKERS)))
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]
    waiting: deque[tuple[list[int], Future[_Batch]]] = deque()
    fresh: list[tuple[bytes, FloatArray]] = []

    def write() -> None:
        if surroundings.store is not None and fresh:
            surroundings.store.put(fresh)
            fresh.clear()

    def finish() -> None:
        part, future = waiting.popleft()
        for row, (loaded, key, outcome) in zip(part, future.result(), strict=True):
            if isinstance(outcome, str):
                done.fail(row, outcome, loaded)
            else:
                done.result[row] = outcome
                fresh.append((key, outcome))
        if len(fresh) >= WRITE:
            write()
        advance(float(len(part)))

    with work.open_pool() as pool:
        for part in batches:
            waiting.append((part, pool.submit(_batch, [done.values[row] for row in part], loader, work)))
            if len(waiting) >= IN_FLIGHT:
                finish()
        while waiting:
            finish()
    write()


_Batch = list[tuple[str, bytes, "FloatArray | str"]]


def _batch(values: list[Any], loader: ImageLoader, work: ImageWork) -> _Batch:
    """Example, key, and vector or failure of each value; the key is of the bytes that were decoded."""
    loaded: list[LoadedImage] = [loader.load(value) for value in values]
    outcomes = iter(work.compute([one.content for one in loaded if not one.failure]))
    return [(one.example, content_key(one.content, work.recipe), one.failure or next(outcomes)) for one in loaded]


def _report(done: _Pass, index: pd.Index[Any], column: Column, audit: Audit) -> None:
    for code in sorted(set(done.failures.values())):
        rows = sorted(row for row, failed in done.failures.items() if failed == code)
        details = {"example": done.examples[rows[0]]} if code != "image_missing" else {}
        audit.add(
            code,
            column=column.name,
            rows=(index[row] for row in rows),
            count=len(rows),
            total=len(done.values),
            **details,
        )
