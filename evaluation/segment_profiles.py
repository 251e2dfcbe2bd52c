"""What the model leans on in each segment of the rows: those with one value of a categorical column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from artifacts.errors import InputError
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Title
from evaluation.explain import Explained
from evaluation.profiles import Bools, Float, Int, Profiles, shares_of

MOST_SEGMENTS = 12  # the largest; the rows of the others are one
LEAST_ROWS = 20  # of a segment
MOST_COLUMNS = 60  # that are looked at for differences
N_SHUFFLES = 200
LEVEL = 0.05
OTHER, MISSING = "other", "missing"


@dataclass(frozen=True)
class SegmentProfiles:
    """Segments by the values of one feature, the largest first.

    ``roles`` says of each part whether it is a ``value``, all the ``other`` small ones or ``missing``. ``clear``
    (n_parts, n_sources) marks shares that differ from those of all rows by more than chance, over all of them.
    ``p_value`` is that of the column's differences as a whole, corrected for the ``n_columns`` that were looked at.
    """

    column: str
    title: Title
    source: str
    profiles: Profiles
    roles: tuple[str, ...]
    clear: Bools
    p_value: float
    n_columns: int
    unit: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        segments = [
            {**one, "role": role, "clear": [s for s, sure in zip(self.profiles.sources, clear, strict=True) if sure]}
            for one, role, clear in zip(self.profiles.to_json(), self.roles, self.clear, strict=True)
        ]
        return {"column": self.column, "p_value": self.p_value, "columns": self.n_columns, "segments": segments}


@dataclass(frozen=True)
class _Cut:
    """Rows cut by one column: ``codes`` (n_rows,) are positions in ``names``."""

    block: Block
    names: tuple[str, ...]
    roles: tuple[str, ...]
    codes: Int


def segment_columns(table: FeatureTable) -> tuple[str, ...]:
    """Columns that rows can be cut by: categories of which two values, at least, have enough rows."""
    return tuple(cut.block.features[0].name for cut in _cuts(table))


def named_column(table: FeatureTable, column: str) -> str:
    """The categorical feature that is called so, or that is the first of the source column that is called so.

    Raises:
        InputError: if the rows cannot be cut by it.
    """
    return _named(list(_cuts(table)), column).block.features[0].name


def segment_profiles(explained: Explained, column: str | None = None, *, seed: int = 0) -> SegmentProfiles | None:
    """Profiles of the segments of one column.

    Whether segments differ is told by shuffles: of rows, the same for all columns, so that the best of many columns is
    held against the best of as many by chance (Westfall and Young, Resampling-based multiple testing, 1993). What a
    column itself contributes counts for nothing there, since it differs by its values anyhow.

    Args:
        explained: explained rows.
        column: a categorical source column, a feature, or a key of a nested column; None takes the one whose segments
            differ most, if any do by more than chance.
        seed: of the shuffles.

    Raises:
        InputError: if rows cannot be cut by the column.
    """
    cuts = list(_cuts(explained.table))
    if column is not None:
        cuts = [_named(cuts, column)]
    elif not cuts:
        return None
    rng = np.random.default_rng(seed)
    n = explained.table.n_samples
    orders = [np.arange(n), *(rng.permutation(n) for _ in range(N_SHUFFLES))]
    size = explained.weight[:, None] * explained.magnitude["source"]
    found = np.array([_differences(cut, size, _others(explained, cut), orders) for cut in cuts])
    excess = found - found[:, 1:].mean(axis=1, keepdims=True)
    spread = found[:, 1:].std(axis=1, ddof=1, keepdims=True)
    z = np.divide(excess, spread, out=np.zeros_like(excess), where=spread > 0)
    best = z[:, 1:].max(axis=0)  # of each shuffle, over the columns
    p_values = (1 + (best >= z[:, :1]).sum(axis=1)) / (1 + N_SHUFFLES)
    chosen = int(np.argmax(np.where(p_values <= LEVEL, excess[:, 0], -np.inf)))
    if column is None and p_values[chosen] > LEVEL:
        return None
    return _profiles(explained, cuts[chosen], size, orders, float(p_values[chosen]), len(cuts))


def _named(cuts: list[_Cut], column: str) -> _Cut:
    for cut in cuts:
        name = cut.block.features[0].name
        if column in (name, cut.block.source, name.removeprefix(f"{cut.block.source}__")):
            return cut
    known = [cut.block.features[0].name for cut in cuts]
    raise InputError(
        f"The scored rows cannot be cut into segments by {column!r}. That takes a categorical column of the model "
        f"with {LEAST_ROWS} rows or more of two values. There are: {known}."
    )


def _cuts(table: FeatureTable) -> Iterator[_Cut]:
    n_found = 0
    for block in table.blocks:
        if block.categories is None or n_found == MOST_COLUMNS:
            continue
        codes = block.values[:, 0].astype(np.int64)
        counts = np.bincount(codes[codes >= 0], minlength=len(block.categories))
        large = [int(code) for code in np.argsort(-counts, kind="stable")[:MOST_SEGMENTS] if counts[code] >= LEAST_ROWS]
        if len(large) < 2:
            continue
        place = np.full(len(block.categories) + 1, len(large))  # the last is that of the code -1
        place[large], place[-1] = np.arange(len(large)), len(large) + 1
        own, names = place[codes], [*(block.categories[code] for code in large), "", ""]
        roles = [*("value" for _ in large), OTHER, MISSING]
        there, own = np.unique(own, return_inverse=True)
        n_found += 1
        yield _Cut(block, tuple(names[i] for i in there), tuple(roles[i] for i in there), own)


def _others(explained: Explained, cut: _Cut) -> Int:
    """Positions of the sources other than the column's own."""
    names = explained.levels["source"].names
    return np.array([i for i, name in enumerate(names) if name != cut.block.source], dtype=np.int64)


