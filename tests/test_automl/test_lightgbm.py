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
from automl.models import lightgbm as module
from automl.models.lightgbm import LightGBMModel


def make_table(values: np.ndarray) -> FeatureTable:
    column = Column("x", Modality.NUMERIC, Title("x", "x"))
    features = opaque_features(column, "number", values.shape[1])
    return FeatureTable((Block("x", "number", features, values.astype("f4")),), pd.RangeIndex(len(values)))


@pytest.fixture
def examples() -> Examples:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 4))
    y = np.digitize(x[:, 0] + x[:, 1], [-0.7, 0.7]).astype(np.int64)
    return Examples(make_table(x), Outcome(Kind.MULTICLASS, y, (0, 1, 2), 3))


def test_contributions_equal_those_of_shap(examples) -> None:
    import shap

    model = LightGBMModel({"rounds": 10}, n_threads=1).fit(examples)
    new = examples.table.take(np.arange(20))
    other = shap.TreeExplainer(model.booster_)
    names = [feature.name for feature in new.features]
    found = model.contributions(new, np.arange(4), names)
    np.testing.assert_allclose(found.values, centred(np.asarray(other.shap_values(new.to_numpy()))), atol=1e-6)
    np.testing.assert_allclose(found.base, centred(np.asarray(other.expected_value)), atol=1e-6)


def test_pieces_give_the_same_contributions(examples, monkeypatch) -> None:
    model = LightGBMModel({"rounds": 5}, n_threads=1).fit(examples)
    whole = model.contributions(examples.table, np.zeros(4, dtype=np.int64), ["x"])
    monkeypatch.setattr(module, "CHUNK_BYTES", 1000)
    pieces = model.contributions(examples.table, np.zeros(4, dtype=np.int64), ["x"])
    np.testing.assert_array_equal(whole.values, pieces.values)


def test_stops_where_valid_is_best_and_keeps_those_rounds(examples) -> None:
    model = LightGBMModel({"rounds": 500, "patience": 10}, n_threads=1).fit(
        examples.take(np.arange(100)), examples.take(np.arange(100, 150))
    )
    assert 0 < model.rounds_ < 400
    assert model.booster_.current_iteration() == model.rounds_
    assert LightGBMModel().params_for_refit([model])["rounds"] == model.rounds_


def test_the_deadline_ends_the_rounds(examples) -> None:
    LightGBMModel({"rounds": 1}, n_threads=1).fit(examples)  # the library is imported now
    started = time.monotonic()
    model = LightGBMModel({"rounds": 10**6}, n_threads=1).fit(examples, deadline=started + 0.3)
    assert time.monotonic() - started < 2.0 and model.rounds_ > 1


def test_a_target_beyond_the_precision_of_float32() -> None:
    x = np.linspace(-1, 1, 200)[:, None]
    y = 1e9 + np.where(x[:, 0] > 0, 1.0, 0.0)
    model = LightGBMModel({"rounds": 100}, n_threads=1).fit(Examples(make_table(x), Outcome(Kind.REGRESSION, y)))
    np.testing.assert_allclose(model.predict(make_table(np.array([[-0.5], [0.5]])))[:, 0] - 1e9, [0.0, 1.0], atol=0.05)
