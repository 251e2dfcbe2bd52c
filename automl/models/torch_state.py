"""What torch keeps for the whole process, held while nets work, in one thread or in several."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_generator = threading.RLock()
_counting = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Hold torch to ``n`` threads within the block; the last thread to leave puts back what was before the first."""
    import torch

    global _inside, _before
    with _counting:
        if not _inside:
            _before = torch.get_num_threads()
        _inside += 1
        torch.set_num_threads(n)
    try:
        yield
    finally:
        with _counting:
            _inside -= 1
            if not _inside:
                torch.set_num_threads(_before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Start torch's own generator from a seed within the block, one thread at a time; it goes on as before after it."""
    import torch

    with _generator, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
