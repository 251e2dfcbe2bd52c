"""Ctrl-C that no library can swallow."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Handler:
    """Counts interrupts and raises each as ``KeyboardInterrupt``."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_: object) -> None:
        self.count += 1
        raise KeyboardInterrupt


class Interrupts:
    """The interrupts since a watch began; the watches inside one another count the same ones."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self._before = handler.count

    @property
    def came(self) -> bool:
        """Whether one came within this watch."""
        return self._handler.count > self._before

    @property
    def again(self) -> bool:
        """Whether it was not the first: who presses Ctrl-C twice wants to leave at once."""
        return self._handler.count > 1

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if one came within this watch."""
        if self.came:
            raise KeyboardInterrupt


@contextmanager
def watching_interrupts() -> Iterator[Interrupts]:
    """Within, every Ctrl-C raises ``KeyboardInterrupt``, and after it so does ``check`` of what is entered.

    Libraries that train models run callbacks from other languages, in which an exception may get lost. A process that
    ignores interrupts, or handles them in its own way, goes on doing so; so does any thread but the main one.
    """
    usual = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if isinstance(usual, _Handler) and in_main_thread:
        yield Interrupts(usual)
        return
    handler = _Handler()
    if usual is not signal.default_int_handler or not in_main_thread:
        yield Interrupts(handler)
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield Interrupts(handler)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
