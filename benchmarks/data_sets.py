"""Data sets of the benchmarks: what is predicted from which columns, and variants with a planted effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from artifacts.tables import read_parquet


@dataclass(frozen=True)
class DataSet:
    """A task on a folder of data; ``prepare`` mends what a task file cannot say."""

    target: dict[str, Any]
    columns: dict[str, Any]
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame
    files: tuple[str, str] = ("train.parquet", "test.parquet")
    images: str = "."  # folder that paths of photos are relative to
    folder: str = ""  # of the files, if not called as the set

    def read(self, folder: Path, file: str) -> pd.DataFrame:
        """The rows of one of the files, with their targets."""
        frame = pd.read_csv(folder / file) if file.endswith(".csv") else read_parquet(folder / file)
        if file.startswith("test") and (folder / "test_labels.parquet").exists():
            frame = frame.merge(read_parquet(folder / "test_labels.parquet"), on="product_id")
        return self.prepare(frame)


def _log_of(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**{f"log_{column}": np.log(frame[column].astype(float))})


SPELLINGS = {  # as sellers write them
    "Men": "Men, MEN, men's, Male, м, муж., мужской, Мужчины, для мужчин",
    "Women": "Women, WOMEN, women's, Female, ж, жен., женский, Женщины, для женщин",
    "Unisex": "Unisex, UNISEX, унисекс, для всех",
    "Boys": "Boys, boy, мальчики, для мальчиков",
    "Girls": "Girls, girl, девочки, для девочек",
    "Summer": "Summer, SUMMER, лето, летний, Лето., на лето",
    "Winter": "Winter, winter, зима, зимний, Зима., на зиму",
    "Fall": "Fall, Autumn, autumn, осень, осенний, Осень.",
    "Spring": "Spring, spring, весна, весенний, Весна.",
    "Black": "Black, black, BLACK, чёрный, черный, Чёрный., цвет чёрный",
    "White": "White, white, WHITE, белый, Белый., цвет белый",
    "Blue": "Blue, blue, синий, Синий., тёмно-синий, цвет синий",
    "Brown": "Brown, brown, коричневый, Коричневый., цвет коричневый",
    "Grey": "Grey, gray, GREY, серый, Серый., цвет серый",
    "Red": "Red, red, RED, красный, Красный., цвет красный",
    "Green": "Green, green, зелёный, зеленый, Зелёный.",
    "Pink": "Pink, pink, розовый, Розовый.",
    "Purple": "Purple, purple, фиолетовый, Фиолетовый.",
    "Yellow": "Yellow, yellow, жёлтый, желтый, Жёлтый.",
}


def _respelled(frame: pd.DataFrame) -> pd.DataFrame:
    """Sex, season and colour in the spellings of many sellers."""
    rng = np.random.default_rng(len(frame))
    columns = {
        name: [rng.choice(SPELLINGS[value].split(", ")) if value in SPELLINGS else value for value in frame[name]]
        for name in ("gender", "season", "baseColour")
    }
    return frame.assign(**columns)


def _misplaced(frame: pd.DataFrame) -> pd.DataFrame:
    """Half of the books with the description of another one."""
    rng = np.random.default_rng(len(frame))
    moved = np.flatnonzero((rng.random(len(frame)) < 0.5) & frame["Description"].notna().to_numpy())
    description, own = frame["Description"].to_numpy(dtype=object, copy=True), np.full(len(frame), "yes", dtype=object)
    description[moved], own[moved] = description[np.roll(moved, 1)], "no"
    return frame.assign(Description=description, own=own)


def _galleries(frame: pd.DataFrame) -> pd.DataFrame:
    """One to five photos a card, all but the first of other cards; each of them raises the click rate."""
    rng = np.random.default_rng(len(frame))
    usable = frame["photo"].dropna().to_numpy()
    more = rng.integers(0, 5, len(frame))
    photos = [
        [photo, *rng.choice(usable, n)] if isinstance(photo, str) else photo
        for photo, n in zip(frame["photo"], more, strict=True)
    ]
    n_more = np.array([len(cell) - 1 if isinstance(cell, list) else 0 for cell in photos])
    clicks = rng.binomial(frame["clicks"], 0.75 + 0.05 * n_more)
    return frame.assign(photo=photos, clicks=clicks)


RBC_OUTCOMES = ("views", "depth", "full_reads_percent", "trials", "successes")
DATA_SETS: dict[str, DataSet] = {
    "fashion": DataSet(
        {"kind": "multiclass", "column": "subCategory", "metric": "f1_weighted"},
        {"image": ["image"], "text": ["productDisplayName"], "ignore": ["masterCategory", "high_ctr"], "id": "id"},
    ),
    "fashion_high_ctr": DataSet(  # made from the name, which is therefore left out
        {"kind": "binary", "column": "high_ctr", "metric": "roc_auc"},
        {"image": ["image"], "ignore": ["productDisplayName"], "id": "id"},
        folder="fashion",
    ),
    "movie_posts": DataSet(
        {"kind": "conversion", "successes": "like", "trials": "view", "metric": "log_likelihood_skill"},
        {"image": ["photo"], "text": ["text"], "list": ["genres"], "ignore": ["hide"], "id": "post_id"},
        files=("train.csv", "test.csv"),
    ),
    "rbc_news_ru": DataSet(
        {"kind": "conversion", "successes": "successes", "trials": "trials", "metric": "log_likelihood_skill"},
        {"text": ["title"], "ignore": [*RBC_OUTCOMES[:3], "ctr", "document_id", "session"], "time": "publish_date"},
    ),
    "cian_ru": DataSet(
        {"kind": "regression", "column": "log_price", "metric": "r2"},
        {"ignore": ["price", "link", "processed"]},
        _log_of("price"),
    ),
    "kdramas": DataSet(
        {"kind": "regression", "column": "rating", "metric": "r2"},
        {"image": ["image"], "text": ["plot"], "list": ["genre", "starring"], "id": "id"},
    ),
    "houses": DataSet(
        {"kind": "regression", "column": "log_price", "metric": "r2"},
        {"image": ["frontal", "bedroom", "bathroom", "kitchen"], "ignore": ["price", "house_id"]},
        _log_of("price"),
    ),
    "kazan_cards": DataSet(
        {"kind": "multiclass", "column": "category_id", "metric": "f1_weighted"},
        {"image": ["product_id"], "nested": ["text_fields"], "ignore": ["category_name"]},
        images="images",
    ),
    "babies_r_us": DataSet(
        {"kind": "regression", "column": "price", "metric": "r2"},
        {"text": ["title"], "ignore": ["int_id", "ext_id", "SKU", "brand"]},
    ),
    "goodreads": DataSet(
        {"kind": "regression", "column": "Rating", "metric": "r2"},
        {
            "text": ["Title", "Description"],
            "ignore": ["ID", "FileName", "ISBN", "ISBN13", "NumberofRatings", "NumberofReviews"],
        },
    ),
    "demo": DataSet(  # of tabular-fusion demo-data, 4,000 rows: effects are planted in what an author can change
        {"kind": "conversion", "successes": "clicks", "trials": "views", "metric": "log_likelihood_skill"},
        {"image": ["photo"], "text": ["title", "description"], "nested": ["characteristics"], "ignore": ["likes"]},
        files=("train.csv", "test.csv"),
        images="images",
    ),
    "rbc_views": DataSet(
        {"kind": "regression", "column": "log_views", "metric": "r2"},
        {
            "text": ["title"],
            "ignore": [*RBC_OUTCOMES, "ctr", "document_id", "session"],
            "time": "publish_date",
            "datetime": ["publish_date"],
        },
        _log_of("views"),
        folder="rbc_news_ru",
    ),
    "goodreads_misplaced": DataSet(
        {"kind": "binary", "column": "own", "metric": "roc_auc"},
        {"text": ["Title", "Description"], "ignore": ["ID", "FileName", "ISBN", "ISBN13"]},
        _misplaced,
        folder="goodreads",
    ),
    "demo_galleries": DataSet(
        {"kind": "conversion", "successes": "clicks", "trials": "views", "metric": "log_likelihood_skill"},
        {"image": ["photo"], "text": ["title", "description"], "nested": ["characteristics"], "ignore": ["likes"]},
        _galleries,
        files=("train.csv", "test.csv"),
        images="images",
        folder="demo",
    ),
    "product_texts": DataSet(
        {"kind": "multiclass", "column": "category", "metric": "f1_weighted"},
        {"text": ["noisyTextDescription"], "ignore": ["id"]},
    ),
    "product_texts_respelled": DataSet(
        {"kind": "multiclass", "column": "category", "metric": "f1_weighted"},
        {
            "text": ["noisyTextDescription"],
            "categorical": ["gender", "season", "baseColour", "usage"],
            "ignore": ["id"],
        },
        _respelled,
        folder="product_texts",
    ),
}
