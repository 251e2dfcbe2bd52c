from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.link import centred
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models.catboost import CatBoostModel
from automl.models.catboost_size import CatBoostParams, Work

FAST = {"rounds": 15, "depth": 3, "learning_rate": 0.3}


def make_table(values: np.ndarray, codes: np.ndarray | None = None) -> FeatureTable:
    """Numbers, with a category in front of them if codes are given."""
    column, shop = (Column(name, Modality.NUMERIC, Title(name, name)) for name in ("x", "shop"))
    features = opaque_features(column, "number", values.shape[1])
    blocks = [Block("x", "number", features, values.astype("f4"))]
    if codes is not None:
        levels = tuple(f"level {i}" for i in range(int(codes.max()) + 1))
        blocks.insert(0, Block("shop", "code", opaque_features(shop, "code", 1), codes.astype("f4")[:, None], levels))
    return FeatureTable(tuple(blocks), pd.RangeIndex(len(values)))


@pytest.fixture
def examples() -> Examples:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 4))
    y = np.digitize(x[:, 0] + x[:, 1], [-0.7, 0.7]).astype(np.int64)
    return Examples(make_table(x), Outcome(Kind.MULTICLASS, y, (0, 1, 2), 3))


def test_contributions_equal_those_of_shap(examples) -> None:
    import shap

    model = CatBoostModel(FAST, n_threads=1).fit(examples)
    new = examples.table.take(np.arange(20))
    other = shap.TreeExplainer(model.trees_)
    found = model.contributions(new, np.arange(4), [feature.name for feature in new.features])
    np.testing.assert_allclose(found.values, centred(np.asarray(other.shap_values(new.to_numpy()))), atol=1e-6)
    np.testing.assert_allclose(found.base, centred(np.asarray(other.expected_value)), atol=1e-6)


def test_contributions_go_to_their_features_whatever_the_order_of_a_pool() -> None:
    rng = np.random.default_rng(1)
    codes, x = rng.integers(0, 2, 200), rng.normal(size=(200, 3))
    table = make_table(x, codes)
    model = CatBoostModel(FAST, n_threads=1).fit(Examples(table, Outcome(Kind.REGRESSION, codes * 10.0)))
    found = model.contributions(table, np.arange(4), [feature.name for feature in table.features])
    assert found.importance[0] > 20 * found.importance[1:].max()


@pytest.mark.parametrize("kind", [Kind.CONVERSION, Kind.MULTICLASS])
def test_more_levels_than_one_hot_has_columns_for(kind, tmp_path) -> None:
    rng = np.random.default_rng(2)
    codes, x = np.arange(900) % 300, rng.normal(size=(900, 2))
    table = make_table(x, codes)
    if kind is Kind.CONVERSION:
        outcome = Outcome(kind, np.where(codes < 150, 0.05, 0.1), trials=np.full(900, 100.0))
    else:
        outcome = Outcome(kind, (codes // 100).astype(np.int64), (0, 1, 2), 3)
    model = CatBoostModel(FAST, n_threads=1).fit(Examples(table, outcome))
    model.save(tmp_path)
    scores = model.decide(table)
    np.testing.assert_allclose(CatBoostModel.load(tmp_path).decide(table), scores, atol=1e-9)
    found = model.contributions(table, np.zeros(3, dtype=np.int64), ["all"])
    np.testing.assert_allclose(found.total, scores, rtol=1e-6, atol=1e-6)


def test_an_unknown_category_is_one_of_its_own() -> None:
    codes = np.tile([-1, 0, 1], 60)
    table = make_table(np.zeros((180, 1)), codes)
    y = np.where(codes == -1, 5.0, 0.0)
    model = CatBoostModel({**FAST, "rounds": 60}, n_threads=1).fit(Examples(table, Outcome(Kind.REGRESSION, y)))
    np.testing.assert_allclose(model.predict(table)[:3, 0], [5.0, 0.0, 0.0], atol=0.2)


def test_stops_where_valid_is_best_and_keeps_those_rounds(examples) -> None:
    model = CatBoostModel({"rounds": 500, "patience": 10}, n_threads=1).fit(
        examples.take(np.arange(100)), examples.take(np.arange(100, 150))
    )
    assert 0 < model.rounds_ < 500
    assert CatBoostModel().params_for_refit([model])["rounds"] == model.rounds_


def test_the_deadline_ends_the_rounds(examples) -> None:
    started = time.monotonic()
    model = CatBoostModel({"rounds": 10**5}, n_threads=1).fit(examples, deadline=started + 0.5)
    assert time.monotonic() - started < 2.5 and model.rounds_ > 1


def test_trees_get_smaller_where_time_is_short_and_never_for_a_small_table() -> None:
    wide, small = Work(4800, 1700, 29), Work(1000, 50, 1)
    assert wide.sized(CatBoostParams(), None).depth == CatBoostParams().depth
    assert wide.sized(CatBoostParams(), 5.0).depth < wide.sized(CatBoostParams(), 60.0).depth
    assert small.sized(CatBoostParams(), 5.0).depth == CatBoostParams().depth and small.rsm == 1.0
