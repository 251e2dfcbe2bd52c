from __future__ import annotations

import base64
import io
import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from featurizers.image_cells import MAX_PHOTOS, first_photo, photos_in, sniff_image_values
from featurizers.image_loading import ImageLoader


def jpeg(colour: str = "teal", form: str = "JPEG") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(target, form)
    return target.getvalue()


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


NAMES = ["a.jpg", "b.jpg", "c d.jpg", "e, f.jpg", "g.jpg, h.jpg", "[1].jpg", "5.jpg", "6.jpg", "deep/k;l.JPEG"]


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> ImageLoader:
    folder = tmp_path_factory.mktemp("images")
    (folder / "deep").mkdir()
    for name in NAMES:
        (folder / name).write_bytes(jpeg())
    return ImageLoader(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_one_photo_whatever_its_name(loader: ImageLoader, name: str) -> None:
    assert photos_in(name, loader) == [name]
    assert not loader.load(photos_in(name, loader)[0]).failure


SEVERAL: list[tuple[Any, list[Any]]] = [
    (["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"]),
    (("a.jpg", None, float("nan"), " ", "b.jpg"), ["a.jpg", "b.jpg"]),
    (np.array(["a.jpg", "b.jpg"], dtype=object), ["a.jpg", "b.jpg"]),
    (np.array([5, 6]), [5, 6]),
    ({"b.jpg", "a.jpg"}, ["a.jpg", "b.jpg"]),
    ([["a.jpg"], ["b.jpg", ["5"]]], ["a.jpg", "b.jpg", "5"]),
    ({"front": "a.jpg", "back": "b.jpg"}, ["a.jpg", "b.jpg"]),
    ([{"bytes": b"abc", "path": None}, {"bytes": None, "path": "a.jpg"}], [b"abc", "a.jpg"]),
    ({"bytes": b"abc", "path": "x.jpg"}, [b"abc"]),
    (np.frombuffer(b"abc", dtype=np.uint8), [b"abc"]),
    ('["a.jpg", "b.jpg"]', ["a.jpg", "b.jpg"]),
    ("['a.jpg', 'c d.jpg']", ["a.jpg", "c d.jpg"]),
    ("('a.jpg', 'b.jpg')", ["a.jpg", "b.jpg"]),
    ("['a.jpg' 'b.jpg']", ["a.jpg", "b.jpg"]),
    ("[5, 6]", [5, 6]),
    ('[\\"a.jpg\\", \\"b.jpg\\"]', ["a.jpg", "b.jpg"]),
    ("a.jpg,b.jpg", ["a.jpg", "b.jpg"]),
    ("a.jpg; b.jpg", ["a.jpg", "b.jpg"]),
    (" a.jpg\nb.jpg\n", ["a.jpg", "b.jpg"]),
    ("a.jpg|b.jpg", ["a.jpg", "b.jpg"]),
    ("a.jpg b.jpg", ["a.jpg", "b.jpg"]),
    ("c d.jpg a.jpg", ["c d.jpg", "a.jpg"]),
    ("e, f.jpg, a.jpg", ["e, f.jpg", "a.jpg"]),
    ("a.jpg, g.jpg, h.jpg, b.jpg", ["a.jpg", "g.jpg, h.jpg", "b.jpg"]),
    ("deep/k;l.JPEG;a.jpg", ["deep/k;l.JPEG", "a.jpg"]),
    ("a.jpg,gone.png", ["a.jpg", "gone.png"]),
    ("no.png,gone.png", ["no.png", "gone.png"]),
    ("5,6", ["5", "6"]),
    ("5;6;99", ["5", "6", "99"]),
    ("5 6", ["5", "6"]),
]


@pytest.mark.parametrize(
    ("cell", "expected"), SEVERAL, ids=[f"{i}-{type(cell).__name__}" for i, (cell, _) in enumerate(SEVERAL)]
)
def test_several_photos(loader: ImageLoader, cell: Any, expected: list[Any]) -> None:
    assert photos_in(cell, loader) == expected
    assert first_photo(cell, loader) == expected[0]


ONE = [
    "gone.jpg",
    "shoe 5",
    "5 99",
    "red, green",
    "",
    "  ",
    "[cut",
    "{'a': ",
    None,
    5,
    2.0,
    b"abc",
    "http://a.b/c.jpg?x=1,2",
]


@pytest.mark.parametrize("cell", ONE, ids=str)
def test_anything_else_is_one(loader: ImageLoader, cell: Any) -> None:
    assert photos_in(cell, loader) == [cell]


@pytest.mark.parametrize("cell", [[], "[]", np.array([]), {}, [None], "[null, '']", [[], [None]]], ids=str)
def test_an_empty_list_is_none(loader: ImageLoader, cell: Any) -> None:
    assert photos_in(cell, loader) == [] and first_photo(cell, loader) is None


def contents(cell: Any) -> list[bytes]:
    nowhere = ImageLoader(None)
    return [nowhere.load(item).content for item in photos_in(cell, nowhere)]


def test_lists_of_base64_and_of_bytes_in_every_spelling() -> None:
    photos = [jpeg("red"), jpeg("blue", "PNG")]
    texts = [base64_of(photo) for photo in photos]
    urls = ["data:image/png;base64," + text for text in texts]
    for cell in (
        photos, texts, urls, json.dumps(texts), repr(texts), repr([text.encode() for text in texts]), repr(photos),
        ",".join(texts), "|".join(texts), "\n".join(urls), " ".join(urls), ",".join(urls), json.dumps(urls),
    ):  # fmt: skip
        assert contents(cell) == photos
    assert contents(repr(photos[0])) == photos[:1]
    wrapped = "\n".join(texts[0][i : i + 76] for i in range(0, len(texts[0]), 76))
    assert contents(wrapped) == photos[:1]


def test_long_lists_of_base64_are_read_whole() -> None:
    random = np.random.default_rng(0)
    photos = [b"\xff\xd8\xff" + random.bytes(600_000) for _ in range(2)]
    texts = [base64_of(photo) for photo in photos]
    for cell in (json.dumps(texts), repr(texts), repr([text.encode() for text in texts])):
        assert len(cell) > 1_000_000 and contents(cell) == photos


def test_crowds_are_cut(loader: ImageLoader) -> None:
    for cell in (["a.jpg"] * 10_000, json.dumps(["a.jpg"] * 10_000), ",".join(["a.jpg"] * 5_000)):
        assert len(photos_in(cell, loader)) == MAX_PHOTOS + 1
    endless: list[Any] = []
    endless.append(endless)
    assert len(photos_in(endless, loader)) <= MAX_PHOTOS + 1


HOSTILE = [
    "[" * 1_000_000, "a.jpg " * 200_000, "a.jpg" + " " * 1_000_000, "b'" + "\\x" * 300_000, "," * 1_000_000,
    "['" + "\\'" * 400_000, "data:" * 200_000, "/9j/" + "," * 1_000_000, "b'\\x" + "'b'" * 300_000,
    " " * 1_000_000 + "[", "[b'\\xff" * 100_000, "a.jpg," + ".jpg" * 10_000, ("x" * 1_000 + ";") * 60,
]  # fmt: skip


@pytest.mark.parametrize("cell", HOSTILE, ids=lambda cell: cell[:12])
def test_hostile_texts_take_no_time(loader: ImageLoader, cell: str) -> None:
    started = time.process_time()
    assert len(photos_in(cell, loader)) <= MAX_PHOTOS + 2
    assert time.process_time() - started < 5, "a quadratic pass would take minutes"


def test_sniffs_lists_of_photos() -> None:
    def why(values: list[Any]) -> str | None:
        return sniff_image_values(pd.Series(values, dtype=object))

    paths = [np.array(["x/1.jpg", "x/2.png"], dtype=object), np.array([], dtype=object), None]
    assert why(paths) == "path: the values end in .jpg, .png, several in a cell"
    assert str(why(["['1.jpg', '2.jpg']", "[]"])).endswith("several in a cell")
    assert str(why(["1.jpg, 2.jpg", "3.jpg"])).endswith("several in a cell")
    assert str(why([[jpeg()], [jpeg(), jpeg("red")]])).startswith("bytes: ")
    assert str(why([{"bytes": jpeg(), "path": "a.jpg"}])).startswith("bytes: ")
    assert str(why([[base64_of(jpeg())]])).startswith("base64: ")
    others: list[list[Any]] = [
        [["a", "b"], ["c"]], ["['a', 'b']"], [[1, 2]], [[]], [{"photo": "a.jpg", "name": "b.jpg"}],
        ["{'cover': 'a.jpg'}"],
        ["See a.jpg, b.jpg for more"], [["a.jpg", "words"]], ["Red, green, blue"], [{}],
    ]  # fmt: skip
    for values in others:
        assert why(values) is None, values
