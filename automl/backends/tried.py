"""What a search has tried: candidates over the folds, kept in the run folder, ranked by their scores out of fold."""

from __future__ import annotations

import importlib
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import FusionError
from artifacts.examples import Examples
from artifacts.full_disk import is_full_disk
from artifacts.link import finite_rows
from artifacts.store import read_json, reading, write_json
from automl.backends import out_of_fold
from automl.backends.base import Candidate, Problem
from automl.backends.fitted_search import candidate_from, described
from automl.backends.fold_models import Pruned, Way, fit_fold_models
from automl.backends.second_stages import vectors_out_of_fold
from automl.backends.stacking import folds_within, model_class, stack_table
from automl.budget import Budget
from automl.decision import Decision, decided_score
from automl.memory import memory_lack
from automl.models.base import Model
from automl.models.registry import TUNED
from automl.models.second_stage import with_vectors
from evaluation.metrics import constant_prediction
from evaluation.splits import Fold, in_pairs

if TYPE_CHECKING:
    import optuna

Float = NDArray[np.float64]
Single = NDArray[np.float32]
# Of the models and the scores of the folds so far: a reason to leave out the other folds, or an empty string.
Judge = Callable[[Sequence[Model], Float], str]
PRUNED = "pruned: "
CHECKPOINTS = "checkpoints"  # of candidates that take minutes, until they are done
VALUES_SIDE_BY_SIDE = 4e7  # of a table: 160 MB


