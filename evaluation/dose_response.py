"""How a feature's contribution goes with its value: the strongest factors that an author controls.

A dose-response curve averages the contributions of the rows in each bin of the feature's values. Unlike partial
dependence (Friedman 2001) it moves no row to where no data lie. Like every reading of contributions, it shows what
the model associates with a value, not what a change would bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from artifacts.errors import InputError
from artifacts.schema import Feature, Kind
from evaluation.explain import INTERVAL, Explained

Float = NDArray[np.float64]
MAX_CATEGORIES = 8


@dataclass(frozen=True)
class DoseBin:
    """Rows whose values are alike.

    ``lower``, ``upper`` and ``centre`` (the median) are values of a number, NaN for categories and the missing
    bin; ``label`` names a category. ``role`` is ``value``, ``other`` (rare categories together) or ``missing``.
    ``effect`` is the mean contribution on the link scale with a 90 % bootstrap interval ``low`` to ``high``.
    """

    count: int
    effect: float
    low: float
    high: float
    lower: float = np.nan
    upper: float = np.nan
    centre: float = np.nan
    label: str = ""
    role: str = "value"


@dataclass(frozen=True)
class DoseResponse:
    """The curve of one feature. ``base`` and effects are in ``link_unit``; ``output`` names the class, if any.

    ``share`` is the feature's share of the model's mean absolute contribution.
    """

    feature: Feature
    bins: tuple[DoseBin, ...]
    kind: Kind
    base: float
    link_unit: str
    output: str = ""
    share: float = np.nan

    @property
    def is_category(self) -> bool:
        """Whether the bins are categories."""
        return all(np.isnan(b.centre) for b in self.bins)

    @property
    def on_probability_scale(self) -> bool:
        """Whether effects are log-odds, which ``probability`` and ``odds_ratio`` translate."""
        return self.kind in (Kind.BINARY, Kind.CONVERSION, Kind.MULTILABEL)

    def probability(self, effect: float) -> float:
        """The probability in [0, 1] of a row that is at the base but for this effect.

        Raises:
            InputError: if effects are not log-odds.
        """
        if not self.on_probability_scale:
            raise InputError(f"Effects of kind {self.kind.value!r} are in {self.link_unit}; they have no probability.")
        return float(expit(self.base + effect))

    def points(self, effect: float) -> float:
        """Percentage points by which the effect moves the base probability."""
        return 100.0 * (self.probability(effect) - self.probability(0.0))

    @staticmethod
    def odds_ratio(effect: float) -> float:
        """The factor by which an effect in log-odds multiplies the odds."""
        return float(np.exp(effect))


def dose_response(
    feature: Feature,
    values: NDArray[np.float32],
    contributions: Float,
    weights: Float | None = None,
    *,
    categories: Sequence[str] | None = None,
    n_bins: int = 8,
    n_bootstrap: int = 200,
    seed: int = 0,
) -> tuple[DoseBin, ...]:
    """Mean contribution in bins of a feature's values.

    Args:
        feature: for error texts.
        values: (n,) numbers, NaN or infinite where unknown; or codes into ``categories``, -1 where unknown.
        contributions: (n,) on the link scale.
        weights: (n,) weights of rows in the means; equal by default.
        categories: names of the codes; None for a number.
        n_bins: bins of a number, of about as many rows each; a value that fills a bin has one of its own, and a number
            with no more distinct values has one for each.
        n_bootstrap: resamplings behind each interval.
        seed: of these.

    Returns:
        Bins in order of value, or categories from the strongest effect to the weakest; ``other`` and ``missing``
        come last. Empty bins are left out.

    Raises:
        InputError: if the shapes differ.
    """
    weights = np.ones(len(values)) if weights is None else weights
    if not values.shape == contributions.shape == weights.shape == (len(values),):
        raise InputError(
            f"Dose-response of {feature.name!r} needs values, contributions and weights of one shape (n,), "
            f"but got {values.shape}, {contributions.shape} and {weights.shape}."
        )
    make = _BinMaker(contributions, weights, n_bootstrap, np.random.default_rng(seed))
    known = np.isfinite(values) if categories is None else values >= 0
    bins = _of_number(values, known, n_bins, make) if categories is None else _of_categories(values, categories, make)
    if not known.all():
        bins.append(make(~known, role="missing"))
    return tuple(bins)


@dataclass(frozen=True)
class _BinMaker:
    contributions: Float
    weights: Float
    n_bootstrap: int
    rng: np.random.Generator

    def __call__(self, rows: NDArray[np.bool_], **what: Any) -> DoseBin:
        parts = self.contributions[rows], self.weights[rows]
        effect, low, high = _mean_interval(*parts, self.n_bootstrap, self.rng)
        return DoseBin(int(rows.sum()), effect, low, high, **what)


def _of_number(values: NDArray[np.float32], known: NDArray[np.bool_], n_bins: int, make: _BinMaker) -> list[DoseBin]:
    bins = []
    for rows in _number_bins(values, known, n_bins):
        inside = values[rows].astype(np.float64)
        centre = float(np.median(inside))
        bins.append(make(rows, lower=float(inside.min()), upper=float(inside.max()), centre=centre))
    return bins


def _of_categories(values: NDArray[np.float32], categories: Sequence[str], make: _BinMaker) -> list[DoseBin]:
    """The most frequent categories, from the largest effect to the smallest, and all others together."""
    codes, counts = np.unique(values[values >= 0].astype(np.int64), return_counts=True)
    shown = codes[np.argsort(-counts, kind="stable")][:MAX_CATEGORIES]
    bins = [make(values == code, label=str(categories[code])) for code in shown]
    bins.sort(key=lambda b: -b.effect)
    rest = (values >= 0) & ~np.isin(values, shown)
    return [*bins, make(rest, role="other")] if rest.any() else bins


def _number_bins(values: NDArray[np.float32], known: NDArray[np.bool_], n_bins: int) -> list[NDArray[np.bool_]]:
    """Masks of rows (n,) per bin, lowest values first."""
    if not known.any():
        return []
    distinct, counts = np.unique(values[known], return_counts=True)
    if len(distinct) <= n_bins:
        return [values == value for value in distinct]
    # Plain quantiles would put a value that half of the rows share (0 photos, 0 emoji) into one bin with everything
    # else; so bins are filled value by value, and what is left is shared out anew after each.
    smallest, left, filled = counts.sum() / (4 * n_bins), float(counts.sum()), 0.0
    uppers: list[np.float32] = []
    for i, count in enumerate(counts):
        size = max(left / max(1, n_bins - len(uppers)), smallest)
        if filled >= size / 2 and count >= size:
            uppers.append(distinct[i - 1])
            left, filled = left - filled, 0.0
        filled += count
        if filled >= size * (1 - 1e-9):
            uppers.append(distinct[i])
            left, filled = left - filled, 0.0
    place = np.where(known, np.searchsorted(np.array(uppers), values, side="left"), -1)
    return [place == i for i in range(len(uppers) + 1) if (place == i).any()]


def _mean_interval(
    values: Float, weights: Float, n_bootstrap: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Weighted mean and its 90 % bootstrap interval."""
    n = len(values)
    draws = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap) * weights
    mass = draws.sum(axis=1)
    mean = float(weights @ values / weights.sum())
    means = (draws @ values)[mass > 0] / mass[mass > 0]
    low, high = np.percentile(means, INTERVAL)
    return mean, min(float(low), mean), max(float(high), mean)


