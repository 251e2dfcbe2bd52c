"""A finished run: what lies in its folder, and the verbs on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.feature_table import FeatureTable
from artifacts.finding import Finding
from artifacts.link import from_link
from artifacts.progress import Progress, Silent
from artifacts.run_result import ACTIVITY
from artifacts.schema import Schema
from artifacts.store import RunFolder, read_json, read_object, reading
from artifacts.tables import read_stored
from artifacts.target import WEIGHTED_SUM
from artifacts.task import Task
from automl.activities import SUM_METRICS
from automl.manifest import read_manifest
from automl.predictor import Predictor
from automl.scored_rows import FOLDS, ScoredPart, read_scored
from automl.view_scores import ViewScores
from evaluation.class_scores import class_scores
from evaluation.compare import ComparedRun, compare
from evaluation.metrics import METRICS, Metric, metric_for
from evaluation.prediction_intervals import PredictionIntervals
from evaluation.view_board import view_board

Float = NDArray[np.float64]


class Run:
    """A run folder, read when asked for.

    ``trust`` allows ``predictor`` to load back ends whose files execute code when read; see ``Predictor.load``.

    Raises:
        ArtifactError: if the folder is not that of a finished run of this format.
    """

    def __init__(self, path: str | Path, *, trust: bool = False, progress: Progress | None = None) -> None:
        self.folder = RunFolder(path)
        self.trust, self.progress = trust, progress or Silent()
        _ = self.manifest  # refuses a folder that is none of a finished run

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return self.path.resolve().name

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What ``run.json`` says: seeds, versions, encoders, timings, fingerprints."""
        return read_manifest(self.folder.path)

    @cached_property
    def task(self) -> Task:
        """The task that was fitted."""
        return Task(**read_object(self.folder.folder("task") / "task.json"))

    @cached_property
    def schema(self) -> Schema:
        """The source columns as they were used."""
        path = self.folder.folder("task") / "schema.json"
        with reading(path):
            return Schema.from_json(read_json(path))

    @property
    def findings(self) -> list[Finding]:
        """What was found wrong in the data."""
        path = self.folder.folder("features") / "findings.json"
        with reading(path):
            return [Finding(**{**finding, "rows": tuple(finding["rows"])}) for finding in read_json(path)]

    @property
    def metric(self) -> Metric:
        """The metric that ranks; of several activities, that of their weighted sum."""
        return METRICS[SUM_METRICS[0]] if self.activities else metric_for(self.task.target)

    @property
    def activities(self) -> tuple[str, ...]:
        """The activities that have a model of their own; empty for one target."""
        return self.task.target.activity_names

    def activity(self, name: str) -> Run:
        """The run of one activity, a whole run on the features of this one.

        Raises:
            InputError: if there is none of this name.
        """
        self.task.for_activity(name)
        return Run(self.folder.activity(name).path, trust=self.trust, progress=self.progress)

    def leaderboard(self) -> pd.DataFrame:
        """One row per model, view and split, best first; see ``artifacts.run_result``."""
        return read_stored(self.folder.folder("scores") / "leaderboard.parquet")

    @cached_property
    def predictor(self) -> Predictor:
        """The fitted model, loaded when first asked for.

        Raises:
            ArtifactError: if the run needs ``trust``.
        """
        return Predictor.load(self.path, trust=self.trust, progress=self.progress)

    def predict(
        self, frame: pd.DataFrame, *, interval: float | None = None, quantiles: Sequence[float] = ()
    ) -> pd.DataFrame:
        """Predictions for raw rows; see ``Predictor.predict``."""
        return self.predictor.predict(frame, interval=interval, quantiles=quantiles)

    @property
    def scored_part(self) -> str:
        """``test`` where a labelled test file was given, else ``holdout``."""
        return str(self.manifest["scored_part"])

    def scored(self) -> ScoredPart:
        """The rows that no model saw, with truth and the final model's predictions; of activities, their weighted sum.

        Raises:
            InputError: if the run has several activities without weights, and so no sum.
        """
        if self.activities and not self.task.target.activity_weights:
            raise InputError(
                f"The run in {str(self.path)!r} has a model for each of {list(self.activities)} and no weights to sum "
                "them by. Name one of them: the folder activities/NAME inside the run's."
            )
        return read_scored(self.folder, self.scored_part, self.manifest)

    def coverage(self, level: float = 0.9) -> float:
        """The share of scored rows whose outcome lies within its interval of this level; see ``Predictor.predict``.

        Raises:
            InputError: if the kind has no intervals, or the back end predicted no training rows out of fold.
        """
        part, known = self.scored(), read_scored(self.folder, FOLDS, self.manifest)
        return PredictionIntervals.fit(known.outcome, known.predictions).coverage(part.outcome, part.predictions, level)

    def class_scores(self) -> pd.DataFrame:
        """How well each class is found in the scored rows; see ``evaluation.class_scores``.

        Raises:
            InputError: if the task has no classes.
        """
        part = self.scored()
        return class_scores(part.outcome, part.decided)

    def view_leaderboard(self) -> pd.DataFrame:
        """What each view can do, with paired differences; see ``evaluation.view_board.view_board``.

        Of several activities: one leaderboard below the other, with the column ``activity``.

        Raises:
            InputError: if the run kept no scores of views, as those of older versions.
        """
        if self.activities:
            boards = [self.activity(name).view_leaderboard().assign(**{ACTIVITY: name}) for name in self.activities]
            return pd.concat(boards, ignore_index=True)
        kept = ViewScores.load(self.folder.folder("scores"))
        part = self.scored()
        rows = np.arange(part.outcome.n_samples) if kept.rows is None else kept.rows
        outcome = part.outcome.take(rows)
        return view_board(
            self.metric,
            outcome,
            {v.view: from_link(outcome.kind, link) for v, link in zip(kept.views, kept.links, strict=True)},
            {v.view: v.against for v in kept.views},
            seed=int(self.manifest["seed"]),
            models={v.view: v.model for v in kept.views},
            reference=np.asarray(self.manifest["constant"], dtype=np.float64),
            groups=None if part.groups is None else np.where(part.groups < 0, np.nan, part.groups)[rows],
        )

    def compared(self) -> ComparedRun:
        """The scored rows, for a comparison with other runs."""
        part = self.scored()
        constant = np.asarray(self.manifest["constant"], dtype=np.float64)
        return ComparedRun(
            self.name,
            self.metric,
            part.outcome,
            part.decided if self.metric.decides else part.predictions,
            part.ids,
            part.fingerprint,
            reference=constant,
            groups=part.groups,
        )

    def scored_table(self) -> FeatureTable:
        """The features of the scored rows."""
        if self.scored_part == "test":
            return FeatureTable.load(self.folder.folder("features") / "test")
        split = read_stored(self.folder.folder("split") / "rows.parquet", "holdout")
        table = FeatureTable.load(self.folder.folder("features") / "train")
        return table.take(split["holdout"].to_numpy(bool))


