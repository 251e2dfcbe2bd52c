"""Saved runs of one or several tasks, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from artifacts.errors import InputError
from artifacts.run_result import ACTIVITY
from artifacts.target import WEIGHTED_SUM
from automl.reporting import target_in_words
from automl.run import Run, compared_parts
from evaluation.compare import COLUMNS, ComparedRun, compare, unique_names
from evaluation.intervals import bootstrap_interval
from evaluation.leaderboard import CONSTANT
from evaluation.run_comparison import ComparedScore, RunsComparison, TaskComparison, best_first
from evaluation.task_ranks import TaskRanks, rank_tasks

# What tells runs of one task apart, in this order; a preset is named by as much of it as is needed.
TELLING = ("preset", "budget", "encoder of texts", "encoder of photos")
NOT_SETTINGS = ("root", "name", "output")  # of a task: they change no score


def comparison_of(runs: Sequence[Run]) -> RunsComparison:
    """The runs grouped by their tasks, each group compared row by row, and the presets ranked over several tasks.

    Runs with the same scored rows, targets and metric are of one task, whatever it is called; so are runs of one
    name. Of runs with several activities, their weighted sum alone counts for the ranks.

    Raises:
        InputError: if there are fewer than two runs, no two are of one task, or runs of one task cannot be compared.
    """
    if len(runs) < 2:
        raise InputError(f"A comparison needs two runs or more, but got {len(runs)}. Name another run folder.")
    groups = _by_task(runs)
    if all(len(group) < 2 for group in groups):
        described = "; ".join(f"{group[0].name!r} is of task {group[0].task.name!r}" for group in groups)
        raise InputError(f"No two of these runs are of one task: {described}. Name another run of one of these tasks.")
    labels = _labels(groups)
    tasks = [task for group in groups for task in _compared(group, labels)]
    titles = unique_names([task.name if not task.target else f"{task.name}: {task.target}" for task in tasks])
    counted = {
        title: task
        for title, task in zip(titles, tasks, strict=True)
        if not task.pairs.empty and (ACTIVITY not in task.pairs or task.pairs[ACTIVITY].iloc[0] == WEIGHTED_SUM)
    }
    return RunsComparison(tuple(tasks), _ranks(counted) if len(groups) > 1 else None)


def _by_task(runs: Sequence[Run]) -> list[list[Run]]:
    groups: list[tuple[set[tuple[str, str]], list[Run]]] = []
    for run in runs:
        keys = {("name", run.task.name), (str(run.manifest["scored_rows"]), run.metric.name)}
        own = [group for group in groups if group[0] & keys]
        joined = (keys.union(*(group[0] for group in own)), [one for group in own for one in group[1]] + [run])
        place = min((groups.index(group) for group in own), default=len(groups))
        groups = [group for group in groups if group not in own]
        groups.insert(place, joined)
    return [group for _, group in groups]


def _compared(runs: Sequence[Run], labels: Mapping[Run, str]) -> list[TaskComparison]:
    """The task of these runs, or one for each activity and for the weighted sum."""
    found = []
    for activity, compared in compared_parts(runs).items():
        first = runs[0]
        pairs = compare(compared) if len(compared) > 1 else pd.DataFrame(columns=list(COLUMNS))
        names = unique_names([one.name for one in compared])
        scores = [
            _score(run, one, name, labels[run], activity) for run, one, name in zip(runs, compared, names, strict=True)
        ]
        metric = compared[0].metric
        found.append(
            TaskComparison(
                name=first.task.name,
                target=target_in_words(first.task) if activity in ("", WEIGHTED_SUM) else activity,
                metric=metric.name,
                higher_is_better=metric.higher_is_better,
                split=first.scored_part,
                n_rows=compared[0].outcome.n_samples,
                constant=_board_value(first, activity, CONSTANT, "score", metric.name),
                runs=best_first(scores, metric.higher_is_better),
                pairs=pairs.assign(**{ACTIVITY: activity}) if activity else pairs,
            )
        )
    return found


def _score(run: Run, compared: ComparedRun, name: str, label: str, activity: str) -> ComparedScore:
    groups = None if compared.groups is None else np.where(compared.groups < 0, np.nan, compared.groups)
    score, low, high = bootstrap_interval(
        compared.metric,
        compared.outcome,
        compared.predictions,
        seed=int(run.manifest["seed"]),  # as on the run's own leaderboard
        reference=compared.reference,
        groups=groups,
    )
    model = str(run.manifest["final_model"])
    return ComparedScore(
        name=name,
        path=str(run.path),
        preset=label,
        back_end=str(run.manifest["back_end"]),
        score=score,
        low=low,
        high=high,
        seconds=float(run.manifest["spent_seconds"]),
        predict_ms_per_row=_board_value(run, activity, model, "predict_ms_per_row", compared.metric.name),
        settings=_settings(run),
    )


def _board_value(run: Run, activity: str, model: str, column: str, metric: str) -> float:
    """A number of the run's leaderboard on its scored rows; NaN where there is no such row."""
    board = run.leaderboard()
    rows = board[(board["model"] == model) & (board["split"] == run.scored_part) & (board["metric"] == metric)]
    if activity and ACTIVITY in rows:
        rows = rows[rows[ACTIVITY] == activity]
    known = rows[column].dropna()
    return float(known.iloc[0]) if len(known) else float("nan")


