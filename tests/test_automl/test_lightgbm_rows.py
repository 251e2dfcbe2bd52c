from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Modality, Title, opaque_features
from automl.models import lightgbm_rows
from automl.models.lightgbm_rows import Rows, binned, matrix

PARAMS = {"objective": "regression", "verbosity": -1, "seed": 0, "num_threads": 1, "deterministic": True}


def make_table(n: int = 300) -> FeatureTable:
    rng = np.random.default_rng(0)
    x, shop = (Column(name, Modality.NUMERIC, Title(name, name)) for name in ("x", "shop"))
    values = rng.normal(size=(n, 3)).astype("f4")
    values[::7, 1] = np.nan
    codes = rng.integers(-1, 3, size=(n, 1)).astype("f4")
    blocks = (
        Block("shop", "code", opaque_features(shop, "code", 1), codes, ("a", "b", "c")),
        Block("x", "number", opaque_features(x, "number", 3), values),
    )
    return FeatureTable(blocks, pd.RangeIndex(n))


def test_rows_are_those_of_the_matrix() -> None:
    table = make_table().take(np.arange(299, -1, -1))
    whole, rows = matrix(table), Rows(table)
    assert np.isnan(whole[table.blocks[0].values[:, 0] == -1, 0]).all()
    assert len(rows) == 300
    np.testing.assert_array_equal(rows[17], whole[17])
    np.testing.assert_array_equal(rows[290:400], whole[290:])
    np.testing.assert_array_equal(rows[[5, 2]], whole[[5, 2]])


def test_reading_by_pieces_gives_the_trees_of_the_whole_matrix(monkeypatch) -> None:
    table = make_table()
    y = np.nan_to_num(table.to_numpy()).sum(axis=1).astype("f8")
    weight = np.ones(300)
    monkeypatch.setattr(Rows, "batch_size", 64)
    whole = binned(table, y, weight, PARAMS)  # a small table is read at once
    pieces = binned(table, y, weight, PARAMS, reference=whole)
    found = []
    for data in (whole, pieces):
        booster = lightgbm.Booster(PARAMS, data)
        for _ in range(10):
            booster.update()
        found.append(booster.predict(matrix(table)))
    np.testing.assert_array_equal(found[0], found[1])


def test_bins_come_from_a_sample_and_all_rows_are_learned_from(monkeypatch) -> None:
    monkeypatch.setattr(lightgbm_rows, "BINNED_VALUES", 0)
    monkeypatch.setattr(lightgbm_rows, "FEWEST_BINNED", 50)
    table = make_table()
    y = table.blocks[1].values[:, 0].astype("f8")
    data = binned(table, y, np.ones(300), PARAMS).construct()
    assert data.num_data() == 300
    assert data.reference is not None and data.reference.num_data() == 50
    booster = lightgbm.Booster(PARAMS, data)
    for _ in range(50):
        booster.update()
    assert np.corrcoef(booster.predict(matrix(table)), y)[0, 1] > 0.95
