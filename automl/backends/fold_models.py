"""One model over the folds: its models, and link scores of rows that each model did not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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


class Pruned(Exception):  # noqa: N818 - a verdict, not an error
    """Not worth more of the budget, or none is left."""


def fit_fold_models(
    make: Callable[[dict[str, Any]], Model],
    params: dict[str, Any],
    examples: Examples,
    folds: Sequence[Fold],
    allowed: Budget,
    *,
    refit: bool,
    after_fold: Callable[[int, Float], None] | None = None,
) -> tuple[list[Model], Float]:
    """Models of the folds, or a single one of all rows in folds if ``refit``, and link scores (n_samples, n_link).

    Args:
        make: an unfitted model of parameters.
        params: its parameters.
        examples: rows of all folds; scores are NaN in rows that no fold validates.
        folds: rows to learn from and to validate on.
        allowed: split evenly between the fits that are left.
        refit: the folds' models are used for the scores, and for the parameters of the one model.
        after_fold: gets the number of the fold and the scores so far, and may raise ``Pruned``.

    Raises:
        Pruned: if the time runs out before the last fold.
    """
    outcome = examples.outcome
    scores = unknown((outcome.n_samples, n_link(outcome.kind, outcome.n_outputs)))
    models: list[Model] = []
    n_fits = len(folds) + int(refit)
    for i, fold in enumerate(folds):
        if allowed.left <= 0 and i:
            raise Pruned(f"time ran out after {i} of {len(folds)} folds")
        deadline = time.monotonic() + max(allowed.left, 0.0) / (n_fits - i)
        train, valid = examples.take(fold.train), examples.take(fold.valid)
        models.append(make(params).fit(train, valid, deadline=deadline))
        scores[fold.valid] = models[-1].decide(valid.table)
        if after_fold is not None:
            after_fold(i, scores)
    if refit:
        known = np.unique(np.concatenate([rows for fold in folds for rows in (fold.train, fold.valid)]))
        rows = examples if len(known) == outcome.n_samples else examples.take(known)
        last = make(models[0].params_for_refit(models))
        models = [last.fit(rows, deadline=time.monotonic() + max(allowed.left, 0.0))]
    return models, scores
