"""From a frame and a task to a schema: which columns are used, as what, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from artifacts.errors import InputError, nearest
from artifacts.finding import Audit, Finding
from artifacts.schema import Column, Modality, Schema, Title
from artifacts.task import Task
from featurizers.column_guess import Guess, guess_column
from featurizers.column_warnings import warn_of_groups, warn_of_leaks, warn_of_repeated_ids
from featurizers.task_draft import draft_task

__all__ = ["draft_task", "infer_schema"]

MAX_NAMES = 50
# What an author writes, photographs or fills in; other columns only if the task says so.
ACTIONABLE = frozenset({Modality.IMAGE, Modality.TEXT, Modality.NESTED, Modality.LIST})


def infer_schema(frame: pd.DataFrame, task: Task) -> tuple[Schema, list[Finding]]:
    """Decide on every column of the training rows.

    Columns that the task names under a modality are taken as they are; the others are guessed from
    their values. A column with a role (target, id, group, time, weight, output id) and an ignored one
    is no feature, unless the task also names it under a modality: a time column gives calendar
    features only if it stands in ``columns.datetime``, too. Images, texts, nested and list columns
    are actionable by default, others where ``[column.NAME]`` exists and says so.

    Returns:
        The schema, with a reason for each column used or left out, and what was found: empty and
        constant columns, ids, repeated ids, likely leaks and groups.

    Raises:
        InputError: if the task names columns that the frame lacks, columns share a name, or no
            column is left to learn from.
    """
    names = [str(name) for name in frame.columns]
    if names != list(frame.columns):
        frame = frame.set_axis(names, axis=1)
    _check_names(names, task)
    audit = Audit()
    roles = _roles(task)
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for name in names:
        guess = _guess(frame[name], roles.get(name, ""), task)
        if guess.modality is None:
            left_out[name] = guess.reason
            _report(guess, name, len(frame), audit)
        else:
            columns.append(_column(name, guess.modality, guess.reason, task))
    if not columns:
        why = dict(list(left_out.items())[:MAX_NAMES])
        raise InputError(
            f"Task {task.name!r} has no column to learn from; left out were {why}. "
            "Name a column under [columns], for example text = ['title']."
        )
    used = tuple(columns)
    warn_of_repeated_ids(frame, task, audit)
    warn_of_leaks(frame, used, task, audit)
    warn_of_groups(frame, used, task, audit)
    role = task.columns
    return Schema(used, role.id, role.group, role.time, role.weight, left_out), audit.findings


def _check_names(names: Sequence[str], task: Task) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"The data has columns of the same name: {twice}. Rename them.")
    have = set(names)
    for wanted, what, place in (
        (task.target.column_names, "target columns", "correct [target]"),
        (task.columns.names, "columns", "take it out of [columns]"),
        (tuple(task.column), "columns under [column.NAME]", "take that section out"),
    ):
        lacking = list(dict.fromkeys(name for name in wanted if name not in have))
        if lacking:
            shown = list(names[:MAX_NAMES]) + (["..."] if len(names) > MAX_NAMES else [])
            raise InputError(
                f"Task {task.name!r} names {what} that the data lacks: {lacking}.{nearest(lacking[0], names)} "
                f"The data has: {shown}. Rename the column or {place}."
            )


def _roles(task: Task) -> dict[str, str]:
    """Column to the reason why it is no feature."""
    roles = dict.fromkeys(task.columns.ignore, "named under ignore")
    for role, name in (
        ("weight", task.columns.weight),
        ("time", task.columns.time),
        ("group", task.columns.group),
        ("id of the predictions' file", task.output.id),
        ("id", task.columns.id),
    ):
        if name:
            roles[name] = f"the {role} of the rows"
    roles |= dict.fromkeys(task.target.column_names, "the target is made of it")
    return {name: why for name, why in roles.items() if name not in task.columns.modalities}


def _guess(values: pd.Series[Any], role: str, task: Task) -> Guess:
    if role:
        return Guess(None, role)
    named = task.columns.modalities.get(str(values.name))
    if named is None:
        return guess_column(values)
    if values.isna().all():
        return Guess(None, "named in the task, but every value is missing", "column_empty", {"count": len(values)})
    return Guess(named, "named in the task")


def _report(guess: Guess, name: str, total: int, audit: Audit) -> None:
    if guess.finding:
        audit.add(guess.finding, column=name, **{"count": total, **guess.details}, total=total)


def _column(name: str, modality: Modality, reason: str, task: Task) -> Column:
    detail = task.column.get(name)
    if detail is None:
        return Column(name, modality, Title.of(None, name), actionable=modality in ACTIONABLE, reason=reason)
    title = Title.of(detail.title, name)
    return Column(name, modality, title, detail.unit, detail.actionable, detail.locked, reason)
