from __future__ import annotations

import numpy as np
import pytest

from artifacts.schema import Title
from evaluation.drift import NOTICEABLE, two_sample_test

NUMBER = (Title("the value", "значение"), "number")


def test_rows_of_one_source_are_not_told_apart() -> None:
    noticed = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(600, 6)).astype(np.float32)
        drift = two_sample_test(features, rng.random(600) < 0.3, list("aabbcc"), [NUMBER] * 6, seed=seed)
        assert drift is not None and 0.4 < drift.auc < 0.6
        noticed += drift.low > NOTICEABLE
    assert noticed == 0


def test_the_column_that_drifts_is_named_with_what_differs() -> None:
    rng = np.random.default_rng(0)
    is_test = np.arange(900) >= 600
    features = rng.normal(size=(900, 4)).astype(np.float32)
    features[:, 2] += 2 * is_test
    features[::7, 0] = np.nan
    drift = two_sample_test(features, is_test, ["a", "b", "price", "d"], [NUMBER] * 4)
    assert drift is not None and drift.low > 0.85 and drift.low < drift.auc < drift.high
    assert [column.name for column in drift.columns] == ["price"]
    assert abs(float(drift.columns[0].train)) < 0.3 and float(drift.columns[0].test) == pytest.approx(2, abs=0.3)
    assert (drift.n_train, drift.n_test) == (600, 300)


def test_dates_and_shares_are_shown_as_such() -> None:
    rng = np.random.default_rng(0)
    is_test = np.arange(400) >= 200
    days = (366.0 + is_test * 30 + rng.random(400)).astype(np.float32)
    drift = two_sample_test(days[:, None], is_test, ["day"], [(Title("the date", "дата"), "date")])
    assert drift is not None
    assert (drift.columns[0].train, drift.columns[0].test) == ("2001-01-01", "2001-01-31")
    flag = np.where(is_test, rng.random(400) < 0.9, rng.random(400) < 0.1).astype(np.float32)
    drift = two_sample_test(flag[:, None], is_test, ["flag"], [(Title("share", "доля"), "flag")])
    assert drift is not None and drift.columns[0].test.endswith("%")


def test_copies_kept_on_one_side_do_not_pass_for_drift() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(150), 6)
    features = rng.normal(size=(150, 5)).astype(np.float32)[groups]
    is_test = (np.arange(150) % 4 == 0)[groups]
    told = two_sample_test(features, is_test, list("abcde"), [NUMBER] * 5)
    honest = two_sample_test(features, is_test, list("abcde"), [NUMBER] * 5, groups=groups)
    assert told is not None and honest is not None
    assert told.low > 0.8 and honest.low < NOTICEABLE


def test_too_few_rows_or_no_features_give_nothing() -> None:
    assert two_sample_test(np.zeros((40, 1), np.float32), np.arange(40) > 30, ["a"], [NUMBER]) is None
    assert two_sample_test(np.zeros((100, 0), np.float32), np.arange(100) > 40, [], []) is None
