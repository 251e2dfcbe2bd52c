"""Texts and photos as they came, behind the embeddings of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.schema import Column, Modality


@dataclass(frozen=True)
class Contents:
    """What a model reads that tunes an encoder.

    Attributes:
        columns: the sources that an encoder reads, by name.
        cells: values of each source (n_samples,), as they came: texts that are not cleaned, paths of photos.
        encoders: the encoder of each modality, as ``Encoder.to_json`` tells it.
        images: the folder of the photos.
        store: where what an encoder makes of a content is kept; None keeps it in memory.
    """

    columns: Mapping[str, Column]
    cells: Mapping[str, NDArray[Any]]
    encoders: Mapping[Modality, Mapping[str, Any]]
    images: Path | None = None
    store: EmbeddingStore | None = None

    def take(self, rows: NDArray[Any]) -> Contents:
        """Some rows, by position or boolean mask."""
        return replace(self, cells={name: values[rows] for name, values in self.cells.items()})

    def blanked(self, views: Iterable[str]) -> Contents:
        """The same rows with nothing in the sources of these views."""
        away = set(views)
        gone = {name for name, column in self.columns.items() if column.modality.view in away}
        cells = {name: np.full(len(x), None, object) if name in gone else x for name, x in self.cells.items()}
        return replace(self, cells=cells)

    def mixed(self, other: Contents, own: NDArray[Any], rows: NDArray[Any], kept: Mapping[str, NDArray[Any]]) -> Contents:
        """Rows ``own`` of these where ``kept`` (n,) of a source says so, and rows of ``other`` elsewhere."""
        cells = {
            name: np.where(kept[name], values[own], other.cells[name][rows]) if name in kept else values[own]
            for name, values in self.cells.items()
        }
        return replace(self, cells=cells)
