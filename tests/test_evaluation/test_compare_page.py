from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.compare import ComparedRun, compare
from evaluation.compare_page import compare_across, compare_pairs, compare_settings, render_comparison
from evaluation.metrics import METRICS
from evaluation.run_comparison import ComparedScore, RunsComparison, TaskComparison, best_first
from evaluation.task_ranks import rank_tasks
from evaluation.wording import Wording

HOSTILE = "<script>alert(1)</script>"


def make_task(name: str, noises: dict[str, float], seed: int = 0, metric: str = "mae") -> TaskComparison:
    rng = np.random.default_rng(seed)
    outcome = Outcome(Kind.REGRESSION, rng.normal(size=150))
    ids = tuple(map(str, range(150)))
    compared = [
        ComparedRun(run, METRICS[metric], outcome, (outcome.y + rng.normal(size=150) * noise)[:, None], ids, name)
        for run, noise in noises.items()
    ]
    scores = [
        ComparedScore(
            name=one.name,
            path=f"runs/{name}/{one.name}",
            preset=one.name,
            back_end="search",
            score=(score := one.metric.score(outcome, one.predictions)),
            low=score - 0.01,
            high=score + 0.01,
            seconds=10.0 * (i + 1),
            predict_ms_per_row=0.5,
            settings={"seed": "0", "preset": one.name, "task: target.metric": metric},
        )
        for i, one in enumerate(compared)
    ]
    higher = METRICS[metric].higher_is_better
    pairs = compare(compared) if len(compared) > 1 else pd.DataFrame()
    return TaskComparison(name, "price", metric, higher, "holdout", 150, 0.8, best_first(scores, higher), pairs)


def comparison(n_tasks: int, text: str = HOSTILE, name: str = "task") -> RunsComparison:
    noises = {"fast": 1.0, "best": 0.1, text: 0.5}
    tasks = tuple(make_task(f"{name}{i}", noises, seed=i) for i in range(n_tasks))
    scores = {task.name: {run.preset: -run.score for run in task.runs} for task in tasks}
    return RunsComparison(tasks, rank_tasks(scores) if n_tasks > 1 else None)


def test_the_matrix_has_both_signs_and_says_which_is_better() -> None:
    found = compare_pairs(make_task("t", {"bad": 1.0, "good": 0.1}), Wording("en"))
    (of_good, of_bad) = found["rows"]
    assert (of_good["name"], of_bad["name"]) == ("good", "bad"), "the least error is first"
    assert of_good["cells"][0] is None and of_good["cells"][1]["verdict"] == "better"
    assert of_good["cells"][1]["difference"].startswith("−") and of_bad["cells"][0]["difference"].startswith("+")
    assert of_bad["cells"][0]["verdict"] == "worse"
    alone = compare_pairs(make_task("t", {"one": 1.0}), Wording("en"))
    assert "only run of this task" in alone["missing"]


def test_only_differing_settings_are_shown() -> None:
    found = compare_settings(make_task("t", {"a": 1.0, "b": 0.1}), Wording("ru"))
    assert [row["name"] for row in found["rows"]] == ["набор настроек"]
    assert found["rows"][0]["values"] == ["b", "a"]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_page_of_several_tasks_has_the_plot_and_nothing_hostile(language: str) -> None:
    page = render_comparison(comparison(4), language)
    assert "<script" not in page and "&lt;script&gt;" in page and "http" not in page.split("</style>")[1]
    assert page.count('id="compare_across"') == 1 and 'class="clique"' in page
    assert len(re.findall('<h2 id="[^"]*compare_pairs-title"', page)) == 4 and "style=" not in page
    assert not re.search(r"\b(nan|None|Undefined)\b", page)


def test_one_task_has_no_ranks_and_two_have_no_critical_difference() -> None:
    assert "compare_across" not in render_comparison(comparison(1))
    two = comparison(2)
    assert "it needs 3 tasks" in render_comparison(two) and 'class="clique"' not in render_comparison(two)
    assert "nothing to rank" in compare_across(None, Wording("en"))["missing"]
    with pytest.raises(InputError, match="'xx' was asked for"):
        render_comparison(two, "xx")


def test_the_json_has_what_the_page_has() -> None:
    found = json.loads(json.dumps(comparison(3).to_json(), allow_nan=False))
    assert [run["rank"] for run in found["tasks"][0]["runs"]] == [1, 2, 3]
    assert found["tasks"][0]["runs"][0]["run"] == "best" and len(found["tasks"][0]["pairs"]) == 3
    assert found["across"]["presets"][0] == {"preset": "best", "mean_rank": 1.0, "win_rate": 1.0}
    assert found["tasks"][0]["differing"][0]["setting"] == "preset"
    assert comparison(1).to_json()["across"] is None