class Tried:
    """Candidates of a problem, in the order in which they were tried; failures too.

    ``advance`` is told the seconds that went by, ``check_interrupt`` is called between fits and may raise.
    """

    def __init__(self, problem: Problem, budget: Budget) -> None:
        self.problem = problem
        self.budget = budget
        self.root = problem.folder.path / "search"
        self.candidates: list[Candidate] = []
        self.advance: Any = lambda _seconds: None
        self.check_interrupt: Callable[[], None] = lambda: None
        self.kept_for_scoring = 0.0  # seconds of the problem's budget beside what it keeps itself
        self.reference = constant_prediction(problem.examples.outcome)
        self._decisions: dict[str, tuple[Decision, float]] = {}
        self._varying: dict[str, bool] = {}
        self._vectors: dict[str, dict[str, Single]] = {}
        self._shown = 0.0

    # -- fitting ----------------------------------------------------------------------------------

    def fit(self, wanted: Candidate, allowed: Budget, judge: Judge | None = None) -> Candidate:
        """Fit over the folds, or take what a killed fit had finished; a failure is a candidate, too.

        A stored one that lacks folds is fitted again where there is time.
        """
        self.check_interrupt()
        stored = self.stored(wanted.key)
        if stored is not None and (not stored.lack or allowed.left < 0.05):
            candidate = stored
        elif allowed.left < 0.05:
            candidate = replace(wanted, error="the budget was used up before its turn")
        elif lack := self._memory_lack(wanted):
            candidate = replace(wanted, error=lack)
        else:
            candidate = self._fitted(wanted, self._after_imports(wanted, allowed), judge)
            shutil.rmtree(self.root / CHECKPOINTS / wanted.key, ignore_errors=True)
            with suppress(OSError):  # there is none, or another candidate's are in it
                (self.root / CHECKPOINTS).rmdir()
            candidate = stored if stored is not None and candidate.error else candidate
        self.candidates.append(candidate)
        self.show()
        return candidate

    def show(self) -> None:
        """Tell ``advance`` what time went by since the last call."""
        self.advance(max(self.problem.budget.spent - self._shown, 0.0))
        self._shown = self.problem.budget.spent

    def _after_imports(self, wanted: Candidate, allowed: Budget) -> Budget:
        """As many seconds from when its libraries are there, so that the first fold does not lack what they take."""
        started = time.monotonic()
        with suppress(ImportError):  # which the fit itself will say
            for name in model_class(wanted).libraries:
                importlib.import_module(name)
        taken = time.monotonic() - started
        return replace(allowed, started=allowed.started + min(taken, max(self.budget.left - allowed.left, 0.0)))

    def _memory_lack(self, wanted: Candidate) -> str:
        if wanted.members:
            return ""
        examples = (
            self._beside_vectors(wanted) if wanted.reads in self._vectors else self.problem.examples.view(wanted.view)
        )
        return memory_lack(model_class(wanted).bytes_needed(examples.table, examples.outcome))

    def _fitted(self, candidate: Candidate, allowed: Budget, judge: Judge | None) -> Candidate:
        started = time.monotonic()
        try:
            with self.problem.folder.write(f"search/{candidate.key}") as folder:
                scores = self._over_folds(candidate, allowed, folder, judge)
                seconds, lack = time.monotonic() - started, self._lack(candidate, scores)
                candidate = replace(candidate, fit_seconds=seconds, lack=lack)
                out_of_fold.write(folder, scores)
                write_json(folder / "candidate.json", described(candidate))
        except Pruned as pruned:
            return replace(candidate, fit_seconds=time.monotonic() - started, error=f"{PRUNED}{pruned}")
        except Exception as error:  # a trial that fails is a row, whatever the library raised
            if is_full_disk(error):  # the next one would fail, too, and this one would not be tried again
                raise
            text = f"{type(error).__name__}: {str(error)[:300]}"
            return replace(candidate, fit_seconds=time.monotonic() - started, error=text)
        return replace(candidate, out_of_fold=out_of_fold.read(self.root / candidate.key))

    def _lack(self, candidate: Candidate, scores: Float) -> str:
        if candidate.members:
            return ""
        folds = self.problem.folds
        done = sum(bool(finite_rows(scores[fold.valid]).any()) for fold in folds)
        return "" if done == len(folds) else f"time ran out after {done} of {len(folds)} folds: the scores are of these"

    def _over_folds(self, candidate: Candidate, allowed: Budget, folder: Path, judge: Judge | None) -> Float:
        examples, folds = self._read_by(candidate)

        def after_fold(models: Sequence[Model], scores: Float) -> None:
            self.check_interrupt()
            reason = judge(models, scores) if judge is not None else ""
            if reason and len(models) < len(folds):
                raise Pruned(f"{reason}, after {len(models)} of {len(folds)} folds")

        def make(params: dict[str, Any]) -> Model:
            chosen = {**candidate.params, **params}
            return model_class(candidate)(chosen, seed=self.problem.seed, n_threads=self.problem.n_threads)

        settings = self.problem.settings
        way = Way(
            refit=bool(settings.get("refit", False)),
            emphasis=float(settings.get("emphasis", 0.0)),
            end=self.budget.deadline,
            side_by_side=self._side_by_side(candidate, examples),
            checkpoints=self.root / CHECKPOINTS / candidate.key,
            partial=not candidate.members
            and all(one.error for one in self.candidates),  # else there is no model at all
        )
        models, scores = fit_fold_models(make, examples, folds, allowed, way, after_fold)
        for i, model in enumerate(models):
            (folder / f"model_{i}").mkdir()
            model.save(folder / f"model_{i}")
        return scores

    def _side_by_side(self, candidate: Candidate, examples: Examples) -> int:
        """Folds at once: a small fit has too little work for two threads. Of large ones memory holds one at a time."""
        small = examples.table.n_samples * examples.table.n_features <= VALUES_SIDE_BY_SIDE
        return self.problem.n_threads if small and model_class(candidate).fits_side_by_side else 1

    def _read_by(self, candidate: Candidate) -> tuple[Examples, tuple[Fold, ...]]:
        """What a candidate learns from: a view of the table, or the outputs of other candidates."""
        examples = self.problem.examples
        if candidate.reads:
            return self._beside_vectors(candidate), self.problem.folds
        if not candidate.members:
            return examples.view(candidate.view), self.tuned_folds if candidate.model in TUNED else self.problem.folds
        outputs = {c.key: c.out_of_fold for c in self.candidates if c.key in candidate.members}
        scores = {key: values for key in candidate.members if (values := outputs[key]) is not None}
        known = np.all([finite_rows(values) for values in scores.values()], axis=0)
        table = stack_table(scores, examples.table.index)
        folds = folds_within(self.problem.folds, known)
        if not folds:
            raise FusionError("no fold has rows with outputs to learn from and to validate on")
        return Examples(table, examples.outcome), folds

    def _beside_vectors(self, candidate: Candidate) -> Examples:
        """A view with vectors by the tuned encoders of the folds, each of the rows that it did not see."""
        view = self.problem.examples.view(candidate.view)
        return replace(view, table=with_vectors(view.table, self._vectors[candidate.reads]))

    def read_vectors(self, tuned: Candidate) -> str:
        """Make what the second stage over a tuned encoder reads; the reason if that fails, else an empty string."""
        table = self.problem.examples.table
        try:
            self._vectors[tuned.key] = vectors_out_of_fold(tuned, self.root / tuned.key, table, self.tuned_folds)
        except Exception as error:  # as a candidate that fails
            if is_full_disk(error):
                raise
            return f"{type(error).__name__}: {str(error)[:300]}"
        finally:
            self.show()
        return ""

    @cached_property
    def tuned_folds(self) -> tuple[Fold, ...]:
        """Folds of models that tune encoders."""
        return in_pairs(self.problem.folds, self.problem.examples.outcome)

    def forget_vectors(self) -> None:
        """Let go what ``read_vectors`` made."""
        self._vectors.clear()

    def begun(self, key: str) -> bool:
        """Whether a fit that was killed or stopped had begun to tune a candidate, and kept where it stood."""
        return (self.root / CHECKPOINTS / key).exists()

    def drop_checkpoints(self) -> None:
        """Remove what is left of candidates that were begun and not finished."""
        shutil.rmtree(self.root / CHECKPOINTS, ignore_errors=True)

    def stored(self, key: str) -> Candidate | None:
        """What a killed fit had finished; None if there is nothing of this key, or it is among the candidates."""
        folder = self.root / key
        if not folder.exists() or any(candidate.key == key for candidate in self.candidates):
            return None
        with reading(folder):
            return replace(candidate_from(read_json(folder / "candidate.json")), out_of_fold=out_of_fold.read(folder))

    def by_median(self, trial: optuna.Trial) -> Judge:
        """Stop a trial that is worse than the median of the others; it is told the scores of all folds."""

        def judge(models: Sequence[Model], scores: Float) -> str:
            trial.report(self._decide(scores)[1], len(models) - 1)
            return "worse than the median" if trial.should_prune() else ""

        return judge

    def tell_again(self, candidate: Candidate, trial: optuna.Trial) -> None:
        """Report the folds of a finished candidate to a trial of the same parameters, by which others are pruned."""
        if candidate.out_of_fold is None or candidate.error:
            return
        scores = out_of_fold.unknown(candidate.out_of_fold.shape)
        for i, fold in enumerate(self.problem.folds):
            scores[fold.valid] = candidate.out_of_fold[fold.valid]
            trial.report(self._decide(scores)[1], i)

    def take_stored(self) -> None:
        """Trials that a killed fit had finished, in the order in which it did."""
        known = {candidate.key for candidate in self.candidates}
        found_at = {path: path.stat().st_mtime_ns for path in sorted(self.root.glob("*/candidate.json"))}
        stored = [path.parent.name for path in sorted(found_at, key=found_at.__getitem__)]
        found = [self.stored(key) for key in stored if key not in known]
        self.candidates.extend(candidate for candidate in found if candidate is not None and not candidate.members)

    # -- judging ----------------------------------------------------------------------------------

    def ranked(self) -> list[Candidate]:
        """Candidates that predict anything, the best first."""
        usable = [candidate for candidate in self.candidates if not candidate.error and self._varies(candidate)]
        return sorted(usable, key=self._quality, reverse=True)

    def _quality(self, candidate: Candidate) -> float:
        score = self.score(candidate) * (1 if self.problem.metric.higher_is_better else -1)
        return -np.inf if np.isnan(score) else score

    def score(self, candidate: Candidate) -> float:
        """The metric out of fold."""
        return self.decided(candidate)[1]

    def decided(self, candidate: Candidate) -> tuple[Decision, float]:
        """Its thresholds and its score with them."""
        if candidate.key not in self._decisions:
            assert candidate.out_of_fold is not None
            self._decisions[candidate.key] = self._decide(candidate.out_of_fold)
        return self._decisions[candidate.key]

    def _decide(self, scores: Float) -> tuple[Decision, float]:
        problem = self.problem
        return decided_score(scores, problem.examples.outcome, problem.folds, problem.metric, self.reference)

    def _varies(self, candidate: Candidate) -> bool:
        if candidate.key not in self._varying:
            scores = candidate.out_of_fold
            assert scores is not None
            parts = (scores[fold.valid] for fold in self.problem.folds)
            self._varying[candidate.key] = any(np.ptp(part, axis=0).max(initial=0.0) > 0 for part in parts)
        return self._varying[candidate.key]

    def informative(self, usable: list[Candidate]) -> list[Candidate]:
        """Without the candidates that say the same of every row, which become failures; all, if none is left."""
        kept = [candidate for candidate in usable if self._varies(candidate)]
        if not kept:
            return usable
        flat = {candidate.key for candidate in usable} - {candidate.key for candidate in kept}
        error = "it predicts the same for every row: its time ran out, or this view has nothing to learn from"
        self.candidates = [replace(c, error=error) if c.key in flat else c for c in self.candidates]
        return kept
