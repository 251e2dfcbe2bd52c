"""Encoders tuned on the target against the same encoders as they came, over the same columns.

    python benchmarks/tuned_encoders.py --data ../shared/data --weights ../shared/weights/mobilenetv2_100

A fifth of the training rows chooses the penalty of the linear model, and the epoch of the tuned ones; all are scored
once on the test rows. Beside the scores: what the layers below took to read all rows, the first epoch and the later
ones, so that it shows what is spared by keeping what they gave. Models of one source read it alone; cases with several
sources also have the net over all of them, and its scores where a modality is blanked in the test rows. With
``--folds`` both are the mean of the models of so many folds and are also compared out of fold.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.finding import Audit
from artifacts.link import from_link
from artifacts.schema import Modality
from artifacts.tables import read_parquet
from artifacts.task import Task
from automl.data import outcome_of
from automl.models.base import Model
from automl.models.linear import LinearModel
from automl.models.registry import TUNED
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction, metric_for
from evaluation.splits import make_folds
from featurizers.base import Surroundings
from featurizers.column_inference import infer_schema
from featurizers.encoders import resolve_encoder
from featurizers.table_featurizer import TableFeaturizer

Float = NDArray[np.float64]

SOURCES = {"image": Modality.IMAGE, "photo": Modality.IMAGE, "productDisplayName": Modality.TEXT}
SOURCES |= {"noisyTextDescription": Modality.TEXT, "text": Modality.TEXT}
COLOUR = {"kind": "multiclass", "column": "baseColour", "metric": "accuracy"}
CATEGORY = {"kind": "multiclass", "column": "category", "metric": "accuracy"}
CTR = {"kind": "binary", "column": "high_ctr", "metric": "roc_auc"}
LIKES = {"kind": "conversion", "successes": "like", "trials": "view", "metric": "log_likelihood_skill"}

# Name to folder, target, columns that are read, models.
CASES: dict[str, tuple[str, dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "product_texts": ("product_texts", CATEGORY, ("noisyTextDescription",), ("tuned_text",)),
    "high_ctr": ("fashion", CTR, ("image",), ("tuned_image",)),
    "colour": ("fashion", COLOUR, ("image",), ("tuned_image",)),
    "colour_fused": (
        "fashion",
        COLOUR,
        ("image", "productDisplayName", "gender", "subCategory", "season"),
        tuple(TUNED),
    ),
    "category_fused": (
        "product_texts",
        CATEGORY,
        ("noisyTextDescription", "gender", "baseColour", "season", "usage"),
        ("tuned_text", "fusion_net"),
    ),
    "likes_fused": ("movie_posts", LIKES, ("photo", "text", "genres", "year"), tuple(TUNED)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each part at most")
    parser.add_argument("--params", type=json.loads, default={}, help="of one model, as JSON")
    parser.add_argument("--params-of", default="fusion_net", help="of which model")
    parser.add_argument("--folds", type=int, default=1, help="of the training rows, whose models' mean is scored")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--cache", type=Path, help="a folder that keeps what encoders gave; a temporary one if not given"
    )
    arguments = parser.parse_args()
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as temporary:
            store = EmbeddingStore(arguments.cache or Path(temporary))
            (measure if arguments.folds < 2 else measure_over_folds)(name, arguments, store)


def measure(name: str, arguments: argparse.Namespace, store: EmbeddingStore) -> None:
    """Print the lines of one case."""
    train, test, task = tables(name, arguments, store)
    chosen = np.random.default_rng(arguments.seed).permutation(train.n_samples) < train.n_samples // 5
    parts = train.take(~chosen), train.take(chosen)
    n_threads = os.cpu_count() or 1
    frozen = LinearModel(seed=arguments.seed, n_threads=n_threads).fit(*parts).predict(test.table)
    metric, constant = metric_for(task.target), constant_prediction(train.outcome)

    def against(predicted: Float, other: Float) -> str:
        found = paired_difference(metric, test.outcome, predicted, other, seed=arguments.seed, reference=constant)
        return f"{found.score_a:.4f}, {found.difference:+.4f} ({found.low:+.4f} .. {found.high:+.4f})"

    for model in CASES[name][3]:
        params = arguments.params if model == arguments.params_of else {}
        tuned = TUNED[model](params, seed=arguments.seed, n_threads=n_threads)
        started = time.monotonic()
        tuned.fit(*parts)
        seconds = time.monotonic() - started
        predicted = tuned.predict(test.table)
        below, first, *later = tuned.seconds_
        ratio = f"{np.mean(later) / (below + first):.2f}" if later else "-"
        print(
            f"{name} {model}: {metric.name} {against(predicted, frozen)} against a linear model of all columns; "
            f"{train.n_samples} + {test.n_samples} rows; {seconds:.0f} s, of these {below:.0f} s below and epochs of "
            f"{', '.join(f'{x:.0f}' for x in tuned.seconds_[1:])} s; a later epoch {ratio} of the first with reading; "
            f"epoch kept {tuned.epochs_}; losses {np.round(tuned.losses_, 4).tolist()}; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        views = test.table.views[1:] if model == "fusion_net" else ()
        for view in views:
            blank = against(tuned.predict(test.table.blanked([view])), predicted)
            print(f"{name} {model}, {view} blanked in the test rows: {blank} against nothing blanked", flush=True)


def measure_over_folds(name: str, arguments: argparse.Namespace, store: EmbeddingStore) -> None:
    """Print a line for each model: out of fold, and the mean of the folds' models on the test rows."""
    train, test, task = tables(name, arguments, store)
    folds = make_folds(train.outcome, n_folds=arguments.folds, seed=arguments.seed)
    metric, constant, kind = metric_for(task.target), constant_prediction(train.outcome), train.outcome.kind
    n_threads = os.cpu_count() or 1

    def linked(make: Callable[[], Model]) -> tuple[Float, Float]:
        """Link scores of the validated rows, and the mean of those of the test rows."""
        models = [make().fit(train.take(fold.train), train.take(fold.valid)) for fold in folds]
        unseen = [model.decide(train.table.take(fold.valid)) for model, fold in zip(models, folds, strict=True)]
        return np.concatenate(unseen), np.mean([model.decide(test.table) for model in models], axis=0)

    outcomes = train.outcome.take(np.concatenate([fold.valid for fold in folds])), test.outcome
    frozen = linked(partial(LinearModel, seed=arguments.seed, n_threads=n_threads))
    for name_of, new in ((model, TUNED[model]) for model in CASES[name][3]):
        params = arguments.params if name_of == arguments.params_of else {}
        started = time.monotonic()
        tuned = linked(partial(new, params, seed=arguments.seed, n_threads=n_threads))
        print(f"{name} {name_of}, {len(folds)} folds: {time.monotonic() - started:.0f} s")
        for part, outcome, ours, theirs in zip(("out of fold", "test"), outcomes, tuned, frozen, strict=True):
            pair = from_link(kind, ours), from_link(kind, theirs)
            found = paired_difference(metric, outcome, *pair, seed=arguments.seed, reference=constant)
            print(
                f"    {part}: {metric.name} {found.score_a:.4f}, {found.difference:+.4f} ({found.low:+.4f} .. "
                f"{found.high:+.4f}) against a linear model; {outcome.n_samples} rows",
                flush=True,
            )


