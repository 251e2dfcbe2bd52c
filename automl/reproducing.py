"""A run again from its own task, preset, budget and seed, and how far it comes out the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from artifacts.errors import InputError
from artifacts.progress import Progress
from artifacts.store import RunFolder, read_object, reading
from automl.backends import out_of_fold
from automl.data import load
from automl.fitting import fit
from automl.request import inputs_of
from automl.run import Run
from automl.versions import library_versions

TOLERANCE = 1e-9  # of link scores and predictions, as a share of the largest
COLUMNS = ("run", "candidate", "model", "rows", "difference", "as_long")


@dataclass(frozen=True)
class Reproduced:
    """A run and its repetition.

    ``versions`` are those of libraries that differ, then and now. ``candidates`` has a row for each candidate that both
    searches fitted, with the largest ``difference`` of its scores out of fold as a share of the largest score, and
    whether its models trained ``as_long``: for as many rounds or epochs, and no net's rate came down with the time.
    ``only_then`` and ``only_now`` count those that one of them had no time for. ``predictions`` are such differences
    of the final model on the scored rows, by run: a run with several activities or contestants has several.
    """

    then: Path
    now: Path
    versions: dict[str, tuple[str, str]]
    candidates: pd.DataFrame
    only_then: int
    only_now: int
    predictions: dict[str, float]

    @property
    def differing(self) -> pd.DataFrame:
        """Candidates that came out otherwise, the worst first."""
        found = self.candidates[~(self.candidates["difference"] <= TOLERANCE)]
        return found.sort_values("difference", ascending=False)

    @property
    def verdict(self) -> str:
        """``same``; ``time`` if candidates differ only where they trained for another time, or had no turn; else
        ``different``."""
        if self.differing["as_long"].any():
            return "different"
        if not len(self.differing) and all(difference <= TOLERANCE for difference in self.predictions.values()):
            return "same"
        return "time" if len(self.differing) or self.only_then or self.only_now else "different"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **{name: getattr(self, name) for name in ("versions", "only_then", "only_now", "predictions", "verdict")},
            "then": str(self.then),
            "now": str(self.now),
            "candidates": self.candidates.to_dict("records"),
        }


def reproduce(
    run: str | Path, into: str | Path, *, data: str | Path | None = None, progress: Progress | None = None
) -> Reproduced:
    """Fit a run's task again, with its preset, budget and seed, and compare.

    Args:
        run: the folder of a finished run.
        into: a new folder.
        data: folder of the data, if it is not where it was.
        progress: where to show progress.

    Raises:
        InputError: if ``into`` is in use, or the data are not those that the run was fitted on.
        ArtifactError: if the run cannot be read.
    """
    before = Run(run)
    path = before.folder.folder("task") / "request.json"
    asked = read_object(path)
    with reading(path):
        inputs, preset, budget, seed = asked["inputs"], asked["preset"], float(asked["budget_seconds"]), asked["seed"]
        was = {name: inputs[name] for name in ("train", "test")}
    if Path(into).exists() and any(Path(into).iterdir()):
        raise InputError(f"{str(into)!r} is there already and not empty. Name another folder.")
    task = before.task if data is None else before.task.with_root(Path(data).resolve())
    now = inputs_of(load(task))
    for name, value in was.items():
        if value != now[name]:
            raise InputError(
                f"The {name} table of this run had the hash {value!r}, but what is at {str(task.root)!r} has "
                f"{now[name]!r}. Put the old data back, or name their folder with --data."
            )
    after = fit(task, preset=preset, budget_seconds=budget, run=into, seed=seed, progress=progress)
    return compared(before, after)


def compared(before: Run, after: Run) -> Reproduced:
    """Two runs of one request, candidate by candidate."""
    then, now = before.manifest["versions"], library_versions()
    differing = {n: (then.get(n, "none"), now.get(n, "none")) for n in {*then, *now} if then.get(n) != now.get(n)}
    rows: list[tuple[Any, ...]] = []
    only_then = only_now = 0
    predictions = {}
    for name, one, two in _pairs(before.folder, after.folder):
        known, again = _candidates(one), _candidates(two)
        only_then, only_now = only_then + len(known.keys() - again), only_now + len(again.keys() - known)
        as_long: dict[str, bool] = {}
        for key in sorted(known.keys() & again, key=lambda key: (_stage(known[key]), key)):
            scores = [out_of_fold.read(folder) for folder in (known[key], again[key])]
            described, read = _described(known[key]), (_read_by(known[key]), _read_by(again[key]))
            # What reads the scores or vectors of others is as long as they are.
            alike = read[0] == read[1] and all(as_long.get(other, False) for other in read[0])
            as_long[key] = alike and _as_long(known[key], again[key])
            rows.append((name, key, described["model"], len(scores[0]), difference(*scores), as_long[key]))
        if not Run(one.path).activities:
            parts = [Run(folder.path).scored().predictions for folder in (one, two)]
            predictions[name or "run"] = difference(*parts)
    found = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"as_long": bool})
    return Reproduced(before.path, after.path, differing, found, only_then, only_now, predictions)


def difference(then: np.ndarray[Any, Any], now: np.ndarray[Any, Any]) -> float:
    """The largest difference as a share of the largest number; infinite where shapes or unknown rows differ."""
    if then.shape != now.shape or not np.array_equal(np.isfinite(then), np.isfinite(now)):
        return float("inf")
    known = np.isfinite(then)
    apart = np.abs(then[known] - now[known]).max(initial=0.0)
    return float(apart / max(np.abs(then[known]).max(initial=0.0), 1e-300)) if apart else 0.0


def _pairs(before: RunFolder, after: RunFolder) -> Iterator[tuple[str, RunFolder, RunFolder]]:
    again = {one.path.relative_to(after.path).as_posix(): one for one in after.with_inner()}
    for one in before.with_inner():
        name = one.path.relative_to(before.path).as_posix()
        if name in again:
            yield "" if name == "." else name, one, again[name]


def _candidates(folder: RunFolder) -> dict[str, Path]:
    """Key to folder of each candidate with scores out of fold; none of a foreign back end or of an imported run."""
    paths = sorted((folder.path / "search").glob(f"*/{out_of_fold.FILE}"))
    return {path.parent.name: path.parent for path in paths}


def _described(candidate: Path) -> dict[str, Any]:
    return {"members": [], "reads": "", **read_object(candidate / "candidate.json")}


def _read_by(candidate: Path) -> list[str]:
    """The candidates whose scores or vectors it reads."""
    described = _described(candidate)
    return [*described["members"], *filter(None, [described["reads"]])]


def _stage(candidate: Path) -> int:
    """After what it may read: a model, one over tuned vectors, a stack."""
    described = _described(candidate)
    return 2 if described["members"] else 1 if described["reads"] else 0


def _as_long(then: Path, now: Path) -> bool:
    """Whether two models trained for as many rounds or epochs, none of them ended by the clock."""
    lengths = _lengths(then), _lengths(now)
    by_time = any(isinstance(told, dict) and told.get("by_time") for told in (*lengths[0], *lengths[1]))
    return lengths[0] == lengths[1] and not by_time


def _lengths(candidate: Path) -> list[Any]:
    """What the models of the folds say of their training: rounds, epochs, strength of the penalty."""
    return [read_object(path).get("extra") for path in sorted(candidate.glob("model_*/model.json"))]
