from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from artifacts import Task
from artifacts.errors import InputError
from artifacts.link import from_link, to_link
from artifacts.outcome import MOST_LABELS, Outcome, outcome_of, usable_target_rows
from artifacts.schema import Kind
from artifacts.tables import read_parquet

CLICKS = {"kind": "conversion", "successes": "click", "trials": "view"}


def task(target: dict[str, object], **columns: object) -> Task:
    return Task(name="t", target=target, columns=columns)


def test_a_conversion_is_a_rate_with_trials() -> None:
    frame = pd.DataFrame({"click": [1, 0, 5], "view": [2, 10, 5]})
    outcome = outcome_of(frame, task(CLICKS))
    np.testing.assert_allclose(outcome.y, [0.5, 0, 1])
    np.testing.assert_allclose(outcome.sample_weight, [2, 10, 5])
    assert outcome.n_outputs == 1


@pytest.mark.parametrize("emphasis", [0.3, 2.0, 1e300])
def test_emphasis_gives_high_values_more_weight_and_keeps_the_sum(emphasis: float) -> None:
    rng = np.random.default_rng(0)
    rate, trials = rng.beta(1, 8, size=500), rng.integers(1, 300, size=500).astype(float)
    for outcome in (
        Outcome(Kind.CONVERSION, rate, trials=trials),
        Outcome(Kind.CONVERSION, rate, trials=trials, weight=rng.uniform(size=500)),
        Outcome(Kind.REGRESSION, 1e9 * rate - 5e8),
    ):
        more = outcome.emphasised(emphasis)
        factor = more.sample_weight / outcome.sample_weight
        assert (np.diff(factor[np.argsort(outcome.y)]) > -1e-9).all() and np.isfinite(factor).all()
        assert factor.max() / factor.min() <= 100.0**2 * 1.001
        np.testing.assert_allclose(more.sample_weight.sum(), outcome.sample_weight.sum())
        np.testing.assert_array_equal(more.y, outcome.y)
    z = (rate - np.average(rate, weights=trials)) / np.sqrt(np.cov(rate, aweights=trials, ddof=0))
    plain = Outcome(Kind.CONVERSION, rate, trials=trials).emphasised(0.5).sample_weight / trials
    np.testing.assert_allclose(plain / plain[0], np.exp(0.5 * (z - z[0])))


def test_emphasis_of_nothing_changes_nothing() -> None:
    for outcome in (Outcome(Kind.REGRESSION, np.full(3, 0.1)), Outcome(Kind.REGRESSION, np.empty(0))):
        assert outcome.emphasised(2.0) is outcome
    varied = Outcome(Kind.REGRESSION, np.arange(3.0))
    assert varied.emphasised(0.0) is varied


def test_a_weighted_sum_stays_a_rate() -> None:
    frame = pd.DataFrame({"like": [10, 5], "comment": [10, 0], "view": [10, 10]})
    target = {"kind": "conversion", "successes": {"like": 1.0, "comment": 3.0}, "trials": "view"}
    np.testing.assert_allclose(outcome_of(frame, task(target)).y, [1.0, 0.125])


def test_unusable_rows_are_found_with_their_reason() -> None:
    frame = pd.DataFrame({"click": [1, 7, -1, np.nan, 1, 0], "view": [2, 5, 5, 5, 0, np.nan]})
    usable, reasons = usable_target_rows(frame, task(CLICKS))
    assert list(usable) == [True, False, False, False, False, False]
    assert {name: list(np.flatnonzero(mask)) for name, mask in reasons.items()} == {
        "target_missing": [3, 5],
        "trials_not_positive": [4],
        "successes_negative": [2],
        "successes_above_trials": [1],
    }


def test_infinite_and_missing_regression_targets_are_unusable() -> None:
    frame = pd.DataFrame({"y": [1.0, np.nan, np.inf, -np.inf]})
    usable, _ = usable_target_rows(frame, task({"kind": "regression", "column": "y"}))
    assert list(usable) == [True, False, False, False]


