"""``tabular-fusion report``: a run as one HTML page, as JSON, and as a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from automl.commands.printing import show, show_json, show_lines


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    out: Annotated[Path | None, typer.Option(help="HTML file to write, or the same as JSON by the ending.")] = None,
    card: Annotated[Path | None, typer.Option(help="Also write a model card in Markdown.")] = None,
    lang: Annotated[str, typer.Option(help="en or ru.")] = "en",
    segments: Annotated[
        str | None, typer.Option(help="Categorical column to tell the explanation by; the one that differs most.")
    ] = None,
    classes: Annotated[bool, typer.Option("--classes", help="Also list what each class is told by.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Allow runs whose files execute code when read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Write one self-contained HTML report of a run; the same as JSON; a model card in Markdown."""
    from artifacts.errors import InputError
    from artifacts.progress import Bars
    from artifacts.store import write_file
    from automl.reporting import report_parts
    from evaluation.class_profiles import class_listing
    from evaluation.model_card import render_card
    from evaluation.report import render_report
    from evaluation.report_json import report_json
    from evaluation.wording import Wording

    Wording(lang)  # an unknown language ends the command before the work
    if out is None and card is None and not as_json:
        raise InputError("There is nothing to write. Name a page with --out report.html, or ask for --card or --json.")
    first, *others = report_parts(run, segments=segments, trust=trust, progress=Bars())
    told = report_json(first, others)
    text = json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False)
    if out is not None:
        write_file(out, text if out.suffix.lower() == ".json" else render_report(first, lang, others))
    if card is not None:
        write_file(card, render_card(first, lang, others))
    if as_json:
        show_json(told)
        return
    for part in (first, *others) if classes else ():
        found = part.class_profiles
        listing = "there are no classes" if found is None else class_listing(found).to_string(index=False)
        show(f"{part.target}:")
        show_lines(listing)
    for what, path in (("Report", out), ("Model card", card)):
        if path is not None:
            show(f"{what}: {path}")
