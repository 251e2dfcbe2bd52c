"""From what models say of changes to advice: each reason to keep silent, and the intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from artifacts.advice_report import Verdict
from artifacts.errors import InputError
from artifacts.schema import Kind, Title
from evaluation.advise import (
    Trials,
    disagreement,
    interval_of_versions,
    judged,
    judged_over_rows,
    natural,
    one_score,
    parts_of_score,
    ranked,
)
from evaluation.edits import Change

NAMES = ("good", "unseen", "unsure", "placebo", "worse")


def trials(rows: int = 1, kinds: tuple[str, ...] = NAMES) -> Trials:
    rng = np.random.default_rng(0)
    changes = [Change("edit" + name, "title", Title(name, name), name) for name in kinds for _ in range(rows)]
    size = {"good": 0.5, "unseen": 0.5, "unsure": 0.5, "placebo": 0.4, "worse": -0.5}
    effect = np.array([size[change.value] for change in changes])
    spread = np.array([1.0 if change.value == "unsure" else 0.01 for change in changes])
    before = np.full((5, len(changes)), -1.0)
    versions = np.linspace(-1, 1, 5)[:, None] * spread
    placebo = 0.01 * rng.normal(size=(19, len(changes)))
    placebo[:4, [change.value == "placebo" for change in changes]] = 0.6
    supported = np.array([change.value != "unseen" for change in changes])
    row = np.tile(np.arange(rows), len(kinds))
    moved, hidden = np.full((len(changes), 2), np.nan), np.zeros((len(changes), 1))
    return Trials(changes, row, before, before + effect + versions, placebo, supported, moved, hidden)


def test_each_reason_to_keep_silent() -> None:
    found = {one.title.en: one for one in judged(trials(), Kind.CONVERSION)}
    verdicts = [Verdict.GIVEN, Verdict.UNSEEN, Verdict.UNSURE, Verdict.PLACEBO, Verdict.WORSE]
    assert [found[name].verdict for name in NAMES] == verdicts
    good = found["good"]
    assert good.low < good.effect < good.high and good.effect == pytest.approx(0.5)
    assert good.after == pytest.approx(1 / (1 + np.exp(0.5))) and good.gain > 0 and good.p_placebo == 0.05


def test_where_less_is_better_the_other_way_is_advised() -> None:
    found = {one.title.en: one.verdict for one in judged(trials(), Kind.CONVERSION, raises=False)}
    assert found["worse"] is Verdict.GIVEN and found["good"] is Verdict.WORSE


def test_many_rows_are_judged_by_their_mean_and_few_are_not() -> None:
    many = {one.title.en: one for one in judged_over_rows(trials(rows=8), Kind.CONVERSION)}
    assert many["good"].verdict is Verdict.GIVEN and many["good"].n_rows == 8
    assert many["unseen"].verdict is Verdict.UNSEEN and many["worse"].verdict is Verdict.WORSE
    few = {one.title.en: one.verdict for one in judged_over_rows(trials(rows=3), Kind.CONVERSION)}
    assert few["good"] is Verdict.UNSEEN


def test_the_best_of_an_edit_is_shown_and_the_others_are_counted() -> None:
    advice = judged(trials(), Kind.CONVERSION)
    given, withheld = ranked([*advice, advice[0]])
    assert [one.title.en for one in given] == ["good"]
    assert withheld == {"unseen": 1, "unsure": 1, "placebo": 1, "worse": 1}


def test_intervals_of_a_jackknife_hold_the_mean() -> None:
    """Means of samples without a group each: the interval must be as wide as that of the mean of all rows."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        sample = rng.normal(size=100)
        versions = np.array([np.delete(sample, np.arange(i, 100, 5)).mean() for i in range(5)])
        _, low, high, _ = interval_of_versions(versions[:, None])
        held += bool(low[0] <= 0.0 <= high[0])
    assert 0.85 < held / 400 < 0.95
    with pytest.raises(InputError, match="at least two versions"):
        interval_of_versions(np.zeros((1, 3)))


