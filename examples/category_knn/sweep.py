"""Neighbours by cosine against learned models: one fit, then kNN with 1 to 20 neighbours on the same rows.

python examples/category_knn/sweep.py --data DIR [--budget SECONDS] [--run DIR] [--out FILE.csv]

``majority`` counts all neighbours alike, ``weighted`` counts near ones more (temperature .1); both vote over the main
axes of each embedding and the standardised characteristics, for the scored rows that no model saw. Which number of
neighbours is best there is only looked at: the search's own kNN chooses it out of fold, as all parameters.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from artifacts import Task
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.progress import Bars
from artifacts.tables import read_parquet
from automl import fit
from automl.data import load
from automl.models.knn import KNNModel
from automl.run import Run

HERE = Path(__file__).parent
NEIGHBOURS = (1, 2, 3, 5, 7, 10, 15, 20)
TEMPERATURES = {"majority": 1e6, "weighted": 0.1}


def main() -> None:
    """Fit, sweep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=300.0)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--out", type=Path, help="also write the tables as csv")
    arguments = parser.parse_args()
    task = Task.from_toml(HERE / "task.toml", data=arguments.data)
    run = fit(task, preset="best", budget_seconds=arguments.budget, run=arguments.run, progress=Bars())
    tables = [models(run), sweep(run, task)]
    for table in tables:
        print(table.to_string(index=False, float_format="{:.4f}".format))
    if arguments.out:
        pd.concat(tables).to_csv(arguments.out, index=False)


def models(run: Run) -> pd.DataFrame:
    """The leaderboard's rows of the whole table on the rows that no model saw."""
    board = run.leaderboard()
    rows = board[(board["split"] == run.scored_part) & (board["error"] == "") & board["view"].isin(["all", "none"])]
    return rows[["model", "view", "score", "low", "high"]]


def sweep(run: Run, task: Task) -> pd.DataFrame:
    """Scores of kNN alone by its number of neighbours, on the features of a run."""
    held = read_parquet(run.folder.folder("split") / "rows.parquet")["holdout"].to_numpy(bool)
    table = FeatureTable.load(run.folder.folder("features") / "train")
    outcome, part = load(task).train.outcome, run.scored()
    assert outcome is not None
    train = Examples(table.take(~held), outcome.take(~held))
    rows = []
    for name, temperature in TEMPERATURES.items():
        for k in NEIGHBOURS:
            model = KNNModel({"neighbours": k, "temperature": temperature, "prior_votes": 1e-6}).fit(train)
            score = run.metric.score(part.outcome, np.asarray(model.predict(table.take(held))))
            rows.append({"model": f"knn, {name}", "neighbours": k, "score": score})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
