"""The contract of ``Model``, over every model that the search picks from."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest

from artifacts.errors import ArtifactError, InputError, NotFittedError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.link import n_link
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models.base import Model
from automl.models.registry import MODELS
from evaluation.texts_methods import method_in

every_model = pytest.mark.parametrize("model_class", MODELS.values(), ids=list(MODELS))
PAIRS = [(model, kind) for model in MODELS.values() for kind in Kind if kind in model.kinds]
every_pair = pytest.mark.parametrize(
    ("model_class", "kind"), PAIRS, ids=[f"{model.name}-{kind.value}" for model, kind in PAIRS]
)
ABSENT = 3  # a class that is known but has no training row; of many labels, one that no training row has
ALWAYS = 4  # of many labels, one that each training row has


def make_examples(kind: Kind, n: int = 240, seed: int = 0) -> Examples:
    """Rows whose outcome hangs on a number, an embedding's first dimension and a category."""
    rng = np.random.default_rng(seed)
    number, photo = rng.normal(size=(n, 1)), rng.normal(size=(n, 20))
    shop = rng.integers(0, 3, size=n)
    signal = 1.5 * number[:, 0] + photo[:, 0] + np.array([-1.5, 0.0, 1.5])[shop]
    number[rng.random(n) < 0.1] = np.nan
    codes = np.where(rng.random(n) < 0.05, -1, shop)
    blocks = (
        make_block("photo", Modality.IMAGE, photo),
        make_block("price", Modality.NUMERIC, number),
        make_block("same", Modality.NUMERIC, np.full((n, 1), 7.0)),
        make_block("none", Modality.NUMERIC, np.full((n, 1), np.nan)),
        make_block("shop", Modality.CATEGORICAL, codes[:, None], ("a", "b", "c", "never seen in training")),
    )
    return Examples(FeatureTable(blocks, pd.RangeIndex(n)), make_outcome(kind, signal, rng))


def make_block(name: str, modality: Modality, values: np.ndarray, levels: tuple[str, ...] | None = None) -> Block:
    column = Column(name, modality, Title(name, name))
    features = opaque_features(column, "features", values.shape[1])
    return Block(name, "features", features, values.astype("f4"), levels)


def make_outcome(kind: Kind, signal: np.ndarray, rng: np.random.Generator) -> Outcome:
    n = len(signal)
    if kind is Kind.REGRESSION:
        return Outcome(kind, 1000.0 + 50.0 * signal + rng.normal(size=n))
    if kind is Kind.BINARY:
        return Outcome(kind, (signal + 0.3 * rng.normal(size=n) > 0).astype(np.int64), ("no", "yes"), 2)
    if kind is Kind.MULTICLASS:
        codes = np.array([0, 1, 2, 4])[np.digitize(signal, [-2.0, 0.0, 2.0])]
        return Outcome(kind, codes.astype(np.int64), ("a", "b", "c", "d", "e"), 5)
    if kind is Kind.MULTILABEL:
        noisy = signal[:, None] + 0.3 * rng.normal(size=(n, 3))
        y = np.hstack([noisy > [1.5, 0.0, -1.5], np.zeros((n, 1)), np.ones((n, 1))])
        return Outcome(kind, y.astype(np.float64), ("a", "b", "c", "never", "always"), 5)
    trials = rng.integers(1, 400, size=n).astype(np.float64)
    rate = 1.0 / (1.0 + np.exp(2.0 - signal))
    return Outcome(kind, rng.binomial(trials.astype(int), rate) / trials, trials=trials)


def make_model(model_class: type[Model], **others: Any) -> Model:
    return model_class(model_class.get_test_params() | others, seed=1, n_threads=1)


def loss(outcome: Outcome, predictions: np.ndarray) -> float:
    weight = outcome.sample_weight
    if outcome.kind is Kind.REGRESSION:
        each = np.square(predictions[:, 0] - outcome.y)
    elif outcome.kind is Kind.CONVERSION:
        each = -outcome.y * np.log(predictions[:, 0]) - (1 - outcome.y) * np.log1p(-predictions[:, 0])
    elif outcome.kind is Kind.MULTILABEL:
        each = -np.log(np.where(outcome.y > 0, predictions, 1.0 - predictions)).sum(axis=1)
    else:
        each = -np.log(predictions[np.arange(len(predictions)), outcome.y])
    return float(np.average(each, weights=weight))


