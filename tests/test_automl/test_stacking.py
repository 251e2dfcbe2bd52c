"""Stacks: models over the outputs of models of single modalities."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from artifacts.store import RunFolder
from automl.backends import search, turns
from automl.backends.base import Candidate, Problem
from automl.backends.fitted_search import FittedSearch
from automl.backends.search import SearchBackend
from automl.backends.stacking import STACKERS, folds_within, stacks_over
from automl.budget import Budget
from automl.calibration import Calibration
from evaluation.metrics import METRICS
from evaluation.splits import Fold

N = 300


def problem_of_two(folder: Path, folds: tuple[Fold, ...], **settings: object) -> tuple[Problem, FeatureTable]:
    """Rows whose text and photo each tell half of the target, and new rows."""
    rng = np.random.default_rng(0)
    parts = {Modality.TEXT: rng.normal(size=(N, 3)), Modality.IMAGE: rng.normal(size=(N, 3))}
    blocks = [
        Block(m.value, "net", opaque_features(Column(m.value, m, Title("", "")), "net", 3), values.astype("f4"))
        for m, values in parts.items()
    ]
    y = sum(values[:, 0] for values in parts.values()) + 0.3 * rng.normal(size=N)
    table = FeatureTable(tuple(blocks), pd.RangeIndex(N))
    chosen = {"models": ["linear", "lightgbm"], "max_trials": 4, **settings}
    examples = Examples(table, Outcome(Kind.REGRESSION, np.asarray(y, dtype=np.float64)))
    problem = Problem(examples, folds, METRICS["r2"], Budget(40), RunFolder(folder).create(), settings=chosen)
    return problem, table.take(np.arange(0, N, 7))


def even_folds() -> tuple[Fold, ...]:
    number = np.arange(N) % 3
    return tuple(Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(3))


def r2(problem: Problem, scores: np.ndarray) -> float:
    known = np.isfinite(scores).all(axis=1)
    return METRICS["r2"].score(problem.examples.outcome.take(known), scores[known], None)


def test_a_stack_beats_each_single_view_and_predicts_new_rows(tmp_path: Path) -> None:
    problem, new = problem_of_two(tmp_path, even_folds())
    fitted = SearchBackend().fit(problem)
    found = {c.key: c for c in fitted.candidates}
    single = [c for c in fitted.candidates if c.view in ("text", "image") and not c.error]
    for name in STACKERS:
        stack = found[f"stacked-{name}"]
        assert (stack.model, stack.view, stack.error) == (f"stacked {name}", "image+text", "")
        assert {found[key].view for key in stack.members} == {"text", "image"}
        assert stack.out_of_fold is not None
        best = max(r2(problem, c.out_of_fold) for c in single if c.out_of_fold is not None)
        assert r2(problem, stack.out_of_fold) > best + 0.2
        assert fitted.decide(new, stack.key).shape == (new.n_samples, 1)
    assert not set(fitted.blends["final"]) & {f"stacked-{name}" for name in STACKERS}
    again = FittedSearch.load(problem.folder.path / "search")
    assert np.array_equal(again.decide(new, "stacked-linear"), fitted.decide(new, "stacked-linear"))


def test_trials_leave_time_for_stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MIN_TRIAL_SECONDS", 0.0)
    monkeypatch.setattr(search, "STACKS_SHARE", 0.3)
    left: list[float] = []
    run_stacks = search._Search.run_stacks
    monkeypatch.setattr(search._Search, "run_stacks", lambda self: (left.append(self.budget.left), run_stacks(self)))
    problem, _ = problem_of_two(tmp_path, even_folds(), max_trials=1000)
    fitted = SearchBackend().fit(replace(problem, budget=Budget(8.0)))
    assert [c.error for c in fitted.candidates if c.members] == ["", ""]
    assert 0.2 * 8.0 < left[0] < 0.4 * 8.0, "about the share, less what the last trial took too long"


def test_a_killed_search_takes_its_stacks_over(tmp_path: Path) -> None:
    problem, new = problem_of_two(tmp_path, even_folds())
    first = SearchBackend().fit(problem)
    (tmp_path / "search" / "search.json").unlink()
    written = (tmp_path / "search" / "stacked-linear" / "candidate.json").stat().st_mtime_ns
    second = SearchBackend().fit(replace(problem, budget=Budget(40)))
    assert (tmp_path / "search" / "stacked-linear" / "candidate.json").stat().st_mtime_ns == written
    assert np.allclose(first.decide(new, "stacked-linear"), second.decide(new, "stacked-linear"))


@pytest.mark.parametrize("refit", [False, True])
def test_folds_in_time_order_leave_the_first_rows_out(tmp_path: Path, refit: bool) -> None:
    edges = [60, 140, 220, 300]
    folds = tuple(Fold(np.arange(a), np.arange(a, b)) for a, b in pairwise(edges))
    problem, new = problem_of_two(tmp_path, folds, refit=refit)
    fitted = SearchBackend().fit(problem)
    stack = next(c for c in fitted.candidates if c.key == "stacked-linear")
    assert stack.error == "" and stack.out_of_fold is not None
    known = np.isfinite(stack.out_of_fold).all(axis=1)
    assert not known[:140].any() and known[140:].all(), "of the first window no member has scores to learn from"
    assert np.isfinite(fitted.decide(new, "stacked-linear")).all()


def test_one_window_in_time_is_too_few_for_a_stack(tmp_path: Path) -> None:
    problem, _ = problem_of_two(tmp_path, (Fold(np.arange(200), np.arange(200, N)),), refit=True)
    fitted = SearchBackend().fit(problem)
    assert all("no fold has rows" in c.error for c in fitted.candidates if c.members)


def test_no_stack_over_one_view() -> None:
    ranked = [Candidate("linear-all", "linear", "all"), Candidate("linear-text", "linear", "text")]
    assert stacks_over(ranked) == []


def test_members_are_the_best_of_two_kinds_in_each_view() -> None:
    ranked = [
        Candidate(key, key.split("-")[0], key.split("-")[1])
        for key in ("mlp-text-a", "mlp-text-b", "linear-image", "linear-text", "lightgbm-text", "mlp-all")
    ]
    assert stacks_over(ranked)[0].members == ("linear-image", "mlp-text-a", "linear-text")


def test_folds_that_nothing_is_left_of_are_gone() -> None:
    folds = (Fold(np.arange(5), np.arange(5, 10)), Fold(np.arange(10), np.arange(10, 15)))
    known = np.arange(15) >= 5
    kept = folds_within(folds, known)
    assert len(kept) == 1 and kept[0].train.tolist() == [5, 6, 7, 8, 9]


def test_contributions_add_up_to_the_calibrated_blend(tmp_path: Path) -> None:
    problem, new = problem_of_two(tmp_path, even_folds(), max_trials=0)
    fitted = SearchBackend().fit(problem)
    plain = fitted.decide(new)
    fitted.calibration = Calibration(1.7, -0.4)
    assert np.allclose(fitted.decide(new), 1.7 * plain - 0.4)
    explained = fitted.contributions(new, np.arange(new.n_features), [f.name for f in new.features])
    assert np.allclose(explained.total, fitted.decide(new), atol=1e-4)
    (tmp_path / "saved").mkdir()
    fitted.save(tmp_path / "saved")
    assert np.allclose(FittedSearch.load(tmp_path / "saved").decide(new), fitted.decide(new))
