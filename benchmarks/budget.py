"""How well a fit keeps to its budget, on made cards.

python benchmarks/budget.py --seconds 60 600
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from artifacts import Task
from automl import fit
from automl.demo_data import make_demo_data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 600.0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--task", type=Path, help="another task file, instead of made cards")
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    print("| preset | budget s | spent s | share | candidates |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.task is None:
            make_demo_data(Path(folder) / "shop", n_rows=arguments.rows)
        task = Task.from_toml(arguments.task or Path(folder) / "shop" / "task.toml", data=arguments.data)
        for seconds in arguments.seconds:
            started = time.monotonic()
            run = fit(task, preset=arguments.preset, budget_seconds=seconds, run=Path(folder) / f"run-{seconds:.0f}")
            spent = time.monotonic() - started
            tried = len(list((run.path / "search").glob("*/candidate.json")))
            print(f"| {arguments.preset} | {seconds:.0f} | {spent:.1f} | {spent / seconds:.2f} | {tried} |", flush=True)


if __name__ == "__main__":
    main()
