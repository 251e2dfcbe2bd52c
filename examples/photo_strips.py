"""A page of pictures: for each photo factor, the photos with the lowest and those with the highest values.

python examples/photo_strips.py --images DIR --out page.jpg [--lang en|ru] [--limit N] [--altered]

So a person sees whether a factor measures what its name says. Factors that are equal for all photos are
named at the foot of the page. ``--altered`` first puts text, frames, grain, faces and so on into some of the photos.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.image_decoding import UnreadableImageError, decode_image
from featurizers.image_quality import QUANTITIES, ImageQuality

THUMB = 74  # pixels a side
EACH = 5  # photos at each end of a strip
COLUMNS = 2
LINE = 20  # pixels, of a factor's title
GAP = 14
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
Photo = Image.Image


@dataclass(frozen=True)
class Strip:
    """A factor's title, and its photos by value from low to high."""

    title: str
    low: list[tuple[Path, float]]
    high: list[tuple[Path, float]]


def main() -> None:
    """Measure, sort, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lang", choices=("en", "ru"), default="en")
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--altered", action="store_true")
    chosen = parser.parse_args()
    found = sorted(path for path in chosen.images.rglob("*") if path.suffix.lower() in SUFFIXES)
    paths = [found[i] for i in np.sort(np.random.default_rng(0).permutation(len(found))[: chosen.limit])]
    if not paths:
        parser.error(f"There is no photo with a name that ends in {', '.join(SUFFIXES)} in {chosen.images}.")
    with tempfile.TemporaryDirectory() as temporary:
        paths = altered(paths, Path(temporary)) if chosen.altered else paths
        strips, equal = sort(paths, chosen.lang)
        page = draw_page(strips, equal, chosen.lang)
    page.save(chosen.out, quality=78, optimize=True)
    print(f"{len(paths)} photos, {len(strips)} factors, {len(equal)} equal for all: {chosen.out}")


def sort(paths: list[Path], language: str) -> tuple[list[Strip], list[str]]:
    """A strip of each factor, and the titles of those that are equal for all photos."""
    values: pd.Series[Any] = pd.Series([str(path.resolve()) for path in paths], dtype=object)
    column = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))
    block = ImageQuality(column).transform(values.map(Path).map(Path.read_bytes), Surroundings())[0]
    strips, equal = [], []
    for i, (english, russian, _) in enumerate(QUANTITIES.values()):
        title = russian if language == "ru" else english
        measured = block.values[:, i]
        readable = np.random.default_rng(i).permutation(np.flatnonzero(np.isfinite(measured)))  # for equal values
        order = readable[np.argsort(measured[readable], kind="stable")]
        if len(order) < 2 or measured[order[0]] == measured[order[-1]]:
            equal.append(title)
            continue
        ends = [[(paths[row], float(measured[row])) for row in part] for part in (order[:EACH], order[-EACH:])]
        strips.append(Strip(title, *ends))
    return strips, equal


def draw_page(strips: list[Strip], equal: list[str], language: str) -> Photo:
    """Strips in columns, lowest values on the left of each."""
    width, height = 2 * EACH * THUMB + 3 * GAP, LINE + THUMB + GAP
    rows = -(-len(strips) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * width + GAP, rows * height + 2 * GAP + LINE), "white")
    draw = ImageDraw.Draw(page)
    for i, strip in enumerate(strips):
        left, top = GAP + i // rows * width, GAP + i % rows * height
        draw.text((left, top), strip.title, fill="black", font=font(13))
        for start, photos in ((left, strip.low), (left + EACH * THUMB + GAP, strip.high)):
            for j, (path, value) in enumerate(photos):
                place = start + j * THUMB, top + LINE
                page.paste(thumbnail(path), place)
                label = f"{value:.3g}"
                box = draw.textbbox((place[0] + 2, place[1] + THUMB - 15), label, font=font(10))
                draw.rectangle((box[0] - 2, box[1] - 1, box[2] + 2, box[3] + 1), fill="white")
                draw.text((place[0] + 2, place[1] + THUMB - 15), label, fill="black", font=font(10))
    if equal:
        same = "Одинаково у всех фото: " if language == "ru" else "Equal for all photos: "
        draw.text((GAP, page.height - LINE - 4), same + "; ".join(equal), fill="black", font=font(12))
    return page


def thumbnail(path: Path) -> Photo:
    """A photo in the middle of a grey square, so that its own shape and border are seen."""
    small = decode_image(path.read_bytes(), THUMB)
    small.thumbnail((THUMB - 4, THUMB - 4), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (THUMB, THUMB), "white")
    left, top = (THUMB - small.width) // 2, (THUMB - small.height) // 2
    ImageDraw.Draw(square).rectangle((left - 1, top - 1, left + small.width, top + small.height), outline="#c8c8c8")
    square.paste(small, (left, top))
    return square


def font(size: int) -> ImageFont.FreeTypeFont:
    """A font with Latin and Cyrillic letters that comes with matplotlib."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


