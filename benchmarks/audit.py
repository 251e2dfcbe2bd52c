"""What an audit costs, and how far what it says is true.

    python benchmarks/audit.py --rows 100000          seconds of each part and the peak of memory, photos in the cache
    python benchmarks/audit.py --planted [--images DIR]     precision and recall of each finding on planted faults

The rows are made: distinct texts, and drawn photos that many rows share. With --images the faults are planted in
real photos (jpg files of DIR) instead of drawn ones.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageFilter

from artifacts import finding
from artifacts.embedding_store import EmbeddingStore
from artifacts.task import Task
from automl.audit import audit_task
from featurizers import repeats

PHOTOS = 3_000
PHOTO_SIDE = 320
PLANTED = 40  # rows of each fault
TASK = Task(name="made", target={"kind": "binary", "column": "sold"}, columns={"id": "card"})  # type: ignore[arg-type]

Rng = np.random.Generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        audit_once(chosen.child)
    elif chosen.planted:
        planted(chosen.images)
    else:
        scale(chosen.rows)


# -- cost ---------------------------------------------------------------------------------------------------------


def scale(n: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = folder / "photos"
        photos.mkdir()
        rng = np.random.default_rng(0)
        for i in range(PHOTOS):
            (photos / f"{i}.jpg").write_bytes(jpeg(drawn(rng)))
        cards = made_cards(n, rng)
        cards["photo"] = [f"{i}.jpg" for i in rng.integers(0, PHOTOS, n)]
        cards.iloc[: 4 * n // 5].to_parquet(folder / "train.parquet")
        cards.iloc[4 * n // 5 :].to_parquet(folder / "test.parquet")
        del cards
        print(f"{n} rows, {PHOTOS} distinct photos, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
        for what in ("photos not in the cache", "photos in the cache"):
            line = [sys.executable, __file__, "--child", str(folder)]
            print(f"{what}:")
            sys.stdout.flush()
            subprocess.run(line, check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})


def audit_once(folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    data = {"train": "train.parquet", "test": "test.parquet", "images": "photos"}
    task = Task(**{**TASK.model_dump(exclude={"root", "data"}), "data": data}).with_root(folder)
    started = time.perf_counter()
    report = audit_task(task, store=EmbeddingStore(folder / "cache"))
    total = time.perf_counter() - started
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in report.seconds.items())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {total:.1f} s ({parts}); peak {peak:.0f} MB (libraries {before:.0f}); {len(report.findings)} findings\n")


def made_cards(n: int, rng: Rng) -> pd.DataFrame:
    """Rows with two texts, numbers, categories and a date; every fortieth text is another one's copy, word for word
    or with one word changed."""
    vocabulary = np.array([f"{a}{b}" for a in "bdfgklmnprst" for b in ("ala", "ero", "ini", "oku", "upa", "ati")] * 40)
    vocabulary = np.char.add(vocabulary, rng.integers(0, 400, len(vocabulary)).astype(str))
    texts = [" ".join(rng.choice(vocabulary, size)) for size in rng.integers(25, 70, n)]
    for i in range(40, n, 40):
        words = texts[i - 7].split()
        words[9] = words[9] if i % 80 else "changed"
        texts[i] = " ".join(words)
    price = rng.gamma(3, 20, n).round(2)
    return pd.DataFrame(
        {
            "card": [f"C-{i:07d}" for i in range(n)],
            "title": [" ".join(rng.choice(vocabulary, 6)) for _ in range(n)],
            "text": texts,
            "price": price,
            "weight": [f"{value:.1f} kg" for value in rng.gamma(2, 2, n)],
            "kind": rng.choice([f"kind {i}" for i in range(60)], n),
            "seller": rng.choice([f"seller {i}" for i in range(n // 20 + 2)], n),
            "published": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 500, n), unit="D"),
            "sold": rng.binomial(1, 1 / (1 + np.exp((price - 60) / 40))),
        }
    )


def drawn(rng: Rng) -> Image.Image:
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    coarse = np.asarray(small.resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.NEAREST))
    noise = rng.normal(0, 10, (PHOTO_SIDE, PHOTO_SIDE, 1))
    return Image.fromarray(np.clip(coarse + noise, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int = 85, form: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality)
    return buffer.getvalue()


# -- truth --------------------------------------------------------------------------------------------------------

Spoil = Callable[[Image.Image], bytes]


def _cut(share: float) -> Spoil:
    def spoil(image: Image.Image) -> bytes:
        dx, dy = round(image.width * share), round(image.height * share)
        return jpeg(image.crop((dx, dy, image.width - dx, image.height - dy)))

    return spoil


SPOILED: dict[str, tuple[str, Spoil]] = {
    "white": ("image_blank", lambda image: jpeg(Image.new("RGB", image.size, "white"))),
    "black": ("image_blank", lambda image: jpeg(Image.new("RGB", image.size, "black"))),
    "one colour": ("image_one_colour", lambda image: jpeg(Image.new("RGB", image.size, (90, 140, 60)))),
    "48 pixels wide": ("image_tiny", lambda image: jpeg(image.resize((48, 60)))),
    "blur of 1.5 pixels": ("image_blurred", lambda image: jpeg(image.filter(ImageFilter.GaussianBlur(1.5)))),
    "blur of 3 pixels": ("image_blurred", lambda image: jpeg(image.filter(ImageFilter.GaussianBlur(3)))),
    "not a photo": ("image_broken", lambda image: jpeg(image)[:200]),
}
COPIED: dict[str, Spoil] = {
    "quality 40": lambda image: jpeg(image, 40),
    "half the size": lambda image: jpeg(image.resize((image.width // 2, image.height // 2))),
    "twice the size": lambda image: jpeg(image.resize((image.width * 2, image.height * 2))),
    "WebP": lambda image: jpeg(image, 70, "WEBP"),
    "15% darker": lambda image: jpeg(ImageEnhance.Brightness(image).enhance(0.85)),
    "10% brighter": lambda image: jpeg(ImageEnhance.Brightness(image).enhance(1.1)),
    "1% cut off each side": _cut(0.01),
    "3% cut off each side": _cut(0.03),
}


def planted(images: Path | None) -> None:
    rng = np.random.default_rng(0)
    n = 2_000
    photos = [jpeg(drawn(rng)) for _ in range(n)] if images is None else real_photos(images, n, rng)
    n = len(photos)
    cards = made_cards(n, rng).assign(photo=pd.Series(photos, dtype=object))
    cards["text"] = [f"{text} {i}" for i, text in enumerate(made_cards(n * 2, rng)["text"].iloc[::2])]
    cards["text"] = cards["text"].where(cards.index % 20 != 0, [f"only{i} " * 9 for i in range(n)])
    free = iter(rng.permutation(n))
    truth: dict[str, tuple[str, set[str]]] = {}

    def rows() -> list[int]:
        return [int(next(free)) for _ in range(PLANTED)]

    def names(some: list[int]) -> set[str]:
        return {f"C-{i:07d}" for i in some}

    base = count(cards.copy(), "nothing planted")
    for what, (code, spoil) in SPOILED.items():
        places = rows()
        for i in places:
            cards.at[i, "photo"] = spoil(opened(photos[i]))
        truth[what] = (code, names(places))
    for what, change in COPIED.items():
        places = rows()
        for i, other in zip(places[::2], places[1::2], strict=True):
            cards.at[i, "photo"] = change(opened(photos[other]))
        truth[f"copy, {what}"] = ("image_nearly_repeated", names(places))
    for what, edit in (("one word changed", changed), ("a tail", tailed), ("two words swapped", swapped)):
        places = rows()
        for i, other in zip(places[::2], places[1::2], strict=True):
            cards.at[i, "text"] = edit(str(cards.at[other, "text"]))
        truth[f"text, {what}"] = ("text_nearly_repeated", names(places))
    found = count(cards, "planted")
    print("\n| planted | finding | rows | found | recall |\n|---|---|---|---|---|")
    for what, (code, wanted) in truth.items():
        hit = wanted & found.get(code, set())
        print(f"| {what} | {code} | {len(wanted)} | {len(hit)} | {len(hit) / len(wanted):.2f} |")
    print("\n| finding | rows named | of them planted | found before anything was planted |")
    print("|---|---|---|---|")
    for code in dict.fromkeys(code for code, _ in truth.values()):
        planted_rows = set().union(*(wanted for other, wanted in truth.values() if other == code))
        named = found.get(code, set())
        print(f"| {code} | {len(named)} | {len(named & planted_rows)} | {len(base.get(code, set()))} |")


def real_photos(folder: Path, n: int, rng: Rng) -> list[bytes]:
    files = sorted(folder.rglob("*.jpg"))
    chosen = [files[i].read_bytes() for i in rng.permutation(len(files))[:n]]
    return list(dict.fromkeys(chosen))


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def changed(text: str) -> str:
    words = text.split()
    return " ".join([*words[:9], "altered", *words[10:]])


def tailed(text: str) -> str:
    return f"{text} Politics, 10:38"


def swapped(text: str) -> str:
    words = text.split()
    return " ".join([*words[:7], words[8], words[7], *words[9:]])


def count(cards: pd.DataFrame, what: str) -> dict[str, set[str]]:
    """Every row of each finding; a finding names but the first ones by default."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(finding, "MAX_ROWS_NAMED", len(cards)),
        patch.object(repeats, "MAX_ROWS_NAMED", len(cards)),
    ):
        started = time.perf_counter()
        report = audit_task(TASK, train=cards, store=EmbeddingStore(Path(folder)))
    print(f"{what}: {len(cards)} rows, {time.perf_counter() - started:.0f} s")
    return {found.code: set(found.rows) for found in report.findings if found.column in ("photo", "text")}


if __name__ == "__main__":
    main()
