"""Embeddings as a few main axes."""

from __future__ import annotations

import numpy as np
import optuna
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features, quantity_feature
from automl.models.base import Model
from automl.models.compression import Compression, suggest_components
from automl.models.registry import MODELS

BOOSTERS = pytest.mark.parametrize("name", ["lightgbm", "catboost"])


def make_table(n: int = 200, *, width: int = 60, seed: int = 0) -> FeatureTable:
    """A number, an embedding that three hidden axes explain nearly all of, and word counts of 10 dimensions."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(99).normal(size=(3, width))
    embedding = rng.normal(size=(n, 3)) * [3.0, 2.0, 1.0] @ axes + 0.01 * rng.normal(size=(n, width))
    photo, text = (
        Column(name, modality, Title(name, name)) for name, modality in (("p", Modality.IMAGE), ("t", Modality.TEXT))
    )
    price = Column("price", Modality.NUMERIC, Title("price", "price"))
    return FeatureTable(
        (
            Block("p", "embedding:net", opaque_features(photo, "embedding", width), embedding.astype("f4")),
            Block(
                "price",
                "number",
                (quantity_feature(price, "number", "value", Title("p", "p")),),
                embedding[:, :1].astype("f4"),
            ),
            Block("t", "lexical", opaque_features(text, "lexical", 10), rng.normal(size=(n, 10)).astype("f4")),
        ),
        pd.RangeIndex(n),
    )


def test_an_embedding_becomes_its_main_axes_and_the_rest_stays() -> None:
    table = make_table()
    small = Compression.of(table, embedding=3, lexical=10, seed=0).apply(table)
    assert [len(block.features) for block in small.blocks] == [3, 1, 10]
    np.testing.assert_array_equal(small.blocks[1].values, table.blocks[1].values)
    np.testing.assert_array_equal(small.blocks[2].values, table.blocks[2].values)
    assert small.index.equals(table.index)
    whole = table.blocks[0].values - table.blocks[0].values.mean(axis=0)
    kept = np.square(small.blocks[0].values).sum() / np.square(whole).sum()
    assert kept == pytest.approx(1.0, abs=0.001)


def test_zero_leaves_a_block_out() -> None:
    table = make_table()
    found = Compression.of(table, embedding=0, lexical=4, seed=0)
    assert [block.source for block in found.apply(table).blocks] == ["price", "t"]
    assert found.n_features(table) == found.apply(table).n_features == 5


def test_a_row_without_the_photo_is_unknown_on_every_axis() -> None:
    table = make_table()
    table.blocks[0].values[3] = np.nan
    small = Compression.of(table, embedding=5, lexical=4, seed=0).apply(table)
    assert np.isnan(small.blocks[0].values[3]).all()
    assert np.isfinite(np.delete(small.blocks[0].values, 3, axis=0)).all()


def test_an_embedding_that_is_the_same_everywhere_has_no_axes() -> None:
    table = make_table()
    table.blocks[0].values[:] = 1.0
    assert [block.source for block in Compression.of(table, embedding=5, lexical=4, seed=0).apply(table).blocks] == [
        "price",
        "t",
    ]


def test_contributions_of_axes_are_shared_by_what_they_are_made_of() -> None:
    table = make_table()
    found = Compression.of(table, embedding=3, lexical=10, seed=0)
    values = np.random.default_rng(1).normal(size=(5, 2, found.n_features(table)))
    by_source = np.repeat([0, 1, 2], [60, 1, 10])
    summed = found.sum_over_groups(values, table, by_source, 3)
    np.testing.assert_allclose(summed[..., 0], values[..., :3].sum(axis=-1))
    np.testing.assert_allclose(summed[..., 1], values[..., 3])
    each = found.sum_over_groups(values, table, np.arange(71), 71)
    np.testing.assert_allclose(each[..., :60].sum(axis=-1), summed[..., 0])
    loadings = np.square(found.directions[0].axes.astype(float))
    np.testing.assert_allclose(each[..., :60], values[..., :3] @ loadings.T, rtol=1e-5)


@BOOSTERS
def test_what_lies_across_an_embedding_is_found(name: str) -> None:
    rng = np.random.default_rng(0)
    n, d = 600, 300
    hidden = rng.normal(size=n)
    axis = rng.normal(size=d)
    values = np.outer(hidden, axis) + 3.0 * rng.normal(size=(n, d))
    column = Column("p", Modality.IMAGE, Title("p", "p"))
    table = FeatureTable(
        (Block("p", "embedding:net", opaque_features(column, "embedding", d), values.astype("f4")),), pd.RangeIndex(n)
    )
    examples = Examples(table, Outcome(Kind.REGRESSION, np.sin(2 * hidden)))
    train, held = examples.take(np.arange(400)), examples.take(np.arange(400, 600))

    def error(components: int) -> float:
        model: Model = MODELS[name]({"embedding_components": components, "rounds": 200}).fit(train)
        return float(np.square(model.decide(held.table)[:, 0] - held.outcome.y).mean())

    assert error(4) < 0.7 * error(d)


def test_only_blocks_that_are_there_are_searched() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    table = make_table()
    assert set(suggest_components(study.ask(), "m", table)) == {"embedding_components", "lexical_components"}
    assert set(suggest_components(study.ask(), "m", table.select(source="t"))) == {"lexical_components"}
    assert suggest_components(study.ask(), "m", table.select(source="price")) == {}
