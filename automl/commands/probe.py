"""``tabular-fusion probe``: what the frozen encoders of a task know of its outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automl.commands.printing import show, show_json


def probe(
    task: Annotated[Path, typer.Argument(help="The task.toml.")],
    protocol: Annotated[str, typer.Option(help="linear, knn or zero-shot.")] = "linear",
    data: Annotated[Path | None, typer.Option(help="Folder that the task's paths start from.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, samples and intervals.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Score the frozen vectors of texts and photos alone, on the split that a fit makes, beside a constant."""
    from artifacts.progress import Bars
    from artifacts.task import Task
    from automl.probing import probe_task

    found = probe_task(Task.from_toml(task, data=data), protocol, seed=seed, progress=Bars())
    if as_json:
        show_json(found.to_json())
        return
    sampled = " (random samples)" if found.sampled else ""
    show(f"{found.task}: {found.n_train} training rows, {found.n_scored} rows of the {found.split}{sampled}")
    show(found.note)
    for score in found.scores:
        chosen = "" if score.parameter != score.parameter else f", parameter {score.parameter:g}"
        lacking = f", {score.missing:.0%} of the rows lack it" if score.missing else ""
        show(
            f"{score.encoder} ({score.name}, {score.n_dimensions} dimensions{chosen}{lacking}): {score.metric} "
            f"{score.score:.4f} ({score.low:.4f} .. {score.high:.4f}); constant {score.constant:.4f}"
        )
