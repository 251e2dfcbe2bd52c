from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features, quantity_feature
from automl.models.linear import DEFAULT_ALPHA, LinearModel
from automl.models.matrix import LARGEST, MAX_LEVELS, Standardizer, sum_over_groups
from automl.models.output import Output
from automl.models.solvers import Rows, ridge


def numbers(values: np.ndarray, name: str = "x") -> FeatureTable:
    column = Column(name, Modality.NUMERIC, Title(name, name))
    features = opaque_features(column, "number", values.shape[1])
    return FeatureTable((Block(name, "number", features, values.astype("f4")),), pd.RangeIndex(len(values)))


def categories(codes: np.ndarray, n_levels: int) -> FeatureTable:
    column = Column("c", Modality.CATEGORICAL, Title("c", "c"))
    levels = tuple(f"level {i}" for i in range(n_levels))
    block = Block("c", "code", opaque_features(column, "code", 1), codes.astype("f4")[:, None], levels)
    return FeatureTable((block,), pd.RangeIndex(len(codes)))


@pytest.fixture
def wide() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, 8)) * np.logspace(-2, 3, 8) + 5.0


def test_ridge_equals_scikit_learn_with_weights(wide) -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(1)
    y, weight = 1e4 + wide @ np.logspace(2, -3, 8) + rng.normal(size=120), rng.uniform(0.1, 3.0, 120)
    table = numbers(wide)
    model = LinearModel({"alpha": 0.3, "balance": 0.0}).fit(Examples(table, Outcome(Kind.REGRESSION, y, weight=weight)))
    z = Standardizer.of(table).transform(table).astype(np.float64)
    other = Ridge(alpha=0.3 * weight.sum()).fit(z, y, sample_weight=weight)
    np.testing.assert_allclose(model.decide(table)[:, 0], other.predict(z), rtol=1e-7)


@pytest.mark.parametrize("n_columns", [5, 60])
def test_the_leave_one_out_error_is_that_of_leaving_rows_out(n_columns) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(25, n_columns)).astype("f4")
    y, weight = x[:, 0] + 0.5 * rng.normal(size=25), rng.uniform(0.5, 2.0, 25)
    weight /= weight.mean()
    alphas = (3.0, 0.3, 0.03, 0.003)
    error = np.zeros(4)
    for i in range(25):
        rest = np.arange(25) != i
        for j, alpha in enumerate(alphas):
            # The penalty is against the mean over all 25 rows, so it grows when one is left out.
            share = weight[rest].mean() * rest.sum() / 25
            part = Rows(x[rest], y[rest], weight[rest] / weight[rest].mean())
            found = ridge(part, (alpha / share,), None)
            error[j] += weight[i] * (found.scores(x[i : i + 1])[0, 0] - y[i]) ** 2
    assert ridge(Rows(x, y, weight), alphas, None).alpha == alphas[int(np.argmin(error))]


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.CONVERSION, Kind.MULTICLASS])
def test_logistic_regression_equals_scikit_learn(wide, kind) -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    table = numbers(wide)
    z = Standardizer.of(table).transform(table).astype(np.float64)
    weight = rng.uniform(0.5, 2.0, 120)
    weight /= weight.mean()
    other = LogisticRegression(C=1.0 / (0.01 * 120), tol=1e-10, max_iter=5000)
    if kind is Kind.CONVERSION:
        rate = rng.uniform(size=120)
        outcome = Outcome(kind, rate, trials=weight * 50)
        both = np.concatenate([np.ones(120), np.zeros(120)])
        other.fit(np.vstack([z, z]), both, sample_weight=np.concatenate([weight * rate, weight * (1 - rate)]))
        expected = other.decision_function(z)[:, None]
    else:
        n_classes = 2 if kind is Kind.BINARY else 3
        y = (z[:, 0] + rng.normal(size=120) > 0).astype(np.int64) + (n_classes - 2) * (z[:, 1] > 0.5)
        outcome = Outcome(kind, y.astype(np.int64), tuple(range(n_classes)), n_classes, weight=weight)
        other.fit(z, y, sample_weight=weight)
        expected = other.decision_function(z).reshape(120, -1)
    found = LinearModel({"alpha": 0.01, "balance": 0.0}).fit(Examples(table, outcome)).decide(table)
    np.testing.assert_allclose(found, expected, atol=0.1)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9995


