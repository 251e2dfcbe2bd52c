"""How well nets predict rows that lack a modality, by the share of rows that lack it in training.

    python benchmarks/missing_modality.py --data ../shared/data --weights ../shared/weights/mobilenetv2_100

Nets are fitted over three folds of the training rows, with each ``modality_dropout``. The validation rows of each fold
are predicted as they are, and with each modality blanked in all of them; beside that stands a net that never had it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from data_sets import DATA_SETS
from featurizer_value import make

from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.link import finite_rows, from_link
from automl.models.registry import MODELS
from evaluation.metrics import Metric, constant_prediction, metric_for
from evaluation.splits import make_folds

SHARES = (0.0, 0.1, 0.2, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=["fashion", "houses", "movie_posts"], choices=list(DATA_SETS))
    parser.add_argument("--rows", type=int, default=2000, help="training rows at most")
    parser.add_argument("--models", nargs="+", default=["mlp"], choices=["mlp", "tabm"])
    parser.add_argument("--seeds", type=int, default=2, help="nets whose scores are averaged")
    parser.add_argument("--cache", type=Path, help="folder for embeddings; a temporary one if not given")
    arguments = parser.parse_args()
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as temporary:
            cache = arguments.cache or Path(temporary)
            made = make(name, arguments.data, arguments.weights, arguments.rows, 0, cache)
            for model in arguments.models:
                for line in lines(name, model, made.train, metric_for(made.task.target), arguments.seeds):
                    print(line, flush=True)


def lines(name: str, model: str, rows: Examples, metric: Metric, n_seeds: int) -> Iterator[str]:
    """A table of scores out of fold."""
    views = [view for view in rows.table.views if view != "all"]
    yield f"\n| {name}, {model} | all there | {' | '.join(f'{view} blank' for view in views)} |"
    yield "|---" * (len(views) + 2) + "|"
    for share in SHARES:
        found = np.mean([_scores(model, share, rows, metric, seed, views) for seed in range(n_seeds)], axis=0)
        yield f"| dropout {share} | {' | '.join(f'{score:.4f}' for score in found)} |"
    without = []
    for view in views:
        rest = Examples(_without(rows.table, view), rows.outcome)
        without.append(np.mean([_scores(model, 0.0, rest, metric, seed, []) for seed in range(n_seeds)]))
    yield f"| trained without it | | {' | '.join(f'{score:.4f}' for score in without)} |"


def _without(table: FeatureTable, view: str) -> FeatureTable:
    return table.select(view="+".join(other for other in table.views if other not in ("all", view)))


def _scores(model: str, share: float, rows: Examples, metric: Metric, seed: int, views: list[str]) -> list[float]:
    """The metric out of fold of the rows as they are, and with each view blanked."""
    found: list[list[np.ndarray]] = [[] for _ in range(1 + len(views))]
    places = []
    for fold in make_folds(rows.outcome, n_folds=3, seed=0):
        fitted = MODELS[model]({"modality_dropout": share}, seed=seed).fit(rows.take(fold.train), rows.take(fold.valid))
        valid = rows.table.take(fold.valid)
        places.append(fold.valid)
        for at, table in enumerate([valid, *(valid.blanked([view]) for view in views)]):
            found[at].append(fitted.decide(table))
    outcome, constant = rows.outcome.take(np.concatenate(places)), constant_prediction(rows.outcome)
    return [_score(metric, outcome, np.concatenate(part), constant) for part in found]


def _score(metric: Metric, outcome, link: np.ndarray, constant: np.ndarray) -> float:
    known = finite_rows(link)
    return metric.score(outcome.take(known), from_link(outcome.kind, link[known]), constant)


if __name__ == "__main__":
    main()
