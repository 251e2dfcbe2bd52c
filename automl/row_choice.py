"""Rows of a table that a person names: one by its id or number, or those that have a value."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import pandas as pd

from artifacts.errors import InputError, nearest
from artifacts.task import Task

N_NEAR = 5


def position_of(frame: pd.DataFrame, task: Task, row: str) -> int:
    """The position of the row that people call ``row``.

    The id column is that of the task; an id that was read as a number is found as ``5`` and as ``5.0``. Without an id
    column it is the number of the row, from 0, as reports count them.

    Raises:
        InputError: if there is no such row, or several; it names near ids.
    """
    name = task.id_among(frame.columns)
    ids = [_written(value) for value in (range(len(frame)) if name is None else frame[name])]
    found = [i for i, one in enumerate(ids) if one in (row, _whole(row))]
    what = f"column {name!r}" if name is not None else "the numbers of the rows (the task names no id column)"
    if not ids:
        raise InputError("There are no rows to choose from: the table is empty. Name another file.")
    if not found:
        near = difflib.get_close_matches(row, ids, n=N_NEAR, cutoff=0.5) or ids[:N_NEAR]
        raise InputError(f"There is no row {row!r} in {what}. Near: {near}, out of {len(ids)} rows. Name one of these.")
    if len(found) > 1:
        raise InputError(f"{len(found)} rows are called {row!r} in {what}, but one is expected. Keep one in the file.")
    return found[0]


def rows_where(frame: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame:
    """Rows that fit all conditions ``COLUMN=VALUE``, compared as text.

    Raises:
        InputError: if a condition is not of this form, names no column, or no row fits.
    """
    for condition in conditions:
        name, sign, value = condition.partition("=")
        if not sign or name not in frame:
            raise InputError(
                f"A condition is COLUMN=VALUE, but got {condition!r}.{nearest(name, list(frame.columns))} "
                f"The rows have: {list(frame.columns)[:30]}."
            )
        there = frame[name].map(_written)
        if not (there == value).any():
            raise InputError(
                f"No row has {name!r} = {value!r}.{nearest(value, sorted(set(there)))} "
                "Name a value that stands in the rows."
            )
        frame = frame[there == value]
    return frame


def _written(value: object) -> str:
    return _whole(str(value)) if isinstance(value, float) else str(value)


def _whole(text: str) -> str:
    return text.removesuffix(".0")
