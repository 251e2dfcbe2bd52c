"""What the lower layers of an encoder make of the texts or photos of some rows: computed once, kept by content."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.contents import Contents
from artifacts.embedding_store import content_key
from artifacts.finding import Audit
from artifacts.schema import Column, Modality
from featurizers.image_cells import MAX_PHOTOS, photos_in
from featurizers.image_embedding import forward_pool
from featurizers.image_loading import ImageLoader
from featurizers.image_network import batch_size
from featurizers.text_cleaning import clean_texts
from featurizers.trunk import Half, Trunk, packed, unpacked

Int = NDArray[np.int64]

MAX_CHARACTERS = 2_000  # of a text, of which the encoder reads the first tokens
HELD_BYTES = 1 << 30  # of activations that are kept in memory; the others are read from the store again and again
AT_ONCE = 64  # contents that a crash can lose


@dataclass
class Activations:
    """The parts of rows (one text, or each photo of a cell) and the distinct contents among them.

    Attributes:
        row, source, content: (n_parts,) the row of each part, in order; the position of its source; its content.
        keys: of the contents in the store.
        n_samples: rows.
    """

    trunk: Trunk
    contents: Contents
    row: Int
    source: Int
    content: Int
    keys: list[bytes]
    values: list[Any]
    n_samples: int
    _held: dict[int, Half] = field(default_factory=dict)
    _bytes: int = 0
    _broken: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, trunk: Trunk, contents: Contents, sources: Sequence[str], n_samples: int) -> Activations:
        """Of some sources of the trunk's modality. Texts are cleaned and photos read, but nothing is computed."""
        find = _texts if trunk.modality is Modality.TEXT else _photos
        rows: list[int] = []
        places: list[int] = []
        parts: list[int] = []
        keys: dict[bytes, int] = {}
        values: list[Any] = []
        for place, source in enumerate(sources):
            for row, value, content in find(contents.columns[source], contents):
                key = content_key(content, trunk.recipe)
                if key not in keys:
                    keys[key] = len(values)
                    values.append(value)
                rows.append(row)
                places.append(place)
                parts.append(keys[key])
        order = np.argsort(np.array(rows, dtype=np.int64), kind="stable")
        of_row, of_source, of_content = (np.array(x, dtype=np.int64)[order] for x in (rows, places, parts))
        return cls(trunk, contents, of_row, of_source, of_content, list(keys), values, n_samples)

    @property
    def n_contents(self) -> int:
        """Distinct texts or photos."""
        return len(self.keys)

    def read(self, wanted: Sequence[int]) -> list[Half]:
        """Activations of contents that ``prepare`` found to be readable; computed where the store has lost them.

        Raises:
            ArtifactError: if the encoder cannot be loaded or cut, or the cache cannot be used.
        """
        lacking = [i for i in wanted if i not in self._held]
        store = self.contents.store
        stored = [None] * len(lacking) if store is None else store.get([self.keys[i] for i in lacking])
        found = {i: self._held[i] for i in wanted if i in self._held}
        missing = []
        for i, flat in zip(lacking, stored, strict=True):
            if flat is None:
                missing.append(i)
            else:
                found[i] = self._keep(i, self.trunk.shaped(unpacked(flat)))
        if missing:
            self.compute(missing, take=found.__setitem__)
        return [found[i] for i in wanted]

    def prepare(self, deadline: float | None, advance: Callable[[float], None]) -> bool:
        """Compute what the store lacks, photos by several threads; whether all was there before the deadline.

        What was computed stays in the store if the deadline came first. Parts that cannot be read are dropped.
        """
        missing = self.missing().tolist()
        advance(self.n_contents - len(missing))
        missing.sort(key=lambda i: len(self.values[i]) if isinstance(self.values[i], str) else 0)
        self.compute(missing, deadline, advance)
        if deadline is not None and time.monotonic() >= deadline:
            return False
        self._drop_broken()
        return True

    def missing(self) -> Int:
        """Contents that the store lacks."""
        store = self.contents.store
        lacking = []
        for start in range(0, self.n_contents, 4096):
            part = range(start, min(start + 4096, self.n_contents))
            known = [None] * len(part) if store is None else store.get([self.keys[i] for i in part])
            lacking += [i for i, flat in zip(part, known, strict=True) if flat is None and i not in self._held]
        return np.array(lacking, dtype=np.int64)

    def of_rows(self, rows: Int) -> tuple[Int, Int, Int]:
        """The parts of some rows: position in ``rows``, source, content."""
        first = np.searchsorted(self.row, rows)
        count = np.searchsorted(self.row, rows, side="right") - first
        place = np.repeat(np.arange(len(rows)), count)
        part = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
        return place, self.source[part], self.content[part]

    def sizes(self) -> Int:
        """How much there is to read in each row (n_samples,): characters of its texts, or photos."""
        size = np.array([len(one) if isinstance(one, str) else 1 for one in self.values], dtype=np.int64)
        return np.bincount(self.row, size[self.content] if len(size) else None, self.n_samples).astype(np.int64)

    def _drop_broken(self) -> None:
        kept = ~np.isin(self.content, sorted(self._broken))
        self.row, self.source, self.content = self.row[kept], self.source[kept], self.content[kept]

    def compute(
        self,
        missing: Sequence[int],
        deadline: float | None = None,
        advance: Callable[[float], None] = lambda _: None,
        take: Callable[[int, Half], None] = lambda _i, _one: None,
    ) -> None:
        """Compute activations, and put them into the store; ``take`` gets each one of what can be read."""
        if not missing:
            return
        photos = self.trunk.modality is Modality.IMAGE
        size = batch_size() if photos else AT_ONCE
        batches = [list(missing[start : start + size]) for start in range(0, len(missing), size)]
        loader = ImageLoader(self.contents.images)

        def work(batch: list[int]) -> list[Half | str]:
            if not photos:
                return self.trunk.lower([self.values[i] for i in batch])
            return self.trunk.lower([loader.load(self.values[i]).content for i in batch])

        with _threads(photos, lambda: self.trunk.lower([])) as pool:
            width = 4 * (os.cpu_count() or 1)
            for start in range(0, len(batches), width):
                if deadline is not None and time.monotonic() >= deadline:
                    break
                some = batches[start : start + width]
                fresh = []
                for batch, made in zip(some, pool.map(work, some), strict=True):
                    for i, one in zip(batch, made, strict=True):
                        if isinstance(one, str):
                            self._broken.add(i)
                            continue
                        take(i, self._keep(i, one))
                        fresh.append((self.keys[i], packed(one)))
                    advance(len(batch))
                if self.contents.store is not None:
                    self.contents.store.put(fresh)

    def _keep(self, i: int, activation: Half) -> Half:
        if self._bytes + activation.nbytes <= HELD_BYTES or self.contents.store is None:
            self._held[i] = activation
            self._bytes += activation.nbytes
        return activation


@contextmanager
def _threads(photos: bool, load: Callable[[], Any]) -> Iterator[ThreadPoolExecutor]:
    """For photos a thread for each processor, since decoding needs one; texts use all of them in each batch."""
    if photos:
        with forward_pool(load) as pool:
            yield pool
    else:
        with ThreadPoolExecutor(1) as pool:
            yield pool


def _texts(column: Column, contents: Contents) -> Iterator[tuple[int, str, bytes]]:
    cells = pd.Series(contents.cells[column.name], dtype=object)
    for row, text in enumerate(clean_texts(cells, Audit(), column=column.name, limit=MAX_CHARACTERS)):
        if text:
            yield row, text, text.encode()


def _photos(column: Column, contents: Contents) -> Iterator[tuple[int, Any, bytes]]:
    """Photos that can be read from their files; whether they can be decoded is seen later."""
    loader = ImageLoader(contents.images)
    for row, cell in enumerate(contents.cells[column.name]):
        for value in photos_in(cell, loader)[:MAX_PHOTOS]:
            loaded = loader.load(value)
            if not loaded.failure:
                yield row, value, loaded.content