def test_classes_keep_their_type_and_unseen_ones_come_after_the_known() -> None:
    target = task({"kind": "multiclass", "column": "c"})
    train = outcome_of(pd.DataFrame({"c": [7, 3, 7, 9]}), target)
    assert train.classes == (3, 7, 9) and train.n_outputs == 3
    test = outcome_of(pd.DataFrame({"c": [9, 100, 3]}), target, known=train.classes)
    assert list(test.y) == [2, 3, 0] and test.classes == (3, 7, 9, 100) and test.n_outputs == 3


@pytest.mark.parametrize(
    ("values", "kind", "match"),
    [
        (["a", "a"], "multiclass", "has one value only"),
        (["a", "b", "c"], "binary", "has 3 values"),
        (["1", "many"], "regression", "must hold numbers.*'many'"),
    ],
)
def test_a_target_that_does_not_fit_its_kind_is_refused(values: list[str], kind: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        outcome_of(pd.DataFrame({"y": values}), task({"kind": kind, "column": "y"}))


LABELS = {"kind": "multilabel", "column": "tags"}


def test_lists_of_labels_are_columns_of_0_and_1_and_an_empty_one_is_usable() -> None:
    frame = pd.DataFrame({"tags": [["b", "a"], [], None, ["a"]]})
    usable, reasons = usable_target_rows(frame, task(LABELS))
    assert list(usable) == [True, True, False, True] and list(reasons) == ["target_missing"]
    train = outcome_of(frame[usable], task(LABELS))
    assert train.classes == ("a", "b") and train.n_outputs == 2
    np.testing.assert_array_equal(train.y, [[1, 1], [0, 0], [1, 0]])
    test = outcome_of(pd.DataFrame({"tags": [["new", "b"], ["b"]]}), task(LABELS), known=train.classes)
    assert test.classes == ("a", "b", "new") and test.n_outputs == 2
    np.testing.assert_array_equal(test.y, [[0, 1, 1], [0, 1, 0]])
    rare = test.of_labels(np.array([1, 2]))
    assert rare.classes == ("b", "new") and rare.n_known == 1 and rare.y.shape == (2, 2)
    back = Outcome.from_frame(test.to_frame(), Kind.MULTILABEL, test.classes, 2)
    np.testing.assert_array_equal(back.y, test.y)


@pytest.mark.parametrize(
    ("tags", "match"),
    [
        ([["a"], "a, b"], "must hold lists of labels, but holds 'a, b'"),
        ([[], []], "has 0 labels in 2 rows"),
        ([["a"], ["a"]], r"such as \['a'\].*not in all"),
        ([[f"tag {i}" for i in range(MOST_LABELS + 1)], []], "different labels.*at most 2000"),
    ],
)
def test_labels_that_tell_no_rows_apart_or_are_none_are_refused(tags: list[object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        outcome_of(pd.DataFrame({"tags": tags}), task(LABELS))


def test_a_missing_target_column_is_refused_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"lacks: \['click'\].*The data has: \['view', 'x'\]"):
        usable_target_rows(pd.DataFrame({"view": [1], "x": [1]}), task(CLICKS))


def test_outcomes_survive_parquet(tmp_path) -> None:
    outcome = Outcome(Kind.CONVERSION, np.array([0.5, 1.0]), trials=np.array([2.0, 3.0]), weight=np.array([1.0, 2.0]))
    outcome.to_frame().to_parquet(tmp_path / "o.parquet")
    back = Outcome.from_frame(read_parquet(tmp_path / "o.parquet"), Kind.CONVERSION, (), 0)
    np.testing.assert_array_equal(back.sample_weight, [2, 6])


@pytest.mark.parametrize("kind", [Kind.REGRESSION, Kind.BINARY, Kind.MULTICLASS, Kind.CONVERSION])
def test_link_and_back(kind: Kind) -> None:
    rng = np.random.default_rng(0)
    n_outputs = {Kind.REGRESSION: 1, Kind.CONVERSION: 1, Kind.BINARY: 2, Kind.MULTICLASS: 4}[kind]
    values = rng.uniform(0.1, 0.9, size=(5, n_outputs))
    if n_outputs > 1:
        values /= values.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(from_link(kind, to_link(kind, values)), values, rtol=1e-6)


def test_certain_probabilities_stay_finite_on_the_link_scale() -> None:
    assert np.isfinite(to_link(Kind.MULTICLASS, np.array([[1.0, 0.0, 0.0]]))).all()
