"""``tabular-fusion reproduce``: a run again, and whether it comes out the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automl.commands.printing import show, show_json

SHOWN = 10
VERDICTS = {
    "same": "The run came out the same.",
    "time": "The run came out otherwise only where time decides, which is never quite the same: some candidates "
    "trained for another number of rounds, or others had a turn.",
    "different": "The run came out otherwise.",
}


def reproduce(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    into: Annotated[Path, typer.Option("--run", help="New folder for the repetition.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the data, if it is not where it was.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Fit a run again with its own task, preset, budget and seed, and compare; exit code 1 if it differs."""
    from artifacts.progress import Bars
    from automl.reproducing import reproduce as repeat

    found = repeat(run, into, data=data, progress=Bars())
    if as_json:
        show_json(found.to_json())
    else:
        for name, (then, now) in sorted(found.versions.items()):
            show(f"{name}: {then} then, {now} now")
        show(f"candidates in both: {len(found.candidates)}; only then: {found.only_then}, only now: {found.only_now}")
        for row in found.differing.head(SHOWN).to_dict("records"):
            why = "" if row["as_long"] else "; it trained for another time"
            show(f"{row['candidate']}: scores out of fold differ by {row['difference']:.1e} of the largest{why}")
        for name, difference in found.predictions.items():
            show(f"{name}: predictions of the scored rows differ by {difference:.1e} of the largest")
        show(VERDICTS[found.verdict])
    if found.verdict == "different":
        raise typer.Exit(1)
