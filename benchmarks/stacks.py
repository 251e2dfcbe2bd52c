"""A stack over the outputs of single views against the best of these, on the test rows of the ten data sets.

    python benchmarks/ten_sets.py tables --data ../shared/data --weights ../shared/weights/mobilenetv2_100 --work DIR
    python benchmarks/stacks.py --work DIR --seconds 60

The best candidate of a single view is chosen out of fold, as the search does.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ten_sets import OWN, SETS, Raced

from artifacts.link import from_link
from artifacts.store import RunFolder
from automl.backends.base import Problem
from automl.backends.registry import backend_named
from automl.backends.stacking import PREFIX
from automl.budget import Budget
from automl.presets import preset_named
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction

LIGHTGBM, LINEAR = f"{PREFIX}lightgbm", f"{PREFIX}linear"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(SETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| data set | metric | views | best single view | stacked LightGBM | minus it | stacked linear | minus it |")
    print("|---" * 8 + "|")
    for name in arguments.only:
        for line in _lines(name, arguments):
            print(line, flush=True)


def _lines(name: str, arguments: argparse.Namespace) -> Iterator[str]:
    raced, chosen = Raced.load(arguments.work / name), preset_named(OWN)
    settings = {"models": list(chosen.models), "max_trials": chosen.max_trials, "refit": raced.in_time}
    metric, outcome, reference = raced.metric, raced.test.outcome, constant_prediction(raced.train.outcome)
    with tempfile.TemporaryDirectory() as scratch:
        folder, budget = RunFolder(scratch).create(), Budget(float(arguments.seconds))
        problem = Problem(raced.train, raced.folds, metric, budget, folder, arguments.seed, settings=settings)
        fitted = backend_named(chosen.back_end)().fit(problem)
        stacks = {c.model: c for c in fitted.candidates if c.model in (LIGHTGBM, LINEAR) and not c.error}
        if not stacks:
            yield f"| {name} | {metric.name} | {', '.join(raced.train.table.views)} | no stack | | | | |"
            return
        single = [c for c in fitted.candidates if c.view in raced.train.table.views[1:] and not (c.error or c.members)]
        known = [np.isfinite(c.out_of_fold).all(axis=1) for c in single]  # rows of the first window have no scores
        rows = np.flatnonzero(np.logical_and.reduce(known))
        training = raced.train.outcome.take(rows)
        inside = [metric.score(training, from_link(outcome.kind, c.out_of_fold[rows]), reference) for c in single]
        best = single[int(np.argmax(inside) if metric.higher_is_better else np.argmin(inside))]
        predicted = {
            c.key: from_link(outcome.kind, fitted.decide(raced.test.table, c.key)) for c in (best, *stacks.values())
        }
    cells = [name, metric.name, ", ".join(raced.train.table.views[1:])]
    cells.append(f"{best.model} {best.view} {metric.score(outcome, predicted[best.key], reference):.4f}")
    for model in (LIGHTGBM, LINEAR):
        if model not in stacks:
            cells += ["", ""]
            continue
        found = predicted[stacks[model].key]
        pair = paired_difference(metric, outcome, found, predicted[best.key], seed=arguments.seed, reference=reference)
        cells.append(f"{metric.score(outcome, found, reference):.4f}")
        cells.append(f"{pair.difference:+.4f} ({pair.low:+.4f} .. {pair.high:+.4f})")
    yield "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
