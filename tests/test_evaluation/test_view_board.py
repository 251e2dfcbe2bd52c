from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.intervals import paired_difference
from evaluation.metrics import METRICS
from evaluation.report import render_report
from evaluation.report_data import ReportData
from evaluation.view_board import COLUMNS, added_by_views, view_board

AGAINST = {
    "image": "all", "text": "all", "table": "all", "image+text": "image+text+table", "image+table": "image+text+table",
    "text+table": "image+text+table", "image+text+table": "all",
}  # fmt: skip


def made(n: int = 400, seed: int = 0) -> tuple[Outcome, dict[str, np.ndarray]]:
    """A number that the photo says much of, the text little, and the table nothing."""
    rng = np.random.default_rng(seed)
    parts = {"image": 2.0 * rng.normal(size=n), "text": 0.4 * rng.normal(size=n), "table": np.zeros(n)}
    y = sum(parts.values()) + rng.normal(size=n)
    of = {view: sum(parts[part] for part in view.split("+")) for view in AGAINST}
    views = {"all": of["image+text+table"], **of}
    return Outcome(Kind.REGRESSION, y), {view: np.asarray(p)[:, None] for view, p in views.items()}


def test_each_view_has_its_score_and_its_paired_difference() -> None:
    outcome, predictions = made()
    board = view_board(METRICS["r2"], outcome, predictions, AGAINST, seed=3, models={"all": "blend"})
    assert list(board.columns) == list(COLUMNS) and list(board["view"]) == list(predictions)
    of = board.set_index("view")
    assert of.loc["all", "model"] == "blend" and np.isnan(of.loc["all", "difference"])
    assert of.loc["image", "score"] > of.loc["text", "score"] > of.loc["table", "score"]
    found = paired_difference(METRICS["r2"], outcome, predictions["text"], predictions["all"], seed=3)
    named = of.loc["text", ["difference", "difference_low", "difference_high"]].to_list()
    assert named == [found.difference, found.low, found.high] and of.loc["text", "difference_high"] < 0
    assert of.loc["text", "difference"] == pytest.approx(of.loc["text", "score"] - of.loc["all", "score"])


@pytest.mark.parametrize(("metric", "higher"), [("r2", True), ("mse", False)])
def test_what_a_view_adds_is_positive_where_it_helps_whatever_the_sign_of_the_metric(metric: str, higher: bool) -> None:
    outcome, predictions = made()
    board = view_board(METRICS[metric], outcome, predictions, AGAINST, seed=0)
    added = added_by_views(board, higher).set_index("view")
    assert added.loc["image", "to"] == "text+table"
    assert 0 < added.loc["image", "low"] < added.loc["image", "gain"] < added.loc["image", "high"]
    assert added.loc["text", "low"] > 0 and added.loc["image", "gain"] > added.loc["text", "gain"]
    assert added.loc["table", ["gain", "low", "high"]].eq(0).all()


def test_two_views_are_compared_with_everything() -> None:
    outcome, predictions = made()
    two = {view: predictions[view] for view in ("all", "image", "text")}
    added = added_by_views(view_board(METRICS["r2"], outcome, two, AGAINST, seed=0), True)
    assert list(added["view"]) == ["image", "text"] and list(added["to"]) == ["text", "image"]
    one = view_board(METRICS["r2"], outcome, {"all": predictions["all"]}, {}, seed=0)
    assert added_by_views(one, True).empty


def test_whole_groups_are_resampled() -> None:
    outcome, predictions = made(200)
    groups = np.repeat(np.arange(20), 10)
    alone = view_board(METRICS["r2"], outcome, predictions, AGAINST, seed=0)
    grouped = view_board(METRICS["r2"], outcome, predictions, AGAINST, seed=0, groups=groups)
    assert (alone["score"] == grouped["score"]).all() and not (alone["low"] == grouped["low"]).any()


def test_a_view_compared_with_one_that_is_not_there_is_refused() -> None:
    outcome, predictions = made(50)
    with pytest.raises(InputError, match="compared with 'sums'"):
        view_board(METRICS["r2"], outcome, {"text": predictions["text"]}, {"text": "sums"}, seed=0)


def test_the_section_says_what_each_view_adds(make_report: Callable[..., ReportData]) -> None:
    outcome, predictions = made()
    board = view_board(METRICS["r2"], outcome, predictions, AGAINST, seed=0, models={"text": "<b>x</b>"})
    data = replace(make_report(), views=board)
    page = render_report(data)
    assert "The photo adds " in page and " to the text and table" in page and "The best with each kind" not in page
    assert "The table adds nothing to the photo and text" in page and "&lt;b&gt;x&lt;/b&gt;" in page
    assert "Фото добавляет от " in render_report(data, "ru")
    worse = board.assign(difference=0.1, difference_low=0.05, difference_high=0.2)
    assert "the result is worse than" in render_report(replace(data, views=worse))
    unsure = board.assign(difference_low=-0.2, difference_high=0.2)
    assert "is not clear" in render_report(replace(data, views=unsure))
    few = board.assign(difference_low=np.nan, difference_high=np.nan)
    assert "too few to say" in render_report(replace(data, views=few))


def test_a_run_without_scores_of_views_says_so(make_report: Callable[..., ReportData]) -> None:
    data = make_report()
    assert "kept no scores of single inputs" in render_report(replace(data, views=None))
    alone = pd.DataFrame([{"view": "all"}], columns=list(COLUMNS))
    one = data.leaderboard.assign(view="all")
    assert "one kind of input only" in render_report(replace(data, views=alone, leaderboard=one))
    assert "time did not suffice" in render_report(replace(data, views=alone)), "other kinds had no model"
