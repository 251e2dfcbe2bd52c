"""Several back ends on one table: the same rows, folds, holdout and seconds; which of them is better, and how sure."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from artifacts.errors import FusionError
from artifacts.run_result import RunResult, results_frame
from artifacts.store import RunFolder
from artifacts.tables import write_table
from automl.presets import preset_named
from automl.run import Run, compare_runs
from evaluation.leaderboard import merge_leaderboards

COPIED = (
    "outcome", "scored_part", "scored_rows", "n_train", "n_scored", "n_features", "constant", "final_model", "decision",
    "labels", "f1_hierarchical", "encoders", "n_folds", "back_end", "versions",
)  # fmt: skip


def finish_contest(
    folder: RunFolder, failures: Mapping[str, str], split: str, *, interrupted: bool = False
) -> dict[str, Any]:
    """One leaderboard over the runs of all contestants; the winner's model and scores become those of the whole run.

    The winner is the one whose final model is best out of fold: chosen on the scored rows, its score on them would be
    too good. The differences on the scored rows say how sure the order is.

    Args:
        folder: of the whole run, with a finished run for each contestant that did not fail.
        failures: contestant to the reason why it has no run.
        split: the scored rows, ``holdout`` or ``test``.
        interrupted: whether the user stopped the contest.

    Returns:
        What it adds to the manifest: the winner's own entries, and ``contest`` with the winner, the failures and the
        paired differences.

    Raises:
        FusionError: if all contestants failed.
    """
    names = sorted(path.parent.name for path in folder.path.glob("contest/*/run.json"))
    if not names:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        raise FusionError(f"No contestant has a model. {reasons}.")
    runs = {name: Run(folder.contestant(name).path) for name in names}
    winner = max(runs, key=lambda name: _out_of_fold(runs[name]))
    metric = runs[winner].metric
    lost = [
        RunResult(name, preset_named(name).back_end, name, "", split, metric.name, error=reason)
        for name, reason in failures.items()
    ]
    boards = [run.leaderboard() for run in runs.values()] + ([results_frame(lost)] if lost else [])
    board = merge_leaderboards(boards, {metric.name: metric.higher_is_better})
    pairs = compare_runs(list(runs.values())).to_dict("records") if len(runs) > 1 else []
    own = folder.contestant(winner)
    for step in ("model", "scores"):
        with folder.write(step) as target:
            shutil.copytree(own.folder(step), target, dirs_exist_ok=True)
            if step == "scores":
                board.to_parquet(target / "leaderboard.parquet", index=False)
                write_table(board, target / "leaderboard.csv")
    interrupted = interrupted or any(run.manifest.get("interrupted", False) for run in runs.values())
    told = {"winner": winner, "failures": dict(failures), "pairs": pairs}
    copied = {name: runs[winner].manifest[name] for name in COPIED if name in runs[winner].manifest}
    return {**copied, "interrupted": interrupted, "contest": told}


def _out_of_fold(run: Run) -> float:
    """The score of the final model out of fold, larger is better; the least where its back end has none."""
    board: pd.DataFrame = run.leaderboard()
    rows = board[(board["split"] == "folds") & (board["model"] == run.manifest["final_model"])]
    score = float(rows["score"].iloc[0]) if len(rows) else np.nan
    return -np.inf if np.isnan(score) else score if run.metric.higher_is_better else -score


def contest_in_words(told: Mapping[str, Any]) -> list[str]:
    """Lines for people: who won out of fold, and the paired differences on the scored rows; failures are rows."""
    lines = [f"Best out of fold: {told['winner']}"]
    for pair in told["pairs"]:
        difference = f"{pair['difference']:+.4f} ({pair['low']:+.4f} .. {pair['high']:+.4f})"
        lines.append(f"{pair['run_a']} - {pair['run_b']}: {difference}; better: {pair['better']}")
    return lines
