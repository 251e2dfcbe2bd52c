"""``tabular-fusion export`` and ``import``: a run as one file, for another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automl.commands.printing import show, show_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def export_command(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    file: Annotated[Path, typer.Argument(help="Zip file to write.", metavar="FILE")],
    weights: Annotated[bool, typer.Option("--weights", help="With the files of its local encoders.")] = False,
    as_json: Json = False,
) -> None:
    """Write a run into one zip file that predicts on another machine; trials of the search stay behind."""
    from automl.carrying import export

    portable = export(run, file, weights=weights)
    encoders = {modality: saved["name"] if saved else None for modality, saved in portable.encoders.items()}
    told = {"file": str(file), "files": len(portable.files), "bytes": file.stat().st_size, "encoders": encoders}
    if as_json:
        show_json(told)
        return
    show(f"{told['files']} files, {file.stat().st_size / 1e6:,.1f} MB: {file}")
    for modality, name in encoders.items():
        show(f"{modality} encoder: {name or 'none'}")


def import_command(
    file: Annotated[Path, typer.Argument(help="What export wrote.", metavar="FILE")],
    run: Annotated[Path, typer.Argument(help="Run folder to make.", metavar="RUN")],
    as_json: Json = False,
) -> None:
    """Make a run folder of an exported file, after checking every name, size and checksum in it."""
    from automl.carrying import import_

    found, lacking = import_(file, run)
    if as_json:
        show_json({"run": str(found.path), "lacking": lacking})
        return
    show(f"Run: {found.path}")
    for modality, reason in lacking.items():
        show(f"{modality} encoder: {reason}")