def each_feature(table: FeatureTable) -> tuple[np.ndarray, list[str]]:
    return np.arange(table.n_features), [feature.name for feature in table.features]


@every_pair
def test_fits_better_than_a_constant_and_keeps_shapes(model_class: type[Model], kind: Kind) -> None:
    train, valid, new = (make_examples(kind, seed=seed) for seed in (0, 1, 2))
    model = make_model(model_class).fit(train, valid)
    scores, predictions = model.decide(new.table), model.predict(new.table)
    assert scores.dtype == predictions.dtype == np.float64
    assert scores.shape == (240, n_link(kind, train.outcome.n_outputs))
    assert predictions.shape == (240, train.outcome.n_outputs) and np.isfinite(scores).all()
    constant = make_model(model_class).fit(train, deadline=time.monotonic() - 1.0).predict(new.table)
    assert np.ptp(constant, axis=0).max() == 0.0
    assert loss(new.outcome, predictions) < 0.9 * loss(new.outcome, constant)
    if kind in (Kind.BINARY, Kind.MULTICLASS):
        np.testing.assert_allclose(predictions.sum(axis=1), 1.0, atol=1e-12)
    if kind is Kind.MULTICLASS:
        np.testing.assert_allclose(scores.mean(axis=1), 0.0, atol=1e-9)
        assert predictions[:, ABSENT].min() > 0.0 and predictions[:, ABSENT].max() < 0.005
    if kind is Kind.MULTILABEL:
        assert 0.0 < predictions[0, ABSENT] < 0.005 and 0.995 < predictions[0, ALWAYS] < 1.0
        np.testing.assert_array_equal(predictions[:, ABSENT:], constant[:, ABSENT:])


@every_pair
def test_saved_and_loaded_decides_the_same(model_class: type[Model], kind: Kind, tmp_path) -> None:
    train = make_examples(kind)
    model = make_model(model_class).fit(train)
    model.save(tmp_path)
    back = model_class.load(tmp_path)
    assert (back.kind, back.n_outputs, back.params, back.seed) == (kind, train.outcome.n_outputs, model.params, 1)
    # Products in float32 hang in their last digits on where arrays lie in memory, on some processors.
    near = 1e-4 if model_class.name == "knn" else 1e-9
    np.testing.assert_allclose(back.decide(train.table), model.decide(train.table), rtol=near, atol=near)
    json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".npz", ".txt", ".cbm", ".safetensors"}


@every_pair
def test_contributions_add_up_to_the_decision(model_class: type[Model], kind: Kind) -> None:
    train, new = make_examples(kind), make_examples(kind, n=30, seed=5)
    model = make_model(model_class).fit(train)
    scores = model.decide(new.table)
    groups, names = each_feature(new.table)
    by_feature = model.contributions(new.table, groups, names)
    np.testing.assert_allclose(by_feature.total, scores, rtol=1e-6, atol=1e-6 * np.abs(scores).max())
    assert re.findall(r"[A-Za-z]+", method_in("ru", by_feature.method)) in ([], ["TreeSHAP"])
    sources = ["photo", "not in this view", "price", "same", "none", "shop"]
    grouping = np.array([sources.index(feature.source) for feature in new.table.features])
    by_source = model.contributions(new.table, grouping, sources)
    np.testing.assert_allclose(by_source.total, scores, rtol=1e-6, atol=1e-6 * np.abs(scores).max())
    assert by_source.importance[sources.index("price")] > 0.0
    assert by_source.importance[sources.index("not in this view")] == by_source.importance[sources.index("none")] == 0.0
    assert by_source.unit and by_source.method
    if kind is Kind.MULTICLASS:
        np.testing.assert_allclose(by_source.values.mean(axis=2), 0.0, atol=1e-9)


