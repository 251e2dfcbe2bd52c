"""The second stage of the search: models that read what encoders tuned out of fold make of texts or photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from artifacts.store import read_object
from automl.backends.base import Candidate, Problem
from automl.backends.stacking import ON, model_class
from automl.models.description import FILE
from automl.models.registry import TUNED
from automl.models.second_stage import ROWS_AT_ONCE
from automl.models.tuned_encoder import TunedEncoderModel
from evaluation.splits import Fold, in_pairs

Single = NDArray[np.float32]

Stage = tuple[Candidate, float]  # and the seconds that its model took over the same view without vectors

READING_SHARE = 0.1  # of the time that tuning took, at most, to read all rows by what was tuned
MODELS_OVER_VECTORS = ("linear", "knn", "lightgbm", "catboost", "mlp")


def second_stages_over(tuned: Candidate, folder: Path, n_folds: int, ranked: Sequence[Candidate]) -> list[Stage]:
    """Models to fit over the vectors of a tuned encoder, each beside the view that it was best over.

    None where there is nothing to read: of a net over all modalities, where the folds' encoders were not kept (rows
    in the order of time have one of all rows at the end), or where in no fold tuning made the encoder better.

    Args:
        tuned: a candidate of ``TUNED``.
        folder: where it is kept.
        n_folds: of the encoders.
        ranked: usable candidates, the best first.
    """
    if tuned.error or tuned.lack or not issubclass(TUNED[tuned.model], TunedEncoderModel):
        return []
    kept = [read_object(place / FILE)["extra"] for place in sorted(folder.glob("model_*"))]
    if len(kept) != n_folds or not all(one["trained"] for one in kept) or not any(one["epochs"] for one in kept):
        return []
    views = {"all", tuned.view}
    defaults = [c for c in ranked if c.model in MODELS_OVER_VECTORS and c.view in views and not c.params]
    best: dict[str, Candidate] = {}
    for candidate in defaults:
        best.setdefault(candidate.model, candidate)
    return [(_stage(one, tuned), one.fit_seconds) for one in best.values()]


def _stage(over: Candidate, tuned: Candidate) -> Candidate:
    return Candidate(f"{over.key}-on-{tuned.key}", f"{over.model}{ON}{tuned.model}", over.view, reads=tuned.key)


def seconds_to_score(tuned: Candidate, candidates: Sequence[Candidate], problem: Problem) -> float:
    """Time in which the scored rows are read by the encoders that stay, for the candidate and those that read it."""
    outcome, n = problem.examples.outcome, problem.n_scored
    n_models = 1 if problem.settings.get("refit") else len(in_pairs(problem.folds, outcome))
    times = n_models * n / max(outcome.n_samples, 1)
    if n > ROWS_AT_ONCE:  # then each model over the vectors reads anew, once for itself and once for the blend
        times *= 2 * (1 + sum(one.reads == tuned.key and not one.error for one in candidates))
    return READING_SHARE * times * tuned.fit_seconds


def vectors_out_of_fold(
    tuned: Candidate, folder: Path, table: FeatureTable, folds: Sequence[Fold]
) -> dict[str, Single]:
    """Vectors (n_samples, n_dimensions) of each source, those of a fold by the encoder that did not learn from it.

    NaN in rows that no fold validated.
    """
    result: dict[str, Single] = {}
    for place, fold in zip(sorted(folder.glob("model_*")), folds, strict=True):
        model = model_class(tuned).load(place)
        assert isinstance(model, TunedEncoderModel)
        for start in range(0, len(fold.valid), ROWS_AT_ONCE):
            rows = fold.valid[start : start + ROWS_AT_ONCE]
            for source, vectors in model.vectors(table.take(rows)).items():
                if source not in result:
                    result[source] = np.full((table.n_samples, vectors.shape[1]), np.nan, dtype=np.float32)
                result[source][rows] = vectors
    return result
