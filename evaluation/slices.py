"""Slices of rows that a model is worse on than on the others, and how sure that is.

Slices are single conditions and pairs of conditions (Chung et al., Automated data slicing for model validation, 2019:
SliceFinder). All pairs are counted at once by products of matrices (Sagadeeva and Boehm, SliceLine, 2021), so that
the correction for many tests knows every slice that was looked at.

A slice is tested by the losses of its rows against those of the others, one-sided: the p-value is the larger one of
Welch's t and of the permutation variance, of which the former is too sure where losses of few rows are alike and the
latter where they are skewed; with groups it is at least that of whole groups (cluster-robust). A pair must be worse
also than the other rows of either condition alone, or it says nothing new. P-values are corrected by Benjamini and
Hochberg (1995), half of the weight on single conditions and half on pairs (Genovese, Roeder and Wasserman, False
discovery control with p-value weighting, 2006), so that the many pairs do not drown single conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_ROWS = 20  # of a slice; and as many outside it
LEAST_SHARE = 0.01
LEAST_GROUPS = 5
MAX_SLICES = 12
ALIKE = 0.5  # share of common rows (Jaccard) from which a slice is another name of one that was found
STILL_WORSE = 0.05  # p-value of the rows of a slice outside of those found before, from which they say nothing new
ROWS_AT_ONCE = 8192
SCREEN = 0.01  # p-values above are not tested by whole groups


@dataclass(frozen=True)
class Slice:
    """Rows that meet all of ``conditions`` (positions, one or two), with a mean loss above that of the others.

    ``rows`` are positions, ``p_value`` is before, ``q_value`` after the correction for all slices looked at; ``also``
    are slices of much the same rows.
    """

    conditions: tuple[int, ...]
    rows: Int
    mean_loss: float
    rest_loss: float
    p_value: float
    q_value: float
    also: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class SliceSearch:
    """The slices found, the surest first; how many were looked at; the level of false discoveries allowed."""

    slices: tuple[Slice, ...]
    n_looked_at: int
    level: float


def least_rows(n_samples: int) -> int:
    """How many rows a slice must have."""
    return max(LEAST_ROWS, int(np.ceil(LEAST_SHARE * n_samples)))


def find_slices(
    masks: Bools, losses: Float, *, groups: Int | None = None, level: float = 0.05, max_slices: int = MAX_SLICES
) -> SliceSearch:
    """Slices whose rows have larger losses than the others.

    Args:
        masks: (n_samples, n_conditions) which rows meet a condition.
        losses: (n_samples,) of a kind that is natural to the task, lower is better.
        groups: (n_samples,) codes of rows that hang together, -1 for none.
        level: the share of false ones that is allowed among those found, on average.
        max_slices: at most so many are returned.

    Raises:
        InputError: if shapes differ or a loss is not finite.
    """
    if masks.ndim != 2 or losses.shape != (len(masks),) or (groups is not None and groups.shape != losses.shape):
        raise InputError(
            f"Slices need masks (n_samples, n_conditions), and losses and groups (n_samples,), but got {masks.shape}, "
            f"{losses.shape}{'' if groups is None else f' and {groups.shape}'}."
        )
    if not np.isfinite(losses).all():
        raise InputError(f"Slices need finite losses, but {int((~np.isfinite(losses)).sum())} are not.")
    if not masks.size or not np.ptp(losses) > 0:
        return SliceSearch((), 0, level)
    test = _Tests.of(masks, losses, groups)
    found, n = test.significant(level)
    return SliceSearch(tuple(_without_repeats(test, found)[:max_slices]), n, level)


@dataclass(frozen=True)
class _Sums:
    """Number of rows, sum and sum of squares of the losses of some slices; arrays of one shape."""

    n: Float
    total: Float
    square: Float

    def less(self, other: _Sums) -> _Sums:
        return _Sums(self.n - other.n, self.total - other.total, self.square - other.square)


@dataclass(frozen=True)
class _Tests:
    masks: Bools
    losses: Float  # standardised
    raw: Float
    groups: Int | None
    single: _Sums
    pairs: _Sums
    first: Int  # positions of the conditions of each pair
    second: Int

    @classmethod
    def of(cls, masks: Bools, raw: Float, groups: Int | None) -> _Tests:
        losses = (raw - raw.mean()) / raw.std()
        m = masks.shape[1]
        n, total, square = (np.zeros((m, m)) for _ in range(3))
        for start in range(0, len(masks), ROWS_AT_ONCE):
            some = masks[start : start + ROWS_AT_ONCE].astype(np.float64)
            loss = losses[start : start + ROWS_AT_ONCE, None]
            n += some.T @ some
            total += some.T @ (some * loss)
            square += some.T @ (some * loss**2)
        first, second = np.triu_indices(m, 1)
        single = _Sums(np.diag(n).copy(), np.diag(total).copy(), np.diag(square).copy())
        pairs = _Sums(n[first, second], total[first, second], square[first, second])
        if groups is not None:
            lone = groups < 0
            groups = np.where(lone, groups.max(initial=-1) + np.cumsum(lone), groups)
            groups = np.unique(groups, return_inverse=True)[1]
        return cls(masks, losses, raw, groups, single, pairs, first, second)

    def rows(self, conditions: tuple[int, ...]) -> Bools:
        return np.asarray(self.masks[:, list(conditions)].all(axis=1))

    def significant(self, level: float) -> tuple[list[Slice], int]:
        """All slices that are worse at the level, by how sure they are against all other rows."""
        from scipy.stats import false_discovery_control

        n = len(self.losses)
        least = least_rows(n)
        everything = _Sums(np.array(float(n)), np.array(self.losses.sum()), np.array((self.losses**2).sum()))
        usable = (self.single.n >= least) & (n - self.single.n >= least)
        ones = np.flatnonzero(usable)
        kept = (self.pairs.n >= least) & usable[self.first] & usable[self.second]
        twos = np.flatnonzero(kept & (n - self.pairs.n >= least))
        n_tests = len(ones) + len(twos)
        if not n_tests:
            return [], 0
        single = _p_value(_at(self.single, ones), everything.less(_at(self.single, ones)))
        inside = _at(self.pairs, twos)
        against = [_p_value(inside, everything.less(inside))]
        for side in (self.first, self.second):
            rest = _at(self.single, side[twos]).less(inside)
            against.append(np.where(rest.n >= LEAST_ROWS / 2, _p_value(inside, rest), 1.0))
        chosen = [(int(i),) for i in ones] + [(int(self.first[i]), int(self.second[i])) for i in twos]
        p_rest = np.concatenate([single, against[0]])
        p_values = np.concatenate([single, np.max(against, axis=0)])
        if self.groups is not None:
            for i in np.flatnonzero(p_values < SCREEN):
                p_values[i] = max(p_values[i], self._by_groups(chosen[i]))
        weight = np.ones(n_tests)
        if len(ones) and len(twos):
            weight[: len(ones)], weight[len(ones) :] = n_tests / (2 * len(ones)), n_tests / (2 * len(twos))
        q_values = false_discovery_control(np.clip(p_values / weight, 0.0, 1.0))
        found = sorted(np.flatnonzero(q_values <= level), key=lambda i: (p_rest[i], p_values[i]))
        return [self._slice(chosen[i], float(p_values[i]), float(q_values[i])) for i in found], n_tests

    def _slice(self, conditions: tuple[int, ...], p_value: float, q_value: float) -> Slice:
        inside = self.rows(conditions)
        means = float(self.raw[inside].mean()), float(self.raw[~inside].mean())
        return Slice(conditions, np.flatnonzero(inside), *means, p_value, q_value)

    def _by_groups(self, conditions: tuple[int, ...]) -> float:
        """The largest p-value of the slice against the other rows, and of a pair against those of either condition."""
        inside = self.rows(conditions)
        outside = [~inside]
        if len(conditions) > 1:
            outside += [self.masks[:, i] & ~inside for i in conditions]
        return max(self.compare(inside, rest) for rest in outside)

    def compare(self, inside: Bools, outside: Bools) -> float:
        """One-sided p-value of larger losses inside; by whole groups where there are groups."""
        parts = [self.losses[mask] for mask in (inside, outside)]
        sums = [_Sums(np.array(float(len(x))), np.array(x.sum()), np.array((x**2).sum())) for x in parts]
        p_value = float(_p_value(*sums))
        if self.groups is None:
            return p_value
        return max(p_value, _of_groups(self.losses, inside, outside, self.groups))


def _at(sums: _Sums, places: Int) -> _Sums:
    return _Sums(sums.n[places], sums.total[places], sums.square[places])


def _p_value(inside: _Sums, outside: _Sums) -> Float:
    """One-sided: the larger one of Welch's t and of the variance of a permutation."""
    from scipy.stats import t as student

    with np.errstate(divide="ignore", invalid="ignore"):
        mean = [part.total / part.n for part in (inside, outside)]
        spread = [
            np.maximum(part.square - part.n * m**2, 0.0) / (part.n - 1)
            for part, m in zip((inside, outside), mean, strict=True)
        ]
        errors = [v / part.n for v, part in zip(spread, (inside, outside), strict=True)]
        apart, error = mean[0] - mean[1], errors[0] + errors[1]
        freedom = error**2 / (errors[0] ** 2 / (inside.n - 1) + errors[1] ** 2 / (outside.n - 1))
        welch = student.sf(apart / np.sqrt(error), np.where(np.isfinite(freedom), freedom, 1.0))
        n = inside.n + outside.n
        common = (inside.square + outside.square - (inside.total + outside.total) ** 2 / n) / (n - 1)
        permuted = student.sf(apart / np.sqrt(np.maximum(common, 0.0) * (1 / inside.n + 1 / outside.n)), n - 2)
    p_value = np.maximum(np.where(error > 0, welch, 0.0), permuted)
    return np.asarray(np.where(np.isfinite(p_value) & (apart > 0), p_value, 1.0))


