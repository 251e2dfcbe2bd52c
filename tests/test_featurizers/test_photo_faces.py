from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from featurizers.photo_faces import measure_faces
from featurizers.photo_views import Views, views_of

SKIN = (225, 175, 145)


def face(side: int) -> Image.Image:
    """Drawn on a wall: hair, eyes in their sockets, brows, nose and mouth."""
    s = side / 100
    image = Image.new("RGB", (side, side), (190, 200, 205))
    draw = ImageDraw.Draw(image)

    def oval(left: float, top: float, right: float, bottom: float, colour: tuple[int, int, int]) -> None:
        draw.ellipse((left * s, top * s, right * s, bottom * s), fill=colour)

    dark = (139, 108, 90)
    oval(12, 2, 88, 100, (60, 40, 30))
    oval(18, 12, 82, 98, SKIN)
    for x in (36, 64):
        oval(x - 13, 36, x + 13, 54, dark)
        draw.rectangle(((x - 12) * s, 35 * s, (x + 12) * s, 38 * s), fill=(70, 45, 35))
        oval(x - 8, 42, x + 8, 50, (235, 230, 225))
        oval(x - 4, 41, x + 4, 51, (40, 25, 20))
    oval(44, 44, 56, 70, (243, 189, 157))
    oval(42, 64, 58, 70, dark)
    oval(36, 76, 64, 84, (165, 75, 75))
    return image.filter(ImageFilter.GaussianBlur(side / 60))


def wall(*faces: tuple[int, int, int]) -> Views:
    image = Image.new("RGB", (256, 256), (190, 200, 205))
    for side, left, top in faces:
        image.paste(face(side), (left, top))
    return views_of(np.asarray(image))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_faces_are_counted(n: int) -> None:
    places = [(90, 10, 20), (90, 140, 20), (90, 80, 150)]
    assert measure_faces(wall(*places[:n]))["n_faces"] == n


def test_share_grows_with_the_face() -> None:
    shares = [measure_faces(wall((side, 30, 20)))["face_share"] for side in (60, 90, 130, 200)]
    assert shares == sorted(shares) and shares[0] > 0.015 and shares[-1] > 4 * shares[0]


def test_grey_photos_are_searched_but_blue_faces_do_not_count() -> None:
    pixels = np.asarray(Image.fromarray(wall((120, 60, 60)).small))
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert measure_faces(views_of(grey))["n_faces"] == 1
    assert measure_faces(views_of(np.ascontiguousarray(pixels[..., ::-1])))["n_faces"] == 0


def test_threads_find_the_same() -> None:
    views = [wall((60 + 5 * i, 20, 20)) for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(measure_faces, views)) == [measure_faces(view) for view in views]


@pytest.mark.parametrize("size", [(1, 1), (1, 256), (256, 1), (3, 2), (256, 9), (30, 256)])
def test_any_size_is_searched(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    skin = np.tile(np.array(SKIN, dtype=np.uint8), (*size, 1))
    for pixels in (noise, skin, np.zeros_like(noise)):
        assert measure_faces(views_of(pixels)) == {"n_faces": 0, "face_share": 0}
