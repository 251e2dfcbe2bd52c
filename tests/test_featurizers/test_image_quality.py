from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from artifacts.embedding_store import EmbeddingStore
from artifacts.schema import Column, Modality, Title
from featurizers import image_quality
from featurizers.base import State, Surroundings
from featurizers.image_quality import QUANTITIES, ImageQuality, measure_photos
from featurizers.photo_views import FINE_SIDE, SMALL_SIDE

COLUMN = Column("photo", Modality.IMAGE, Title("Photo", "Фото"), actionable=True)


def encoded(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def scene(width: int = 300, height: int = 240) -> Image.Image:
    random = np.random.default_rng(1)
    small = Image.fromarray(random.integers(40, 200, (12, 15, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.NEAREST)


def measured(image: Image.Image) -> dict[str, float]:
    vector = measure_photos([encoded(image)])[0]
    assert not isinstance(vector, str)
    return dict(zip(QUANTITIES, map(float, vector), strict=True))


def on_white(image: Image.Image) -> Image.Image:
    result = Image.new("RGB", (image.width * 2, image.height * 2), "white")
    result.paste(image, (image.width // 2, image.height // 2))
    return result


def tinted(image: Image.Image, red: float, blue: float) -> Image.Image:
    pixels = np.asarray(image) * np.array([red, 1.0, blue])
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("quantity", "less", "more"),
    [
        ("brightness", ImageEnhance.Brightness(scene()).enhance(0.6), scene()),
        ("brightness", scene(), ImageEnhance.Brightness(scene()).enhance(1.2)),
        ("contrast", ImageEnhance.Contrast(scene()).enhance(0.5), scene()),
        ("saturation", ImageEnhance.Color(scene()).enhance(0.3), scene()),
        ("colourfulness", ImageEnhance.Color(scene()).enhance(0.3), scene()),
        ("warmth", tinted(scene(), 0.8, 1.2), scene()),
        ("warmth", scene(), tinted(scene(), 1.2, 0.8)),
        ("sharpness", scene().filter(ImageFilter.GaussianBlur(6)), scene()),
        ("white_border", scene(), on_white(scene())),
        ("white_share", scene(), on_white(scene())),
        ("background_uniformity", scene(), on_white(scene())),
        ("edge_density", scene().filter(ImageFilter.GaussianBlur(20)), scene()),
        ("entropy", Image.new("RGB", (300, 240), "grey"), scene()),
        ("dark_share", scene(), ImageEnhance.Brightness(scene()).enhance(0.05)),
        ("aspect", scene(200, 300), scene(300, 200)),
        ("megapixels", scene(), scene(600, 480)),
    ],
)
def test_each_quantity_goes_the_right_way(quantity: str, less: Image.Image, more: Image.Image) -> None:
    assert measured(less)[quantity] < measured(more)[quantity]


def test_known_values() -> None:
    white = measured(Image.new("RGB", (30, 20), "white"))
    assert white == pytest.approx(
        dict.fromkeys(QUANTITIES, 0.0)
        | {"width": 30, "height": 20, "megapixels": 0.0006, "aspect": 1.5, "brightness": 1, "white_share": 1}
        | {"white_border": 1, "background_uniformity": 1, "background_lightness": 100, "symmetry": 1}
        | {"colour_white": 1, "n_colours": 1},
        abs=1e-4,
    )
    red = measured(Image.new("RGB", (1, 1), (255, 0, 0)))
    assert (red["saturation"], red["warmth"]) == (1, 1)
    assert red["brightness"] == pytest.approx(0.299, abs=1e-4)
    halves = Image.new("RGB", (100, 100))
    halves.paste((255, 255, 255), (0, 0, 50, 100))
    assert measured(halves)["contrast"] == pytest.approx(0.5, abs=0.01)
    assert measured(halves)["entropy"] == pytest.approx(1, abs=0.2)


def test_all_but_the_size_hardly_depends_on_the_size() -> None:
    small, large = measured(scene(450, 360)), measured(scene(1500, 1200))
    for quantity in set(QUANTITIES) - {"width", "height", "megapixels", "sharpness"}:
        assert small[quantity] == pytest.approx(large[quantity], rel=0.1, abs=0.02), quantity
    assert SMALL_SIDE < FINE_SIDE < 360


def test_block_has_names_units_and_a_flag_for_missing_photos(tmp_path: Path) -> None:
    values: pd.Series[Any] = pd.Series([encoded(scene()), None, b"no photo", encoded(scene())], index=list("abcd"))
    before = values.copy()
    surroundings = Surroundings(store=EmbeddingStore(tmp_path))
    block = ImageQuality(COLUMN).fit(values, surroundings).transform(values, surroundings)[0]
    names = [feature.name for feature in block.features]
    assert names == [*(f"photo__{quantity}" for quantity in QUANTITIES), "photo__is_missing"]
    assert all(feature.actionable and not feature.opaque for feature in block.features)
    assert block.features[4].title.ru == "Фото: яркость"
    assert block.values[:, -1].tolist() == [0, 1, 1, 0]
    assert np.isnan(block.values[1:3, :-1]).all() and np.isfinite(block.values[[0, 3]]).all()
    found = {finding.code: finding for finding in surroundings.audit.findings}
    assert found["image_missing"].rows == ("b",) and found["image_broken"].rows == ("c",)
    assert found["image_broken"].total == 4 and found["image_broken"].column == "photo"
    pd.testing.assert_series_equal(values, before)


def test_measures_a_photo_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values: pd.Series[Any] = pd.Series([encoded(scene())] * 3 + [encoded(scene(90, 60))])
    surroundings = Surroundings(store=EmbeddingStore(tmp_path))
    first = ImageQuality(COLUMN).restore(State()).transform(values, surroundings)[0].values
    monkeypatch.setattr(image_quality, "measure_photos", None)
    again = ImageQuality(COLUMN).transform(values.iloc[::-1], surroundings)[0].values
    np.testing.assert_array_equal(first[::-1], again)
