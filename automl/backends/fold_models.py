"""One model over the folds: its models, and link scores of rows that each model did not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.link import n_link
from automl.backends.out_of_fold import unknown
from automl.budget import Budget
from automl.models.base import Model
from automl.models.checkpoint import Checkpoint
from automl.models.tuned_model import TunedModel
from evaluation.splits import Fold

Float = NDArray[np.float64]
Result = TypeVar("Result")
LATENESS = 1.0  # of the time that is allowed, for folds that take longer than it


@dataclass(frozen=True)
class Way:
    """How the models of folds are fitted.

    ``refit``: one model of all rows is what stays; the folds' models give the scores and its parameters. ``emphasis``
    of high values in the rows to learn from and to stop on, see ``Outcome.emphasised``. ``end``: value of
    ``time.monotonic()`` until which late folds may go on; the end of their own time if None. ``side_by_side``: folds
    that are fitted at once, each by one thread. ``checkpoints``: a folder for models that keep where they are.
    ``partial``: where time runs out, the folds that are done will do.
    """

    refit: bool = False
    emphasis: float = 0.0
    end: float | None = None
    side_by_side: int = 1
    checkpoints: Path | None = None
    partial: bool = False


class Pruned(Exception):  # noqa: N818 - a verdict, not an error
    """Not worth more of the budget, or none is left."""


class OutOfTime(Pruned):
    """Time ran out before the last fold."""


def fit_fold_models(
    make: Callable[[dict[str, Any]], Model],
    examples: Examples,
    folds: Sequence[Fold],
    allowed: Budget,
    way: Way,
    after_fold: Callable[[Sequence[Model], Float], None] | None = None,
) -> tuple[list[Model], Float]:
    """Models of the folds, or a single one of all rows in folds for a refit, and link scores (n_samples, n_link).

    Args:
        make: an unfitted model, with parameters that come before its own.
        examples: rows of all folds; scores are NaN in rows that no fold validated.
        folds: rows to learn from and to validate on.
        allowed: split evenly between the fits that are left.
        way: how they are fitted; where time runs out and it is ``partial``, without the other folds and the refit.
        after_fold: gets the models and the scores of the folds so far, and may raise ``Pruned``.

    Raises:
        Pruned: if ``after_fold`` does, or, as ``OutOfTime``, if the time runs out before the last fold.
    """
    outcome = examples.outcome
    scores = unknown((outcome.n_samples, n_link(outcome.kind, outcome.n_outputs)))
    models: list[Model] = []
    n_fits = len(folds) + int(way.refit)
    # What a busy machine makes late is not thrown away while the rest of the budget can bear it.
    latest = max(allowed.deadline, min(allowed.deadline + LATENESS * allowed.seconds, way.end or 0.0))
    width = max(1, min(way.side_by_side, len(folds)))
    least = 0.5 * allowed.seconds * width / n_fits

    def deadline(n_left: float) -> float:
        now = time.monotonic()
        return now + max(min(max(allowed.left / n_left, least), (latest - now) / n_left), 0.0)

    def fit(i: int) -> tuple[Model, Float]:
        if i and time.monotonic() >= latest:
            raise OutOfTime(f"time ran out after {i} of {len(folds)} folds")
        train, valid = (_emphasised(examples.take(rows), way.emphasis) for rows in (folds[i].train, folds[i].valid))
        model = make({})
        if width > 1:
            model.n_threads = 1
        _keep_in(way.checkpoints, model, f"fold_{i}")
        model.fit(train, valid, deadline=deadline(max((n_fits - i) / width, 1.0)))
        return model, model.decide(valid.table)

    with closing(_in_order(fit, len(folds), width)) as fitted:
        try:
            for i, (model, found) in enumerate(fitted):
                models.append(model)
                scores[folds[i].valid] = found
                if after_fold is not None:
                    after_fold(models, scores)
        except OutOfTime:
            if not (way.partial and models):
                raise
    if way.refit and len(models) == len(folds):
        last = make(models[0].params_for_refit(models))
        _keep_in(way.checkpoints, last, "all_rows")
        models = [last.fit(_emphasised(_of_folds(examples, folds), way.emphasis), deadline=deadline(1))]
    return models, scores


def _in_order(work: Callable[[int], Result], n: int, width: int) -> Generator[Result]:
    """Results of ``work`` for 0 to n - 1, ``width`` of them at once; what has not begun at the end never does."""
    if width == 1:
        yield from map(work, range(n))
        return
    futures = [_threads(width).submit(work, i) for i in range(n)]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@lru_cache(maxsize=1)
def _threads(width: int) -> ThreadPoolExecutor:
    """Threads that all run before any of them has work, and stay.

    One that lacks memory as it begins dies unseen, and ``Thread.start`` waits for it for ever: so none begins while
    others use memory up.
    """
    pool, all_run = ThreadPoolExecutor(width), Barrier(width + 1)
    try:
        for _ in range(width):
            pool.submit(all_run.wait)
        all_run.wait()
    except BaseException:  # those that run would wait for the others, and the process for them at its end
        all_run.abort()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    return pool


def _keep_in(folder: Path | None, model: Model, name: str) -> None:
    if folder is not None and isinstance(model, TunedModel):
        model.checkpoint = Checkpoint(folder / f"{name}.safetensors")


def _of_folds(examples: Examples, folds: Sequence[Fold]) -> Examples:
    known = np.unique(np.concatenate([rows for fold in folds for rows in (fold.train, fold.valid)]))
    return examples if len(known) == examples.n_samples else examples.take(known)


def _emphasised(rows: Examples, emphasis: float) -> Examples:
    return replace(rows, outcome=rows.outcome.emphasised(emphasis))
