"""What the back ends of foreign libraries share: a child process works, its parent keeps what it finished."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from artifacts.errors import ArtifactError, FusionError, InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.link import to_link
from artifacts.store import read_json, reading, write_json
from automl.backends.base import Candidate, FittedBackend, Problem
from automl.backends.foreign_process import Job, Patience, run_child
from automl.backends.foreign_table import (
    Answers,
    FrameMaker,
    TrainingRows,
    answers_from_json,
    answers_to_json,
    training_rows,
)
from automl.backends.source_shapley import shapley_by_replacement
from automl.decision import decided_score
from automl.interrupts import watching_interrupts
from automl.models.base import LINK_UNITS
from evaluation.metrics import constant_prediction

Float = NDArray[np.float64]

FINISHED = "finished.json"
SYNC_SHARE = 0.02  # of the seconds left, kept back for writing the models to disk
BACKGROUND, N_BACKGROUND = "background", 8  # folder and number of training rows that explanations are against
LATE_RESCUE_SECONDS, LATE_RESCUE_SHARE = 30.0, 0.3  # on a machine so busy that the library takes long to be imported
LOG_TAIL = 400  # characters of the child's log in an error


@dataclass(frozen=True)
class ForeignRun:
    """What a child left: models, how to ask them, and the candidates. ``final`` is the key that decides.

    ``interrupted``: whether the user stopped the child before its end.
    """

    folder: Path
    maker: FrameMaker
    answers: Answers
    candidates: tuple[Candidate, ...]
    final: str
    n_threads: int
    background: FeatureTable | None = None  # some training rows, for explanations
    interrupted: bool = False

    def link_scores(self, raw: Float) -> Float:
        """Link scores of raw answers."""
        return to_link(self.answers.kind, self.answers.predictions(raw))

    def key_of(self, key: str, final_key: str) -> str:
        """The library's own key of a candidate.

        Raises:
            InputError: if there is no such candidate.
        """
        known = {candidate.key for candidate in self.candidates}
        if key not in known:
            raise InputError(f"There is no candidate {key!r}. Known: {sorted(known)}.")
        return self.final if key == final_key else key

    def save(self, folder: Path) -> None:
        """Write into an existing folder; large files are linked, not copied, where the disk allows it."""
        shutil.copytree(self.folder / "model", folder / "model", copy_function=_link_or_copy, dirs_exist_ok=True)
        self.maker.save(folder)
        if self.background is not None:
            self.background.save(folder / BACKGROUND)
        lines = [asdict(replace(candidate, out_of_fold=None)) for candidate in self.candidates]
        described = {"final": self.final, "answers": answers_to_json(self.answers), "n_threads": self.n_threads}
        write_json(folder / "foreign.json", {**described, "candidates": lines})

    @classmethod
    def load(cls, folder: Path) -> ForeignRun:
        """Read what ``save`` wrote, without the models.

        Raises:
            ArtifactError: if a file is missing or damaged.
        """
        with reading(folder):
            described = read_json(folder / "foreign.json")
            candidates = tuple(Candidate(**line) for line in described["candidates"])
            answers = answers_from_json(described["answers"])
            maker = FrameMaker.load(folder)
            return cls(
                folder, maker, answers, candidates, described["final"], described["n_threads"], _background(folder)
            )


class FittedForeign(FittedBackend):
    """What the fitted models of both libraries share."""

    executes_code_on_load: ClassVar[bool] = True
    explains_sources_alone: ClassVar[bool] = True

    def __init__(self, run: ForeignRun) -> None:
        self.run = run
        self.kind = run.answers.kind
        self.candidates = run.candidates
        self.interrupted = run.interrupted

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """Shapley values of groups, with values of training rows where one is left out; see ``source_shapley``.

        Raises:
            InputError: if the run is of a version that kept no training rows.
        """
        if self.run.background is None:
            raise InputError("This run kept no rows to explain it with: an older version made it. Fit it again.")
        values, base, error = shapley_by_replacement(self.decide, table, self.run.background, groups, len(names))
        how = f"Shapley values of sources against {self.run.background.n_samples} training rows"
        how += f", from random orders (standard error {error:.0%} of their size)" if error else ", of all coalitions"
        return Explanation(tuple(names), values, base, LINK_UNITS[self.kind], how)

    def save(self, folder: Path) -> None:
        """See ``FittedBackend.save``."""
        self.run.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``FittedBackend.load``. The models are pickles and unpickled at first use: trust the folder first."""
        return cls(ForeignRun.load(folder))


