"""Several activities out of the same trials: a model for each on one table of features, and their weighted sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.run_result import ACTIVITY, COLUMNS, RunResult, results_frame
from artifacts.schema import Kind
from artifacts.store import ACTIVITIES, RunFolder, reading
from artifacts.tables import read_stored
from artifacts.target import WEIGHTED_SUM, Target
from artifacts.task import Task
from automl.backends.base import FittedBackend
from automl.manifest import read_manifest
from automl.scored_rows import FOLDS, ScoredPart, read_scored
from automl.scoring import ScoredRun, scored_frame
from evaluation.leaderboard import merge_leaderboards, score_row
from evaluation.metrics import METRICS

Float = NDArray[np.float64]

SUM_METRICS = ("r2", "rmse", "spearman")  # the first is the one that runs are compared by
SHARED = (
    "format", "back_end", "n_folds", "encoders", "scored_part", "n_train", "n_scored", "n_features", "final_model",
    "versions",
)  # fmt: skip


class FittedActivities:
    """The final models of all activities, as one model with a column of rates for each."""

    def __init__(self, fitted: Sequence[FittedBackend], target: Target) -> None:
        self.fitted = tuple(fitted)
        self.target = target

    def decide(self, table: FeatureTable) -> Float:
        """Log-odds (n_samples, n_activities)."""
        return np.hstack([fitted.decide(table) for fitted in self.fitted])

    def predict(self, table: FeatureTable) -> Float:
        """Rates (n_samples, n_activities); where the activities have weights, the weighted sum is one more column."""
        return with_sum(np.hstack([fitted.predict(table) for fitted in self.fitted]), self.target)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """A model is explained on its own.

        Raises:
            InputError: always; it names the folders of the models.
        """
        raise InputError(
            f"This run has a model for each of {list(self.target.activity_names)}, and each is explained on its own. "
            "Name the folder activities/NAME inside the run's."
        )


def with_sum(rates: Float, target: Target) -> Float:
    """Rates (n_samples, n_activities), with the weighted sum behind them where the activities have weights."""
    weights = np.array(list(target.activity_weights.values()))
    return np.column_stack([rates, rates @ weights]) if len(weights) else rates


def score_together(folder: RunFolder, task: Task, seed: int) -> tuple[ScoredRun, dict[str, Any]]:
    """One leaderboard over the finished runs of all activities and the weighted sum of their final models.

    The sum is a regression on the sum of the observed rates, each row weighted by its trials.

    Args:
        folder: of the whole run.
        task: the whole task.
        seed: of the intervals.

    Returns:
        The scores, and what they add to the manifest, which is that of a regression on the sum.

    Raises:
        ArtifactError: if a file of one of the runs is missing or damaged, or they are of different rows.
    """
    with reading(folder.path / ACTIVITIES):
        return _score_together(folder, task, seed)


def _score_together(folder: RunFolder, task: Task, seed: int) -> tuple[ScoredRun, dict[str, Any]]:
    runs = {name: folder.activity(name) for name in task.target.activity_names}
    manifests = {name: read_manifest(run.path) for name, run in runs.items()}
    scores = [run.folder("scores") for run in runs.values()]
    boards = [
        read_stored(path / "leaderboard.parquet", *COLUMNS).assign(**{"run": folder.path.name, ACTIVITY: name})
        for name, path in zip(runs, scores, strict=True)
    ]
    first = next(iter(manifests.values()))
    frames = {"rows": read_stored(scores[0] / "rows.parquet")}
    if (scores[0] / "predictions.parquet").exists():
        frames["predictions"] = _predicted(scores, task)
    constants = with_sum(np.array([[manifest["constant"][0] for manifest in manifests.values()]]), task.target)[0]
    described = {name: first[name] for name in SHARED} | {
        "interrupted": any(manifest.get("interrupted", False) for manifest in manifests.values()),
        "outcome": {"kind": Kind.REGRESSION.value, "classes": [], "n_known": 0},
        "scored_rows": " ".join(manifest["scored_rows"] for manifest in manifests.values()),
        "constant": constants[-1:].tolist(),
    }
    for split in (str(first["scored_part"]), FOLDS) if task.target.activity_weights else ():
        if not all((path / f"{split}.parquet").exists() for path in scores):
            continue  # a back end that predicts no training rows out of fold
        part = _summed([read_scored(run, split, manifests[name]) for name, run in runs.items()], task.target)
        blank = RunResult(folder.path.name, first["back_end"], first["final_model"], "all", split, "")
        rows = _sum_rows(blank, part, constants[-1:], seed)
        boards.append(results_frame(rows).assign(**{ACTIVITY: WEIGHTED_SUM}))
        frames[split] = scored_frame(part.ids, part.outcome, part.predictions, _known(part.groups))
    return ScoredRun(merge_leaderboards(boards), frames), described


def _predicted(scores: Sequence[Path], task: Task) -> pd.DataFrame:
    """What the models predicted of a test file without labels, and the weighted sum."""
    frames = [read_stored(path / "predictions.parquet") for path in scores]
    if not all(frame.iloc[:, :-1].equals(frames[0].iloc[:, :-1]) for frame in frames):
        raise ValueError(f"the activities {list(task.target.activity_names)} have predictions of different rows")
    rates = np.column_stack([frame.iloc[:, -1].to_numpy(np.float64) for frame in frames])
    columns = dict(zip(task.prediction_names, with_sum(rates, task.target).T, strict=True))
    return frames[0].iloc[:, :-1].assign(**columns)


def _summed(parts: Sequence[ScoredPart], target: Target) -> ScoredPart:
    """Truth and predictions of the weighted sum; a row is missing where a fold of one activity is.

    Raises:
        ValueError: if the activities have other rows, or the same in another order.
    """
    if any(part.ids != parts[0].ids for part in parts):
        raise ValueError(f"the activities {list(target.activity_names)} have scores of different rows")
    y, predicted = (
        with_sum(np.column_stack(columns), target)[:, -1]
        for columns in ([part.outcome.y for part in parts], [part.predictions[:, 0] for part in parts])
    )
    outcome = Outcome(Kind.REGRESSION, y, weight=parts[0].outcome.sample_weight)
    return replace(parts[0], outcome=outcome, predictions=predicted[:, None])


def _sum_rows(row: RunResult, part: ScoredPart, constant: Float, seed: int) -> list[RunResult]:
    """The sum and a constant beside it, which has no rank correlation."""
    simple = replace(row, model="constant", view="none", fit_seconds=0.0, predict_ms_per_row=0.0)
    flat = np.tile(constant, (part.outcome.n_samples, 1))
    groups = _known(part.groups)
    return [
        score_row(one, METRICS[name], part.outcome, predictions, seed=seed, reference=constant, groups=groups)
        for name in SUM_METRICS
        for one, predictions in ((row, part.predictions), (simple, flat))
        if one is row or name != "spearman"
    ]


def _known(groups: NDArray[np.int64] | None) -> Float | None:
    return None if groups is None else np.where(groups < 0, np.nan, groups)
