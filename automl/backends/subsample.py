"""Search on a part of the rows where one fit of all rows takes much of the budget.

Configurations that are good on an eighth of the rows are mostly good on all of them (Jamieson and Talwalkar,
Non-stochastic best arm identification and hyperparameter optimization, 2016; Li et al., Hyperband, 2018): many are
compared on few rows, and the best of them alone are fitted on all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from artifacts.store import RunFolder
from automl.backends.base import Candidate, Problem
from automl.backends.stacking import folds_within

FEW_FITS = 10  # of all rows in the time that is left: with fewer, configurations are compared on a part
SHARE = 0.125  # of the rows
LEAST_ROWS = 2_500  # of that part; a smaller one tells little of the whole


def slow_models(ranked: Sequence[Candidate], seconds: float) -> list[Candidate]:
    """The best default of each model that only a few more fits of all rows would fit in so many seconds for.

    Args:
        ranked: candidates, the best first.
        seconds: that are left for configurations of all models.
    """
    best: dict[str, Candidate] = {}
    for candidate in ranked:
        if not candidate.members and not candidate.params:
            best.setdefault(candidate.model, candidate)
    return [candidate for candidate in best.values() if FEW_FITS * candidate.fit_seconds > seconds]


def on_part(problem: Problem) -> Problem | None:
    """The same problem with folds of a random part of the rows, in a folder of its own; None if there are too few.

    A refit on all rows is left to what comes of it.
    """
    n = problem.examples.n_samples
    size = int(SHARE * n)
    if size < LEAST_ROWS:
        return None
    chosen = np.zeros(n, dtype=bool)
    chosen[np.random.default_rng(problem.seed).choice(n, size, replace=False)] = True
    folder = RunFolder(problem.folder.path / "subsample").create()
    settings = {**problem.settings, "refit": False}
    return replace(problem, folds=folds_within(problem.folds, chosen), folder=folder, settings=settings)
