from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.backends.stacking import stack_table
from automl.models.boosted_sum import BoostedSum

RNG = np.random.default_rng(0)


def make_examples(n: int, n_classes: int, *, crossed: bool) -> Examples:
    """Two models' outputs; which of them is right hangs on the row's side, if ``crossed``."""
    truth = RNG.integers(0, n_classes, size=n)
    right = np.eye(n_classes)[truth] * 4.0
    side = np.array([0, 1])[RNG.integers(0, 2, size=n)] if crossed else np.zeros(n, dtype=int)
    outputs = []
    for i in range(2):
        misled = np.eye(n_classes)[RNG.integers(0, n_classes, size=n)] * 4.0
        outputs.append(np.where((side == i)[:, None], right, misled) + RNG.normal(size=right.shape))
    outputs.append(np.tile(side[:, None] * 2.0 - 1.0, (1, n_classes)))
    table = stack_table({str(i): values for i, values in enumerate(outputs)}, pd.RangeIndex(n))
    return Examples(table, Outcome(Kind.MULTICLASS, truth, tuple(map(str, range(n_classes))), n_classes))


def accuracy(predicted: np.ndarray, examples: Examples) -> float:
    return float((predicted.argmax(axis=1) == examples.outcome.y).mean())


def test_trees_gain_where_the_sum_cannot() -> None:
    train, valid, new = (make_examples(n, 3, crossed=True) for n in (1_500, 500, 500))
    model = BoostedSum({"rounds": 150}, n_threads=1).fit(train, valid)
    assert model.rounds_ > 10
    assert accuracy(model.predict(new.table), new) > accuracy(model.sum_.predict(new.table), new) + 0.1


def test_without_a_gain_there_are_no_trees(tmp_path) -> None:
    train, valid, new = (make_examples(n, 3, crossed=False) for n in (120, 300, 50))
    valid = Examples(valid.table, Outcome(Kind.MULTICLASS, RNG.permutation(valid.outcome.y), tuple("012"), 3))
    model = BoostedSum(n_threads=1).fit(train, valid)
    assert model.rounds_ == 0 and model.booster_ is None
    np.testing.assert_array_equal(model.decide(new.table), model.sum_.decide(new.table))
    model.save(tmp_path)
    np.testing.assert_allclose(BoostedSum.load(tmp_path).decide(new.table), model.decide(new.table), atol=1e-12)
    explained = model.contributions(new.table, np.arange(new.table.n_features), [f.name for f in new.table.features])
    np.testing.assert_allclose(explained.total, model.decide(new.table), atol=1e-9)


def test_more_classes_than_the_axes_of_an_embedding_are_all_seen() -> None:
    train, valid, new = (make_examples(n, 25, crossed=False) for n in (1_000, 300, 300))
    model = BoostedSum({"rounds": 30}, n_threads=1).fit(train, valid)
    assert not model.compression_.directions
    assert accuracy(model.predict(new.table), new) > 0.9


@pytest.mark.parametrize("late", [True, False])
def test_no_time_leaves_the_mean_and_rounds_for_a_refit_may_be_none(late: bool) -> None:
    train = make_examples(200, 3, crossed=False)
    model = BoostedSum(n_threads=1).fit(train, deadline=time.monotonic() - 1.0 if late else None)
    assert (model.booster_ is None) == late
    refitted = BoostedSum(model.params_for_refit([model]), n_threads=1).fit(train)
    assert (refitted.rounds_ == 0) == late
    assert np.isfinite(refitted.decide(train.table)).all()
