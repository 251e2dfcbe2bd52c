"""Rows of a table that a person names: one by its id, or those that have a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from artifacts.errors import InputError, nearest
from artifacts.task import Task


def row_by_id(frame: pd.DataFrame, task: Task, wanted: str) -> pd.Series[Any]:
    """The row whose id is ``wanted``, by the task's id column; by its number from 0 if there is none.

    Raises:
        InputError: if no row, or more than one, has it.
    """
    name = task.id_among(frame.columns)
    ids = [str(i) for i in range(len(frame))] if name is None else [_as_id(value) for value in frame[name]]
    found = [i for i, value in enumerate(ids) if value == wanted]
    if len(found) != 1:
        what = "row number" if name is None else f"{name!r}"
        count = "No row has" if not found else f"{len(found)} rows have"
        raise InputError(f"{count} {what} = {wanted!r}.{nearest(wanted, ids)} There are {len(ids)} rows: {ids[:3]} ...")
    return frame.iloc[found[0]]


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
        there = frame[name].map(_as_id)
        if not (there == value).any():
            raise InputError(
                f"No row has {name!r} = {value!r}.{nearest(value, sorted(set(there)))} "
                "Name a value that stands in the rows."
            )
        frame = frame[there == value]
    return frame


def _as_id(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
