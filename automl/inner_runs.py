"""Runs inside a run, which share its split and features: of several activities, or of several back ends.

After a first Ctrl-C the run at hand ends with what is done. Of a contest it is the last one; of activities each other
one has to have a model, too, and gets the cheapest ones.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from artifacts.errors import FusionError
from artifacts.full_disk import is_full_disk
from automl.activities import score_together
from automl.backends.registry import backend_named, check_kind
from automl.budget import Budget, Timed
from automl.contest import finish_contest
from automl.interrupts import Interrupts, watching_interrupts
from automl.presets import preset_named
from automl.request import claim, request_of
from automl.resuming import is_finished
from automl.steps import Steps


def run_activities(steps: Steps, request: dict[str, Any]) -> None:
    """A run for each activity inside this one, on its split and features, in an even share of the time left."""
    seconds = {"read": steps.budget.spent}
    timed = Timed(seconds)
    with timed("split"):
        holdout, _ = steps.split()
    with timed("features"):
        steps.features(holdout)
    names = steps.loaded.task.target.activity_names
    todo = [name for name in names if not is_finished(steps.folder.activity(name), steps.preset)]
    short: list[str] = []
    with watching_interrupts() as interrupts:
        for i, name in enumerate(todo):
            with timed(f"activity {name}"):
                loaded, folder = steps.loaded.for_activity(name), steps.folder.activity(name).create()
                share = Budget(max(steps.budget.left / (len(todo) - i), 1e-3))
                one = replace(steps, loaded=loaded, folder=folder, budget=share)
                none_done = not i and len(todo) == len(names)
                short += [name] if _run_activity(one, interrupts, none_done=none_done) else []
            if interrupts.came and todo[i + 1 :] and not short:
                steps.progress.say(f"The other activities get the cheapest models alone: {', '.join(todo[i + 1 :])}.")
    with timed("score"):
        scored, manifest = score_together(steps.folder, steps.loaded.task, steps.seed)
        with steps.folder.write("scores") as target:
            scored.save(target)
    _finish(steps, request, {**manifest, **({"cut_short": short} if short else {})}, seconds)


def _run_activity(steps: Steps, interrupts: Interrupts, *, none_done: bool) -> bool:
    """Run one activity; whether the user's Ctrl-C left it the cheapest models alone.

    Raises:
        KeyboardInterrupt: at the second Ctrl-C, or at the first one where no activity has a model so far.
    """
    own = request_of(steps.loaded, steps.preset, steps.seed)
    claim(steps.folder, own, steps.loaded)
    if not interrupts.came:
        try:
            steps.run(own)
            return False
        except KeyboardInterrupt:
            if none_done or interrupts.again:
                raise
    seconds = min(steps.budget.seconds, backend_named(steps.preset.back_end).least_seconds)
    replace(steps, budget=Budget(seconds), cut_short=True).run(own)
    return True


def run_contest(steps: Steps, request: dict[str, Any]) -> None:
    """A run for each contestant inside this one, on its split and features, in an even share of the time left."""
    seconds = {"read": steps.budget.spent}
    timed = Timed(seconds)
    with timed("split"):
        steps.split()
    with timed("features"):
        steps.features(steps.split()[0])
    failures: dict[str, str] = {}
    names = steps.preset.contestants
    todo = [name for name in names if not is_finished(steps.folder.contestant(name), preset_named(name))]
    with watching_interrupts() as interrupts:
        for i, name in enumerate(todo):
            if interrupts.came:
                failures[name] = "the contest was stopped before its turn"
                continue
            with timed(f"contestant {name}"):
                share = Budget(max(steps.budget.left / (len(todo) - i), 1e-3))
                try:
                    _run_contestant(steps, name, share)
                except KeyboardInterrupt as stop:
                    if interrupts.again or not any(steps.folder.contestant(one).has("run.json") for one in names):
                        raise
                    failures[name] = str(stop) or "it was stopped before it had a model"
                except (FusionError, OSError) as error:  # the others go on
                    if is_full_disk(error):  # unless they would lack it, too
                        raise
                    failures[name] = f"{type(error).__name__}: {str(error)[:300]}"
    with timed("score"):
        manifest = finish_contest(steps.folder, failures, steps.scored_part, interrupted=interrupts.came)
    _finish(steps, request, manifest, seconds)


def _run_contestant(steps: Steps, name: str, share: Budget) -> None:
    folder, preset = steps.folder.contestant(name).create(), preset_named(name)
    own = request_of(steps.loaded, replace(preset, budget_seconds=steps.preset.budget_seconds), steps.seed)
    check_kind(preset.back_end, steps.loaded.task.target.kind)
    claim(folder, own, steps.loaded)
    alone = replace(preset, budget_seconds=share.seconds)
    replace(steps, preset=alone, folder=folder, budget=share).run(own)


def _finish(steps: Steps, request: dict[str, Any], manifest: dict[str, Any], seconds: dict[str, float]) -> None:
    manifest = {"finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **request, **manifest}
    manifest |= {"seconds": seconds, "spent_seconds": round(steps.budget.spent, 3)}
    steps.folder.finish(manifest)
