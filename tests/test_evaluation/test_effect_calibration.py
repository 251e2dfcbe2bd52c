"""What effects are worth: too timid a model is believed more, noise is not, and what it missed is added."""

from __future__ import annotations

import numpy as np
import pytest

from artifacts.schema import Kind
from evaluation.effect_calibration import Unseen, calibrated, sd_of_others


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
    unseen = Unseen(parts, np.full(4000, -1.0), quantities, truth, trials, np.ones(2, bool))
    found = calibrated(kind, unseen, sd_of_others(kind, unseen))
    assert found.slopes == pytest.approx([2.0, 0.0], abs=0.1)
    assert found.missed == pytest.approx([0.02, 0.0], abs=0.002), "in link scores for a unit of the quantity"


def test_few_rows_leave_the_model_its_word() -> None:
    rng = np.random.default_rng(0)
    parts = 0.01 * rng.normal(size=(10, 2))
    truth, nothing = rng.integers(0, 2, 10).astype(float), np.full((10, 1), np.nan)
    unseen = Unseen(parts, np.zeros(10), nothing, truth, np.ones(10), np.ones(1, bool))
    found = calibrated(Kind.BINARY, unseen, 0.1)
    assert found.slopes == pytest.approx([1.0, 1.0], abs=0.1) and found.missed == pytest.approx([0.0])
    assert np.linalg.norm(found.hidden @ [1.0, 0.0, 0.0]) == pytest.approx(1.0, abs=0.1), "as open as the prior has it"


def test_how_much_is_missed_at_all_is_learned_from_the_rows() -> None:
    rng = np.random.default_rng(0)
    quantities, noise = rng.normal(size=(3000, 20)), rng.normal(size=3000)
    for sd, expected in ((0.0, {0.003, 0.01}), (0.2, {0.1, 0.3})):
        truth = quantities @ (sd * rng.normal(size=20)) + noise
        unseen = Unseen(np.zeros((3000, 1)), np.zeros(3000), quantities, truth, np.ones(3000), np.zeros(20, bool))
        assert sd_of_others(Kind.REGRESSION, unseen) in expected


def test_what_priors_hide_is_the_bias_that_they_make() -> None:
    """Over draws of what is missed, the root mean square of the bias of the slopes is what ``hidden`` says."""
    rng = np.random.default_rng(0)
    n, sd = 400, 0.1
    quantities = rng.normal(size=(n, 2)) @ np.array([[1.0, 0.9], [0.0, 0.4]])
    parts, rest = np.zeros((n, 1)), np.zeros(n)
    scale, other = quantities.std(axis=0), np.zeros(2, bool)
    biases = []
    for _ in range(200):
        missed = sd * rng.normal(size=2) / scale
        noise = rng.normal(size=n)
        one = Unseen(parts, rest, quantities, quantities @ missed + noise, np.ones(n), other)
        without = Unseen(parts, rest, quantities, noise, np.ones(n), other)
        added = calibrated(Kind.REGRESSION, one, sd).missed - calibrated(Kind.REGRESSION, without, sd).missed
        biases.append(added - missed)
    hidden = calibrated(Kind.REGRESSION, one, sd).hidden
    for effect in ([1.0, 0.0], [0.0, 1.0], [1.0, -1.0]):
        rms = np.sqrt(np.mean(np.square(np.array(biases) @ effect)))
        assert rms == pytest.approx(np.linalg.norm(hidden @ [0.0, *effect]), rel=0.15)


def test_what_few_rows_have_is_worth_what_it_adds() -> None:
    """Outliers are cut while it is learned, so that a move counts as far as that alone."""
    rng = np.random.default_rng(0)
    flag = (rng.uniform(size=(20000, 1)) < 0.02).astype(float)
    truth = 0.8 * flag[:, 0] + 0.3 * rng.normal(size=20000)
    nothing = np.zeros(20000)
    unseen = Unseen(nothing[:, None], nothing, flag, truth, np.ones(20000), np.ones(1, bool))
    found = calibrated(Kind.REGRESSION, unseen, 0.1)
    low, high = np.clip([0.0, 1.0], found.known[0, 0], found.known[1, 0])
    assert found.missed[0] * (high - low) == pytest.approx(0.8, abs=0.05)
