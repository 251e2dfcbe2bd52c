"""Where a finished run fails: slices of its scored rows, classes it confuses, targets that look wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.link import from_link
from artifacts.outcome import Outcome
from automl.run import Run
from automl.scored_rows import FOLDS, ScoredPart, read_scored
from evaluation.class_scores import KINDS
from evaluation.confusions import ConfusedPair, confused_pairs
from evaluation.slice_report import ScoredRows, ToldSlices, tell_slices
from evaluation.suspects import SuspectParts, find_suspects

POSITION = "position"


def scored_rows(run: Run, part: ScoredPart) -> ScoredRows:
    """Scored rows of a run as the error analysis reads them."""
    constant = np.asarray(run.manifest["constant"], dtype=np.float64)
    return ScoredRows(part.outcome, part.predictions, part.decided, part.ids, part.groups, constant)


def slices_of(run: Run, part: ScoredPart) -> ToldSlices:
    """Slices of the scored rows on which the run is worse than on the others; see ``evaluation.slice_report``."""
    return tell_slices(run.scored_table(), scored_rows(run, part), run.metric, seed=int(run.manifest["seed"]))


def confused_of(run: Run, part: ScoredPart) -> tuple[ConfusedPair, ...] | None:
    """The pairs of classes that are confused most often in the scored rows; None where there are no classes."""
    return confused_pairs(scored_rows(run, part)) if part.outcome.kind in KINDS else None


def suspects_of(run: Run, part: ScoredPart) -> SuspectParts | None:
    """Targets that look wrong in the scored and in the training rows; None if these were not predicted out of fold."""
    try:
        known = read_scored(run.folder, FOLDS, run.manifest)
        learned = known.outcome, known.predictions
        scored, training = (find_suspects(scored_rows(run, rows), learned) for rows in (part, known))
    except InputError:  # a back end without predictions out of fold
        return None
    return SuspectParts(scored, training)


def suspicious_rows(outcome: Outcome, scored: pd.DataFrame | None) -> NDArray[np.int64]:
    """Positions (n,) of the training rows that a report of the run will tell of.

    Args:
        outcome: their targets.
        scored: link scores out of fold, as ``scoring.scored_frame`` gives them; None if there are none.
    """
    nothing = np.empty(0, dtype=np.int64)
    if scored is None:
        return nothing
    link = scored[[name for name in scored if str(name).startswith("link_")]].to_numpy(np.float64)
    predictions = from_link(outcome.kind, link)
    rows = ScoredRows(outcome, predictions, predictions, scored["id"].tolist())
    try:
        found = find_suspects(rows, (outcome, predictions)).rows[POSITION]
    except InputError:  # no fold predicted anything
        return nothing
    return np.unique(found.to_numpy(np.int64))
