from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features, quantity_feature
from automl.models.knn import KNNModel
from automl.models.neighbour_space import Space

N = 150


def embedding(name: str, values: np.ndarray) -> Block:
    column = Column(name, Modality.IMAGE, Title(name, name))
    return Block(name, "net", opaque_features(column, "net", values.shape[1]), values.astype("f4"))


def number(name: str, values: np.ndarray) -> Block:
    column = Column(name, Modality.NUMERIC, Title(name, name))
    feature = quantity_feature(column, "number", "value", Title("value", "значение"))
    return Block(name, "number", (feature,), np.ascontiguousarray(values, dtype="f4")[:, None])


def table(*blocks: Block) -> FeatureTable:
    return FeatureTable(blocks, pd.RangeIndex(blocks[0].n_samples))


@pytest.fixture
def rows() -> FeatureTable:
    rng = np.random.default_rng(0)
    return table(embedding("photo", rng.normal(size=(N, 12))), number("x", rng.normal(size=N)))


def test_half_the_squared_distance_is_a_weighted_mean_over_embeddings_and_characteristics(rows) -> None:
    space = Space.of(rows, n_components=64, table_weight=3.0, rows=np.arange(N))
    points = space.points(rows).astype(np.float64)
    photo, x = rows.blocks[0].values, rows.blocks[1].values[:, 0]
    unit = photo - photo.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    expected = 0.25 * (1.0 - unit[0] @ unit[1]) + 0.75 * 0.5 * np.square((x[0] - x[1]) / x.std())
    assert 0.5 * np.square(points[0] - points[1]).sum() == pytest.approx(expected, rel=1e-4)
    back = Space.from_arrays(space.arrays())
    np.testing.assert_array_equal(back.points(rows), space.points(rows))


def test_votes_are_those_of_scikit_learn(rows) -> None:
    from sklearn.neighbors import KNeighborsRegressor

    photo = rows.select(source="photo")
    values = photo.to_numpy().astype(np.float64)
    y = np.random.default_rng(1).normal(size=N)
    model = KNNModel({"neighbours": 7, "temperature": 1e9, "prior_votes": 1e-9})
    model.fit(Examples(photo.take(np.arange(100)), Outcome(Kind.REGRESSION, y[:100])))
    centred = values - values[:100].mean(axis=0)
    other = KNeighborsRegressor(7, metric="cosine").fit(centred[:100], y[:100])
    found = model.decide(photo.take(np.arange(100, N)))[:, 0]
    np.testing.assert_allclose(found, other.predict(centred[100:]), atol=1e-5)


def test_a_row_is_no_neighbour_of_itself_when_votes_are_chosen(rows) -> None:
    """Random targets: one neighbour is right on itself, and wrong elsewhere."""
    y = np.random.default_rng(2).integers(0, 2, N)
    model = KNNModel().fit(Examples(rows, Outcome(Kind.BINARY, y, ("no", "yes"), 2)))
    assert model.votes_.neighbours > 3 or model.votes_.prior >= 3.0
    held = Examples(rows.take(np.arange(100, N)), Outcome(Kind.BINARY, y[100:], ("no", "yes"), 2))
    known = Examples(rows.take(np.arange(100)), Outcome(Kind.BINARY, y[:100], ("no", "yes"), 2))
    assert KNNModel().fit(known, held).votes_.prior >= 0.3


def test_a_row_without_a_photo_is_told_by_the_rest() -> None:
    rng = np.random.default_rng(3)
    photo, x = rng.normal(size=(N, 12)), rng.normal(size=N)
    train = Examples(table(embedding("photo", photo), number("x", x)), Outcome(Kind.REGRESSION, 10.0 * x))
    model = KNNModel({"table_weight": 0.5}).fit(train)
    lacking = table(embedding("photo", np.full((N, 12), np.nan)), number("x", x))
    assert np.corrcoef(model.decide(lacking)[:, 0], x)[0, 1] > 0.9
    found = model.contributions(lacking, np.array([0] * 12 + [1]), ["photo", "x"])
    assert found.importance[1] > 5 * found.importance[0]
    assert "exact Shapley" in found.method


