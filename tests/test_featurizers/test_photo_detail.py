from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from featurizers.photo_detail import measure_detail
from featurizers.photo_views import views_of


def scene(size: int = 256) -> Image.Image:
    random = np.random.default_rng(1)
    small = Image.fromarray(random.integers(60, 190, (10, 10, 3), dtype=np.uint8))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def grainy(image: Image.Image, deviation: float) -> Image.Image:
    grain = np.random.default_rng(2).normal(0, deviation, (image.height, image.width, 1))
    return Image.fromarray(np.clip(np.rint(np.asarray(image) + grain), 0, 255).astype(np.uint8))


def measured(image: Image.Image) -> dict[str, float]:
    return measure_detail(views_of(np.asarray(image)))


@pytest.mark.parametrize("deviation", [2, 5, 10, 20])
def test_noise_is_the_deviation_of_the_grain(deviation: float) -> None:
    assert measured(scene())["noise"] < 0.7
    assert measured(grainy(scene(), deviation))["noise"] == pytest.approx(deviation, rel=0.2)


def test_edges_and_clipped_white_are_no_noise() -> None:
    board = Image.fromarray(np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((32, 32))).astype(np.uint8) * 150 + 50)
    assert measured(board.convert("RGB"))["noise"] < 0.5
    assert measured(Image.new("RGB", (200, 200), "white"))["noise"] == 0
    half = Image.new("RGB", (256, 256), "white")
    half.paste(grainy(scene(), 8).crop((0, 0, 128, 256)))
    assert measured(half)["noise"] == pytest.approx(8, rel=0.25)


def test_sharpness_falls_with_each_blur() -> None:
    blocks = scene(16).resize((256, 256), Image.Resampling.NEAREST)
    values = [measured(blocks.filter(ImageFilter.GaussianBlur(radius)))["sharpness"] for radius in (0, 1, 2, 4, 8)]
    assert values == sorted(values, reverse=True) and values[0] > 4 * values[-1]
    faint = Image.blend(blocks, Image.new("RGB", blocks.size, "grey"), 0.6)
    assert measured(faint)["sharpness"] == pytest.approx(values[0], abs=0.03)  # whatever the contrast


def test_outer_edges_see_what_is_around_and_not_what_is_in_the_middle() -> None:
    random = np.random.default_rng(3)
    checks = Image.fromarray(random.integers(0, 2, (32, 32), dtype=np.uint8) * 200).convert("RGB")
    clutter = checks.resize((256, 256), Image.Resampling.NEAREST)
    middle = Image.new("RGB", (256, 256), "grey")
    middle.paste(clutter.crop((60, 60, 196, 196)), (60, 60))
    around = clutter.copy()
    around.paste((128, 128, 128), (30, 30, 226, 226))
    assert measured(middle)["outer_edges"] < 0.02 < 0.2 < measured(around)["outer_edges"]
    assert measured(middle)["edge_density"] > 0.1


@pytest.mark.parametrize("size", [(1, 1), (1, 256), (256, 1), (3, 2), (256, 9)])
def test_any_size_gives_finite_numbers(size: tuple[int, int]) -> None:
    assert np.isfinite(list(measured(Image.new("RGB", size, "teal")).values())).all()
