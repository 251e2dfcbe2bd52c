"""What was observed of rows with and without a change: numbers, flags and categories are held against alike rows."""

from __future__ import annotations

import numpy as np
import pytest

from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Feature, Kind, Modality, Title, quantity_feature
from automl.observing import Observations

N = 1200


def feature(column: str, quantity: str, unit: str = "") -> Feature:
    source = Column(column, Modality.TEXT, Title(column.title(), "Столбец"))
    return quantity_feature(source, "made", quantity, Title(quantity, quantity), unit=unit)


@pytest.fixture(scope="module")
def observations() -> Observations:
    rng = np.random.default_rng(0)
    words, filled, shop = rng.normal(size=N), rng.integers(0, 2, N), rng.integers(0, 3, N)
    parts = {"title": 0.5 * words, "card": 1.0 * filled, "shop": 2.0 * (shop == 2)}
    truth = np.sum(list(parts.values()), axis=0) + 0.1 * rng.normal(size=N)
    blocks = (
        Block("title", "made", (feature("title", "words"),), words[:, None].astype(np.float32)),
        Block("card", "made", (feature("card", "season_filled", "0/1"),), filled[:, None].astype(np.float32)),
        Block("shop", "category", (feature("shop", "category"),), shop[:, None].astype(np.float32), ("a", "b", "c")),
    )
    table = FeatureTable(blocks, tuple(range(N)))
    total = np.sum(list(parts.values()), axis=0)
    rest = {name: total - part for name, part in parts.items()}
    return Observations(table, Outcome(Kind.REGRESSION, truth), truth, rest)


def test_rows_near_a_number_after_the_change_are_held_against_rows_near_it_before(observations: Observations) -> None:
    found = observations.matched("title__words", np.array([[0.2, 1.0], [-0.2, 1.0]]))
    assert found.difference == pytest.approx(0.5, abs=0.15) and found.n > 50
    assert found.quantity == Title("Title: words", "Столбец: words") and (found.before, found.after) == (0.0, 1.0)


def test_a_flag_is_there_or_not_even_where_it_was_unknown(observations: Observations) -> None:
    for moved in ([[0.0, 1.0]], [[np.nan, 1.0]]):
        found = observations.matched("card__season_filled", np.array(moved))
        assert found.difference == pytest.approx(1.0, abs=0.1) and np.isnan(found.before) and np.isnan(found.after)


def test_an_option_is_held_against_those_that_rows_had(observations: Observations) -> None:
    found = observations.matched("shop__category", np.array([[0.0, 2.0], [1.0, 2.0]]))
    assert found.difference == pytest.approx(2.0, abs=0.1) and found.quantity.en == "Shop: c"
    none = observations.matched("shop__category", np.array([[0.0, 1.0]]))
    assert none.difference == pytest.approx(0.0, abs=0.1) and none.quantity.en == "Shop: b"


def test_what_nothing_readable_shows_has_no_pairs_and_no_quantity(observations: Observations) -> None:
    found = observations.matched("", np.array([[np.nan, np.nan]]))
    assert found.n == 0 and not found.quantity.en
    unseen = observations.matched("title__words", np.array([[np.nan, np.nan]]))
    assert unseen.n == 0 and unseen.quantity.en == "Title: words"
