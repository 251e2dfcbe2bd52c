"""What effects are worth: too timid a model is believed more, noise is not, and what it missed is added."""

from __future__ import annotations

import numpy as np
import pytest

from artifacts.schema import Kind
from evaluation.effect_calibration import Unseen, calibrated


@pytest.mark.parametrize("kind", [Kind.CONVERSION, Kind.REGRESSION])
def test_slopes_and_what_was_missed(kind: Kind) -> None:
    rng = np.random.default_rng(0)
    signal, noise, missed = rng.normal(size=(3, 4000))
    score = -1.0 + signal + 0.2 * missed
    trials = np.full(4000, 100.0)
    rate = 1.0 / (1.0 + np.exp(-score))
    truth = rng.binomial(100, rate) / 100 if kind is Kind.CONVERSION else score + 0.3 * rng.normal(size=4000)
    parts = np.stack([0.5 * signal, 0.3 * noise], axis=1)
    quantities = np.stack([10.0 * missed, np.full(4000, 7.0)], axis=1)
    slopes, added = calibrated(kind, Unseen(parts, np.full(4000, -1.0), quantities, truth, trials))
    assert slopes == pytest.approx([2.0, 0.0], abs=0.1)
    assert added == pytest.approx([0.02, 0.0], abs=0.002), "in link scores for a unit of the quantity"


def test_few_rows_leave_the_model_its_word() -> None:
    rng = np.random.default_rng(0)
    parts = 0.01 * rng.normal(size=(10, 2))
    unseen = Unseen(parts, np.zeros(10), np.full((10, 1), np.nan), rng.integers(0, 2, 10).astype(float), np.ones(10))
    slopes, added = calibrated(Kind.BINARY, unseen)
    assert slopes == pytest.approx([1.0, 1.0], abs=0.1) and added == pytest.approx([0.0])
