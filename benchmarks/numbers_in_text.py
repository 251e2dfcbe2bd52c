"""What numbers found in texts and -1 read as missing add to the price of flats.

    python benchmarks/numbers_in_text.py --data DIR

R2 of the log price on DIR/test.parquet, by the linear model and LightGBM with their defaults on DIR/train.parquet: with
both parts, and without one; differences with 95 % intervals of a paired bootstrap over test rows.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.outcome import outcome_of
from artifacts.tables import read_parquet
from artifacts.task import Task
from automl.models.base import Model
from automl.models.lightgbm import LightGBMModel
from automl.models.linear import LinearModel
from evaluation.intervals import paired_difference
from evaluation.metrics import METRICS
from featurizers import numbers
from featurizers.base import Surroundings
from featurizers.column_inference import infer_schema
from featurizers.table_featurizer import TableFeaturizer

TASK = Task(
    name="flats",
    target={"kind": "regression", "column": "log_price"},
    columns={"text": ["title", "subtitle"], "ignore": ["price", "processed"], "id": "link"},
)


def tables(train: pd.DataFrame, test: pd.DataFrame) -> tuple[FeatureTable, FeatureTable]:
    schema, _ = infer_schema(train, TASK)
    fitted = TableFeaturizer(schema).fit(train, Surroundings())
    return fitted.transform(train, Surroundings()), fitted.transform(test, Surroundings())


def without_numbers_in_text(table: FeatureTable) -> FeatureTable:
    kept = tuple(block for block in table.blocks if not block.featurizer.startswith("numbers_in_text"))
    return FeatureTable(kept, table.index)


def predictions(model: Model, train: Examples, table: FeatureTable) -> np.ndarray:
    """Of the rows of a table (n_samples, 1); a tenth of the training rows stops the training."""
    held = np.random.default_rng(0).random(train.n_samples) < 0.1
    return model.fit(train.take(~held), train.take(held)).predict(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    train, test = (read_parquet(data / f"{part}.parquet") for part in ("train", "test"))
    for frame in (train, test):
        frame["log_price"] = np.log(frame["price"])
    started = time.perf_counter()
    whole = tables(train, test)
    print(f"features of {len(train) + len(test)} rows in {time.perf_counter() - started:.1f} s")
    with patch.object(numbers, "MARKERS", ()):
        raw = tables(train, test)
    outcomes = outcome_of(train, TASK), outcome_of(test, TASK)
    variants = {
        "everything": whole,
        "without numbers in text": tuple(map(without_numbers_in_text, whole)),
        "-1 as a number": raw,
        "without both": tuple(map(without_numbers_in_text, raw)),
    }
    metric = METRICS["r2"]
    print(
        "| model | features | columns | R2 of log price | everything gains | 95 % interval | fit s |\n"
        + "|---" * 7
        + "|"
    )
    for make in (LinearModel, LightGBMModel):
        best = None
        for name, (seen, new) in variants.items():
            started = time.perf_counter()
            predicted = predictions(make(seed=0), Examples(seen, outcomes[0]), new)
            seconds = time.perf_counter() - started
            shown = " | "
            if best is None:
                best = predicted
            else:
                gain = paired_difference(metric, outcomes[1], best, predicted, seed=0)
                shown = f"{gain.difference:+.4f} | {gain.low:+.4f} .. {gain.high:+.4f}"
            score = metric.score(outcomes[1], predicted)
            print(f"| {make.name} | {name} | {seen.n_features} | {score:.4f} | {shown} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
