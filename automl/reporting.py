"""From a run folder to the data of a report, and to its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.link import from_link
from artifacts.progress import Progress, Silent
from artifacts.run_result import ACTIVITY
from artifacts.schema import LANGUAGES, Modality
from artifacts.tables import read_stored
from artifacts.target import WEIGHTED_SUM
from artifacts.task import Task
from automl.data import Rows
from automl.error_analysis import POSITION, confused_of, slices_of, suspects_of, suspicious_rows
from automl.explaining import RunExplanation, explain_run
from automl.group_reporting import GROUP_SECONDS, embedding_groups
from automl.model_scores import ModelScores
from automl.predictor import Predictor
from automl.run import Run
from automl.run_making import making_of
from automl.scored_rows import ScoredPart
from evaluation.class_scores import KINDS as KINDS_WITH_CLASSES
from evaluation.dose_response import dose_responses
from evaluation.gains import gain_curve
from evaluation.metrics import HIERARCHICAL, METRICS
from evaluation.model_checks import ModelCheck, Predicted, check_models
from evaluation.prediction_check import largest_errors, prediction_distribution
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.residuals import residuals_by_prediction
from evaluation.suspects import SuspectParts
from featurizers.image_cells import first_photo
from featurizers.image_loading import ImageLoader

COVERAGE_LEVELS = (0.5, 0.8, 0.9, 0.95)
SUSPECTS = "suspects.parquet"  # in the folder of scores


def report_parts(
    folder: str | Path, *, segments: str | None = None, trust: bool = False, progress: Progress | None = None
) -> tuple[ReportData, ...]:
    """What a report of a finished run shows; of several activities, of their weighted sum and of each.

    Args:
        folder: the run's folder.
        segments: the categorical column that the explanation is told by; None takes the one that differs most.
        trust: allow back ends whose files execute code when read; see ``Predictor.load``.
        progress: where to show progress.

    Raises:
        InputError: if rows cannot be cut by the column.
        ArtifactError: if the folder is not a finished run, or needs ``trust``.
    """
    progress = progress or Silent()
    run = Run(folder, trust=trust)
    runs = [run.activity(name) for name in run.activities] or [run]
    with progress.task("report", len(runs)) as advance:
        parts = []
        for part in runs:
            parts.append(report_data(part, part.predictor, segments=segments, group_seconds=GROUP_SECONDS / len(runs)))
            advance(1)
        if run.task.target.activity_weights:
            parts.insert(0, report_data(run, None))
    seconds, steps = float(run.manifest["spent_seconds"]), run.manifest["seconds"]
    stopped, short = bool(run.manifest.get("interrupted", False)), tuple(run.manifest.get("cut_short", ()))
    making = replace(parts[0].making, used_seconds=seconds, step_seconds=steps, interrupted=stopped, cut_short=short)
    return replace(parts[0], making=making), *parts[1:]


def report_html(
    folder: str | Path,
    *,
    language: str = "en",
    segments: str | None = None,
    trust: bool = False,
    progress: Progress | None = None,
) -> str:
    """One self-contained HTML page about a finished run; see ``report_parts``.

    Raises:
        InputError: if the language, ``en`` or ``ru``, is unknown, or rows cannot be cut by the column.
        ArtifactError: as ``report_parts`` does.
    """
    if language not in LANGUAGES:
        raise InputError(f"Unknown language {language!r}. Known: {list(LANGUAGES)}.")
    first, *others = report_parts(folder, segments=segments, trust=trust, progress=progress)
    return render_report(first, language, others)


def report_data(
    run: Run, predictor: Predictor | None, *, segments: str | None = None, group_seconds: float = GROUP_SECONDS
) -> ReportData:
    """Everything that a report shows, computed on the scored rows; without explanations if there is no predictor.

    ``segments`` names the column that the explanation is told by; ``group_seconds`` bound the scoring of rows for
    groups of embedding dimensions.
    """
    part = run.scored()
    found = RunExplanation() if predictor is None else explain_run(run, predictor, part, segments=segments)
    explained, importance = found.explained, found.importance
    board = run.leaderboard()
    if run.activities:
        board = board[board[ACTIVITY] == WEIGHTED_SUM]
    constant, seed = np.asarray(run.manifest["constant"], dtype=np.float64), int(run.manifest["seed"])
    rows = _rows_to_show(run)
    groups = (
        ()
        if predictor is None or importance is None
        else embedding_groups(run, predictor, part, importance, rows, seconds=group_seconds)
    )
    errors = largest_errors(part.outcome, part.predictions, part.ids, decided=part.decided)
    return ReportData(
        name=run.task.name,
        kind=part.outcome.kind,
        target=target_in_words(run.task),
        metric=run.metric.name,
        leaderboard=board,
        schema=run.schema,
        higher_is_better=run.metric.higher_is_better,
        metric_titles={name: metric.title for name, metric in METRICS.items()},
        chosen=(str(run.manifest["final_model"]), "all"),
        split=part.name,
        views=_views(run),
        importance=importance,
        explained_rows=0 if explained is None else explained.table.n_samples,
        stability=None if explained is None else explained.stability,
        class_profiles=found.classes,
        segments=found.segments,
        segment_columns=found.segment_columns,
        not_explained=found.why_not,
        dose_responses=() if explained is None else dose_responses(explained, seed=seed),
        groups=groups,
        distribution=prediction_distribution(part.outcome, part.predictions, constant=constant, seed=seed),
        residuals=residuals_by_prediction(part.outcome, part.predictions, seed=seed),
        gain=gain_curve(part.outcome, part.predictions, seed=seed, groups=_units(part)),
        models=_models(run, part, constant),
        coverage=_coverage(run),
        class_scores=run.class_scores() if part.outcome.kind in KINDS_WITH_CLASSES else None,
        beside={HIERARCHICAL: hierarchical} if (hierarchical := run.manifest.get(HIERARCHICAL)) else {},
        slices=slices_of(run, part),
        confused=confused_of(run, part),
        suspects=_suspects(run, part),
        errors=errors,
        label_scores=run.manifest.get("labels", {}),
        photo=photo_of(run, rows),
        row_titles=row_titles(run, rows),
        findings=tuple(run.findings),
        making=making_of(run, explained),
    )


def _coverage(run: Run) -> dict[float, float]:
    """Of levels of prediction intervals; nothing where the run has no intervals."""
    try:
        return {level: run.coverage(level) for level in COVERAGE_LEVELS}
    except InputError:
        return {}


def _views(run: Run) -> pd.DataFrame | None:
    """What each view can do; None of a weighted sum, and where an older version kept no scores of views."""
    try:
        return None if run.activities else run.view_leaderboard()
    except InputError:
        return None


def _units(part: ScoredPart) -> NDArray[np.float64] | None:
    """The groups that are drawn together; a row without one is drawn alone."""
    return None if part.groups is None else np.where(part.groups < 0, np.nan, part.groups)


def _models(run: Run, part: ScoredPart, constant: NDArray[np.float64]) -> tuple[ModelCheck, ...] | None:
    """Each model beside the truth; None of a weighted sum, and where an older version kept no scores of models."""
    if run.activities:
        return None
    try:
        kept = ModelScores.load(run.folder.folder("scores"))
    except InputError:
        return None
    rows = np.arange(part.outcome.n_samples) if kept.rows is None else kept.rows
    groups = _units(part)
    return check_models(
        part.outcome.take(rows),
        [
            Predicted(one.model, one.view, from_link(part.outcome.kind, link.astype(np.float64)))
            for one, link in zip(kept.models, kept.links, strict=True)
        ],
        constant=constant,
        seed=int(run.manifest["seed"]),
        groups=None if groups is None else groups[rows],
    )


def _rows_to_show(run: Run) -> pd.DataFrame:
    """What ``rows_to_show`` gave."""
    shown = [columns[0].name for one in (Modality.TEXT, Modality.IMAGE) if (columns := run.schema.of_modality(one))]
    return read_stored(run.folder.folder("scores") / "rows.parquet", "id", *shown)


def _suspects(run: Run, part: ScoredPart) -> SuspectParts | None:
    """Targets that look wrong; training rows have ids, titles and photos unless an older version made the run."""
    found, path = suspects_of(run, part), run.folder.folder("scores") / SUSPECTS
    if found is None or not path.exists():
        return found
    rows = read_stored(path, POSITION, "id")
    ids = dict(zip(rows[POSITION], rows["id"].astype(str), strict=True))
    told = found.training.rows
    named = told.assign(row=[ids.get(i, row) for i, row in zip(told[POSITION], told["row"], strict=True)])
    return SuspectParts(found.scored, replace(found.training, rows=named), row_titles(run, rows), photo_of(run, rows))


def target_in_words(task: Task) -> str:
    """``click / view`` for a conversion, ``(1.8 like - 4 hide) / view`` for a weighted sum, else the target column."""
    target = task.target
    if target.column:
        return target.column
    if target.activity_weights:
        signed = [
            f"{'-' if weight < 0 else '+'} {abs(weight):g} {name}" for name, weight in target.activity_weights.items()
        ]
        return f"({' '.join(signed).removeprefix('+ ')}) / {target.trials}"
    parts = [name if weight == 1 else f"{weight:g} {name}" for name, weight in target.success_weights.items()]
    return f"{' + '.join(parts)} / {target.trials}"


def photo_of(run: Run, rows: pd.DataFrame) -> Callable[[str], bytes | None] | None:
    """The photo of a scored row by its id; None if the task has no image column."""
    columns = run.schema.of_modality(Modality.IMAGE)
    if not columns:
        return None
    values = dict(zip(rows["id"].astype(str), rows[columns[0].name], strict=True))
    loader = ImageLoader(run.task.path(run.task.data.images) or run.task.root)

    def photo(row: str) -> bytes | None:
        return loader.load(first_photo(values.get(row), loader)).content or None

    return photo


def row_titles(run: Run, rows: pd.DataFrame) -> dict[str, str]:
    """The first text of each scored row, by its id."""
    columns = run.schema.of_modality(Modality.TEXT)
    if not columns:
        return {}
    texts = rows[columns[0].name].fillna("").astype(str).str.slice(0, 200)
    return dict(zip(rows["id"].astype(str), texts, strict=True))


def suspects_to_show(training: Rows, folds: pd.DataFrame | None, image: str | None, text: str | None) -> pd.DataFrame:
    """What a report shows of the training rows whose target looks wrong, and their ``position``; see ``rows_to_show``.

    Args:
        training: the training rows, without the holdout.
        folds: their scores out of fold, as ``scoring.scored_frame`` gives them; None if there are none.
        image: the column of photos.
        text: the column of texts.
    """
    assert training.outcome is not None
    rows = suspicious_rows(training.outcome, folds)
    shown = rows_to_show(tuple(training.ids[i] for i in rows), training.frame.iloc[rows], image, text)
    return shown.assign(**{POSITION: rows})


def rows_to_show(run_ids: tuple[str, ...], frame: pd.DataFrame, image: str | None, text: str | None) -> pd.DataFrame:
    """What a report shows of the scored rows: id, the first photo's value and the first text."""
    shown = pd.DataFrame({"id": list(run_ids)})
    for name in (image, text):
        if name is None:
            continue
        values = frame[name] if name in frame else pd.Series([None] * len(frame))
        if name == image:
            nowhere = ImageLoader(None)
            values = pd.Series([value if isinstance(value, str) else first_photo(value, nowhere) for value in values])
        plain = [value if isinstance(value, bytes) else None if _missing(value) else str(value) for value in values]
        as_bytes = any(isinstance(value, bytes) for value in plain)
        shown[name] = [v.encode() if as_bytes and isinstance(v, str) else v for v in plain]
    return shown


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
