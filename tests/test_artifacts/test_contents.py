"""Texts and photos behind a table: rows, views, files."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from artifacts.contents import Contents, joined
from artifacts.errors import ArtifactError
from artifacts.schema import Column, Modality, Title

TITLE, PHOTO = (
    Column(name, modality, Title(name, name))
    for name, modality in (("title", Modality.TEXT), ("photo", Modality.IMAGE))
)


def make_contents(photos: list[object]) -> Contents:
    cells = np.empty(len(photos), dtype=object)
    cells[:] = photos
    titles = np.array([f"title {i}" for i in range(len(photos))], dtype=object)
    encoders = {Modality.TEXT: {"name": "a", "modality": Modality.TEXT}, Modality.IMAGE: {"name": "b"}}
    return Contents({"title": TITLE, "photo": PHOTO}, {"title": titles, "photo": cells}, encoders, Path("/photos"))


def test_rows_views_and_mixtures() -> None:
    contents = make_contents(["a.jpg", None, "c.jpg"])
    assert contents.take(np.array([2, 0])).cells["photo"].tolist() == ["c.jpg", "a.jpg"]
    assert contents.take(np.array([False, True, True])).cells["title"].tolist() == ["title 1", "title 2"]
    blank = contents.blanked(["image"])
    assert (
        blank.cells["photo"].tolist() == [None] * 3
        and blank.cells["title"].tolist() == contents.cells["title"].tolist()
    )
    other = make_contents(["z.jpg"] * 3)
    kept = {"photo": np.array([True, False]), "title": np.array([True, True])}
    mixed = contents.mixed(other, np.array([0, 2]), np.array([1, 1]), kept)
    assert mixed.cells["photo"].tolist() == ["a.jpg", "z.jpg"] and mixed.cells["title"].tolist() == [
        "title 0",
        "title 2",
    ]
    assert joined([contents, other]).cells["photo"].tolist() == ["a.jpg", None, "c.jpg", *["z.jpg"] * 3]


def test_files_keep_what_the_cells_mean(tmp_path: Path) -> None:
    photo = b"\xff\xd8\xff photo"
    cells = ["a.jpg", None, photo, ["a.jpg", "b.jpg"], {"bytes": photo, "path": None}, 17, 18.0, float("nan")]
    make_contents(cells).save(tmp_path)
    read = Contents.load(tmp_path)
    assert read is not None
    encoded = base64.b64encode(photo).decode()
    assert read.cells["photo"].tolist() == ["a.jpg", None, encoded, '["a.jpg", "b.jpg"]', encoded, "17", "18", None]
    assert read.columns == {"title": TITLE, "photo": PHOTO} and read.images == Path("/photos")
    assert read.encoders[Modality.TEXT]["name"] == "a"


def test_nothing_and_damage(tmp_path: Path) -> None:
    assert Contents.load(tmp_path) is None
    make_contents(["a.jpg"]).save(tmp_path)
    described = json.loads((tmp_path / "contents.json").read_text())
    (tmp_path / "contents.json").write_text(json.dumps({**described, "columns": 3}))
    with pytest.raises(ArtifactError):
        Contents.load(tmp_path)
    (tmp_path / "contents.json").write_text(json.dumps(described))
    (tmp_path / "contents.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ArtifactError):
        Contents.load(tmp_path)
