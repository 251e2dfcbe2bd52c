"""Photos a second of the photo factors, decoding included, and the share of each theme in the cost.

python benchmarks/photo_factors.py [--images DIR] [--photos N] [--rounds N]

Without --images it draws the photos of the demo shop. The cache is empty; the best round counts, and
the load of the machine is printed. The cost of a theme is processor time of one thread.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from artifacts.schema import Column, Modality, Title
from automl.demo_drawing import PhotoLook, draw_looks, draw_photo
from featurizers.base import Surroundings
from featurizers.image_quality import THEMES, ImageQuality
from featurizers.photo_views import photo_views

SIDE = 256
THEME_PHOTOS = 300


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path)
    parser.add_argument("--photos", type=int, default=1200)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        images = chosen.images or draw(Path(temporary), chosen.photos)
        names = sorted(path.name for path in images.iterdir() if path.suffix in (".jpg", ".png"))
        names = list(np.random.default_rng(0).permutation(names)[: chosen.photos])
        rates, spent = zip(*(rate(images, names) for _ in range(chosen.rounds)), strict=True)
        costs = themes([(images / name).read_bytes() for name in names[:THEME_PHOTOS]])
    rounds = ", ".join(f"{one:.0f}" for one in rates)
    print(f"{len(names)} photos, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"photos a second: {max(rates):.0f} (rounds: {rounds}); processor time a photo: {min(spent):.2f} ms\n")
    print("| part | ms a photo, one thread |\n|---|---|")
    for part, milliseconds in costs.items():
        print(f"| {part} | {milliseconds:.2f} |")


def draw(folder: Path, n: int) -> Path:
    """Photos of the demo shop whose longer side has ``SIDE`` pixels."""
    rng = np.random.default_rng(0)
    for i, look in enumerate(
        draw_looks(rng, n).rename(columns=lambda name: name.removeprefix("photo_")).to_dict("records")
    ):
        photo = draw_photo(PhotoLook(**{str(key): value for key, value in look.items()}), rng)
        scale = SIDE / max(photo.size)
        size = round(photo.width * scale), round(photo.height * scale)
        photo.resize(size, Image.Resampling.BICUBIC).save(folder / f"{i:05d}.jpg", quality=88)
    return folder


def rate(images: Path, names: list[str]) -> tuple[float, float]:
    """Photos a second, and milliseconds of processor time a photo."""
    values: pd.Series[Any] = pd.Series(names, dtype=object)
    featurizer = ImageQuality(Column("photo", Modality.IMAGE, Title("Photo", "Фото")))
    featurizer.transform(values[:8], Surroundings(images))  # imports, tables
    started, used = time.perf_counter(), time.process_time()
    featurizer.transform(values, Surroundings(images))
    seconds, used = time.perf_counter() - started, time.process_time() - used
    return len(names) / seconds, 1000 * used / len(names)


def themes(contents: list[bytes]) -> dict[str, float]:
    """Milliseconds of processor time a photo."""
    import cv2

    cv2.setNumThreads(1)
    started = time.process_time()
    views = [photo_views(content) for content in contents]
    costs = {"decoding and sizes": time.process_time() - started}
    for name, (_, measure) in THEMES.items():
        started = time.process_time()
        for view in views:
            measure(view)
        costs[name] = time.process_time() - started
    return {part: 1000 * cost / len(contents) for part, cost in costs.items()}


if __name__ == "__main__":
    main()
