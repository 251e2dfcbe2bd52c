"""One fit, a straight line: each step leaves its artifact in the run folder, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from artifacts.errors import InputError
from artifacts.progress import Progress, Silent
from artifacts.store import RunFolder
from artifacts.task import Task
from automl.backends.registry import check_kind
from automl.budget import Budget
from automl.data import load
from automl.inner_runs import run_activities, run_contest
from automl.presets import preset_named
from automl.request import claim, default_folder, request_of
from automl.resuming import spent_before
from automl.run import Run
from automl.shortages import told_shortages
from automl.steps import Steps


def fit(
    task: Task,
    *,
    preset: str = "balanced",
    budget_seconds: float | None = None,
    run: str | Path | None = None,
    seed: int = 0,
    train: pd.DataFrame | None = None,
    test: pd.DataFrame | None = None,
    progress: Progress | None = None,
) -> Run:
    """Turn a task into a fitted, scored and saved run.

    Called again with the same arguments, a fit that was killed goes on from its last finished step, and one that had
    finished is returned as it is. A first Ctrl-C finishes the run with what is done; called again, it goes on with
    the rest of its budget where its back end can. A second Ctrl-C raises ``KeyboardInterrupt``.

    Args:
        task: what to predict from which columns.
        preset: a name of ``automl.presets.PRESETS``.
        budget_seconds: wall-clock seconds for the whole fit; the preset's own if None.
        run: the folder to leave everything in; ``runs/<task>/<preset>-<hash>`` if None.
        seed: of splits, models and search.
        train: training rows, instead of the file that the task names.
        test: test rows, likewise.
        progress: where to show progress; silent if None.

    Raises:
        InputError: if the task, the data or an argument is not usable.
        MissingDependencyError: if the preset's back end is not installed.
        ArtifactError: if the run folder cannot be written, or memory or the disk ran out.
    """
    chosen = preset_named(preset).with_budget(budget_seconds)
    check_kind(chosen.back_end, task.target.kind)
    if chosen.contestants and task.target.activities:
        raise InputError("A contest is about one target, but the task has several activities. Take another preset.")
    budget = Budget(chosen.budget_seconds)
    progress = progress or Silent()
    with told_shortages("Reading the data"):
        loaded = load(task, train, test)
    request = request_of(loaded, chosen, seed)
    folder = RunFolder(run if run is not None else default_folder(task, chosen, request))
    with told_shortages("The fit"), folder.held():
        claim(folder.create(), request, loaded)
        spent = spent_before(folder, chosen, task.target.activity_names)
        if spent is not None:
            if spent:
                left = chosen.budget_seconds - spent
                progress.say(
                    f"This run was stopped after {spent:.0f} s. It goes on for the {left:.0f} s left of its budget."
                )
            budget = Budget(chosen.budget_seconds, budget.started - spent)
            steps = Steps(loaded, chosen, seed, folder, budget, progress)
            if chosen.contestants:
                run_contest(steps, request)
            elif task.target.activities:
                run_activities(steps, request)
            else:
                steps.run(request)
    return Run(folder.path, progress=progress)
