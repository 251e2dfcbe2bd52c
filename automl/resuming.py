"""What the same fit does in a folder that has a run: one that the user stopped goes on where it can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from artifacts.store import RunFolder, reading
from automl.backends.registry import backend_named
from automl.manifest import read_manifest
from automl.presets import Preset, preset_named

LEAST_SHARE = 0.1  # of the budget: with less of it left, a search that was stopped has seen nearly all that it would


def is_finished(folder: RunFolder, preset: Preset) -> bool:
    """Whether there is nothing more to do for the run of one back end: it was not stopped, or cannot go on."""
    if not folder.has("run.json"):
        return False
    interrupted = bool(read_manifest(folder.path).get("interrupted", False))
    return not (interrupted and backend_named(preset.back_end).goes_on)


def spent_before(folder: RunFolder, preset: Preset, activities: tuple[str, ...] = ()) -> float | None:
    """Seconds that a run has used which was stopped and can go on, 0 for one without ``run.json``, else None.

    Args:
        folder: of the whole run.
        preset: of the whole run.
        activities: their names, where each has a run of its own inside.
    """
    if not folder.has("run.json"):
        return 0.0
    manifest = read_manifest(folder.path)
    spent = float(manifest["spent_seconds"])
    if not manifest.get("interrupted", False) or spent > (1.0 - LEAST_SHARE) * preset.budget_seconds:
        return None
    inner = [(folder.contestant(name), preset_named(name)) for name in preset.contestants]
    inner += [(folder.activity(name), preset) for name in activities]
    whole = not inner and is_finished(folder, preset)
    return None if whole or (inner and all(is_finished(*one) for one in inner)) else spent


def stopped_in_words(run: str | Path) -> list[str]:
    """Lines for people about a finished run that the user stopped: what it lacks, and how to go on; none otherwise."""
    folder = RunFolder(run)
    with reading(folder.path / "run.json"):
        return _in_words(folder)


def _in_words(folder: RunFolder) -> list[str]:
    manifest = read_manifest(folder.path)
    if not manifest.get("interrupted", False):
        return []
    said = [f"{folder.path.name} was stopped before its search had ended."]
    if manifest.get("cut_short"):
        said[0] += f" These have the cheapest models alone: {', '.join(manifest['cut_short'])}."
    preset = replace(preset_named(manifest["preset"]), budget_seconds=float(manifest["budget_seconds"]))
    activities = tuple(path.parent.name for path in sorted(folder.path.glob("activities/*/run.json")))
    if spent_before(folder, preset, activities) is not None:
        said.append("The same fit again goes on with the rest of its budget.")
    else:
        said.append("To search for longer, fit into another folder.")
    return [" ".join(said)]
