from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.errors import ArtifactError, InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from artifacts.tables import read_parquet
from evaluation.splits import (
    MIN_ROWS,
    Fold,
    content_clusters,
    folds_frame,
    folds_from_frame,
    holdout_rows,
    in_pairs,
    make_folds,
    n_pairs,
    pair_of,
)

QUICK = settings(max_examples=80, deadline=None)


def of_classes(y: Any) -> Outcome:
    y = np.unique(np.asarray(y), return_inverse=True)[1]
    n = int(y.max()) + 1
    return Outcome(Kind.MULTICLASS, y, tuple(map(str, range(n))), n)


def of_numbers(n: int) -> Outcome:
    return Outcome(Kind.REGRESSION, np.random.default_rng(0).normal(size=n))


@st.composite
def labelled(draw: st.DrawFn) -> dict[str, Any]:
    """Rows with classes, groups and equal contents, all of any size."""
    n = draw(st.integers(MIN_ROWS, 70))

    def labels(most: int) -> Any:
        return np.array(draw(st.lists(st.integers(0, most), min_size=n, max_size=n)))

    return {
        "outcome": of_classes(labels(draw(st.integers(1, 8)))),
        "groups": labels(draw(st.integers(2, 60))) if draw(st.booleans()) else None,
        "duplicates": labels(draw(st.integers(20, 300))) if draw(st.booleans()) else None,
        "seed": draw(st.integers(0, 3)),
    }


def check_uncut(rows: dict[str, Any], one: Any, other: Any) -> None:
    for name in ("groups", "duplicates"):
        if rows[name] is not None:
            assert not set(rows[name][one]) & set(rows[name][other]), f"{name} are cut"


@QUICK
@given(labelled(), st.integers(2, 7))
def test_folds_part_the_rows_cut_nothing_and_know_every_class(rows: dict[str, Any], n_folds: int) -> None:
    y = rows["outcome"].y
    try:
        folds = make_folds(**rows, n_folds=n_folds)
    except InputError:
        assert y.max() < 1 or rows["groups"] is not None or rows["duplicates"] is not None
        return
    assert 2 <= len(folds) <= n_folds
    validated = np.concatenate([fold.valid for fold in folds])
    assert len(set(validated)) == len(validated)
    for fold in folds:
        assert len(fold.valid) and sorted([*fold.train, *fold.valid]) == list(range(len(y))), "nothing is lost"
        assert set(y[fold.train]) == set(y), "every fold's model knows every class"
        check_uncut(rows, fold.train, fold.valid)
    never = np.setdiff1d(np.arange(len(y)), validated)
    assert set(np.flatnonzero(np.bincount(y)[y] == 1)) <= set(never)
    if rows["groups"] is None and rows["duplicates"] is None:
        assert (np.bincount(y)[y[never]] == 1).all(), "only rows of single-row classes are never validated"


@QUICK
@given(labelled(), st.sampled_from([0.1, 0.2, 0.5]))
def test_a_holdout_cuts_nothing_and_training_keeps_every_class(rows: dict[str, Any], fraction: float) -> None:
    y = rows["outcome"].y
    try:
        held = holdout_rows(**rows, fraction=fraction)
    except InputError:
        return
    assert held.dtype == bool and held.shape == y.shape and 0 < held.sum() < len(y)
    assert set(y[~held]) == set(y)
    check_uncut(rows, held, ~held)
    assert (held == holdout_rows(**rows, fraction=fraction)).all()


@QUICK
@given(labelled(), st.integers(2, 6), st.booleans())
def test_in_time_nothing_is_learned_from_later_rows(rows: dict[str, Any], n_folds: int, coarse: bool) -> None:
    n = rows["outcome"].n_samples
    times = np.random.default_rng(rows["seed"]).integers(0, 6 if coarse else 1000, n)
    try:
        folds = make_folds(**rows, times=times, n_folds=n_folds)
        held = holdout_rows(**rows, times=times)
    except InputError:
        assert rows["groups"] is not None or rows["duplicates"] is not None
        return
    assert 1 <= len(folds) <= n_folds
    validated = np.concatenate([fold.valid for fold in folds])
    assert len(set(validated)) == len(validated)
    for fold in folds:
        assert len(fold.train) and len(fold.valid)
        assert times[fold.train].max() < times[fold.valid].min()
        check_uncut(rows, fold.train, fold.valid)
    for before, after in pairwise(folds):
        assert set(before.train) < set(after.train), "windows expand"
    assert 0 < held.sum() < n
    check_uncut(rows, held, ~held)
    if rows["groups"] is None and rows["duplicates"] is None:
        assert times[~held].max() < times[held].min()