def test_an_embedding_is_shared_by_the_groups_of_its_features(rows) -> None:
    y = rows.blocks[0].values[:, 0] + rows.blocks[1].values[:, 0]
    model = KNNModel().fit(Examples(rows, Outcome(Kind.REGRESSION, y.astype(np.float64))))
    groups = np.array([0] * 9 + [1] * 3 + [2])
    found = model.contributions(rows, groups, ["most", "few", "x"])
    np.testing.assert_allclose(found.values[:, 0], 3 * found.values[:, 1], atol=1e-9)
    whole = model.contributions(rows, np.array([0] * 12 + [1]), ["photo", "x"])
    np.testing.assert_allclose(found.values[:, :2].sum(axis=1), whole.values[:, 0], atol=1e-9)


def test_many_sources_are_explained_from_sampled_orders() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(N, 12))
    rows = table(*(number(f"x{i:02d}", column) for i, column in enumerate(values.T)))
    model = KNNModel().fit(Examples(rows, Outcome(Kind.REGRESSION, 5.0 * values[:, 3])))
    found = model.contributions(rows, np.arange(12), [f"x{i:02d}" for i in range(12)])
    np.testing.assert_allclose(found.total, model.decide(rows), atol=1e-8)
    assert int(np.argmax(found.importance)) == 3 and "orders" in found.method


def test_rows_without_a_photo_are_nobodys_neighbours_by_it() -> None:
    rng = np.random.default_rng(5)
    photo = rng.normal(size=(900, 48))
    photo[:, 0] *= 2
    y = (photo[:, 0] + 0.3 * rng.normal(size=900) > 0).astype(np.int64)
    lacking = photo.copy()
    lacking[rng.random(900) < 0.15] = np.nan
    known = np.isfinite(lacking[:, 0]) & (np.arange(900) >= 600)
    hits = []
    for values in (photo, lacking):
        rows = table(embedding("photo", values))
        examples = Examples(rows, Outcome(Kind.BINARY, y, ("no", "yes"), 2))
        model = KNNModel().fit(examples.take(np.arange(600)))
        hits.append(((model.decide(rows)[:, 0] > 0) == y)[known].mean())
    assert hits[1] > hits[0] - 0.03


def test_neither_what_else_is_asked_nor_the_order_of_rows_matters() -> None:
    rng = np.random.default_rng(6)
    rows = table(embedding("photo", rng.normal(size=(12, 8))[rng.integers(0, 12, N)]))  # many are the same
    examples = Examples(rows, Outcome(Kind.REGRESSION, rng.normal(size=N)))
    params = {"neighbours": 5, "temperature": 0.3, "prior_votes": 0.3}
    model, shuffled = (KNNModel(params).fit(examples.take(order)) for order in (np.arange(N), rng.permutation(N)))
    together = model.decide(rows)
    alone = np.concatenate([model.decide(rows.take(np.array([i]))) for i in range(N)])
    np.testing.assert_allclose(alone, together, atol=1e-4)
    np.testing.assert_allclose(shuffled.decide(rows), together, atol=1e-4)


def test_an_explanation_of_many_rows_looks_at_some_of_them(monkeypatch) -> None:
    from automl.models import knn

    rng = np.random.default_rng(7)
    rows = table(number("x", rng.normal(size=N)), number("z", rng.normal(size=N)))
    model = KNNModel().fit(Examples(rows, Outcome(Kind.REGRESSION, 9.0 * rows.blocks[0].values[:, 0].astype("f8"))))
    whole = model.contributions(rows, np.array([0, 1]), ["x", "z"])
    monkeypatch.setattr(knn, "CANDIDATES", 80)
    some = model.contributions(rows, np.array([0, 1]), ["x", "z"])
    np.testing.assert_allclose(some.total, model.decide(rows), atol=1e-8)
    assert "among 80 rows" in some.method and "among" not in whole.method
    assert np.corrcoef(some.values[:, 0, 0], whole.values[:, 0, 0])[0, 1] > 0.97


def test_huge_values_and_too_few_axes(rows) -> None:
    huge = table(embedding("photo", rows.blocks[0].values * 1e25))
    y = Outcome(Kind.REGRESSION, np.arange(N, dtype="f8"))
    assert np.isfinite(KNNModel().fit(Examples(huge, y)).decide(huge)).all()
    with pytest.raises(InputError, match="components of at least 1"):
        KNNModel({"components": 0}).fit(Examples(rows, y))
