"""What main axes of embeddings do to the linear model and to the nets, which see all dimensions.

    python benchmarks/axes.py --data ../shared/data --work DIR

Embeddings and word counts are cut to so many main axes each, learned on the training rows of a fold, and the model is
fitted to what is left; scores are out of fold, differences from all dimensions with paired intervals. Models give each
column the same variance, so that a minor axis weighs as much as a main one (``even``); with ``kept`` axes keep their
spread against each other. Vectors of texts stay in DIR.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from featurizer_value import make

from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.link import from_link, n_link
from automl.models.compression import Compression
from automl.models.matrix import NUMBER, Standardizer
from automl.models.registry import MODELS
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction, metric_for
from evaluation.splits import Fold, make_folds
from featurizers.calendar import read_times

SETS = ("babies_r_us", "cian_ru", "goodreads", "rbc_news_ru", "product_texts")
AXES = (0, 256, 128, 64, 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=list(SETS))
    parser.add_argument("--models", nargs="+", default=["linear", "mlp"])
    parser.add_argument("--axes", nargs="+", type=int, default=list(AXES), help="0 for all dimensions")
    parser.add_argument("--rows", type=int, default=2000, help="training rows at most")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| data set | model | axes | columns | score | minus all dimensions | seconds |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in arguments.only:
        for line in measure(name, arguments):
            print(line, flush=True)


def measure(name: str, arguments: argparse.Namespace) -> Iterator[str]:
    made = make(name, arguments.data, arguments.weights, arguments.rows, arguments.seed, arguments.work / "cache")
    rows, metric = made.train, metric_for(made.task.target)
    time_column = made.task.columns.time
    times = read_times(rows.raw[time_column])[0] if time_column and rows.raw is not None else None
    folds = make_folds(rows.outcome, times=times, n_folds=arguments.folds, seed=arguments.seed)
    known = np.unique(np.concatenate([fold.valid for fold in folds]))
    outcome, constant = rows.outcome.take(known), constant_prediction(rows.outcome)
    sign = 1 if metric.higher_is_better else -1
    for model in arguments.models:
        whole: np.ndarray[Any, Any] | None = None
        for axes, kept in [(n, kept) for n in arguments.axes for kept in ((False, True) if n else (False,))]:
            started = time.monotonic()
            with keeping_spread(kept):
                predicted, width = out_of_fold(model, axes, rows, folds, arguments.seed)
            predicted, seconds = predicted[known], time.monotonic() - started
            score = metric.score(outcome, predicted, constant)
            how = f"{axes} {'kept' if kept else 'even'}" if axes else "all"
            line = f"| {name} | {model} | {how} | {width} | {score:.4f} |"
            if whole is None:
                whole = predicted
                yield f"{line} | {seconds:.1f} |"
                continue
            found = paired_difference(metric, outcome, predicted, whole, seed=arguments.seed, reference=constant)
            low, high = sorted((sign * found.low, sign * found.high))
            yield f"{line} {sign * found.difference:+.4f} ({low:+.4f} .. {high:+.4f}) | {seconds:.1f} |"


@contextmanager
def keeping_spread(kept: bool) -> Iterator[None]:
    """Columns of an embedding on one scale, that of their mean variance, instead of one each."""
    plain = Standardizer.__dict__["of"]

    def common(table: FeatureTable) -> Standardizer:
        found = plain.__get__(None, Standardizer)(table)
        inverse = found.inverse_scale.copy()
        for i, block in enumerate(table.blocks):
            own = (found.block == i) & (found.sort == NUMBER) & (inverse > 0)
            if block.is_opaque and own.any():
                inverse[own] = np.mean(inverse[own] ** -2.0) ** -0.5
        return replace(found, inverse_scale=inverse)

    if kept:
        Standardizer.of = staticmethod(common)  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        if kept:
            Standardizer.of = plain


def out_of_fold(
    model: str, axes: int, rows: Examples, folds: tuple[Fold, ...], seed: int
) -> tuple[np.ndarray[Any, Any], int]:
    """Predictions (n_samples, n_outputs), NaN where no fold validates, and the columns of the last fold."""
    outcome = rows.outcome
    scores = np.full((rows.n_samples, n_link(outcome.kind, outcome.n_outputs)), np.nan)
    width = rows.table.n_features
    for fold in folds:
        train, valid = rows.take(fold.train), rows.take(fold.valid)
        if axes:
            compression = Compression.of(train.table, embedding=axes, lexical=axes, seed=seed)
            train, valid = compression.examples(train), compression.examples(valid)
            width = train.table.n_features
        fitted = MODELS[model](seed=seed, n_threads=1).fit(train, valid)
        scores[fold.valid] = fitted.decide(valid.table)
    return from_link(outcome.kind, scores), width


if __name__ == "__main__":
    main()
