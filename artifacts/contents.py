"""Texts and photos as they came, behind the embeddings of a table."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.schema import Column, Modality, Title
from artifacts.store import read_object, reading, write_json
from artifacts.tables import read_stored

TABLE, MEANING = "contents.parquet", "contents.json"


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

    def mixed(
        self, other: Contents, own: NDArray[Any], rows: NDArray[Any], kept: Mapping[str, NDArray[Any]]
    ) -> Contents:
        """Rows ``own`` of these where ``kept`` (n,) of a source says so, and rows of ``other`` elsewhere."""
        cells = {
            name: np.where(kept[name], values[own], other.cells[name][rows]) if name in kept else values[own]
            for name, values in self.cells.items()
        }
        return replace(self, cells=cells)

    def save(self, folder: Path) -> None:
        """Write ``contents.parquet``, each cell as a text that means the same, and ``contents.json``."""
        cells = {name: [_as_text(cell) for cell in values] for name, values in self.cells.items()}
        pd.DataFrame(cells, dtype=object).to_parquet(folder / TABLE, index=False)
        described = {
            "columns": [asdict(column) for column in self.columns.values()],
            "encoders": {modality.value: dict(encoder) for modality, encoder in self.encoders.items()},
            "images": None if self.images is None else str(self.images.resolve()),
        }
        write_json(folder / MEANING, described)

    @classmethod
    def load(cls, folder: Path) -> Contents | None:
        """Read what ``save`` wrote, with the default store; None if there is nothing.

        Raises:
            ArtifactError: if a file is missing or damaged.
        """
        if not (folder / MEANING).exists():
            return None
        with reading(folder):
            described = read_object(folder / MEANING)
            found = [
                {**c, "modality": Modality(c["modality"]), "title": Title(**c["title"])} for c in described["columns"]
            ]
            columns = {column["name"]: Column(**column) for column in found}
            frame = read_stored(folder / TABLE)
            cells = {name: frame[name].to_numpy(dtype=object) for name in columns}
            encoders = {Modality(name): encoder for name, encoder in described["encoders"].items()}
            images = described["images"]
            return cls(columns, cells, encoders, None if images is None else Path(images), EmbeddingStore())


def joined(parts: Sequence[Contents]) -> Contents:
    """Rows of several contents of the same sources, one below the other."""
    cells = {name: np.concatenate([part.cells[name] for part in parts]) for name in parts[0].cells}
    return replace(parts[0], cells=cells)


def _as_text(cell: Any) -> str | None:
    """A text, a path or a photo as a text: bytes in base64, several photos as a JSON list."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(cell)).decode()
    if isinstance(cell, (list, tuple, np.ndarray)):
        return json.dumps([_as_text(one) for one in cell], ensure_ascii=False)
    if isinstance(cell, Mapping):  # as data sets keep photos in parquet files
        return _as_text(cell.get("bytes") or cell.get("path") or cell.get("url"))
    if pd.isna(cell):
        return None
    return str(int(cell)) if isinstance(cell, (float, np.floating)) and float(cell).is_integer() else str(cell)
