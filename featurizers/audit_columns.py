"""The audit of columns: a schema without a task, values that cannot be read, copies of whole rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.audit_report import ColumnFacts
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Schema, Title
from featurizers.base import Surroundings
from featurizers.calendar import days_come_first, read_times
from featurizers.column_guess import guess_column
from featurizers.column_inference import ACTIONABLE
from featurizers.column_warnings import warn_of_group_columns
from featurizers.nested_parsing import parse_nested
from featurizers.numbers import Numbers, is_missing, report_unreadable

Bool = NDArray[np.bool_]

MOSTLY_MISSING = 0.9


def columns_of(frame: pd.DataFrame, audit: Audit) -> Schema:
    """The schema of a table without a task: every column guessed, with the findings that ``infer_schema`` adds."""
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for name in map(str, frame.columns):
        guess = guess_column(frame[name])
        if guess.modality is not None:
            actionable = guess.modality in ACTIONABLE
            columns.append(Column(name, guess.modality, Title(name, name), actionable=actionable, reason=guess.reason))
            continue
        left_out[name] = guess.reason
        if guess.finding:
            audit.add(guess.finding, column=name, **{"count": len(frame), **guess.details}, total=len(frame))
    used = tuple(columns)
    warn_of_group_columns(frame, used, audit)
    return Schema(used, left_out=left_out)


def audit_columns(frame: pd.DataFrame, schema: Schema, audit: Audit) -> tuple[ColumnFacts, ...]:
    """Facts of every column; adds values that cannot be read, and columns that are nearly empty.

    Args:
        frame: the rows; its index names them in findings.
        schema: what the columns are.
        audit: where to report.
    """
    facts = []
    used = {column.name: column for column in schema.columns}
    for name in map(str, frame.columns):
        values = frame[name]
        missing = _missing(values)
        column = used.get(name)
        if column is not None:
            if missing.mean() > MOSTLY_MISSING:
                audit.add("column_mostly_missing", column=name, count=int(missing.sum()), total=len(values))
            _read(values, missing, column, audit)
        reason = column.reason if column else schema.left_out.get(name, "")
        modality = column.modality.value if column else ""
        facts.append(ColumnFacts(name, modality, reason, int(missing.sum()), _distinct(values, column)))
    return tuple(facts)


def report_copies(frame: pd.DataFrame, left_out: frozenset[str], clusters: Any, audit: Audit) -> None:
    """Add ``rows_copied``, and ``rows_copied_but_id`` for rows that are equal in all columns but ``left_out``.

    Args:
        frame: the rows; its index names them.
        left_out: identifiers; other columns decide.
        clusters: a function from a frame and names of columns to a cluster for each row.
        audit: where to report.
    """
    names = [str(name) for name in frame.columns]
    copied = pd.Series(clusters(frame, names)).duplicated().to_numpy()
    if copied.any():
        audit.add("rows_copied", rows=frame.index[copied], total=len(frame))
    rest = [name for name in names if name not in left_out]
    if len(rest) < len(names) and len(rest) > 1:
        alike = pd.Series(clusters(frame, rest)).duplicated().to_numpy() & ~copied
        if alike.any():
            example = ", ".join(name for name in names if name in left_out)
            audit.add("rows_copied_but_id", rows=frame.index[alike], total=len(frame), example=example)


def _missing(values: pd.Series[Any]) -> Bool:
    if values.dtype != object:
        return values.isna().to_numpy(dtype=bool)
    return np.fromiter((is_missing(value) for value in values), dtype=bool, count=len(values))


def _distinct(values: pd.Series[Any], column: Column | None) -> int:
    if column is not None and column.modality in (Modality.IMAGE, Modality.NESTED, Modality.LIST):
        return -1
    try:
        return int(values.nunique())
    except TypeError:  # values that cannot be hashed, such as lists
        return -1


def _read(values: pd.Series[Any], missing: Bool, column: Column, audit: Audit) -> None:
    if column.modality is Modality.NUMERIC:
        surroundings = Surroundings(audit=audit)
        Numbers(column).fit(values, surroundings).transform(values, surroundings)
    elif column.modality is Modality.DATETIME:
        _, unreadable = read_times(values, day_first=days_come_first(values))
        report_unreadable(audit, "date_unreadable", column.name, values, unreadable)
    elif column.modality is Modality.NESTED:
        unreadable = np.fromiter((parse_nested(value) is None for value in values), dtype=bool, count=len(values))
        report_unreadable(audit, "nested_unreadable", column.name, values, unreadable & ~missing)
