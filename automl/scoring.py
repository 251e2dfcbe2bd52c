"""Step 8 of a fit: candidates out of fold, and once on rows that nothing was fitted on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.link import from_link, to_link
from artifacts.outcome import Outcome
from artifacts.run_result import RunResult, results_frame
from artifacts.schema import Kind
from artifacts.tables import write_table
from automl.backends.base import Candidate, FittedBackend, Problem
from automl.backends.out_of_fold import compact
from automl.data import rare_labels
from automl.decision import Decision, decided_score, fit_decision
from automl.model_scores import ModelPool, ModelScores
from automl.view_scores import ViewPool, ViewScores
from evaluation.intervals import bootstrap_interval
from evaluation.leaderboard import rank, score_row
from evaluation.metrics import METRICS, Metric, beside, constant_prediction

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Rows to score on, with a fingerprint by which runs are comparable."""

    name: str
    ids: tuple[str, ...]
    examples: Examples
    fingerprint: str


def groups_of(examples: Examples, column: str | None) -> NDArray[Any] | None:
    """The group of each row (n_samples,), by which intervals resample; None without a group column."""
    if column is None or examples.raw is None or column not in examples.raw:
        return None
    return examples.raw[column].to_numpy()


@dataclass
class ScoredRun:
    """The leaderboard and the predictions behind it, and the final model's thresholds.

    ``labels``: of many labels the scores of the frequent and the rare ones, see ``label_scores``. ``beside``: the
    hierarchical F1 of the final model's decisions on rows that it did not see, ``score``, ``low`` and ``high``, where
    class labels are paths. ``views``: link scores of the best of each view, see ``view_scores``; ``models``: of
    the best of each model, see ``model_scores``.
    """

    leaderboard: pd.DataFrame
    predictions: dict[str, pd.DataFrame] = field(default_factory=dict)
    decision: Decision = field(default_factory=Decision)
    labels: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, float] = field(default_factory=dict)
    views: ViewScores | None = None
    models: ModelScores | None = None

    def save(self, folder: Path) -> None:
        """Write ``leaderboard.parquet`` and ``.csv``, one parquet file per split, and scores of views and models."""
        for kept in (self.views, self.models):
            if kept is not None:
                kept.save(folder)
        self.leaderboard.to_parquet(folder / "leaderboard.parquet", index=False)
        write_table(self.leaderboard, folder / "leaderboard.csv")  # texts of failures may hold anything
        for name, frame in self.predictions.items():
            frame.to_parquet(folder / f"{name}.parquet", index=False)


def score_run(
    problem: Problem, fitted: FittedBackend, part: Part, *, back_end: str, run: str, group: str | None = None
) -> ScoredRun:
    """Score the best candidate of each model and view, the blends, and a constant beside them.

    Args:
        problem: what was solved; its examples are the training rows.
        fitted: what the back end found.
        part: the rows that no model saw.
        back_end: name for the leaderboard.
        run: name for the leaderboard.
        group: column whose rows belong together; whole groups are resampled for the intervals.
    """
    train = problem.examples.outcome
    constant = constant_prediction(train)
    groups = {"folds": groups_of(problem.examples, group), part.name: groups_of(part.examples, group)}
    scorer = _Scorer(problem.metric, constant, problem.seed, groups)
    blank = RunResult(run, back_end, "", "", "", problem.metric.name)
    results = list(_constant_rows(scorer, blank, problem, part))
    final_link, views, models = None, ViewPool(problem, constant), ModelPool(problem.metric.higher_is_better)
    for candidate in shown_candidates(fitted.candidates, problem, constant):
        row = replace(blank, model=candidate.model, view=candidate.view, fit_seconds=candidate.fit_seconds)
        if candidate.error:
            results.append(replace(row, split=part.name, error=candidate.error))
            continue
        if candidate.lack:
            results.append(replace(row, split=part.name, error=candidate.lack))
        decision, out_of_fold = Decision(), np.nan
        if candidate.out_of_fold is not None:
            decision, moved = fit_decision(candidate.out_of_fold, train, problem.folds, problem.metric)
            results.append(scorer.row(replace(row, split="folds"), train, moved))
            out_of_fold = results[-1].score
        saved, started = fitted.kept_seconds(part.examples.table, candidate.key), time.perf_counter()
        link = fitted.decide(part.examples.table, candidate.key)
        seconds = saved + time.perf_counter() - started
        if candidate.key == FittedBackend.FINAL:
            final_link = link
        views.add(candidate, out_of_fold, decision, link)
        models.add(candidate, out_of_fold, link)
        row = replace(row, split=part.name, predict_ms_per_row=1000 * seconds / max(len(link), 1))
        results.append(scorer.row(row, part.examples.outcome, decision.move(link)))
    if final_link is None:
        final_link = fitted.decide(part.examples.table)
    board = rank(results_frame(results), problem.metric.higher_is_better)
    frames = {part.name: scored_frame(part.ids, part.examples.outcome, final_link, groups[part.name])}
    oof = next((c.out_of_fold for c in fitted.candidates if c.key == FittedBackend.FINAL), None)
    if oof is not None:
        frames["folds"] = scored_frame(tuple(map(str, problem.examples.table.index)), train, oof, groups["folds"])
    decision = Decision() if oof is None else fit_decision(oof, train, problem.folds, problem.metric)[0]
    moved = decision.move(final_link)
    labels = label_scores(train, part.examples.outcome, moved)
    final = next((c.model for c in fitted.candidates if c.key == FittedBackend.FINAL), "")
    kept = views.scores(moved, final, problem.seed)
    beside = scorer.beside(part, final_link)
    return ScoredRun(board, frames, decision, labels, beside, kept, models.scores(problem.seed))


