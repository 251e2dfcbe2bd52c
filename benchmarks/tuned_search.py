"""The preset best with its tuned encoders against the same without them, at one budget.

    python benchmarks/tuned_search.py fit --data ../shared/data --weights ../shared/weights/mobilenetv2_100 --work DIR
    python benchmarks/tuned_search.py show --work DIR

A fit of each set and arm is a run in DIR; what is there already is not done again, so that arms may run side by side,
each on a processor of its own (``--arms``). ``show`` compares their predictions of the test rows.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pandas as pd
from data_sets import DATA_SETS

from artifacts.task import Task
from automl import fit
from automl.presets import PRESETS
from automl.run import Run
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction, metric_for

ARMS = ("with", "without")
SETS = ("movie_posts", "kdramas", "houses")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["fit", "show"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=list(DATA_SETS))
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    best = PRESETS["best"]
    for name in arguments.only:
        for arm in arguments.arms if arguments.step == "fit" else ():
            PRESETS["best"] = best if arm == "with" else replace(best, tuned=())
            fitted(name, arm, arguments)
        if arguments.step == "show":
            show(name, arguments)


def fitted(name: str, arm: str, arguments: argparse.Namespace) -> Run:
    """The run of one set and arm."""
    chosen = DATA_SETS[name]
    folder = (arguments.data / (chosen.folder or name)).resolve()
    spec = str(Path(arguments.weights).resolve()) if Path(arguments.weights).exists() else arguments.weights
    task = Task(
        name=name,
        target=chosen.target,
        columns=chosen.columns,
        encoders={"image": spec},
        data={"images": chosen.images},
        root=folder,
    )
    train, test = (chosen.read(folder, file) for file in chosen.files)
    place = arguments.work / f"{name}-{arm}-{arguments.seconds:g}-{arguments.seed}"
    run = fit(
        task,
        preset="best",
        budget_seconds=arguments.seconds,
        seed=arguments.seed,
        train=train,
        test=test,
        run=place,
    )
    print(f"{name}, {arm}: {run.manifest['spent_seconds']:.0f} s", flush=True)
    return run


def show(name: str, arguments: argparse.Namespace) -> None:
    """Print both scores, their paired difference, and what became of the tuned models."""
    runs = [Run(arguments.work / f"{name}-{arm}-{arguments.seconds:g}-{arguments.seed}") for arm in ARMS]
    first, second = (run.scored() for run in runs)
    metric, constant = metric_for(runs[0].task.target), constant_prediction(first.outcome)
    found = paired_difference(
        metric, first.outcome, first.decided, second.decided, seed=arguments.seed, reference=constant
    )
    with_it, without = found.score_a, found.score_a - found.difference
    print(
        f"{name}: {metric.name} {with_it:.4f} with, {without:.4f} without, {found.difference:+.4f} "
        f"({found.low:+.4f} .. {found.high:+.4f})"
    )
    board: pd.DataFrame = runs[0].leaderboard()
    tuned = board[board["model"].str.contains("tuned_|fusion_net")]
    for row in tuned.itertuples():
        print(f"    {row.model} over {row.view} ({row.split}): {row.score:.4f}, {row.fit_seconds:.0f} s {row.error}")


if __name__ == "__main__":
    main()
