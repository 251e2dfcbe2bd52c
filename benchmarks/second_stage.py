"""Models over vectors of encoders tuned out of fold, against the same over the encoder as it came.

    python benchmarks/second_stage.py --data ../shared/data --weights ../shared/weights/mobilenetv2_100

The encoder is tuned over the folds, and each fold's vectors are by the encoder that did not learn from it. Every model
is fitted over the same folds without these vectors, with them alone, and with them beside the others, and scored once
on the test rows by the mean of its folds; for vectors each fold's model reads the encoder of its fold.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tuned_encoders import CASES, tables

from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.link import from_link
from automl.models.base import Model
from automl.models.registry import MODELS, TUNED
from automl.models.second_stage import with_vectors
from automl.models.tuned_encoder import TunedEncoderModel
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction, metric_for

Float = NDArray[np.float64]
Vectors = dict[str, NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--case", default="product_texts", choices=[name for name, case in CASES.items() if case[3]])
    parser.add_argument("--models", nargs="+", default=["linear", "knn", "lightgbm", "mlp"], choices=list(MODELS))
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each part at most")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, help="a folder that keeps what encoders gave")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure(arguments, EmbeddingStore(arguments.cache or Path(temporary)))


def measure(arguments: argparse.Namespace, store: EmbeddingStore) -> None:
    """Print a line for each model and what it reads."""
    train, test, task = tables(arguments.case, arguments, store)
    n_threads = os.cpu_count() or 1
    of_row = np.random.default_rng(arguments.seed).permutation(train.n_samples) % arguments.folds
    name = CASES[arguments.case][3][0]

    def fold_models(make: Callable[[], Model], rows: Examples) -> list[Model]:
        return [make().fit(rows.take(of_row != k), rows.take(of_row == k)) for k in range(arguments.folds)]

    started = time.monotonic()
    made = fold_models(lambda: TUNED[name](seed=arguments.seed, n_threads=n_threads), train)
    encoders = [one for one in made if isinstance(one, TunedEncoderModel)]
    tuned = np.mean([one.decide(test.table) for one in encoders], axis=0)
    print(f"{name} over {arguments.folds} folds: {time.monotonic() - started:.0f} s", flush=True)
    parts = [encoder.vectors(train.table.take(of_row == k)) for k, encoder in enumerate(encoders)]
    out_of_fold: Vectors = {}
    for source, first in parts[0].items():
        out_of_fold[source] = np.full((train.n_samples, first.shape[1]), np.nan, dtype=np.float32)
        for k, part in enumerate(parts):
            out_of_fold[source][of_row == k] = part[source]
    of_test = [encoder.vectors(test.table) for encoder in encoders]
    metric, constant = metric_for(task.target), constant_prediction(train.outcome)

    def told(what: str, link: Float, seconds: float) -> None:
        predicted, head = (from_link(train.outcome.kind, one) for one in (link, tuned))
        found = paired_difference(metric, test.outcome, predicted, head, seed=arguments.seed, reference=constant)
        against = f"{found.difference:+.4f} ({found.low:+.4f} .. {found.high:+.4f}) against the tuned head"
        print(f"{what}: {metric.name} {found.score_a:.4f}, {against}, {seconds:.0f} s", flush=True)

    told("tuned head", tuned, 0.0)
    for model in arguments.models:
        for how, read in READ.items():
            started = time.monotonic()
            rows = replace(train, table=read(train.table, out_of_fold))
            fitted = fold_models(lambda: MODELS[model](seed=arguments.seed, n_threads=n_threads), rows)  # noqa: B023
            link = mean_of(fitted, [read(test.table, vectors) for vectors in of_test])
            told(f"{model}, {how}", link, time.monotonic() - started)


def mean_of(models: Sequence[Model], read: Sequence[FeatureTable]) -> Float:
    """Mean link scores of the folds' models, each of its own table."""
    return np.asarray(np.mean([model.decide(table) for model, table in zip(models, read, strict=True)], axis=0))


READ: dict[str, Callable[[FeatureTable, Vectors], FeatureTable]] = {
    "encoder as it came": lambda table, vectors: table,
    "tuned vectors": lambda table, vectors: with_vectors(replace(table, blocks=()), vectors),
    "both": with_vectors,
}


if __name__ == "__main__":
    main()
