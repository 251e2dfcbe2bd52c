"""Peak memory of a search over wide tables of growing size.

    python benchmarks/memory.py --rows 40000 100000

A made table (two embeddings of 800 dimensions, 50 numbers) is written as a run would write it; a process of its own
loads it and searches over it. The peak is what the operating system counted; "before" is the same process with all
libraries loaded, and no table. The last column is the slope: how many MB of peak one more MB of table costs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Modality, Title, opaque_features

CHILD = """
import json, resource, sys
from pathlib import Path
import numpy as np, torch, catboost, lightgbm, sklearn.linear_model, optuna, pandas, pyarrow.parquet
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.store import RunFolder
from automl.backends.base import Problem
from automl.backends.search import SearchBackend
from automl.budget import Budget
from evaluation.metrics import METRICS
from evaluation.splits import make_folds

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
table = FeatureTable.load(Path(sys.argv[1]) / "table")
y = np.load(Path(sys.argv[1]) / "y.npy", allow_pickle=False)
loaded = peak()
outcome = Outcome(Kind.REGRESSION, y)
folder = RunFolder(Path(sys.argv[1]) / "run").create()
fitted = SearchBackend().fit(Problem(Examples(table, outcome), make_folds(outcome, n_folds=3, seed=0), METRICS["r2"],
                             Budget(float(sys.argv[2])), folder))
done = {f"{c.model}-{c.view}" for c in fitted.candidates if not c.error}
print(json.dumps({"before": before, "loaded": loaded, "peak": peak(), "done": len(done)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[40000, 100000])
    parser.add_argument("--budget", type=float, default=120.0)
    arguments = parser.parse_args()
    print("| rows | wide table MB | before MB | loaded MB | peak MB | models fitted | MB per MB of table |")
    print("|---|---|---|---|---|---|---|", flush=True)
    last: tuple[float, float] | None = None
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            table_mb = _write_table(Path(folder), rows)
            line = [sys.executable, "-c", CHILD, folder, str(arguments.budget)]
            done = subprocess.run(line, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        if done.returncode:
            sys.exit(done.stderr)
        got = json.loads(done.stdout.strip().splitlines()[-1])
        slope = "" if last is None else f"{(got['peak'] - last[1]) / (table_mb - last[0]):.2f}"
        last = table_mb, got["peak"]
        print(
            f"| {rows} | {table_mb:.0f} | {got['before']:.0f} | {got['loaded']:.0f} | {got['peak']:.0f} "
            f"| {got['done']} | {slope} |",
            flush=True,
        )


def _write_table(folder: Path, rows: int) -> float:
    rng = np.random.default_rng(0)
    blocks = []
    for name, modality, n in (
        ("photo", Modality.IMAGE, 800),
        ("title", Modality.TEXT, 800),
        ("x", Modality.NUMERIC, 50),
    ):
        features = opaque_features(Column(name, modality, Title(name, name)), "made", n)
        blocks.append(Block(name, "made", features, rng.standard_normal((rows, n), dtype=np.float32)))
    table = FeatureTable(tuple(blocks), pd.RangeIndex(rows))
    table.save(folder / "table")
    y = sum(block.values[:, :3].sum(axis=1) for block in blocks) + rng.normal(size=rows)
    np.save(folder / "y.npy", np.asarray(y, dtype=np.float64))
    return 4 * rows * table.n_features / 2**20


if __name__ == "__main__":
    main()
