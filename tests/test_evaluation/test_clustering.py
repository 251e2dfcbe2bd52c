from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from artifacts.errors import InputError, MissingDependencyError
from evaluation.clustering import (
    NOISE,
    BlockValues,
    find_clusters,
    fused_space,
    reduce_space,
    representatives,
    single_space,
)


def blobs(n: int = 150, k: int = 3, apart: float = 12.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, n, p=np.arange(1, k + 1)[::-1] / np.arange(1, k + 1).sum())
    middles = rng.normal(size=(k, 8))
    middles *= apart / np.linalg.norm(middles, axis=1, keepdims=True)
    return middles[truth] + rng.normal(size=(n, 8)), truth


@pytest.mark.parametrize("method", ["kmeans", "hdbscan"])
def test_planted_clusters_are_found_with_their_number(method: str) -> None:
    points, truth = blobs()
    found = find_clusters(reduce_space(points, "pca", 5, seed=0), method, seed=0)
    assert found.n_clusters == 3 and found.silhouette > 0.5 and found.p_value == pytest.approx(0.05)
    sizes = np.bincount(found.labels[found.labels >= 0]).tolist()
    assert sizes == sorted(sizes, reverse=True)
    inside = found.labels != NOISE
    pairs = set(zip(found.labels[inside], truth[inside], strict=True))
    assert len(pairs) == 3 and inside.mean() > 0.9


def test_noise_has_no_clearer_clusters_than_one_blob() -> None:
    rng = np.random.default_rng(1)
    points = reduce_space(rng.normal(size=(120, 6)) * np.array([3, 2, 1, 1, 1, 1]), "pca", 6, seed=0)
    refuted = find_clusters(points, "kmeans", 3, seed=0)
    assert refuted.p_value > 0.05 and abs(refuted.silhouette - refuted.blob_silhouette) < 0.1
    of_density = find_clusters(points, "hdbscan", seed=0)
    assert of_density.n_clusters < 2 or of_density.p_value > 0.05
    untested = find_clusters(points, "kmeans", 3, seed=0, test=False)
    assert np.isnan(untested.p_value) and untested.silhouette == refuted.silhouette


def test_equal_seeds_give_equal_clusters() -> None:
    points, _ = blobs(60)
    one, two = (find_clusters(points, "kmeans", 4, seed=3, test=False).labels for _ in range(2))
    assert (one == two).all()
    assert (reduce_space(points, "tsne", 2, seed=1) == reduce_space(points, "tsne", 2, seed=1)).all()


def test_modalities_weigh_the_same_in_the_fused_space() -> None:
    rng = np.random.default_rng(0)
    wide = BlockValues("photo__embedding", "image", rng.normal(size=(40, 90)).astype("f4") * 50, is_opaque=True)
    thin = BlockValues("price__number", "table", rng.normal(size=(40, 1)).astype("f4"))
    kind = BlockValues("kind__category", "table", rng.integers(-1, 3, (40, 1)).astype("f4"), is_category=True)
    constant = BlockValues("flat__number", "table", np.ones((40, 1), "f4"))
    space = fused_space([wide, thin, kind, constant])
    assert space.shape == (40, 90 + 1 + 3)
    assert space[:, :90].var(axis=0).sum() == pytest.approx(1) == pytest.approx(space[:, 90:].var(axis=0).sum())
    with pytest.raises(InputError, match="Nothing in these blocks varies"):
        fused_space([constant])
    with pytest.raises(InputError, match="Nothing in block 'flat__number' varies"):
        single_space(constant)


def test_missing_values_stand_at_the_mean() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]], "f4")
    space = single_space(BlockValues("price__number", "table", values))
    assert space.shape == (3, 1) and space[2, 0] == 0 and np.isfinite(space).all()


def test_what_is_not_possible_is_refused() -> None:
    points, _ = blobs(30)
    for arguments, match in (
        (("spectral", None), "Unknown method 'spectral'"),
        (("kmeans", 1), "expected 2 to 15"),
        (("kmeans", 16), "expected 2 to 15"),
        (("hdbscan", 3), "finds the number of clusters itself"),
    ):
        with pytest.raises(InputError, match=match):
            find_clusters(points, *arguments, seed=0)
    with pytest.raises(InputError, match="10 rows at least, but there are 3"):
        reduce_space(points[:3], "pca", 2, seed=0)
    with pytest.raises(InputError, match="Unknown reduction 'lda'"):
        reduce_space(points, "lda", 2, seed=0)


@pytest.mark.skipif(find_spec("umap") is not None, reason="umap-learn is installed")
def test_umap_names_the_package_that_is_missing() -> None:
    with pytest.raises(MissingDependencyError, match="pip install umap-learn"):
        reduce_space(blobs(30)[0], "umap", 2, seed=0)


def test_representatives_are_the_nearest_to_the_middle() -> None:
    points = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [30.0]])
    first, second = representatives(points, np.array([0, 0, 0, 1, 1, NOISE]), 2)
    assert first[0] == 1 and len(first) == 2 and set(second) == {3, 4}
