"""The same work on many texts: in this process where that is quick, in worker processes where they pay."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from typing import Any, TypeVar

from artifacts.progress import Progress

PAYS_SECONDS = 6.0  # of work in one process; starting workers takes two to three on an idle machine, once a run
SHOWN_SECONDS = 1.0  # of work; less needs no bar
CHUNK_SECONDS = 0.25  # of work, so that a bar moves and the workers end together


T = TypeVar("T")


def map_chunks(
    function: Callable[[list[str]], T], texts: Sequence[str], seconds: float, progress: Progress, description: str
) -> list[T]:
    """``function`` of each chunk of neighbouring texts, in their order.

    ``function`` must be importable by name and depend on its argument alone. ``seconds`` is a rough
    guess of the work of a single process; it decides about chunks, workers and a bar, never about
    results. Python threads would not help here: regular expressions hold the interpreter's lock. If
    workers cannot be had or die, the rest is done here, which is said.
    """
    chunks = _chunks(texts, 1 + int(seconds / CHUNK_SECONDS))
    results: list[T] = []
    bar = progress.task(description, float(len(texts))) if seconds > SHOWN_SECONDS else nullcontext(lambda _: None)
    with bar as advance:
        n_workers = min(n_processors(), len(chunks))
        if seconds > PAYS_SECONDS and n_workers > 1:
            try:
                for result in _by_workers(function, chunks, n_workers):
                    advance(float(len(chunks[len(results)])))
                    results.append(result)
            except (OSError, ImportError, BrokenExecutor) as error:  # no semaphores, no memory for another process
                progress.say(f"{description}: worker processes failed ({type(error).__name__}); going on without them.")
        for chunk in chunks[len(results) :]:
            results.append(function(chunk))
            advance(float(len(chunk)))
    return results


def n_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunks(texts: Sequence[str], n: int) -> list[list[str]]:
    size = max(1, -(-len(texts) // n))
    return [list(texts[start : start + size]) for start in range(0, len(texts), size)]


def _by_workers(function: Callable[[list[str]], T], chunks: list[list[str]], n: int) -> Iterator[T]:
    # Workers of loky, unlike those of multiprocessing, do not run the caller's script again, so that a script
    # without a __main__ guard may call fit; and they are not forks of a process in which torch runs threads.
    from sklearn.utils.parallel import Parallel, delayed

    results: Any = Parallel(n_jobs=n, return_as="generator", pre_dispatch=2 * n)(
        delayed(function)(chunk) for chunk in chunks
    )
    yield from results
