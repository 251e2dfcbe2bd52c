"""Support: what training rows have, and what they do not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Feature, Modality, Title, opaque_features
from evaluation.support import Support

RNG = np.random.default_rng(0)


def table(numbers: np.ndarray, codes: np.ndarray, vectors: np.ndarray) -> FeatureTable:
    shop, photo = (Column(m.value, m, Title("", "")) for m in (Modality.CATEGORICAL, Modality.IMAGE))
    named = tuple(Feature(f"text__{i}", "text", "n", Modality.TEXT, Title("", "")) for i in range(numbers.shape[1]))
    blocks = (
        Block("text", "n", named, numbers.astype("f4")),
        Block("shop", "c", opaque_features(shop, "c", 1), codes[:, None].astype("f4"), ("a", "b", "c")),
        Block("photo", "net", opaque_features(photo, "net", vectors.shape[1]), vectors.astype("f4")),
    )
    return FeatureTable(blocks, pd.RangeIndex(len(numbers)))


def training() -> FeatureTable:
    numbers = np.stack([RNG.uniform(0, 10, 300), np.full(300, np.nan)], axis=1)
    plane = RNG.normal(size=(300, 2)) @ RNG.normal(size=(2, 30))
    return table(numbers, RNG.integers(0, 2, 300), plane)


def test_values_and_categories_must_have_been_seen() -> None:
    train = training()
    known = Support.of(train)
    before = train.take(np.zeros(4, dtype=int))
    numbers, codes, vectors = (block.values.astype(float) for block in before.blocks)
    codes = codes[:, 0].copy()
    numbers = numbers.copy()
    numbers[0, 0], numbers[1, 0], codes[2] = 5.0, 99.0, 2
    assert known.holds(table(numbers, codes, vectors), before).tolist() == [True, False, False, True]


def test_a_row_that_was_out_of_range_may_come_nearer_but_not_go_further() -> None:
    train = training()
    known = Support.of(train)
    numbers, codes, vectors = (block.values[:2].astype(float).copy() for block in train.blocks)
    numbers[:, 0] = 50.0
    before = table(numbers, codes[:, 0], vectors)
    numbers[:, 0] = [30.0, 60.0]
    assert known.holds(table(numbers, codes[:, 0], vectors), before).tolist() == [True, False]


def test_an_embedding_must_lie_near_those_of_training() -> None:
    train = training()
    known = Support.of(train)
    before = train.take(np.arange(20))
    numbers, codes, vectors = (block.values.astype(float) for block in before.blocks)
    near, far = vectors + 0.01 * RNG.normal(size=vectors.shape), vectors + 50.0 * np.sign(vectors)
    assert known.holds(table(numbers, codes[:, 0], near), before).mean() > 0.9
    assert not known.holds(table(numbers, codes[:, 0], far), before).any()
