"""Raw cells: what edits get, and what is written back, is read again as it was meant."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.schema import Column, Modality, Schema, Title
from automl.raw_cells import KnownColumns, RawCells


def column(name: str, modality: Modality, actionable: bool = True) -> Column:
    return Column(name, modality, Title(name, name), actionable=actionable)


SCHEMA = Schema(
    (
        column("photo", Modality.IMAGE),
        column("title", Modality.TEXT),
        column("card", Modality.NESTED),
        column("price", Modality.NUMERIC),
        column("tags", Modality.LIST),
        column("shop", Modality.CATEGORICAL, actionable=False),
    )
)


def png(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    (tmp_path / "a.png").write_bytes(png())
    rows = [
        {"photo": "a.png", "title": "Красное пальто из шерсти для зимы",
         "card": "{'colour': 'red', 'season': 'winter'}", "price": "1 200 руб",
         "tags": "['new', 'sale']", "shop": "Corner"},
        {"photo": "lost.png", "title": None, "card": '[{"charcName": "colour", "value": "blue"}]',
         "price": 15, "tags": "", "shop": None},
        {"photo": [png("blue"), png()], "title": "Пальто для лета", "card": "broken {", "price": None,
         "tags": '["sale"]', "shop": "Corner"},
    ]  # fmt: skip
    return pd.DataFrame(rows, dtype=object)


@pytest.fixture
def cells(frame: pd.DataFrame, tmp_path: Path) -> RawCells:
    known = KnownColumns.of(frame, SCHEMA)
    again = KnownColumns.from_json(json.loads(json.dumps(known.to_json())))
    assert again == known
    return RawCells(SCHEMA, again, tmp_path)


def test_training_rows_tell_what_is_usual(cells: RawCells) -> None:
    known = cells.known
    assert known.languages == {"title": "ru"} and "shop" not in known.columns
    assert set(known.columns["price"].quantiles) == {15.0, 1200.0}
    assert known.columns["tags"].levels == ("sale", "new")
    assert known.columns["card"].keys == {"colour": ("red", "blue"), "season": ("winter",)}


def test_cells_are_read_and_what_cannot_be_changed_is_none(cells: RawCells, frame: pd.DataFrame) -> None:
    read = {c.name: [cells.cell(c, frame.iloc[i]) for i in range(3)] for c in SCHEMA.columns}
    assert read["photo"][0].value.size == (30, 20) and read["photo"][1] is None
    assert read["photo"][2].value.getpixel((0, 0)) == (0, 0, 255), "the first of several"
    assert read["title"][1] is None and read["title"][0].language == "ru"
    assert read["title"][0].attributes == {"colour": "red", "season": "winter", "shop": "Corner"}
    assert read["card"][1].value == {"colour": "blue"}
    assert read["price"][0].value == 1200.0 and np.isnan(read["price"][2].value)
    assert read["tags"][0].value == ["new", "sale"] and read["tags"][1].value == []


def test_changed_cells_are_written_as_the_table_had_them(cells: RawCells, frame: pd.DataFrame) -> None:
    card = SCHEMA["card"]
    filled = cells.raw(card, {"colour": "blue", "season": "winter"}, frame["card"][1])
    assert json.loads(filled) == [
        {"charcName": "colour", "value": "blue"}, {"charcName": "season", "value": "winter"}
    ]  # fmt: skip
    assert json.loads(cells.raw(card, {"a": "б"}, None)) == {"a": "б"}
    first, second = cells.raw(SCHEMA["photo"], Image.new("RGB", (4, 4)), frame["photo"][2])
    assert first.startswith(b"\xff\xd8") and second == png()
    assert json.loads(cells.raw(SCHEMA["tags"], ["a", "b"], None)) == ["a", "b"]


def test_only_actionable_columns_are_changed_and_the_row_stays(cells: RawCells, frame: pd.DataFrame) -> None:
    row = frame.iloc[0]
    changes = cells.changes(row)
    assert {change.column for change in changes} == {"photo", "title", "price"}
    one = next(change for change in changes if change.edit == "add_call")
    assert cells.changed(row, one)["title"].endswith("Узнайте больше!") and row["title"].endswith("зимы")
    reference = cells.reference(row)
    assert reference["photo"].startswith(b"\xff\xd8") and reference["title"] == row["title"]