def _background(folder: Path) -> FeatureTable | None:
    return FeatureTable.load(folder / BACKGROUND) if (folder / BACKGROUND).exists() else None


@dataclass(frozen=True)
class Ends:
    """Seconds that are kept back for ``rescue``, which makes results of what an ended child left, and seconds in
    which ``wind_down`` may end its work after a Ctrl-C."""

    rescue_seconds: float = 0.0
    wind_down_seconds: float = 0.0


def solve(problem: Problem, module: str, maker: FrameMaker, ends: Ends | None = None) -> ForeignRun:
    """Let a child process work until the budget ends, or the user stops it, and read what it left.

    Work that an earlier fit finished on the same problem is taken as it is.

    Args:
        problem: what to solve.
        module: has ``work(job)`` and perhaps ``rescue(job)`` and ``wind_down()``; its last name is that of the step.
        maker: unfitted; how the table becomes a frame.
        ends: how the work ends; at once if None.

    Raises:
        FusionError: if nothing was finished.
        KeyboardInterrupt: if the user stopped it before anything was finished, or for the second time.
    """
    ends = ends or Ends()
    outcome, name = problem.examples.outcome, module.rpartition(".")[2]
    answers = Answers.of(outcome)
    if outcome.n_outputs > 1 and len(answers.present) < 2:
        raise FusionError(f"The {outcome.n_samples} training rows have one class only; {name} needs two.")
    emphasis = float(problem.settings.get("emphasis", 0.0))
    rows = training_rows(outcome.emphasised(emphasis), problem.folds, answers.present)
    identity = _identity(problem, rows)
    problem.folder.create()
    step = problem.folder.path / name
    if not (step / FINISHED).exists() or read_json(step / FINISHED)["identity"] != identity:
        started = time.monotonic()
        with problem.folder.write(name) as folder:
            maker.fit(problem.examples.table).save(folder)
            some = np.random.default_rng(problem.seed).permutation(problem.examples.n_samples)[:N_BACKGROUND]
            problem.examples.table.take(np.sort(some)).save(folder / BACKGROUND)
            job = _prepared(problem, folder, answers, maker, rows, ends.rescue_seconds)
            interrupted = _work(job, problem, module, ends.wind_down_seconds)
            _clean(folder)
            told = {"identity": identity, "seconds": time.monotonic() - started, "interrupted": interrupted}
            write_json(folder / FINISHED, told)
    return _read(step, problem, name, answers, rows)


def _identity(problem: Problem, rows: TrainingRows) -> str:
    digest = xxhash.xxh3_128()
    for block in problem.examples.table.blocks:
        digest.update(block.name.encode())
        digest.update(block.values.tobytes())
    for array in (rows.source, rows.target, rows.fold, np.zeros(0) if rows.weight is None else rows.weight):
        digest.update(array.tobytes())
    described = (problem.metric.name, problem.seed, problem.budget.seconds, sorted(problem.settings.items()))
    digest.update(repr(described).encode())
    return digest.hexdigest()


def _prepared(
    problem: Problem, folder: Path, answers: Answers, maker: FrameMaker, rows: TrainingRows, rescue_seconds: float
) -> Job:
    maker.frame(problem.examples.table).to_feather(folder / "features.feather", compression="uncompressed")
    weight = np.zeros(0) if rows.weight is None else rows.weight
    arrays = {"source": rows.source, "target": rows.target, "fold": rows.fold, "honest": rows.honest}
    np.savez(folder / "rows.npz", allow_pickle=False, weight=weight, **arrays)
    (folder / "model").mkdir()
    left = problem.budget.left
    ends_at = time.monotonic() + left - min(max(SYNC_SHARE * left, 1.0), 10.0)
    job = Job(
        folder=folder,
        answers=answers,
        metric=problem.metric.name,
        started_at=time.monotonic(),
        work_until=ends_at - rescue_seconds,
        ends_at=ends_at,
        seed=problem.seed,
        n_threads=problem.n_threads,
        n_folds=len(problem.folds),
        settings=problem.settings,
    )
    job.save()
    return job


