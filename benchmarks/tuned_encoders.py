"""An encoder tuned on the target against the same encoder as it came, over one source alone.

    python benchmarks/tuned_encoders.py --data ../shared/data --weights ../shared/weights/mobilenetv2_100

A fifth of the training rows chooses the penalty of the linear model, and the epoch of the tuned one; both are scored
once on the test rows. Beside the scores: what the layers below took to read all rows, the first epoch and the later
ones, so that it shows what is spared by keeping what they gave.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.finding import Audit
from artifacts.schema import Modality
from artifacts.task import Task
from automl.data import outcome_of
from automl.models.linear import LinearModel
from automl.models.registry import TUNED
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction, metric_for
from featurizers.base import Surroundings
from featurizers.column_inference import infer_schema
from featurizers.encoders import resolve_encoder
from featurizers.table_featurizer import TableFeaturizer

# Name to folder, target, metric, source, model.
CASES: dict[str, tuple[str, dict[str, str], str, str]] = {
    "product_texts": (
        "product_texts",
        {"kind": "multiclass", "column": "category", "metric": "accuracy"},
        "noisyTextDescription",
        "tuned_text",
    ),
    "high_ctr": ("fashion", {"kind": "binary", "column": "high_ctr", "metric": "roc_auc"}, "image", "tuned_image"),
    "colour": ("fashion", {"kind": "multiclass", "column": "baseColour", "metric": "accuracy"}, "image", "tuned_image"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="auto", help="image encoder")
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rows", type=int, default=1_000_000, help="training rows at most")
    parser.add_argument("--params", type=json.loads, default={}, help="of the tuned model, as JSON")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--cache", type=Path, help="a folder that keeps what encoders gave; a temporary one if not given"
    )
    arguments = parser.parse_args()
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as temporary:
            measure(name, arguments, EmbeddingStore(arguments.cache or Path(temporary)))


def measure(name: str, arguments: argparse.Namespace, store: EmbeddingStore) -> None:
    """Print the lines of one case."""
    train, test, task = tables(name, arguments, store)
    chosen = np.random.default_rng(arguments.seed).permutation(train.n_samples) < train.n_samples // 5
    parts = train.take(~chosen), train.take(chosen)
    n_threads = os.cpu_count() or 1
    frozen = LinearModel(seed=arguments.seed, n_threads=n_threads).fit(*parts)
    tuned = TUNED[CASES[name][3]](arguments.params, seed=arguments.seed, n_threads=n_threads)
    started = time.monotonic()
    tuned.fit(*parts)
    seconds = time.monotonic() - started
    metric, constant = metric_for(task.target), constant_prediction(train.outcome)
    found = paired_difference(
        metric,
        test.outcome,
        tuned.predict(test.table),
        frozen.predict(test.table),
        seed=arguments.seed,
        reference=constant,
    )
    below, first, *later = tuned.seconds_
    ratio = f"{np.mean(later) / (below + first):.2f}" if later else "-"
    print(
        f"{name}: {metric.name} tuned {found.score_a:.4f}, as it came {found.score_b:.4f}, "
        f"{found.difference:+.4f} ({found.low:+.4f} .. {found.high:+.4f}); {train.n_samples} + {test.n_samples} rows; "
        f"{seconds:.0f} s, of these {below:.0f} s below and epochs of "
        f"{', '.join(f'{x:.0f}' for x in tuned.seconds_[1:])} s; a later epoch {ratio} of the first with reading; "
        f"epoch kept {tuned.epochs_}; losses {np.round(tuned.losses_, 4).tolist()}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def tables(name: str, arguments: argparse.Namespace, store: EmbeddingStore) -> tuple[Examples, Examples, Task]:
    """Training and test rows with the embedding of one source, and the texts or photos behind it."""
    folder, target, source, _ = CASES[name]
    root = (arguments.data / folder).resolve()
    train, test = (pd.read_parquet(root / f"{part}.parquet") for part in ("train", "test"))
    train = train.sample(min(len(train), arguments.rows), random_state=arguments.seed)
    modality = Modality.IMAGE if source == "image" else Modality.TEXT
    others = [column for column in train if column not in (source, target["column"])]
    spec = arguments.weights if modality is Modality.IMAGE else "bundled:minilm"
    spec = str(Path(spec).resolve()) if Path(spec).exists() else spec
    task = Task(name=name, target=target, columns={modality.value: [source], "ignore": others}, root=root)
    schema, _ = infer_schema(train, task)
    around = Surroundings(root, store, Audit())
    encoder = resolve_encoder(spec, modality, root, around.audit)
    texts, photos = (encoder, None) if modality is Modality.TEXT else (None, encoder)
    featurizer = TableFeaturizer(schema, texts, photos).fit(train, around)
    known = outcome_of(train, task)
    outcomes = known, outcome_of(test, task, known=known.classes)
    made = [featurizer.transform(frame, around) for frame in (train, test)]
    only = [type(table)(tuple(b for b in table.blocks if b.is_opaque), table.index, table.contents) for table in made]
    return Examples(only[0], outcomes[0]), Examples(only[1], outcomes[1]), task


if __name__ == "__main__":
    main()