def tables(name: str, arguments: argparse.Namespace, store: EmbeddingStore) -> tuple[Examples, Examples, Task]:
    """Training and test rows with the columns of a case, and the texts and photos behind their embeddings.

    Of a single source the embedding alone.
    """
    folder, target, columns, _ = CASES[name]
    root = (arguments.data / folder).resolve()
    read = pd.read_csv if (root / "train.csv").exists() else read_parquet
    train, test = (read(next(root.glob(f"{part}.[cp]*"))) for part in ("train", "test"))
    train = train.sample(min(len(train), arguments.rows), random_state=arguments.seed)
    test = test.sample(min(len(test), arguments.rows), random_state=arguments.seed)
    kept = {*columns, *target.values()}
    known = {"ignore": [column for column in train if column not in kept]}
    for column in columns:
        if column in SOURCES:
            known.setdefault(SOURCES[column].value, []).append(column)
    task = Task(name=name, target=target, columns=known, root=root)
    schema, _ = infer_schema(train, task)
    around = Surroundings(root, store, Audit())
    spec = str(Path(arguments.weights).resolve()) if Path(arguments.weights).exists() else arguments.weights
    texts = resolve_encoder("bundled:minilm", Modality.TEXT, root, around.audit)
    photos = resolve_encoder(spec, Modality.IMAGE, root, around.audit)
    featurizer = TableFeaturizer(schema, texts, photos).fit(train, around)
    classes = outcome_of(train, task)
    outcomes = classes, outcome_of(test, task, known=classes.classes)
    made = [featurizer.transform(frame, around) for frame in (train, test)]
    if len(columns) == 1:
        made = [replace(one, blocks=tuple(b for b in one.blocks if b.featurizer == "embedding")) for one in made]
    return Examples(made[0], outcomes[0]), Examples(made[1], outcomes[1]), task


if __name__ == "__main__":
    main()
