from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models.candidate_classes import Looks, Own
from automl.models.knn import KNNModel
from automl.models.lightgbm import LightGBMModel
from automl.models.linear import LinearModel
from automl.models.reranker import Ranked
from automl.models.shortlist import ShortlistModel

K, DIMS = 60, 24


def make_examples(n: int = 900, seed: int = 0, *, paths: bool = False) -> Examples:
    """Rows of ``K`` classes in six branches, two modes each, with noise that is large where it says nothing."""
    world, rng = np.random.default_rng(7), np.random.default_rng(seed)
    branch = np.arange(K) % 6
    centre = 1.2 * world.normal(size=(6, DIMS))[branch] + 0.6 * world.normal(size=(K, DIMS))
    modes = centre[:, None] + 1.2 * world.normal(size=(K, 2, DIMS))
    y = np.minimum((K * rng.random(n) ** 2).astype(np.int64), K - 1)
    values = modes[y, rng.integers(0, 2, n)] + np.where(np.arange(DIMS) < 4, 4.0, 0.9) * rng.normal(size=(n, DIMS))
    column = Column("photo", Modality.IMAGE, Title("photo", "photo"))
    block = Block("photo", "net", opaque_features(column, "net", DIMS), values.astype("f4"))
    labels = tuple(f"branch {b} > class {k}" for k, b in enumerate(branch))
    outcome = Outcome(Kind.MULTICLASS, y, labels, K, separator=" > " if paths else None)
    return Examples(FeatureTable((block,), pd.RangeIndex(n)), outcome)


def losses(model, examples: Examples) -> tuple[float, float]:
    p = model.predict(examples.table)
    y = examples.outcome.y
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    return float(-np.log(p[np.arange(len(y)), y]).mean()), float((p.argmax(axis=1) != y).mean())


def test_ranking_again_beats_both_looks_alone() -> None:
    train, valid, new = make_examples(1500), make_examples(600, 1), make_examples(1500, 2)
    model = ShortlistModel().fit(train, valid)
    shortlist, knn = losses(model, new), losses(KNNModel().fit(train, valid), new)
    assert shortlist[0] < 0.5 * knn[0] and shortlist[1] < 0.5 * knn[1]
    parts = [model.stages_.discriminant.scores(x) for x, _ in model._inputs(new.table, model.stages_.looks)]
    y = np.searchsorted(model.output_.present, new.outcome.y)
    assert shortlist[0] < 0.95 * -np.concatenate(parts)[np.arange(len(y)), y].mean()


def test_a_class_with_one_row_can_be_said() -> None:
    examples = make_examples()
    values = np.concatenate([examples.table.blocks[0].values, np.full((1, DIMS), 9.0, "f4")])
    table = FeatureTable((Block("photo", "net", examples.table.features, values),), pd.RangeIndex(len(values)))
    outcome = replace(
        examples.outcome,
        y=np.append(examples.outcome.y, K),
        classes=(*examples.outcome.classes, "alone", "never"),
        n_known=K + 2,
    )
    model = ShortlistModel().fit(Examples(table, outcome))
    like_it = FeatureTable(
        (Block("photo", "net", examples.table.features, values[-1:] + np.float32(0.1)),), pd.RangeIndex(1)
    )
    p = model.predict(like_it)
    assert p.shape == (1, K + 2) and p.argmax() == K
    assert 0 < p[0, K + 1] < 0.005


def test_without_time_the_first_stage_stands_alone(monkeypatch) -> None:
    train, new = make_examples(), make_examples(seed=2)
    now = time.monotonic()
    monkeypatch.setattr("automl.models.knn.PRODUCTS", 1.0)  # neighbours would take years
    model = ShortlistModel().fit(train, deadline=now + 30.0)
    assert model.stages_.looks.knn is None and model.stages_.rounds > 0
    assert losses(model, new)[1] < 0.8
    monkeypatch.setattr("automl.models.shortlist_learning.RANKED_SHARE", 0.0)
    model = ShortlistModel().fit(train, deadline=now + 30.0)
    assert model.stages_.booster is None
    assert losses(model, new)[1] < 0.8
    late = ShortlistModel().fit(train, deadline=now - 1.0)
    assert late.stages_ is None and np.ptp(late.predict(new.table), axis=0).max() == 0.0


