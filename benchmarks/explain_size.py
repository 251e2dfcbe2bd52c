"""Peak memory and time of explanations as large as a run can ask for, and TreeSHAP of the libraries against shap.

    python benchmarks/explain_size.py --rows 10000 --columns 2000 --classes 845 --seconds 120
    python benchmarks/explain_size.py --treeshap --classes 20 --columns 200 --rows 200     # --classes 1: a regression

The table is made: numbers in 40 sources. Each model is fitted for a few seconds (a linear one of so many classes gets
random coefficients: explaining it costs the same), stands for two fold models, and explains in a process of its own as
many of the rows as the seconds allow. "Peak" is the largest memory of that process, "before" what it had with its
libraries, the table and the model.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, quantity_feature
from automl.models.base import Model
from automl.models.linear import LinearModel
from automl.models.registry import MODELS
from automl.models.solvers import Fitted
from evaluation.explain import explain_rows

N_SOURCES = 40
FITTED_ROWS = 4000
PARAMS = {
    "lightgbm": {"rounds": 5},
    "catboost": {"rounds": 20, "depth": 4},
    "mlp": {"epochs": 2},
    "tabm": {"epochs": 1},
}


def made(rows: int, columns: int, classes: int) -> Examples:
    """Normal columns, of which each class has its own means of some."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, rows)
    y[:classes] = np.arange(classes)[:rows]
    values = rng.standard_normal((rows, columns), dtype="f4")
    values[:, : columns // 4] += rng.standard_normal((classes, columns // 4), dtype="f4")[y]
    blocks = []
    for i, own in enumerate(np.array_split(np.arange(columns), N_SOURCES)):
        column = Column(f"source {i}", Modality.NUMERIC, Title(f"source {i}", f"source {i}"))
        features = tuple(quantity_feature(column, "made", f"f{j}", Title(f"f{j}", f"f{j}")) for j in own)
        blocks.append(Block(column.name, "made", features, np.ascontiguousarray(values[:, own])))
    if classes == 1:
        signal = values[:, ::7].sum(axis=1).astype(np.float64)
        outcome = Outcome(Kind.REGRESSION, np.where(values[:, 0] > 0, signal, -signal))
    else:
        outcome = Outcome(Kind.MULTICLASS, y, tuple(f"class {k}" for k in range(classes)), classes)
    return Examples(FeatureTable(tuple(blocks), pd.RangeIndex(rows)), outcome)


def fitted(name: str, examples: Examples, seconds: float) -> Model:
    """A model of some of the rows."""
    some = examples.take(np.arange(min(FITTED_ROWS, examples.n_samples)))
    params = PARAMS.get(name, {}) if examples.outcome.kind is Kind.MULTICLASS else {}
    model = MODELS[name](params, seed=0)
    if isinstance(model, LinearModel):
        model.fit(some, deadline=time.monotonic())
        shape = model.fitted_.coefficients.shape
        coefficients = np.random.default_rng(1).normal(scale=0.02, size=shape)
        model.fitted_ = Fitted(coefficients, np.zeros(shape[1]), 1.0)
        return model
    return model.fit(some, deadline=time.monotonic() + seconds)


class Twice:
    """One model in the place of two fold models."""

    explains_sources_alone = False
    n_versions = 2

    def __init__(self, model: Model) -> None:
        self.model = model
        self.decide, self.contributions = model.decide, model.contributions

    def contributions_of(
        self, version: int, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> Explanation:
        """The same for each version."""
        return self.model.contributions(table, groups, names)


def peak() -> float:
    """Largest memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def explain_one(args: argparse.Namespace) -> None:
    """In a process of its own: fit, explain, print."""
    examples = made(args.rows, args.columns, args.classes)
    began = time.monotonic()
    model = fitted(args.model, examples, args.fit_seconds)
    fit, before, began, used = time.monotonic() - began, peak(), time.monotonic(), time.process_time()
    found = explain_rows(
        Twice(model), examples.table, Kind.MULTICLASS, classes=examples.outcome.classes, max_rows=args.rows,
        seconds=args.seconds,
    )  # fmt: skip
    seconds, used, n = time.monotonic() - began, time.process_time() - used, found.table.n_samples
    per_row = f"{1000 * seconds / n:.0f} ms a row, {1000 * used / n:.0f} of processor time"
    print(
        f"{args.model}: two models, {n} of {args.rows} rows in {seconds:.0f} s ({per_row}), peak {peak():.0f} MB "
        f"(before {before:.0f}), fit {fit:.0f} s, gap {found.gap:.1e}",
        flush=True,
    )


def treeshap(args: argparse.Namespace) -> None:
    """Contributions by the libraries' own TreeSHAP, through shap, which asks the libraries, and by shap's own code.

    shap takes its own code only if it is told that the trees are of its own kind, and only for one output.
    """
    import shap

    examples = made(args.rows + FITTED_ROWS, args.columns, args.classes)
    rows = examples.table.take(np.arange(args.rows))
    names, x = rows.feature_names, rows.to_numpy().astype(np.float64)
    for name in ("lightgbm", "catboost"):
        model = fitted(name, examples, args.fit_seconds)
        trees = model.booster_ if name == "lightgbm" else model.trees_  # type: ignore[attr-defined]
        explainers = {"through shap": shap.TreeExplainer(trees)}
        if args.classes == 1 and name == "lightgbm":
            explainers["shap itself"] = shap.TreeExplainer(trees)
            explainers["shap itself"].model.model_type = "internal"

        def ask(way: str, model: Model = model, explainers: dict[str, Any] = explainers) -> NDArray[np.float64]:
            if way == "own":
                return model.contributions(rows, np.arange(len(names)), names).values
            return np.asarray(explainers[way].shap_values(x))

        ways = ("own", *explainers)
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        values: dict[str, NDArray[np.float64]] = {}
        for _ in range(3):
            for way in ways:
                began = time.monotonic()
                values[way] = ask(way)
                seconds[way].append(time.monotonic() - began)
        own = values["own"]
        for way, found in values.items():
            found = found.reshape(own.shape) if found.size == own.size and args.classes == 1 else found
            found = found if found.shape == own.shape else np.moveaxis(found, 0, -1)
            if args.classes > 1:
                found = found - found.mean(axis=-1, keepdims=True)
            elif way != "own":
                found = found * model.output_.scale  # from the standardised target to its own units
            off = np.abs(found - own).max()
            best = min(seconds[way])
            print(
                f"{name}, {way}: {best:.2f} s, {best / min(seconds['own']):.2f} times the own; "
                f"largest difference {off:.1e} of {np.abs(own).max():.2g}",
                flush=True,
            )


def main() -> None:
    """Each model in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=845)
    parser.add_argument("--seconds", type=float, default=60.0, help="for the explanation of one model")
    parser.add_argument("--fit-seconds", type=float, default=60.0)
    parser.add_argument("--models", nargs="+", default=["linear", "lightgbm", "catboost", "knn", "shortlist"])
    parser.add_argument("--treeshap", action="store_true")
    parser.add_argument("--model", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.treeshap:
        treeshap(args)
    elif args.model:
        explain_one(args)
    else:
        for name in args.models:
            done = subprocess.run([sys.executable, *sys.argv, "--model", name], check=False)
            if done.returncode:
                print(json.dumps({"model": name, "exit status": done.returncode}))


if __name__ == "__main__":
    main()
