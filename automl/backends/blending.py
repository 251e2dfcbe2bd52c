"""From the candidates of a search to its blends."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from artifacts.link import to_link
from automl.backends.base import Candidate, FittedBackend, Problem
from automl.backends.fitted_search import Blend, FittedSearch, weighted
from automl.backends.tried import Tried
from automl.calibration import Calibration, fit_calibration
from automl.ensemble import MAX_CANDIDATES, ROUNDS, greedy_blend
from automl.models.registry import MODELS, ON_REQUEST
from evaluation.metrics import constant_prediction

Float = NDArray[np.float64]


BLEND_SHARE, MOST_BLEND_SHARE = 0.01, 0.12  # of the budget, kept back for blends: at least, and at most
LATE_SHARE = 0.3  # of the time for blends: that of single views has fewer members


def kept_for_blends(problem: Problem) -> float:
    """Seconds of a problem's budget in which its blends are made."""
    n_arms = len(MODELS.keys() - ON_REQUEST) * len(problem.examples.table.views)
    needed = blend_seconds(problem, constant_prediction(problem.examples.outcome), n_arms)
    seconds = problem.budget.seconds
    return min(max(BLEND_SHARE * seconds, needed), MOST_BLEND_SHARE * seconds)


def blend_seconds(problem: Problem, reference: Float, n_candidates: int) -> float:
    """Seconds that the blends of so many candidates take, by how long a constant prediction takes to score."""
    outcome = problem.examples.outcome
    link = np.tile(to_link(outcome.kind, reference[None]), (outcome.n_samples, 1))
    seconds = []
    for _ in range(2):  # the first time has imports in it
        started = time.monotonic()
        greedy_blend({"constant": link}, outcome, problem.metric, reference=reference, until=0.0)
        seconds.append(time.monotonic() - started)
    return seconds[-1] * ROUNDS * min(n_candidates, MAX_CANDIDATES) / (1 - LATE_SHARE)


def blended(tried: Tried, usable: Sequence[Candidate], portfolio: Collection[str]) -> FittedSearch:
    """The final blend, and beside it the blend of single views, which is late fusion; stacks are no members.

    Args:
        tried: all candidates, failures too.
        usable: those that may be members.
        portfolio: keys of candidates that are families of their own; versions of a tuned arm are one.
    """
    problem, reference = tried.problem, tried.reference
    decisions = {c.key: tried.decided(c)[0] for c in usable}
    usable = [candidate for candidate in usable if not candidate.members]
    outcome, metric = problem.examples.outcome, problem.metric
    scores = {c.key: c.out_of_fold for c in usable if c.out_of_fold is not None}
    arms = {c.key: c.key if c.key in portfolio else f"{c.model}-{c.view}" for c in usable}

    def blend(scores: dict[str, Float], share: float) -> dict[str, float]:
        return greedy_blend(
            scores,
            outcome,
            metric,
            reference=reference,
            families=arms,
            decisions=decisions,
            until=time.monotonic() + share * (problem.budget.left - tried.kept_for_scoring),
            seed=problem.seed,
        )

    weights = blend(scores, 1 - LATE_SHARE)
    calibration = Calibration()
    if not problem.settings.get("emphasis"):  # which it would take back
        calibration = fit_calibration(weighted(weights, scores), outcome, problem.folds, metric, reference)
    blends = [Blend(FittedBackend.FINAL, "blend", "all", weights, calibration)]
    single = {c.key: scores[c.key] for c in usable if c.view != "all"}
    if len({c.view for c in usable if c.view != "all"}) > 1:
        late = blend(single, 1.0)
        if len(_views(late, usable)) > 1:  # one view alone is no fusion
            blends.append(Blend("late", "late fusion", "+".join(_views(late, usable)), late))
    rows = [one.candidate(scores, usable) for one in blends]
    rest = [replace(c, weight=weights.get(c.key, 0.0)) for c in tried.candidates]
    weights_of = {one.key: one.weights for one in blends}
    return FittedSearch(outcome.kind, (*rows, *rest), weights_of, tried.root, calibration)


def _views(weights: dict[str, float], candidates: Sequence[Candidate]) -> list[str]:
    return sorted({candidate.view for candidate in candidates if candidate.key in weights})
