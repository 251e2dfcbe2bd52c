from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from featurizers.photo_text import measure_text, text_lines
from featurizers.photo_views import views_of


def scene(seed: int = 1) -> Image.Image:
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(90, 160, (6, 6, 3), dtype=np.uint8))
    return small.resize((256, 256), Image.Resampling.BICUBIC)


def written(lines: list[str], size: int = 20, colour: str = "white", ground: Image.Image | None = None) -> Image.Image:
    image = (ground or scene()).copy()
    draw = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        draw.text((16, 20 + i * size * 1.6), line, fill=colour, font=ImageFont.load_default(size))
    return image


def measured(image: Image.Image) -> dict[str, float]:
    return measure_text(views_of(np.asarray(image)))


@pytest.mark.parametrize("colour", ["white", "black", "yellow"])
@pytest.mark.parametrize("size", [12, 16, 24, 36])
def test_finds_a_line_where_it_was_written(colour: str, size: int) -> None:
    image = written(["Big summer"], size, colour)
    left, top, right, bottom = ImageDraw.Draw(image).textbbox((16, 20), "Big summer", font=ImageFont.load_default(size))
    found = measured(image)
    area = (right - left) * (bottom - top) / 256**2
    assert 0.35 * area < found["text_share"] < 1.6 * area
    assert found["text_lines"] >= 1
    for line in text_lines(views_of(np.asarray(image)).grey):
        assert left - 3 <= line.left and top - 3 <= line.top and line.right <= right + 3 and line.bottom <= bottom + 3


def test_more_lines_give_more() -> None:
    lines = ["Free delivery", "Two years", "Natural wood", "Made by hand"]
    values = [measured(written(lines[:n])) for n in range(5)]
    shares = [value["text_share"] for value in values]
    assert shares == sorted(shares) and shares[0] == 0 and len(set(shares)) == 5
    assert values[0]["text_lines"] == 0 and values[4]["text_lines"] >= 4


def test_faint_text_is_found_too() -> None:
    strong = written(["Nordline studio", "Nordline studio"])
    assert measured(Image.blend(scene(), strong, 0.4))["text_share"] > 0.03


def test_what_is_no_text_gives_little() -> None:
    stripes = Image.fromarray(np.tile((np.arange(256) // 6 % 2 * 150 + 50).astype(np.uint8), (256, 1))).convert("RGB")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8))
    checks = Image.fromarray(np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.full((16, 16), 200)).astype(np.uint8))
    plaid = Image.fromarray(np.add.outer(np.arange(256) % 14 // 5 * 50, np.arange(256) % 14 // 5 * 50).astype(np.uint8))
    weave = np.add.outer(np.sin(0.69 * np.arange(256)), np.sin(0.69 * np.arange(256)))  # as of cloth
    for image in (
        Image.fromarray((128 + 30 * weave).astype(np.uint8)).convert("RGB"),
        plaid.convert("RGB"),
        scene(),
        stripes,
        stripes.rotate(90),
        noise,
        checks.convert("RGB"),
        Image.new("RGB", (256, 256)),
    ):
        assert measured(image)["text_share"] < 0.01


def test_the_worst_photo_takes_no_long() -> None:
    dots = np.zeros((256, 256), dtype=np.uint8)
    for i in range(5):
        for j in range(4):
            dots[i::7, j::6] = 255  # over 1500 spots of the size of letters
    image = Image.fromarray(dots).convert("RGB")
    measured(image)
    started = time.perf_counter()
    measured(image)
    assert time.perf_counter() - started < 0.3


@pytest.mark.parametrize("size", [(1, 1), (1, 256), (256, 1), (3, 2), (256, 9)])
def test_any_size_gives_finite_numbers(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert np.isfinite(list(measure_text(views_of(noise)).values())).all()
