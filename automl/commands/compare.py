"""``tabular-fusion compare``: runs side by side, as lines, JSON, a table or one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl.commands.printing import show, show_json

if TYPE_CHECKING:
    from evaluation.run_comparison import RunsComparison


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...")],
    out: Annotated[
        Path | None, typer.Option(help="Also write a page (html), or the pairs as csv or parquet, by the ending.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the page: en or ru.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Compare runs row by row on the same holdout, with a paired bootstrap; and presets over several tasks."""
    from artifacts.store import write_file
    from artifacts.tables import write_table
    from automl.comparing import comparison_of
    from automl.run import Run
    from evaluation.compare_page import render_comparison
    from evaluation.wording import Wording, neutral

    Wording(lang)  # an unknown language ends the command before the work
    found = comparison_of([Run(run) for run in runs])
    if out is not None and out.suffix.lower() in (".html", ".htm"):
        write_file(out, render_comparison(found, lang))
    elif out is not None:
        write_table(_pairs(found), out)
    if as_json:
        show_json(found.to_json())
        return
    for line in comparison_lines(found):
        show(neutral(line))


def comparison_lines(found: RunsComparison) -> list[str]:
    """Lines for people: each pair, and the presets over several tasks."""
    lines = []
    for row in _pairs(found).to_dict("records"):
        difference = f"{row['difference']:+.4f} ({row['low']:+.4f} .. {row['high']:+.4f}), p = {row['p_value']:.3f}"
        of = f"{row['task']}, " if "task" in row else ""
        of += f"{row['activity']}, " if row.get("activity") else ""
        lines.append(
            f"{of}{row['metric']}: {row['run_a']} {row['score_a']:.4f} - {row['run_b']} {row['score_b']:.4f} = "
            f"{difference}; better: {row['better']}"
        )
    ranks = found.across
    if ranks is not None:
        lines += [
            f"over the tasks ({len(ranks.tasks)}): {name}: mean rank {rank:.2f}, win rate {rate:.2f}"
            for name, rank, rate in zip(ranks.presets, ranks.mean_ranks, ranks.win_rates, strict=True)
        ]
        lines.append(
            f"no critical difference: it needs 3 tasks with the same presets, and there are {len(ranks.tasks)}"
            if ranks.why_not
            else f"{ranks.test} test: p = {ranks.p_value:.3f}; critical difference {ranks.critical_difference:.2f}"
        )
    return lines


def _pairs(found: RunsComparison) -> Any:
    """The paired differences of all tasks in one frame, with columns for task and activity where there are several."""
    import pandas as pd

    several = len({task.name for task in found.tasks}) > 1
    frames = [
        task.pairs.assign(task=task.name) if several else task.pairs for task in found.tasks if not task.pairs.empty
    ]
    table = pd.concat(frames, ignore_index=True)
    if "activity" in table:
        table["activity"] = table["activity"].fillna("")
    return table
