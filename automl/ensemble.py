"""Greedy weighted blend on the link scale (Caruana et al., Ensemble selection from libraries of models, 2004)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from artifacts.link import from_link
from artifacts.outcome import Outcome
from automl.decision import Decision
from evaluation.metrics import METRICS, Metric

Float = NDArray[np.float64]
MAX_CANDIDATES = 40
MOST_NUMBERS = 4_000_000  # of link scores of a candidate; each is looked at up to twenty times
ROUNDS = 20  # in each of which a candidate is added
PER_FAMILY = 2  # versions of one model over one view are nearly the same member
# The likelihood breaks ties: metrics of hard decisions stand still over many blends.
LIKELIHOOD = {
    "regression": "rmse", "binary": "log_loss", "multiclass": "log_loss", "multilabel": "log_loss",
    "conversion": "log_likelihood",
}  # fmt: skip


def greedy_blend(
    scores: Mapping[str, Float],
    outcome: Outcome,
    metric: Metric,
    *,
    reference: Float | None = None,
    families: Mapping[str, str] | None = None,
    decisions: Mapping[str, Decision] | None = None,
    until: float = float("inf"),
    seed: int = 0,
) -> dict[str, float]:
    """Weights of candidates, which sum to 1, chosen with replacement on out-of-fold link scores.

    Args:
        scores: candidate to link scores (n_samples, n_link); rows that are NaN anywhere are left out.
        outcome: the targets of the same rows.
        metric: what to make best.
        reference: constant prediction, for metrics that are relative to one.
        families: candidate to the name of its family, of which the best ``PER_FAMILY`` take part; each its own if None.
        decisions: of candidates, for a metric of decisions: a blend's is the mean of its members'.
        until: the value of ``time.monotonic()`` after which no further candidate is added.
        seed: of the choice of rows, where there are very many.
    """
    valid = _some(np.all([np.isfinite(values).all(axis=1) for values in scores.values()], axis=0), scores, seed)
    outcome = outcome.take(valid)
    quality = _Quality(outcome, metric, reference)
    decided = (decisions or {}) if metric.decides else {}

    def read(key: str) -> Float:
        """Link scores, and where decisions differ also those that decide at 0: (1 or 2, n_samples, n_link)."""
        link = scores[key][valid].astype(np.float64)
        return np.stack([link, decided[key].move(link)] if decided else [link])

    alone = {key: quality(read(key)) for key in scores}
    ranked = _best_of_families(sorted(scores, key=alone.__getitem__, reverse=True), families or {})[:MAX_CANDIDATES]
    kept = {key: read(key) for key in ranked}
    counts = dict.fromkeys(ranked, 0)
    counts[ranked[0]] = 1
    total = kept[ranked[0]].copy()
    best, best_counts = alone[ranked[0]], dict(counts)
    for size in range(2, ROUNDS + 1):
        if time.monotonic() > until:
            break
        options = {key: quality((total + values) / size) for key, values in kept.items()}
        chosen = max(ranked, key=options.__getitem__)
        counts[chosen] += 1
        total += kept[chosen]
        if options[chosen] > best:
            best, best_counts = options[chosen], dict(counts)
    n = sum(best_counts.values())
    return {key: count / n for key, count in best_counts.items() if count}


def _some(valid: NDArray[np.bool_], scores: Mapping[str, Float], seed: int) -> NDArray[np.int64]:
    """Positions of the valid rows; of many rows and classes, as many as say enough, by chance."""
    rows = np.flatnonzero(valid)
    most = MOST_NUMBERS // max(values.shape[1] for values in scores.values())
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _best_of_families(ranked: Sequence[str], families: Mapping[str, str]) -> list[str]:
    seen: Counter[str] = Counter()
    kept = []
    for key in ranked:
        family = families.get(key, key)
        seen[family] += 1
        if seen[family] <= PER_FAMILY:
            kept.append(key)
    return kept


class _Quality:
    def __init__(self, outcome: Outcome, metric: Metric, reference: Float | None) -> None:
        self._outcome = outcome
        self._metric = metric
        self._reference = reference
        self._tie = METRICS[LIKELIHOOD[outcome.kind.value]]

    def __call__(self, link: Float) -> tuple[float, float]:
        plain = from_link(self._outcome.kind, link[0])
        decided = from_link(self._outcome.kind, link[-1]) if len(link) > 1 else plain
        return tuple(  # type: ignore[return-value]
            _upwards(metric, metric.score(self._outcome, predictions, self._reference))
            for metric, predictions in ((self._metric, decided), (self._tie, plain))
        )


def _upwards(metric: Metric, score: float) -> float:
    if np.isnan(score):
        return -np.inf
    return score if metric.higher_is_better else -score