@every_pair
def test_odd_rows_are_predicted(model_class: type[Model], kind: Kind) -> None:
    train = make_examples(kind)
    model = make_model(model_class).fit(train)
    blocks = [
        Block(b.source, b.featurizer, b.features, np.full((3, len(b.features)), value, "f4"), b.categories)
        for b, value in zip(train.table.blocks, (np.nan, 1e30, -5.0, 4.0, 3.0), strict=True)
    ]
    blocks[4]._stored[1:] = [[-1.0], [0.0]]
    odd = FeatureTable(tuple(blocks), pd.RangeIndex(3))
    scores = model.decide(odd)
    assert np.isfinite(scores).all()
    groups, names = each_feature(odd)
    np.testing.assert_allclose(model.contributions(odd, groups, names).total, scores, rtol=1e-6, atol=1e-5)
    assert model.decide(odd.take(np.array([], dtype=int))).shape == (0, scores.shape[1])


@every_pair
def test_weights_are_used(model_class: type[Model], kind: Kind) -> None:
    """Two halves tell opposite stories; the heavy one is believed."""
    examples = make_examples(kind, n=200)
    block = make_block("x", Modality.NUMERIC, np.arange(200)[:, None] % 2)
    table = FeatureTable((block,), pd.RangeIndex(200))
    parity, first = np.arange(200) % 2, np.arange(200) < 100
    y: np.ndarray = np.where(first, parity, 1 - parity)
    outcome = replace(examples.outcome, y=y.astype(examples.outcome.y.dtype), weight=np.where(first, 1.0, 0.02))
    if kind is Kind.CONVERSION:
        outcome = replace(outcome, y=0.1 + 0.8 * y, weight=None, trials=np.where(first, 500.0, 10.0))
    if kind is Kind.MULTILABEL:
        outcome = replace(outcome, y=np.stack([1.0 - y, y], axis=1), classes=("even", "odd"), n_known=2)
    predictions = make_model(model_class).fit(Examples(table, outcome)).predict(table.take(np.array([0, 1])))
    assert predictions[1, -1 if kind is not Kind.MULTICLASS else 1] > 0.6
    assert predictions[0, -1 if kind is not Kind.MULTICLASS else 1] < 0.4


@every_model
def test_the_scale_of_weights_changes_nothing_and_a_huge_one_does_no_harm(model_class: type[Model]) -> None:
    examples = make_examples(Kind.CONVERSION if Kind.CONVERSION in model_class.kinds else Kind.MULTICLASS)
    outcome = replace(examples.outcome, weight=np.full(240, 1024.0))
    one = make_model(model_class).fit(examples).decide(examples.table)
    other = make_model(model_class).fit(Examples(examples.table, outcome)).decide(examples.table)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    weight = np.ones(240)
    weight[0] = 1e10
    heavy = Examples(examples.table, replace(examples.outcome, weight=weight))
    assert np.isfinite(make_model(model_class).fit(heavy, examples).decide(examples.table)).all()


@every_pair
def test_three_rows_and_constant_targets(model_class: type[Model], kind: Kind) -> None:
    examples = make_examples(kind)
    order = np.argsort(examples.outcome.y if examples.outcome.y.ndim == 1 else examples.outcome.y.sum(axis=1))
    three = examples.take(order[[0, 120, -1]])
    assert np.isfinite(make_model(model_class).fit(three, three).decide(examples.table)).all()
    value = {Kind.REGRESSION: 3e9, Kind.CONVERSION: 0.0}.get(kind, 1)
    same = replace(examples.outcome, y=np.full_like(examples.outcome.y, value))
    model = make_model(model_class).fit(Examples(examples.table, same), examples)
    predictions = model.predict(examples.table)
    if kind is Kind.REGRESSION:
        np.testing.assert_allclose(predictions, 3e9)
    elif kind is Kind.CONVERSION:
        assert (predictions < 1e-3).all() and (predictions > 0).all()
    else:
        assert (predictions[:, 1] > 0.98).all()
    groups, names = each_feature(examples.table)
    assert not model.contributions(examples.table, groups, names).values.any()


