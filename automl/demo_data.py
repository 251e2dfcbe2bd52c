"""A small shop of product cards with planted effects: what a fit should find is known beforehand.

``make_demo_data`` writes a task that ``fit`` takes as it is. Clicks are drawn from the causes in
``automl/demo_truth.py``; everything else on a card is drawn independently of them. The cards are
as dirty as real ones: missing and broken photos, empty titles, cut-off characteristics.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from artifacts.errors import ArtifactError, InputError
from automl.demo_truth import (
    EFFECTS,
    PLACEBOS,
    DemoTruth,
    PlantedEffect,
)

__all__ = ["DemoTruth", "PlantedEffect", "draw_cards", "make_demo_data"]

MIN_ROWS = 20
TEST_SHARE = 0.2
MAX_TITLE_WORDS = 16
BRIGHTNESS = (0.30, 0.80)

BRANDS = ["Nordline", "Velmora", "Tarvik", "Lumeria", "Kasteon", "Miravel", "Polaryn", "Quillby", "Sorano", "Elmstead"]
LINES = [
    "Breeze",
    "Harbor",
    "Meadow",
    "Pixel",
    "Aurora",
    "Canyon",
    "Ripple",
    "Orchard",
    "Comet",
    "Linden",
    "Atlas",
    "Juniper",
]
WORDS = [
    "soft",
    "classic",
    "everyday",
    "warm",
    "durable",
    "modern",
    "limited",
    "edition",
    "premium",
    "handmade",
    "genuine",
    "comfortable",
    "stylish",
    "universal",
    "original",
    "gift",
    "quality",
    "compact",
    "urban",
    "new",
    "natural",
    "unisex",
    "trendy",
    "practical",
    "elegant",
    "reliable",
    "choice",
    "for",
    "home",
    "travel",
    "work",
    "friends",
    "family",
]
EMOJI = ("🔥", "✨", "🎁", "❤️")
SENTENCES = (
    "Made with care and checked by hand.",
    "A good gift for friends & family.",
    "Easy to clean, easy to store.",
    "Ships the next working day.",
    "The colour may differ a little from the photo.",
    "Returned without questions within 14 days.",
    "Packed in recycled paper.",
    "Our customers come back for it.",
    "Tested in daily use for a year.",
    "Sizes run true, see the table.",
    "Ask us anything before you order.",
    "Light, strong and pleasant to hold.",
)
QUESTIONS = ("Looking for a present?", "Tired of things that break?", "Why pay more?")
TAGS = [
    "sale",
    "new",
    "gift",
    "eco",
    "bestseller",
    "handmade",
    "basic",
    "office",
    "weekend",
    "minimal",
    "retro",
    "kids",
    "local",
    "travel",
    "outlet",
]
SHOPS = [
    "Harbour Lane",
    "Corner Store",
    "Blue Door",
    "Mill & Sons",
    "Sunday Market",
    "Pine Street",
    "Old Town Goods",
    "Fair Trade",
    "The Attic",
    "North Depot",
    "Little Things",
    "Green Yard",
]
SEASONS = ("summer", "winter", "Demi-season", "all seasons", "spring/autumn", "Summer")
MATERIALS = ("cotton", "leather", "ceramic", "polyester", "steel", "wood", "linen")

TASK = """\
name = "demo-shop"
[data]
train = "train.csv"
test = "test.csv"
images = "images"
[target]
kind = "conversion"
successes = "clicks"
trials = "views"
[columns]
id = "card_id"
image = ["photo"]
text = ["title", "description"]
nested = ["characteristics"]
list = ["tags"]
numeric = ["price"]
categorical = ["shop"]
datetime = ["published"]
ignore = ["likes"]
[column.photo]
title = { en = "Photo", ru = "Фото" }
actionable = true
[column.title]
title = { en = "Title", ru = "Название" }
actionable = true
[column.description]
title = { en = "Description", ru = "Описание" }
actionable = true
[column.characteristics]
title = { en = "Characteristics", ru = "Характеристики" }
actionable = true
[column.tags]
title = { en = "Tags", ru = "Теги" }
actionable = true
[column.price]
title = { en = "Price", ru = "Цена" }
unit = "€"
actionable = false
[column.shop]
title = { en = "Shop", ru = "Магазин" }
actionable = false
[column.published]
title = { en = "Published", ru = "Опубликовано" }
actionable = false
"""


def make_demo_data(folder: Path, *, n_rows: int = 600, seed: int = 0) -> DemoTruth:
    """Write a demo shop: ``train.csv``, ``test.csv``, ``images/``, ``task.toml`` and the planted truth.

    The same ``n_rows`` and ``seed`` give the same files. About 100 photos a second.

    Args:
        folder: where to write; made if it is not there.
        n_rows: cards in all; a fifth of them become the test file.
        seed: of all random choices.

    Raises:
        InputError: if there are fewer than 20 rows, or the folder already holds something.
        ArtifactError: if the folder cannot be written.
    """
    folder = Path(folder)
    _check(folder, n_rows, seed)
    cards, rows = draw_cards(n_rows, seed)
    truth = DemoTruth(seed, n_rows, rows)
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for split in ("train", "test"):
            cards[rows["split"] == split].to_csv(folder / f"{split}.csv", index=False)
        _write_photos(folder / "images", cards, rows, seed)
        (folder / "task.toml").write_text(TASK, encoding="utf-8")
        truth.save(folder)
    except OSError as error:
        raise ArtifactError(
            f"The demo data could not be written into {str(folder)!r}: {error}. "
            "Free some space or name another folder, and remove what is there now."
        ) from error
    return truth


def _check(folder: Path, n_rows: int, seed: int) -> None:
    if n_rows < MIN_ROWS:
        raise InputError(
            f"n_rows is {n_rows}, but at least {MIN_ROWS} are needed for a train and a test file. Raise it."
        )
    if seed < 0:
        raise InputError(f"seed is {seed}, but 0 or more is expected. Take another one.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file, but a new or empty folder is expected. Name another place.")
    if folder.is_dir() and any(folder.iterdir()):
        held = sorted(path.name for path in folder.iterdir())[:5]
        raise InputError(
            f"The folder {str(folder)!r} already holds {held}, but a new or empty one is expected. "
            "Name another folder or empty this one."
        )


def draw_cards(n_rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the cards as authors see them, and the truth behind them, without any photo.

    Returns:
        The columns of ``train.csv`` and ``test.csv`` together, and ``DemoTruth.rows`` with two more
        columns of the photos' making: ``photo_state`` and ``photo_whiteness``.
    """
    ids = pd.DataFrame({"card_id": [f"card-{i:05d}" for i in range(n_rows)]})
    photos = _draw_looks(_rng(seed, "photo"), n_rows)
    titles = _draw_titles(_rng(seed, "title"), n_rows)
    descriptions = _draw_descriptions(_rng(seed, "description"), n_rows)
    characteristics = _draw_characteristics(_rng(seed, "characteristics"), photos["colour"].to_numpy())
    shops = _draw_shops(_rng(seed, "shop"), photos["photo_brightness"].to_numpy())
    drawn = pd.concat([ids, photos, titles, descriptions, characteristics, shops], axis=1)
    drawn["photo"] = drawn["card_id"].where(drawn["photo_state"] != "none") + ".jpg"
    unseen = drawn["photo_state"] != "ok"  # buyers see a placeholder: no brightness, no kind
    drawn[["photo_brightness", "photo_kind"]] = drawn[["photo_brightness", "photo_kind"]].mask(unseen)
    drawn = pd.concat([drawn, _draw_outcomes(_rng(seed, "outcome"), drawn)], axis=1)
    card = [
        "card_id",
        "title",
        "description",
        "photo",
        "characteristics",
        "tags",
        "price",
        "shop",
        "published",
        "views",
        "clicks",
        "likes",
    ]
    factors = [thing.factor for thing in (*EFFECTS, *PLACEBOS)]
    behind = [f"log_odds__{effect.factor}" for effect in EFFECTS]
    truth = drawn[["card_id", "split", "p", "p_best", *factors, *behind, "photo_state", "photo_whiteness"]]
    return drawn[card], truth
