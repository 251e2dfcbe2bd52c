from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from artifacts.embedding_store import EmbeddingStore
from artifacts.schema import Column, Modality, Title
from featurizers import image_descriptor
from featurizers.base import State, Surroundings
from featurizers.image_descriptor import N_DIMENSIONS, ImageDescriptor, describe_photos

COLUMN = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    target = io.BytesIO()
    image.save(target, form)
    return target.getvalue()


def drawn(shape: str, colour: str, seed: int, size: tuple[int, int] = (96, 96)) -> Image.Image:
    random = np.random.default_rng(seed)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    left, top = random.integers(16, 26, 2)
    box = (int(left), int(top), int(left) + 50, int(top) + 50)
    if shape == "disc":
        draw.ellipse(box, fill=colour)
    else:
        for x in range(box[0], box[2], 10):
            draw.rectangle((x, box[1], x + 4, box[3]), fill=colour)
    return image


def described(image: Image.Image) -> NDArray[np.float32]:
    vector = describe_photos([encoded(image)])[0]
    assert not isinstance(vector, str)
    return vector


def test_tells_shapes_and_colours_apart() -> None:
    kinds = [(shape, colour) for shape in ("disc", "stripes") for colour in ("red", "green", "navy")]
    shown = np.array([described(drawn(*kind, seed)) for kind in kinds for seed in range(6)])
    labels = np.repeat(np.arange(len(kinds)), 6)
    distances = np.linalg.norm(shown[:, None] - shown[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95


def test_fine_lines_are_told_apart_by_their_direction_and_place() -> None:
    def ruled(angle: int, left: int) -> Image.Image:
        patch = Image.fromarray(np.tile((np.arange(40) // 3 % 2 * 120 + 60).astype(np.uint8), (40, 1)))
        image = Image.new("L", (96, 96), 200)
        image.paste(patch.rotate(angle), (left, 28))
        return image.convert("RGB")

    upright, flat, diagonal, aside = (described(ruled(*how)) for how in ((0, 8), (90, 8), (45, 8), (0, 48)))
    again = described(ruled(0, 9))
    nearest_other = min(np.linalg.norm(upright - other) for other in (flat, diagonal, aside))
    assert np.linalg.norm(upright - again) < 0.5 * nearest_other


def test_size_and_form_change_little() -> None:
    image = drawn("disc", "red", 0)
    other = drawn("stripes", "red", 0)
    jpeg = describe_photos([encoded(image.resize((400, 400)), "JPEG")])[0]
    assert not isinstance(jpeg, str)
    near = np.linalg.norm(described(image) - jpeg)
    assert near < 0.5 * np.linalg.norm(described(image) - described(other))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (64, 64), (63, 64), (3, 2)])
def test_any_size_gives_finite_numbers(size: tuple[int, int]) -> None:
    vector = described(Image.new("RGB", size, "black"))
    assert vector.shape == (N_DIMENSIONS,) and vector.dtype == np.float32
    assert np.isfinite(vector).all() and np.abs(vector).max() <= 2


def test_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos: list[Any] = [encoded(drawn("disc", colour, 0)) for colour in ("red", "green", "blue")]
    values = pd.Series([*photos, None, b"broken"], index=[5, 3, 1, 9, 7], dtype=object)
    surroundings = Surroundings(store=EmbeddingStore(tmp_path))
    featurizer = ImageDescriptor(COLUMN).fit(values, surroundings)
    block = featurizer.transform(values, surroundings)[0]
    assert block.is_opaque and block.name == "photo__descriptor" and len(block.features) == N_DIMENSIONS
    assert np.isnan(block.values).all(axis=1).tolist() == [False, False, False, True, True]
    assert {finding.code for finding in surroundings.audit.findings} == {"image_missing", "image_broken"}
    alone = featurizer.transform(values.iloc[1:2], Surroundings())[0].values
    np.testing.assert_array_equal(alone[0], block.values[1])
    monkeypatch.setattr(image_descriptor, "describe_photos", None)
    restored = ImageDescriptor(COLUMN).restore(State(featurizer.state().values))
    again = restored.transform(values.iloc[:3].iloc[::-1], surroundings)[0]
    np.testing.assert_array_equal(again.values[::-1], block.values[:3])
