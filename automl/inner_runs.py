"""Runs inside a run, which share its split and features: of several activities, or of several back ends."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from artifacts.errors import FusionError
from automl.activities import score_together
from automl.backends.registry import check_kind
from automl.budget import Budget, Timed
from automl.contest import finish_contest
from automl.presets import preset_named
from automl.request import claim, request_of
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
    for i, name in enumerate(names):
        with timed(f"activity {name}"):
            loaded, folder = steps.loaded.for_activity(name), steps.folder.activity(name).create()
            own = request_of(loaded, steps.preset, steps.seed)
            claim(folder, own, loaded)
            if not folder.has("run.json"):
                share = Budget(max(steps.budget.left / (len(names) - i), 1e-3))
                replace(steps, loaded=loaded, folder=folder, budget=share).run(own)
    with timed("score"):
        scored, manifest = score_together(steps.folder, steps.loaded.task, steps.seed)
        with steps.folder.write("scores") as target:
            scored.save(target)
    manifest = {"finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **request, **manifest}
    manifest |= {"seconds": seconds, "spent_seconds": round(steps.budget.spent, 3)}
    steps.folder.finish(manifest)


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
    for i, name in enumerate(names):
        with timed(f"contestant {name}"):
            share = Budget(max(steps.budget.left / (len(names) - i), 1e-3))
            folder, preset = steps.folder.contestant(name).create(), preset_named(name)
            own = request_of(steps.loaded, replace(preset, budget_seconds=steps.preset.budget_seconds), steps.seed)
            try:
                check_kind(preset.back_end, steps.loaded.task.target.kind)
                claim(folder, own, steps.loaded)
                if not folder.has("run.json"):
                    alone = replace(preset, budget_seconds=share.seconds)
                    replace(steps, preset=alone, folder=folder, budget=share).run(own)
            except (FusionError, OSError) as error:  # the others go on
                failures[name] = f"{type(error).__name__}: {str(error)[:300]}"
    with timed("score"):
        manifest = finish_contest(steps.folder, failures, steps.scored_part)
    manifest = {"finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **request, **manifest}
    manifest |= {"seconds": seconds, "spent_seconds": round(steps.budget.spent, 3)}
    steps.folder.finish(manifest)