def test_contributions_equal_those_of_shap(wide) -> None:
    import shap

    table = numbers(wide)
    y = (wide[:, 0] > wide[:, 0].mean()).astype(np.int64)
    model = LinearModel().fit(Examples(table, Outcome(Kind.BINARY, y, ("no", "yes"), 2)))
    z = model._matrix(table).astype(np.float64)
    other = shap.LinearExplainer(
        (model.fitted_.coefficients[:, 0], model.fitted_.intercepts[0]), shap.maskers.Independent(z, max_samples=200)
    )
    names = [feature.name for feature in table.features]
    found = model.contributions(table, np.arange(8), names)
    np.testing.assert_allclose(found.values[:, :, 0], other.shap_values(z), atol=1e-9)
    np.testing.assert_allclose(found.base, other.expected_value, atol=1e-9)


def test_the_penalty_is_chosen_on_valid_and_the_median_refits() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 30))
    noise = Outcome(Kind.BINARY, rng.integers(0, 2, 400), (0, 1), 2)
    signal = Outcome(Kind.BINARY, (x[:, 0] > 0).astype(np.int64), (0, 1), 2)
    table, train, valid = numbers(x), np.arange(300), np.arange(300, 400)
    fitted = {}
    for name, outcome in (("noise", noise), ("signal", signal)):
        examples = Examples(table, outcome)
        fitted[name] = LinearModel().fit(examples.take(train), examples.take(valid))
    assert fitted["noise"].fitted_.alpha > 30 * fitted["signal"].fitted_.alpha
    refit = LinearModel().params_for_refit([fitted["noise"], fitted["signal"], fitted["signal"]])
    assert refit["alpha"] == pytest.approx(fitted["signal"].fitted_.alpha)
    assert LinearModel().fit(Examples(table, signal)).fitted_.alpha == DEFAULT_ALPHA


def test_iterative_and_closed_form_regression_agree(wide, monkeypatch) -> None:
    y = wide @ np.logspace(2, -3, 8)
    table, outcome = numbers(wide), Outcome(Kind.REGRESSION, y)
    closed = LinearModel({"alpha": 0.01}).fit(Examples(table, outcome)).decide(table)
    monkeypatch.setattr("automl.models.linear.LARGEST_CLOSED_FORM", 3)
    iterative = LinearModel({"alpha": 0.01}).fit(Examples(table, outcome)).decide(table)
    np.testing.assert_allclose(iterative, closed, atol=0.02 * y.std())