def test_paths_are_seen_by_the_booster_and_survive_the_disk(tmp_path) -> None:
    train, new = make_examples(paths=True), make_examples(60, 2)
    model = ShortlistModel({"rounds": 20}).fit(train)
    assert model.stages_.looks.branches.shape == (1, K)
    assert len(set(model.stages_.looks.branches[0])) == 6
    model.save(tmp_path)
    np.testing.assert_allclose(ShortlistModel.load(tmp_path).decide(new.table), model.decide(new.table), rtol=1e-9)
    assert ShortlistModel({"rounds": 20}).fit(make_examples()).stages_.looks.branches.shape == (0, K)


def test_left_out_rows_are_seen_as_new_ones() -> None:
    """What is said of a training row without itself is what is said of it by neighbours that never had it."""
    train = make_examples(200)
    y = train.outcome.y.astype(np.int64)
    row = int(np.flatnonzero(np.bincount(y, minlength=K)[y] > 1)[0])
    given = {"neighbours": 5, "temperature": 0.1, "prior_votes": 1e-6}
    looks, others = [], np.delete(np.arange(200), row)
    knn = KNNModel(given).fit(train)
    knn_without = KNNModel(given).fit(train.take(others))
    # The same space, so that only the row's own share can differ.
    knn_without.space_ = knn.space_
    knn_without._remember(knn.points_[others], knn.y_[others], knn.weight_[others])
    present = np.unique(y[others])
    for model, rows in ((knn, np.arange(200)), (knn_without, others)):
        codes = np.searchsorted(model.output_.present, y[rows])
        sizes = np.bincount(codes, minlength=model.output_.n_raw).astype(np.float64)
        looks.append(Looks(model, sizes, np.zeros((0, len(sizes)), dtype=np.int64), 0.0001))
    assert len(present) == knn.output_.n_raw
    flat = np.full((1, len(present)), -np.log(len(present)))
    own = Own(np.array([row]), np.searchsorted(present, y[[row]]), np.ones(1))
    one = looks[0].candidates(flat, knn.points_[[row]], 4, own)
    other = looks[1].candidates(flat, knn.points_[[row]], 4)
    np.testing.assert_array_equal(one.classes, other.classes)
    np.testing.assert_allclose(one.features, other.features, rtol=1e-3, atol=1e-3)


def test_slopes_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    offset = np.log(rng.dirichlet(np.ones(5), 6)[:, :3])
    truth = np.array([0, 1, 2, -1, -1, 0])
    rest = np.log(1.0 - np.exp(offset).sum(axis=1))
    rows = Ranked(np.zeros((6, 3, 1), "f4"), offset, rest, truth, rng.uniform(0.5, 2.0, 6))
    found, step = rng.normal(size=18), 1e-5
    slope, curvature = rows.slopes(found)
    moved = np.eye(18) * step
    by_hand = np.array([rows.loss(found + m) - rows.loss(found - m) for m in moved]) / (2 * step) * rows.weight.sum()
    np.testing.assert_allclose(slope, by_hand, atol=1e-6)
    bent = np.array([rows.slopes(found + m)[0] @ m - rows.slopes(found - m)[0] @ m for m in moved]) / (2 * step**2)
    np.testing.assert_allclose(curvature, bent, atol=1e-6)


def test_it_is_for_many_classes_only() -> None:
    outcome = make_examples().outcome
    assert ShortlistModel.suits(outcome) and LinearModel.suits(outcome)
    assert not ShortlistModel.suits(replace(outcome, n_known=30))
    regression = Outcome(Kind.REGRESSION, np.arange(5.0))
    assert not ShortlistModel.suits(regression)
    with pytest.raises(InputError, match="for classes of kind 'multiclass', not 'regression'"):
        ShortlistModel().fit(Examples(make_examples(5).table, regression))
    with pytest.raises(InputError, match="candidates of at least 2, but got 1"):
        ShortlistModel({"candidates": 1}).fit(make_examples())


def test_models_with_a_tree_or_a_column_for_each_class_do_not_start_what_they_cannot_end(monkeypatch) -> None:
    examples = make_examples()
    monkeypatch.setattr("automl.models.linear.PRODUCTS", 1e5)
    started = time.monotonic()
    assert np.ptp(LinearModel().fit(examples, deadline=started + 20).predict(examples.table), axis=0).max() == 0.0
    monkeypatch.setattr("automl.models.lightgbm.LEAST_ROUNDS", 10**9)
    model = LightGBMModel().fit(examples, deadline=started + 20)
    assert model.booster_ is None and time.monotonic() - started < 10
