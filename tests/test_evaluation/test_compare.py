from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.compare import COLUMNS, ComparedRun, compare
from evaluation.metrics import METRICS

MAE = METRICS["mae"]


def make_run(name: str, noise: float, *, n: int = 200, fingerprint: str = "f", **changes: Any) -> ComparedRun:
    y = np.random.default_rng(0).normal(size=n)
    predictions = y[:, None] + np.random.default_rng(1).normal(size=(n, 1)) * noise
    outcome = Outcome(Kind.REGRESSION, y)
    return replace(ComparedRun(name, MAE, outcome, predictions, tuple(map(str, range(n))), fingerprint), **changes)


def test_runs_are_compared_pairwise() -> None:
    table = compare([make_run("a", 0.1), make_run("b", 1.0), make_run("c", 1.0)])
    assert tuple(table.columns) == COLUMNS
    assert list(zip(table["run_a"], table["run_b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert list(table["better"]) == ["a", "a", "neither"] and (table["high"][:2] < 0).all()
    assert table["p_value"][2] == 1 and (table["n_rows"] == 200).all()


def test_the_better_run_follows_the_sign_of_the_metric() -> None:
    r2 = METRICS["r2"]
    table = compare([make_run("bad", 1.0, metric=r2), make_run("good", 0.1, metric=r2)])
    assert table["better"][0] == "good" and table["difference"][0] < 0


def test_runs_of_one_name_are_told_apart_and_seeds_repeat() -> None:
    runs = [make_run("fast", 0.1), make_run("fast", 1.0)]
    table = compare(runs, seed=1)
    assert (table["run_a"][0], table["run_b"][0], table["better"][0]) == ("fast", "fast (2)", "fast")
    assert table.equals(compare(runs, seed=1)) and not table.equals(compare(runs, seed=2))


def test_rows_of_one_group_are_no_independent_evidence() -> None:
    def repeated(name: str, noise: float, groups: Any) -> ComparedRun:
        one = make_run(name, noise, n=40)
        outcome, predictions = one.outcome.take(np.repeat(np.arange(40), 9)), np.repeat(one.predictions, 9, axis=0)
        ids = tuple(map(str, range(360)))
        return replace(one, outcome=outcome, predictions=predictions, row_ids=ids, groups=groups)

    once = compare([make_run("a", 0.5, n=40), make_run("b", 0.6, n=40)])
    widths = []
    for groups in (None, np.repeat(np.arange(40), 9)):
        table = compare([repeated("a", 0.5, groups), repeated("b", 0.6, None)])
        widths.append(table["high"][0] - table["low"][0])
    assert widths[1] == pytest.approx(once["high"][0] - once["low"][0], rel=0.1)
    assert widths[0] < 0.5 * widths[1]


def test_a_skill_is_measured_against_one_constant() -> None:
    rng = np.random.default_rng(0)
    outcome = Outcome(Kind.CONVERSION, rng.uniform(size=50), trials=np.full(50, 20.0))
    skill, ids = METRICS["log_likelihood_skill"], tuple(map(str, range(50)))
    made = [
        ComparedRun(name, skill, outcome, np.full((50, 1), rate), ids, "f", reference=np.array([rate]))
        for name, rate in (("a", 0.4), ("b", 0.4), ("c", 0.2))
    ]
    table = compare(made)
    assert table["score_a"][0] == 0 and table["difference"][0] == 0
    assert table["score_b"][1] < 0, "against its own constant it would be 0"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"n": 100, "fingerprint": "g"}, "different holdouts: 200 and 100 rows, of which 100 ids are in common"),
        ({"row_ids": tuple(map(str, range(199, -1, -1)))}, "the same 200 rows, in another order"),
        ({"fingerprint": "g"}, "other fingerprints.*Fit both with the same data and seed"),
        ({"metric": METRICS["r2"]}, "different metrics, 'mae' and 'r2'.*under \\[target\\]"),
    ],
)
def test_runs_of_different_rows_or_metrics_are_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        compare([make_run("a", 0.1), make_run("b", 0.1, **changes)])


def test_other_targets_weights_and_kinds_are_refused() -> None:
    run = make_run("a", 0.1)
    y = run.outcome.y.copy()
    y[:3] += 1
    with pytest.raises(InputError, match="the same row ids, but 3 rows have other targets"):
        compare([run, make_run("b", 0.1, outcome=Outcome(Kind.REGRESSION, y))])
    weighted = Outcome(Kind.REGRESSION, run.outcome.y, weight=np.full(200, 2.0))
    with pytest.raises(InputError, match="200 rows have other weights"):
        compare([run, make_run("b", 0.1, outcome=weighted)])
    rates = Outcome(Kind.CONVERSION, run.outcome.y, trials=np.ones(200))
    with pytest.raises(InputError, match="different kinds, 'regression' and 'conversion'"):
        compare([run, make_run("b", 0.1, outcome=rates)])
    with pytest.raises(InputError, match="needs two runs or more, but got 1"):
        compare([run])
