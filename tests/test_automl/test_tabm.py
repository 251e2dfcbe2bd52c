"""What TabM adds to the contract of models and to what it shares with the MLP."""

from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features, quantity_feature
from automl.models.piecewise import Piecewise
from automl.models.tabm import TabMModel


def make_examples(n: int = 300) -> Examples:
    """A bump of a number that means something, beside an embedding."""
    rng = np.random.default_rng(0)
    price, photo = (Column(name, Modality.NUMERIC, Title(name, name)) for name in ("price", "photo"))
    x = rng.normal(size=(n, 1)).astype("f4")
    blocks = (
        Block("photo", "net", opaque_features(photo, "net", 20), rng.normal(size=(n, 20)).astype("f4")),
        Block("price", "number", (quantity_feature(price, "number", "value", Title("", "")),), x),
    )
    return Examples(FeatureTable(blocks, pd.RangeIndex(n)), Outcome(Kind.REGRESSION, np.exp(-4.0 * x[:, 0] ** 2) * 1.0))


def test_columns_of_bins_add_up_to_the_number_and_few_distinct_values_have_none() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.normal(size=50), np.arange(50) % 2, np.ones(50), rng.normal(size=50)]).astype("f4")
    found = Piecewise.of(x, np.array([0, 1, 2]), 4)
    assert found.column.tolist() == [0] and found.number.tolist() == [0, 0, 0, 0]
    encoded, width = found.encode(x), np.diff(found.edges)
    np.testing.assert_allclose(found.edges[0] + encoded @ width, x[:, 0], atol=1e-5)
    again = Piecewise.from_arrays(found.arrays())
    np.testing.assert_array_equal(again.encode(x), encoded)
    assert Piecewise.of(x[:2], np.array([0]), 4).encode(x).shape == (50, 0)


def test_only_numbers_that_mean_something_have_bins_and_they_count_for_their_feature() -> None:
    examples = make_examples()
    model = TabMModel({**TabMModel.get_test_params(), "epochs": 40, "bins": 8}).fit(examples)
    assert model.piecewise_ is not None and len(model.piecewise_.column) == 1
    groups = np.repeat([0, 1], [20, 1])
    found = model.contributions(examples.table, groups, ["photo", "price"])
    np.testing.assert_allclose(found.total, model.decide(examples.table), atol=1e-6)
    assert found.importance[1] > found.importance[0]


def test_members_differ_and_their_mean_decides() -> None:
    import torch

    examples = make_examples()
    model = TabMModel(TabMModel.get_test_params()).fit(examples)
    x = torch.from_numpy(model._matrix(examples.table)).double()
    members = model.net_.members(model.net_.project(x)).detach().numpy()
    assert members.shape == (300, 4, 1) and members.std(axis=1).max() > 1e-3
    np.testing.assert_allclose(model.output_.link(members.mean(axis=1)), model.decide(examples.table), atol=1e-9)
