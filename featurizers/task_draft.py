"""A first task.toml for a table: guesses and warnings to be checked by a person."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd

from artifacts.class_paths import likely_separator
from artifacts.errors import InputError, nearest
from artifacts.finding import Audit
from artifacts.schema import Column, Kind, Modality, Title
from artifacts.target import Target
from artifacts.task import Columns, Task
from featurizers.column_guess import Guess, guess_column
from featurizers.column_warnings import warn_of_groups, warn_of_leaks
from featurizers.numbers import to_numbers

MAX_CLASSES = 1000
FEW_VALUES = 20

_TARGET_NAME = re.compile(r"^(?:target|label|y|class|rating|score|price|ctr|category|цена|рейтинг|категория)$", re.I)
_TRIALS_NAME = re.compile(r"^(?:views?|shows?|impressions?|trials|exposures?|показы|просмотры)$", re.IGNORECASE)
_SUCCESSES_NAME = re.compile(r"^(?:clicks?|likes?|orders?|successes|purchases?|clicked|клики|лайки|заказы)$", re.I)
_ORDER = (
    Modality.IMAGE, Modality.TEXT, Modality.NESTED, Modality.LIST, Modality.NUMERIC, Modality.CATEGORICAL,
    Modality.DATETIME,
)  # fmt: skip


def draft_task(frame: pd.DataFrame, *, data: Path, target: str | None = None, out: Path = Path("task.toml")) -> str:
    """The text of a commented draft, which ``Task.from_toml`` can read.

    Args:
        frame: the rows of ``data``.
        data: where they were read from; the draft names it relative to ``out``.
        target: the column to predict; guessed from names if None.
        out: where the draft will stand.

    Raises:
        InputError: if there is no such column, or no guess at a target.
    """
    names = [str(name) for name in frame.columns]
    frame = frame.set_axis(names, axis=1)
    if target is not None and target not in names:
        raise InputError(f"The data lacks the column {target!r}.{nearest(target, names)} The data has: {names[:50]}.")
    counts = _counts(frame)
    section, remark = _target_section(frame, target, counts)
    made_of = set(section.column_names)
    guesses = {name: guess_column(frame[name]) for name in names if name not in made_of}
    if section.kind is Kind.CONVERSION:
        other = Guess(None, "looks like another outcome, which is known only afterwards")
        guesses |= {name: other for name in counts[1] if name in guesses}
    folder = data.resolve().parent.name if data.is_file() else data.resolve().name
    name = re.sub(r"""[/\\\x00-\x1f:*?"<>|]+""", "-", folder).strip(" .") or "task"
    root = out.resolve().parent
    path = os.path.relpath(data, root)
    lines = [
        "# A draft: check every guess, then run: tabular-fusion fit on this file.",
        f"name = {quoted(name)}",
        "",
        "[data]                 # relative to this file",
        f"train = {quoted(Path(path).as_posix())}",
        '# test = "test.csv"    # with labels it is scored once, without them it is predicted',
        _images_line(frame, guesses, data, root),
        "",
        *_target_lines(section, remark, counts),
        *_separator_lines(frame, section),
        "",
        *_column_lines(guesses, frame),
        "",
        *_warning_lines(frame, guesses, section),
        "# [column.NAME]         # what reports call a column, and whether the author can change it",
        '# title = { en = "Photo", ru = "Фото" }',
        "# actionable = true",
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A basic string of TOML. JSON escapes all that TOML wants escaped but DEL, and surrogates are no text."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """One line of a comment: without control characters, which TOML forbids there."""
    return "# " + re.sub(r"[\x00-\x1f\x7f\s]+", " ", text.encode("utf-8", "replace").decode("utf-8"))


def _images_line(frame: pd.DataFrame, guesses: dict[str, Guess], data: Path, root: Path) -> str:
    """The folder that the photos of the first image column are found in, unless it is the draft's own."""
    remark = "    # the folder of photos that are named by paths or ids"
    names = [name for name, guess in guesses.items() if guess.modality is Modality.IMAGE]
    values = [value for name in names for value in frame[name].head(50) if isinstance(value, str)]
    for folder in (data.parent, data.parent / "images"):
        if any(_is_file(folder, value) for value in values) and folder.resolve() != root:
            return f"images = {quoted(Path(os.path.relpath(folder, root)).as_posix())}{remark}"
    return f'# images = "images"{remark}'


def _is_file(folder: Path, value: str) -> bool:
    try:
        return len(value) < 250 and (folder / value).is_file()
    except (OSError, ValueError):  # a NUL, a name too long
        return False


def _counts(frame: pd.DataFrame) -> tuple[str | None, list[str]]:
    """Columns that look like trials and successes of a conversion."""
    numeric = [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])]
    trials = next((name for name in numeric if _TRIALS_NAME.match(name)), None)
    return trials, [name for name in numeric if _SUCCESSES_NAME.match(name) and name != trials]


