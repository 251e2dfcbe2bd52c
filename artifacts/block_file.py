"""The values of a block as a parquet file, written and read in pieces, so that no second copy of them is made."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

PIECE_BYTES = 16 << 20  # that are written or read at once
LEAST_ROWS = 1_024  # of a piece, however wide it is
MAP_BYTES = 32 << 20  # a larger block is not held in memory, but mapped from a file


def write_values(path: Path, values: FloatArray, names: list[str]) -> None:
    """Write float32 (n_samples, n_features), one parquet column per name."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.float32()) for name in names])
    rows = rows_at_once(values.shape[1])
    # Numbers hardly repeat: a dictionary of them takes three times as long and makes the file larger.
    with _parquet().ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for start in range(0, len(values), rows):
            columns = [pa.array(column) for column in np.asfortranarray(values[start : start + rows]).T]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def read_values(path: Path, *, map_bytes: int = MAP_BYTES) -> FloatArray:
    """Read what ``write_values`` wrote: float32 (n_samples, n_features), C-contiguous.

    A block of more than ``map_bytes`` is a memory map of a nameless file beside ``path`` (or in the folder for
    temporary files, where that one cannot be written), which goes away with the array.

    Raises:
        OSError: if the file cannot be read, or there is no space for the map.
        ValueError: if it is not such a file.
    """
    import pyarrow

    with _parquet().ParquetFile(path) as file:
        shape = (file.metadata.num_rows, file.metadata.num_columns)
        values = _mapped(shape, path.parent) if 4 * shape[0] * shape[1] > map_bytes else np.empty(shape, np.float32)
        start = 0
        for batch in file.iter_batches(rows_at_once(shape[1])):
            for i, column in enumerate(batch.columns):
                values[start : start + len(batch), i] = column.to_numpy(zero_copy_only=False)
            start += len(batch)
    pyarrow.default_memory_pool().release_unused()
    return values


def rows_at_once(n_features: int) -> int:
    """Rows of a piece, so that a copy of it is small."""
    return max(LEAST_ROWS, PIECE_BYTES // (4 * max(1, n_features)))


def _parquet() -> Any:  # untyped
    import pyarrow.parquet

    return pyarrow.parquet


def _mapped(shape: tuple[int, int], folder: Path) -> FloatArray:
    place = folder if os.access(folder, os.W_OK) else None  # a run folder may be read-only
    with tempfile.TemporaryFile(dir=place) as file:
        if hasattr(os, "posix_fallocate"):  # a map of a file without space kills the process that writes into it
            os.posix_fallocate(file.fileno(), 0, 4 * shape[0] * shape[1])
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