def label_scores(train: Outcome, outcome: Outcome, moved: Float) -> dict[str, Any]:
    """Micro F1 of many labels, apart for the ``frequent`` and the ``rare`` ones; nothing for other kinds.

    Args:
        train: the training rows, fewer than ``RARE_LABEL`` of which have a rare label. A label that they lack is rare.
        outcome: the scored rows.
        moved: their link scores (n_samples, n_link), whose decision is at 0.

    Returns:
        For either, ``n_labels``, ``n_rows`` (labels of scored rows) and ``f1_micro`` (None where it is not defined);
        for the rare ones also ``labels``.
    """
    if outcome.kind is not Kind.MULTILABEL:
        return {}
    predictions = from_link(outcome.kind, moved)
    rare = np.append(rare_labels(train), np.arange(outcome.n_known, len(outcome.classes)))
    parts = {"frequent": np.setdiff1d(np.arange(len(outcome.classes)), rare), "rare": rare}
    scores: dict[str, Any] = {}
    for name, labels in parts.items():
        some = outcome.of_labels(labels)
        score = METRICS["f1_micro"].score(some, predictions[:, labels[: some.n_known]])
        f1 = None if np.isnan(score) else score
        scores[name] = {"n_labels": len(labels), "n_rows": int(some.y.sum()), "f1_micro": f1}
    scores["rare"]["labels"] = [str(outcome.classes[i]) for i in rare]
    return scores


def shown_candidates(candidates: tuple[Candidate, ...], problem: Problem, constant: Float) -> list[Candidate]:
    """Blends, the best candidate of each model and view, and failures of pairs that have no better."""
    metric, outcome = problem.metric, problem.examples.outcome
    best: dict[tuple[str, str], tuple[float, Candidate]] = {}
    for candidate in candidates:
        value = -np.inf
        if not candidate.error:
            value = 0.0
            if candidate.out_of_fold is not None:
                _, score = decided_score(candidate.out_of_fold, outcome, problem.folds, metric, constant)
                value = -np.inf if np.isnan(score) else score if metric.higher_is_better else -score
        pair = (candidate.model, candidate.view)
        if pair not in best or value > best[pair][0]:
            best[pair] = (value, candidate)
    return [candidate for _, candidate in best.values()]


@dataclass(frozen=True)
class _Scorer:
    metric: Metric
    constant: Float
    seed: int
    groups: dict[str, NDArray[Any] | None]  # by split

    def row(self, row: RunResult, outcome: Outcome, link: Float) -> RunResult:
        """The row with its score and interval, over the rows that have predictions."""
        predictions = from_link(outcome.kind, link)
        return score_row(
            row,
            self.metric,
            outcome,
            predictions,
            seed=self.seed,
            reference=self.constant,
            groups=self.groups[row.split],
        )

    def beside(self, part: Part, link: Float) -> dict[str, float]:
        """What is reported of the final model beside the leaderboard; see ``ScoredRun``."""
        outcome = part.examples.outcome
        metric = beside(self.metric, outcome)
        if metric is None:
            return {}
        predictions, groups = from_link(outcome.kind, link), self.groups[part.name]
        found = bootstrap_interval(metric, outcome, predictions, seed=self.seed, groups=groups)
        return dict(zip(("score", "low", "high"), found, strict=True))


def _constant_rows(scorer: _Scorer, blank: RunResult, problem: Problem, part: Part) -> Iterator[RunResult]:
    """A constant decides by thresholds, too: the labels it always gives are those that it is best to."""
    train, held = problem.examples.outcome, part.examples.outcome
    link = to_link(train.kind, scorer.constant[None])
    decision, moved = fit_decision(np.tile(link, (train.n_samples, 1)), train, problem.folds, problem.metric)
    row = replace(blank, model="constant", view="none", fit_seconds=0.0, predict_ms_per_row=0.0)
    yield scorer.row(replace(row, split="folds"), train, moved)
    yield scorer.row(replace(row, split=part.name), held, decision.move(np.tile(link, (held.n_samples, 1))))


def scored_frame(ids: tuple[str, ...], outcome: Outcome, link: Float, groups: NDArray[Any] | None) -> pd.DataFrame:
    """Ids, targets, link scores (n_samples, n_link) and codes of groups, as ``scored_rows.read_scored`` reads them."""
    links = pd.DataFrame(compact(link), columns=[f"link_{i}" for i in range(link.shape[1])])
    parts = [pd.DataFrame({"id": ids}), outcome.to_frame(), links]
    if groups is not None:
        parts.append(pd.DataFrame({"group": pd.factorize(groups)[0]}))
    return pd.concat(parts, axis=1)
