"""``tabular-fusion leaderboard``: models, classes or views of one or more runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl.commands.printing import show, show_json, show_lines

if TYPE_CHECKING:
    import pandas as pd

    from automl.run import Run

PIPED_WIDTH = 160


def leaderboard(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...")],
    classes: Annotated[bool, typer.Option("--classes", help="Scores of each class instead.")] = False,
    views: Annotated[bool, typer.Option("--views", help="What photo, text and table add instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """One leaderboard over one or more runs."""
    from artifacts.errors import InputError
    from automl.resuming import stopped_in_words
    from automl.run import Run
    from evaluation.leaderboard import merge_leaderboards

    if classes and views:
        raise InputError("--classes and --views are two different leaderboards. Ask for one of them.")
    opened = [Run(run) for run in runs]
    if classes:
        _print_each([(run, run.class_scores()) for run in opened], as_json)
    elif views:
        _print_each([(run, found) for run in opened if (found := _views(run)) is not None], as_json)
    else:
        higher = {run.metric.name: run.metric.higher_is_better for run in opened}
        board = merge_leaderboards([run.leaderboard() for run in opened], higher)
        if as_json:
            show_json(_records(board))
        else:
            print_board(board)
            for line in (line for run in opened for line in stopped_in_words(run.path)):
                show(line)


def print_board(board: pd.DataFrame) -> None:
    """A leaderboard as a table in the terminal."""
    from rich.console import Console

    from evaluation.leaderboard import render

    console = Console()
    if not console.is_terminal:  # a pipe has no width, and columns cut to the usual 80 characters would say nothing
        console = Console(width=max(console.width, PIPED_WIDTH))
    console.print(render(board))


def _views(run: Run) -> pd.DataFrame | None:
    """The leaderboard of views; of a run that kept none, None, and a line that says so."""
    from artifacts.errors import InputError

    try:
        return run.view_leaderboard()
    except InputError as error:
        show(str(error), err=True)
        return None


def _print_each(found: Sequence[tuple[Run, pd.DataFrame]], as_json: bool) -> None:
    if as_json:
        show_json([row for run, scores in found for row in _records(scores.assign(run=run.name))])
        return
    from evaluation.wording import neutral

    for run, scores in found:
        show(f"{neutral(run.name)}, {run.scored_part}, {run.metric.name}:")
        # Names of classes come from data and may hold terminal escapes and newlines.
        shown = scores.map(lambda value: neutral(value, 60) if isinstance(value, str) else value)
        show_lines(shown.to_string(index=False, float_format="{:.4f}".format, na_rep=""))


def _records(frame: Any) -> list[dict[str, Any]]:
    return list(json.loads(frame.to_json(orient="records")))