@pytest.mark.parametrize("n_classes", [2, 30])
def test_shares_of_classes_are_even(n_classes: int) -> None:
    y = np.random.default_rng(0).zipf(1.5, 3000) % n_classes
    outcome = of_classes(y)
    counts = np.bincount(outcome.y)
    for fold in make_folds(outcome, n_folds=5, seed=1):
        assert (np.abs(np.bincount(outcome.y[fold.valid], minlength=len(counts)) - counts / 5) <= 1).all()
        assert abs(len(fold.valid) - 600) <= 2
    held = holdout_rows(outcome, seed=1)
    assert (np.abs(np.bincount(outcome.y[held], minlength=len(counts)) - counts / 5) <= 1).all()


@pytest.mark.parametrize("kind", [Kind.REGRESSION, Kind.CONVERSION])
def test_quantiles_of_a_number_are_even(kind: Kind) -> None:
    y = np.random.default_rng(0).beta(0.3, 3, 1000)
    outcome = Outcome(kind, y, trials=np.ones(1000) if kind is Kind.CONVERSION else None)
    held = holdout_rows(outcome, seed=1)
    assert held.sum() == 200 and y[held].mean() == pytest.approx(y.mean(), rel=0.1)
    means = [y[fold.valid].mean() for fold in make_folds(outcome, n_folds=5, seed=1)]
    assert np.std(means) < 0.5 * y.std() / np.sqrt(200), "random folds would differ twice as much"


def test_half_of_all_rates_may_be_zero() -> None:
    outcome = Outcome(Kind.CONVERSION, np.append(np.zeros(60), np.linspace(0.1, 1, 40)), trials=np.ones(100))
    for fold in make_folds(outcome, n_folds=4):
        assert (outcome.y[fold.valid] == 0).sum() == 15


def test_groups_are_even_where_they_can_be() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 2000)
    outcome = of_classes(rng.integers(0, 3, 2000))
    assert holdout_rows(outcome, groups=groups).mean() == pytest.approx(0.2, abs=0.01)
    sizes = [len(fold.valid) for fold in make_folds(outcome, groups=groups, n_folds=5)]
    assert max(sizes) - min(sizes) <= 20


def test_a_group_larger_than_the_holdout_stays_in_training() -> None:
    groups = np.append(np.zeros(70, int), np.arange(1, 31))
    held = holdout_rows(of_numbers(100), groups=groups, seed=0)
    assert not held[:70].any() and held.sum() == 20
    two = np.repeat([0, 1], [60, 40])
    assert holdout_rows(of_numbers(100), groups=two).tolist() == (two == 1).tolist(), "what is feasible"
    assert len(make_folds(of_numbers(100), groups=two, n_folds=5)) == 2


def test_groups_and_equal_rows_join() -> None:
    groups = np.arange(20) // 2
    twins = np.append(np.arange(18), [0, 17])  # 18 equals 0, and 19 equals 17
    for fold in make_folds(of_numbers(20), groups=groups, duplicates=twins, n_folds=4):
        chained = [0, 1, 18, 19, 17, 16]
        assert len(set(np.isin(chained, fold.valid))) == 1
    missing = np.full(20, None, dtype=object)
    assert len(make_folds(of_numbers(20), groups=missing, n_folds=4)) == 4, "a missing group is a group of its own"


def test_a_group_across_the_cut_in_time_is_held_out_whole() -> None:
    times, groups = np.arange(100), np.arange(100)
    groups[[5, 99]] = 1000
    held = holdout_rows(of_numbers(100), times=times, groups=groups)
    assert held[5] and held.sum() == 20 and held[81:].all()
    for fold in make_folds(of_numbers(100), times=times, groups=groups, n_folds=4):
        assert 5 not in fold.valid and (5 in fold.train) == (99 in fold.train)