def compare_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """Paired bootstrap of each pair of runs; see ``evaluation.compare.compare``.

    Runs with several activities are compared activity by activity, which the column ``activity`` names, and by their
    weighted sum.

    Raises:
        InputError: if they have different activities or weights, or cannot be compared.
    """
    tables = []
    for activity, compared in compared_parts(runs).items():
        table = compare(compared)
        tables.append(table.assign(**{ACTIVITY: activity}) if activity else table)
    return pd.concat(tables, ignore_index=True)


def compared_parts(runs: Sequence[Run]) -> dict[str, list[ComparedRun]]:
    """The scored rows of each run by activity and for their weighted sum; under an empty name for one target.

    Raises:
        InputError: if the runs have different activities or weights.
    """
    if not any(run.activities for run in runs):
        return {"": [run.compared() for run in runs]}
    wanted = [(set(run.activities), run.task.target.activity_weights) for run in runs]
    for run, found in zip(runs, wanted, strict=True):
        if found != wanted[0]:
            raise InputError(
                f"Runs {runs[0].name!r} and {run.name!r} have different activities or weights, "
                f"{runs[0].task.target.activities} and {run.task.target.activities}. Compare one activity of each: "
                "the folders activities/NAME inside them."
            )
    parts = {
        name: [replace(run.activity(name).compared(), name=run.name) for run in runs] for name in runs[0].activities
    }
    if runs[0].task.target.activity_weights:
        parts[WEIGHTED_SUM] = [run.compared() for run in runs]
    return parts
