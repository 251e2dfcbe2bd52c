"""Our own search: cheap defaults over every view, a portfolio, then Optuna; a blend on the link scale at the end."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import FusionError
from artifacts.store import write_file
from automl.backends import out_of_fold
from automl.backends.base import Backend, Candidate, Problem
from automl.backends.blending import blended, kept_for_blends
from automl.backends.fitted_search import FittedSearch, weighted
from automl.backends.second_stages import READING_SHARE, second_stages_over, seconds_to_score
from automl.backends.stacking import stacks_over
from automl.backends.subsample import on_part, slow_models
from automl.backends.tried import PRUNED, Tried
from automl.backends.tuning_turn import try_tuned
from automl.backends.turns import Arm, Turns, trials_asked
from automl.backends.warm_start import finished_trials
from automl.budget import Budget
from automl.interrupts import watching_interrupts
from automl.models.registry import MODELS, ON_REQUEST, TUNED
from automl.models.tuned_encoder import TunedEncoderModel
from automl.portfolio import CHEAP, importance, portfolio_for

if TYPE_CHECKING:
    import optuna

Float = NDArray[np.float64]

# Shares of the time that there is when the search begins, until which a step may last; the rest is Optuna's.
DEFAULTS_SHARE, PORTFOLIO_SHARE, VIEWS_SHARE = 0.45, 0.6, 0.75
PART_SHARE = 0.5  # of the time that is left for configurations, on a part of the rows where a fit of all takes long
PROMOTED = 3  # configurations of a model that are then fitted on all rows
TUNED_SHARE = 0.6  # of the time that is left after the defaults, for tuning encoders
SECOND_SHARE = 0.2  # of what these leave, for a model over their vectors
MOST_SCORING_SHARE = 0.5  # of the time that is left after tuning, for reading the scored rows by what was tuned
STACKS_SHARE = 0.05  # kept back for stacks, where there are several modalities
FIRST_SECONDS = 5.0  # for the first candidate, even if the budget is used up
EARLY_SHARE = 0.05  # of the budget: if the search leaves more, it says why
LEAST_SECONDS = 3.0  # for a default candidate, where there is as much


class SearchBackend(Backend):
    """Own search over ``MODELS`` and the views of the table."""

    name = "search"
    fitted = FittedSearch
    goes_on = True
    least_seconds = 10.0

    def fit(self, problem: Problem) -> FittedSearch:
        """See ``Backend.fit``. Finished candidates in the run folder are taken as they are, and so is a whole search,
        unless it was interrupted and is to ``go_on``.

        Raises:
            FusionError: if no candidate could be fitted; the message has the reasons.
            KeyboardInterrupt: if the user stopped it before the first candidate, or for the second time.
        """
        if problem.folder.has("search/search.json"):
            finished = _Search(problem, problem.budget).finished()
            if not (finished.interrupted and problem.settings.get("go_on")):
                return finished
        search = _Search(problem, problem.budget.sooner(kept_for_blends(problem)))
        with problem.progress.task("search", problem.budget.seconds) as advance:
            search.tried.advance = advance
            with watching_interrupts() as interrupts:
                search.tried.check_interrupt = interrupts.check
                try:
                    search.run_all()
                    search.tried.drop_checkpoints()
                except KeyboardInterrupt:
                    if interrupts.again:
                        raise
                    search.go_on_with_what_is_done()
        search.tried.candidates.extend(search.left_out)
        usable = [candidate for candidate in search.tried.candidates if not candidate.error]
        if not usable:
            reasons = "; ".join(f"{c.model} on {c.view}: {c.error}" for c in search.tried.candidates)
            raise FusionError(
                f"No model could be fitted in {problem.budget.seconds:.0f} s. {reasons}. Mend what these say, or give "
                "a larger --budget with another --run."
            )
        fitted = blended(search.tried, search.tried.informative(usable), search.portfolio)
        fitted.interrupted = search.interrupted or bool(problem.settings.get("cut_short"))
        write_file(search.tried.root / "search.json", fitted.described())
        return fitted


class _Search:
    def __init__(self, problem: Problem, budget: Budget) -> None:
        self.problem = problem
        self.budget = budget
        self.tried = Tried(problem, budget)
        outcome, whole = problem.examples.outcome, problem.examples.table.views[0]
        wanted = problem.settings.get("models") or [name for name in MODELS if name not in ON_REQUEST]
        lacks = {name: MODELS[name].why_not(outcome) for name in wanted if name in ON_REQUEST}
        self.left_out = [Candidate(f"{name}-{whole}", name, whole, error=lack) for name, lack in lacks.items() if lack]
        suited = [name for name, model in MODELS.items() if model.suits(outcome) and not lacks.get(name)]
        named = [name for name in wanted if name in suited]
        self.models = named or [name for name in suited if name not in ON_REQUEST]
        self.probe = next((name for name in CHEAP if name in self.models), self.models[0])
        self.trials_left = self.max_trials - trials_asked(self.tried.root)
        self.begun = budget.spent
        self.interrupted = False
        self.slow: set[str] = set()  # models whose configurations were compared on a part of the rows
        self.portfolio: set[str] = set()  # keys of its candidates, each a family of its own in the blend

    # -- candidates -------------------------------------------------------------------------------

    def run_all(self) -> None:
        """All that there is to try, in order."""
        self.run_defaults()
        self.run_tuned()  # which gains most, where it gains
        self.run_on_part()
        self.run_portfolio()
        self.run_views()
        self.run_trials(keep_for_stacks=True)
        self.run_stacks()
        self.run_trials()  # in what stacks have left
        self._say_if_early()

    def run_defaults(self) -> None:
        """A cheap model over every view, each other one over the whole table, where the best scores are."""
        views = self.problem.examples.table.views
        cheap = [(self.probe, view) for view in views]
        self._run_arms([*cheap, *((name, views[0]) for name in self.models if name != self.probe)], DEFAULTS_SHARE)

    def run_portfolio(self) -> None:
        """The configurations of the portfolio, each over the best view of its model."""
        best: dict[str, Candidate] = {}
        for candidate in self.tried.ranked():
            best.setdefault(candidate.model, candidate)
        for name, params in portfolio_for(self.problem.examples.outcome, list(best), self.problem.examples.table):
            default, left = best[name], self._left_of(PORTFOLIO_SHARE)
            if self.max_trials and name not in self.slow and left > default.fit_seconds:
                self._fit_another(default, params, left)

    def _fit_another(self, default: Candidate, params: dict[str, Any], seconds: float) -> None:
        """A configuration that is a family of its own in the blend."""
        wanted = Candidate(f"{default.key}-{_digest(params)}", default.model, default.view, params)
        self.portfolio.add(wanted.key)
        self.tried.fit(wanted, Budget(min(seconds, 4 * default.fit_seconds + 5.0)))

    def run_on_part(self) -> None:
        """Portfolio and Optuna on a part of the rows, where a fit of all takes long; the best of it on all rows."""
        seconds = self.budget.left
        slow = slow_models([c for c in self.tried.ranked() if c.model in self.models], seconds)
        part = on_part(self.problem) if slow and self.max_trials and seconds > LEAST_SECONDS else None
        if part is None:
            return
        self.slow = {default.model for default in slow}
        spent = self.budget.spent
        search = _Search(part, Budget(spent + PART_SHARE * seconds, self.budget.started))
        search.tried.advance = lambda _seconds: self.tried.show()
        search.tried.check_interrupt = self.tried.check_interrupt
        for default in slow:
            search.tried.fit(default, Budget(max(search.budget.left / (2 * len(slow)), 1e-3)))
        search.run_portfolio()
        search.run_trials()
        for params, default in search.best_of(slow):
            left = self.budget.left
            if params and left > default.fit_seconds:
                self._fit_another(default, params, left)

    def best_of(self, defaults: Sequence[Candidate]) -> list[tuple[dict[str, Any], Candidate]]:
        """The best parameters of each model with its default, then the second best, and the third."""
        ranked = self.tried.ranked()
        found = []
        for place in range(PROMOTED):
            for default in defaults:
                own = [candidate.params for candidate in ranked if candidate.model == default.model]
                found += [(own[place], default)] if place < len(own) else []
        return found

    def run_views(self) -> None:
        """Each other model over the parts of the table: first where the cheap one found most."""
        probes = [candidate.view for candidate in self.tried.ranked() if candidate.model == self.probe]
        views = dict.fromkeys([*probes, *self.problem.examples.table.views])
        done = {(candidate.model, candidate.view) for candidate in self.tried.candidates}
        arms = [(name, view) for view in views for name in self.models if (name, view) not in done]
        self._run_arms(arms, VIEWS_SHARE)

    def run_tuned(self) -> None:
        """Encoders tuned on the target, each where that is worth its time; else the reason is its line."""
        table = self.problem.examples.table
        wanted = self.problem.settings.get("tuned", ()) if self.max_trials else ()
        names = [name for name in wanted if TUNED[name].sources_in(table)]
        for i, name in enumerate(names):
            # Texts and photos share evenly; a net over both has a share of what these leave.
            share = TUNED_SHARE / max(1, sum(issubclass(TUNED[one], TunedEncoderModel) for one in names[i:]))
            try_tuned(name, self.tried, self.budget.sooner((1 - share) * max(self.budget.left, 0.0)))
        found = [candidate for candidate in self.tried.ranked() if candidate.model in names]
        for tuned in found:
            self._run_second_stages(tuned)
        needed = sum(seconds_to_score(tuned, self.tried.candidates, self.problem) for tuned in found)
        self.tried.kept_for_scoring = min(needed, MOST_SCORING_SHARE * max(self.budget.left, 0.0))
        self.budget = self.tried.budget = self.budget.sooner(self.tried.kept_for_scoring)

    def _run_second_stages(self, tuned: Candidate) -> None:
        """Models over the vectors of a tuned encoder, where reading all rows by it leaves them time."""
        if self.problem.settings.get("refit"):
            return  # the encoder of all rows that stays says nothing out of fold
        root, ranked = self.tried.root, self.tried.ranked()
        stages = second_stages_over(tuned, root / tuned.key, len(self.tried.tuned_folds), ranked)
        why_not = ""
        if any(not (root / stage.key).exists() for stage, _ in stages):  # else a fit that was killed had them all
            needed, left = READING_SHARE * tuned.fit_seconds, SECOND_SHARE * self.budget.left
            late = f"reading all rows by the tuned encoder would take about {needed:.0f} s of {max(left, 0.0):.0f} s"
            why_not = f"not tried: {late}" if needed > left else self.tried.read_vectors(tuned)
        for stage, seconds in stages:
            if why_not:
                self.tried.candidates.append(replace(stage, error=why_not))
                continue
            self.tried.fit(stage, Budget(max(min(SECOND_SHARE * self.budget.left, 4 * seconds + 5.0), 1e-3)))
        self.tried.forget_vectors()

    def _run_arms(self, arms: list[tuple[str, str]], share: float) -> None:
        """Defaults of models over views, in order; what one leaves unused goes to those after it."""
        for position, (name, view) in enumerate(arms):
            usable = max(self._left_of(share), 0.25 * self.budget.left)
            part = importance(name, view) / sum(importance(*arm) for arm in arms[position:])
            # A small table needs little time, and a model cut off early is worth nothing.
            least = min(LEAST_SECONDS, 0.3 * self.budget.left)
            if not self.tried.candidates:  # a fit without any model is worth nothing, however long the features took
                least = max(least, FIRST_SECONDS)
            seconds = max(usable * part, least, 1e-3)
            self.tried.fit(Candidate(f"{name}-{view}", name, view), Budget(seconds))

    def _left_of(self, share: float) -> float:
        """Seconds left of a share of the time that there was when the search began."""
        return share * (self.budget.seconds - self.begun) + self.begun - self.budget.spent

    def run_trials(self, *, keep_for_stacks: bool = False) -> None:
        """Optuna over the parameters of promising (model, view) pairs, pruned over the folds."""
        self.tried.take_stored()
        ranked = self.tried.ranked()
        untuned = [candidate for candidate in ranked if not candidate.params and candidate.model in self.models]
        maximize = self.problem.metric.higher_is_better
        turns = Turns(untuned, self.tried.root, maximize=maximize, seed=self.problem.seed, known=self._known_trials)
        wait = keep_for_stacks and bool(stacks_over(self.tried.ranked()))
        budget = self.budget.sooner(STACKS_SHARE * self.budget.seconds) if wait else self.budget
        while self.trials_left > 0 and (arm := turns.next(budget.left)) is not None:
            self.trials_left -= 1
            self._run_trial(arm, budget)

    def _known_trials(self, default: Candidate) -> list[optuna.trial.FrozenTrial]:
        alike = [c for c in self.tried.ranked() if (c.model, c.view) == (default.model, default.view)]
        scored = [(candidate, self.tried.score(candidate)) for candidate in alike]
        return finished_trials(
            [pair for pair in scored if np.isfinite(pair[1])], self.problem.examples.view(default.view)
        )

    def _run_trial(self, arm: Arm, budget: Budget) -> None:
        started = time.monotonic()
        trial = arm.ask()
        table = self.problem.examples.table.select(view=arm.view)
        params = MODELS[arm.model].suggest(trial, self.problem.examples.outcome, table)
        allowed = Budget(max(min(budget.left, 4 * arm.fit_seconds + 5.0), 1e-3))
        key = f"{arm.key}-{_digest(params)}" if params else arm.key
        before = next((candidate for candidate in self.tried.candidates if candidate.key == key), None)
        if before is not None:
            self.tried.tell_again(before, trial)
        wanted = Candidate(key, arm.model, arm.view, params)
        done = before or self.tried.fit(wanted, allowed, self.tried.by_median(trial))
        arm.tell(trial, None if done.error else self.tried.score(done), pruned=done.error.startswith(PRUNED))
        arm.spent += time.monotonic() - started

    def _say_if_early(self) -> None:
        left = self.budget.left
        if left > EARLY_SHARE * self.budget.seconds and not self.problem.settings.get("cut_short"):
            trials = f"all {self.max_trials} trials that the preset allows are done"
            why = trials if self.trials_left <= 0 else "no model has parameters to tune in a trial that would fit"
            self.problem.progress.say(f"The search ends {left:.0f} s before its time: {why}.")

    def run_stacks(self) -> None:
        """Models over the outputs of the best candidates of single views."""
        stacks = stacks_over(self.tried.ranked())
        for i, stack in enumerate(stacks):
            self.tried.fit(stack, Budget(max(self.budget.left / (len(stacks) - i), 1e-3)))

    @property
    def max_trials(self) -> int:
        """Bounds Optuna's part; 0 leaves the defaults alone."""
        return int(self.problem.settings.get("max_trials", 200))

    # -- the end ----------------------------------------------------------------------------------

    def go_on_with_what_is_done(self) -> None:
        """After an interrupt.

        Raises:
            KeyboardInterrupt: if no candidate was finished.
        """
        self.tried.take_stored()
        n = sum(not candidate.error for candidate in self.tried.candidates)
        if not n:
            raise KeyboardInterrupt
        self.interrupted = True
        self.problem.progress.say(f"Stopped: finishing with the {n} candidates so far. Ctrl-C again leaves at once.")

    def finished(self) -> FittedSearch:
        """What a fit that was killed after its search had found."""
        fitted = FittedSearch.load(self.tried.root)
        keys = [candidate.key for candidate in fitted.candidates if candidate.key not in fitted.blends]
        scores = {c.key: c.out_of_fold for c in map(self.tried.stored, keys) if c and c.out_of_fold is not None}
        for key, weights in fitted.blends.items():
            blended = weighted(weights, scores)
            scores[key] = out_of_fold.compact(fitted.calibration.apply(blended) if key == fitted.FINAL else blended)
        fitted.candidates = tuple(replace(c, out_of_fold=scores.get(c.key)) for c in fitted.candidates)
        return fitted


def _digest(params: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()[:8]