def test_dates_text_and_missing_times() -> None:
    dates = pd.date_range("2020-01-01", periods=50).to_numpy()
    dates[3] = np.datetime64("NaT")
    outcome = of_numbers(50)
    held = holdout_rows(outcome, times=dates)
    assert held[40:].all() and held.sum() == 10
    assert (holdout_rows(outcome, times=np.array([str(date)[:10] for date in dates], dtype=object)) == held).all()
    folds = make_folds(outcome, times=dates, n_folds=3)
    assert len(folds) == 3 and all(3 in fold.train for fold in folds), "a row without a time is the earliest"
    assert len(folds[0].train) == pytest.approx(20, abs=1)
    with pytest.raises(InputError, match="one time or none"):
        make_folds(outcome, times=np.zeros(50))
    with pytest.raises(InputError, match="Name either a group column or a time column"):
        make_folds(of_numbers(10), times=np.arange(10) // 2, groups=np.arange(10) % 2)


def test_few_rows() -> None:
    with pytest.raises(InputError, match="only 3 usable rows, but at least 4 rows"):
        make_folds(of_numbers(3))
    with pytest.raises(InputError, match="only 7 usable rows, but at least 8 rows"):
        holdout_rows(of_numbers(7))
    outcome = of_classes([0, 0, 0, 0, 0, 1, 1, 2])
    held = holdout_rows(outcome)
    assert 1 <= held.sum() <= 2 and len(make_folds(outcome.take(~held), n_folds=5)) >= 2
    with pytest.raises(InputError, match="belong to one group"):
        holdout_rows(of_numbers(20), groups=np.zeros(20))
    with pytest.raises(InputError, match="hold.* all rows of some class"):
        make_folds(of_classes(np.arange(10)))
    with pytest.raises(InputError, match="every group holds all rows of some class"):
        holdout_rows(of_classes(np.arange(10)))
    for bad in (0.0, 1.0):
        with pytest.raises(InputError, match="between 0 and 1"):
            holdout_rows(of_numbers(20), fraction=bad)
    with pytest.raises(InputError, match="n_folds must be 2 or more"):
        make_folds(of_numbers(20), n_folds=1)
    with pytest.raises(InputError, match="groups must have one label for each of the 20 rows"):
        make_folds(of_numbers(20), groups=np.zeros(3))


def test_multilabel_targets_can_be_split() -> None:
    y = (np.random.default_rng(0).uniform(size=(60, 4)) < 0.3).astype(float)
    outcome = Outcome(Kind.MULTILABEL, y, tuple("abcd"), 4)
    assert len(make_folds(outcome, n_folds=3)) == 3 and 0 < holdout_rows(outcome).sum() < 60


def test_seeds_and_parquet(tmp_path: Path) -> None:
    outcome = of_numbers(50)
    one, two, other = (make_folds(outcome, seed=seed) for seed in (3, 3, 4))
    assert all((a.valid == b.valid).all() for a, b in zip(one, two, strict=True))
    assert any(set(a.valid) != set(b.valid) for a, b in zip(one, other, strict=True))
    assert (holdout_rows(outcome, seed=3) != holdout_rows(outcome, seed=4)).any()
    folds_frame(one).to_parquet(tmp_path / "folds.parquet", index=False)
    back = folds_from_frame(read_parquet(tmp_path / "folds.parquet"))
    assert len(back) == 5 and back[0].train.dtype == np.int64
    assert all((a.train == b.train).all() and (a.valid == b.valid).all() for a, b in zip(one, back, strict=True))
    with pytest.raises(ArtifactError, match="need the columns fold, part and row"):
        folds_from_frame(pd.DataFrame({"row": [1]}))


def test_equal_content_shares_a_cluster() -> None:
    frame = pd.DataFrame(
        {
            "text": ["x", "x", "y", None, np.nan, "x", "1"],
            "nested": [[1], [1], [1], {"k": 1}, {"k": 1}, np.array([1]), [1]],
            "number": [1.0, 1.0, 1.0, np.nan, np.nan, 1.0, 1.0],
            "photo": [b"\xff", b"\xff", b"\xff", b"", b"", b"\xff", b"\xff"],
        }
    )
    assert content_clusters(frame, list(frame)).tolist() == [0, 0, 1, 2, 2, 3, 4]
    assert content_clusters(frame, ["text"]).tolist() == [0, 0, 1, 2, 2, 0, 3]
    assert content_clusters(frame, []).tolist() == list(range(7))
    mixed = pd.DataFrame({"a": [1, "1", 1, pd.Timestamp("2020"), pd.Timestamp("2020")]}, dtype=object)
    assert content_clusters(mixed, ["a"]).tolist() == [0, 1, 0, 2, 2]
    assert len(content_clusters(frame.iloc[:0], list(frame))) == 0
    with pytest.raises(InputError, match=r"lacks the columns \['title'\]"):
        content_clusters(frame, ["title"])


def test_many_columns_and_rows_do_not_run_over() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3000, 40)).round(3)).rename(columns=str)
    frame.iloc[2999] = frame.iloc[0]
    clusters = content_clusters(frame, list(frame))
    assert clusters[2999] == clusters[0] and clusters.max() == 2998


