"""How much the task's encoders alone know of the outcome, on the split that a fit makes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import InputError
from artifacts.finding import Audit
from artifacts.outcome import Outcome
from artifacts.progress import Progress, Silent
from artifacts.schema import Column, Modality
from artifacts.store import RunFolder
from artifacts.task import Task
from automl.budget import Budget
from automl.data import Loaded, load
from automl.presets import preset_named
from automl.probes import CLASSES, LEARNED, PROTOCOLS, TEMPERATURE, best_parameter, name_probe, require_names
from automl.steps import Steps
from evaluation.intervals import bootstrap_interval
from evaluation.metrics import METRICS, Metric, constant_prediction, metric_for
from evaluation.splits import Fold
from featurizers.base import Featurizer, Surroundings
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.image_embedding import ImageEmbedding
from featurizers.text_embedding import TextEmbedding

Float = NDArray[np.float64]
MAX_TRAIN = 10_000  # rows that a probe learns from
MAX_SCORED = 10_000
SPLIT_LIKE = "balanced"  # the preset whose holdout and folds are taken
ACCURACY = "accuracy"


@dataclass(frozen=True)
class ProbeScore:
    """Score of one protocol over the vectors of ``encoder`` (text, image or both), beside the constant's.

    ``parameter`` is what was chosen out of fold, NaN where nothing is learned; ``missing`` the share of scored rows
    without a vector, which stand at the mean of the training rows.
    """

    encoder: str
    name: str
    n_dimensions: int
    metric: str
    score: float
    low: float
    high: float
    constant: float
    parameter: float
    missing: float


@dataclass(frozen=True)
class ProbeReport:
    """What the encoders of a task know, under one protocol; ``note`` says in words what was done."""

    task: str
    protocol: str
    note: str
    split: str
    n_train: int
    n_scored: int
    sampled: bool
    scores: tuple[ProbeScore, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not defined is None."""
        plain = {name: value for name, value in vars(self).items() if name != "scores"}
        scores = [
            {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in vars(score).items()}
            for score in self.scores
        ]
        return {**plain, "scores": scores}


@dataclass(frozen=True)
class _Part:
    """Rows with their outcome; ``groups`` as for intervals."""

    frame: pd.DataFrame
    outcome: Outcome
    groups: NDArray[Any] | None


