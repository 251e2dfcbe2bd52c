"""Emphasis: high values weigh more in training, and in nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends import foreign
from automl.backends.base import Problem
from automl.backends.search import SearchBackend
from automl.budget import Budget
from automl.calibration import Calibration
from evaluation.metrics import METRICS
from evaluation.splits import Fold

N = 400


def make_problem(folder: Path, kind: Kind, emphasis: float) -> Problem:
    """Values that are high in a tenth of the rows, of which a number tells half of what there is to know."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    high = x + rng.normal(size=N) > 1.8
    features = opaque_features(Column("x", Modality.NUMERIC, Title("x", "x")), "number", 1)
    table = FeatureTable((Block("x", "number", features, x[:, None].astype("f4")),), pd.RangeIndex(N))
    if kind is Kind.REGRESSION:
        outcome = Outcome(kind, 1.0 + 9.0 * high + rng.normal(size=N))
    else:
        trials = rng.integers(20, 200, size=N).astype(float)
        outcome = Outcome(kind, rng.binomial(trials.astype(int), np.where(high, 0.4, 0.05)) / trials, trials=trials)
    number = np.arange(N) % 3
    folds = tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(3))
    settings = {"max_trials": 0, "models": ["linear", "lightgbm"], "emphasis": emphasis}
    metric = METRICS["r2" if kind is Kind.REGRESSION else "log_likelihood_skill"]
    return Problem(Examples(table, outcome), folds, metric, Budget(20), RunFolder(folder).create(), settings=settings)


@pytest.mark.parametrize("kind", [Kind.REGRESSION, Kind.CONVERSION])
def test_high_values_are_predicted_higher_and_better_at_the_cost_of_the_others(kind: Kind, tmp_path: Path) -> None:
    found = {}
    for emphasis in (0.0, 1.0):
        problem = make_problem(tmp_path / str(emphasis), kind, emphasis)
        fitted = SearchBackend().fit(problem)
        found[emphasis] = fitted.predict(problem.examples.table)[:, 0]
        if emphasis:
            assert fitted.calibration == Calibration(), "which would take the emphasis back"
    outcome = problem.examples.outcome
    top = outcome.y >= np.quantile(outcome.y, 0.9)
    mean = {emphasis: np.average(found[emphasis][top]) for emphasis in found}
    assert mean[0.0] * 1.2 < mean[1.0] < np.average(outcome.y[top])
    error = {emphasis: np.abs(found[emphasis] - outcome.y) for emphasis in found}
    assert error[1.0][top].mean() < error[0.0][top].mean() and error[1.0].mean() > error[0.0].mean()


def test_scores_and_the_blend_know_no_emphasis(tmp_path: Path) -> None:
    plain, more = (make_problem(tmp_path / str(e), Kind.REGRESSION, e) for e in (0.0, 1.0))
    seen: list[float] = []
    metric = METRICS["r2"]

    def formula(outcome: Outcome, predictions: np.ndarray, reference: np.ndarray | None) -> object:
        seen.append(float(outcome.sample_weight.std()))
        return metric.formula(outcome, predictions, reference)

    SearchBackend().fit(replace(more, metric=replace(metric, formula=formula)))
    assert seen and not any(seen), "every row is scored with the weight 1"
    np.testing.assert_array_equal(plain.examples.outcome.sample_weight, more.examples.outcome.sample_weight)


def test_a_foreign_library_learns_from_emphasised_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Seen(Exception):  # noqa: N818
        pass

    def stop(*arguments: object) -> None:
        raise Seen(arguments[-2].weight)  # type: ignore[attr-defined]

    problem = make_problem(tmp_path, Kind.REGRESSION, 1.0)
    monkeypatch.setattr(foreign, "_prepared", stop)
    with pytest.raises(Seen) as seen:
        foreign.solve(problem, "automl.backends.lightautoml", foreign.FrameMaker())
    (weight,) = seen.value.args
    expected = problem.examples.outcome.emphasised(1.0).sample_weight
    np.testing.assert_allclose(weight, expected / expected.mean())
