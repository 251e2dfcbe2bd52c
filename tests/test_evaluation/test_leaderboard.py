from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from artifacts.run_result import RunResult, results_frame
from evaluation.leaderboard import merge_leaderboards, rank, render


def row(model: str, split: str, score: float, *, metric: str = "r2", run: str = "r", error: str = "") -> RunResult:
    return RunResult(run, "search", model, "all", split, metric, score, score - 0.1, score + 0.1, 1.0, 0.1, error)


ROWS = [
    row("weak", "folds", 0.1),
    row("strong", "holdout", 0.9),
    row("failed", "holdout", np.nan, error="ValueError: [bold]x[/bold]\nsecond line"),
    row("weak", "holdout", 0.2),
    row("constant", "holdout", 0.0),
]


def test_the_best_comes_first_and_failures_last() -> None:
    ranked = rank(results_frame(ROWS), True)
    assert list(ranked["model"]) == ["strong", "weak", "constant", "weak", "failed"]
    assert list(rank(results_frame(ROWS), False)["model"][:3]) == ["constant", "weak", "strong"]


def test_boards_are_merged_within_each_metric() -> None:
    first, second = results_frame(ROWS), results_frame([row("other", "holdout", 0.5, metric="mae", run="s")])
    merged = merge_leaderboards([first, second], {"r2": True, "mae": False})
    assert len(merged) == 6 and list(merged["metric"])[-1] == "mae"


def test_what_a_terminal_shows_holds_failures_and_no_markup_of_the_data() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(render(rank(results_frame(ROWS), True)))
    text = console.export_text()
    assert "0.9000" in text and "0.8000 .. 1.0000" in text and "constant" in text
    assert "failed" in text and "[bold]x[/bold] second line" in text
