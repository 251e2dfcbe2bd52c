"""Whether integrated gradients of a net, summed to source columns, say what exact Shapley values of sources say.

    python benchmarks/net_explanation.py RUN --rows 200

A net of the run's kind is fitted on four fifths of its training rows and explained on its scored rows both ways. The
Shapley values are against real training rows (two samples of them, whose agreement says what background rows leave
open), with all coalitions of at most 10 sources and drawn orders of more. Printed are correlations over rows and
outputs of each source and of all, mean absolute contributions, and processor seconds a row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artifacts.link import centred
from artifacts.schema import Kind
from automl.advice_basis import training_examples
from automl.backends.source_shapley import shapley_by_replacement
from automl.models.registry import MODELS
from automl.run import Run
from evaluation.agreement import Moments
from evaluation.partitions import source_groups

Float = NDArray[np.float64]


def timed(make: Callable[[], Float]) -> tuple[Float, float]:
    """What is made, and processor seconds."""
    started = time.process_time()
    return make(), time.process_time() - started


def main() -> None:
    """Fit a net and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model", default="mlp")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--background", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=90.0, help="for the net")
    arguments = parser.parse_args()
    run, rng = Run(arguments.run), np.random.default_rng(0)
    examples, kind = training_examples(run), run.task.target.kind
    held = rng.permutation(examples.n_samples) % 5 == 0
    net = MODELS[arguments.model]({}, seed=0)
    net.fit(examples.take(~held), examples.take(held), deadline=time.monotonic() + arguments.seconds)
    scored = run.scored_table()
    table = scored.take(np.sort(rng.permutation(scored.n_samples)[: arguments.rows]))
    backs = np.array_split(rng.permutation(np.flatnonzero(~held))[: 2 * arguments.background], 2)
    groups = source_groups(table)
    names = groups.names

    def shapley(back: NDArray[np.int64]) -> Float:
        rows = examples.table.take(np.sort(back))
        found, _, error = shapley_by_replacement(net.decide, table, rows, groups.of_feature, len(names))
        print(f"Shapley: error of the drawn orders {error:.3f} of the mean size")
        return found

    gradients, cost = timed(lambda: net.contributions(table, groups.of_feature, names).values)
    (one, cost_shapley), (other, _) = (timed(lambda back=back: shapley(back)) for back in backs)  # type: ignore[misc]
    if kind is Kind.MULTICLASS:
        gradients, one, other = (centred(values) for values in (gradients, one, other))
    print(f"{run.name}: {arguments.model}, {len(names)} sources, {table.n_samples} rows, {gradients.shape[2]} outputs")
    print(f"seconds a row: gradients {cost / len(gradients):.4f}, Shapley {cost_shapley / len(gradients):.4f}")
    moments = [moments_of(gradients, one), moments_of(gradients, other), moments_of(one, other)]
    by_source = [each.correlations() for each in moments]
    print("| source | mean size, gradients | Shapley | correlation | with other background rows | of both Shapley |")
    print("|---|---|---|---|---|---|")
    sizes = [np.abs(values).mean(axis=(0, 2)) for values in (gradients, one)]
    for i, name in enumerate(names):
        size = " | ".join(f"{values[i]:.4f}" for values in sizes)
        print(f"| {name} | {size} | " + " | ".join(f"{values[i]:.3f}" for values in by_source) + " |")
    print("| all | | | " + " | ".join(f"{each.overall():.3f}" for each in moments) + " |")


def moments_of(first: Float, second: Float) -> Moments:
    """Of two ways to explain the same rows (n_samples, n_sources, n_link)."""
    found = Moments(first.shape[1])
    found.add(first, second, np.ones(len(first)))
    return found


if __name__ == "__main__":
    main()
