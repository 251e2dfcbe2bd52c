from __future__ import annotations

import numpy as np
import pytest

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.residuals import BINS, residuals_by_prediction


def test_errors_that_grow_and_lean_are_seen() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.uniform(1, 10, size=4000)
    truth = predicted + 0.5 + rng.normal(size=4000) * predicted
    found = residuals_by_prediction(Outcome(Kind.REGRESSION, truth), predicted[:, None])
    assert found is not None and len(found.predicted) == BINS and found.rows.sum() == 4000
    assert not found.is_standardised and found.points.shape == (300, 2)
    spread = found.quantiles[:, 4] - found.quantiles[:, 0]
    np.testing.assert_allclose(spread, 2 * 1.645 * found.predicted, rtol=0.2)
    np.testing.assert_allclose(found.quantiles[:3, 2], 0.5, atol=0.4)


@pytest.mark.parametrize(("extra", "expected"), [(0.0, 1.0), (0.1, 6.0)])
def test_rates_are_measured_by_their_trials(extra: float, expected: float) -> None:
    rng = np.random.default_rng(1)
    trials = rng.integers(50, 1000, size=3000).astype(float)
    p = np.full(3000, 0.3)
    rate = rng.binomial(trials.astype(int), np.clip(p + extra * rng.normal(size=3000), 0, 1)) / trials
    found = residuals_by_prediction(Outcome(Kind.CONVERSION, rate, trials=trials), p[:, None])
    assert found is not None and found.is_standardised and len(found.rows) == 1, "equal predictions are one bin"
    if extra:
        assert found.dispersion > expected
    else:
        assert found.dispersion == pytest.approx(expected, abs=0.1)
        assert found.quantiles[0, 0] == pytest.approx(-1.645, abs=0.15)


def test_classes_have_no_residuals() -> None:
    assert residuals_by_prediction(Outcome(Kind.BINARY, np.zeros(3, int), ("a", "b"), 2), np.full((3, 2), 0.5)) is None
    assert residuals_by_prediction(Outcome(Kind.REGRESSION, np.zeros(0)), np.zeros((0, 1))) is None
    plain = residuals_by_prediction(Outcome(Kind.CONVERSION, np.array([0.2, 0.4])), np.array([[0.3], [0.3]]))
    assert plain is not None and not plain.is_standardised
    np.testing.assert_allclose(plain.points[:, 1], [-0.1, 0.1])
