"""Own search against LightAutoML and AutoGluon: the same wide table, rows and seconds, in one run.

    python benchmarks/back_ends.py fashion_category --data ../shared/data/fashion --budget 300

Features are made once before the clock starts (they come from the cache), so that the order does not matter. Prints the
leaderboard on the test rows and paired bootstrap differences.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from artifacts import Task
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import FusionError
from artifacts.progress import Bars
from artifacts.schema import Modality
from automl import Run, fit
from automl.data import load
from evaluation.compare import compare
from evaluation.leaderboard import merge_leaderboards
from featurizers.base import Surroundings
from featurizers.encoders import resolve_encoder
from featurizers.table_featurizer import TableFeaturizer

ROOT = Path(__file__).parents[1]
PRESETS = ("balanced", "autogluon", "lightautoml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", help="a folder of examples/")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="keep the runs in this folder")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    arguments = parser.parse_args()
    task = Task.from_toml(ROOT / "examples" / arguments.example / "task.toml", data=arguments.data)
    folder = arguments.out or Path(tempfile.mkdtemp(prefix="tabular-fusion-"))
    _fill_cache(task)
    runs: list[Run] = []
    for preset in arguments.presets:
        try:
            runs.append(
                fit(
                    task,
                    preset=preset,
                    budget_seconds=arguments.budget,
                    run=folder / preset,
                    seed=arguments.seed,
                    progress=Bars(),
                )
            )
        except FusionError as error:  # a back end that fails is a row
            print(f"| {preset} | failed: {str(error)[:200]} |")
    higher = {run.metric.name: run.metric.higher_is_better for run in runs}
    board = merge_leaderboards([run.leaderboard() for run in runs], higher)
    final = board[(board["split"] == "test") & (board["view"].isin(["all", "none"]))]
    print(_markdown(final[["run", "model", "view", "metric", "score", "low", "high", "fit_seconds", "error"]]))
    for run in runs:
        spent = run.manifest["spent_seconds"]
        print(f"{run.name}: {spent:.1f} s of {arguments.budget:.0f} ({spent / arguments.budget:.0%})")
    if len(runs) > 1:
        print(_markdown(compare([run.compared() for run in runs], seed=arguments.seed)))


def _fill_cache(task: Task) -> None:
    loaded = load(task)
    around = Surroundings(task.path(task.data.images) or task.root, EmbeddingStore(), progress=Bars())
    encoders = [
        resolve_encoder(getattr(task.encoders, modality.value), modality, task.root, around.audit)
        for modality in (Modality.TEXT, Modality.IMAGE)
    ]
    featurizer = TableFeaturizer(loaded.schema, *encoders).fit(loaded.train.frame, around)
    for rows in (loaded.train, loaded.test):
        if rows is not None:
            featurizer.transform(rows.frame, around)


def _markdown(frame: pd.DataFrame) -> str:
    rows = [list(map(str, frame.columns)), ["---"] * frame.shape[1]]
    rows += [[f"{v:.4f}" if isinstance(v, float) else str(v) for v in row] for row in frame.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    main()
