"""``tabular-fusion verify``: whether the files of a run are those that were written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from automl.commands.printing import show, show_json

MOST_SHOWN = 50


def verify(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Check every file of a run against its checksum; ends with exit code 1 if one is changed, missing or foreign."""
    from artifacts.store import RunFolder

    folder = RunFolder(run)
    faults = folder.faults()
    if as_json:
        show_json({"run": str(run), "faults": [asdict(fault) for fault in faults]})
    else:
        for fault in faults[:MOST_SHOWN]:
            show(f"{fault.kind}: {fault.path!r}")
        if len(faults) > MOST_SHOWN:
            show(f"and {len(faults) - MOST_SHOWN} more")
        show(
            f"{len(faults)} files of {str(run)!r} are not as they were written. Restore them, or run fit again into "
            "another folder."
            if faults
            else f"All files of {str(run)!r} are as they were written."
        )
    if faults:
        raise typer.Exit(1)