# -- photos that were altered on purpose


def altered(paths: list[Path], folder: Path) -> list[Path]:
    """Copies of the photos in ``folder``; of every ten, nine have something put into them, in turn."""
    rng = np.random.default_rng(0)
    ways: list[Callable[[Photo, np.random.Generator], Photo]] = [
        write, frame, beside, grain, blur, shift, keep, dim, enlarge, face
    ]  # fmt: skip
    made = []
    for i, path in enumerate(paths):
        try:
            photo = decode_image(path.read_bytes())
        except UnreadableImageError:
            continue
        made.append(folder / f"{i:06d}.png")
        ways[i % len(ways)](photo, rng).save(made[-1])
    return made


def write(photo: Photo, rng: np.random.Generator) -> Photo:
    """One to four lines of text."""
    draw, size = ImageDraw.Draw(photo), int(rng.integers(9, max(10, photo.width // 9)))
    lines = ["FREE DELIVERY", "Natural cotton", "Two years", "Made by hand"][: int(rng.integers(1, 5))]
    for i, line in enumerate(lines):
        draw.text((8, 8 + i * size * 1.5), line, font=font(size), fill="white", stroke_width=1, stroke_fill="black")
    return photo


def frame(photo: Photo, rng: np.random.Generator) -> Photo:
    """A plain frame."""
    width = int(rng.integers(4, 26))
    colour = str(rng.choice(["white", "black", "dimgrey", "tan"]))
    inside = photo.resize((photo.width - 2 * width, photo.height - 2 * width))
    result = Image.new("RGB", photo.size, colour)
    result.paste(inside, (width, width))
    return result


def beside(photo: Photo, rng: np.random.Generator) -> Photo:
    """The photo beside a darker copy of a part of it."""
    half = photo.resize((photo.width // 2, photo.height))
    photo.paste(half, (0, 0))
    photo.paste(Image.eval(half.transpose(Image.Transpose.FLIP_LEFT_RIGHT), lambda level: level // 2), (half.width, 0))
    return photo


def grain(photo: Photo, rng: np.random.Generator) -> Photo:
    """Noise."""
    noise = rng.normal(0, rng.uniform(5, 25), (photo.height, photo.width, 1))
    return Image.fromarray(np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8))


def blur(photo: Photo, rng: np.random.Generator) -> Photo:
    """Out of focus."""
    return photo.filter(ImageFilter.GaussianBlur(float(rng.uniform(2, 6))))


def shift(photo: Photo, rng: np.random.Generator) -> Photo:
    """A small copy in a corner of a plain ground."""
    ground = Image.new("RGB", photo.size, tuple(int(level) for level in np.asarray(photo)[0].mean(axis=0)))
    small = photo.resize((photo.width // 3, photo.height // 3))
    ground.paste(small, (int(rng.integers(4, 20)), int(rng.integers(4, 20))))
    return ground


def keep(photo: Photo, rng: np.random.Generator) -> Photo:
    """As it is."""
    return photo


def dim(photo: Photo, rng: np.random.Generator) -> Photo:
    """Dark."""
    factor = float(rng.uniform(0.15, 0.4))
    return Image.eval(photo, lambda level: int(level * factor))


def enlarge(photo: Photo, rng: np.random.Generator) -> Photo:
    """Of another size and shape."""
    return photo.resize((int(rng.integers(60, 480)), int(rng.integers(120, 360))))


def face(photo: Photo, rng: np.random.Generator) -> Photo:
    """A drawn face."""
    s, left, top = rng.uniform(0.5, 0.9), float(rng.uniform(5, 60)), float(rng.uniform(5, 40))
    layer = photo.copy()
    draw, skin, dark = ImageDraw.Draw(layer), (225, 175, 145), (139, 108, 90)
    ovals = [((12, 2, 88, 100), (60, 40, 30)), ((18, 12, 82, 98), skin)]
    for x in (36, 64):
        ovals += [((x - 13, 33, x + 13, 37), (70, 45, 35)), ((x - 13, 36, x + 13, 54), dark)]
        ovals += [((x - 8, 42, x + 8, 50), (235, 230, 225)), ((x - 4, 41, x + 4, 51), (40, 25, 20))]
    ovals += [((44, 44, 56, 70), (243, 189, 157)), ((42, 64, 58, 70), dark), ((36, 76, 64, 84), (165, 75, 75))]
    for (x0, y0, x1, y1), colour in ovals:
        draw.ellipse((left + s * x0, top + s * y0, left + s * x1, top + s * y1), fill=colour)
    return layer.filter(ImageFilter.GaussianBlur(1))


if __name__ == "__main__":
    main()