def probe_task(task: Task, protocol: str = "linear", *, seed: int = 0, progress: Progress | None = None) -> ProbeReport:
    """Score a protocol over the frozen vectors of each encoder, and of both together.

    Args:
        task: names the data and the encoders.
        protocol: ``linear`` (logistic or ridge regression), ``knn``, or ``zero-shot`` (names of the classes).
        seed: of the split, samples and intervals.
        progress: where to show progress.

    Raises:
        InputError: if the protocol is unknown or does not fit the task, or no column has an encoder.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"Unknown protocol {protocol!r}. Known: {list(PROTOCOLS)}.")
    if task.target.activity_names:
        raise InputError(f"A probe has one outcome, but the task has {list(task.target.activity_names)}. Name one.")
    loaded = load(task)
    outcome = loaded.train.outcome
    assert outcome is not None
    names = require_names(outcome) if protocol == "zero-shot" else []
    encoders = _encoders(loaded)
    if protocol == "zero-shot" and "text" not in encoders:
        raise InputError("Zero-shot compares texts with the names of classes, but no text column has an encoder.")
    train, scored, folds, split = _split(loaded, seed)
    n_there = len(train.frame), len(scored.frame)
    train, scored, folds = _bounded(train, scored, folds, seed)
    around = Surroundings(
        task.path(task.data.images) or task.root, EmbeddingStore(), Audit(), progress or Silent(), seed
    )
    metric = metric_for(task.target)
    metrics = list(dict.fromkeys([metric.name, *([ACCURACY] if outcome.kind in CLASSES else [])]))
    found: list[ProbeScore] = []
    if protocol == "zero-shot":
        columns, encoder = encoders["text"]
        of_names = _vectors(columns[:1], encoder, pd.DataFrame({columns[0].name: names}), around)
        rows = _text_mean(columns, encoder, scored.frame, around)
        predictions = name_probe(np.nan_to_num(of_names), np.nan_to_num(rows))
        made = ("text", encoder.name, rows.shape[1], float("nan"), _missing(rows))
        found += _scores(made, metrics, predictions, train, scored, seed)
    else:
        for kind, label, new, known in _spaces(encoders, train.frame, scored.frame, around):
            missing = _missing(new)
            x, rows = _filled(known, new)
            value, _ = best_parameter(protocol, x, train.outcome, folds, metric)
            predictions = LEARNED[protocol][0](x, train.outcome, rows, value)
            found += _scores((kind, label, x.shape[1], value, missing), metrics, predictions, train, scored, seed)
    return ProbeReport(
        task=task.name,
        protocol=protocol,
        note=_note(protocol, encoders),
        split=split,
        n_train=len(train.frame),
        n_scored=len(scored.frame),
        sampled=(len(train.frame), len(scored.frame)) != n_there,
        scores=tuple(found),
    )


def _encoders(loaded: Loaded) -> dict[str, tuple[tuple[Column, ...], Encoder]]:
    """The columns of each modality that has an encoder, and the encoder."""
    found = {}
    for modality in (Modality.TEXT, Modality.IMAGE):
        columns = loaded.schema.of_modality(modality)
        spec = getattr(loaded.task.encoders, modality.value)
        encoder = resolve_encoder(spec, modality, loaded.task.root, loaded.audit) if columns else None
        if encoder is not None:
            found[modality.value] = (columns, encoder)
    if not found:
        raise InputError(
            f"No column of task {loaded.task.name!r} has an encoder to probe: it needs texts or photos, and an encoder "
            "under [encoders] that is on this machine. `tabular-fusion doctor` lists them."
        )
    return found


def _split(loaded: Loaded, seed: int) -> tuple[_Part, _Part, tuple[Fold, ...], str]:
    """Training rows, scored rows and folds as a fit makes them."""
    with tempfile.TemporaryDirectory() as folder:
        place = RunFolder(folder).create()
        steps = Steps(loaded, preset_named(SPLIT_LIKE), seed, place, Budget(600.0), Silent())
        holdout, folds = steps.split()
        split = steps.scored_part
    train = loaded.train
    assert train.outcome is not None
    group = loaded.schema.group

    def part(frame: pd.DataFrame, outcome: Outcome) -> _Part:
        return _Part(frame, outcome, frame[group].to_numpy() if group and group in frame else None)

    known = part(train.frame[~holdout], train.outcome.take(~holdout))
    if split == "holdout":
        return known, part(train.frame[holdout], train.outcome.take(holdout)), folds, split
    test = loaded.test
    assert test is not None and test.outcome is not None
    return known, part(test.frame, test.outcome), folds, split


def _bounded(train: _Part, scored: _Part, folds: tuple[Fold, ...], seed: int) -> tuple[_Part, _Part, tuple[Fold, ...]]:
    rng = np.random.default_rng(seed)
    if len(scored.frame) > MAX_SCORED:
        scored = _taken(scored, np.sort(rng.choice(len(scored.frame), MAX_SCORED, replace=False)))
    if len(train.frame) > MAX_TRAIN:
        rows = np.sort(rng.choice(len(train.frame), MAX_TRAIN, replace=False))
        place = np.full(len(train.frame), -1)
        place[rows] = np.arange(len(rows))
        ends = [[place[side][place[side] >= 0] for side in (fold.train, fold.valid)] for fold in folds]
        folds = tuple(Fold(*both) for both in ends if all(len(side) for side in both))
        train = _taken(train, rows)
    return train, scored, folds


def _taken(part: _Part, rows: NDArray[np.int64]) -> _Part:
    return _Part(part.frame.iloc[rows], part.outcome.take(rows), None if part.groups is None else part.groups[rows])


def _spaces(
    encoders: dict[str, tuple[tuple[Column, ...], Encoder]],
    train: pd.DataFrame,
    scored: pd.DataFrame,
    around: Surroundings,
) -> list[tuple[str, str, Float, Float]]:
    """Kind, name, vectors of the scored rows and of the training rows: of each encoder, and of both."""
    found = []
    for kind, (columns, encoder) in encoders.items():
        new, known = (_vectors(columns, encoder, frame, around) for frame in (scored, train))
        found.append((kind, encoder.name, new, known))
    if len(found) > 1:
        names = " + ".join(name for _, name, _, _ in found)
        found.append(("both", names, np.hstack([f[2] for f in found]), np.hstack([f[3] for f in found])))
    return found


def _vectors(columns: Sequence[Column], encoder: Encoder, frame: pd.DataFrame, around: Surroundings) -> Float:
    """Vectors (n_samples, n_dimensions) of unit length of these columns side by side; NaN where there is none."""
    parts = []
    for column in columns:
        reader: Featurizer = TextEmbedding(column, encoder)
        if encoder.modality is Modality.IMAGE:
            reader = ImageEmbedding(column, encoder)
        values = frame[column.name] if column.name in frame else pd.Series([None] * len(frame), index=frame.index)
        (block,) = reader.fit(values, around).transform(values, around)
        vectors = np.asarray(block.values, dtype=np.float64)
        parts.append(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
    return np.hstack(parts)


def _text_mean(columns: Sequence[Column], encoder: Encoder, frame: pd.DataFrame, around: Surroundings) -> Float:
    """The mean vector (n_samples, n_dimensions) of the text columns of a row; NaN where it has no text."""
    parts = np.stack([_vectors([column], encoder, frame, around) for column in columns])
    there = np.isfinite(parts)
    counts = there.sum(axis=0)
    means = np.where(there, parts, 0.0).sum(axis=0) / np.maximum(counts, 1)
    return np.asarray(np.where(counts > 0, means, np.nan), dtype=np.float64)


def _missing(vectors: Float) -> float:
    """Share of rows without a vector."""
    return float(np.mean(~np.isfinite(vectors).any(axis=1)))


def _filled(train: Float, rows: Float) -> tuple[Float, Float]:
    """Missing vectors at the mean of the training rows."""
    there = np.isfinite(train)
    means = np.where(there, train, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there, train, means), np.where(np.isfinite(rows), rows, means)


def _scores(
    made: tuple[str, str, int, float, float],
    metrics: Sequence[str],
    predictions: Float,
    train: _Part,
    scored: _Part,
    seed: int,
) -> list[ProbeScore]:
    kind, label, n_dimensions, parameter, missing = made
    constant = constant_prediction(train.outcome)
    flat = np.tile(constant, (scored.outcome.n_samples, 1))
    result = []
    for name in metrics:
        metric: Metric = METRICS[name]
        score, low, high = bootstrap_interval(
            metric, scored.outcome, predictions, seed=seed, reference=constant, groups=scored.groups
        )
        base = metric.score(scored.outcome, flat, constant)
        result.append(ProbeScore(kind, label, n_dimensions, name, score, low, high, base, parameter, missing))
    return result


def _note(protocol: str, encoders: dict[str, tuple[tuple[Column, ...], Encoder]]) -> str:
    names = {kind: encoder.name for kind, (_, encoder) in encoders.items()}
    if protocol == "zero-shot":
        image = f", and the photo encoder {names['image']!r} shares no space with it" if "image" in names else ""
        return (
            f"Cosine of the rows' texts with the names of the classes, both by {names['text']!r}{image}; nothing is "
            f"learned. Probabilities are a softmax at temperature {TEMPERATURE}: trust the order, not how sure."
        )
    learned = {
        "linear": "Logistic or ridge regression over the frozen vectors; its penalty was chosen out of fold.",
        "knn": "Mean outcome of the nearest training rows by cosine; their number was chosen out of fold.",
    }
    return learned[protocol]
