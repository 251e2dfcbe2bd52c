from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from artifacts.embedding_store import EmbeddingStore
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Schema, Title
from featurizers.audit_pairs import audit_pairs
from featurizers.base import Surroundings

COLOURS = {
    "red": (200, 20, 20), "green": (20, 150, 30), "blue": (30, 40, 200), "yellow": (230, 210, 30),
    "white": (245, 245, 245), "black": (15, 15, 15), "pink": (240, 130, 180), "brown": (110, 70, 30),
}  # fmt: skip
THINGS = ("shirt", "mug", "bag", "sofa", "lamp")
SWAPPED = (8, 41, 130, 205)  # the last one is a test row


def column(name: str, modality: Modality) -> Column:
    return Column(name, modality, Title(name, name))


def photo(colour: str, number: int) -> bytes:
    image = Image.new("RGB", (24, 24), COLOURS[colour])
    image.putpixel((number % 24, number // 24), (number, 9, 9))  # no two photos are equal
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def cards(n: int) -> pd.DataFrame:
    names = [(list(COLOURS)[i % 8], THINGS[i // 8 % 5]) for i in range(n)]
    shown = [list(COLOURS)[(i + 3) % 8] if i in SWAPPED else colour for i, (colour, _) in enumerate(names)]
    fields = [json.dumps({"title": f"{colour} {thing} no. {i}"}) for i, (colour, thing) in enumerate(names)]
    photos = [photo(colour, i) for i, colour in enumerate(shown)]
    return pd.DataFrame({"fields": fields, "photo": photos}, index=[f"r{i}" for i in range(n)])


def test_swapped_photos_are_named_though_the_text_is_inside_a_nested_column(encoders, tmp_path: Path) -> None:
    schema = Schema((column("fields", Modality.NESTED), column("photo", Modality.IMAGE)))
    frame, around = cards(220), Surroundings(store=EmbeddingStore(tmp_path), audit=Audit())
    compared = audit_pairs(frame, schema, *encoders, around, n_train=180)
    assert compared is not None and compared.loc["r0"] == "red shirt no. 0"
    found = {finding.code: finding for finding in around.audit.findings}
    assert found["alignment_learned"].count <= 180, "test rows are not learned from"
    mismatch = found["alignment_mismatch"]
    assert mismatch.column == compared.name and mismatch.details["other"] == "photo"
    assert len(mismatch.rows) >= len(SWAPPED) - 1 and set(mismatch.rows) <= {f"r{i}" for i in SWAPPED}


@pytest.mark.parametrize("used", [["fields"], ["photo"]])
def test_nothing_is_compared_without_a_text_and_a_photo(encoders, used: list[str]) -> None:
    kinds = {"fields": Modality.TEXT, "photo": Modality.IMAGE}
    schema = Schema(tuple(column(name, kinds[name]) for name in used))
    assert audit_pairs(cards(60), schema, *encoders, Surroundings(), n_train=60) is None
