from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from featurizers.photo_layout import LAYOUT, measure_layout
from featurizers.photo_views import views_of


def disc(
    diameter: int, at: tuple[int, int] = (128, 128), ground: object = "white", colour: object = "red"
) -> Image.Image:
    image = ground if isinstance(ground, Image.Image) else Image.new("RGB", (256, 256), ground)  # type: ignore[arg-type]
    image = image.copy()
    r = diameter // 2
    ImageDraw.Draw(image).ellipse((at[0] - r, at[1] - r, at[0] + r, at[1] + r), fill=colour)  # type: ignore[arg-type]
    return image


def lit(grain: float = 0.0) -> Image.Image:
    """A grey wall, light on one side, with grain."""
    across = np.linspace(150, 210, 256)[None, :, None] + np.zeros((256, 1, 3))
    noise = np.random.default_rng(0).normal(0, grain, across.shape)
    return Image.fromarray(np.clip(across + noise, 0, 255).astype(np.uint8))


def measured(image: Image.Image) -> dict[str, float]:
    return measure_layout(views_of(np.asarray(image)))


@pytest.mark.parametrize("ground", ["white", "black", "beige", lit(), lit(4.0)])
@pytest.mark.parametrize("diameter", [50, 100, 160, 200])
def test_object_share_is_the_area_of_the_object(ground: object, diameter: int) -> None:
    share = np.pi * diameter**2 / 4 / 256**2
    found = measured(disc(diameter, ground=ground))
    assert found["object_share"] == pytest.approx(share, abs=0.03)
    assert found["n_objects"] == 1 and found["object_cut"] == 0 and found["off_centre"] < 0.04


def test_holes_belong_to_the_object() -> None:
    ring = disc(100, ground=disc(160), colour="white")
    assert measured(ring)["object_share"] == pytest.approx(measured(disc(160))["object_share"], abs=0.01)


def test_nothing_stands_out_of_a_plain_photo() -> None:
    for ground in (Image.new("RGB", (256, 256), "teal"), lit(), lit(4.0)):
        found = measured(ground)
        assert found["object_share"] == found["n_objects"] == found["off_centre"] == found["object_cut"] == 0
        assert found["symmetry"] > -1


def test_off_centre_grows_with_the_distance() -> None:
    values = [measured(disc(60, (128 + d, 128 + d)))["off_centre"] for d in (0, 30, 60, 90)]
    assert values == pytest.approx([0, 30 / 128, 60 / 128, 90 / 128], abs=0.03)


def test_object_cut_is_the_border_that_it_touches() -> None:
    image = Image.new("RGB", (256, 256), "white")
    image.paste((200, 0, 0), (64, 100, 192, 256))  # runs out at the bottom, over half of its length
    found = measured(image)
    assert found["object_cut"] == pytest.approx(1 / 8, abs=0.02)
    assert found["object_share"] == pytest.approx(0.5 * 156 / 256, abs=0.04)


def test_objects_are_counted() -> None:
    image = disc(60, (60, 60), ground=disc(60, (190, 60), ground=disc(60, (128, 190))))
    assert measured(image)["n_objects"] == 3


def test_background_has_its_own_colour() -> None:
    found = measured(disc(150, ground="white", colour="navy"))
    assert found["background_lightness"] == pytest.approx(100, abs=1)
    assert found["background_chroma"] < 2
    blue = measured(disc(150, ground="blue", colour="white"))
    assert blue["background_chroma"] > 100 and blue["background_lightness"] == pytest.approx(32, abs=3)
    greys = [measured(disc(150, ground=(level,) * 3))["background_lightness"] for level in (0, 60, 120, 180, 240)]
    assert greys == sorted(greys) and greys[0] < 2


def test_symmetry() -> None:
    assert measured(disc(100))["symmetry"] > 0.97
    values = [measured(disc(100, (128 + d, 128)))["symmetry"] for d in (0, 20, 40, 60)]
    assert values == sorted(values, reverse=True) and values[-1] < 0.2
    halves = Image.new("RGB", (256, 256), "white")
    halves.paste((0, 0, 0), (0, 0, 128, 256))
    assert measured(halves)["symmetry"] == pytest.approx(-1, abs=0.02)
    assert measured(Image.new("RGB", (256, 256), "grey"))["symmetry"] == pytest.approx(1)


@pytest.mark.parametrize("size", [(1, 1), (1, 256), (256, 1), (3, 2), (256, 9)])
def test_any_size_gives_finite_numbers(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for pixels in (noise, np.zeros_like(noise)):
        found = measure_layout(views_of(pixels))
        assert set(found) == set(LAYOUT) and np.isfinite(list(found.values())).all()
