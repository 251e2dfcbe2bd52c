from __future__ import annotations

import numpy as np

from featurizers.canonical_correlation import Components, canonical_directions


def sides(n: int, common: int = 3, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(n, common))
    first = np.hstack([shared @ rng.normal(size=(common, 8)), 3 * rng.normal(size=(n, 4))])
    second = np.hstack([shared @ rng.normal(size=(common, 5)), 3 * rng.normal(size=(n, 6))])
    return tuple((x + noise * rng.normal(size=x.shape) + 7).astype("f4") for x in (first, second))


def test_components_are_uncorrelated_with_the_variances_that_they_name() -> None:
    x, _ = sides(400)
    found = Components.of(x, 6)
    z = found.transform(x)
    assert z.shape == (400, 6)
    np.testing.assert_allclose(np.cov(z.T, bias=True), np.diag(found.variance), atol=1e-6)
    assert (np.diff(found.variance) <= 0).all()
    np.testing.assert_allclose(np.linalg.norm(z, axis=1).mean(), 1.0, rtol=1e-5)


def test_directions_find_what_both_sides_share() -> None:
    first, second = sides(2000)
    found = Components.of(first[:1500], 12), Components.of(second[:1500], 11)
    inputs = found[0].transform(first[:1500]), found[1].transform(second[:1500])
    left, right = canonical_directions(*inputs, found, 8, 0.01)
    a, b = found[0].transform(first[1500:]) @ left, found[1].transform(second[1500:]) @ right
    correlation = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(8)]
    assert min(correlation[:3]) > 0.8 and max(correlation[3:]) < 0.3
    weight = a.std(axis=0)
    assert weight[3:].max() < 0.3 * weight[:3].min(), "directions of no correlation weigh little"


def test_constant_and_single_rows_give_nothing_but_zeros() -> None:
    for x in (np.full((30, 5), 4.0, dtype="f4"), np.ones((1, 5), dtype="f4")):
        found = Components.of(x, 3)
        z = found.transform(x)
        assert z.shape[0] == len(x) and np.isfinite(z).all() and not z.any()
        left, right = canonical_directions(z, z, (found, found), 4, 0.1)
        assert left.shape == (z.shape[1], 4) and np.isfinite(left).all() and np.isfinite(right).all()
