"""Rows that were scored in a run, with truth and the final model's predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.store import RunFolder, reading
from artifacts.tables import read_stored
from automl.decision import Decision

Float = NDArray[np.float64]
FOLDS = "folds"


@dataclass(frozen=True)
class ScoredPart:
    """Rows that the final model was scored on: holdout, test, or out of fold. ``groups`` has codes, -1 for none."""

    name: str
    ids: tuple[str, ...]
    outcome: Outcome
    predictions: Float
    fingerprint: str
    groups: NDArray[np.int64] | None = None
    decision: Decision = field(default_factory=Decision)

    @property
    def decided(self) -> Float:
        """Predictions whose decision is at one half, as ``Predictor.predict`` makes it."""
        return self.decision.predictions(self.outcome.kind, self.predictions)


def read_scored(run: RunFolder, name: str, manifest: Mapping[str, Any]) -> ScoredPart:
    """The scored rows of a run: ``holdout``, ``test``, or ``folds``.

    Raises:
        InputError: if the run has none of this name; some back ends predict no training rows out of fold.
    """
    path = run.folder("scores") / f"{name}.parquet"
    if not path.exists():
        raise InputError(f"The run in {str(run.path)!r} has no predictions of the rows {name!r}.")
    with reading(path):
        return _read(path, name, manifest)


def _read(path: Path, name: str, manifest: Mapping[str, Any]) -> ScoredPart:
    frame = read_stored(path)
    info = manifest["outcome"]
    kind = Kind(info["kind"])
    outcome = Outcome.from_frame(frame, kind, info["classes"], info["n_known"], info.get("separator"))
    link = frame[[column for column in frame if str(column).startswith("link_")]].to_numpy(np.float64)
    groups = frame["group"].to_numpy(np.int64) if "group" in frame else None
    ids = tuple(frame["id"].astype(str))
    decision = Decision(tuple(manifest.get("decision", ())))
    return ScoredPart(name, ids, outcome, from_link(kind, link), str(manifest["scored_rows"]), groups, decision)
