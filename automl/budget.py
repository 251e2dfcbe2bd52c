"""Seconds that a fit may take, counted from its start."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from artifacts.errors import InputError


@dataclass(frozen=True)
class Budget:
    """``seconds`` of wall-clock time from ``started`` (a value of ``time.monotonic()``)."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise InputError(f"budget_seconds must be above 0, but got {self.seconds}.")

    @property
    def deadline(self) -> float:
        """The value of ``time.monotonic()`` at which the budget ends."""
        return self.started + self.seconds

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.deadline - time.monotonic()

    def sooner(self, seconds: float) -> Budget:
        """The same start with ``seconds`` kept back, for what has to be done afterwards."""
        return Budget(max(self.seconds - seconds, 1e-3), self.started)


class Timed:
    """Writes how long steps took into ``seconds``: ``with timed("split"): ...``."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self._name = ""
        self._started = 0.0

    def __call__(self, name: str) -> Timed:
        """The name of the step that is entered next."""
        self._name = name
        return self

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = round(time.monotonic() - self._started, 3)
