"""Scales on which a target is learned, and weights of classes."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models.output import Output, OutputParams, suggest_output
from automl.models.registry import MODELS
from automl.models.target_scale import SCALES, TargetScale, scales_to_try

every_scale = pytest.mark.parametrize("name", SCALES)
# The shortlist knows classes alone, and many of them; it weighs them by itself.
every_model = pytest.mark.parametrize("model", [name for name in MODELS if name != "shortlist"])


def skewed(n: int = 400, seed: int = 0) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(size=n)) * 1e6


def make_examples(y: np.ndarray, x: np.ndarray) -> Examples:
    column = Column("x", Modality.NUMERIC, Title("x", "x"))
    block = Block("x", "number", opaque_features(column, "number", x.shape[1]), x.astype("f4"))
    return Examples(FeatureTable((block,), pd.RangeIndex(len(y))), Outcome(Kind.REGRESSION, y))


@every_scale
def test_a_scale_is_monotone_and_goes_back(name: str) -> None:
    y = np.sort(skewed())
    scale = TargetScale.of(name, y)
    z = scale.forward(y)
    assert np.all(np.diff(z) > 0)
    np.testing.assert_allclose(scale.backward(z), y, rtol=0.02 if name == "quantile" else 1e-9)


@every_scale
def test_nothing_is_predicted_beyond_the_targets_of_training(name: str) -> None:
    y = skewed()
    scale = TargetScale.of(name, y)
    far = scale.forward(np.array([y.min(), y.max()])) + np.array([-50.0, 50.0]) * np.ptp(scale.forward(y))
    found = scale.backward(far)
    assert np.isfinite(found).all()
    if name != "identity":
        np.testing.assert_allclose(found, [y.min(), y.max()], rtol=1e-9)


@every_scale
def test_a_scale_is_plain_data(name: str) -> None:
    scale = TargetScale.of(name, skewed()).with_noise(np.array([-0.1, 0.0, 0.3]))
    assert TargetScale.from_json(json.loads(json.dumps(asdict(scale)))) == scale


@pytest.mark.parametrize("name", ["yeo-johnson", "quantile"])
def test_targets_below_zero_and_ties(name: str) -> None:
    y = np.repeat([-5.0, 0.0, 0.0, 1.0, 40.0], 30)
    scale = TargetScale.of(name, y)
    np.testing.assert_allclose(scale.backward(scale.forward(y)), y, atol=0.3)


def test_the_log_of_a_negative_target_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs values >= 0, but the smallest is -1\. Try yeo-johnson"):
        TargetScale.of("log", np.array([-1.0, 2.0, 3.0]))
    assert TargetScale.of("log", np.array([0.0, 2.0])).forward(np.array([0.0]))[0] == 0.0


def test_an_unknown_scale_is_named() -> None:
    with pytest.raises(InputError, match=r"Unknown target scale 'lag'\. Did you mean 'log'"):
        TargetScale.of("lag", skewed())


def test_scales_are_tried_for_skewed_targets_alone() -> None:
    assert scales_to_try(np.random.default_rng(0).normal(size=300)) == ("identity",)
    assert "log" in scales_to_try(skewed())
    assert "log" not in scales_to_try(skewed() - skewed().min() - 1.0)
    assert scales_to_try(np.full(9, 3.0)) == ("identity",)


@every_model
@pytest.mark.parametrize("name", ["log", "quantile"])
def test_models_learn_on_a_scale_and_predict_means(model: str, name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1200, 3))
    y = np.exp(x[:, 0] + 0.8 * rng.normal(size=1200))
    examples = make_examples(y, x)
    train, valid, test = (examples.take(np.arange(a, a + 400)) for a in (0, 400, 800))
    params = {**MODELS[model].get_test_params(), "target_scale": name}
    fitted = MODELS[model](params).fit(train, valid)
    predicted = fitted.predict(test.table)[:, 0]
    plain = TargetScale.of(name, train.outcome.y)
    # The mean of exp(x + noise) is 1.38 times the value at the mean of the noise.
    wanted = 1.38 * np.exp(x[800:, 0]).mean()
    assert predicted.mean() == pytest.approx(wanted, rel=0.25)
    assert np.corrcoef(plain.forward(predicted), x[800:, 0])[0, 1] > 0.85
    explained = fitted.contributions(test.table, np.arange(3), ["a", "b", "c"])
    np.testing.assert_allclose(explained.values.sum(axis=1) + explained.base, fitted.decide(test.table), rtol=1e-6)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(MODELS[model].load(tmp_path).decide(test.table), fitted.decide(test.table))
    fitted.output_ = replace(fitted.output_, target=replace(fitted.output_.target, noise=(0.0,)))
    assert fitted.predict(test.table).mean() < 0.9 * predicted.mean()


@every_model
def test_balanced_classes_find_the_rare_one_more_often(model: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(800, 3))
    y = (x[:, 0] + 0.7 * rng.normal(size=800) > 1.8).astype(np.int64)
    table = make_examples(np.zeros(800), x).table
    for kind, classes in ((Kind.BINARY, ("no", "yes")), (Kind.MULTICLASS, ("no", "yes", "never"))):
        examples = Examples(table, Outcome(kind, y, classes, len(classes)))
        train, valid, test = (
            examples.take(np.arange(400)),
            examples.take(np.arange(400, 600)),
            table.take(np.arange(600, 800)),
        )
        found = [
            MODELS[model]({**MODELS[model].get_test_params(), "class_balance": balance})
            .fit(train, valid)
            .predict(test)[:, 1]
            .mean()
            for balance in (0.0, 1.0)
        ]
        assert found[1] > 1.5 * found[0]


def test_balanced_weights_make_classes_weigh_the_same() -> None:
    outcome = Outcome(Kind.MULTICLASS, np.repeat([0, 2], [30, 10]), ("a", "b", "c"), 3)
    output = Output.of(outcome, OutputParams(class_balance=1.0))
    y, weight = output.encode(outcome)
    assert weight[y == 0].sum() == pytest.approx(weight[y == 1].sum())
    assert weight.mean() == pytest.approx(1.0)
    assert output.prior == pytest.approx((0.0, 0.0))


def test_what_is_searched_depends_on_the_targets() -> None:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    assert suggest_output(trial, "m", Outcome(Kind.REGRESSION, np.arange(50.0))) == {}
    assert set(suggest_output(trial, "m", Outcome(Kind.REGRESSION, skewed()))) == {"target_scale"}
    even = Outcome(Kind.BINARY, np.repeat([0, 1], 20), ("a", "b"), 2)
    assert suggest_output(trial, "m", even) == {}
    uneven = Outcome(Kind.BINARY, np.repeat([0, 1], [40, 4]), ("a", "b"), 2)
    assert set(suggest_output(trial, "m", uneven)) == {"class_balance"}