def _told(run: Run) -> dict[str, str]:
    """The settings by which runs of one task are told apart."""
    manifest = run.manifest
    encoders = {name: (used["name"] if used else "none") for name, used in manifest["encoders"].items()}
    return {
        "preset": str(manifest["preset"]),
        "budget": f"{float(manifest['budget_seconds']):g} s",
        "encoder of texts": str(encoders.get("text", "none")),
        "encoder of photos": str(encoders.get("image", "none")),
    }


def _settings(run: Run) -> dict[str, str]:
    """Settings of a run, flat and in words: of the fit, the data, the task and the libraries."""
    manifest, files = run.manifest, run.manifest["inputs"]
    names = ("back_end", "seed", "n_folds", "n_train", "n_features", "final_model", "interrupted")
    fit = {name.replace("_", " ").replace("n ", "number of "): str(manifest.get(name, "")) for name in names}
    data = {f"{part} data": str(files[part])[:12] for part in ("train", "test") if files.get(part)}
    described = run.task.model_dump(mode="json", exclude=set(NOT_SETTINGS))
    task = {f"task: {name}": value for name, value in _flat(described).items()}
    schema = {
        "columns used": ", ".join(f"{column.name} ({column.modality.value})" for column in run.schema.columns),
    }
    versions = {f"version of {name}": str(version) for name, version in manifest["versions"].items()}
    return {**_told(run), **fit, **data, **task, **schema, **versions}


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if not isinstance(value, dict):
        return {} if value is None else {path: str(value)}
    flat: dict[str, str] = {}
    for name, part in value.items():
        flat |= _flat(part, f"{path}.{name}" if path else str(name))
    return flat


def _labels(groups: Sequence[Sequence[Run]]) -> dict[Run, str]:
    """What each run's preset is called, over all tasks: with the budget and the encoders only where they tell."""
    told = {run: _told(run) for group in groups for run in group}
    used: tuple[str, ...] = TELLING[:1]
    for name in TELLING[1:]:
        if any(
            told[a][name] != told[b][name] and all(told[a][key] == told[b][key] for key in used)
            for group in groups
            for a in group
            for b in group
        ):
            used = (*used, name)
    return {run: ", ".join(values[name] for name in used) for run, values in told.items()}


def _ranks(tasks: Mapping[str, TaskComparison]) -> TaskRanks | None:
    """Presets by their ranks; runs of one preset on one task, as of several seeds, count by their mean score."""
    scores: dict[str, dict[str, float]] = {}
    for title, task in tasks.items():
        sign = 1.0 if task.higher_is_better else -1.0
        frame = pd.DataFrame({"preset": [r.preset for r in task.runs], "score": [sign * r.score for r in task.runs]})
        scores[title] = {str(name): float(score) for name, score in frame.groupby("preset")["score"].mean().items()}
    return rank_tasks(scores) if any(len(of_task) > 1 for of_task in scores.values()) else None
