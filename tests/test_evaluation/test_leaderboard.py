from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.run_result import COLUMNS, RunResult, results_frame
from artifacts.schema import Kind
from artifacts.tables import read_parquet
from evaluation.leaderboard import merge_leaderboards, rank, render, score_row
from evaluation.metrics import METRICS


def row(model: str, split: str, score: float, *, metric: str = "r2", run: str = "r", error: str = "") -> RunResult:
    return RunResult(run, "search", model, "all", split, metric, score, score - 0.1, score + 0.1, 1.0, 0.1, error)


ROWS = [
    row("weak", "folds", 0.1),
    row("undefined", "holdout", np.nan),
    row("strong", "holdout", 0.9),
    row("failed", "holdout", np.nan, error="ValueError: [bold]x[/bold]\nsecond\x1b[31m line"),
    row("weak", "holdout", 0.2),
    row("constant", "holdout", 0.05),
]


def shown(frame: pd.DataFrame) -> str:
    console = Console(width=220, record=True, file=io.StringIO())
    console.print(render(frame))
    return console.export_text()


def test_the_best_comes_first_and_failures_last() -> None:
    frame = results_frame(ROWS)
    ranked = rank(frame, True)
    assert list(ranked["model"]) == ["strong", "weak", "constant", "undefined", "weak", "failed"]
    assert list(rank(frame, False)["model"][:3]) == ["constant", "weak", "strong"]
    assert list(ranked.index) == list(range(6)) and list(ranked.columns) == list(COLUMNS)
    assert list(frame["model"]) == [result.model for result in ROWS], "the frame itself is left alone"
    with pytest.raises(InputError, match=r"lacks \['score'\]"):
        rank(frame.drop(columns="score"), True)


def test_activities_are_ranked_alone() -> None:
    plain = results_frame([row("a", "holdout", 0.1), row("b", "holdout", 0.5)])
    several = pd.concat([plain.assign(activity=name, run="s") for name in ("like", "hide")])
    merged = merge_leaderboards([several, plain])
    assert list(merged.columns) == [*COLUMNS, "activity"]
    assert list(zip(merged["activity"], merged["model"], strict=True)) == [
        (name, model) for name in ("like", "hide", "") for model in ("b", "a")
    ]
    assert "hide" in shown(merged) and "activity" not in shown(plain)


def test_boards_are_merged_within_each_metric() -> None:
    first = results_frame(ROWS)
    second = results_frame([row("other", "holdout", s, metric="mae", run="s") for s in (0.5, 0.3)])
    merged = merge_leaderboards([first, second], {"r2": True, "mae": False})
    assert len(merged) == 8 and list(merged["metric"])[-2:] == ["mae", "mae"]
    assert list(merged["score"])[-2:] == [0.3, 0.5]
    pd.testing.assert_frame_equal(merge_leaderboards([first, second]), merged)
    two = merge_leaderboards([first, results_frame([row("other", "holdout", 0.5, run="s")])])
    assert list(two["model"][:3]) == ["strong", "other", "weak"]
    assert merge_leaderboards([first.iloc[:0]]).empty
    with pytest.raises(InputError, match="Unknown metric 'bleu'"):
        merge_leaderboards([results_frame([row("a", "folds", 1, metric="bleu")])])
    with pytest.raises(InputError, match="no leaderboard"):
        merge_leaderboards([])


def test_a_board_survives_parquet(tmp_path: Any) -> None:
    ranked = rank(results_frame(ROWS), True)
    ranked.to_parquet(tmp_path / "board.parquet", index=False)
    pd.testing.assert_frame_equal(merge_leaderboards([read_parquet(tmp_path / "board.parquet")]), ranked)


def test_what_a_terminal_shows_holds_failures_and_no_markup_of_the_data() -> None:
    text = shown(rank(results_frame(ROWS), True))
    assert "0.9000" in text and "0.8000 .. 1.0000" in text and "constant" in text
    assert "failed" in text and "[bold]x[/bold] second [31m line" in text and "\x1b" not in text
    assert "| r | r2" in text and "run" not in text.split("strong")[0].split("split")[0].split("r2")[-1]
    many = [replace(row(name, "holdout", np.nan, error="no time"), view=view) for name in "ab" for view in ("x", "y")]
    lines = shown(results_frame([*ROWS, *many])).splitlines()
    assert [line.strip() for line in lines if "no time" in line] == ["failed a on x, a on y, b on x, b on y: no time"]
    two = shown(results_frame([*ROWS, row("m", "holdout", 1, run="other", metric="mae")]))
    assert "other" in two and "mae" in two


def test_rows_are_scored_where_they_were_predicted() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.REGRESSION, rng.normal(size=40))
    predictions = outcome.y[:, None] + rng.normal(size=(40, 1))
    predictions[:10] = np.nan
    blank = row("m", "folds", np.nan, metric="")
    scored = score_row(blank, METRICS["mae"], outcome, predictions, seed=0)
    expected = METRICS["mae"].score(outcome.take(np.arange(10, 40)), predictions[10:])
    assert scored.metric == "mae" and scored.low < scored.score == expected < scored.high and not scored.error
    grouped = score_row(blank, METRICS["mae"], outcome, predictions, seed=0, groups=np.arange(40) // 2)
    assert grouped.score == scored.score and grouped.low != scored.low
    nothing = score_row(blank, METRICS["mae"], outcome, np.full((40, 1), np.nan), seed=0)
    assert nothing.error == "no row was predicted" and np.isnan(nothing.score)