def _sizes(cut: _Cut, size: Float, order: Int) -> Float:
    """Summed sizes (n_parts, n_sources) of the segments of rows in another order; no segment is empty."""
    by_segment = np.argsort(order)[np.argsort(cut.codes, kind="stable")]
    first = np.cumsum(np.bincount(cut.codes)) - np.bincount(cut.codes)
    return np.asarray(np.add.reduceat(size[by_segment], first, axis=0))


def _differences(cut: _Cut, size: Float, others: Int, orders: list[Int]) -> Float:
    """How much of the contributions changes hands between segments and all rows, for each order (n_orders,)."""
    size = size[:, others]
    overall = shares_of(size.sum(axis=0))
    result = []
    for order in orders:
        sums = _sizes(cut, size, order)
        moved = 0.5 * np.abs(shares_of(sums) - overall).sum(axis=1)
        result.append(float(moved @ sums.sum(axis=1)) / max(float(sums.sum()), 1e-300))
    return np.array(result)


def _profiles(
    explained: Explained, cut: _Cut, size: Float, orders: list[Int], p_value: float, n_columns: int
) -> SegmentProfiles:
    from scipy.stats import false_discovery_control, norm

    overall = shares_of(size.sum(axis=0))
    shares = np.stack([shares_of(_sizes(cut, size, order)) for order in orders])
    spread = shares[1:].std(axis=0, ddof=1)
    z = np.divide(shares[0] - shares[1:].mean(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    clear = false_discovery_control(2 * norm.sf(np.abs(z)).ravel()).reshape(z.shape) <= LEVEL
    n_rows = np.bincount(cut.codes, minlength=len(cut.names))
    effect = np.full(shares[0].shape, np.nan)
    if explained.signed is not None:
        weight = np.bincount(cut.codes, explained.weight, minlength=len(cut.names))[:, None]
        sums = _sizes(cut, explained.weight[:, None] * explained.signed, orders[0])
        effect = np.divide(sums, weight, out=effect, where=weight > 0)
    sources = explained.levels["source"].names
    profiles = Profiles(cut.names, n_rows, sources, shares[0], overall, effect)
    feature = cut.block.features[0]
    return SegmentProfiles(
        feature.name,
        feature.title,
        feature.source,
        profiles,
        cut.roles,
        np.asarray(clear),
        p_value,
        n_columns,
        explained.unit,
    )
