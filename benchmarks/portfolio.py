"""Which configurations of which models to try first: measured over data sets, chosen greedily for the blend.

    python benchmarks/portfolio.py measure --data ../shared/data --weights ../shared/weights/mobilenetv2_100 --work DIR
    python benchmarks/portfolio.py choose --work DIR

The search tries the defaults of every model first, over every view; the portfolio is what comes after them.

``measure`` fits every configuration over folds of the training rows of each data set and keeps its out-of-fold link
scores in DIR; what is there already is not done again. ``choose`` orders them: each next one is what makes the blend of
those before it best, in the mean over the data sets of the score lost against the blend of all, as a share of what that
blend gains over a constant. Blends get their weights on one half of the rows and are scored on the other, so that more
members are not better by themselves. The order is what ``automl/portfolio.py`` holds.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from featurizer_value import make
from numpy.typing import NDArray

from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.store import read_json, write_json
from artifacts.tables import read_parquet
from artifacts.target import Target
from automl.backends.fold_models import Way, fit_fold_models
from automl.budget import Budget
from automl.ensemble import greedy_blend
from automl.models.base import Model
from automl.models.registry import MODELS
from automl.presets import DEFAULT_MODELS
from evaluation.metrics import Metric, constant_prediction, metric_for
from evaluation.splits import make_folds

Float = NDArray[np.float64]
DEVELOPMENT = (
    "kdramas",
    "movie_posts",
    "babies_r_us",
    "goodreads",
    "houses",
    "cian_ru",
    "rbc_news_ru",
    "product_texts",
    "fashion",
    "kazan_cards",
)
CONFIGURATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("linear", {}),
    ("linear", {"balance": 0.0}),
    ("linear", {"balance": 0.5}),
    ("lightgbm", {}),
    ("lightgbm", {"embedding_components": 8, "lexical_components": 64}),
    ("lightgbm", {"embedding_components": 8, "lexical_components": 8}),
    ("lightgbm", {"embedding_components": 48, "lexical_components": 16}),
    ("lightgbm", {"learning_rate": 0.04, "num_leaves": 31, "min_data_in_leaf": 20, "patience": 60}),
    ("lightgbm", {"learning_rate": 0.05, "num_leaves": 6, "patience": 60}),
    ("lightgbm", {"learning_rate": 0.05, "num_leaves": 24, "feature_fraction": 0.4, "patience": 50}),
    ("lightgbm", {"learning_rate": 0.05, "num_leaves": 40, "min_data_in_leaf": 3, "lambda_l2": 10.0, "patience": 50}),
    ("catboost", {}),
    ("catboost", {"embedding_components": 8, "lexical_components": 64}),
    ("catboost", {"embedding_components": 8, "lexical_components": 8}),
    ("catboost", {"embedding_components": 48, "lexical_components": 16}),
    ("catboost", {"depth": 3, "learning_rate": 0.1}),
    ("catboost", {"depth": 7, "l2_leaf_reg": 6.0}),
    ("catboost", {"rsm": 0.6}),
    ("mlp", {}),
    ("mlp", {"weight_decay": 0.3, "dropout": 0.3}),
    ("mlp", {"width": 64, "layers": 1, "projection": 32, "dropout": 0.3}),
    ("mlp", {"learning_rate": 5e-3, "part_dropout": 0.15}),
    ("mlp", {"learning_rate": 8e-4, "epochs": 30}),
    ("mlp", {"width": 384, "layers": 3, "dropout": 0.2}),
    ("knn", {}),
    ("knn", {"table_weight": 3.0}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["measure", "choose"])
    parser.add_argument("--work", type=Path, required=True, help="folder for out-of-fold scores")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=list(DEVELOPMENT))
    parser.add_argument("--rows", type=int, default=2500, help="training rows at most")
    parser.add_argument("--seconds", type=float, default=90.0, help="for one configuration on one data set")
    parser.add_argument("--most", type=int, default=14, help="configurations to choose")
    arguments = parser.parse_args()
    if arguments.step == "measure":
        for name in arguments.only:
            measure(name, arguments)
    else:
        choose([Measured.load(arguments.work / name) for name in arguments.only], arguments.most)


def measure(name: str, arguments: argparse.Namespace) -> None:
    """Out-of-fold scores of all configurations on one data set."""
    folder = arguments.work / name
    folder.mkdir(parents=True, exist_ok=True)
    missing = [one for one in CONFIGURATIONS if not (folder / f"{key(*one)}.npy").exists()]
    if not missing:
        return
    made = make(name, arguments.data, arguments.weights, arguments.rows, 0, arguments.work / "cache")
    folds = tuple(make_folds(made.train.outcome, n_folds=4, seed=0))
    outcome = made.train.outcome
    outcome.to_frame().to_parquet(folder / "outcome.parquet")
    told = {"target": made.task.target.model_dump(mode="json"), "classes": outcome.classes, "n_known": outcome.n_known}
    write_json(folder / "outcome.json", told)
    for model, params in missing:

        def new(more: dict[str, Any], model: str = model, params: dict[str, Any] = params) -> Model:
            return MODELS[model]({**params, **more}, seed=0, n_threads=1)

        started = time.monotonic()
        _, scores = fit_fold_models(new, made.train, folds, Budget(arguments.seconds), Way())
        seconds = time.monotonic() - started
        np.save(folder / f"{key(model, params)}.npy", scores)
        (folder / f"{key(model, params)}.seconds").write_text(f"{seconds:.2f}")
        print(f"{name} {key(model, params)} {seconds:.1f} s", flush=True)


def key(model: str, params: dict[str, Any]) -> str:
    """A configuration as the name of a file."""
    return model + "".join(f"-{name}={value}" for name, value in params.items())


@dataclass
class Measured:
    """A data set's outcome and scores of configurations out of fold, in two halves."""

    name: str
    outcome: Outcome
    metric: Metric
    constant: Float
    scores: dict[str, Float]
    seconds: dict[str, float]

    @classmethod
    def load(cls, folder: Path) -> Measured:
        """What ``measure`` left."""
        told = read_json(folder / "outcome.json")
        target = Target(**told["target"])
        frame = read_parquet(folder / "outcome.parquet")
        outcome = Outcome.from_frame(frame, target.kind, told["classes"], told["n_known"])
        known = [one for one in CONFIGURATIONS if (folder / f"{key(*one)}.npy").exists()]
        scores = {key(*one): np.load(folder / f"{key(*one)}.npy") for one in known}
        rows = np.all([np.isfinite(values).all(axis=1) for values in scores.values()], axis=0)
        seconds = {name: float((folder / f"{name}.seconds").read_text()) for name in scores}
        scores = {name: values[rows] for name, values in scores.items()}
        return cls(folder.name, outcome.take(rows), metric_for(target), constant_prediction(outcome), scores, seconds)

    def blend(self, members: list[str]) -> float:
        """The score of a blend of members, larger is better: weights of one half of the rows, scored on the other."""
        halves = [np.arange(start, self.outcome.n_samples, 2) for start in (0, 1)]
        link = np.zeros_like(self.scores[members[0]])
        for own, other in (halves, halves[::-1]):
            part = {name: self.scores[name][own] for name in members}
            weights = greedy_blend(part, self.outcome.take(own), self.metric, reference=self.constant)
            link[other] = sum(weight * self.scores[name][other] for name, weight in weights.items())
        score = self.metric.score(self.outcome, from_link(self.outcome.kind, link), self.constant)
        return score if self.metric.higher_is_better else -score

    def of_constant(self) -> float:
        """The score of a constant, larger is better."""
        predictions = np.tile(self.constant, (self.outcome.n_samples, 1))
        score = self.metric.score(self.outcome, predictions, self.constant)
        return score if self.metric.higher_is_better else -score


