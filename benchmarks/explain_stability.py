"""Whether two runs explain the same rows alike, beside what the two halves of each run's models say.

    tabular-fusion fit TASK --run a --seed 0
    tabular-fusion fit TASK --run b --seed 1
    python benchmarks/explain_stability.py a b

Both runs are fitted on the same rows and scored on the same ones, with another seed of folds, models and search. The
correlation is that of contributions of source columns, over rows, sources and classes: within each run of halves of its
fold models (what its report says), and between the runs.
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artifacts.link import centred
from artifacts.schema import Kind
from automl.predictor import Predictor
from automl.run import Run
from evaluation.agreement import Moments
from evaluation.explain import explain_rows
from evaluation.partitions import source_groups


def contributions(run: Run) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Sources and their contributions (n_samples, n_sources, n_link) to the predictions of the scored rows."""
    table, predictor = run.scored_table(), Predictor.load(run.path)
    groups = source_groups(table)
    found = predictor.contributions(table, groups.of_feature, groups.names)
    print(f"{run.name}: {len(predictor.fitted.candidates)} candidates, {found.method}")
    halves = explain_rows(predictor, table, run.task.target.kind, classes=predictor.classes).stability
    if halves is not None:
        first, second = halves.n_models
        r = f"sources {halves.of_sources:.3f}, features {halves.of_features:.3f}"
        print(f"  halves of {first} and {second} models: {r}")
        for _, row in halves.by_source[halves.by_source["share"] > 0].iterrows():
            print(f"    {row['source']}: share {row['share']:.3f}, correlation {row['correlation']:.3f}")
    return groups.names, centred(found.values) if run.task.target.kind is Kind.MULTICLASS else found.values


def main() -> None:
    """Print correlations within the runs and between each two of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    runs = [Run(path) for path in parser.parse_args().runs]
    if len({run.scored().ids for run in runs}) > 1:
        sys.exit("The runs are scored on different rows: give the task a test file, or fit with one seed of splits.")
    found = {run.name: contributions(run) for run in runs}
    for first, second in combinations(found, 2):
        names = [name for name in found[first][0] if name in found[second][0]]
        pair = [values[:, [own.index(name) for name in names]] for own, values in (found[first], found[second])]
        moments = Moments(len(names))
        moments.add(pair[0], pair[1], np.ones(len(pair[0])))
        print(f"{first} and {second}: {moments.overall():.3f}")
        for name, r in zip(names, moments.correlations(), strict=True):
            if np.isfinite(r):
                print(f"    {name}: {r:.3f}")


if __name__ == "__main__":
    main()
