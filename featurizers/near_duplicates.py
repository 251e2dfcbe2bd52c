"""Pairs of rows that are nearly alike, found in buckets of equal bands: time and memory are linear in the rows.

Rows whose signatures agree in at least one band fall into one bucket (locality-sensitive hashing, Indyk and Motwani
1998). In a bucket each row is compared with the next ``WINDOW`` rows in the order of their signatures only (the sorted
neighbourhood of Hernández and Stolfo 1995), so that a bucket that holds half of the table stays cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]

WINDOW = 24

Alike = Callable[[Int, Int], NDArray[np.bool_]]


def near_pairs(bands: NDArray[np.uint64], order: NDArray[np.uint64], alike: Alike) -> Int:
    """Pairs of positions (n_pairs, 2), the smaller first, that share a band and are alike; each pair once.

    Args:
        bands: (n_samples, n_bands), keys of the buckets.
        order: (n_samples,), what the rows of a bucket are sorted by; close values are compared first.
        alike: tells for arrays of positions, pair by pair, whether the two rows are alike.
    """
    n = len(bands)
    found: list[Int] = []
    for band in bands.T:
        places = np.lexsort((order, band))
        keys = band[places]
        for step in range(1, min(WINDOW, n - 1) + 1):
            same = np.flatnonzero(keys[:-step] == keys[step:])
            if not len(same):
                break
            one, other = places[same], places[same + step]
            keep = alike(one, other)
            if keep.any():
                found.append(np.sort(np.stack([one[keep], other[keep]], axis=1), axis=1))
    if not found:
        return np.empty((0, 2), dtype=np.int64)
    return np.asarray(np.unique(np.concatenate(found), axis=0), dtype=np.int64)


def clusters_of_pairs(pairs: Int, n: int) -> Int:
    """Cluster of each of ``n`` rows (n,), numbered from 0 by first row: rows joined by pairs share one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    return numbered(labels)


def joined_repeats(clusters: Sequence[Int], n: int) -> Int:
    """Cluster of each of ``n`` rows (n,): rows that share a cluster in any of several clusterings, however indirectly.

    Negative clusters are shared with nobody.
    """
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for labels in clusters:
        known = np.flatnonzero(labels >= 0)
        _, first, inverse = np.unique(labels[known], return_index=True, return_inverse=True)
        pairs.append(np.stack([known[first[inverse]], known], axis=1))
    return clusters_of_pairs(np.concatenate(pairs), n)


def numbered(labels: NDArray[np.generic]) -> Int:
    """Labels (n,) as codes from 0 in the order of their first row."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return np.asarray(rank[inverse], dtype=np.int64)


def repeated(clusters: Int) -> NDArray[np.bool_]:
    """Mask (n,) of the rows that share their cluster; negative clusters are shared with nobody."""
    known = clusters >= 0
    counts = np.bincount(clusters[known], minlength=1)
    mask = np.zeros(len(clusters), dtype=bool)
    mask[known] = counts[clusters[known]] > 1
    return mask


def groups_of(clusters: Int, *, least: int = 2, most: int = 20, members: int = 8) -> list[list[int]]:
    """Positions of the rows of the largest clusters, at most ``most`` of them with ``members`` rows each."""
    shared = np.flatnonzero(repeated(clusters))
    if not len(shared):
        return []
    by_cluster = shared[np.argsort(clusters[shared], kind="stable")]
    codes, start, size = np.unique(clusters[by_cluster], return_index=True, return_counts=True)
    largest = np.lexsort((codes, -size))[:most]
    return [by_cluster[start[i] : start[i] + min(size[i], members)].tolist() for i in largest if size[i] >= least]