def _of_groups(losses: Float, inside: Bools, outside: Bools, groups: Int) -> float:
    """By the spread of the groups' sums around the means: cluster-robust (Liang and Zeger, 1986)."""
    from scipy.stats import t as student

    n_groups = [len(np.unique(groups[mask])) for mask in (inside, outside)]
    if min(n_groups) < LEAST_GROUPS:
        return 1.0
    means = [float(losses[mask].mean()) for mask in (inside, outside)]
    influence = np.zeros(len(losses))
    for mask, mean, sign in zip((inside, outside), means, (1.0, -1.0), strict=True):
        influence[mask] = sign * (losses[mask] - mean) / mask.sum()
    sums = np.bincount(groups, influence)
    n = min(n_groups)
    error = np.sqrt(np.sum(sums**2) * n / (n - 1))
    return float(student.sf((means[0] - means[1]) / error, n - 1)) if error > 0 else 1.0


def _without_repeats(test: _Tests, found: list[Slice]) -> list[Slice]:
    """Slices whose rows outside of those before them are still worse; another name of one before is said there."""
    kept: list[Slice] = []
    also: list[list[tuple[int, ...]]] = []
    covered = np.zeros(len(test.losses), dtype=np.bool_)
    for candidate in found:
        inside = np.zeros(len(covered), dtype=np.bool_)
        inside[candidate.rows] = True
        fresh = inside & ~covered
        others = ~inside & ~covered
        enough = min(int(fresh.sum()), int(others.sum())) >= LEAST_ROWS / 2
        if not kept or (enough and test.compare(fresh, others) < STILL_WORSE):
            kept.append(candidate)
            also.append([])
            covered |= inside
            continue
        overlaps = [len(np.intersect1d(k.rows, candidate.rows)) for k in kept]
        common = [o / (len(k.rows) + len(candidate.rows) - o) for o, k in zip(overlaps, kept, strict=True)]
        best = int(np.argmax(common))
        if common[best] >= ALIKE:
            also[best].append(candidate.conditions)
    return [
        Slice(s.conditions, s.rows, s.mean_loss, s.rest_loss, s.p_value, s.q_value, tuple(names))
        for s, names in zip(kept, also, strict=True)
    ]
