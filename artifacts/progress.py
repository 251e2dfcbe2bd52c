"""Progress bars, as something that is passed in: silent in libraries and tests, rich on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

Advance = Callable[[float], None]


class Progress(Protocol):
    """Shows how far long work is."""

    def task(self, description: str, total: float) -> AbstractContextManager[Advance]:
        """A bar for work of ``total`` units; the value entered is called with units done."""

    def say(self, line: str) -> None:
        """Print one line above the bars."""


class Silent:
    """Shows nothing."""

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Advance]:
        """A bar that nobody sees."""
        yield lambda _units: None

    def say(self, line: str) -> None:
        """Say nothing."""


class Bars:
    """Bars with time left on stderr, so that stdout stays readable by programs."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._bars: Any = None
        self._depth = 0

    @contextmanager
    def task(self, description: str, total: float) -> Iterator[Advance]:
        """A bar that goes away when the work is done."""
        from rich import progress

        if self._bars is None:
            self._bars = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),  # columns may be named "[/]"
                progress.BarColumn(),
                progress.TaskProgressColumn(),
                progress.TimeElapsedColumn(),
                progress.TextColumn("left"),
                progress.TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
        if self._depth == 0:
            self._bars.start()
        self._depth += 1
        bar = self._bars.add_task(_one_line(description), total=total)
        try:
            yield lambda units: self._bars.advance(bar, units)
        finally:
            self._bars.remove_task(bar)
            self._depth -= 1
            if self._depth == 0:
                self._bars.stop()

    def say(self, line: str) -> None:
        """Print one line of plain text above the bars."""
        self._console.print(_one_line(line), markup=False, emoji=False)


def _one_line(text: str) -> str:
    """What a terminal shows as it is: names of columns may hold its escapes, and marks that turn text."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
