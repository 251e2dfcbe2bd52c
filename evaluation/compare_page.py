"""The comparison of runs as one HTML file, by the rules of ``evaluation.report``: data first, no script, no request."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from evaluation.compare import NEITHER
from evaluation.metrics import METRICS
from evaluation.page import PagePart, render_page
from evaluation.run_comparison import ComparedScore, RunsComparison, TaskComparison
from evaluation.sections.scales import Scale, padded, tick_digits
from evaluation.task_ranks import ALPHA, TaskRanks
from evaluation.wording import Wording, neutral

MAX_RUNS = 60  # in a table
MAX_IN_MATRIX = 16
MAX_SETTINGS = 60
NAME_CHARACTERS = 60


def compare_scores(task: TaskComparison, say: Wording) -> dict[str, Any]:
    """A row for each run, best first, with its interval as places on one scale."""
    ends = [value for run in task.runs for value in (run.score, run.low, run.high)]
    scale = padded([*ends, task.constant], 4, 116)
    known = math.isfinite(task.constant)
    direction = say("higher" if task.higher_is_better else "lower")
    constant = say.score(task.constant)
    return {
        "intro": say("compare_scores_intro", metric=_metric(task, say), direction=direction, constant=constant),
        "constant": scale(task.constant) if known else None,
        "rows": [
            {
                "rank": rank,
                "name": neutral(run.name, NAME_CHARACTERS),
                "preset": neutral(run.preset, NAME_CHARACTERS),
                "back_end": neutral(run.back_end, NAME_CHARACTERS),
                "score": say.score(run.score),
                "bounds": say.interval(say.score(run.low), say.score(run.high)),
                "interval": _places(run, scale),
                "seconds": say.duration(run.seconds),
                "predict": say.number(run.predict_ms_per_row, 2),
            }
            for rank, run in enumerate(task.runs[:MAX_RUNS], 1)
        ],
        "left_out": _left_out(len(task.runs) - MAX_RUNS, say),
    }


def compare_pairs(task: TaskComparison, say: Wording) -> dict[str, Any]:
    """The matrix of paired differences: row minus column."""
    if len(task.runs) < 2:
        return {"missing": say("compare_alone")}
    shown = task.runs[:MAX_IN_MATRIX]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for pair in task.pairs.to_dict("records"):
        a, b = str(pair["run_a"]), str(pair["run_b"])
        better = str(pair["better"])
        for row, column, sign in ((a, b, 1.0), (b, a, -1.0)):
            low, high = sorted((sign * float(pair["low"]), sign * float(pair["high"])))
            verdict = "" if better == NEITHER else "better" if better == row else "worse"
            found[row, column] = {
                "difference": _signed(sign * float(pair["difference"]), say),
                "bounds": say.interval(_signed(low, say), _signed(high, say)),
                "verdict": verdict,
            }
    return {
        "intro": say("compare_pairs_intro"),
        "columns": list(range(1, len(shown) + 1)),
        "rows": [
            {
                "rank": rank,
                "name": neutral(run.name, NAME_CHARACTERS),
                "cells": [found.get((run.name, other.name)) for other in shown],
            }
            for rank, run in enumerate(shown, 1)
        ],
        "left_out": _left_out(len(task.runs) - MAX_IN_MATRIX, say),
    }


def compare_time(task: TaskComparison, say: Wording) -> dict[str, Any]:
    """Points of seconds against scores."""
    drawn = [run for run in task.runs if math.isfinite(run.score) and run.seconds > 0][:MAX_RUNS]
    if not drawn:
        return {"missing": say("not_in_run")}
    seconds = [run.seconds for run in drawn]
    x = Scale(min(seconds) / 1.25, max(seconds) * 1.25, 50, 328, log=True)
    values = [value for run in drawn for value in (run.score, run.low, run.high)]
    y = padded([*values, task.constant], 186, 16)
    ticks = y.ticks(5)
    digits = tick_digits(ticks)
    return {
        "intro": say("compare_time_intro"),
        "label": say("compare_time"),
        "x_title": say("compare_seconds"),
        "y_title": _metric(task, say),
        "x_ticks": [{"at": x(tick), "text": say.duration(tick)} for tick in _log_ticks(x)],
        "y_ticks": [{"at": y(tick), "text": say.number(tick, digits)} for tick in ticks],
        "constant": y(task.constant) if math.isfinite(task.constant) else None,
        "constant_text": say("constant_named", value=say.score(task.constant)),
        "points": [
            {
                "x": x(run.seconds),
                **_places(run, y),
                "rank": rank,
                "anchor": "end" if x(run.seconds) > 300 else "start",
                "text_x": x(run.seconds) + (-7 if x(run.seconds) > 300 else 7),
                "hint": f"{neutral(run.name, NAME_CHARACTERS)}: {say.score(run.score)}, {say.duration(run.seconds)}",
            }
            for rank, run in enumerate(task.runs, 1)
            if run in drawn
        ],
        "names": [{"rank": rank, "name": neutral(r.name, NAME_CHARACTERS)} for rank, r in enumerate(drawn, 1)],
    }


def compare_settings(task: TaskComparison, say: Wording) -> dict[str, Any]:
    """Settings that differ, a column for each run."""
    rows = task.differing()
    if not rows:
        return {"missing": say("compare_settings_none" if len(task.runs) > 1 else "compare_alone")}
    return {
        "intro": say("compare_settings_intro"),
        "names": [neutral(run.name, NAME_CHARACTERS) for run in task.runs[:MAX_IN_MATRIX]],
        "rows": [
            {
                "name": neutral(_setting(name, say), 80),
                "values": [neutral(value, 160) or "–" for value in values[:MAX_IN_MATRIX]],
            }
            for name, values in rows[:MAX_SETTINGS]
        ],
        "left_out": _left_out(len(rows) - MAX_SETTINGS, say),
        "runs_left_out": _left_out(len(task.runs) - MAX_IN_MATRIX, say),
    }


def compare_across(ranks: TaskRanks | None, say: Wording) -> dict[str, Any]:
    """Presets by mean rank and win rate, and the plot of Demsar (2006) where there are tasks enough."""
    if ranks is None:
        return {"missing": say("compare_across_nothing")}
    left_out = ", ".join(neutral(name, NAME_CHARACTERS) for name in ranks.left_out)
    sizes = {"presets": len(ranks.presets), "tasks": len(ranks.tasks)}
    if ranks.why_not:
        verdict = say(f"compare_{ranks.why_not}", n=len(ranks.tasks))
    else:
        some = "some" if ranks.p_value < ALPHA else "none"
        numbers = {"p": say.number(ranks.p_value, 2), "cd": say.number(ranks.critical_difference, 3)}
        verdict = say(f"compare_{ranks.test}_{some}", **numbers)
    return {
        "intro": say("compare_across_intro", **sizes),
        "left_out": say("compare_across_left_out", tasks=left_out) if left_out else "",
        "rows": [
            {"name": neutral(name, NAME_CHARACTERS), "rank": say.number(rank), "wins": say.percent(rate)}
            for name, rank, rate in zip(ranks.presets, ranks.mean_ranks, ranks.win_rates, strict=True)
        ],
        "verdict": verdict,
        "plot": None if ranks.why_not else _plot(ranks, say),
    }


def _plot(ranks: TaskRanks, say: Wording) -> dict[str, Any]:
    """Places: the axis of mean ranks, a bar for each clique, and below a line for each preset down to its name."""
    k = len(ranks.presets)
    x = Scale(1.0, float(k), 20, 320)
    axis, bars = 40, 12
    first = axis + 14 + bars * len(ranks.cliques) + 14
    means = [float(mean) for mean in ranks.mean_ranks]
    width = x(1.0 + min(ranks.critical_difference, k - 1.0)) - x(1.0)
    return {
        "label": say("compare_cd_plot"),
        "height": first + 20 * k + 4,
        "axis": axis,
        "ticks": [{"at": x(tick), "text": say.number(tick)} for tick in range(1, k + 1)],
        "cd": {
            "low": x(1.0),
            "high": x(1.0) + width,
            "text": say("compare_cd", cd=say.number(ranks.critical_difference)),
        },
        "whole": ranks.critical_difference <= k - 1.0,
        "bars": [
            {"low": x(means[low]) - 4, "high": x(means[high]) + 4, "at": axis + 14 + bars * i}
            for i, (low, high) in enumerate(ranks.cliques)
        ],
        "presets": [
            {
                "at": x(mean),
                "bottom": first + 20 * i,
                "text": f"{neutral(name, 34)} ({say.number(mean)})",
                "anchor": "start" if x(mean) < 170 else "end",
                "text_x": x(mean) + (6 if x(mean) < 170 else -6),
            }
            for i, (name, mean) in enumerate(zip(ranks.presets, means, strict=True))
        ],
    }


# In the order of the page. Each has a template and a heading of its name.
TASK_SECTIONS: dict[str, Callable[[TaskComparison, Wording], dict[str, Any]]] = {
    "compare_scores": compare_scores,
    "compare_time": compare_time,
    "compare_pairs": compare_pairs,
    "compare_settings": compare_settings,
}


def render_comparison(found: RunsComparison, language: str = "en") -> str:
    """One self-contained HTML page in ``en`` or ``ru``; equal data give an equal page.

    Raises:
        InputError: if the language is unknown.
    """
    say = Wording(language)
    parts = [
        PagePart(
            {name: section(task, say) for name, section in TASK_SECTIONS.items()},
            title=f"{neutral(task.name, 80)}: {neutral(task.target, 120)}",
            line=_metric(task, say),
            remark=say(f"compare_rows_{task.split}", n=say.number(task.n_rows, 9)),
        )
        for task in found.tasks
    ]
    n_runs = len({run.path for task in found.tasks for run in task.runs})
    name = say("compare_name", runs=n_runs)
    if len({task.name for task in found.tasks}) > 1:
        name = say("compare_name_tasks", runs=n_runs, tasks=len({task.name for task in found.tasks}))
        parts.insert(0, PagePart({"compare_across": compare_across(found.across, say)}))
    return render_page("compare", name, parts, say, ("pages.css",))


def _metric(task: TaskComparison, say: Wording) -> str:
    return say.title(METRICS[task.metric].title) if task.metric in METRICS else task.metric


def _places(run: ComparedScore, scale: Scale) -> dict[str, float]:
    low, high = (value if math.isfinite(value) else run.score for value in (run.low, run.high))
    return {"low": scale(low), "high": scale(high), "score": scale(run.score)}


def _signed(value: float, say: Wording) -> str:
    text = say.score(value)
    return f"+{text}" if value > 0 else text


def _setting(name: str, say: Wording) -> str:
    for prefix, key in (("task: ", "setting_task"), ("version of ", "setting_version")):
        if name.startswith(prefix):
            return say(key, name=name.removeprefix(prefix))
    return say.known(f"setting_{name}", name)


def _log_ticks(scale: Scale) -> list[float]:
    ticks = scale.ticks(4)
    return ticks if all(scale.low <= tick <= scale.high for tick in ticks) else []


def _left_out(n: int, say: Wording) -> str:
    return say("left_out", n=n) if n > 0 else ""