def test_columns_have_mean_0_and_variance_1_and_flags_are_not_repeated() -> None:
    values = np.random.default_rng(5).normal(3.0, 2.0, size=(500, 4))
    values[:100, :3] = np.nan  # the same rows in three features: one flag
    values[7, 3] = 1e6
    table = numbers(values)
    standardizer = Standardizer.of(table)
    z = standardizer.transform(table)
    assert standardizer.feature.tolist() == [0, 1, 2, 3, 0] and z.dtype == np.float32
    known = z[100:, :3]
    np.testing.assert_allclose(known.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(known.std(axis=0), 1.0, atol=1e-5)
    assert not z[:100, :3].any() and np.unique(z[:, 4]).size == 2 and z.max() == LARGEST


def test_levels_that_training_lacked_leave_all_columns_at_their_mean() -> None:
    codes = np.array([0, 0, 1, 2, -1, 0])
    standardizer = Standardizer.of(categories(codes, 5))
    assert standardizer.level.tolist() == [-1, 0, 1, 2]
    z = standardizer.transform(categories(np.array([4, 1]), 5))
    assert not z[0].any() and z[1].argmax() == 2
    many = Standardizer.of(categories(np.arange(400) % 390, 390))
    assert many.n_columns == MAX_LEVELS and set(range(10)) <= set(many.level.tolist())


def test_groups_may_be_empty_and_out_of_order() -> None:
    summed = sum_over_groups(np.array([[1.0, 2.0, 4.0]]), np.array([2, 0, 2]), 4)
    np.testing.assert_array_equal(summed, [[2.0, 0.0, 5.0, 0.0]])
    with pytest.raises(ValueError, match="position from 0 to 1 for each of 3 features"):
        sum_over_groups(np.ones((1, 3)), np.array([0, 1, 2]), 2)


def test_an_absent_class_is_bounded_however_sure_the_model() -> None:
    outcome = Outcome(Kind.MULTICLASS, np.array([0, 2, 2]), ("a", "b", "c"), 3)
    output = Output.of(outcome)
    assert output.present == (0, 2)
    scores = output.link(np.array([[50.0, -50.0], [0.0, 0.0]]))
    np.testing.assert_allclose(scores.sum(axis=1), 0.0, atol=1e-12)
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert (probability[:, 1] <= 0.5 / 4 + 1e-12).all() and probability[0, 0] > 0.99
    assert Output.from_json(output.to_json()) == output


def test_unusable_weights_and_targets_are_told(wide) -> None:
    table = numbers(wide)
    with pytest.raises(ValueError, match="finite weights >= 0 that are not all 0, but got 120 rows"):
        LinearModel().fit(Examples(table, Outcome(Kind.REGRESSION, wide[:, 0], weight=np.zeros(120))))
    with pytest.raises(ValueError, match="finite targets, but 120 are not"):
        LinearModel().fit(Examples(table, Outcome(Kind.REGRESSION, np.full(120, np.nan))))


def test_characteristics_weigh_together_as_one_embedding() -> None:
    column = Column("x", Modality.NUMERIC, Title("x", "x"))
    values = np.random.default_rng(0).normal(size=(20, 16)).astype("f4")
    single = []
    for i in range(4):
        feature = quantity_feature(column, "number", f"v{i}", Title("v", "v"))
        single.append(Block(f"x{i}", "number", (feature,), np.ascontiguousarray(values[:, [i]])))
    blocks = (*single, Block("e", "net", opaque_features(replace(column, name="e"), "net", 16), values))
    outcome = Outcome(Kind.REGRESSION, values[:, 0].astype(np.float64))
    model = LinearModel({"balance": 0.5}).fit(Examples(FeatureTable(blocks, pd.RangeIndex(20)), outcome))
    np.testing.assert_allclose(model._scale, [0.5] * 4 + [0.25] * 16)


def test_main_axes_keep_their_spread_and_count_for_the_features_they_are_made_of(tmp_path) -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(150, 3)) * [4.0, 2.0, 1.0] @ rng.normal(size=(3, 20)) + 0.01 * rng.normal(size=(150, 20))
    table = FeatureTable((*numbers(x, "photo").blocks, *numbers(x[:, :1], "price").blocks), pd.RangeIndex(150))
    examples = Examples(table, Outcome(Kind.REGRESSION, x[:, 0] + 0.1 * rng.normal(size=150)))
    model = LinearModel({"components": 3, "balance": 0.0}).fit(examples)
    along = model._matrix(table)
    assert along.shape == (150, 4)
    off = x - x.mean(axis=0)
    kept, whole = np.linalg.svd(along[:, :3], compute_uv=False), np.linalg.svd(off, compute_uv=False)[:3]
    np.testing.assert_allclose(kept / kept[0], whole / whole[0], rtol=0.01)
    groups = np.array([0] * 10 + [1] * 10 + [2])
    found = model.contributions(table, groups, ["left", "right", "price"])
    np.testing.assert_allclose(found.total, model.decide(table), atol=1e-6)
    assert (found.importance > 0).all()
    model.save(tmp_path)
    np.testing.assert_array_equal(LinearModel.load(tmp_path).decide(table), model.decide(table))
    assert np.corrcoef(model.decide(table)[:, 0], x[:, 0])[0, 1] > 0.98


def test_only_fewer_axes_than_there_are_dimensions_are_searched(wide) -> None:
    import optuna

    outcome = Outcome(Kind.REGRESSION, wide[:, 0])
    for width, wanted in ((8, None), (100, (0, 32, 64))):
        trial = optuna.create_study().ask()
        LinearModel.suggest(trial, outcome, numbers(np.zeros((120, width))))
        found = trial.distributions.get("linear.components")
        assert (found.choices if found else None) == wanted
