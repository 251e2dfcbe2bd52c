"""Milliseconds of a prediction after ``Predictor.load``: of one row at a time, and of many rows.

    python benchmarks/predict_latency.py demo/run demo/shop/test.csv

The rows are predicted once before anything is timed, so that embeddings are in the cache and models are loaded; how
long that took is shown, too. Then each row is predicted alone, and all of them together, as often as makes ``--many``
rows.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from artifacts.tables import read_table
from automl import Predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=100, help="rows that are predicted alone")
    parser.add_argument("--many", type=int, default=20_000, help="rows that are predicted in one call")
    arguments = parser.parse_args()
    frame = read_table(arguments.data).head(arguments.rows)
    started = time.perf_counter()
    predictor = Predictor.load(arguments.run)
    loaded = time.perf_counter()
    predictor.predict(frame)
    print(f"load {loaded - started:.2f} s, first prediction of {len(frame)} rows {time.perf_counter() - loaded:.2f} s")

    whole, features = [], []
    for i in range(len(frame)):
        before, started = sum(predictor.featurizer.seconds.values()), time.perf_counter()
        predictor.predict(frame.iloc[[i]])
        whole.append(1000 * (time.perf_counter() - started))
        features.append(1000 * (sum(predictor.featurizer.seconds.values()) - before))
    print("| one row | median ms | 95 % | most |\n|---|---|---|---|")
    for name, values in (("whole", whole), ("features alone", features)):
        print(f"| {name} | {np.median(values):.1f} | {np.quantile(values, 0.95):.1f} | {max(values):.1f} |")

    many = pd.concat([frame] * -(-arguments.many // len(frame)), ignore_index=True).head(arguments.many)
    before, started = _peak(), time.perf_counter()
    predictor.predict(many)
    seconds = time.perf_counter() - started
    print(
        f"{len(many)} rows in one call: {1000 * seconds / len(many):.2f} ms a row, peak memory {before:.0f} MB before, "
        f"{_peak():.0f} MB after"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
