"""Our own search: cheap defaults over every view, a portfolio, then Optuna; a blend on the link scale at the end."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import FusionError
from artifacts.examples import Examples
from artifacts.link import finite_rows
from artifacts.store import read_json, write_file, write_json
from automl.backends import out_of_fold
from automl.backends.base import Backend, Candidate, Problem
from automl.backends.blending import blended
from automl.backends.fitted_search import FittedSearch, candidate_from, described, weighted
from automl.backends.fold_models import Pruned, fit_fold_models
from automl.backends.stacking import base_model, folds_within, stack_table, stacks_over
from automl.backends.turns import Arm, Turns
from automl.budget import Budget
from automl.decision import Decision, decided_score
from automl.interrupts import watching_interrupts
from automl.models.base import Model
from automl.models.registry import MODELS
from automl.portfolio import importance, portfolio_for
from evaluation.metrics import constant_prediction
from evaluation.splits import Fold

if TYPE_CHECKING:
    import optuna

Float = NDArray[np.float64]

# Shares of the time that there is when the search begins, until which a step may last; the rest is Optuna's.
DEFAULTS_SHARE, PORTFOLIO_SHARE, VIEWS_SHARE = 0.45, 0.6, 0.75
BLEND_SHARE = 0.03  # kept back for the blend
STACKS_SHARE = 0.04  # kept back for stacks, where there are several modalities
FIRST_SECONDS = 5.0  # for the first candidate, even if the budget is used up
LEAST_SECONDS = 3.0  # for a default candidate, where there is as much


class SearchBackend(Backend):
    """Own search over ``MODELS`` and the views of the table."""

    name = "search"
    fitted = FittedSearch

    def fit(self, problem: Problem) -> FittedSearch:
        """See ``Backend.fit``. Finished candidates in the run folder are taken as they are.

        Raises:
            FusionError: if no candidate could be fitted; the message has the reasons.
        """
        search = _Search(problem, problem.budget.sooner(BLEND_SHARE * problem.budget.seconds))
        if problem.folder.has("search/search.json"):
            return search.finished()
        with problem.progress.task("search", problem.budget.seconds) as advance:
            search.advance = advance
            try:
                with watching_interrupts() as search.check_interrupt:
                    search.run_defaults()
                    search.run_portfolio()
                    search.run_views()
                    search.run_trials()
                    search.run_stacks()
            except KeyboardInterrupt:
                search.go_on_with_what_is_done()
        usable = [candidate for candidate in search.candidates if not candidate.error]
        if not usable:
            reasons = "; ".join(f"{c.model} on {c.view}: {c.error}" for c in search.candidates)
            raise FusionError(f"No model could be fitted in {problem.budget.seconds:.0f} s. {reasons}.")
        fitted = search.blended(search.informative(usable))
        write_file(search.root / "search.json", fitted.described())
        return fitted


class _Search:
    def __init__(self, problem: Problem, budget: Budget) -> None:
        self.problem = problem
        self.budget = budget
        self.root = problem.folder.path / "search"
        self.candidates: list[Candidate] = []
        self.decided: dict[str, tuple[Decision, float]] = {}
        self.advance: Any = lambda _seconds: None
        self.check_interrupt: Callable[[], None] = lambda: None
        wanted = problem.settings.get("models") or list(MODELS)
        self.models = [name for name in wanted if MODELS[name].suits(problem.examples.outcome)]
        self.begun = budget.spent
        self.shown = 0.0
        self.reference = constant_prediction(problem.examples.outcome)
        self.portfolio: set[str] = set()  # keys of its candidates, each a family of its own in the blend

    # -- candidates -------------------------------------------------------------------------------

    def run_defaults(self) -> None:
        """The cheap linear model over every view, each other one over the whole table, where the best scores are."""
        views = self.problem.examples.table.views
        cheap = [("linear", view) for view in views if "linear" in self.models]
        self._run_arms([*cheap, *((name, views[0]) for name in self.models if name != "linear")], DEFAULTS_SHARE)

    def run_portfolio(self) -> None:
        """The configurations of the portfolio, each over the best view of its model."""
        best: dict[str, Candidate] = {}
        for candidate in self._ranked():
            best.setdefault(candidate.model, candidate)
        for name, params in portfolio_for(self.problem.examples.outcome, list(best)):
            default, left = best[name], self._left_of(PORTFOLIO_SHARE)
            if self.max_trials and left > default.fit_seconds:
                wanted = Candidate(f"{default.key}-{_digest(params)}", name, default.view, params)
                self.portfolio.add(wanted.key)
                self.try_candidate(wanted, Budget(min(left, 4 * default.fit_seconds + 5.0)))

    def run_views(self) -> None:
        """Each other model over the parts of the table: first where the linear one found most."""
        probes = [candidate.view for candidate in self._ranked() if candidate.model == "linear"]
        views = dict.fromkeys([*probes, *self.problem.examples.table.views])
        done = {(candidate.model, candidate.view) for candidate in self.candidates}
        arms = [(name, view) for view in views for name in self.models if (name, view) not in done]
        self._run_arms(arms, VIEWS_SHARE)

    def _run_arms(self, arms: list[tuple[str, str]], share: float) -> None:
        """Defaults of models over views, in order; what one leaves unused goes to those after it."""
        for position, (name, view) in enumerate(arms):
            usable = max(self._left_of(share), 0.25 * self.budget.left)
            part = importance(name, view) / sum(importance(*arm) for arm in arms[position:])
            # A small table needs little time, and a model cut off early is worth nothing.
            least = min(LEAST_SECONDS, 0.3 * self.budget.left)
            if not self.candidates:  # a fit without any model is worth nothing, however long the features took
                least = max(least, FIRST_SECONDS)
            seconds = max(usable * part, least, 1e-3)
            self.try_candidate(Candidate(f"{name}-{view}", name, view), Budget(seconds))

    def _left_of(self, share: float) -> float:
        """Seconds left of a share of the time that there was when the search began."""
        return share * (self.budget.seconds - self.begun) + self.begun - self.budget.spent

    def run_trials(self) -> None:
        """Optuna over the parameters of promising (model, view) pairs, pruned over the folds."""
        self._take_stored()
        untuned = [candidate for candidate in self._ranked() if not candidate.params]
        turns = Turns(untuned, self.root, maximize=self.problem.metric.higher_is_better, seed=self.problem.seed)
        stacks_seconds = STACKS_SHARE * self.budget.seconds if stacks_over(self._ranked()) else 0.0
        budget = self.budget.sooner(stacks_seconds)
        for _ in range(self.max_trials):
            arm = turns.next(budget.left)
            if arm is None:
                return
            self._run_trial(arm, budget)

    def _run_trial(self, arm: Arm, budget: Budget) -> None:
        started = time.monotonic()
        trial = arm.study.ask()
        table = self.problem.examples.table.select(view=arm.view)
        params = MODELS[arm.model].suggest(trial, self.problem.examples.outcome, table)
        allowed = Budget(max(min(budget.left, 4 * arm.fit_seconds + 5.0), 1e-3))
        key = f"{arm.key}-{_digest(params)}" if params else arm.key
        before = next((candidate for candidate in self.candidates if candidate.key == key), None)
        done = before or self.try_candidate(Candidate(key, arm.model, arm.view, params), allowed, trial)
        arm.tell(trial, None if done.error else self._score(done), pruned="pruned" in done.error)
        arm.spent += time.monotonic() - started

    def run_stacks(self) -> None:
        """Models over the outputs of the best candidates of single views."""
        stacks = stacks_over(self._ranked())
        for i, stack in enumerate(stacks):
            self.try_candidate(stack, Budget(max(self.budget.left / (len(stacks) - i), 1e-3)))

    def _ranked(self) -> list[Candidate]:
        usable = [candidate for candidate in self.candidates if not candidate.error and self._varies(candidate)]
        return sorted(usable, key=self._quality, reverse=True)

    def _quality(self, candidate: Candidate) -> float:
        score = self._score(candidate) * (1 if self.problem.metric.higher_is_better else -1)
        return -np.inf if np.isnan(score) else score

    def _score(self, candidate: Candidate) -> float:
        return self._decided(candidate)[1]

    def _decided(self, candidate: Candidate) -> tuple[Decision, float]:
        """Its thresholds and its score with them."""
        if candidate.key not in self.decided:
            assert candidate.out_of_fold is not None
            self.decided[candidate.key] = self._decide(candidate.out_of_fold)
        return self.decided[candidate.key]

    def _decide(self, scores: Float) -> tuple[Decision, float]:
        problem = self.problem
        return decided_score(scores, problem.examples.outcome, problem.folds, problem.metric, self.reference)

    # -- one candidate ----------------------------------------------------------------------------

    def try_candidate(self, wanted: Candidate, allowed: Budget, trial: optuna.Trial | None = None) -> Candidate:
        """Fit over the folds, or take what a killed fit had finished; a failure is a candidate, too."""
        self.check_interrupt()
        stored = self._stored(wanted.key)
        if stored is not None:
            candidate = stored
        elif allowed.left < 0.05:
            candidate = replace(wanted, error="the budget was used up before its turn")
        else:
            candidate = self._fitted(wanted, allowed, trial)
        self.candidates.append(candidate)
        self.advance(max(self.problem.budget.spent - self.shown, 0.0))
        self.shown = self.problem.budget.spent
        return candidate

    def _fitted(self, candidate: Candidate, allowed: Budget, trial: optuna.Trial | None) -> Candidate:
        started = time.monotonic()
        try:
            with self.problem.folder.write(f"search/{candidate.key}") as folder:
                scores = self._over_folds(candidate, allowed, folder, trial)
                candidate = replace(candidate, fit_seconds=time.monotonic() - started)
                out_of_fold.write(folder, scores)
                write_json(folder / "candidate.json", described(candidate))
        except Pruned as pruned:
            return replace(candidate, fit_seconds=time.monotonic() - started, error=f"pruned: {pruned}")
        except Exception as error:  # a trial that fails is a row, whatever the library raised
            text = f"{type(error).__name__}: {str(error)[:300]}"
            return replace(candidate, fit_seconds=time.monotonic() - started, error=text)
        return replace(candidate, out_of_fold=out_of_fold.read(self.root / candidate.key))

    def _over_folds(self, candidate: Candidate, allowed: Budget, folder: Path, trial: optuna.Trial | None) -> Float:
        examples, folds = self._read_by(candidate)

        def report(i: int, scores: Float) -> None:
            self.check_interrupt()
            if trial is not None:
                trial.report(self._decide(scores)[1], i)
                if i + 1 < len(folds) and trial.should_prune():
                    raise Pruned(f"worse than the median after {i + 1} of {len(folds)} folds")

        def make(params: dict[str, Any]) -> Model:
            chosen = {**candidate.params, **params}
            return MODELS[base_model(candidate)](chosen, seed=self.problem.seed, n_threads=self.problem.n_threads)

        settings = self.problem.settings
        models, scores = fit_fold_models(
            make,
            examples,
            folds,
            allowed,
            refit=bool(settings.get("refit", False)),
            emphasis=float(settings.get("emphasis", 0.0)),
            end=self.budget.deadline,
            after_fold=report,
        )
        for i, model in enumerate(models):
            (folder / f"model_{i}").mkdir()
            model.save(folder / f"model_{i}")
        return scores

    def _read_by(self, candidate: Candidate) -> tuple[Examples, tuple[Fold, ...]]:
        """What a candidate learns from: a view of the table, or the outputs of other candidates."""
        examples = self.problem.examples
        if not candidate.members:
            return examples.view(candidate.view), self.problem.folds
        outputs = {c.key: c.out_of_fold for c in self.candidates if c.key in candidate.members}
        scores = {key: values for key in candidate.members if (values := outputs[key]) is not None}
        known = np.all([finite_rows(values) for values in scores.values()], axis=0)
        table = stack_table(scores, examples.table.index)
        folds = folds_within(self.problem.folds, known)
        if not folds:
            raise FusionError("no fold has rows with outputs to learn from and to validate on")
        return Examples(table, examples.outcome), folds

    @property
    def max_trials(self) -> int:
        """Bounds Optuna's part; 0 leaves the defaults alone."""
        return int(self.problem.settings.get("max_trials", 200))

    def _stored(self, key: str) -> Candidate | None:
        folder = self.root / key
        if not folder.exists() or any(candidate.key == key for candidate in self.candidates):
            return None
        return replace(candidate_from(read_json(folder / "candidate.json")), out_of_fold=out_of_fold.read(folder))

    def _take_stored(self) -> None:
        """Trials that a killed fit had finished."""
        known = {candidate.key for candidate in self.candidates}
        stored = [folder.parent.name for folder in sorted(self.root.glob("*/candidate.json"))]
        found = [self._stored(key) for key in stored if key not in known]
        self.candidates.extend(candidate for candidate in found if candidate is not None and not candidate.members)

    # -- the end ----------------------------------------------------------------------------------

    def go_on_with_what_is_done(self) -> None:
        """After an interrupt.

        Raises:
            KeyboardInterrupt: if no candidate was finished.
        """
        self._take_stored()
        n = sum(not candidate.error for candidate in self.candidates)
        if not n:
            raise KeyboardInterrupt
        self.problem.progress.say(f"Stopped: finishing with the {n} candidates so far. Ctrl-C again leaves at once.")

    def finished(self) -> FittedSearch:
        """What a fit that was killed after its search had found."""
        fitted = FittedSearch.load(self.root)
        keys = [candidate.key for candidate in fitted.candidates if candidate.key not in fitted.blends]
        scores = {c.key: c.out_of_fold for c in map(self._stored, keys) if c and c.out_of_fold is not None}
        for key, weights in fitted.blends.items():
            blended = weighted(weights, scores)
            scores[key] = out_of_fold.compact(fitted.calibration.apply(blended) if key == fitted.FINAL else blended)
        fitted.candidates = tuple(replace(c, out_of_fold=scores.get(c.key)) for c in fitted.candidates)
        return fitted

    def informative(self, usable: list[Candidate]) -> list[Candidate]:
        """Without the candidates that say the same of every row, which become failures; all, if none is left."""
        kept = [candidate for candidate in usable if self._varies(candidate)]
        if not kept:
            return usable
        flat = {candidate.key for candidate in usable} - {candidate.key for candidate in kept}
        error = "it predicts the same for every row: its time ran out, or this view has nothing to learn from"
        self.candidates = [replace(c, error=error) if c.key in flat else c for c in self.candidates]
        return kept

    def blended(self, usable: list[Candidate]) -> FittedSearch:
        """The final blend, and the late one."""
        decisions = {c.key: self._decided(c)[0] for c in usable}
        return blended(self.problem, self.candidates, usable, self.portfolio, decisions, self.reference, self.root)

    def _varies(self, candidate: Candidate) -> bool:
        scores = candidate.out_of_fold
        assert scores is not None
        return any(np.ptp(scores[fold.valid], axis=0).max(initial=0.0) > 0 for fold in self.problem.folds)


def _digest(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()[:8]
