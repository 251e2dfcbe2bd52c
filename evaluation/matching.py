"""Rows with and without a property, matched by what else a model knows of them: what was observed, beside advice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from artifacts.advice_report import Observed

Float = NDArray[np.float64]

WIDTH = 0.15  # of the ranks around a value, that count as rows that have it
LEAST = 10  # rows on either side
CALIPER = 0.25  # standard deviations of the rest of the score by which a pair may differ
N_BOOTSTRAP = 500
INTERVAL = (5.0, 95.0)


def matched_difference(
    values: Float, before: float, after: float, rest: Float, outcome: Float, weight: Float, *, seed: int = 0
) -> Observed:
    """Mean outcome of rows near ``after`` less that of rows near ``before`` which the rest of the score makes alike.

    Each row near ``after`` is paired with the row near ``before`` whose rest of the score is nearest, if it is near
    enough: matching on the prognostic score (Hansen, The prognostic analogue of the propensity score, 2008).

    Args:
        values: (n_samples,) the property; NaN where it is not known.
        before: the value that a row has.
        after: the value that it would have.
        rest: (n_samples,) score without the contribution of the property's source.
        outcome: (n_samples,) on the natural scale.
        weight: (n_samples,), such as trials.
        seed: of the bootstrap.

    Returns:
        No pairs (``n`` 0) where too few rows are near either value, or near enough to each other.
    """
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(rest) & np.isfinite(outcome) & (weight > 0))
    if len(known) < 2 * LEAST or not np.isfinite([before, after]).all():
        return Observed()
    ordered = np.sort(values[known])
    middle = (np.searchsorted(ordered, values[known], "left") + np.searchsorted(ordered, values[known], "right")) / 2
    places = [(np.searchsorted(ordered, x, "left") + np.searchsorted(ordered, x, "right")) / 2 for x in (before, after)]
    width = min(WIDTH * len(known), abs(places[1] - places[0]) / 2)
    without, with_it = (known[np.abs(middle - place) <= width] for place in places)
    without = np.setdiff1d(without, with_it)
    if min(len(without), len(with_it)) < LEAST:
        return Observed()
    order = without[np.argsort(rest[without], kind="stable")]
    right = np.clip(np.searchsorted(rest[order], rest[with_it]), 1, len(order) - 1)
    left = right - 1
    nearer = np.abs(rest[order[left]] - rest[with_it]) <= np.abs(rest[order[right]] - rest[with_it])
    nearest = rest[order][np.where(nearer, left, right)]
    first, end = (np.searchsorted(rest[order], nearest, side) for side in ("left", "right"))
    rng = np.random.default_rng(seed)
    partner = order[rng.integers(first, end)]  # of equal ones any, not always the same
    near = np.abs(rest[partner] - rest[with_it]) <= CALIPER * max(float(rest[known].std()), 1e-12)
    if len(np.unique(partner[near])) < LEAST:
        return Observed()
    with_it, partner = with_it[near], partner[near]
    # A difference is as sure as the less sure of its two rows.
    mass = 1.0 / (1.0 / weight[with_it] + 1.0 / weight[partner])
    difference = outcome[with_it] - outcome[partner]
    low, high = np.percentile(_drawn_means(difference, mass, partner, rng), INTERVAL)
    return Observed(len(difference), float(mass @ difference / mass.sum()), float(low), float(high))


def _drawn_means(difference: Float, mass: Float, partner: NDArray[np.int64], rng: np.random.Generator) -> Float:
    """Weighted means of pairs (n_pairs,) drawn anew, all pairs of one partner together: they share its luck."""
    _, of_partner = np.unique(partner, return_inverse=True)
    n = int(of_partner.max()) + 1
    masses, sums = (np.bincount(of_partner, values, n) for values in (mass, mass * difference))
    draws = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAP)
    return np.asarray(draws @ sums / (draws @ masses))
