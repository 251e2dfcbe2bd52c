"""A fitted model that predicts raw rows in a fresh process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.finding import Audit
from artifacts.progress import Progress, Silent
from artifacts.schema import Kind
from artifacts.store import RunFolder, read_object, reading
from artifacts.task import Task
from automl.activities import FittedActivities
from automl.backends.base import FittedBackend
from automl.backends.registry import backend_named
from automl.decision import Decision
from automl.manifest import read_manifest
from automl.scored_rows import FOLDS, read_scored
from evaluation.metric_functions import DECIDED
from evaluation.metrics import decided_codes
from evaluation.prediction_intervals import PredictionIntervals, check_level
from featurizers.base import Surroundings
from featurizers.table_featurizer import TableFeaturizer

Float = NDArray[np.float64]
CHUNK_ROWS = 4096  # of raw rows that are featurized at once, so that memory stays bounded


class Predictor:
    """Featurizers and the final model of a run. ``load`` makes one; ``audit`` has what the last rows lacked."""

    def __init__(
        self,
        task: Task,
        featurizer: TableFeaturizer,
        fitted: FittedBackend | FittedActivities,
        classes: Sequence[Any],
        progress: Progress,
    ) -> None:
        self.decision = Decision()
        self.task = task
        self.featurizer = featurizer
        self.fitted = fitted
        self.classes = tuple(classes)
        self.audit = Audit()
        self._progress = progress
        self._run: RunFolder | None = None

    @classmethod
    def load(cls, folder: str | Path, *, trust: bool = False, progress: Progress | None = None) -> Self:
        """Read the model of a run.

        Args:
            folder: the run's folder.
            trust: allow back ends whose files are pickles, which execute code when read. Say True only
                for a run that you made yourself.
            progress: where to show progress.

        Raises:
            ArtifactError: if the folder is not a finished run, or needs ``trust``.
        """
        with reading(Path(folder)):
            return cls._loaded(RunFolder(folder), trust, progress or Silent())

    @classmethod
    def _loaded(cls, run: RunFolder, trust: bool, progress: Progress) -> Self:
        folder = run.path
        manifest = read_manifest(run.path)
        fitted_class = backend_named(manifest["back_end"]).fitted
        if fitted_class.executes_code_on_load and not trust:
            raise ArtifactError(
                f"The run in {str(folder)!r} was fitted by {manifest['back_end']!r}, whose files are pickles: reading "
                "them executes code. If you made this run yourself, load it with trust=True (--trust)."
            )
        task = Task(**read_object(run.folder("task") / "task.json"))
        featurizer = TableFeaturizer.load(run.folder("features") / "featurizer")
        fitted: FittedBackend | FittedActivities
        if task.target.activities:
            models = [run.activity(name).folder("model") for name in task.target.activity_names]
            fitted = FittedActivities([fitted_class.load(model) for model in models], task.target)
        else:
            fitted = fitted_class.load(run.folder("model"))
        outcome = manifest["outcome"]
        predictor = cls(task, featurizer, fitted, outcome["classes"][: outcome["n_known"]], progress)
        predictor.decision = Decision(tuple(manifest.get("decision", ())))
        predictor._run = run
        return predictor

    def with_images(self, folder: str | Path) -> Self:
        """The same predictor with another folder of photos."""
        data = self.task.data.model_copy(update={"images": str(Path(folder).resolve())})
        task = self.task.model_copy(update={"data": data})
        other = copy(self)
        other.task, other.audit = task, Audit()
        return other

    @cached_property
    def intervals(self) -> tuple[PredictionIntervals, ...]:
        """How far outcomes lie from each column of numbers or rates, learned from training rows out of fold.

        Raises:
            InputError: if the kind has no intervals, or the back end predicted no training rows out of fold.
        """
        if self._run is None:
            raise InputError("Intervals need the folder of a run: use Predictor.load.")
        target = self.task.target
        runs = [self._run.activity(name) for name in target.activity_names]
        if target.activity_weights or not runs:
            runs.append(self._run)
        parts = [read_scored(run, FOLDS, read_manifest(run.path)) for run in runs]
        return tuple(PredictionIntervals.fit(part.outcome, part.predictions) for part in parts)

    @property
    def kind(self) -> Kind:
        """What is predicted."""
        return self.task.target.kind

    @property
    def image_folder(self) -> Path:
        """Where photos that are named by path or id are looked for."""
        return self.task.path(self.task.data.images) or self.task.root

    def featurize(self, frame: pd.DataFrame, store: EmbeddingStore | None = None) -> FeatureTable:
        """Features of raw rows; embeddings come from the cache where they can, or from another store."""
        around = Surroundings(self.image_folder, store or EmbeddingStore(), Audit(), self._progress)
        table = self.featurizer.transform(frame, around)
        self.audit.findings.extend(around.audit.findings)
        return table

    def predict_array(self, frame: pd.DataFrame) -> Float:
        """Predictions (n_samples, n_outputs) in the order of ``classes``; columns may be missing or new.

        Of several activities: their rates, and the weighted sum where they have weights.

        Raises:
            InputError: if the frame has none of the columns that the model uses.
        """
        frame = frame.rename(columns=str)
        known = set(self.featurizer.schema.names)
        if not known & set(frame.columns):
            raise InputError(
                f"The rows have none of the columns that the model uses. Expected {sorted(known)}, "
                f"but got {list(frame.columns)}."
            )
        self.audit = Audit()
        parts = [
            self.fitted.predict(self.featurize(frame.iloc[start : start + CHUNK_ROWS]))
            for start in range(0, len(frame), CHUNK_ROWS)
        ]
        width = len(self.classes) or len(self.task.prediction_names)
        return np.concatenate(parts) if parts else np.empty((0, width))

    def predict(
        self,
        frame: pd.DataFrame,
        *,
        proba: bool = False,
        interval: float | None = None,
        quantiles: Sequence[float] = (),
    ) -> pd.DataFrame:
        """Predictions as a frame with the index of ``frame``.

        Args:
            frame: raw rows.
            proba: add a column per class.
            interval: add bounds that hold the outcomes of a share of rows, such as 0.9; for numbers and rates. The
                bounds of a rate are for the row's trials where the frame has them, else for their median in training.
            quantiles: add values that outcomes stay below with these probabilities, such as 0.1 and 0.9; likewise.

        Raises:
            InputError: if the rows or the wish for intervals or quantiles are not usable.

        Returns:
            The id column (if the task has one and the frame holds it) and the column that
            ``[output]`` names: a value, a rate, the most probable class, or the labels as a JSON list. Labels and the
            second of two classes are predicted above the thresholds of ``decision``. With ``proba``, one more
            column per class, ``probability_{class}``; with ``interval``, ``{prediction}_low`` and ``_high``,
            with ``quantiles`` ``{prediction}_q10`` and so on.
            Of several activities, ``{prediction}_{activity}`` each, and their weighted sum.
        """
        ends = {f"q{100 * level:g}": level for level in quantiles}
        if interval is not None:
            ends |= {"low": (1.0 - interval) / 2, "high": (1.0 + interval) / 2}
            check_level(interval)
        for level in quantiles:
            check_level(level)
        intervals = self.intervals if ends else ()  # before the work, in case it cannot be
        predictions = self.predict_array(frame)
        result = predictions_frame(self.task, self.classes, frame, predictions, decision=self.decision, proba=proba)
        for i, known in enumerate(intervals):
            name, values = self.task.prediction_names[i], predictions[:, i : i + 1]
            for end, level in ends.items():
                if f"{name}_{end}" in result:
                    raise InputError(f"A bound would hide the column {f'{name}_{end}'!r}. Predict without it.")
                trials = self._trials(frame, known.usual_trials)
                result[f"{name}_{end}"] = known.quantile(values, level, trials)
        return result

    def _trials(self, frame: pd.DataFrame, usual: float) -> Float | None:
        name = self.task.target.trials
        if name is None or name not in frame:
            return None
        trials = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return np.where(trials > 0, trials, usual)

    @property
    def explains_sources_alone(self) -> bool:
        """Whether contributions of single features would take too many predictions."""
        return isinstance(self.fitted, FittedBackend) and self.fitted.explains_sources_alone

    def decide(self, table: FeatureTable) -> Float:
        """Link scores of features (n_samples, n_link)."""
        return self.fitted.decide(table)

    @property
    def n_versions(self) -> int:
        """See ``FittedBackend.n_versions``."""
        return self.fitted.n_versions if isinstance(self.fitted, FittedBackend) else 1

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """Contributions of features to ``decide``; see ``Model.contributions``."""
        return self.fitted.contributions(table, groups, names)

    def contributions_of(
        self, version: int, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> Explanation:
        """Contributions to the scores of one of the versions.

        Raises:
            InputError: if the run has several activities, or keeps no models of its folds.
        """
        if not isinstance(self.fitted, FittedBackend):
            return self.fitted.contributions(table, groups, names)  # which says what to do
        return self.fitted.contributions_of(version, table, groups, names)


def predictions_frame(
    task: Task,
    classes: Sequence[Any],
    frame: pd.DataFrame,
    predictions: Float,
    *,
    decision: Decision,
    proba: bool = False,
) -> pd.DataFrame:
    """Predictions (n_samples, n_outputs) of the rows of ``frame`` under the names of ``[output]``."""
    output = task.output
    name = task.id_among(frame.columns)
    result = pd.DataFrame(index=frame.index)
    if name is not None:
        result[output.id or name] = frame[name]
    if not classes:
        return result.assign(**dict(zip(task.prediction_names, predictions.T, strict=True)))
    decided = decision.predictions(task.target.kind, predictions)
    if task.target.kind is Kind.MULTILABEL:
        held = ([label for label, p in zip(classes, row, strict=True) if p > DECIDED] for row in decided)
        result[output.prediction] = [json.dumps(labels, ensure_ascii=False) for labels in held]
    else:
        labels = np.empty(len(classes), dtype=object)
        labels[:] = classes
        chosen = labels[decided_codes(task.target, classes, decided)]
        result[output.prediction] = pd.Series(chosen, index=frame.index).infer_objects()
    if proba:
        names = [f"probability_{label}" for label in classes]
        result = pd.concat([result, pd.DataFrame(predictions, columns=names, index=frame.index)], axis=1)
    return result
