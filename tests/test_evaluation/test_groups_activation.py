from __future__ import annotations

import numpy as np
import pytest

from artifacts.errors import InputError
from evaluation.groups_activation import FEWEST_ACTIVE, activation_of


def block(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Six dimensions, of which 1, 3 and 4 follow a hidden number."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=n)
    values = rng.normal(size=(n, 6))
    values[:, [1, 3, 4]] = hidden[:, None] * np.array([1.0, 50.0, 0.02]) + 0.1 * values[:, [1, 3, 4]] * [1, 50, 0.02]
    return values.astype("f4"), hidden


def test_activation_follows_what_the_dimensions_have_in_common() -> None:
    values, hidden = block()
    found = activation_of(values, (1, 3, 4))
    assert np.corrcoef(found.values, hidden)[0, 1] > 0.99
    assert found.share > 0.95 and found.values.std() == pytest.approx(1)
    high, low = found.ends(5)
    assert hidden[high].min() > np.quantile(hidden, 0.9) and hidden[low].max() < np.quantile(hidden, 0.1)
    assert (np.diff(found.values[high]) <= 0).all() and (np.diff(found.values[low]) >= 0).all()
    active = found.most_active()
    assert active.sum() == 20 and found.values[active].min() >= found.values[~active].max()


def test_it_points_to_higher_predictions() -> None:
    values, hidden = block()
    up, down = (activation_of(values, (1, 3, 4), sign * hidden).values for sign in (1.0, -1.0))
    np.testing.assert_allclose(up, -down)
    assert np.corrcoef(up, hidden)[0, 1] > 0


def test_copies_are_shown_once_and_unknown_rows_never() -> None:
    values, _ = block(40)
    values[7:10] = values[int(np.argmax(values[:, 3]))]
    values[20] = np.nan
    found = activation_of(values, (1, 3, 4))
    high, low = found.ends(6)
    assert len({tuple(row) for row in values[high]}) == 6 and not set(high) & set(low)
    assert np.isnan(found.values[20]) and 20 not in {*high, *low} and not found.most_active()[20]
    assert found.most_active().sum() == FEWEST_ACTIVE
    assert sum(map(len, activation_of(values[:5], (1, 3)).ends(6))) == 4


def test_what_does_not_vary_is_said() -> None:
    for values in (np.ones((9, 4), "f4"), np.full((9, 4), np.nan, "f4"), np.eye(2, 4, dtype="f4")):
        with pytest.raises(InputError, match="need 3 rows that differ"):
            activation_of(values, (0, 1, 2))
    half = np.random.default_rng(0).normal(size=(9, 4)).astype("f4")
    half[:, 1] = 3.0  # one that does not vary does no harm
    assert np.isfinite(activation_of(half, (0, 1, 2)).values).all()
