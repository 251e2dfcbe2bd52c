"""Ctrl-C that no library can swallow."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def watching_interrupts() -> Iterator[Callable[[], None]]:
    """Within, the first Ctrl-C raises ``KeyboardInterrupt``, and so does the value entered at every later call.

    Libraries that train models run callbacks from other languages, in which an exception may get lost. A process that
    ignores interrupts, or handles them in its own way, goes on doing so; so does any thread but the main one.
    """
    came = False

    def handle(*_: object) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield check
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
