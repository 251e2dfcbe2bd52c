"""``tabular-fusion advise``: what an author should change in one row, in a segment, or in general."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from automl.commands.printing import show, show_json


def advise(  # noqa: PLR0913 - each is an option of the command
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    data: Annotated[Path, typer.Argument(help="Rows: csv, parquet, jsonl, or a folder of JSON files.")],
    row: Annotated[str | None, typer.Option(help="Id of one row; of all rows if left out.")] = None,
    where: Annotated[list[str] | None, typer.Option(help="COLUMN=VALUE that rows must have; may be repeated.")] = None,
    output: Annotated[str | None, typer.Option("--class", help="The class that should become likelier.")] = None,
    lower: Annotated[bool, typer.Option("--lower", help="A lower prediction is better.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write a page, or JSON by the ending.")] = None,
    lang: Annotated[str, typer.Option(help="en or ru.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what to change in a row, by how much it would help, and how sure that is."""
    from artifacts.progress import Bars
    from artifacts.store import write_file
    from artifacts.tables import read_table
    from automl.advising import Advisor
    from automl.row_choice import position_of, rows_where
    from automl.run import Run
    from evaluation.advice_lines import advice_lines
    from evaluation.advice_page import render_advice
    from evaluation.wording import Wording

    say = Wording(lang)
    frame = rows_where(read_table(data), where or [])
    opened, progress = Run(run), Bars()
    advisor = Advisor.of(opened, output=output, raises=not lower, progress=progress)
    titles = {column.name: say.title(column.title) for column in opened.schema.columns}
    if row is None:
        name = ", ".join(where or []) or opened.task.name
        report, pictures = advisor.rows(frame, name), {}
    else:
        chosen = frame.iloc[position_of(frame, opened.task, row)]
        report = advisor.row(chosen, row)
        pictures = advisor.pictures(chosen, report)
    text = json.dumps(report.to_json(), ensure_ascii=False, indent=1)
    if out is not None:
        is_data = out.suffix.lower() == ".json"
        write_file(out, text if is_data else render_advice(report, lang, titles=titles, pictures=pictures))
    if as_json:
        show_json(report.to_json())
        return
    for line in advice_lines(report, lang, titles):
        show(line)
    if out is not None:
        show()
        show(out)
