"""Does the common space of text and photo find the photo of a text, and a swapped photo? And does it help a model?

    python benchmarks/alignment.py --data ../shared/data --weights ../shared/weights/mobilenetv2_100

Product names and photos of the fashion set: each of the 1,200 test names ranks the test photos; recall@k is the
share whose own photo is among the first k, equal photos counting as one. Against chance and a regularised canonical
correlation, whose ridge and width are chosen on held-back training rows. Then a tenth of the test photos is swapped.
Then the time for generated vectors of 20,000 pairs, and what the blocks add to the linear model, beside the
embeddings of text and photo (a paired 95% interval over the test rows).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts import Task
from artifacts.embedding_store import EmbeddingStore
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.finding import Audit
from artifacts.outcome import outcome_of, usable_target_rows
from artifacts.schema import Column, Modality, Title
from artifacts.tables import read_parquet
from automl.models.linear import LinearModel
from evaluation.intervals import paired_difference
from evaluation.metrics import constant_prediction, metric_for
from evaluation.splits import make_folds
from featurizers.alignment import Alignment, _learn
from featurizers.base import Surroundings
from featurizers.canonical_correlation import Components, canonical_directions
from featurizers.column_inference import infer_schema
from featurizers.contrastive import Pairs, Settings, learn_heads
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.joint_neighbours import neighbour_quantities
from featurizers.table_featurizer import TableFeaturizer

FloatArray = NDArray[np.float32]
KS = (1, 5, 10)
SETS: dict[str, tuple[dict[str, Any], str, str, tuple[str, ...], tuple[str, str]]] = {
    "fashion": (
        {"kind": "multiclass", "column": "subCategory", "metric": "f1_weighted"},
        "productDisplayName",
        "image",
        ("masterCategory", "high_ctr", "id"),
        ("train.parquet", "test.parquet"),
    ),
    "kdramas": (
        {"kind": "regression", "column": "rating", "metric": "r2"},
        "plot",
        "image",
        ("id",),
        ("train.parquet", "test.parquet"),
    ),
    "movie_posts": (
        {"kind": "conversion", "successes": "like", "trials": "view", "metric": "log_likelihood_skill"},
        "text",
        "photo",
        ("hide", "post_id"),
        ("train.csv", "test.csv"),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", required=True, help="image encoder")
    parser.add_argument("--pairs", type=int, default=20_000, help="generated pairs that are timed")
    parser.add_argument("--seeds", type=int, default=3)
    parts = ("retrieval", "timing", *SETS)
    parser.add_argument("--only", nargs="+", default=parts, choices=parts)
    chosen = parser.parse_args()
    encoders = [
        resolve_encoder(spec, modality, Path.cwd(), Audit())
        for spec, modality in (("bundled:minilm", Modality.TEXT), (chosen.weights, Modality.IMAGE))
    ]
    assert encoders[0] and encoders[1]
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    if "retrieval" in chosen.only:
        retrieval(chosen.data / "fashion", encoders[0], encoders[1], chosen.seeds)
    if "timing" in chosen.only:
        timing(chosen.pairs)
    for name in (name for name in SETS if name in chosen.only):
        downstream(name, chosen.data / name, encoders[0], encoders[1])


def retrieval(folder: Path, text: Encoder, image: Encoder, seeds: int) -> None:
    around = Surroundings(folder, EmbeddingStore())
    frames = [read_parquet(folder / f"{part}.parquet") for part in ("train", "test")]
    columns = [(frame["productDisplayName"], frame["image"]) for frame in frames]
    featurizer = made(text, image).fit(*columns[0], around)
    train, test = (featurizer._pairs(*both, around) for both in columns)
    print("| common space | recall@1 | recall@5 | recall@10 |\n|---|---|---|---|")
    n = len(test)
    print(f"| chance | {' | '.join(f'{k / n:.3f}' for k in KS)} |")
    held, kept = split(train)
    best = max(
        ((ridge, width) for ridge in (0.01, 0.1, 1.0) for width in (32, 64, 128, 256)),
        key=lambda choice: recalls(*correlated(train.take(kept), train.take(held), *choice), train.take(held))[2],
    )
    linear = correlated(train, test, *best)
    show(f"canonical correlation (ridge {best[0]}, {best[1]} directions)", [recalls(*linear, test)])
    found = []
    for seed in range(seeds):
        learned = learn_heads(train, seed)
        found.append(recalls(learned.first.project(test.first), learned.second.project(test.second), test))
    show(f"contrastive, mean of {seeds} seeds", found)
    show("contrastive, lowest and highest", [np.min(found, axis=0)])
    show("", [np.max(found, axis=0)])
    swapped(featurizer, frames, around)


def made(text: Encoder, image: Encoder, seed: int = 0) -> Alignment:
    first, second = Column("text", Modality.TEXT, Title("T", "T")), Column("photo", Modality.IMAGE, Title("P", "P"))
    return Alignment(first, second, text, image, seed)


def split(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.random.default_rng(0).permutation(len(pairs))
    held = pairs.without_repeats(order[: len(order) // 5])
    shares = np.isin(pairs.first_key, pairs.first_key[held]) | np.isin(pairs.second_key, pairs.second_key[held])
    return held, np.flatnonzero(~shares)


def correlated(train: Pairs, other: Pairs, ridge: float, width: int) -> tuple[FloatArray, FloatArray]:
    """Unit vectors of other rows along the canonical directions of the training rows."""
    found = Components.of(train.first, 384), Components.of(train.second, 512)
    inputs = found[0].transform(train.first), found[1].transform(train.second)
    directions = canonical_directions(*inputs, found, width, ridge)
    placed = [c.transform(x) @ d for c, x, d in zip(found, (other.first, other.second), directions, strict=True)]
    first, second = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in placed)
    return first, second


def recalls(first: FloatArray, second: FloatArray, pairs: Pairs) -> NDArray[np.float64]:
    distinct = np.unique(pairs.second_key, return_index=True)[1]
    better = (first @ second[distinct].T > (first * second).sum(axis=1)[:, None] + 1e-6).sum(axis=1)
    return np.array([(better < k).mean() for k in KS])


def show(name: str, found: list[NDArray[np.float64]]) -> None:
    print(f"| {name} | {' | '.join(f'{share:.3f}' for share in np.mean(found, axis=0))} |", flush=True)


def swapped(featurizer: Alignment, frames: list[pd.DataFrame], around: Surroundings) -> None:
    """A tenth of the test rows get the photo of another of them."""
    from sklearn.metrics import roc_auc_score

    test = frames[1]
    random = np.random.default_rng(1)
    rows = random.permutation(len(test))[: len(test) // 10]
    photos = test["image"].to_numpy(copy=True)
    photos[rows] = photos[np.roll(rows, 1)]
    is_swapped = np.zeros(len(test), dtype=bool)
    is_swapped[rows] = test["image"].to_numpy()[rows] != photos[rows]
    around = Surroundings(around.images, around.store)
    values = featurizer.transform(test["productDisplayName"], pd.Series(photos, index=test.index), around)[0].values
    found = [roc_auc_score(is_swapped, -values[:, i]) for i in (0, 1)]
    named = [f for f in around.audit.findings if f.code == "alignment_mismatch"]
    caught = int((is_swapped & (values[:, 1] < 50)).sum())
    print(
        f"\n{is_swapped.sum()} of {len(test)} photos swapped: AUC of agreement {found[0]:.4f}, of its rank "
        f"{found[1]:.4f}; named as mismatched {named[0].count if named else 0}, of which swapped {caught}"
    )
    seen = featurizer.transform(frames[0]["productDisplayName"], frames[0]["image"], Surroundings(*vars_of(around)))
    own = featurizer.transform(test["productDisplayName"], test["image"], Surroundings(*vars_of(around)))
    means = [blocks[0].values[:, 0].mean() for blocks in (seen, own)]
    print(f"mean agreement of training rows {means[0]:.3f}, of test rows {means[1]:.3f}\n", flush=True)


def vars_of(around: Surroundings) -> tuple[Path | None, EmbeddingStore | None]:
    return around.images, around.store


def timing(n: int) -> None:
    """Everything behind the embeddings, for vectors of 384 and 1,280 dimensions with a common part."""
    random = np.random.default_rng(0)
    common = random.normal(size=(n, 64))
    sides = [
        (common @ random.normal(size=(64, size)) + 40.0 * random.normal(size=(n, size))).astype(np.float32)
        for size in (384, 1280)
    ]
    keys = np.arange(n, dtype=np.uint64)
    pairs = Pairs(sides[0], sides[1], random.permutation(keys), keys)
    started, worked = time.perf_counter(), time.process_time()
    fitted = _learn(pairs, 0, Settings())
    learned, learned_work = time.perf_counter() - started, time.process_time() - worked
    text, photo = fitted.heads[0]
    started = time.perf_counter()
    placed = Pairs(text.project(sides[0]), photo.project(sides[1]), pairs.first_key, keys)
    neighbour_quantities(placed, fitted.bank, 0)
    described = time.perf_counter() - started
    print(
        f"{n} generated pairs: learned in {learned:.0f} s ({learned_work:.0f} s of processor), described in "
        f"{described:.1f} s; held-back rank {fitted.held_rank:.3f}; load {os.getloadavg()[0]:.1f}\n",
        flush=True,
    )


def downstream(name: str, folder: Path, text: Encoder, image: Encoder) -> None:
    target, text_column, image_column, ignored, files = SETS[name]
    columns = {"text": [text_column], "image": [image_column], "ignore": list(ignored)}
    task = Task(name=name, target=target, columns=columns, root=folder.resolve())
    frames = [pd.read_csv(folder / f) if f.endswith(".csv") else read_parquet(folder / f) for f in files]
    frames = [frame[usable_target_rows(frame, task)[0]] for frame in frames]
    schema, _ = infer_schema(frames[0], task)
    around = Surroundings(folder, EmbeddingStore())
    featurizer = TableFeaturizer(schema, text, image).fit(frames[0], around)
    pair = Alignment(schema[text_column], schema[image_column], text, image)
    pair.fit(frames[0][text_column], frames[0][image_column], around)
    tables = []
    for frame in frames:
        blocks = pair.transform(frame[text_column], frame[image_column], around)
        tables.append((featurizer.transform(frame, around), tuple(blocks)))
    train = outcome_of(frames[0], task)
    outcomes = (train, outcome_of(frames[1], task, known=train.classes))
    metric, constant = metric_for(task.target), constant_prediction(train)
    fold = make_folds(train, n_folds=5, seed=0)[0]

    def predictions(extra: tuple[int, ...], view: str) -> NDArray[np.float64]:
        both = [with_blocks(table.select(view=view), [blocks[i] for i in extra]) for table, blocks in tables]
        rows = Examples(both[0], outcomes[0])
        return LinearModel({}).fit(rows.take(fold.train), rows.take(fold.valid)).predict(both[1])

    print(f"| {name}: {metric.name}, linear | without | quantities add | joint embedding adds | both add |")
    print("|---|---|---|---|---|")
    for view in ("all", "text+image"):
        without = predictions((), view)
        cells = []
        for extra in ((0,), (1,), (0, 1)):
            found = paired_difference(
                metric, outcomes[1], predictions(extra, view), without, seed=0, reference=constant
            )
            cells.append(f"{found.difference:+.4f} ({found.low:+.4f} .. {found.high:+.4f})")
        print(f"| {view} | {metric.score(outcomes[1], without, constant):.4f} | {' | '.join(cells)} |", flush=True)
    print()


def with_blocks(table: FeatureTable, blocks: list[Block]) -> FeatureTable:
    return FeatureTable((*table.blocks, *blocks), table.index)


if __name__ == "__main__":
    main()
