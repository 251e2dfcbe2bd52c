"""What a finished run's model uses, over the rows that it was scored on: computed once, read in several ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from artifacts.errors import InputError
from automl.predictor import Predictor
from automl.run import Run
from automl.scored_rows import ScoredPart
from evaluation.class_profiles import ClassProfiles, class_profiles
from evaluation.explain import Explained, explain_rows, global_importance
from evaluation.segment_profiles import SegmentProfiles, named_column, segment_columns, segment_profiles

MAX_EXPLAINED_VALUES = 400_000_000  # rows x features x outputs: what bounds the time of an explanation
MAX_EXPLAINED_ROWS = 2000
EXPLAIN_SECONDS = 120.0  # many classes, folds and nets can take seconds a row
MIN_EXPLAINED_ROWS = 50


@dataclass(frozen=True)
class RunExplanation:
    """Explained rows and what is read from them; ``why_not`` says why there are none."""

    explained: Explained | None = None
    importance: pd.DataFrame | None = None
    classes: ClassProfiles | None = None
    segments: SegmentProfiles | None = None
    segment_columns: tuple[str, ...] = ()
    why_not: str = ""


def explain_run(
    run: Run, predictor: Predictor, part: ScoredPart, *, segments: str | None = None, seconds: float = EXPLAIN_SECONDS
) -> RunExplanation:
    """Explain a sample of the scored rows.

    Args:
        run: a finished run.
        predictor: its model.
        part: its scored rows.
        segments: the categorical column to cut rows by; None takes the one whose segments differ most, if any do.
        seconds: see ``explain_rows``.

    Raises:
        InputError: if rows cannot be cut by the column.
    """
    table, seed = run.scored_table(), int(run.manifest["seed"])
    if segments is not None:
        named_column(table, segments)  # before the work, in case it cannot be
    per_row = max(table.n_features * max(part.outcome.n_outputs, 1), 1)
    n_rows = int(np.clip(MAX_EXPLAINED_VALUES // per_row, MIN_EXPLAINED_ROWS, MAX_EXPLAINED_ROWS))
    try:
        explained = explain_rows(
            predictor,
            table,
            run.task.target.kind,
            classes=predictor.classes,
            weight=part.outcome.sample_weight,
            max_rows=n_rows,
            seed=seed,
            seconds=seconds,
        )
    except InputError as error:  # a back end that cannot be explained says so in the report
        return RunExplanation(why_not=str(error))
    return RunExplanation(
        explained,
        global_importance(explained, seed=seed),
        class_profiles(explained),
        segment_profiles(explained, segments, seed=seed),
        segment_columns(explained.table),
    )
