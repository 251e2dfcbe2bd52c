"""From a task to rows that can be used: read, checked, and with what was found wrong in them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.finding import Audit
from artifacts.outcome import Outcome, has_target, outcome_of, usable_target_rows
from artifacts.schema import Kind, Modality, Schema
from artifacts.tables import read_table
from artifacts.task import Task
from evaluation.metrics import metric_for
from evaluation.splits import content_clusters
from featurizers.column_inference import infer_schema
from featurizers.column_warnings import warn_of_training_only
from featurizers.lists import read_lists, separator_of

RARE_CLASS = 10  # rows
RARE_LABEL = 5
SHOWN_CHARACTERS = 110  # of the names of rare labels, in the sentence about them
FEW_ROWS = 100


@dataclass(frozen=True)
class Rows:
    """Rows of one file with usable targets. ``ids`` names them for people; ``outcome`` is None without target."""

    frame: pd.DataFrame
    ids: tuple[str, ...]
    outcome: Outcome | None
    fingerprint: str


@dataclass(frozen=True)
class Loaded:
    """All that a fit starts from."""

    task: Task
    schema: Schema
    train: Rows
    test: Rows | None
    audit: Audit

    def for_activity(self, name: str) -> Loaded:
        """The same rows with the outcome of one of the task's activities."""
        task = self.task.for_activity(name)
        test = self.test
        if test is not None and test.outcome is not None:
            test = replace(test, outcome=outcome_of(test.frame, task))
        return replace(
            self, task=task, train=replace(self.train, outcome=outcome_of(self.train.frame, task)), test=test
        )


def load(task: Task, train: pd.DataFrame | None = None, test: pd.DataFrame | None = None) -> Loaded:
    """Steps 1 and 2 of a fit: read the data, check the task against them, audit the rows.

    Args:
        task: what to predict.
        train: training rows, instead of the file that the task names.
        test: test rows, likewise.

    Raises:
        InputError: if the data cannot be used for this task.
    """
    metric_for(task.target)
    audit = Audit()
    train_frame, train_print = _frame(task, train, task.data.train, "train")
    separator = None
    if task.target.kind is Kind.MULTILABEL and has_target(train_frame, task):
        separator = separator_of(train_frame[task.target.column])
        train_frame = _with_labels(train_frame, task, separator)
    usable, problems = usable_target_rows(train_frame, task)
    schema, findings = infer_schema(train_frame, task)
    audit.findings.extend(findings)
    rows = _rows(train_frame, train_print, task, usable, problems, audit, known=())
    test_rows = None
    if test is not None or task.data.test:
        test_rows = _test_rows(task, test, rows, schema, audit, separator)
    _audit_rows(rows, schema, task, audit)
    return Loaded(task, schema, rows, test_rows, audit)


def duplicates_of(rows: Rows, schema: Schema) -> NDArray[np.int64]:
    """Cluster of each row (n_samples,): rows equal in every source column share one.

    A table of a few numbers and categories alone has equal rows that are not copies: there, each row is its own.
    """
    if not schema.of_modality(Modality.IMAGE, Modality.TEXT, Modality.NESTED):
        return np.arange(len(rows.frame), dtype=np.int64)
    return np.asarray(content_clusters(rows.frame, list(schema.names)), dtype=np.int64)


def _frame(task: Task, given: pd.DataFrame | None, named: str | None, part: str) -> tuple[pd.DataFrame, str]:
    if given is not None:
        frame = given.rename(columns=str)
        if frame.empty:
            raise InputError(f"The {part} frame holds no rows. Expected at least one.")
        printed = frame.apply(lambda column: column.map(_printed) if column.dtype == object else column.astype(str))
        hashed = pd.util.hash_pandas_object(printed, index=False).to_numpy()
        return frame, xxhash.xxh3_128_hexdigest(hashed.tobytes() + "|".join(frame.columns).encode())
    path = task.path(named)
    if path is None:
        raise InputError(f'Task {task.name!r} names no {part} data. Set {part} = "file" under [data], or pass a frame.')
    return read_table(path), fingerprint(path)


def _printed(value: Any) -> str:
    """A cell as text; bytes of a photo, which need not be text, as their hash."""
    return xxhash.xxh3_128_hexdigest(value) if isinstance(value, (bytes, bytearray)) else str(value)


