"""What each featurizer costs and what it adds: rows a second, and the score with and without it.

    python benchmarks/featurizer_value.py --data ../shared/data --weights ../shared/weights/mobilenetv2_100

For each data set the wide table is made once, without a cache. Then the linear model and LightGBM are fitted on the
training rows with all blocks, and again without the blocks of one featurizer; the difference of the scores on the test
rows has a paired bootstrap interval. A positive difference means that the featurizer helps.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from artifacts import Task
from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.finding import Audit
from artifacts.outcome import outcome_of, usable_target_rows
from artifacts.progress import Bars
from artifacts.schema import Modality
from automl.models.registry import MODELS
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction, metric_for
from evaluation.splits import make_folds
from featurizers.base import Surroundings
from featurizers.column_inference import infer_schema
from featurizers.encoders import resolve_encoder
from featurizers.table_featurizer import FEATURIZERS, PAIRS, TableFeaturizer


@dataclass(frozen=True)
class DataSet:
    """A task on a folder of data; ``prepare`` mends what a task file cannot say."""

    target: dict[str, Any]
    columns: dict[str, Any]
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame
    files: tuple[str, str] = ("train.parquet", "test.parquet")
    images: str = "."  # folder that paths of photos are relative to
    folder: str = ""  # of the files, if not called as the set


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


RBC_OUTCOMES = ("views", "depth", "full_reads_percent", "trials", "successes")
DATA_SETS: dict[str, DataSet] = {
    "fashion": DataSet(
        {"kind": "multiclass", "column": "subCategory", "metric": "f1_weighted"},
        {"image": ["image"], "text": ["productDisplayName"], "ignore": ["masterCategory", "high_ctr"], "id": "id"},
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
MODEL_PARAMS: dict[str, dict[str, Any]] = {"linear": {}, "lightgbm": {"rounds": 300, "patience": 30}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=list(DATA_SETS), choices=list(DATA_SETS))
    parser.add_argument("--rows", type=int, default=5000, help="training rows at most")
    parser.add_argument("--seconds", type=float, default=60.0, help="for one model on one table")
    parser.add_argument("--rates-only", action="store_true", help="no models")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| data set | featurizer | columns | rows/s | linear: adds | lightgbm: adds |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in arguments.only:
        if not (arguments.data / (DATA_SETS[name].folder or name)).is_dir():
            print(f"| {name} | not there | | | | |", flush=True)
            continue
        for line in _lines(name, arguments):
            print(line, flush=True)


@dataclass(frozen=True)
class Made:
    """Training and test rows of a data set as models take them, and the rows a second of each featurizer."""

    task: Task
    train: Examples
    test: Examples
    rates: dict[str, float]


def make(name: str, data: Path, weights: str, rows: int, seed: int, cache: Path) -> Made:
    """The wide tables of a data set; of the training rows, ``rows`` at most."""
    chosen = DATA_SETS[name]
    folder = (data / (chosen.folder or name)).resolve()
    task = Task(name=name, target=chosen.target, columns=chosen.columns, encoders={"image": weights}, root=folder)
    train, test = (_read(folder, file, chosen) for file in chosen.files)
    train, test = (frame[usable_target_rows(frame, task)[0]] for frame in (train, test))
    if len(train) > rows:  # the latest rows, where rows have a time
        order = train[task.columns.time].rank() if task.columns.time else None
        train = train.sample(rows, random_state=seed) if order is None else train.loc[order.nlargest(rows).index]
    schema, _ = infer_schema(train, task)
    audit = Audit()
    around = Surroundings(folder / chosen.images, EmbeddingStore(cache), audit, Bars())
    encoders = [
        resolve_encoder(getattr(task.encoders, m.value), m, Path.cwd(), audit) for m in (Modality.TEXT, Modality.IMAGE)
    ]
    featurizer = TableFeaturizer(schema, *encoders)
    tables = [featurizer.fit(train, around).transform(train, around), featurizer.transform(test, around)]
    assert around.store is not None
    around.store.close()
    n_rows = len(train) + len(test)
    rates = {key: n_rows / seconds for key, seconds in featurizer.seconds.items() if seconds > 0}
    known = outcome_of(train, task)
    outcomes = [known, outcome_of(test, task, known=known.classes)]
    return Made(task, *(Examples(*pair) for pair in zip(tables, outcomes, strict=True)), rates)


def _lines(name: str, arguments: argparse.Namespace) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as cache:
        made = make(name, arguments.data, arguments.weights, arguments.rows, arguments.seed, Path(cache))
    if arguments.rates_only:
        yield from (f"| {name} | {key} | | {rate:,.0f} | | |" for key, rate in made.rates.items())
        return
    fit_on = _Problem(made, arguments)
    whole = {model: fit_on.predictions(model, "") for model in MODEL_PARAMS}
    scores = [f"{fit_on.metric.score(made.test.outcome, whole[m], fit_on.constant):.4f}" for m in MODEL_PARAMS]
    table = made.train.table
    width = table.n_features
    yield f"| **{name}** | everything ({fit_on.metric.name}) | {width} | | " + " | ".join(scores) + " |"
    for key in dict.fromkeys(map(_key, table.blocks)):
        columns = sum(len(b.features) for b in table.blocks if _key(b) == key)
        added = [fit_on.added(model, whole[model], key) if columns < width else "" for model in MODEL_PARAMS]
        yield f"| {name} | {key} | {columns} | {made.rates.get(key, float('nan')):,.0f} | " + " | ".join(added) + " |"


def _read(folder: Path, file: str, chosen: DataSet) -> pd.DataFrame:
    frame = pd.read_csv(folder / file) if file.endswith(".csv") else pd.read_parquet(folder / file)
    if file.startswith("test") and (folder / "test_labels.parquet").exists():
        frame = frame.merge(pd.read_parquet(folder / "test_labels.parquet"), on="product_id")
    return chosen.prepare(frame)


NAMES = {(made_by.name, m): key for key, made_by in FEATURIZERS.items() for m in made_by.modalities}


def _key(block: Block) -> str:
    """The featurizer's name in its registry: an embedding may be of texts or of photos."""
    name = block.featurizer.split(":")[0].split("~")[0]
    return NAMES.get((name, block.modality), next((key for key, pair in PAIRS.items() if pair.name == name), name))


