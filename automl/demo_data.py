"""A small shop of product cards with planted effects: what a fit should find is known beforehand.

``make_demo_data`` writes a task that ``fit`` takes as it is. Clicks are drawn from the causes in
``automl/demo_truth.py``; everything else on a card is drawn independently of them. The cards are
as dirty as real ones: missing and broken photos, empty titles, cut-off characteristics.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from artifacts.errors import ArtifactError, InputError
from automl.demo_cards import draw_cards
from automl.demo_drawing import PhotoLook, draw_blank, draw_photo, to_jpeg
from automl.demo_truth import DemoTruth

__all__ = ["DemoTruth", "make_demo_data"]

MIN_ROWS = 20
BLANK_TONE = 0.55  # of a one-colour photo: the centre of the brightness effect, so that it adds nothing

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


def _write_photos(folder: Path, cards: pd.DataFrame, rows: pd.DataFrame, seed: int) -> None:
    """Draw and write one photo at a time, each from a random stream of its own."""
    looks = rows.rename(columns=lambda name: name.removeprefix("photo_")).to_dict("list")
    for i, (file, state) in enumerate(zip(cards["photo"], rows["photo_state"], strict=True)):
        if state in ("none", "absent"):
            continue
        if state == "ok":
            look = PhotoLook(**{field.name: looks[field.name][i] for field in fields(PhotoLook)})
            content = to_jpeg(draw_photo(look, np.random.default_rng([seed, i])))
        else:
            content = to_jpeg(draw_blank(BLANK_TONE))
        (folder / str(file)).write_bytes(content[: len(content) // 3] if state == "broken" else content)