@every_model
def test_a_table_that_tells_nothing(model_class: type[Model], tmp_path) -> None:
    examples = make_examples(Kind.MULTICLASS)
    table = examples.table.select(source=["same", "none"])
    model = make_model(model_class).fit(Examples(table, examples.outcome))
    model.save(tmp_path)
    np.testing.assert_array_equal(model_class.load(tmp_path).decide(table), model.decide(table))
    assert np.ptp(model.decide(table), axis=0).max() < 1e-6


@every_pair
def test_the_same_seed_gives_the_same_numbers(model_class: type[Model], kind: Kind) -> None:
    train, valid = make_examples(kind), make_examples(kind, seed=1)
    one, two = (make_model(model_class).fit(train, valid).decide(valid.table) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@every_model
def test_valid_may_hold_only_classes_that_training_lacks(model_class: type[Model]) -> None:
    train, valid = make_examples(Kind.MULTICLASS), make_examples(Kind.MULTICLASS, n=5, seed=1)
    lacking = Examples(valid.table, replace(valid.outcome, y=np.full(5, ABSENT, dtype=np.int64)))
    assert np.isfinite(make_model(model_class).fit(train, lacking).decide(valid.table)).all()


@every_model
def test_a_near_deadline_is_kept(model_class: type[Model]) -> None:
    rng = np.random.default_rng(0)
    block = make_block("photo", Modality.IMAGE, rng.normal(size=(600, 400)))
    table = FeatureTable((block,), pd.RangeIndex(600))
    outcome = Outcome(Kind.MULTICLASS, rng.integers(0, 40, 600), tuple(range(40)), 40)
    model_class(seed=1).fit(Examples(table, outcome), deadline=time.monotonic() - 1)  # libraries are imported now
    started = time.monotonic()
    model = model_class(seed=1).fit(Examples(table, outcome), deadline=started + 1.0)
    assert time.monotonic() - started < 3.0
    assert np.isfinite(model.decide(table)).all()


@every_model
def test_misuse_is_told(model_class: type[Model], tmp_path) -> None:
    examples = make_examples(Kind.MULTICLASS, n=40)
    groups, names = each_feature(examples.table)
    model = make_model(model_class)
    for use in (
        lambda: model.predict(examples.table),
        lambda: model.contributions(examples.table, groups, names),
        lambda: model.save(tmp_path),
    ):
        with pytest.raises(NotFittedError, match="before fit"):
            use()
    with pytest.raises(InputError, match="no parameter 'wrong'"):
        model_class({"wrong": 1}).fit(examples)
    model.fit(examples)
    with pytest.raises(InputError, match="was fitted on 24 features, but the table has 20: lacking"):
        model.decide(examples.table.select(view="image"))


@every_model
def test_damaged_files_are_told(model_class: type[Model], tmp_path) -> None:
    make_model(model_class).fit(make_examples(Kind.MULTICLASS, n=40)).save(tmp_path)
    native = next(path for path in tmp_path.iterdir() if path.name != "model.json")
    content = native.read_bytes()
    native.write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtifactError, match="is missing or not as it was written"):
        model_class.load(tmp_path)
    native.write_bytes(content)
    model_class.load(tmp_path)
    (tmp_path / "model.json").unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        model_class.load(tmp_path)


@every_pair
def test_suggested_and_refit_parameters_are_taken(model_class: type[Model], kind: Kind) -> None:
    examples = make_examples(kind, n=60)
    trial = optuna.create_study().ask()
    suggested = model_class.suggest(trial, examples.outcome, examples.table)
    fast = {name: value for name, value in model_class.get_test_params().items() if name not in suggested}
    fitted = [model_class(suggested | fast, seed=seed, n_threads=1).fit(examples, examples) for seed in (0, 1)]
    assert all(name.startswith(f"{model_class.name}.") for name in trial.params)
    again = model_class(fitted[0].params_for_refit(fitted), n_threads=1).fit(examples)
    assert np.isfinite(again.decide(examples.table)).all()
