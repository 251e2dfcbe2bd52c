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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from data_sets import DATA_SETS

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
    train, test = (chosen.read(folder, file) for file in chosen.files)
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
    rows_of = (Examples(*parts) for parts in zip(tables, outcomes, (train, test), strict=True))
    return Made(task, *rows_of, rates)


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
