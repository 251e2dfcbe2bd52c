"""Many classes on a made table: kNN alone, linear alone, and the shortlist that is re-ranked.

Run: ``python benchmarks/many_classes.py --rows 91000 --classes 845 --dims 1536``. Class sizes fall as a power law down
to one row; classes stand in branches, have up to eight modes each, and the noise has large directions that say nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models.base import Model
from automl.models.discriminant import log_normalised
from automl.models.registry import MODELS
from automl.models.shortlist import ShortlistModel
from evaluation.hierarchical import f1_of_codes
from evaluation.metrics import METRICS

LATENT = 96  # dimensions that rows vary in
MOST_MODES = 8  # of a class
AT_ONCE = 4096  # rows
GROUPS = ((1, 1), (2, 5), (6, 20), (21, 100), (101, 10**9))  # classes by their training rows


def sizes_of(rows: int, classes: int) -> np.ndarray:
    """Rows of each class: a power law down to 1."""
    law = 1.0 / np.square(np.arange(classes) + 10.0)
    low, high = 0.0, rows / law.min()
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.maximum(1, np.round(middle * law)).sum() < rows else (low, middle)
    sizes = np.maximum(1, np.round(high * law)).astype(np.int64)
    sizes[0] += rows - sizes.sum()
    return sizes


def made(rows: int, classes: int, dims: int, seed: int) -> Examples:
    """The table, one embedding of ``dims`` columns, and its outcome with paths for labels."""
    rng = np.random.default_rng(seed)
    n_branches = max(2, round(np.sqrt(classes)))
    branch = rng.integers(0, n_branches, classes)
    centre = 0.5 * rng.normal(size=(n_branches, LATENT))[branch] + 0.25 * rng.normal(size=(classes, LATENT))
    modes = centre[:, None] + 0.7 * rng.normal(size=(classes, MOST_MODES, LATENT))
    n_modes = rng.integers(1, MOST_MODES + 1, classes)
    spread = np.where(np.arange(LATENT) < 12, 2.0, 0.9)  # directions that mislead distances
    onto = rng.normal(size=(LATENT, dims)).astype("f4") / np.sqrt(LATENT)
    y = rng.permutation(np.repeat(np.arange(classes), sizes_of(rows, classes)))
    values = np.empty((rows, dims), dtype="f4")
    for start in range(0, rows, AT_ONCE):
        own = y[start : start + AT_ONCE]
        mode = rng.integers(0, n_modes[own])
        latent = modes[own, mode] + spread * rng.normal(size=(len(own), LATENT))
        values[start : start + AT_ONCE] = latent.astype("f4") @ onto
        values[start : start + AT_ONCE] += 0.3 * rng.standard_normal((len(own), dims), dtype="f4")
    column = Column("photo", Modality.IMAGE, Title("photo", "photo"))
    block = Block("photo", "net", opaque_features(column, "net", dims), values)
    labels = tuple(f"All > branch {branch[k]} > class {k}" for k in range(classes))
    outcome = Outcome(Kind.MULTICLASS, y, labels, classes, separator=" > ")
    return Examples(FeatureTable((block,), pd.RangeIndex(rows)), outcome)


def split(examples: Examples, seed: int) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test rows; each class keeps a row in training."""
    y = examples.outcome.y
    order = np.random.default_rng(seed).permutation(len(y))
    first = np.unique(y[order], return_index=True)[1]
    rest = np.delete(order, first)
    n = len(y) // 5
    train = np.sort(np.concatenate([order[first], rest[2 * n :]]))
    return examples.take(train), examples.take(np.sort(rest[n : 2 * n])), examples.take(np.sort(rest[:n]))


class Peak:
    """Largest memory of the process in MB since it was asked last."""

    def start(self) -> None:
        """Forget the peak so far, where the system can."""
        Path("/proc/self/clear_refs").write_text("5")

    def mb(self) -> float:
        """Since ``start``."""
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def scores(test: Examples, p: np.ndarray, train_y: np.ndarray) -> str:
    """Metrics of probabilities (n_samples, n_classes) in a line, and the accuracy by the size of the true class."""
    outcome = test.outcome
    parts = [f"{name} {METRICS[name].score(outcome, p):.4f}" for name in ("accuracy", "f1_weighted", "f1_macro")]
    said = p.argmax(axis=1)
    parts.append(f"f1_hierarchical {float(f1_of_codes(outcome, said)(np.ones((1, len(said))))[0]):.4f}")
    parts.append(f"log_loss {METRICS['log_loss'].score(outcome, p):.3f}")
    size = np.bincount(train_y, minlength=outcome.n_known)[outcome.y]
    hit = said == outcome.y
    for low, high in GROUPS:
        inside = (size >= low) & (size <= high)
        if inside.any():
            parts.append(f"[{low}..{'' if high >= 10**9 else high}] {hit[inside].mean():.3f} of {inside.sum()}")
    return ", ".join(parts) + f"; {p.shape[1]} classes kept, {len(np.unique(said))} said"


def first_stage(model: ShortlistModel, table: FeatureTable) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities by linear discriminants alone, and by the mixture that makes the shortlist."""
    stages = model.stages_
    if stages is None:
        sys.exit("There was no time for the first stage: give more --seconds.")
    linear, mixture = [], []
    for x, points in model._inputs(table, stages.looks):
        linear.append(np.exp(log_normalised(stages.discriminant.scores(x))))
        mixture.append(np.exp(stages.candidates(x, points).log_mix))
    return np.concatenate(linear), np.concatenate(mixture)


def main() -> None:
    """Make, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--dims", type=int, default=256)
    parser.add_argument("--models", nargs="+", default=["knn", "shortlist"], choices=list(MODELS))
    parser.add_argument("--seconds", type=float, default=1200.0, help="for one model")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    peak, started = Peak(), time.monotonic()
    train, valid, test = split(made(args.rows, args.classes, args.dims, args.seed), args.seed)
    made_in = time.monotonic() - started
    shape = (
        f"{train.n_samples} + {valid.n_samples} + {test.n_samples} rows, {args.classes} classes, {args.dims} columns"
    )
    print(f"{shape}, made in {made_in:.0f} s, {peak.mb():.0f} MB", flush=True)
    for name in args.models:
        peak.start()
        started = time.monotonic()
        model: Model = MODELS[name](seed=args.seed)
        model.fit(train, valid, deadline=started + args.seconds)
        fitted = time.monotonic() - started
        p = model.predict(test.table)
        seconds = time.monotonic() - started - fitted
        print(f"{name}: fit {fitted:.0f} s, predict {seconds:.0f} s, peak {peak.mb():.0f} MB", flush=True)
        print(f"  {name}: {scores(test, p, train.outcome.y)}", flush=True)
        if isinstance(model, ShortlistModel):
            del p
            linear, mixture = first_stage(model, test.table)
            print(f"  linear alone: {scores(test, linear, train.outcome.y)}")
            print(f"  mixture, not re-ranked: {scores(test, mixture, train.outcome.y)}", flush=True)
            found = [
                part.classes
                for part in (model.stages_.candidates(*x) for x in model._inputs(test.table, model.stages_.looks))
            ]
            inside = (np.concatenate(found) == test.outcome.y[:, None]).any(axis=1).mean()
            print(f"  share {model.stages_.looks.share}, rounds {model.rounds_}, truth in the shortlist {inside:.4f}")


if __name__ == "__main__":
    main()