def choose(sets: list[Measured], most: int) -> None:
    """Print the order."""
    names = [key(*one) for one in CONFIGURATIONS if all(key(*one) in measured.scores for measured in sets)]
    best = {measured.name: measured.blend(names) for measured in sets}
    gain = {measured.name: best[measured.name] - measured.of_constant() for measured in sets}
    chosen: list[str] = [model for model in DEFAULT_MODELS if model in names]

    def lost(members: list[str]) -> float:
        return float(np.mean([(best[m.name] - m.blend(members)) / gain[m.name] for m in sets]))

    print("alone:")
    for name in sorted(names, key=lambda one: lost([one])):
        seconds = np.mean([measured.seconds[name] for measured in sets])
        print(f"  {lost([name]):7.4f} {seconds:6.1f} s {name}")
    print(f"the defaults alone: {lost(chosen):.4f} lost by their blend")
    print("| # | configuration | lost by the blend so far | seconds |")
    print("|---|---|---|---|")
    while len(chosen) < min(most + len(DEFAULT_MODELS), len(names)):
        losses = {name: lost([*chosen, name]) for name in names if name not in chosen}
        chosen.append(min(losses, key=lambda name: losses[name]))
        seconds = np.mean([measured.seconds[chosen[-1]] for measured in sets])
        print(f"| {len(chosen)} | {chosen[-1]} | {losses[chosen[-1]]:.4f} | {seconds:.1f} |", flush=True)
    by_name = {key(*one): one for one in CONFIGURATIONS}
    print(json.dumps([by_name[name] for name in chosen[len(DEFAULT_MODELS) :]]))


if __name__ == "__main__":
    main()
