"""Clusters of rows in a space of features: spaces, reduction, k-means and HDBSCAN, and a test against one blob."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError, MissingDependencyError

Float = NDArray[np.float64]
Int = NDArray[np.int64]
REDUCTIONS = ("pca", "tsne", "umap")
METHODS = ("kmeans", "hdbscan")
NOISE = -1  # the cluster of rows that HDBSCAN puts in none
MIN_ROWS = 10
MAX_AUTO_CLUSTERS = 15
MAX_CODES = 50  # of a category, the most frequent
AXES = {"kmeans": 50, "hdbscan": 10}  # density means little in many dimensions
TRIED_ROWS = 1500  # on which numbers of clusters, and blobs, are tried
N_BLOBS = 19  # the least number that can refute one blob at 5 %


@dataclass(frozen=True)
class BlockValues:
    """Values (n_samples, n_features) of one block: quantities, codes of a category (-1: missing), or an embedding."""

    name: str
    view: str
    values: NDArray[np.float32]
    is_category: bool = False
    is_opaque: bool = False


@dataclass(frozen=True)
class Clusters:
    """Cluster of each row (n_samples,), numbered from 0 by size, ``NOISE`` for none.

    ``silhouette`` is the mean over rows in clusters (Rousseeuw, 1987), NaN with fewer than two clusters;
    ``row_silhouettes`` are (n_samples,), NaN for noise. ``blob_silhouette`` is the mean silhouette that the same method
    finds in draws of one Gaussian with the variances of the space, and ``p_value`` the share of these that are as clear
    (the idea of SigClust, Liu et al., 2008); both are NaN where the space is not made of main axes.
    """

    labels: Int
    silhouette: float
    row_silhouettes: Float
    blob_silhouette: float = float("nan")
    p_value: float = float("nan")

    @property
    def n_clusters(self) -> int:
        """Number of clusters, noise not counted."""
        return int(self.labels.max(initial=-1)) + 1


def single_space(block: BlockValues) -> Float:
    """One block as points (n_samples, n_dimensions): embeddings centred, quantities standardised, categories one-hot.

    Missing values are means; constant columns are left out.

    Raises:
        InputError: if nothing in it varies.
    """
    values = _one_hot(block.values[:, 0]) if block.is_category else np.asarray(block.values, dtype=np.float64)
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, values, 0.0).sum(axis=0) / counts
    values = np.where(known, values, means) - means
    deviations = values.std(axis=0)
    varies = deviations > 1e-9 * np.maximum(np.abs(means), 1e-3)
    if not varies.any():
        raise InputError(f"Nothing in block {block.name!r} varies over these rows. Name another block, or 'fused'.")
    scaled = values[:, varies] if block.is_opaque else values[:, varies] / deviations[varies]
    return np.asarray(scaled, dtype=np.float64)


def fused_space(blocks: Sequence[BlockValues]) -> Float:
    """All blocks as points (n_samples, n_dimensions); each view has the same variance, and each block within its view.

    Raises:
        InputError: if nothing varies.
    """
    parts: dict[str, list[Float]] = {}
    for block in blocks:
        try:
            values = single_space(block)
        except InputError:
            continue  # a constant block tells no rows apart, and the others stay
        parts.setdefault(block.view, []).append(values / math.sqrt(float(values.var(axis=0).sum())))
    if not parts:
        raise InputError("Nothing in these blocks varies over these rows, so there are no clusters to look for.")
    return np.hstack([values / math.sqrt(len(of_view)) for of_view in parts.values() for values in of_view])


def reduce_space(values: Float, method: str, n_axes: int, seed: int) -> Float:
    """Points (n_samples, at most ``n_axes``): main axes (``pca``), or a map by ``tsne`` or ``umap`` of fifty of them.

    Raises:
        InputError: if the method is unknown, or there are fewer than ``MIN_ROWS`` rows.
        MissingDependencyError: if UMAP is asked for and umap-learn is not installed.
    """
    from sklearn.decomposition import PCA

    if method not in REDUCTIONS:
        raise InputError(f"Unknown reduction {method!r}. Known: {list(REDUCTIONS)}.")
    if method == "umap" and find_spec("umap") is None:
        raise MissingDependencyError(
            "The reduction 'umap' needs the package 'umap-learn', which is not installed. Install it with: "
            "pip install umap-learn, or take 'pca' or 'tsne'."
        )
    n_samples = len(values)
    if n_samples < MIN_ROWS:
        raise InputError(f"Clusters need {MIN_ROWS} rows at least, but there are {n_samples}.")
    wanted = n_axes if method == "pca" else max(AXES.values())
    axes = PCA(min(wanted, n_samples - 1, values.shape[1]), random_state=seed).fit_transform(values)
    if method == "pca":
        return np.asarray(axes, dtype=np.float64)
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (n_samples - 1) / 3)
        placed = TSNE(2, perplexity=perplexity, init="random", random_state=seed).fit_transform(axes)
    else:
        import umap

        placed = umap.UMAP(n_components=min(n_axes, 2), random_state=seed).fit_transform(axes)
    return np.asarray(placed, dtype=np.float64)


def find_clusters(
    points: Float, method: str = "kmeans", n_clusters: int | None = None, *, seed: int, test: bool = True
) -> Clusters:
    """Clusters of points (n_samples, n_dimensions).

    Args:
        points: of ``reduce_space``.
        method: ``kmeans``, or ``hdbscan``, which finds the number itself and leaves rows out as noise.
        n_clusters: for ``kmeans``; the number with the largest silhouette if None.
        seed: of starts, samples and draws.
        test: whether to compare with one Gaussian blob, which has a meaning for main axes alone.

    Raises:
        InputError: if the method is unknown, or the number is not possible.
    """
    from sklearn.metrics import silhouette_samples

    if method not in METHODS:
        raise InputError(f"Unknown method {method!r}. Known: {list(METHODS)}.")
    _check_number(method, n_clusters, len(points))
    rng = np.random.default_rng(seed)
    some = np.sort(rng.choice(len(points), min(len(points), TRIED_ROWS), replace=False))
    if method == "kmeans" and n_clusters is None:
        n_clusters = _best_number(points[some], seed)
    labels = _by_size(_labels(points, method, n_clusters, seed, n_init=10))
    rows = np.full(len(points), np.nan)
    inside = labels != NOISE
    if labels.max(initial=-1) >= 1 and int(labels.max()) + 1 < int(inside.sum()):
        rows[inside] = silhouette_samples(points[inside], labels[inside])
    silhouette = float(rows[inside].mean()) if np.isfinite(rows[inside]).any() else float("nan")
    if not test or math.isnan(silhouette):
        return Clusters(labels, silhouette, rows)
    own = _silhouette(points[some], _labels(points[some], method, n_clusters, seed, n_init=3))
    spread = points.std(axis=0)
    blobs = []
    for _ in range(N_BLOBS):
        blob = rng.normal(size=(len(some), points.shape[1])) * spread
        blobs.append(_silhouette(blob, _labels(blob, method, n_clusters, seed, n_init=3)))
    found = np.array(blobs)
    as_clear = int((np.nan_to_num(found, nan=-1.0) >= np.nan_to_num(own, nan=-1.0)).sum())
    known = found[np.isfinite(found)]
    mean = float(known.mean()) if len(known) else float("nan")
    return Clusters(labels, silhouette, rows, mean, (1 + as_clear) / (N_BLOBS + 1))


def representatives(points: Float, labels: Int, n: int) -> list[Int]:
    """For each cluster the positions of its at most ``n`` rows nearest to its mean, nearest first."""
    found = []
    for cluster in range(int(labels.max(initial=-1)) + 1):
        rows = np.flatnonzero(labels == cluster)
        away = np.square(points[rows] - points[rows].mean(axis=0)).sum(axis=1)
        found.append(rows[np.argsort(away, kind="stable")[:n]])
    return found


def _check_number(method: str, n_clusters: int | None, n_samples: int) -> None:
    if n_samples < MIN_ROWS:
        raise InputError(f"Clusters need {MIN_ROWS} rows at least, but there are {n_samples}.")
    if n_clusters is None:
        return
    if method == "hdbscan":
        raise InputError(f"HDBSCAN finds the number of clusters itself, but {n_clusters} were asked for. Take 'auto'.")
    if not 2 <= n_clusters <= n_samples // 2:
        raise InputError(f"{n_clusters} clusters of {n_samples} rows are not possible: expected 2 to {n_samples // 2}.")


def _labels(points: Float, method: str, n_clusters: int | None, seed: int, n_init: int) -> Int:
    if method == "kmeans":
        from sklearn.cluster import KMeans

        labels = KMeans(n_clusters, n_init=n_init, random_state=seed).fit_predict(points)
    else:
        from sklearn.cluster import HDBSCAN

        labels = HDBSCAN(min_cluster_size=max(5, len(points) // 50), copy=True).fit_predict(points)
    return np.asarray(labels, dtype=np.int64)


def _best_number(points: Float, seed: int) -> int:
    numbers = range(2, min(MAX_AUTO_CLUSTERS, len(points) // 5) + 1)
    scores = [_silhouette(points, _labels(points, "kmeans", number, seed, n_init=3)) for number in numbers]
    return int(numbers[int(np.argmax(np.nan_to_num(scores, nan=-1.0)))])


def _silhouette(points: Float, labels: Int) -> float:
    from sklearn.metrics import silhouette_score

    inside = labels != NOISE
    n_found = len(np.unique(labels[inside]))
    return float(silhouette_score(points[inside], labels[inside])) if 2 <= n_found < inside.sum() else float("nan")


def _by_size(labels: Int) -> Int:
    """The same clusters, numbered from the largest on."""
    names, counts = np.unique(labels[labels != NOISE], return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    new = {int(name): place for place, name in enumerate(order)}
    return np.array([new.get(int(label), NOISE) for label in labels], dtype=np.int64)


def _one_hot(codes: NDArray[np.float32]) -> Float:
    known = codes.astype(np.int64)
    names, counts = np.unique(known[known >= 0], return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")[:MAX_CODES]]
    return np.asarray(known[:, None] == kept[None, :], dtype=np.float64)
