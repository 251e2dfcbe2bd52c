"""What a comparison of runs says, as data: the runs of each task side by side, and their presets over all tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from evaluation.task_ranks import TaskRanks


@dataclass(frozen=True)
class ComparedScore:
    """One run: its final model's score on the scored rows with a 95 % interval, and what it was fitted with.

    ``preset`` is the run's name among the runs of all tasks, ``settings`` are flat, name to value in words, and
    ``seconds`` are those of the whole fit.
    """

    name: str
    path: str
    preset: str
    back_end: str
    score: float
    low: float
    high: float
    seconds: float
    predict_ms_per_row: float
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskComparison:
    """Runs of one task, best first, on the same ``n_rows`` of ``split``.

    ``pairs`` has the columns of ``evaluation.compare`` for each pair of runs; it is empty for one run.
    """

    name: str
    target: str
    metric: str
    higher_is_better: bool
    split: str
    n_rows: int
    constant: float
    runs: tuple[ComparedScore, ...]
    pairs: pd.DataFrame

    def differing(self) -> list[tuple[str, tuple[str, ...]]]:
        """Settings that are not the same in all runs: name and the value of each run, empty where it has none."""
        names = list(dict.fromkeys(name for run in self.runs for name in run.settings))
        rows = [(name, tuple(run.settings.get(name, "") for run in self.runs)) for name in names]
        return [(name, values) for name, values in rows if len(set(values)) > 1]


@dataclass(frozen=True)
class RunsComparison:
    """All tasks; ``across`` are their presets in the order of mean ranks, None where there is one task."""

    tasks: tuple[TaskComparison, ...]
    across: TaskRanks | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not defined is None."""
        return {
            "tasks": [_task_json(task) for task in self.tasks],
            "across": None if self.across is None else _ranks_json(self.across),
        }


def best_first(runs: Sequence[ComparedScore], higher_is_better: bool) -> tuple[ComparedScore, ...]:
    """Runs in the order of their scores; those without one come last."""
    sign = -1.0 if higher_is_better else 1.0
    return tuple(sorted(runs, key=lambda run: sign * run.score if math.isfinite(run.score) else math.inf))


def _task_json(task: TaskComparison) -> dict[str, Any]:
    return {
        "task": task.name,
        "target": task.target,
        "metric": task.metric,
        "higher_is_better": task.higher_is_better,
        "split": task.split,
        "n_rows": task.n_rows,
        "constant": _plain(task.constant),
        "runs": [
            {
                "rank": rank,
                "run": run.name,
                "path": run.path,
                "preset": run.preset,
                "back_end": run.back_end,
                **{
                    name: _plain(getattr(run, name))
                    for name in ("score", "low", "high", "seconds", "predict_ms_per_row")
                },
            }
            for rank, run in enumerate(task.runs, 1)
        ],
        "pairs": [{name: _plain(value) for name, value in row.items()} for row in task.pairs.to_dict("records")],
        "differing": [
            {"setting": name, **{run.name: value for run, value in zip(task.runs, values, strict=True)}}
            for name, values in task.differing()
        ],
    }


def _ranks_json(ranks: TaskRanks) -> dict[str, Any]:
    return {
        "tasks": list(ranks.tasks),
        "left_out": list(ranks.left_out),
        "presets": [
            {"preset": name, "mean_rank": float(rank), "win_rate": float(rate)}
            for name, rank, rate in zip(ranks.presets, ranks.mean_ranks, ranks.win_rates, strict=True)
        ],
        "test": ranks.test or None,
        "p_value": _plain(ranks.p_value),
        "critical_difference": _plain(ranks.critical_difference),
        "not_told_apart": [list(ranks.presets[first : last + 1]) for first, last in ranks.cliques],
        "why_not": ranks.why_not or None,
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