def dose_responses(
    explained: Explained, *, n: int = 6, only_actionable: bool = True, seed: int = 0
) -> tuple[DoseResponse, ...]:
    """Curves of the ``n`` readable features with the largest share, strongest first.

    For several outputs, a feature's curve is that of the class in which it contributes most on average.
    Features that the model does not use have no curve. Fewer than ``n`` come back where there are no more.
    """
    fine = explained.levels["feature"]
    strength = explained.weight @ explained.magnitude["feature"]
    total = float(strength.sum())
    curves: list[DoseResponse] = []
    for position in np.argsort(-strength, kind="stable"):
        group = fine.groups[position]
        if strength[position] <= 0 or len(curves) == n:
            break
        if not group.opaque and (group.actionable or not only_actionable):
            curves.append(_curve(explained, int(position), strength[position] / total, seed))
    return tuple(curves)


def _curve(explained: Explained, position: int, share: float, seed: int) -> DoseResponse:
    group = explained.levels["feature"].groups[position]
    feature = explained.table.features[group.feature]
    rows = np.arange(explained.n_kept)
    block = next(b for b in explained.table.blocks if any(f.name == feature.name for f in b.features))
    column = next(i for i, f in enumerate(block.features) if f.name == feature.name)
    kept = explained.kept[position].astype(np.float64)
    weights = explained.weight[rows]
    output = int(np.argmax(weights @ np.abs(kept)))
    values, effects = block.gather(rows)[:, column], kept[:, output]
    bins = dose_response(feature, values, effects, weights, categories=block.categories, seed=seed)
    label = explained.classes[output] if kept.shape[1] > 1 and explained.classes else ""
    return DoseResponse(feature, bins, explained.kind, float(explained.base[output]), explained.unit, label, share)
