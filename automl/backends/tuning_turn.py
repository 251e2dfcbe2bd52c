"""Whether tuning an encoder is worth its time, asked cheaply first: by a few rows, before all are read."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from artifacts.examples import Examples
from artifacts.full_disk import is_full_disk
from automl.backends.base import Candidate
from automl.backends.tried import Tried
from automl.budget import Budget
from automl.memory import memory_lack
from automl.models.registry import TUNED
from automl.models.tuned_model import TunedModel
from featurizers.activations import Activations

NOT_TRIED = "not tried: "
FIRST_CONTENTS = 4  # that are read before, since the first ones take longer
SAMPLE_CONTENTS = 32  # texts or photos that are read to see how long one takes
SPEED_ROWS = 96  # to learn from to see how long one takes, and half as many to validate on
PROBE_ROWS = 1_000  # to learn from in the trial on a part, at most, and half as many to judge it by
LEAST_PROBE_ROWS = 200
PROBE_EPOCHS = 2
PROBE_SHARE = 0.2  # of the time there is, for that trial
FIRST_PASS = 1.3  # epochs that one takes with the forward pass before it
LEAST_EPOCHS = 1  # of each fold, below which tuning is not begun: the first one gains most
DEAR = 0.25  # of the time: tuning that takes more has to show a gain on the part first


def try_tuned(name: str, tried: Tried, allowed: Budget) -> None:
    """Fit a tuned encoder over the folds, or leave a line that says why it was not tried.

    Args:
        name: of ``TUNED``.
        tried: takes the candidate.
        allowed: the time there is for it.
    """
    examples, model = tried.problem.examples, TUNED[name]
    if not model.sources_in(examples.table):
        return  # there is nothing that it reads
    view = model.view_in(examples.table)
    wanted = Candidate(f"{name}-{view}", name, view)
    stored = tried.stored(wanted.key)
    if stored is not None:
        tried.candidates.append(stored)
        return
    if tried.begun(wanted.key):  # it was found to be worth its time, and what is done is not lost
        tried.fit(wanted, Budget(max(allowed.left, 1e-3)))
        return
    started = time.monotonic()
    try:
        reason = _Asking(model, tried, examples.view(view), allowed).why_not()
    except Exception as error:  # a trial that fails is a row, whatever the library raised
        if is_full_disk(error):
            raise
        reason = f"{type(error).__name__}: {str(error)[:300]}"
    if reason:
        spent = time.monotonic() - started
        tried.candidates.append(replace(wanted, error=f"{NOT_TRIED}{reason}", fit_seconds=spent))
        tried.show()
        return
    tried.fit(wanted, Budget(max(allowed.left, 1e-3)))


class _Asking:
    """One question: is tuning worth its time here? Cheap answers come first."""

    def __init__(self, model: type[TunedModel], tried: Tried, examples: Examples, allowed: Budget) -> None:
        self.model, self.tried, self.examples, self.allowed = model, tried, examples, allowed
        self.problem = tried.problem
        # Rows of all folds, those that are only validated at half the price.
        self.rows = sum(len(fold.train) + len(fold.valid) / 2 for fold in tried.tuned_folds)
        self.reading = self.tuning = 0.0  # seconds that the layers below still take, and those above
        self.speed = 0.0  # seconds for a row and epoch

    def why_not(self) -> str:
        """An empty string where it is; then all texts or photos have been read by the layers below."""
        table = self.examples.table
        if lack := memory_lack(self.model.bytes_needed(table, self.examples.outcome)):
            return lack
        if len(self.model.sources_in(table)) > 1 and _none_was_worth_it(self.tried):
            return "none of the encoders that it would tune together was worth tuning alone"
        parts = self.model({}, seed=self.problem.seed, n_threads=self.problem.n_threads).activations(table)
        self.reading = sum(_seconds_to_read(one, self.problem.seed) for one in parts)
        if self.reading > self.allowed.left / 2:
            n_missing = sum(len(one.missing()) for one in parts)
            return self._too_slow(self.reading, f"reading {n_missing} of them by the layers below")
        if reason := self._on_a_few_rows() or self._on_a_part(self._share()):
            return reason
        n_contents = float(sum(one.n_contents for one in parts))
        with self.problem.progress.task(f"{self.model.name}: layers below", n_contents) as advance:
            if not all(one.prepare(self.allowed.deadline, advance) for one in parts):
                return "reading them by the layers below took longer than a sample had"
        return ""

    def _on_a_few_rows(self) -> str:
        """Whether it is far too slow."""
        trial = self._share()
        probe = self._probe(SPEED_ROWS, trial)
        if trial.left <= 0:
            return f"tuning {probe.n_train} rows took longer than the {trial.seconds:.0f} s that a trial may take"
        # The first epoch also sets things up; none is 0 seconds, where so few rows are all alike.
        self.speed = min(probe.model.seconds_[1:], default=0.0) / probe.n_train
        return self._if_too_slow(FIRST_PASS * self.speed)

    def _on_a_part(self, trial: Budget) -> str:
        """Whether it is too slow after all, or gains nothing."""
        of_row = FIRST_PASS * PROBE_EPOCHS * self.speed + 1.5 * self.reading / self.examples.n_samples
        n = round(min(max(trial.left / max(of_row, 1e-9), LEAST_PROBE_ROWS), PROBE_ROWS))
        probe = self._probe(n, trial)
        losses = probe.model.losses_
        a_row = probe.seconds / max(len(losses) - 1, 1) / probe.rows
        if slow := self._if_too_slow(max(a_row, FIRST_PASS * self.speed)):  # the deadline may have cut an epoch short
            return slow
        if self.reading + self.tuning <= DEAR * self.allowed.left:
            return ""
        if len(losses) < 2:
            return f"a trial on {probe.n_train} rows tuned nothing: its time was over, or they are all alike"
        if min(losses[1:]) < losses[0]:
            return ""
        return f"on {probe.n_train} rows it predicted no better than the encoder as it came (likelihood)"

    def _if_too_slow(self, a_row: float) -> str:
        """A reason, if all rows take too long at so many seconds for a row and epoch."""
        self.tried.check_interrupt()
        self.tuning = LEAST_EPOCHS * a_row * self.rows
        if self.reading + self.tuning <= self.allowed.left:
            return ""
        what = f"{LEAST_EPOCHS} epochs over {len(self.tried.tuned_folds)} folds"
        return self._too_slow(self.reading + self.tuning, what)

    def _too_slow(self, needed: float, what: str) -> str:
        left = max(self.allowed.left, 0.0)
        return f"{what} would take about {needed:.0f} s of the {left:.0f} s that there are for it"

    def _share(self) -> Budget:
        return Budget(PROBE_SHARE * max(self.allowed.left, 1e-3))

    def _probe(self, n: int, allowed: Budget) -> _Probe:
        """Tune on ``n`` rows of one fold, which are read before, so that the time is that of tuning."""
        random, fold = np.random.default_rng(self.problem.seed), self.problem.folds[0]
        rows = [np.sort(random.permutation(part)[:k]) for part, k in ((fold.train, n), (fold.valid, n // 2))]
        train, valid = (self.examples.take(some) for some in rows)
        probe = self.model({"epochs": PROBE_EPOCHS}, seed=self.problem.seed, n_threads=self.problem.n_threads)
        for some in (train, valid):
            for parts in probe.activations(some.table):
                parts.prepare(allowed.deadline, lambda _: None)
        started = time.monotonic()
        probe.fit(train, valid, deadline=allowed.deadline)
        self.reading *= max(1.0 - (train.n_samples + valid.n_samples) / self.examples.n_samples, 0.0)
        return _Probe(probe, train.n_samples, valid.n_samples, time.monotonic() - started)


@dataclass(frozen=True)
class _Probe:
    """A model that was tuned on a part of one fold in so many ``seconds``."""

    model: TunedModel
    n_train: int
    n_valid: int
    seconds: float

    @property
    def rows(self) -> float:
        """Rows to learn from whose tuning takes as long."""
        return self.n_train + self.n_valid / 2


def _none_was_worth_it(tried: Tried) -> bool:
    asked = [candidate for candidate in tried.candidates if candidate.model in TUNED]
    return bool(asked) and all(candidate.error.startswith(NOT_TRIED) for candidate in asked)


def _seconds_to_read(parts: Activations, seed: int) -> float:
    """What the layers below take to read what they have not yet, by a sample of it, which is read then."""
    missing = parts.missing()
    order = np.random.default_rng(seed).permutation(missing)
    first, sample = np.split(order[: FIRST_CONTENTS + SAMPLE_CONTENTS], [FIRST_CONTENTS])
    parts.compute(first.tolist())  # also loads what is not loaded yet
    started = time.monotonic()
    parts.compute(sample.tolist())
    a_content = (time.monotonic() - started) / max(len(sample), 1)
    return a_content * (len(missing) - len(first) - len(sample))
