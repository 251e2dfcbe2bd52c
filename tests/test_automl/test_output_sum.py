"""Models of stacks: a weighted sum of other models' outputs, and trees that correct it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import ArtifactError
from artifacts.examples import Examples
from artifacts.link import centred, n_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.backends.stacking import STACKERS, stack_table
from automl.models import output_sum
from automl.models.base import Model
from automl.models.boosted_sum import BoostedSum
from automl.models.output_sum import OutputSum
from evaluation.metrics import METRICS, constant_prediction

MEMBERS = ("good", "fair", "noise")
LOSS = {Kind.REGRESSION: "rmse", Kind.CONVERSION: "log_likelihood_skill", Kind.MULTILABEL: "log_loss"}
every_kind = pytest.mark.parametrize("kind", list(Kind), ids=[kind.value for kind in Kind])
every_stacker = pytest.mark.parametrize("stacker", STACKERS.values(), ids=list(STACKERS))


def make_examples(kind: Kind, n: int = 600, seed: int = 0, crossed: float = 0.0) -> Examples:
    """Outputs of a good, a fair and a useless model; ``crossed`` adds what only a product of two outputs tells."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, n_link(kind, 4))) * (1.0 if kind is Kind.REGRESSION else 2.0)
    noise = [rng.normal(size=truth.shape) for _ in MEMBERS]
    scores = [truth + 0.5 * noise[0], truth + 1.2 * noise[1], 2.0 * noise[2]]
    truth = truth + crossed * np.sign(scores[0][:, :1] * scores[2][:, :1]) * (1 if kind is not Kind.MULTICLASS else 0)
    if kind is Kind.MULTICLASS:
        scores = [centred(values) for values in scores]
        y: Any = (truth + rng.gumbel(size=truth.shape)).argmax(axis=1)
        outcome = Outcome(kind, y, tuple("abcd"), 4)
    elif kind is Kind.MULTILABEL:
        outcome = Outcome(kind, (truth + rng.logistic(size=truth.shape) > 0).astype(float), tuple("abcd"), 4)
    elif kind is Kind.BINARY:
        outcome = Outcome(kind, (truth[:, 0] + rng.logistic(size=n) > 0).astype(np.int64), ("no", "yes"), 2)
    elif kind is Kind.CONVERSION:
        trials = rng.integers(1, 60, size=n)
        rate = 1.0 / (1.0 + np.exp(-truth[:, 0]))
        outcome = Outcome(kind, rng.binomial(trials, rate) / trials, trials=trials.astype(np.float64))
    else:
        outcome = Outcome(kind, 100.0 + 7.0 * truth[:, 0])
        scores = [100.0 + 7.0 * values for values in scores]
    table = stack_table(dict(zip(MEMBERS, scores, strict=True)), pd.RangeIndex(n))
    return Examples(table, outcome)


def quality(kind: Kind, outcome: Outcome, model: Model, examples: Examples) -> float:
    metric = METRICS[LOSS.get(kind, "log_loss")]
    reference = constant_prediction(outcome) if kind is Kind.CONVERSION else None
    score = metric.score(outcome, model.predict(examples.table), reference)
    return score if metric.higher_is_better else -score


@every_stacker
@every_kind
def test_a_stack_is_better_than_each_member_and_than_their_mean(stacker: type[Model], kind: Kind) -> None:
    train, valid, new = (make_examples(kind, seed=seed) for seed in (0, 1, 2))
    fitted = stacker(n_threads=1).fit(train, valid)
    found = quality(kind, new.outcome, fitted, new)
    mean = OutputSum().fit(train, deadline=time.monotonic() - 1.0)
    assert found > quality(kind, new.outcome, mean, new)
    for i in range(len(MEMBERS)):
        alone = OutputSum().fit(train, deadline=time.monotonic() - 1.0)
        alone.weights_ = np.eye(len(MEMBERS))[i]
        assert found > quality(kind, new.outcome, alone, new)


@every_stacker
@every_kind
def test_saved_loaded_and_explained(stacker: type[Model], kind: Kind, tmp_path) -> None:
    train, new = make_examples(kind), make_examples(kind, n=40, seed=3, crossed=1.0)
    fitted = stacker({"rounds": 5} if stacker is BoostedSum else {}, n_threads=1).fit(train)
    fitted.save(tmp_path)
    back = stacker.load(tmp_path)
    scores = fitted.decide(new.table)
    assert scores.shape == (40, n_link(kind, 4))
    np.testing.assert_allclose(back.decide(new.table), scores, rtol=1e-9, atol=1e-9)
    groups = np.array([MEMBERS.index(feature.source) for feature in new.table.features])
    explained = back.contributions(new.table, groups, MEMBERS)
    np.testing.assert_allclose(explained.total, scores, rtol=1e-6, atol=1e-6 * np.abs(scores).max())
    assert explained.importance[0] > explained.importance[2]
    (tmp_path / "sum.npz").write_bytes(b"no arrays")
    with pytest.raises(ArtifactError, match="not as it was written"):
        stacker.load(tmp_path)


@every_kind
def test_weights_are_never_below_zero_and_noise_gets_next_to_none(kind: Kind) -> None:
    weights = OutputSum().fit(make_examples(kind, n=2_000)).weights_
    assert weights.min() >= 0.0 and weights[0] > weights[1] > weights[2] and weights[2] < 0.1


def test_many_rows_are_learned_from_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    train = make_examples(Kind.BINARY, n=4_000)
    whole = OutputSum().fit(train).weights_
    monkeypatch.setattr(output_sum, "MOST_VALUES", 2_000)
    part = OutputSum().fit(train).weights_
    assert not np.array_equal(part, whole)
    np.testing.assert_allclose(part, whole, atol=0.15)
    np.testing.assert_array_equal(OutputSum().fit(train).weights_, part)


def test_a_class_that_training_lacks_keeps_a_small_probability() -> None:
    train = make_examples(Kind.MULTICLASS)
    kept = train.take(np.flatnonzero(train.outcome.y != 2))
    for stacker in STACKERS.values():
        predicted = stacker().fit(kept).predict(make_examples(Kind.MULTICLASS, n=50, seed=4).table)
        assert predicted.shape == (50, 4) and predicted[:, 2].min() > 0 and predicted[:, 2].max() < 0.01
