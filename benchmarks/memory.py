"""Peak memory of a fit against the size of its wide table.

    python benchmarks/memory.py --rows 2000 8000

Each fit runs in a process of its own over made cards; the peak is what the operating system counted.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import json, resource, sys
import numpy, pandas, torch, catboost, lightgbm, sklearn, sentence_transformers, timm, optuna
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from artifacts import Task
from automl import fit
from artifacts.feature_table import FeatureTable
run = fit(Task.from_toml(sys.argv[1]), preset="fast", budget_seconds=float(sys.argv[3]), run=sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = FeatureTable.load(run.path / "features" / "train")
print(json.dumps({"libraries_mb": base / 1024, "peak_mb": peak / 1024, "rows": table.n_samples,
                  "columns": table.n_features, "table_mb": table.n_samples * table.n_features * 4 / 2**20}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[2000, 8000])
    parser.add_argument("--budget", type=float, default=90.0)
    arguments = parser.parse_args()
    print("| rows | columns | wide table MB | libraries alone MB | peak MB | (peak - libraries) / table |")
    print("|---|---|---|---|---|---|")
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            from automl.demo_data import make_demo_data

            make_demo_data(Path(folder) / "shop", n_rows=rows)
            line = [sys.executable, "-c", CHILD, f"{folder}/shop/task.toml", f"{folder}/run", str(arguments.budget)]
            done = subprocess.run(line, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
            got = json.loads(done.stdout.strip().splitlines()[-1])
            ratio = (got["peak_mb"] - got["libraries_mb"]) / got["table_mb"]
            print(
                f"| {got['rows']} | {got['columns']} | {got['table_mb']:.0f} | {got['libraries_mb']:.0f} "
                f"| {got['peak_mb']:.0f} | {ratio:.1f} |"
            )
    print(f"(this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB)")


if __name__ == "__main__":
    main()
