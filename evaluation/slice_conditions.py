"""Conditions that rows meet, in words for people: what slices are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Feature, Kind, Title

Bools = NDArray[np.bool_]

MAX_CONDITIONS = 400  # so that at most 80,000 pairs of them are looked at
FEW_VALUES = 6  # a number with no more distinct values has a condition for each
MOST_AXES = 32  # main axes of an embedding that clusters are made over
ROWS_A_CLUSTER, MOST_CLUSTERS = 60, 12
MOST_FITTED = 20_000  # rows that clusters are learned from
ROWS_AT_ONCE = 8192
FLAG = "0/1"


@dataclass(frozen=True)
class Condition:
    """One condition on a row.

    ``what`` is ``value`` (a category), ``equal`` (a number), ``low``, ``middle`` or ``high`` (a third of a number's
    rows), ``yes`` or ``no`` (a flag), ``missing`` (a feature), ``absent`` (a whole source, such as no photo), ``class``
    or ``label`` (of the target) or ``cluster`` (of an embedding). ``title`` is the feature's, ``value`` the category,
    class, label or number of the cluster, ``low`` and ``high`` the ends of a number in these rows.
    """

    what: str
    source: str
    title: Title
    value: str = ""
    low: float = np.nan
    high: float = np.nan
    unit: str = ""


@dataclass(frozen=True)
class Conditions:
    """Conditions and which rows meet them, ``masks`` (n_samples, n_conditions); ``left_out`` counts those beyond the
    limit.
    """

    conditions: tuple[Condition, ...]
    masks: Bools
    left_out: int = 0


def conditions_of(table: FeatureTable, outcome: Outcome, least: int, seed: int) -> Conditions:
    """Every condition that at least ``least`` rows meet and as many do not; of equal masks the first.

    In the order: absent sources, classes or labels of the target, categories, clusters of embeddings (k-means over main
    axes; the more rows, the more clusters), thirds of readable numbers. Those beyond ``MAX_CONDITIONS`` are left out.

    Args:
        table: features of the rows.
        outcome: targets of the same rows.
        least: rows.
        seed: of the clusters.
    """
    found: list[Condition] = []
    masks: list[Bools] = []
    seen: set[bytes] = set()
    left_out = 0
    for condition, mask in _all(table, outcome, seed):
        key = np.packbits(mask).tobytes()
        if key in seen or not least <= int(mask.sum()) <= len(mask) - least:
            continue
        seen.add(key)
        if len(found) >= MAX_CONDITIONS:
            left_out += 1
            continue
        found.append(condition)
        masks.append(mask)
    stacked = np.column_stack(masks) if masks else np.zeros((outcome.n_samples, 0), dtype=np.bool_)
    return Conditions(tuple(found), stacked, left_out)


def _all(table: FeatureTable, outcome: Outcome, seed: int) -> Iterator[tuple[Condition, Bools]]:
    opaque = [block for block in table.blocks if block.is_opaque and block.n_samples]
    for block in opaque:
        absent = np.concatenate([np.isnan(block.gather(rows)).all(axis=1) for rows in _pieces(block.n_samples)])
        yield Condition("absent", block.source, Title.of(None, block.source)), absent
    yield from _of_target(outcome)
    for block in table.blocks:
        if block.categories is not None:
            yield from _of_category(block, block.features[0])
    for block in opaque:
        yield from _of_embedding(block, seed)
    for block in table.blocks:
        if block.categories is None:
            values = block.values
            for i, feature in enumerate(block.features):
                if not feature.opaque:
                    yield from _of_number(feature, values[:, i].astype(np.float64))


def _of_target(outcome: Outcome) -> Iterator[tuple[Condition, Bools]]:
    title = Title("target", "цель")
    if outcome.kind in (Kind.BINARY, Kind.MULTICLASS):
        codes = outcome.y.astype(np.int64)
        for i in range(outcome.n_known):
            yield Condition("class", "", title, str(outcome.classes[i])), np.equal(codes, i)
    elif outcome.kind is Kind.MULTILABEL:
        for i in range(outcome.n_known):
            yield Condition("label", "", title, str(outcome.classes[i])), np.asarray(outcome.y[:, i] > 0)


def _of_category(block: Block, feature: Feature) -> Iterator[tuple[Condition, Bools]]:
    assert block.categories is not None
    codes = block.values[:, 0].astype(np.int64)
    yield Condition("missing", block.source, feature.title), codes < 0
    for code in np.unique(codes[codes >= 0]):
        yield Condition("value", block.source, feature.title, block.categories[code]), codes == code


def _of_number(feature: Feature, values: NDArray[np.float64]) -> Iterator[tuple[Condition, Bools]]:
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    if feature.unit == FLAG:
        for number, what in ((0.0, "no"), (1.0, "yes")):
            yield Condition(what, feature.source, feature.title), known & (values == number)
    elif len(distinct) <= FEW_VALUES:
        for number in distinct:
            ends = float(number), float(number)
            yield Condition("equal", feature.source, feature.title, "", *ends, feature.unit), values == number
    else:
        first, second = np.quantile(values[known], [1 / 3, 2 / 3], method="lower")
        thirds = {"low": values <= first, "middle": (values > first) & (values <= second), "high": values > second}
        for what, mask in thirds.items():
            inside = values[known & mask]
            if len(inside):
                ends = float(inside.min()), float(inside.max())
                yield Condition(what, feature.source, feature.title, "", *ends, feature.unit), known & mask
    yield Condition("missing", feature.source, feature.title), ~known


def _of_embedding(block: Block, seed: int) -> Iterator[tuple[Condition, Bools]]:
    """K-means over the main axes of rows that have the embedding, one cluster for about 60 rows up to twelve."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    known = np.concatenate([rows[np.isfinite(block.gather(rows)).all(axis=1)] for rows in _pieces(block.n_samples)])
    n_clusters = min(MOST_CLUSTERS, len(known) // ROWS_A_CLUSTER)
    if n_clusters < 2:
        return
    some = block.gather(known[np.random.default_rng(seed).permutation(len(known))[:MOST_FITTED]])
    if not np.ptp(some, axis=0).any():
        return
    axes = PCA(min(MOST_AXES, some.shape[1], len(some) - 1), svd_solver="randomized", random_state=seed)
    means = KMeans(n_clusters, n_init=4, random_state=seed).fit(axes.fit_transform(some))
    cluster = np.full(block.n_samples, -1)
    for piece in _pieces(len(known)):
        cluster[known[piece]] = means.predict(axes.transform(block.gather(known[piece])))
    for i in range(n_clusters):
        title = Title.of(None, block.featurizer)
        yield Condition("cluster", block.source, title, str(i + 1)), cluster == i


def _pieces(n: int) -> Iterator[NDArray[np.int64]]:
    """Positions, of few rows at a time: embeddings of many rows are large."""
    for start in range(0, n, ROWS_AT_ONCE):
        yield np.arange(start, min(start + ROWS_AT_ONCE, n))
