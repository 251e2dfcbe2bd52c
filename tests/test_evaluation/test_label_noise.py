from __future__ import annotations

import numpy as np
import pytest

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.label_noise import disagreement


def classes(y: list[int]) -> Outcome:
    return Outcome(Kind.MULTICLASS, np.array(y), ("a", "b", "c"), 3)


def test_rows_outside_the_most_frequent_class_of_their_content_are_named() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, -1, -1, 2])
    found = disagreement(clusters, classes([0, 0, 1, 2, 2, 2, 0, 0, 1, 0, 1, 0]))
    assert found is None, "nine rows repeat"
    clusters = np.append(clusters, 0)
    found = disagreement(clusters, classes([0, 0, 1, 2, 2, 2, 0, 0, 1, 0, 1, 0, 0]))
    assert found is not None and found.rows.tolist() == [2]
    assert found.n_rows == 10 and found.share == pytest.approx(0.1)


def test_planted_label_noise_is_estimated_from_below() -> None:
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(400), 5)
    truth = np.repeat(rng.integers(0, 3, 400), 5)
    noisy = rng.random(2000) < 0.1
    y = np.where(noisy, (truth + 1) % 3, truth)
    found = disagreement(clusters, classes(y.tolist()))
    assert found is not None and 0.85 * noisy.mean() < found.share <= noisy.mean()
    assert np.isin(found.rows, np.flatnonzero(noisy)).mean() > 0.9


@pytest.mark.parametrize("within", [0.0, 0.25, 1.0])
def test_the_share_of_a_numbers_variance_within_contents(within: float) -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(4000), 4)
    y = np.repeat(rng.normal(size=4000), 4) * np.sqrt(1 - within) + rng.normal(size=16_000) * np.sqrt(within)
    found = disagreement(clusters, Outcome(Kind.REGRESSION, y))
    assert found is not None and found.share == pytest.approx(within, abs=0.05)


def test_rates_vary_by_chance_and_only_more_than_that_counts() -> None:
    rng = np.random.default_rng(2)
    clusters, trials = np.repeat(np.arange(300), 4), rng.integers(5, 200, 1200).astype(np.float64)
    by_content = np.repeat(rng.beta(2, 6, 300), 4)
    by_row = rng.beta(2, 6, 1200)
    shares = []
    for rate in (by_content, by_row):
        y = rng.binomial(trials.astype(int), rate) / trials
        found = disagreement(clusters, Outcome(Kind.CONVERSION, y, trials=trials))
        assert found is not None
        shares.append(found.share)
    assert shares[0] < 0.05 and shares[1] > 0.9
