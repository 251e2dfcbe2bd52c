"""Advice end to end: a planted effect is found, a placebo is not, and what cannot be advised is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.task import Task
from automl.advising import Advisor
from automl.fitting import fit
from automl.refits import N_GROUPS, row_groups
from automl.run import Run

WORDS = [
    "soft",
    "warm",
    "modern",
    "gift",
    "quality",
    "urban",
    "compact",
    "elegant",
    "reliable",
    "travel",
    "home",
    "work",
]


def cards(n: int, seed: int = 0, outcome: str = "rate") -> pd.DataFrame:
    """Short titles are clicked more and a filled-in season helps; the colour does nothing."""
    rng = np.random.default_rng(seed)
    n_words, season, colour = rng.integers(2, 12, n), rng.random(n) < 0.5, rng.choice(["red", "blue", "green"], n)
    titles = [" ".join(rng.permutation(WORDS)[:k]) for k in n_words]
    nested = [str({"colour": c, **({"season": "winter"} if s else {})}) for c, s in zip(colour, season, strict=True)]
    score = -1.5 - 0.15 * (n_words - 6) + 0.8 * season
    views = rng.integers(100, 400, n)
    frame = pd.DataFrame({"card": [f"c{i}" for i in range(n)], "title": titles, "info": nested})
    if outcome == "kind":
        return frame.assign(kind=np.where(score + rng.normal(size=n) > -1.2, "good", "poor"))
    return frame.assign(views=views, clicks=rng.binomial(views, 1 / (1 + np.exp(-score))))


def task(time: str | None = None, **target: str) -> Task:
    target = target or {"kind": "conversion", "successes": "clicks", "trials": "views"}
    return Task(
        name="cards", target=target, columns={"id": "card", "text": ["title"], "nested": ["info"], "time": time},
        column={"title": {"actionable": True}, "info": {"actionable": True}},
        encoders={"text": "none", "image": "none"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("advice")
    return fit(task(), train=cards(400), preset="fast", budget_seconds=10, run=folder / "run", seed=3)


@pytest.fixture(scope="module")
def advisor(run: Run) -> Advisor:
    with pytest.raises(InputError, match="needs the training rows once"):
        Advisor.of(run)
    return Advisor.of(run, train=cards(400))


def test_planted_effects_are_advised_and_nothing_else(advisor: Advisor) -> None:
    report = advisor.rows(cards(60, seed=1), "all")
    titles = [advice.title.en for advice in report.advice]
    assert "Fill in “season”: winter" in titles and any(title.startswith("Shorten") for title in titles)
    effects = {advice.title.en: advice for advice in report.advice}
    season = effects["Fill in “season”: winter"]
    assert season.low - 0.1 < 0.8 < season.high + 0.1 and season.observed.n > 0 and season.observed.low > 0
    assert not [title for title in titles if "colour" in title or "question" in title]
    assert sum(report.withheld.values()) > 0 and report.n_versions == 8 and report.n_placebos >= 9


def test_one_row_gets_changes_that_add_up(advisor: Advisor) -> None:
    row = pd.Series({"card": "x", "title": " ".join(WORDS[:10]), "info": "{'colour': 'red'}"})
    report = advisor.row(row, "x")
    assert {advice.column for advice in report.advice} == {"title", "info"}
    assert [advice.gain for advice in report.advice] == sorted((a.gain for a in report.advice), reverse=True)
    shorter = next(advice for advice in report.advice if advice.edit == "shorten")
    assert shorter.was == row["title"] and shorter.was.startswith(shorter.becomes)
    assert len(report.together) == 2 and report.together[-1].after > max(advice.after for advice in report.advice)
    best = advisor.row(pd.Series({"card": "y", "title": "gift box", "info": "{'season': 'winter'}"}), "y")
    assert not [advice for advice in best.advice if advice.edit in ("shorten", "fill_in")]


def test_a_second_look_gives_the_same_and_makes_no_models_again(run: Run, advisor: Advisor) -> None:
    again = Advisor.of(run)
    rows = cards(20, seed=2)
    assert again.rows(rows, "all") == advisor.rows(rows, "all")
    assert again.basis.placebos.seed == run.manifest["seed"] == 3
    assert run.folder.has("effects_0") and not run.folder.faults(), "what effects are worth is kept, and on the list"


def test_members_of_the_blend_are_what_it_is_a_mean_of(advisor: Advisor) -> None:
    fitted, table = advisor.basis.fitted, advisor.basis.examples.table.take(np.arange(20))
    weights, members = fitted.members(table)
    assert weights.sum() == pytest.approx(1.0) and len(weights) == len(members)
    np.testing.assert_allclose(np.tensordot(weights, members, 1), fitted.decide(table))


def test_classes_are_named(tmp_path: Path) -> None:
    train = cards(300, outcome="kind")
    run = fit(task(kind="multiclass", column="kind"), train=train, preset="fast", budget_seconds=8, run=tmp_path / "r")
    with pytest.raises(InputError, match=r"Name the class .* There are: \['good', 'poor'\]"):
        Advisor.of(run, train=train)
    report = Advisor.of(run, train=train, output="good").rows(train.head(40), "all")
    assert report.output == "good" and 0 < report.prediction < 1
    lower = Advisor.of(run, output="good", raises=False).rows(train.head(40), "all")
    given, other = ({(a.edit, a.title.en) for a in one.advice} for one in (report, lower))
    assert not given & other


def test_what_nobody_can_change_has_no_advice(tmp_path: Path) -> None:
    plain = task().model_copy(update={"column": {}})
    locked = Task(**{**plain.model_dump(), "column": {"title": {"locked": True}, "info": {"actionable": False}}})
    run = fit(locked, train=cards(120), preset="fast", budget_seconds=5, run=tmp_path / "r")
    with pytest.raises(InputError, match="calls no column actionable"):
        Advisor.of(run, train=cards(120))


@pytest.mark.parametrize(
    ("kind", "output"), [("regression", None), ("binary", None), ("multilabel", "good"), ("conversion in time", None)]
)
def test_every_kind_has_advice(tmp_path: Path, kind: str, output: str | None) -> None:
    train = cards(300)
    rate = train["clicks"] / train["views"]
    score = np.log(rate.clip(0.001) / (1 - rate.clip(0.001)))
    train["y"] = score if kind == "regression" else np.where(rate > 0.2, "yes", "no")
    if kind == "multilabel":
        train["y"] = ["good, all" if share > 0.2 else "all" if i % 2 else "" for i, share in enumerate(rate)]
    if kind == "conversion in time":  # whose final model is of all rows, so that models without groups are made
        train["day"] = pd.date_range("2024-01-01", periods=300)
        chosen, train = task(time="day"), train.drop(columns="y")
    else:
        chosen, train = task(kind=kind, column="y"), train.drop(columns=["clicks", "views"])
    run = fit(chosen, train=train, preset="fast", budget_seconds=6, run=tmp_path / "run")
    advisor = Advisor.of(run, train=train, output=output)
    report = advisor.rows(train.tail(40), "all")
    if kind in ("regression", "conversion in time"):  # a label alone says little of 300 rows
        assert {"fill_in", "shorten"} <= {advice.edit for advice in report.advice}, report
    assert report.advice or report.withheld["unsure"]
    assert all(advice.gain > 0 and advice.low > 0 for advice in report.advice)
    assert report.n_versions == 8 and (run.path / "advice" / "doubles").exists()


def test_a_run_of_another_back_end_is_told_before_anything_is_read(run: Run) -> None:
    foreign = Run(run.path)
    foreign.manifest["back_end"] = "autogluon"
    with pytest.raises(InputError, match=r"needs a run of our own search, but this one is of 'autogluon'.*preset fast"):
        Advisor.of(foreign, train=cards(400))


def test_rows_of_one_author_are_left_out_together() -> None:
    authors = np.array([0, 0, 0, 1, 1, -1, -1, *range(2, 60)])
    groups = row_groups(len(authors), 0, authors)
    assert len(set(groups[:3])) == len(set(groups[3:5])) == 1 and set(groups) == set(range(N_GROUPS))
    np.testing.assert_array_equal(row_groups(len(authors), 0, authors), groups)
    assert np.bincount(row_groups(80, 0)).tolist() == [80 // N_GROUPS] * N_GROUPS