def classes_of(n: int, *last: int) -> Outcome:
    y = np.append(np.random.default_rng(0).integers(0, 3, size=n - len(last)), last).astype(np.int64)
    return Outcome(Kind.MULTICLASS, y, tuple("abcde"), 5)


@pytest.mark.parametrize("n_folds", [4, 5, 8, 12])
def test_pairs_of_folds_learn_from_what_both_learn_from(n_folds: int) -> None:
    rng, outcome = np.random.default_rng(0), classes_of(240, 3)
    folds = make_folds(outcome, groups=rng.integers(0, 90, size=240), n_folds=n_folds)
    pairs = in_pairs(folds, outcome)
    assert len(pairs) == n_pairs(n_folds) == {4: 4, 5: 5, 8: 4, 12: 6}[n_folds]
    own = [pair_of(i, n_folds, len(pairs)) for i in range(n_folds)]
    for i, fold in enumerate(folds):
        pair = pairs[own[i]]
        assert set(fold.valid) <= set(pair.valid) and set(pair.train) <= set(fold.train)
    for pair in pairs:
        assert not set(pair.train) & set(pair.valid) and len(pair.train) + len(pair.valid) == 240
    assert sorted(np.concatenate([pair.valid for pair in pairs])) == sorted(np.concatenate([f.valid for f in folds]))
    assert not set(own[::2]) & set(own[1::2]), "halves of the folds have no pair in common"


def test_folds_are_not_paired_where_that_loses_too_much() -> None:
    in_time = Outcome(Kind.REGRESSION, np.arange(90.0))
    folds = make_folds(in_time, times=np.arange(90), n_folds=8)
    assert in_pairs(folds, in_time) == folds
    rows = np.arange(80)
    even = tuple(Fold(rows[rows % 8 != k], rows[rows % 8 == k]) for k in range(8))
    # A class of which folds 0 and 2, that are joined, have a row each.
    rare = Outcome(Kind.MULTICLASS, np.where(np.isin(rows, [0, 2]), 4, rows // 10 % 3), tuple("abcde"), 5)
    assert in_pairs(even, rare) == even
    assert len(in_pairs(even, Outcome(Kind.REGRESSION, rows / 80))) == 4
    many = classes_of(2_000, 4, 4)
    spread = [np.append(np.arange(k, 1_998, 8), {0: [1_998], 2: [1_999]}.get(k, [])).astype(np.int64) for k in range(8)]
    assert len(in_pairs(tuple(Fold(np.setdiff1d(np.arange(2_000), one), one) for one in spread), many)) == 4
    group = np.array([0] * 32 + [2] * 24 + [k for k in (1, 3, 4, 5, 6, 7) for _ in range(4)])
    large = tuple(Fold(rows[group != k], rows[group == k]) for k in range(8))
    assert in_pairs(large, Outcome(Kind.REGRESSION, rows / 80)) == large