def _target_section(
    frame: pd.DataFrame, target: str | None, counts: tuple[str | None, list[str]]
) -> tuple[Target, str]:
    trials, successes = counts
    if target is None and trials and successes:
        return Target(kind=Kind.CONVERSION, successes=successes[0], trials=trials), "guessed from the names"
    if target is None:
        target = next((name for name in frame.columns if _TARGET_NAME.match(name)), None)
        if target is None:
            raise InputError(
                f"No column looks like a target. Name one with --target. The data has: {list(frame.columns)[:50]}."
            )
    kind, reason = guess_kind(frame[target])
    return Target(kind=kind, column=target), reason


def guess_kind(values: pd.Series[Any]) -> tuple[Kind, str]:
    """The kind of a target column and the reason: lists, two values, a few or words, or numbers."""
    guess = guess_column(values)
    if guess.modality is Modality.LIST:
        return Kind.MULTILABEL, guess.reason
    known = values[values.notna()].map(str)
    distinct = known.nunique()
    if distinct == 2:
        return Kind.BINARY, "two values"
    numbers, _ = to_numbers(values)
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    whole = bool((numbers[~pd.isna(numbers)] % 1 == 0).all())
    if not numeric or (whole and distinct <= FEW_VALUES and distinct * 10 <= len(known)):
        return Kind.MULTICLASS, f"{distinct} different values"
    if whole and str(values.name).lower().endswith(("_id", "class", "category", "label")) and distinct <= MAX_CLASSES:
        return Kind.MULTICLASS, f"{distinct} different codes, by the name"
    return Kind.REGRESSION, f"numbers, {distinct} different ones"


def _target_lines(section: Target, remark: str, counts: tuple[str | None, list[str]]) -> list[str]:
    kinds = "regression | binary | multiclass | multilabel | conversion"
    lines = ["[target]", f"kind = {quoted(section.kind.value)}     # {kinds}", _comment(remark)]
    if section.kind is Kind.CONVERSION:
        assert isinstance(section.successes, str) and section.trials
        lines += [f"successes = {quoted(section.successes)}", f"trials = {quoted(section.trials)}"]
    else:
        lines += [f"column = {quoted(section.column or '')}"]
        if counts[0]:
            lines += [
                _comment(f"{counts[0]!r} looks like a number of views. For the share of views that become"),
                _comment(f"something ({counts[1] or 'clicks, likes'}), set kind = 'conversion', successes and trials."),
            ]
    return lines


def _separator_lines(frame: pd.DataFrame, section: Target) -> list[str]:
    if section.kind is not Kind.MULTICLASS or section.column is None:
        return []
    separator = likely_separator(frame[section.column].dropna().map(str).unique().tolist())
    if separator is None:
        return []
    return [f"separator = {quoted(separator)}        # labels look like paths: errors inside a branch cost less"]


def _column_lines(guesses: dict[str, Guess], frame: pd.DataFrame) -> list[str]:
    lines = ["[columns]              # what is not named here is guessed again at every fit"]
    for modality in _ORDER:
        named = {name: guess for name, guess in guesses.items() if guess.modality is modality}
        lines += [_comment(f"{name}: {guess.reason}") for name, guess in named.items()]
        if named:
            lines.append(f"{modality.value} = [{', '.join(map(quoted, named))}]")
    left = {name: guess for name, guess in guesses.items() if guess.modality is None}
    for name, guess in guesses.items():
        if guess.modality is Modality.DATETIME:
            lines.append(_comment(f"time = {quoted(name)}, if later rows than those of training will be predicted"))
    ids = [name for name, guess in left.items() if guess.finding == "looks_like_id" and frame[name].is_unique]
    lines += [_comment(f"{name}: {guess.reason}") for name, guess in left.items()]
    if ids:
        lines.append(f"id = {quoted(ids[0])}")
    ignored = [name for name in left if name not in ids[:1]]
    return [*lines, f"ignore = [{', '.join(map(quoted, ignored))}]"] if ignored else lines


def _warning_lines(frame: pd.DataFrame, guesses: dict[str, Guess], section: Target) -> list[str]:
    audit = Audit()
    columns = tuple(Column(n, g.modality, Title(n, n)) for n, g in guesses.items() if g.modality is not None)
    task = Task(name="draft", target=section, columns=Columns())
    warn_of_leaks(frame, columns, task, audit)
    warn_of_groups(frame, columns, task, audit)
    return [_comment(f"WARNING {finding.in_language('en')}") for finding in audit.findings]
