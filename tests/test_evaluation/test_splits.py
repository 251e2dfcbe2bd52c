from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.splits import content_clusters, folds_frame, folds_from_frame, holdout_rows, make_folds


def of_classes(y) -> Outcome:
    y = np.asarray(y)
    n = int(y.max()) + 1
    return Outcome(Kind.MULTICLASS, y, tuple(map(str, range(n))), n)


def of_numbers(n: int) -> Outcome:
    return Outcome(Kind.REGRESSION, np.random.default_rng(0).normal(size=n))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=12, max_size=80), st.integers(2, 6), st.integers(0, 3))
def test_folds_validate_each_row_once_and_know_every_class(labels, n_folds, seed) -> None:
    y = np.unique(labels, return_inverse=True)[1]
    if y.max() < 1:
        return
    outcome = of_classes(y)
    folds = make_folds(outcome, n_folds=n_folds, seed=seed)
    validated = np.concatenate([fold.valid for fold in folds])
    assert len(set(validated)) == len(validated)
    for fold in folds:
        assert not set(fold.train) & set(fold.valid) and len(fold.train) + len(fold.valid) == len(y)
        assert set(y[fold.train]) == set(y), "every fold's model knows every class"
    singles = np.flatnonzero(np.bincount(y)[y] == 1)
    assert not set(singles) & set(validated)
    held = holdout_rows(outcome, seed=seed)
    assert not held[singles].any() and set(y[~held]) == set(y)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=20, max_size=80), st.integers(0, 3))
def test_groups_and_equal_rows_are_never_cut(groups, seed) -> None:
    groups = np.asarray(groups)
    if len(set(groups)) < 3:
        return
    outcome = of_numbers(len(groups))
    twins = np.arange(len(groups)) // 2  # each row equals its neighbour, so groups are joined, too
    try:
        folds = make_folds(outcome, groups=groups, duplicates=twins, n_folds=3, seed=seed)
    except InputError:
        return  # all rows hang together
    for labels in (groups, twins):
        for fold in folds:
            assert not set(labels[fold.train]) & set(labels[fold.valid])
        held = holdout_rows(outcome, groups=groups, duplicates=twins, seed=seed)
        assert not set(labels[held]) & set(labels[~held])


def test_a_stratified_holdout_keeps_the_shares() -> None:
    y = np.repeat([0, 1], [900, 100])
    held = holdout_rows(of_classes(y), seed=1)
    assert held.mean() == pytest.approx(0.2, abs=0.01) and y[held].mean() == pytest.approx(0.1, abs=0.01)
    numbers = of_numbers(1000)
    held = holdout_rows(numbers, seed=1)
    assert abs(numbers.y[held].mean() - numbers.y[~held].mean()) < 0.1


def test_time_is_kept() -> None:
    times = np.random.default_rng(0).permutation(pd.date_range("2020-01-01", periods=100).to_numpy())
    outcome = of_numbers(100)
    held = holdout_rows(outcome, times=times)
    assert held.sum() == 20 and times[held].min() > times[~held].max()
    folds = make_folds(outcome, times=times, n_folds=4)
    assert len(folds) == 4
    for fold in folds:
        assert times[fold.train].max() < times[fold.valid].min()


def test_seeds_and_parquet(tmp_path) -> None:
    outcome = of_numbers(50)
    one, two = make_folds(outcome, seed=3), make_folds(outcome, seed=3)
    other = make_folds(outcome, seed=4)
    assert all((a.valid == b.valid).all() for a, b in zip(one, two, strict=True))
    assert any(set(a.valid) != set(b.valid) for a, b in zip(one, other, strict=True))
    folds_frame(one).to_parquet(tmp_path / "f.parquet")
    back = folds_from_frame(pd.read_parquet(tmp_path / "f.parquet"))
    assert all((a.train == b.train).all() and (a.valid == b.valid).all() for a, b in zip(one, back, strict=True))


def test_too_few_rows_and_one_group_are_refused() -> None:
    with pytest.raises(InputError, match="only 3 usable rows"):
        make_folds(of_numbers(3))
    with pytest.raises(InputError, match="belong to one group"):
        holdout_rows(of_numbers(20), groups=np.zeros(20))


def test_equal_content_shares_a_cluster() -> None:
    frame = pd.DataFrame({"a": ["x", "x", "y", None, None], "b": [[1], [1], [1], {"k": 1}, {"k": 1}]})
    clusters = content_clusters(frame, ["a", "b"])
    assert clusters[0] == clusters[1] != clusters[2] and clusters[3] == clusters[4]
