from __future__ import annotations

import base64
import io
import os
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from featurizers.image_cells import sniff_image_values
from featurizers.image_decoding import UnreadableImageError, decode_image, image_size, small_pixels
from featurizers.image_loading import MAX_BYTES, ImageLoader


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def photo(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def bomb(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


JPEG = encoded(photo(), "JPEG")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    (images / "deep").mkdir(parents=True)
    (images / "1.jpg").write_bytes(JPEG)
    (images / "2.webp").write_bytes(encoded(photo(seed=2), "WEBP"))
    (images / "deep" / "3.JPG").write_bytes(JPEG)
    (images / "new\nline.jpg").write_bytes(JPEG)
    (images / "empty.jpg").touch()
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    (tmp_path / "images-beside").mkdir()
    (tmp_path / "images-beside" / "4.jpg").write_bytes(JPEG)
    (images / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (images / "inner.jpg").symlink_to(images / "1.jpg")
    (images / "way").symlink_to(tmp_path)
    (images / "loop.jpg").symlink_to(images / "loop.jpg")
    return images


def test_a_photo_without_a_folder_is_found_in_the_one_inside_that_has_it(folder: Path) -> None:
    for name, ids in (("train", (10, 11)), ("test", (11, 12))):
        (folder / name).mkdir()
        for i in ids:
            (folder / name / f"{i}.jpg").write_bytes(JPEG)
    (folder / "test" / "away.jpg").symlink_to(folder.parent / "secret.jpg")
    loader = ImageLoader(folder)
    for value in (10, "12", "12.jpg", "3"):
        assert loader.load(value).content == JPEG
    assert loader.load(11).failure == "image_not_found", "two photos of one id"
    assert loader.load("away").failure == "image_outside_folder"
    assert loader.load("13").failure == loader.load("4").failure == "image_not_found"


@pytest.mark.parametrize(
    "value", ["1.jpg", "1", 1, 1.0, np.int64(1), "./deep/../1.jpg", "deep/3", "new\nline.jpg", "inner"]
)
def test_finds_paths_and_ids(folder: Path, value: Any) -> None:
    loaded = ImageLoader(folder).load(value)
    assert (loaded.failure, loaded.content) == ("", JPEG)


def test_takes_other_endings_and_absolute_paths_inside(folder: Path) -> None:
    loader = ImageLoader(folder)
    assert not loader.load("2").failure
    assert loader.load(str(folder / "1.jpg")).content == JPEG


OUTSIDE = ["../secret.jpg", "../secret", "deep/../../secret.jpg", "../images-beside/4.jpg", "/etc/passwd"]
BY_LINK = ["link.jpg", "link", "way/secret.jpg"]


@pytest.mark.parametrize("value", OUTSIDE + BY_LINK)
def test_opens_nothing_outside_the_folder(folder: Path, value: str) -> None:
    loaded = ImageLoader(folder).load(value)
    assert (loaded.failure, loaded.content) == ("image_outside_folder", b"")


@pytest.mark.parametrize(
    "value",
    [
        "none.jpg",
        "none",
        77,
        1.5,
        "nul\0.jpg",
        "deep",
        "loop.jpg",
        "x" * 400,
        True,
        {"a": 1},
        "http://a.b/c.jpg",
        "\ud800",
    ],
)
def test_not_found(folder: Path, value: Any) -> None:
    assert ImageLoader(folder).load(value).failure == "image_not_found"
    assert ImageLoader(None).load(value).failure == "image_not_found"


@pytest.mark.parametrize("value", [None, float("nan"), np.nan, pd.NA, pd.NaT, np.float32("nan"), "", " \n", b""])
def test_missing(folder: Path, value: Any) -> None:
    assert ImageLoader(folder).load(value).failure == "image_missing"


def test_a_pipe_is_not_waited_for_and_an_empty_file_is_broken(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    assert ImageLoader(folder).load("pipe.jpg").failure == "image_not_found"
    assert ImageLoader(folder).load("empty.jpg").failure == "image_broken"


def test_a_huge_file_is_not_read(folder: Path) -> None:
    with (folder / "huge.jpg").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert ImageLoader(folder).load("huge.jpg").failure == "image_too_large"


TEXT = base64.b64encode(JPEG).decode()


@pytest.mark.parametrize(
    "value",
    [
        TEXT,
        "data:image/jpeg;base64," + TEXT,
        TEXT.rstrip("="),
        "\n".join(TEXT[i : i + 76] for i in range(0, len(TEXT), 76)) + "\n",
        "  " + TEXT,
        TEXT.replace("+", "-").replace("/9j/", "/9j/", 1),
        repr(base64.b64encode(JPEG)),
        JPEG,
        bytearray(JPEG),
    ],
    ids=["plain", "data", "no padding", "lines", "space", "url-safe", "repr", "bytes", "bytearray"],
)
def test_base64_and_bytes(value: Any) -> None:
    assert ImageLoader(None).load(value).content == JPEG


@pytest.mark.parametrize(
    "value", [TEXT[:100] + "#" + TEXT[101:], TEXT + "=AAAA", "data:image/png;base64,%%%", "?" * 5000]
)
def test_base64_with_errors_is_broken(value: str) -> None:
    assert ImageLoader(None).load(value).failure == "image_broken"


def test_sniffs_the_form_of_a_column() -> None:
    assert str(sniff_image_values(pd.Series(["a/1.JPG", "b.png", None]))).startswith("path: ")
    assert ".jpg, .png" in str(sniff_image_values(pd.Series(["a/1.JPG", "b.png", ""])))
    assert str(sniff_image_values(pd.Series([TEXT, None, "data:image/png;base64,AA"]))).startswith("base64: ")
    assert str(sniff_image_values(pd.Series([JPEG, None]))).startswith("bytes: ")
    no_photos: list[list[Any]] = [[], [None], ["a", "b"], [1, 2], ["a.jpg", "b", "c"], [b"ab"], ["https://x.y/z.jpg"]]
    for values in no_photos:
        assert sniff_image_values(pd.Series(values, dtype=object)) is None


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "CMYK", "RGBA", "LA", "I;16", "I", "F", "YCbCr", "HSV", "LAB"])
def test_decodes_every_mode_to_much_the_same_photo(mode: str) -> None:
    grey = Image.fromarray(np.tile(np.linspace(20, 230, 64, dtype=np.uint8), (48, 1)))
    if mode in ("I;16", "I"):
        source = Image.fromarray(np.asarray(grey).astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    else:
        source = grey.convert("RGB").convert("F" if mode in ("F", "LAB") else mode, palette=Image.Palette.ADAPTIVE)
    form = {"CMYK": "JPEG", "YCbCr": "JPEG", "F": "TIFF", "LAB": "TIFF", "I": "TIFF"}.get(mode, "PNG")
    source = source.convert("RGB") if mode == "HSV" else source
    image = decode_image(encoded(source, form))
    assert (image.mode, image.size) == ("RGB", (64, 48))
    difference = np.abs(np.asarray(image).mean(axis=2) - np.asarray(grey)).mean()
    assert difference < (120 if mode == "1" else 6)  # black and white is dithered


def test_transparent_parts_are_white() -> None:
    for image in (Image.new("RGBA", (9, 9), (0, 0, 0, 0)), Image.new("LA", (9, 9), (0, 0))):
        assert np.asarray(decode_image(encoded(image))).min() == 255
    palette = Image.new("P", (9, 9), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert np.asarray(decode_image(encoded(palette, "PNG", transparency=0))).min() == 255
    assert np.asarray(decode_image(encoded(palette, "GIF", transparency=0))).min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("least_side", [None, 16])
def test_turns_upright_as_exif_says(orientation: int, least_side: int | None) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    for form in ("JPEG", "PNG"):
        content = encoded(photo(120, 80), form, exif=exif)
        expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        image = decode_image(content, least_side)
        assert image_size(content) == expected.size
        small = expected.resize(image.size, Image.Resampling.BOX)
        assert np.abs(np.asarray(image).astype(int) - np.asarray(small)).mean() < 3


def test_damaged_exif_does_not_spoil_the_photo() -> None:
    content = encoded(photo(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert decode_image(content).size == (40, 30)


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        options = {"lossless": True} if form == "WEBP" else {}
        content = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
        assert tuple(np.asarray(decode_image(content))[4, 4]) == (255, 0, 0)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_truncated_is_broken(form: str) -> None:
    content = encoded(photo(200, 200), form)
    for length in (0, 5, len(content) // 2):
        with pytest.raises(UnreadableImageError) as caught:
            decode_image(content[:length], 32)
        assert caught.value.code == "image_broken"


def test_no_bytes_whatever_raise_anything_else() -> None:
    random.seed(0)
    for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        content = encoded(photo(), form)
        for _ in range(150):
            damaged = bytearray(content)
            for _ in range(random.randint(1, 8)):
                damaged[random.randrange(len(damaged))] = random.randrange(256)
            try:
                assert decode_image(bytes(damaged), 8).mode == "RGB"
                image_size(bytes(damaged))
            except UnreadableImageError as error:
                assert error.code in ("image_broken", "image_too_large")


@pytest.mark.parametrize("content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"hello", b"<svg/>"])
def test_other_formats_are_not_opened(content: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="UnidentifiedImageError"):
        decode_image(content)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(50_000, 50_000), (10_000, 10_000), (8_001, 8_000)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    for refuse in (decode_image, image_size):
        with pytest.raises(UnreadableImageError) as caught:
            refuse(bomb(*size))
        assert caught.value.code == "image_too_large"


@pytest.mark.parametrize("marks", [b"\xff\xd8", b"\xff", b"\xff\xe0\x00\x02", b"\xff\xfe\x00\x03a"])
def test_a_header_without_an_end_is_left(marks: bytes) -> None:
    content = b"\xff\xd8\xff\xd8" + marks * (4_000_000 // len(marks))
    for refuse in (decode_image, image_size):
        with pytest.raises(UnreadableImageError, match="header does not end"):
            refuse(content)


def test_a_photo_of_many_pieces_behind_its_header_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featurizers.image_decoding.MAX_HEADER_READS", 60)
    noise = np.random.default_rng(0).integers(0, 256, size=(600, 600, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise))  # IDAT chunks of 64 kB, each read in several pieces
    assert decode_image(content).size == (600, 600)


def test_one_pixel_and_strips() -> None:
    for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP"):
        assert decode_image(encoded(Image.new("RGB", (1, 1)), form), 256).size == (1, 1)
    assert small_pixels(encoded(Image.new("RGB", (1, 9_000))), 64).shape == (64, 1, 3)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_large_photo_is_decoded_small(form: str) -> None:
    content = encoded(photo(1600, 1200), form)
    image = decode_image(content, 128)
    assert image.size == (400, 300)
    full = np.asarray(decode_image(content).resize((64, 48), Image.Resampling.BOX)).astype(int)
    assert np.abs(full - np.asarray(image.resize((64, 48), Image.Resampling.BOX))).mean() < 2


def test_heic_where_its_package_is_installed() -> None:
    pytest.importorskip("pillow_heif")
    decode_image(JPEG)  # registers the format
    content = encoded(photo(64, 48), "HEIF", quality=90)
    image = decode_image(content)
    assert (image.mode, image.size, image_size(content)) == ("RGB", (64, 48), (64, 48))
    assert np.abs(np.asarray(image).astype(int) - np.asarray(photo(64, 48))).mean() < 8
    assert np.asarray(decode_image(encoded(Image.new("RGBA", (16, 16), (0, 0, 0, 0)), "HEIF"))).min() == 255
    assert ImageLoader(None).load(base64.b64encode(content).decode()).content == content
    assert str(sniff_image_values(pd.Series([content]))).startswith("bytes: ")
    with pytest.raises(UnreadableImageError):
        decode_image(content[: len(content) // 2])


def test_avif_and_formats_of_16_and_1_bit() -> None:
    from PIL import features

    if features.check("avif"):
        content = encoded(photo(64, 48), "AVIF", quality=90)
        assert np.abs(np.asarray(decode_image(content)).astype(int) - np.asarray(photo(64, 48))).mean() < 8
        assert ImageLoader(None).load(base64.b64encode(content).decode()).content == content
    bits = Image.fromarray(np.tile(np.array([[0, 255]], dtype=np.uint8), (8, 4))).convert("1")
    for form in ("PNG", "TIFF", "BMP", "GIF"):
        assert set(np.unique(np.asarray(decode_image(encoded(bits, form))))) == {0, 255}
    deep = Image.fromarray((np.arange(64 * 4, dtype=np.uint16) * 257).reshape(4, 64))
    for form in ("PNG", "TIFF"):
        levels = np.asarray(decode_image(encoded(deep, form)))[..., 0].ravel()
        assert np.abs(levels.astype(int) - np.arange(256)).max() <= 1
