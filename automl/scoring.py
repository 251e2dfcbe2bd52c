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
from artifacts.link import finite_rows, from_link, to_link
from artifacts.outcome import Outcome
from artifacts.run_result import RunResult, results_frame
from automl.backends.base import Candidate, FittedBackend, Problem
from automl.backends.out_of_fold import compact
from evaluation.intervals import bootstrap_interval
from evaluation.leaderboard import rank, score_row
from evaluation.metrics import Metric, beside, constant_prediction

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
    """The leaderboard and the predictions behind it.

    ``beside``: the hierarchical F1 of the final model's decisions on rows that it did not see, ``score``, ``low`` and
    ``high``, where class labels are paths.
    """

    leaderboard: pd.DataFrame
    predictions: dict[str, pd.DataFrame] = field(default_factory=dict)
    beside: dict[str, float] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write ``leaderboard.parquet``, ``leaderboard.csv`` and one parquet file per split."""
        self.leaderboard.to_parquet(folder / "leaderboard.parquet", index=False)
        self.leaderboard.to_csv(folder / "leaderboard.csv", index=False)
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
    results = list(_constant_rows(scorer, blank, train, part))
    final_link = None
    for candidate in shown_candidates(fitted.candidates, problem.metric, train, constant):
        row = replace(blank, model=candidate.model, view=candidate.view, fit_seconds=candidate.fit_seconds)
        if candidate.error:
            results.append(replace(row, split=part.name, error=candidate.error))
            continue
        if candidate.out_of_fold is not None:
            results.append(scorer.row(replace(row, split="folds"), train, candidate.out_of_fold))
        started = time.perf_counter()
        link = fitted.decide(part.examples.table, candidate.key)
        seconds = time.perf_counter() - started
        if candidate.key == FittedBackend.FINAL:
            final_link = link
        row = replace(row, split=part.name, predict_ms_per_row=1000 * seconds / max(len(link), 1))
        results.append(scorer.row(row, part.examples.outcome, link))
    if final_link is None:
        final_link = fitted.decide(part.examples.table)
    board = rank(results_frame(results), problem.metric.higher_is_better)
    frames = {part.name: _predictions_frame(part.ids, part.examples.outcome, final_link, groups[part.name])}
    oof = next((c.out_of_fold for c in fitted.candidates if c.key == FittedBackend.FINAL), None)
    if oof is not None:
        frames["folds"] = _predictions_frame(tuple(map(str, problem.examples.table.index)), train, oof, groups["folds"])
    return ScoredRun(board, frames, scorer.beside(part, final_link))


def shown_candidates(
    candidates: tuple[Candidate, ...], metric: Metric, outcome: Outcome, constant: Float
) -> list[Candidate]:
    """Blends, the best candidate of each model and view, and failures of pairs that have no better."""
    best: dict[tuple[str, str], tuple[float, Candidate]] = {}
    for candidate in candidates:
        value = -np.inf
        if not candidate.error:
            value = 0.0
            if candidate.out_of_fold is not None:
                rows = finite_rows(candidate.out_of_fold)
                known = outcome.take(rows)
                score = metric.score(known, from_link(known.kind, candidate.out_of_fold[rows]), constant)
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


def _constant_rows(scorer: _Scorer, blank: RunResult, train: Outcome, part: Part) -> Iterator[RunResult]:
    for split, outcome in (("folds", train), (part.name, part.examples.outcome)):
        predictions = np.tile(scorer.constant, (outcome.n_samples, 1))
        row = replace(blank, model="constant", view="none", split=split, fit_seconds=0.0, predict_ms_per_row=0.0)
        yield scorer.row(row, outcome, to_link(outcome.kind, predictions))


def _predictions_frame(
    ids: tuple[str, ...], outcome: Outcome, link: Float, groups: NDArray[Any] | None
) -> pd.DataFrame:
    links = pd.DataFrame(compact(link), columns=[f"link_{i}" for i in range(link.shape[1])])
    parts = [pd.DataFrame({"id": ids}), outcome.to_frame(), links]
    if groups is not None:
        parts.append(pd.DataFrame({"group": pd.factorize(groups)[0]}))
    return pd.concat(parts, axis=1)
