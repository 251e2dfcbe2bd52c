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
from automl.models.tuned_encoder import TunedEncoderModel
from automl.models.tuned_model import TunedModel
from evaluation.splits import Fold
from featurizers.activations import Activations

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
        reason = _why_not(model, tried, examples.view(view), allowed)
    except Exception as error:  # a trial that fails is a row, whatever the library raised
        if is_full_disk(error):
            raise
        reason = f"{type(error).__name__}: {str(error)[:300]}"
    if reason:
        spent = time.monotonic() - started
        tried.candidates.append(replace(wanted, error=f"not tried: {reason}", fit_seconds=spent))
        tried.show()
        return
    tried.fit(wanted, Budget(max(allowed.left, 1e-3)))


def _why_not(model: type[TunedModel], tried: Tried, examples: Examples, allowed: Budget) -> str:
    """An empty string where tuning is worth its time; then all texts or photos have been read by the lower layers."""
    problem, table = tried.problem, examples.table
    if lack := memory_lack(model.bytes_needed(table, examples.outcome)):
        return lack
    asked = [candidate for candidate in tried.candidates if candidate.model in TUNED]
    if not issubclass(model, TunedEncoderModel) and asked and all(candidate.error for candidate in asked):
        return "none of the encoders that it would tune together was worth tuning alone"
    new = model({}, seed=problem.seed, n_threads=problem.n_threads)
    parts = new.activations(table)
    reading = sum(_seconds_to_read(one, problem.seed) for one in parts)
    n_missing = sum(len(one.missing()) for one in parts)
    if reading > allowed.left / 2:
        return _too_slow(reading, allowed.left, f"reading {n_missing} of them by the layers below")
    rows = sum(len(fold.train) + len(fold.valid) / 2 for fold in tried.tuned_folds)
    epochs = f"{LEAST_EPOCHS} epochs over {len(tried.tuned_folds)} folds"
    speed = _seconds_a_row(_probe(model, tried, examples, SPEED_ROWS, allowed))
    tried.check_interrupt()
    if reading + FIRST_PASS * LEAST_EPOCHS * speed * rows > allowed.left:
        return _too_slow(reading + FIRST_PASS * LEAST_EPOCHS * speed * rows, allowed.left, epochs)
    trial = Budget(PROBE_SHARE * max(allowed.left, 1e-3))
    of_row = FIRST_PASS * PROBE_EPOCHS * speed + reading / table.n_samples
    n = round(min(max(trial.left / max(of_row, 1e-9), LEAST_PROBE_ROWS), PROBE_ROWS))
    probe = _probe(model, tried, examples, n, trial)
    tried.check_interrupt()
    tuning = LEAST_EPOCHS * _whole(probe) * rows
    if reading + tuning > allowed.left:
        return _too_slow(reading + tuning, allowed.left, epochs)
    gained = bool(probe.model.losses_) and min(probe.model.losses_[1:], default=np.inf) < probe.model.losses_[0]
    if not gained and reading + tuning > DEAR * allowed.left:
        return f"on {n} rows it predicted no better than the encoder as it came (likelihood)"
    with problem.progress.task(f"{model.name}: layers below", float(sum(one.n_contents for one in parts))) as advance:
        if not all(one.prepare(allowed.deadline, advance) for one in parts):
            return "reading them by the layers below took longer than a sample had"
    return ""


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


def _too_slow(needed: float, left: float, what: str) -> str:
    return f"{what} would take about {needed:.0f} s of the {max(left, 0.0):.0f} s that there are for it"


@dataclass(frozen=True)
class _Probe:
    """A model that was tuned on a part of one fold in so many ``seconds``, and how many rows it learned from."""

    model: TunedModel
    n_train: int
    n_valid: int
    seconds: float

    @property
    def rows(self) -> float:
        """Rows whose tuning takes as long."""
        return self.n_train + self.n_valid / 2


def _probe(model: type[TunedModel], tried: Tried, examples: Examples, n: int, allowed: Budget) -> _Probe:
    """Tune on ``n`` rows of one fold, which are read before, so that the time is that of tuning."""
    problem = tried.problem
    random, fold = np.random.default_rng(problem.seed), problem.folds[0]
    part = Fold(np.sort(random.permutation(fold.train)[:n]), np.sort(random.permutation(fold.valid)[: n // 2]))
    train, valid = examples.take(part.train), examples.take(part.valid)
    probe = model({"epochs": PROBE_EPOCHS}, seed=problem.seed, n_threads=problem.n_threads)
    for rows in (train, valid):
        for parts in probe.activations(rows.table):
            parts.prepare(allowed.deadline, lambda _: None)
    started = time.monotonic()
    probe.fit(train, valid, deadline=allowed.deadline)
    return _Probe(probe, train.n_samples, valid.n_samples, time.monotonic() - started)


def _seconds_a_row(probe: _Probe) -> float:
    """Of one epoch; the faster of two, since libraries set themselves up in the first."""
    return min(probe.model.seconds_[1:], default=probe.seconds) / max(probe.n_train, 1)


def _whole(probe: _Probe) -> float:
    """Seconds for a row and epoch of all that a fit does."""
    return probe.seconds / (max(len(probe.model.losses_) - 1, 1) * max(probe.rows, 1))
