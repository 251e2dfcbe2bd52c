"""Own search against AutoGluon and LightAutoML on ten data sets: the same wide table, rows, folds and seconds.

    python benchmarks/ten_sets.py tables --data ../shared/data --weights ../shared/weights/mobilenetv2_100 --work DIR
    python benchmarks/ten_sets.py race --work DIR --seconds 60
    python benchmarks/ten_sets.py show --work DIR --seconds 60

``tables`` makes the features once, ``race`` gives each back end the seconds on each table and keeps its predictions of
the test rows, ``show`` prints scores with intervals and paired differences. What is in DIR already is not done again,
so that a race may run in parts; its timings hold where nothing else runs.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from featurizer_value import make

from artifacts.errors import FusionError
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.store import RunFolder, read_json, write_json
from artifacts.tables import read_parquet
from artifacts.target import Target
from automl.backends.base import Problem
from automl.backends.registry import backend_named
from automl.budget import Budget
from automl.presets import preset_named
from evaluation.intervals import bootstrap_interval, paired_difference
from evaluation.metrics import Metric, constant_prediction, metric_for
from evaluation.splits import Fold, folds_frame, folds_from_frame, make_folds
from featurizers.calendar import read_times

SETS = (
    "kdramas",
    "movie_posts",
    "houses",
    "babies_r_us",
    "fashion_high_ctr",
    "goodreads",
    "rbc_news_ru",
    "cian_ru",
    "product_texts",
    "fashion",
)
OWN, *OTHERS = BACK_ENDS = ("balanced", "autogluon", "lightautoml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["tables", "race", "show"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=list(SETS))
    parser.add_argument("--presets", nargs="+", default=list(BACK_ENDS))
    parser.add_argument("--rows", type=int, default=5000, help="training rows at most")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.step == "show":
        for line in show(arguments):
            print(line)
        return
    for name in arguments.only:
        if arguments.step == "tables":
            tables(name, arguments)
        else:
            for preset in arguments.presets:
                race(name, preset, arguments)


def tables(name: str, arguments: argparse.Namespace) -> None:
    """The wide tables of a data set, with what they say of its target."""
    folder = arguments.work / name
    if (folder / "task.json").exists():
        return
    made = make(name, arguments.data, arguments.weights, arguments.rows, arguments.seed, arguments.work / "cache")
    for part, rows in (("train", made.train), ("test", made.test)):
        rows.table.save(folder / part)
        rows.outcome.to_frame().to_parquet(folder / f"{part}.parquet")
    outcome, time_column = made.train.outcome, made.task.columns.time
    assert made.train.raw is not None
    times = read_times(made.train.raw[time_column])[0] if time_column else None
    folds = make_folds(outcome, times=times, n_folds=preset_named(OWN).n_folds, seed=arguments.seed)
    folds_frame(folds).to_parquet(folder / "folds.parquet", index=False)
    classes = {"train": list(outcome.classes), "test": list(made.test.outcome.classes), "n_known": outcome.n_known}
    target = made.task.target.model_dump(mode="json")
    write_json(folder / "task.json", {"target": target, "classes": classes, "in_time": times is not None})
    print(
        f"{name}: {made.train.n_samples} x {made.train.table.n_features}, {made.test.n_samples} test rows", flush=True
    )


@dataclass
class Raced:
    """A data set's rows, folds and metric."""

    train: Examples
    test: Examples
    folds: tuple[Fold, ...]
    metric: Metric
    in_time: bool

    @classmethod
    def load(cls, folder: Path) -> Raced:
        """What ``tables`` left."""
        told = read_json(folder / "task.json")
        target, parts = Target(**told["target"]), []
        for part in ("train", "test"):
            frame, classes = read_parquet(folder / f"{part}.parquet"), told["classes"]
            outcome = Outcome.from_frame(frame, target.kind, classes[part], classes["n_known"])
            parts.append(Examples(FeatureTable.load(folder / part), outcome))
        folds = folds_from_frame(read_parquet(folder / "folds.parquet"))
        return cls(*parts, folds, metric_for(target), told["in_time"])


def race(name: str, preset: str, arguments: argparse.Namespace) -> None:
    """One back end on one data set: its predictions of the test rows, the seconds and the share of the cores used."""
    done = arguments.work / name / f"{preset}-{arguments.seconds}-{arguments.seed}.json"
    if done.exists():
        return
    raced, chosen = Raced.load(arguments.work / name), preset_named(preset)
    settings = {"models": list(chosen.models), "max_trials": chosen.max_trials, "refit": raced.in_time}
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(scratch).create()
        backend, busy = backend_named(chosen.back_end)(), _cpu_seconds()
        budget = Budget(float(arguments.seconds))
        problem = Problem(raced.train, raced.folds, raced.metric, budget, folder, arguments.seed, settings=settings)
        told: dict[str, Any] = {"rows": raced.test.n_samples}
        try:
            fitted = backend.fit(problem)
        except FusionError as error:  # a back end that fails is a row
            told["error"] = str(error)[:300]
        else:
            told |= {"seconds": budget.spent, "cores": (_cpu_seconds() - busy) / budget.spent}
            np.save(done.with_suffix(".npy"), fitted.predict(raced.test.table))
    write_json(done, told)
    print(f"{name} {preset}: {told}", flush=True)


def _cpu_seconds() -> float:
    """Of this process and those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def show(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines of the table: scores, differences with intervals, seconds and cores used."""
    yield (
        "| data set | metric | "
        + " | ".join(["own", *OTHERS, *(f"own minus {other}" for other in OTHERS), "seconds", "cores"])
        + " |"
    )
    yield "|---" * (4 + len(BACK_ENDS) + len(OTHERS)) + "|"
    for name in arguments.only:
        ends = [f"{preset}-{arguments.seconds}-{arguments.seed}" for preset in BACK_ENDS]
        files = [arguments.work / name / f"{end}.json" for end in ends]
        if all(file.exists() for file in files):
            yield _line(name, Raced.load(arguments.work / name), files, arguments.seed)


def _line(name: str, raced: Raced, files: list[Path], seed: int) -> str:
    metric, outcome = raced.metric, raced.test.outcome
    reference = constant_prediction(raced.train.outcome)
    told = [read_json(file) for file in files]
    predictions = [np.load(file.with_suffix(".npy")) if file.with_suffix(".npy").exists() else None for file in files]
    cells = [name, metric.name]
    for found in predictions:
        if found is None:
            cells.append("failed")
            continue
        score, low, high = bootstrap_interval(metric, outcome, found, seed=seed, reference=reference)
        cells.append(f"{score:.4f} ({low:.4f} .. {high:.4f})")
    own, *others = predictions
    for other in others:
        if own is None or other is None:
            cells.append("")
            continue
        pair = paired_difference(metric, outcome, own, other, seed=seed, reference=reference)
        sure = pair.low > 0 or pair.high < 0
        cell = f"{pair.difference:+.4f} ({pair.low:+.4f} .. {pair.high:+.4f})"
        cells.append(f"**{cell}**" if sure else cell)
    cells.append(" / ".join(f"{one['seconds']:.0f}" if "seconds" in one else "-" for one in told))
    cells.append(" / ".join(f"{one['cores']:.2f}" if "cores" in one else "-" for one in told))
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