class _Problem:
    def __init__(self, made: Made, arguments: argparse.Namespace) -> None:
        self.metric, self.arguments = metric_for(made.task.target), arguments
        self.train, self.test = made.train, made.test
        self.constant = constant_prediction(self.train.outcome)
        self.fold = make_folds(self.train.outcome, n_folds=5, seed=arguments.seed)[0]

    def predictions(self, model: str, without: str) -> np.ndarray[Any, Any]:
        """Of the test rows; a fifth of the training rows stops the boosting."""
        tables = [
            FeatureTable(tuple(b for b in e.table.blocks if _key(b) != without), e.table.index)
            for e in (self.train, self.test)
        ]
        rows = Examples(tables[0], self.train.outcome)
        fitted = MODELS[model](MODEL_PARAMS[model], seed=self.arguments.seed)
        limit = time.monotonic() + self.arguments.seconds
        fitted.fit(rows.take(self.fold.train), rows.take(self.fold.valid), deadline=limit)
        return fitted.predict(tables[1])

    def added(self, model: str, whole: np.ndarray[Any, Any], key: str) -> str:
        """The score with everything minus that without the featurizer, with its interval; positive is better."""
        found = paired_difference(
            self.metric,
            self.test.outcome,
            whole,
            self.predictions(model, key),
            seed=self.arguments.seed,
            reference=self.constant,
        )
        sign = 1 if self.metric.higher_is_better else -1
        low, high = sorted((sign * found.low, sign * found.high))
        verdict = " **helps**" if low > 0 else " **hurts**" if high < 0 else ""
        return f"{sign * found.difference:+.4f} ({low:+.4f} .. {high:+.4f}){verdict}"


if __name__ == "__main__":
    main()