def test_what_a_calibration_hides_widens_intervals_and_takes_advice_back() -> None:
    """The bias of a mean is that of the mean row: biases that go both ways leave nothing of it."""
    sure = trials(rows=8, kinds=("good",))
    for sign, verdict in ((np.ones(8), Verdict.UNSURE), (np.tile([1.0, -1.0], 4), Verdict.GIVEN)):
        doubted = replace(sure, hidden=0.5 * sign[:, None])
        (over_rows,) = judged_over_rows(doubted, Kind.CONVERSION)
        assert over_rows.verdict is verdict
        assert {one.verdict for one in judged(doubted, Kind.CONVERSION)} == {Verdict.UNSURE}
    (plain,), (wide,) = (
        judged_over_rows(sure, Kind.CONVERSION),
        judged_over_rows(replace(sure, hidden=np.full((8, 1), 0.3)), Kind.CONVERSION),
    )
    assert wide.low < plain.low and wide.high > plain.high and wide.effect == plain.effect


def test_members_that_disagree_leave_an_effect_open() -> None:
    weights, effects = np.array([0.75, 0.25]), np.array([[0.1, 0.3, 0.0], [0.5, 0.3, -0.4]])
    found = disagreement(weights, effects)
    spread = np.sqrt(weights @ np.square(effects - weights @ effects))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), spread)
    mean = np.sqrt(weights @ np.square(effects.mean(axis=1) - weights @ effects.mean(axis=1)))
    assert np.linalg.norm(found.mean(axis=0)) == pytest.approx(mean), "of a mean effect, what is open there"
    assert not disagreement(np.ones(1), effects[:1]).any(), "one member is of one mind"


def test_one_score_of_a_class_is_its_log_odds() -> None:
    link = np.log(np.array([[0.7, 0.2, 0.1]]))
    assert natural(Kind.MULTICLASS, one_score(Kind.MULTICLASS, link, 1)) == pytest.approx([0.2])
    assert one_score(Kind.MULTILABEL, link, 2) == link[:, 2] and one_score(Kind.REGRESSION, link[:, :1]) == link[:, 0]


def test_nothing_to_change_is_no_advice() -> None:
    empty = trials(kinds=())
    assert judged(empty, Kind.CONVERSION) == [] and judged_over_rows(empty, Kind.CONVERSION) == []


def test_of_many_changes_that_do_nothing_hardly_any_is_advised() -> None:
    """At one in twenty each, forty would give some in seven of eight tries."""
    rng, told = np.random.default_rng(0), 0
    for _ in range(50):
        sample = rng.normal(size=(100, 40))
        versions = np.array([np.delete(sample, np.arange(i, 100, 5), axis=0).mean(axis=0) for i in range(5)])
        changes = [Change(str(i), "title", Title(str(i), str(i)), "") for i in range(40)]
        nothing, moved, hidden = np.zeros((5, 40)), np.full((40, 2), np.nan), np.zeros((40, 1))
        supported = np.ones(40, bool)
        tried = Trials(changes, np.zeros(40, int), nothing, versions, np.zeros((19, 40)), supported, moved, hidden)
        told += any(one.verdict is Verdict.GIVEN for one in judged(tried, Kind.REGRESSION))
    assert told / 50 < 0.2


@pytest.mark.parametrize("n_classes", [2, 5])
def test_contributions_to_the_log_odds_of_a_class(n_classes: int) -> None:
    rng = np.random.default_rng(0)
    values, base = 1e-4 * rng.normal(size=(6, 3, n_classes)), rng.normal(size=n_classes)
    link = base + values.sum(axis=1)
    parts = parts_of_score(Kind.MULTICLASS, values, link, 1)
    without = np.stack([one_score(Kind.MULTICLASS, link - values[:, i], 1) for i in range(3)], axis=1)
    assert parts == pytest.approx(one_score(Kind.MULTICLASS, link, 1)[:, None] - without, abs=1e-7)
    assert parts_of_score(Kind.MULTILABEL, values, link, 1) == pytest.approx(values[..., 1])


def test_what_helps_on_one_scale_alone_is_not_advised() -> None:
    """Sure rows gain much in log-odds and nothing in probability, unsure ones lose."""
    found = trials(rows=10, kinds=("good",))
    sure = np.arange(10) < 5
    start, effect = np.where(sure, 6.0, 0.0), np.where(sure, 3.0, -1.0)
    before = np.tile(start, (5, 1))
    after = before + effect + 0.001 * np.linspace(-1, 1, 5)[:, None]
    (advice,) = judged_over_rows(replace(found, before=before, after=after), Kind.BINARY)
    assert advice.effect == pytest.approx(1.0) and advice.gain < 0 and advice.verdict is Verdict.WORSE
