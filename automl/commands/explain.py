"""``tabular-fusion explain``: what moved the prediction of one row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automl.commands.printing import show, show_json


def explain(  # noqa: PLR0913 - each is an option of the command
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    data: Annotated[Path, typer.Argument(help="A table that holds the row: csv, parquet, jsonl or a folder of JSON.")],
    row: Annotated[str, typer.Option(help="Id of the row; its number, from 0, where the task names no id column.")],
    out: Annotated[Path | None, typer.Option(help="HTML file to write.")] = None,
    label: Annotated[str | None, typer.Option(help="Of several classes, the one to explain.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the photos, if it is not the task's.")] = None,
    lang: Annotated[str, typer.Option(help="en or ru.")] = "en",
    trust: Annotated[bool, typer.Option("--trust", help="Allow runs whose files execute code when read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what moved the prediction of one row: columns, regions of the photo, words of the texts."""

    from artifacts.progress import Bars
    from artifacts.store import write_file
    from artifacts.tables import read_table
    from automl.predictor import Predictor
    from automl.row_choice import position_of
    from automl.row_explaining import explain_row
    from evaluation.row_lines import row_lines
    from evaluation.row_page import render_row
    from evaluation.wording import Wording

    say = Wording(lang)  # an unknown language ends the command before the work
    frame = read_table(data)
    predictor = Predictor.load(run, trust=trust, progress=Bars())
    if images is not None:
        predictor = predictor.with_images(images)
    position = position_of(frame, predictor.task, row)
    found = explain_row(predictor, frame.iloc[[position]], name=row, label=label)
    if out is not None:
        write_file(out, render_row(found, lang))
    if as_json:
        show_json(found.to_json())
        return
    for line in row_lines(found, say):
        show(line)
    if out is not None:
        show(str(out))
