"""One model over the folds: its models, and link scores of rows that each model did not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.link import n_link
from automl.backends.out_of_fold import unknown
from automl.budget import Budget
from automl.models.base import Model
from evaluation.splits import Fold

Float = NDArray[np.float64]
LATENESS = 1.0  # of the time that is allowed, for folds that take longer than it


class Pruned(Exception):  # noqa: N818 - a verdict, not an error
    """Not worth more of the budget, or none is left."""


def fit_fold_models(
    make: Callable[[dict[str, Any]], Model],
    examples: Examples,
    folds: Sequence[Fold],
    allowed: Budget,
    *,
    refit: bool,
    emphasis: float = 0.0,
    end: float | None = None,
    after_fold: Callable[[int, Float], None] | None = None,
) -> tuple[list[Model], Float]:
    """Models of the folds, or a single one of all rows in folds if ``refit``, and link scores (n_samples, n_link).

    Args:
        make: an unfitted model, with parameters that come before its own.
        examples: rows of all folds; scores are NaN in rows that no fold validates.
        folds: rows to learn from and to validate on.
        allowed: split evenly between the fits that are left.
        emphasis: of high values in the rows to learn from and to stop on, see ``Outcome.emphasised``.
        refit: the folds' models are used for the scores, and for the parameters of the one model.
        end: value of ``time.monotonic()`` until which late folds may go on; the end of ``allowed`` if None.
        after_fold: gets the number of the fold and the scores so far, and may raise ``Pruned``.

    Raises:
        Pruned: if the time runs out before the last fold.
    """
    outcome = examples.outcome
    scores = unknown((outcome.n_samples, n_link(outcome.kind, outcome.n_outputs)))
    models: list[Model] = []
    n_fits = len(folds) + int(refit)
    # What a busy machine makes late is not thrown away while the rest of the budget can bear it.
    latest = max(allowed.deadline, min(allowed.deadline + LATENESS * allowed.seconds, end or 0.0))
    least = 0.5 * allowed.seconds / n_fits

    def deadline(n_left: int) -> float:
        now = time.monotonic()
        return now + max(min(max(allowed.left / n_left, least), (latest - now) / n_left), 0.0)

    for i, fold in enumerate(folds):
        if i and time.monotonic() >= latest:
            raise Pruned(f"time ran out after {i} of {len(folds)} folds")
        train, valid = (_emphasised(examples.take(rows), emphasis) for rows in (fold.train, fold.valid))
        models.append(make({}).fit(train, valid, deadline=deadline(n_fits - i)))
        scores[fold.valid] = models[-1].decide(valid.table)
        if after_fold is not None:
            after_fold(i, scores)
    if refit:
        known = np.unique(np.concatenate([rows for fold in folds for rows in (fold.train, fold.valid)]))
        rows = examples if len(known) == outcome.n_samples else examples.take(known)
        last = make(models[0].params_for_refit(models))
        models = [last.fit(_emphasised(rows, emphasis), deadline=deadline(1))]
    return models, scores


def _emphasised(rows: Examples, emphasis: float) -> Examples:
    return replace(rows, outcome=rows.outcome.emphasised(emphasis))
