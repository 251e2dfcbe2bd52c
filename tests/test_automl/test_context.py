"""Which training rows a model reads, and who plays in its explanation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Modality, Title, opaque_features
from automl.models.compression import Compression
from automl.models.context import Cast, context_rows


def test_rows_of_equal_weight_stand_there_once() -> None:
    y = np.random.default_rng(0).normal(size=57)
    for weight in (1.0, 0.1, 1e9):
        rows = context_rows(y, np.full(57, weight), 100, all_classes=False)
        np.testing.assert_array_equal(rows, np.arange(57))


def test_fewer_rows_are_spread_over_the_targets() -> None:
    y = np.random.default_rng(1).permutation(1000).astype(np.float64)
    rows = context_rows(y, np.ones(1000), 10, all_classes=False)
    np.testing.assert_allclose(np.sort(y[rows]), np.arange(50, 1000, 100), atol=1)


def test_a_row_stands_there_as_often_as_it_weighs_and_never_without_weight() -> None:
    weight = np.array([4.0, 1.0, 1.0, 2.0, 0.0, 0.0])
    rows = context_rows(np.arange(6.0), weight, 8, all_classes=False)
    assert len(rows) == 4 and set(rows) <= {0, 1, 2, 3}
    many = context_rows(np.repeat(np.arange(6.0), 100), np.repeat(weight, 100), 800, all_classes=False)
    share = np.bincount(many // 100, minlength=6) / len(many)
    np.testing.assert_allclose(share, weight / 8, atol=0.003)


def test_a_rare_class_stays_by_its_heaviest_row() -> None:
    y = np.array([0.0] * 500 + [1.0] * 2)
    weight = np.array([1.0] * 500 + [0.001, 0.002])
    rows = context_rows(y, weight, 50, all_classes=True)
    assert len(rows) == 51 and rows[-1] == 501
    assert not (y[context_rows(y, weight, 50, all_classes=False)] == 1).any()


def test_players_are_groups_and_a_divided_embedding() -> None:
    rng = np.random.default_rng(2)
    blocks = []
    for name, width in (("photo", 30), ("text", 30), ("price", 1), ("size", 1)):
        column = Column(name, Modality.TEXT, Title(name, name))
        features = opaque_features(column, "net", width)
        blocks.append(Block(name, "net", features, rng.normal(size=(50, width)).astype("f4")))
    table = FeatureTable(tuple(blocks), pd.RangeIndex(50))
    compression = Compression.of(table, embedding=4, lexical=4, seed=0)
    groups = np.array([0] * 30 + [1] * 15 + [2] * 15 + [3, 3])
    feature = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    cast = Cast.of(table, compression, feature, groups, 5)
    assert cast.columns.sum(axis=1).tolist() == [4, 2, 4] and (cast.columns.sum(axis=0) == 1).all()
    np.testing.assert_allclose(cast.shares.sum(axis=1), 1.0)
    np.testing.assert_array_equal(cast.shares[:2], np.eye(5)[[0, 3]])
    assert cast.shares[2, [0, 3, 4]].tolist() == [0, 0, 0] and (cast.shares[2, 1:3] > 0.2).all()
    assert Cast.of(table, compression, feature[:9], groups, 5).columns.sum() == 9
