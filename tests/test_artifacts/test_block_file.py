"""Values of a block on disk: in pieces, exact, mapped where they are large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts import block_file
from artifacts.block_file import read_values, write_values
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Modality, Title, opaque_features
from artifacts.tables import read_parquet


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setattr(block_file, "PIECE_BYTES", 12 * block_file.LEAST_ROWS)
    made = np.random.default_rng(0).normal(size=(2 * block_file.LEAST_ROWS + 5, 3)).astype(np.float32)
    made[::7, 1] = np.nan
    made[3, 0] = np.inf
    return made


@pytest.mark.parametrize("map_bytes", [0, 1 << 30])
def test_values_come_back_exactly_and_leave_no_other_file(tmp_path: Path, values: np.ndarray, map_bytes: int) -> None:
    write_values(tmp_path / "block.parquet", values, ["a", "b", "c"])
    back = read_values(tmp_path / "block.parquet", map_bytes=map_bytes)
    assert isinstance(back, np.memmap) == (map_bytes == 0)
    assert back.dtype == np.float32 and back.flags.c_contiguous
    np.testing.assert_array_equal(back, values)
    assert [path.name for path in tmp_path.iterdir()] == ["block.parquet"]
    frame = read_parquet(tmp_path / "block.parquet")
    assert list(frame.columns) == ["a", "b", "c"] and frame["a"].to_numpy()[0] == values[0, 0]


def test_no_rows_and_no_columns(tmp_path: Path) -> None:
    for shape in ((0, 2), (0, 0)):
        write_values(tmp_path / "block.parquet", np.empty(shape, np.float32), ["a", "b"][: shape[1]])
        assert read_values(tmp_path / "block.parquet").shape == shape


def test_a_mapped_table_works_like_one_in_memory(
    tmp_path: Path, values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = Column("photo", Modality.IMAGE, Title("photo", "photo"))
    table = FeatureTable(
        (Block("photo", "net", opaque_features(column, "net", 3), values),), pd.RangeIndex(len(values))
    )
    table.save(tmp_path / "table")
    monkeypatch.setattr(block_file.read_values, "__kwdefaults__", {"map_bytes": 0})
    mapped = FeatureTable.load(tmp_path / "table")
    assert isinstance(mapped.blocks[0].values, np.memmap)
    rows = np.array([5, 1, 9])
    np.testing.assert_array_equal(mapped.take(rows).to_numpy(), values[rows])
    np.testing.assert_array_equal(mapped.to_numpy(rows), values[rows])
