"""Whether tuning an encoder is worth its time: a few rows tell how long it takes, the first fold whether it gains."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.full_disk import is_full_disk
from automl.backends.base import Candidate
from automl.backends.tried import PRUNED, Tried
from automl.budget import Budget
from automl.memory import memory_lack
from automl.models.base import Model
from automl.models.registry import TUNED
from automl.models.tuned_encoder import TunedEncoderModel
from automl.models.tuned_model import TunedModel
from featurizers.activations import Activations

Float = NDArray[np.float64]

NOT_TRIED = "not tried: "
TOO_SLOW = "too slow: "
NO_GAIN = "no better than before it was tuned, in the time it had (likelihood)"
FIRST_CONTENTS = 4  # that are read before, since the first ones take longer
SAMPLE_CONTENTS = 32  # texts or photos that are read to see how long one takes
SPEED_ROWS = 96  # to learn from to see how long one takes, and half as many to validate on
SPEED_EPOCHS = 2
SPEED_SHARE = 0.2  # of the time there is, for seeing it
FIRST_PASS = 1.3  # epochs that one takes with the forward pass before it
LEAST_EPOCHS = 1  # of each fold, below which tuning is not begun: the first one gains most


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
        _fit(wanted, tried, allowed)
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
    _fit(wanted, tried, allowed)


def _fit(wanted: Candidate, tried: Tried, allowed: Budget) -> None:
    """Over the folds (or pairs), of which the first one tells whether the others are worth it.

    Not in the order of time, where it learns from the fewest rows, and not where there is no other model.
    """
    sizes = [len(fold.train) for fold in tried.tuned_folds]
    judges = 2 * sizes[0] > max(sizes) and any(not candidate.error for candidate in tried.candidates)
    tried.fit(wanted, Budget(max(allowed.left, 1e-3)), _by_first if judges else None)


def _by_first(models: Sequence[Model], _: Float) -> str:
    first = models[0]
    assert isinstance(first, TunedModel)
    if first.epochs_:
        return ""
    if len(first.losses_) < 2:
        return "no time to tune, or nothing to learn from"
    return NO_GAIN


class _Asking:
    """One question: does tuning fit into its time here? Cheap answers come first."""

    def __init__(self, model: type[TunedModel], tried: Tried, examples: Examples, allowed: Budget) -> None:
        self.model, self.tried, self.examples, self.allowed = model, tried, examples, allowed
        self.problem = tried.problem
        # Rows of all folds, those that are only validated at half the price.
        self.rows = sum(len(fold.train) + len(fold.valid) / 2 for fold in tried.tuned_folds)
        self.reading = 0.0  # seconds that the layers below still take

    def why_not(self) -> str:
        """An empty string where it is; then all texts or photos have been read by the layers below."""
        table = self.examples.table
        if lack := memory_lack(self.model.bytes_needed(table, self.examples.outcome)):
            return lack
        beside = not issubclass(self.model, TunedEncoderModel)
        if beside and (reason := _of_those_alone(self.tried, len(self.model.sources_in(table)))):
            return reason
        parts = self.model({}, seed=self.problem.seed, n_threads=self.problem.n_threads).activations(table)
        self.reading = sum(_seconds_to_read(one, self.problem.seed) for one in parts)
        if self.reading > self.allowed.left / 2:
            n_missing = sum(len(one.missing()) for one in parts)
            return self._too_slow(self.reading, f"reading {n_missing} of them by the layers below")
        if reason := self._on_a_few_rows():
            return reason
        n_contents = float(sum(one.n_contents for one in parts))
        with self.problem.progress.task(f"{self.model.name}: layers below", n_contents) as advance:
            if not all(one.prepare(self.allowed.deadline, advance) for one in parts):
                return f"{TOO_SLOW}reading them by the layers below took longer than a sample had"
        return ""

    def _on_a_few_rows(self) -> str:
        """A reason, if all rows take too long at the speed of a few."""
        trial = Budget(SPEED_SHARE * max(self.allowed.left, 1e-3))
        probe, n = self._probe(trial)
        self.tried.check_interrupt()
        if trial.left <= 0:
            return f"{TOO_SLOW}tuning {n} rows took longer than the {trial.seconds:.0f} s that a trial may take"
        # The first epoch also sets things up; none is 0 seconds, where so few rows are all alike.
        a_row = FIRST_PASS * min(probe.seconds_[1:], default=0.0) / n
        needed = self.reading + LEAST_EPOCHS * a_row * self.rows
        if needed <= self.allowed.left:
            return ""
        return self._too_slow(needed, f"{LEAST_EPOCHS} epochs over {len(self.tried.tuned_folds)} folds")

    def _too_slow(self, needed: float, what: str) -> str:
        left = max(self.allowed.left, 0.0)
        return f"{TOO_SLOW}{what} would take about {needed:.0f} s of the {left:.0f} s that there are for it"

    def _probe(self, allowed: Budget) -> tuple[TunedModel, int]:
        """Tune on a few rows of one fold, which are read before, so that the time is that of tuning; how many."""
        random, fold = np.random.default_rng(self.problem.seed), self.problem.folds[0]
        sizes = ((fold.train, SPEED_ROWS), (fold.valid, SPEED_ROWS // 2))
        train, valid = (self.examples.take(np.sort(random.permutation(part)[:k])) for part, k in sizes)
        probe = self.model({"epochs": SPEED_EPOCHS}, seed=self.problem.seed, n_threads=self.problem.n_threads)
        for some in (train, valid):
            for parts in probe.activations(some.table):
                parts.prepare(allowed.deadline, lambda _: None)
        probe.fit(train, valid, deadline=allowed.deadline)
        self.reading *= max(1.0 - (train.n_samples + valid.n_samples) / self.examples.n_samples, 0.0)
        return probe, train.n_samples


def _of_those_alone(tried: Tried, n_modalities: int) -> str:
    """Why a net over so many modalities and the columns is not asked after the encoders that were tuned alone."""
    errors = [candidate.error for candidate in tried.candidates if candidate.model in TUNED]
    if not errors:
        return ""
    if n_modalities == 1:  # beside columns it is another model, and a slower one
        slow = all(error.startswith(NOT_TRIED + TOO_SLOW) for error in errors)
        return f"{TOO_SLOW}so was its encoder alone" if slow else ""
    no = all(error.startswith((NOT_TRIED, PRUNED + NO_GAIN)) for error in errors)
    return "none of the encoders that it would tune together was worth tuning alone" if no else ""


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
