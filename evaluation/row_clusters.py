"""Which rows hang together: clusters of equal content, and of rows joined by groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError

Int = NDArray[np.int64]


def content_clusters(frame: pd.DataFrame, columns: Sequence[str]) -> Int:
    """Cluster of each row (n_samples,), numbered from 0: rows equal in the raw content of all ``columns`` share one.

    Missing values are equal to each other; so are nested values that print alike. Without columns no rows are equal.

    Raises:
        InputError: if a column is missing.
    """
    lacking = [name for name in columns if name not in frame]
    if lacking:
        raise InputError(f"The data lacks the columns {lacking}. It has: {[str(name) for name in frame.columns]}.")
    if not columns:
        return np.arange(len(frame), dtype=np.int64)
    joined = np.zeros(len(frame), dtype=np.int64)
    for name in columns:
        values = frame[name]
        if values.dtype == object:
            values = values.map(_hashable)
        codes = pd.factorize(values)[0].astype(np.int64) + 1
        # Renumbered after each column, so that the product stays far below the limit of int64.
        joined = pd.factorize(joined * (int(codes.max(initial=0)) + 1) + codes)[0].astype(np.int64)
    return joined


def joined_clusters(n: int, groups: NDArray[Any] | None, duplicates: Int | None) -> Int:
    """Cluster of each of ``n`` rows (n,), numbered from 0: connected components of common groups and contents.

    Args:
        n: number of rows.
        groups: (n,) labels; a missing one is a group of its own.
        duplicates: (n,) cluster labels of rows of equal content.

    Raises:
        InputError: if labels have another length, or all rows hang together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    given = {"groups": groups, "duplicates": duplicates}
    edges, n_nodes = [np.zeros((2, 0), dtype=np.int64)], n
    for name, labels in given.items():
        if labels is None:
            continue
        if len(labels) != n:
            raise InputError(f"{name} must have one label for each of the {n} rows, but has {len(labels)}.")
        codes = pd.factorize(pd.Series(labels).map(_hashable))[0]
        there = np.flatnonzero(codes >= 0)
        edges.append(np.stack([there, n_nodes + codes[there]]))
        n_nodes += int(codes.max(initial=-1)) + 1
    pairs = np.concatenate(edges, axis=1)
    graph = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(n_nodes, n_nodes))
    nodes = connected_components(graph, directed=False)[1][:n]
    clusters = np.asarray(pd.factorize(nodes)[0], dtype=np.int64)
    if clusters.max() < 1:
        raise InputError(
            f"All {n} rows belong to one group (or are equal in content), so they cannot be split without a leak. Name "
            "another group column, or none."
        )
    return clusters


def _hashable(value: Any) -> Any:
    if isinstance(value, (str, bytes, int, float)) or value is None or value is pd.NaT or value is pd.NA:
        return value
    return f"{type(value).__name__}: {value.tolist() if isinstance(value, np.ndarray) else value!r}"
