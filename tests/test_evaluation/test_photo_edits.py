"""Edits of photos: each does what its title says, and nothing where there is nothing to do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from evaluation.photo_edits import (
    brighten,
    contrast,
    crop_to_object,
    darken,
    remove_border,
    rotate_upright,
    saturate,
    sharpen,
    square,
    warm,
    white_background,
)  # fmt: skip


def card(size: tuple[int, int] = (160, 120), colour: str = "#c8b090", box=(60, 30, 100, 90)) -> Image.Image:
    photo = Image.new("RGB", size, colour)
    ImageDraw.Draw(photo).rectangle(box, fill="#204080")
    return photo


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8))


def changed(edit, photo: Image.Image) -> list[np.ndarray]:
    found = [np.asarray(after) for _, after in edit(photo)]
    assert all(after.ndim == 3 and after.dtype == np.uint8 for after in found)
    return found


def test_light_moves_the_way_that_is_said_and_leaves_black_and_white() -> None:
    photo = card()
    before = np.asarray(photo).mean()
    means = [after.mean() for after in changed(brighten, photo)]
    assert before < means[0] < means[1] < means[2]
    assert all(after.mean() < before for after in changed(darken, photo))
    for colour in ("black", "white"):
        plain = Image.new("RGB", (8, 8), colour)
        assert all((after == np.asarray(plain)).all() for after in changed(brighten, plain))


def test_contrast_and_saturation_go_both_ways() -> None:
    photo = noise()
    spread = np.asarray(photo).std()
    more, less = changed(contrast, photo)
    assert less.std() < spread < more.std()
    rich, pale = (np.ptp(after.astype(int), axis=2).mean() for after in changed(saturate, photo))
    assert pale < np.ptp(np.asarray(photo).astype(int), axis=2).mean() < rich


def test_warmth_shifts_red_against_blue_and_sharpening_steepens_edges() -> None:
    warmer, cooler = (after[..., 0].mean() - after[..., 2].mean() for after in changed(warm, card()))
    assert cooler < 200 - 144 < warmer + 30 and cooler < warmer
    soft = card().resize((40, 30)).resize((160, 120), Image.Resampling.BICUBIC)
    (sharper,) = changed(sharpen, soft)
    steps = [np.abs(np.diff(np.asarray(x).astype(int), axis=1)).max() for x in (soft, sharper)]
    assert steps[1] > steps[0]


def test_the_crop_holds_the_object_and_less_else() -> None:
    (crop,) = changed(crop_to_object, card())
    assert crop.shape[0] < 90 and crop.shape[1] < 80
    blue = (np.abs(crop.astype(int) - [32, 64, 128]).max(axis=2) < 5).sum()
    assert blue == 41 * 61, "all of the object is still there"
    assert not changed(crop_to_object, noise()) and not changed(crop_to_object, Image.new("RGB", (50, 50), "red"))


def test_a_square_is_cut_or_padded_and_a_square_stays() -> None:
    cut, padded = changed(square, card())
    assert cut.shape == (120, 120, 3) and padded.shape == (160, 160, 3)
    assert tuple(padded[0, 0]) == (200, 176, 144), "padded with the colour of the border"
    assert not changed(square, card((100, 100)))


def test_a_plain_background_becomes_white_and_the_object_stays() -> None:
    (after,) = changed(white_background, card())
    assert tuple(after[0, 0]) == (255, 255, 255) and tuple(after[60, 80]) == (32, 64, 128)
    assert not changed(white_background, card(colour="white")) and not changed(white_background, noise())


def test_a_frame_is_cut_off() -> None:
    framed = Image.new("RGB", (120, 100), "black")
    framed.paste(noise(), (10, 10))
    (after,) = changed(remove_border, framed)
    assert (after == np.asarray(noise())).all()
    assert not changed(remove_border, noise()) and not changed(remove_border, Image.new("RGB", (9, 9), "red"))


@pytest.mark.parametrize("tilt", [-12.0, 8.0])
def test_a_tilted_object_is_turned_upright(tilt: float) -> None:
    photo = card((200, 200), box=(90, 40, 110, 160)).rotate(
        tilt, fillcolor="#c8b090", resample=Image.Resampling.BICUBIC
    )
    (after,) = changed(rotate_upright, photo)
    blue = np.abs(after.astype(int) - [32, 64, 128]).max(axis=2) < 40
    assert np.ptp(np.flatnonzero(blue.any(axis=0))) < 26, "as narrow as it was before it was tilted"
    assert not changed(rotate_upright, card((200, 200), box=(90, 40, 110, 160)))
    assert not changed(rotate_upright, card((200, 200), box=(70, 70, 130, 130))), "a square has no axis"
