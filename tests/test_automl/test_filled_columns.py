"""Columns of a table as finite numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Modality, Title, opaque_features
from automl.models.filled_columns import FilledColumns


def make_table(number: list[float], code: list[float]) -> FeatureTable:
    n = len(number)
    values = np.column_stack([number, np.full(n, 7.0), np.full(n, np.nan)]).astype("f4")
    numbers = Column("x", Modality.NUMERIC, Title("x", "x"))
    shop = Column("shop", Modality.CATEGORICAL, Title("shop", "shop"))
    blocks = (
        Block("x", "number", opaque_features(numbers, "number", 3), values),
        Block("shop", "code", opaque_features(shop, "code", 1), np.array(code, "f4")[:, None], ("a", "b", "c", "d")),
    )
    return FeatureTable(blocks, pd.RangeIndex(n))


def test_what_is_unknown_becomes_the_mean_and_what_is_far_is_cut() -> None:
    train = make_table([1.0, 3.0, np.nan, np.inf], [0, 2, 2, -1])
    found = FilledColumns.of(train)
    assert found.feature.tolist() == [0, 3]
    np.testing.assert_allclose(found.transform(train), [[1, 0], [3, 2], [2, 2], [2, -1]])
    new = make_table([1e30, -np.inf, np.nan, 5.0], [1, 3, 0, 2])
    np.testing.assert_allclose(found.transform(new), [[12, 0.75], [2, 0.75], [2, 0], [5, 2]])
    assert found.transform(new).dtype == np.float32


def test_a_row_is_the_same_whatever_stands_beside_it() -> None:
    train = make_table([1.0, 3.0, np.nan, 8.0], [0, 2, 2, -1])
    found = FilledColumns.of(train)
    alone = np.concatenate([found.transform(train.take([i])) for i in range(4)])
    np.testing.assert_array_equal(alone, found.transform(train))


def test_it_comes_back_from_arrays_and_may_be_empty() -> None:
    train = make_table([1.0, 3.0, np.nan, 8.0], [0, 2, 2, -1])
    found = FilledColumns.of(train)
    again = FilledColumns.from_arrays(found.arrays())
    np.testing.assert_array_equal(again.transform(train), found.transform(train))
    nothing = FilledColumns.of(train.take([0]))
    assert nothing.n_columns == 0 and nothing.transform(train).shape == (4, 0)