def _work(job: Job, problem: Problem, module: str, wind_down_seconds: float) -> bool:
    """Let children work; whether the user stopped them."""
    name = module.rpartition(".")[2]
    results = job.folder / "results.json"

    def say() -> None:
        problem.progress.say(f"Stopped: finishing with what {name} has so far. Ctrl-C again leaves at once.")

    with problem.progress.task(name, max(job.seconds_left, 1.0)) as advance, watching_interrupts() as interrupts:
        ended = run_child(job, module, "work", Patience(job.work_until, wind_down_seconds, say), advance, interrupts)
        if not results.exists() and job.work_until < job.ends_at:
            late = max(LATE_RESCUE_SECONDS, LATE_RESCUE_SHARE * job.seconds)  # late is better than nothing at all
            latest = max(job.ends_at, time.monotonic() + late)
            run_child(job, module, "rescue", Patience(latest, float("inf")), advance, interrupts)
    if ended.interrupted and not results.exists():
        raise KeyboardInterrupt(f"{name} had finished no model when it was stopped")
    if not results.exists():
        kept = problem.folder.path / f"{name}.log"
        shutil.copyfile(job.folder / "log.txt", kept)
        tail = kept.read_text(encoding="utf-8", errors="replace").strip()[-LOG_TAIL:]
        raise FusionError(
            f"{name} finished no model {ended.how}, on {problem.examples.n_samples} rows with "
            f"{problem.examples.table.n_features} features. Give it a larger budget_seconds or fewer features; its log "
            f"is {str(kept)!r} and ends: {tail!r}."
        )
    return ended.interrupted


def _clean(folder: Path) -> None:
    for name in ("features.feather", "rows.npz", "job.json"):
        (folder / name).unlink()
    for left in folder.iterdir():
        if left.is_dir() and left.name not in (
            "model",
            BACKGROUND,
        ):  # temporary files, and what a library left where it stood
            shutil.rmtree(left)


def _read(step: Path, problem: Problem, name: str, answers: Answers, rows: TrainingRows) -> ForeignRun:
    try:
        results = read_json(step / "results.json")
        scores = [_out_of_fold(step, result, problem, answers, rows) for result in results]
        final = _best(results, scores, problem)
        lines = [
            Candidate(result["key"], result["key"], "all", {}, result["fit_seconds"], score)
            for result, score in zip(results, scores, strict=True)
        ]
        told = read_json(step / FINISHED)
        seconds, interrupted = told["seconds"], told.get("interrupted", False)
    except (OSError, KeyError, ValueError) as error:
        raise ArtifactError(f"{str(step)!r} is damaged ({error}). Delete that folder and run fit again.") from error
    best = Candidate(FittedBackend.FINAL, name, "all", {}, seconds, scores[final], weight=1.0)
    maker = FrameMaker.load(step)
    key = results[final]["key"]
    lines = [best, *lines]
    return ForeignRun(step, maker, answers, tuple(lines), key, problem.n_threads, _background(step), interrupted)


def _out_of_fold(
    step: Path, result: dict[str, Any], problem: Problem, answers: Answers, rows: TrainingRows
) -> Float | None:
    if not result["out_of_fold"]:
        return None
    raw = np.load(step / result["out_of_fold"], allow_pickle=False).reshape(len(rows.source), -1)
    scores = to_link(answers.kind, answers.predictions(raw))
    whole = np.full((problem.examples.n_samples, scores.shape[1]), np.nan)
    usable = rows.honest & np.isfinite(raw).all(axis=1)
    whole[rows.source[usable]] = scores[usable]
    return whole


def _best(results: list[dict[str, Any]], scores: list[Float | None], problem: Problem) -> int:
    """Position of the result that decides: the best out of fold of those that may, else the last of them."""
    eligible = [i for i, result in enumerate(results) if result["may_be_final"]]
    compared = {i: scores[i] for i in eligible if scores[i] is not None}
    if len(compared) < len(eligible) or len(eligible) < 2:
        return eligible[-1]
    rows = np.all([np.isfinite(score).all(axis=1) for score in compared.values() if score is not None], axis=0)
    outcome, reference = problem.examples.outcome, constant_prediction(problem.examples.outcome)
    best, best_value = eligible[-1], -np.inf
    for i, score in compared.items():
        if score is None or not rows.any():
            continue
        common = np.where(rows[:, None], score, np.nan)
        _, value = decided_score(common, outcome, problem.folds, problem.metric, reference)
        value = value if problem.metric.higher_is_better else -value
        if value > best_value:
            best, best_value = i, value
    return best


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