def fingerprint(path: Path) -> str:
    """Hash of the content of a file, or of the JSON files of a folder."""
    digest = xxhash.xxh3_128()
    for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def _rows(
    frame: pd.DataFrame,
    print_: str,
    task: Task,
    usable: NDArray[np.bool_],
    problems: dict[str, NDArray[np.bool_]],
    audit: Audit,
    known: tuple[str | int | float | bool, ...],
) -> Rows:
    ids = _ids(frame, task)
    for reason, mask in problems.items():
        audit.add(
            reason,
            column=", ".join(task.target.column_names),
            rows=[ids[i] for i in np.flatnonzero(mask)],
            total=len(frame),
        )
    if not usable.any():
        raise InputError(
            f"No row has a usable target: of {len(frame)} rows, "
            + ", ".join(f"{int(mask.sum())} have {reason.replace('_', ' ')}" for reason, mask in problems.items())
            + f". Check {list(task.target.column_names)}."
        )
    kept = frame[usable]
    return Rows(kept, tuple(np.asarray(ids, dtype=object)[usable]), outcome_of(kept, task, known=known), print_)


def _with_labels(frame: pd.DataFrame, task: Task, separator: str | None) -> pd.DataFrame:
    """The frame with the target read as lists of labels, whatever they were written as; unreadable ones are missing."""
    name = task.target.column or ""
    return frame.assign(**{name: read_lists(frame[name], separator)})


def _test_rows(
    task: Task, given: pd.DataFrame | None, train: Rows, schema: Schema, audit: Audit, separator: str | None
) -> Rows:
    frame, print_ = _frame(task, given, task.data.test, "test")
    for name in schema.names:
        if name not in frame:
            audit.add("test_columns_missing", column=name, total=len(frame), count=len(frame))
    warn_of_training_only(train.frame, schema.columns, frame.columns, task, audit)
    if not has_target(frame, task):
        return Rows(frame, tuple(_ids(frame, task)), None, print_)
    assert train.outcome is not None
    known = train.outcome.classes
    if task.target.kind is Kind.MULTILABEL:
        frame = _with_labels(frame, task, separator)
    usable, problems = usable_target_rows(frame, task)
    if not usable.any():
        return Rows(frame, tuple(_ids(frame, task)), None, print_)
    rows = _rows(frame, print_, task, usable, problems, audit, known)
    assert rows.outcome is not None
    if known:
        y = rows.outcome.y
        unseen = np.asarray(y >= len(known) if y.ndim == 1 else y[:, len(known) :].any(axis=1))
        if unseen.any():
            first = int(y[unseen][0]) if y.ndim == 1 else len(known)
            audit.add(
                "class_unseen" if y.ndim == 1 else "label_unseen",
                column=task.target.column or "",
                rows=np.asarray(rows.ids, dtype=object)[unseen],
                total=len(unseen),
                example=rows.outcome.classes[first],
            )
    return rows


def _audit_rows(rows: Rows, schema: Schema, task: Task, audit: Audit) -> None:
    assert rows.outcome is not None
    n = len(rows.frame)
    if n < FEW_ROWS:
        audit.add("rows_few", count=n, total=n)
    if rows.outcome.kind is Kind.MULTILABEL:
        _audit_labels(rows.outcome, task.target.column or "", audit)
    elif rows.outcome.classes:
        counts = np.bincount(rows.outcome.y, minlength=rows.outcome.n_known)
        rare = np.flatnonzero(counts < RARE_CLASS)
        if len(rare):
            example = rows.outcome.classes[int(rare[0])]
            audit.add("class_rare", column=task.target.column or "", count=len(rare), limit=RARE_CLASS, example=example)
    clusters = duplicates_of(rows, schema)
    repeated = np.bincount(clusters)[clusters] > 1
    if repeated.any():
        audit.add("duplicate_rows", rows=np.asarray(rows.ids, dtype=object)[repeated], total=n)


def rare_labels(outcome: Outcome) -> NDArray[np.int64]:
    """Positions of the known labels that fewer than ``RARE_LABEL`` rows have."""
    return np.flatnonzero(outcome.y[:, : outcome.n_known].sum(axis=0) < RARE_LABEL)


def _audit_labels(outcome: Outcome, column: str, audit: Audit) -> None:
    rare = [str(outcome.classes[i]) for i in rare_labels(outcome)]
    if rare:
        example = textwrap.shorten(", ".join(rare), SHOWN_CHARACTERS, placeholder=" ...")
        known = outcome.n_known
        audit.add(
            "label_rare", column=column, count=len(rare), total=known, limit=RARE_LABEL, example=example, labels=rare
        )
    without = int((outcome.y.sum(axis=1) == 0).sum())
    if without:
        audit.add("labels_none", column=column, count=without, total=outcome.n_samples)


def _ids(frame: pd.DataFrame, task: Task) -> list[str]:
    name = task.id_among(frame.columns)
    return [str(value) for value in (frame.index if name is None else frame[name])]
