"""Matched comparisons: the difference that a property makes, not the one that comes with it."""

from __future__ import annotations

import numpy as np

from evaluation.matching import matched_difference


def rows(effect: float, n: int = 2000, seed: int = 0) -> dict[str, np.ndarray]:
    """Rows whose property goes with something else that helps."""
    rng = np.random.default_rng(seed)
    rest = rng.normal(size=n)
    values = rng.normal(size=n) + rest
    outcome = effect * values + rest + 0.3 * rng.normal(size=n)
    return {"values": values, "rest": rest, "outcome": outcome, "weight": np.ones(n)}


def test_what_goes_with_the_property_is_taken_out() -> None:
    found = matched_difference(before=0.0, after=1.0, **rows(0.5))
    assert found.n > 100 and 0.35 < found.low < found.difference < found.high < 0.65
    none = matched_difference(before=0.0, after=1.0, **rows(0.0))
    assert abs(none.difference) < 0.1 and none.low < 0.05 and none.high > -0.05


def test_a_flag_has_two_values() -> None:
    rng = np.random.default_rng(1)
    flag, rest = rng.integers(0, 2, 600).astype(float), rng.normal(size=600)
    outcome = 0.3 * flag + rest
    found = matched_difference(flag, 0.0, 1.0, rest, outcome, np.ones(600))
    assert found.n > 200 and abs(found.difference - 0.3) < 0.05


def test_too_few_rows_say_nothing() -> None:
    few = rows(0.5, n=15)
    assert matched_difference(before=0.0, after=1.0, **few).n == 0
    assert matched_difference(before=np.nan, after=1.0, **rows(0.5)).n == 0
    constant = rows(0.5) | {"values": np.ones(2000)}
    assert matched_difference(before=1.0, after=2.0, **constant).n == 0


def test_pairs_of_one_partner_share_its_luck() -> None:
    """Of few rows without the property each is in many pairs: how much they scatter is what is unsure."""
    missed, n_with, n_without = 0, 1000, 30
    flag, rest = np.repeat([1.0, 0.0], [n_with, n_without]), np.zeros(n_with + n_without)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rest = rng.uniform(size=n_with + n_without)
        outcome = rng.normal(size=n_with + n_without)
        found = matched_difference(flag, 0.0, 1.0, rest, outcome, np.ones(n_with + n_without))
        missed += not found.low <= 0.0 <= found.high
    assert missed <= 10, "of 40 intervals of 90 %; with pairs drawn one by one it is more than half"


def test_of_equal_partners_not_always_one_is_taken() -> None:
    rng = np.random.default_rng(0)
    flag, outcome = np.repeat([1.0, 0.0], 300), rng.normal(size=600)
    found = matched_difference(flag, 0.0, 1.0, np.zeros(600), outcome, np.ones(600))
    assert found.n == 300 and abs(found.difference - (outcome[:300].mean() - outcome[300:].mean())) < 0.15
