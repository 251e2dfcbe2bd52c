"""What is predicted, as numbers: one noun for every kind of task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.schema import Kind
from artifacts.task import Task

Float = NDArray[np.float64]
MOST_LABELS = 2000  # of a multilabel target: more are texts, and a column each would not fit into memory
ClassLabel = str | int | float | bool
LARGEST_EMPHASIS = 100.0  # times a mean row's weight; one outlier must not outvote all other rows


@dataclass(frozen=True)
class Outcome:
    """Targets of rows.

    ``y`` is float64 (n_samples,) for a regression and for a conversion (the rate in [0, 1]), int64
    (n_samples,) codes into ``classes`` for binary and multiclass, and float64 (n_samples, n_classes)
    of 0 and 1 for multilabel. Codes >= ``n_known`` are classes that training never saw: models
    have no output for them, metrics count them as missed. ``trials`` is given for a conversion,
    ``weight`` where the task names a weight column. ``separator`` is given where class labels are paths.
    """

    kind: Kind
    y: NDArray[Any]
    classes: tuple[ClassLabel, ...] = ()
    n_known: int = 0
    trials: Float | None = None
    weight: Float | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "weight"):
            values = getattr(self, name)
            if values is not None and values.shape != (len(self.y),):
                raise InputError(f"{name} must have shape ({len(self.y)},) as the target, but has {values.shape}.")

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_outputs(self) -> int:
        """Columns of a prediction: 1, or the number of classes known in training."""
        return 1 if self.kind in (Kind.REGRESSION, Kind.CONVERSION) else self.n_known

    @property
    def sample_weight(self) -> Float:
        """Weight of each row in losses and metrics: trials times the weight column, else 1."""
        weight = np.ones(self.n_samples) if self.weight is None else self.weight
        return weight if self.trials is None else weight * self.trials

    def of_labels(self, labels: NDArray[np.int64]) -> Outcome:
        """A multilabel target of some of its labels alone, by position (ascending, so that the known come first)."""
        classes = tuple(self.classes[i] for i in labels)
        return replace(self, y=self.y[:, labels], classes=classes, n_known=int((labels < self.n_known).sum()))

    def take(self, rows: NDArray[Any] | Sequence[int]) -> Outcome:
        """Targets of some rows, by position or boolean mask."""
        rows = np.asarray(rows) if len(rows) else np.empty(0, dtype=np.int64)
        return Outcome(
            self.kind,
            self.y[rows],
            self.classes,
            self.n_known,
            None if self.trials is None else self.trials[rows],
            None if self.weight is None else self.weight[rows],
            self.separator,
        )

    def emphasised(self, emphasis: float) -> Outcome:
        """For training, never for scores: weights times ``exp(emphasis * (y - mean) / sd)``; high values count more.

        Mean and standard deviation are those of ``y`` by ``sample_weight``: with an emphasis of 1, a row one deviation
        above the mean weighs e times a mean one. The factor keeps between 1 / 100 and 100, and is scaled so that the
        weights' sum stays: a conversion has as many trials as before. A constant ``y`` changes nothing.
        """
        given = self.sample_weight
        if not emphasis or not given.sum() > 0:
            return self
        mean = float(np.average(self.y, weights=given))
        centred = self.y - mean
        sd = float(np.sqrt(np.average(np.square(centred), weights=given)))
        if not sd > 1e-12 * abs(mean):  # rounding leaves as much of a constant
            return self
        bound = np.log(LARGEST_EMPHASIS)
        factor = np.exp(np.clip(emphasis * (centred / sd), -bound, bound))
        factor /= np.average(factor, weights=given)
        return replace(self, weight=factor if self.weight is None else factor * self.weight)

    def to_frame(self) -> pd.DataFrame:
        """Columns y (or y_0 ... for multilabel), trials and weight; what ``from_frame`` reads back."""
        if self.kind is Kind.MULTILABEL:
            frame = pd.DataFrame(self.y, columns=[f"y_{i}" for i in range(self.y.shape[1])])
        else:
            frame = pd.DataFrame({"y": self.y})
        if self.trials is not None:
            frame["trials"] = self.trials
        if self.weight is not None:
            frame["weight"] = self.weight
        return frame

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        kind: Kind,
        classes: Sequence[ClassLabel],
        n_known: int,
        separator: str | None = None,
    ) -> Outcome:
        """Read what ``to_frame`` wrote."""
        y: NDArray[Any]
        if kind is Kind.MULTILABEL:
            y = frame[[name for name in frame if str(name).startswith("y_")]].to_numpy(np.float64)
        else:
            y = frame["y"].to_numpy()

        def optional(name: str) -> Float | None:
            return frame[name].to_numpy(np.float64) if name in frame else None

        return cls(kind, y, tuple(classes), n_known, optional("trials"), optional("weight"), separator)


def has_target(frame: pd.DataFrame, task: Task) -> bool:
    """Whether the frame holds every column that the target is made of."""
    return all(name in frame for name in task.target.column_names)


def usable_target_rows(frame: pd.DataFrame, task: Task) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]]]:
    """Which rows have a usable target, and for the others why not: reason code to mask.

    Raises:
        InputError: if a column is missing or holds what cannot be read as its kind needs.
    """
    target = task.target
    lacking = [name for name in target.column_names if name not in frame]
    if lacking:
        raise InputError(
            f"Task {task.name!r} names target columns that the data lacks: {lacking}. The data has: "
            f"{[str(name) for name in frame.columns]}. Rename the column or correct [target]."
        )
    bad: dict[str, NDArray[np.bool_]] = {}
    if target.kind is Kind.CONVERSION:
        trials = _numbers(frame, target.trials or "")
        bad["target_missing"] = np.isnan(trials)
        bad["trials_not_positive"] = trials <= 0
        for name in target.success_weights:
            counts = _numbers(frame, name)
            bad["target_missing"] |= np.isnan(counts)
            bad["successes_negative"] = bad.get("successes_negative", np.zeros(len(frame), bool)) | (counts < 0)
            above = (counts > trials) & (trials > 0)
            bad["successes_above_trials"] = bad.get("successes_above_trials", np.zeros(len(frame), bool)) | above
    elif target.kind is Kind.REGRESSION:
        bad["target_missing"] = ~np.isfinite(_numbers(frame, target.column or ""))
    else:
        bad["target_missing"] = frame[target.column].isna().to_numpy()
    if task.columns.weight:
        weight = _numbers(frame, task.columns.weight)
        bad["weight_not_positive"] = ~(weight > 0) | ~np.isfinite(weight)
    usable = np.ones(len(frame), dtype=bool)
    for mask in bad.values():
        usable &= ~mask
    return usable, {reason: mask for reason, mask in bad.items() if mask.any()}


def outcome_of(frame: pd.DataFrame, task: Task, *, known: Sequence[ClassLabel] = ()) -> Outcome:
    """Targets of a frame whose rows are all usable (see ``usable_target_rows``).

    Cells of a multilabel target are lists of labels; an empty one is a row without labels.

    Args:
        frame: rows with the target's columns.
        task: what to predict.
        known: the classes of training, in their order; empty when the frame is the training data.

    Raises:
        InputError: if training has fewer than two classes, more than two for binary, or a constant
            target; or if a multilabel target holds no lists, too many labels, or none that tells rows apart.
    """
    target = task.target
    weight = _numbers(frame, task.columns.weight) if task.columns.weight else None
    if target.kind is Kind.CONVERSION:
        trials = _numbers(frame, target.trials or "")
        weights = target.success_weights
        successes = sum((w * _numbers(frame, name) for name, w in weights.items()), np.zeros(len(frame)))
        return Outcome(target.kind, successes / (sum(weights.values()) * trials), trials=trials, weight=weight)
    column = target.column or ""
    if target.kind is Kind.REGRESSION:
        return Outcome(target.kind, _numbers(frame, column), weight=weight)
    if target.kind is Kind.MULTILABEL:
        y, classes = _label_matrix(frame[column], tuple(known), column)
        return Outcome(target.kind, y, classes, len(known) or len(classes), weight=weight)
    labels = [_plain(value) for value in frame[column]]
    classes = tuple(known) or tuple(sorted(set(labels), key=lambda label: (str(type(label)), label)))
    if not known:
        _check_classes(classes, labels, task)
    extended = classes + tuple(sorted(set(labels) - set(classes), key=str))
    code = {label: i for i, label in enumerate(extended)}
    y = np.array([code[label] for label in labels], dtype=np.int64)
    return Outcome(target.kind, y, extended, len(classes), weight=weight, separator=target.separator)


def _label_matrix(
    values: pd.Series[Any], known: tuple[ClassLabel, ...], column: str
) -> tuple[Float, tuple[ClassLabel, ...]]:
    """Labels of rows as 0 and 1 (n_samples, n_classes), the known ones first."""
    strange = next((value for value in values if not isinstance(value, (list, tuple))), None)
    if strange is not None:
        raise InputError(
            f"Target {column!r} must hold lists of labels, but holds {str(strange)[:60]!r}. Split it first."
        )
    rows = [[_plain(label) for label in value] for value in values]
    new = {label for row in rows for label in row} - set(known)
    classes = known + tuple(sorted(new, key=lambda label: (str(type(label)), label)))
    if len(classes) > MOST_LABELS:
        raise InputError(
            f"Target {column!r} has {len(classes)} different labels (the first are {list(classes[:5])}), but at most "
            f"{MOST_LABELS} can be told apart. Name a column of short labels, or merge the rare ones."
        )
    position = {label: i for i, label in enumerate(classes)}
    y = np.zeros((len(rows), len(classes)))
    for i, row in enumerate(rows):
        y[i, [position[label] for label in row]] = 1.0
    if not known and not ((y.sum(axis=0) > 0) & (y.sum(axis=0) < len(y))).any():
        raise InputError(
            f"Target {column!r} has {len(classes)} labels in {len(y)} rows (such as {list(classes[:3])}), and none of "
            "them is in some rows but not in all; there is nothing to predict. Name another target or add rows."
        )
    return y, classes


def _check_classes(classes: tuple[ClassLabel, ...], labels: list[ClassLabel], task: Task) -> None:
    column, kind = task.target.column, task.target.kind
    if len(classes) < 2:
        raise InputError(
            f"Target {column!r} has one value only ({classes[0] if classes else None!r} in {len(labels)} rows); "
            "there is nothing to predict. Name another target or add rows of another class."
        )
    if kind is Kind.BINARY and len(classes) > 2:
        raise InputError(
            f"Target {column!r} has {len(classes)} values (the first are {list(classes[:5])}), but kind 'binary' needs "
            'two. Use kind = "multiclass", or kind = "regression" for a number.'
        )


def _numbers(frame: pd.DataFrame, name: str) -> Float:
    if name not in frame:
        raise InputError(f"The data lacks the column {name!r}. It has: {[str(column) for column in frame.columns]}.")
    numbers = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    lost = np.isnan(numbers) & frame[name].notna().to_numpy()
    if lost.any():
        example = frame[name][lost].iloc[0]
        raise InputError(
            f"Column {name!r} must hold numbers, but {int(lost.sum())} of {len(frame)} values are not, such as "
            f"{str(example)[:60]!r}. Mend these values or use a kind for classes."
        )
    return numbers


def _plain(value: Any) -> ClassLabel:
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, (str, int, float, bool)) else str(value)
