"""What a foreign library is given - a plain frame, rows, weights - and what its answers mean.

Both LightAutoML and AutoGluon have two habits that our contract does not allow: they lose rare
classes, and they know no successes out of trials. Both are mended here, in the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.store import read_json, reading, write_json
from evaluation.splits import Fold

Float = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_ROWS = 10  # of a class: AutoGluon drops classes below it, and any fold needs some of each


@dataclass(frozen=True)
class TrainingRows:
    """Rows as the library gets them; ``source`` says which example each was made of.

    ``fold`` is the fold that validates the row, -1 if none does. Predictions out of fold are kept
    where ``honest``: a row that stands in several folds has been seen by every model.
    """

    source: Ints
    target: NDArray[Any]
    weight: Float | None
    fold: Ints
    honest: NDArray[np.bool_]

    @property
    def is_partition(self) -> bool:
        """Whether each row is validated by exactly one of several folds."""
        return bool((self.fold >= 0).all()) and len(np.unique(self.fold)) > 1


def training_rows(outcome: Outcome, folds: Sequence[Fold], present: Sequence[int]) -> TrainingRows:
    """Rows in which every class stands often enough, and a conversion is a weighted binary target.

    A conversion becomes two rows per example, a success and a failure, weighted by how many there
    were: minimising their log loss is maximising the binomial likelihood. (A regression on the rate
    is fitted faster, but its squared error is another aim: on 1,920 films with 1,684 features its
    likelihood was worse in the same time.) Both rows lie in one fold.

    A class of fewer than ``FEWEST_ROWS`` rows is repeated up to that number, its weight shared
    among the copies, and the copies are dealt to all folds, so that each model sees each class. A
    larger class that some fold lacks lends it one copy.
    """
    fold = np.full(outcome.n_samples, -1, dtype=np.int64)
    for number, each in enumerate(folds):
        fold[each.valid] = number
    everything = np.arange(outcome.n_samples)
    if outcome.kind is Kind.CONVERSION:
        weight = outcome.sample_weight
        source = np.concatenate([everything, everything])
        target = np.repeat([1, 0], outcome.n_samples)
        shares = np.concatenate([outcome.y * weight, (1.0 - outcome.y) * weight])
        kept = shares > 0
        source, target, shares = source[kept], target[kept], shares[kept]
        return TrainingRows(source, target, shares / shares.mean(), fold[source], np.ones(len(source), dtype=bool))
    if outcome.kind is Kind.REGRESSION:
        weights = None if outcome.weight is None else outcome.weight / outcome.weight.mean()
        return TrainingRows(everything, outcome.y, weights, fold, np.ones(outcome.n_samples, dtype=bool))
    code = {label: i for i, label in enumerate(present)}
    labels = np.array([code[label] for label in outcome.y.tolist()], dtype=np.int64)
    return _with_rare_classes(labels, outcome.weight, fold, len(folds))


def _with_rare_classes(labels: Ints, given: Float | None, fold: Ints, n_folds: int) -> TrainingRows:
    copies = -(-max(FEWEST_ROWS, n_folds) // np.bincount(labels))[labels]
    source = np.repeat(np.arange(len(labels)), copies)
    dealt = fold[source]
    if (fold >= 0).all() and n_folds > 1:
        repeated = copies[source] > 1
        dealt[repeated] = np.arange(int(repeated.sum())) % n_folds
    # LightAutoML scores each fold by the classes that it finds there, and fails if one is not.
    extra = [
        (np.flatnonzero(labels == label)[0], number)
        for label in np.unique(labels)
        for number in np.setdiff1d(fold[fold >= 0], dealt[labels[source] == label])
    ]
    source = np.concatenate([source, np.array([row for row, _ in extra], dtype=np.int64)])
    dealt = np.concatenate([dealt, np.array([number for _, number in extra], dtype=np.int64)])
    copies = np.bincount(source)
    weight = (np.ones(len(labels)) if given is None else given / given.mean()) / copies
    weighted = given is not None or copies.max() > 1
    return TrainingRows(source, labels[source], weight[source] if weighted else None, dealt, copies[source] == 1)


@dataclass(frozen=True)
class Answers:
    """How the library's columns become predictions of ours.

    ``present`` are the codes of the classes that the library was shown, in the order of its
    columns; other known classes get the share that one row more would have had.
    """

    kind: Kind
    n_outputs: int
    n_samples: int
    present: tuple[int, ...]

    @classmethod
    def of(cls, outcome: Outcome) -> Answers:
        """For a target."""
        present: tuple[int, ...] = ()
        if outcome.kind in (Kind.BINARY, Kind.MULTICLASS):
            present = tuple(int(code) for code in np.unique(outcome.y))
        return cls(outcome.kind, outcome.n_outputs, outcome.n_samples, present)

    @property
    def n_columns(self) -> int:
        """Columns of an answer: one for a number, two for a conversion (failure, success), else classes."""
        return 1 if self.kind is Kind.REGRESSION else 2 if self.kind is Kind.CONVERSION else len(self.present)

    def predictions(self, raw: Float) -> Float:
        """Predictions (n_samples, n_outputs) of raw answers (n_samples, n_columns); NaN rows stay NaN."""
        if self.kind is Kind.REGRESSION:
            return np.asarray(raw, dtype=np.float64)
        raw = np.clip(np.asarray(raw, dtype=np.float64), 0.0, 1.0)
        raw = raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-12)
        if self.kind is Kind.CONVERSION:
            return raw[:, 1:]
        absent = [code for code in range(self.n_outputs) if code not in self.present]
        share = 1.0 / (self.n_samples + self.n_outputs)
        result = np.full((len(raw), self.n_outputs), share)
        result[:, list(self.present)] = raw * (1.0 - share * len(absent))
        result[np.isnan(raw).any(axis=1)] = np.nan
        return result


class FrameMaker:
    """The wide table as a plain frame: columns f0 ... fn, float32 or categories, infinities as NaN.

    Columns that do not vary in training are left out. Embeddings are reduced by PCA to ``n_dims``
    dimensions per block where that is asked for; principal axes come from the training rows alone.
    """

    def __init__(self, n_dims: int | None = None) -> None:
        self.n_dims = n_dims
        self._blocks: list[dict[str, Any]] = []
        self._axes: dict[str, NDArray[np.float32]] = {}

    def fit(self, table: FeatureTable) -> FrameMaker:
        """Learn which columns to give, from the training rows.

        Raises:
            InputError: if no feature varies.
        """
        for number, block in enumerate(table.blocks):
            values = _finite(block.values)
            kept = np.flatnonzero(_varies(values, block))
            reduced = self.n_dims is not None and block.is_opaque and len(kept) > self.n_dims
            self._blocks.append(
                {
                    "features": [feature.name for feature in block.features],
                    "categories": block.categories,
                    "kept": kept.tolist(),
                    "reduced": reduced,
                }
            )
            if reduced:
                mean, axes = _principal_axes(values[:, kept], self.n_dims or 1)
                self._axes[f"mean_{number}"], self._axes[f"axes_{number}"] = mean, axes
        if not any(block["kept"] for block in self._blocks):
            raise InputError(
                f"None of the {table.n_features} features varies over the {table.n_samples} training rows, so there is "
                "nothing to learn from. Add columns or rows."
            )
        return self

    def frame(self, table: FeatureTable) -> pd.DataFrame:
        """The columns for a table with the features of training, with a plain row index.

        Raises:
            InputError: if the features are others.
        """
        expected = [name for block in self._blocks for name in block["features"]]
        if [feature.name for feature in table.features] != expected:
            raise InputError(
                f"The table's {table.n_features} features differ from the {len(expected)} of training, in names or in "
                "order. Make it with the featurizer of the same run."
            )
        parts: dict[str, Any] = {}
        for number, (block, plan) in enumerate(zip(table.blocks, self._blocks, strict=True)):
            if plan["kept"]:
                self._add(parts, number, block, plan)
        return pd.DataFrame(parts, index=pd.RangeIndex(table.n_samples))

    def _add(self, parts: dict[str, Any], number: int, block: Block, plan: dict[str, Any]) -> None:
        if plan["categories"] is not None:
            known = pd.Index(block.categories or ())
            codes = block.values[:, 0].astype(np.int64).tolist()
            column = pd.Categorical.from_codes(codes, categories=known)
            parts[f"f{len(parts)}"] = column.set_categories(pd.Index(plan["categories"]))
            return
        values = _finite(block.values)[:, plan["kept"]]
        if plan["reduced"]:
            values = _project(values, self._axes[f"mean_{number}"], self._axes[f"axes_{number}"])
        for column_values in values.T:
            parts[f"f{len(parts)}"] = column_values

    def save(self, folder: Path) -> None:
        """Write ``columns.json`` and ``axes.npz`` (plain arrays)."""
        write_json(folder / "columns.json", {"n_dims": self.n_dims, "blocks": self._blocks})
        np.savez(folder / "axes.npz", allow_pickle=False, **self._axes)

    @classmethod
    def load(cls, folder: Path) -> FrameMaker:
        """Read what ``save`` wrote.

        Raises:
            ArtifactError: if a file is missing or damaged.
        """
        with reading(folder):
            described = read_json(folder / "columns.json")
            maker = cls(described["n_dims"])
            maker._blocks = described["blocks"]
            with np.load(folder / "axes.npz", allow_pickle=False) as stored:
                maker._axes = {name: stored[name] for name in stored.files}
        return maker


def answers_to_json(answers: Answers) -> dict[str, Any]:
    """Plain data; ``answers_from_json`` reads it back."""
    return asdict(answers)


def answers_from_json(data: dict[str, Any]) -> Answers:
    """Read what ``answers_to_json`` made."""
    return Answers(Kind(data["kind"]), data["n_outputs"], data["n_samples"], tuple(data["present"]))


def _finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values if not np.isinf(values).any() else np.where(np.isinf(values), np.float32(np.nan), values)


def _varies(values: NDArray[np.float32], block: Block) -> NDArray[np.bool_]:
    known = values >= 0 if block.is_category else ~np.isnan(values)
    low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    return np.asarray((high > low) | ((high == low) & ~known.all(axis=0)))


def _principal_axes(values: NDArray[np.float32], n_dims: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    mean = np.nanmean(values, axis=0)
    centred = np.nan_to_num(values - mean)
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    return mean.astype(np.float32), np.ascontiguousarray(vectors[:, ::-1][:, :n_dims], dtype=np.float32)


def _project(values: NDArray[np.float32], mean: NDArray[np.float32], axes: NDArray[np.float32]) -> NDArray[np.float32]:
    # A row without its text or photo is NaN throughout; it stays NaN, so that the library sees the gap.
    missing = np.isnan(values).all(axis=1)
    result = np.asarray(np.nan_to_num(values - mean) @ axes, dtype=np.float32)
    result[missing] = np.nan
    return result
