from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from featurizers.photo_frame import measure_frame
from featurizers.photo_views import views_of


def scene(width: int = 256, height: int = 256, seed: int = 1) -> Image.Image:
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(60, 190, (9, 9, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def framed(width: int, colour: str) -> Image.Image:
    result = Image.new("RGB", (256, 256), colour)
    result.paste(scene(256 - 2 * width, 256 - 2 * width), (width, width))
    return result


def measured(image: Image.Image) -> dict[str, float]:
    return measure_frame(views_of(np.asarray(image)))


@pytest.mark.parametrize("colour", ["white", "black", "red"])
def test_frame_share_is_the_area_of_the_frame(colour: str) -> None:
    assert measured(scene())["frame_share"] == 0
    for width in (6, 12, 24, 40):
        area = 1 - (256 - 2 * width) ** 2 / 256**2
        assert measured(framed(width, colour))["frame_share"] == pytest.approx(area, abs=0.03)


def test_bars_on_two_sides_count_too() -> None:
    barred = Image.new("RGB", (256, 256), "black")
    barred.paste(scene(256, 156), (0, 50))
    assert measured(barred)["frame_share"] == pytest.approx(100 / 256, abs=0.02)
    assert measured(barred.transpose(Image.Transpose.ROTATE_90))["frame_share"] == pytest.approx(100 / 256, abs=0.02)


def test_a_plain_background_is_no_frame() -> None:
    product = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(product).ellipse((40, 40, 216, 216), fill="navy")
    assert measured(product)["frame_share"] == 0
    assert measured(product)["white_border"] == 1
    assert measured(Image.new("RGB", (256, 256), "white"))["frame_share"] == 0


def test_seam_finds_pictures_side_by_side() -> None:
    alone = measured(scene())["seam"]
    for box in ((128, 0, 256, 256), (0, 128, 256, 256), (170, 0, 256, 256)):
        collage = scene()
        part = Image.eval(scene(box[2] - box[0], box[3] - box[1], seed=5), lambda level: level // 3)
        collage.paste(part, box[:2])
        assert measured(collage)["seam"] > max(0.7, alone + 0.3)
    gutter = scene()
    gutter.paste((255, 255, 255), (124, 0, 131, 256))
    assert measured(gutter)["seam"] > 0.9


def test_seam_runs_from_side_to_side() -> None:
    values = []
    for length in (0, 160, 252, 256):
        image = Image.new("RGB", (256, 256), "grey")
        image.paste((255, 255, 255), (120, 0, 256, length))
        values.append(measured(image)["seam"])
    assert values[:2] == [0, 0] and 0 < values[2] < values[3] == 1


def test_a_straight_product_on_white_is_neither_frame_nor_seam() -> None:
    wallet = Image.new("RGB", (256, 256), "white")
    wallet.paste((60, 40, 30), (12, 85, 244, 171))
    assert measured(wallet) == {"white_border": 1, "frame_share": 0, "seam": 0}


@pytest.mark.parametrize("size", [(1, 1), (1, 256), (256, 1), (3, 2), (256, 9), (30, 256)])
def test_any_size_gives_finite_numbers(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for pixels in (noise, np.zeros_like(noise)):
        assert np.isfinite(list(measure_frame(views_of(pixels)).values())).all()
