"""From values to places on a chart, and round values for its ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A straight (or logarithmic) map of values in [low, high] to places from ``start`` to ``stop``.

    Values beyond the ends are put on the ends, so that one outlier does not leave its box.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Place of a value, rounded to a tenth of a pixel."""
        low, high = self._warp(self.low), self._warp(self.high)
        share = (self._warp(min(max(value, self.low), self.high)) - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.stop - self.start), 1)

    def _warp(self, value: float) -> float:
        return math.log(value) if self.log else value

    def ticks(self, n: int = 4) -> list[float]:
        """About ``n`` round values in the range."""
        if not self.high > self.low:
            return [self.low]
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1, 2, 5), (1, 3), (1,)):
                values = [step * 10.0**p for p in powers for step in steps]
                inside = [value for value in values if self.low <= value <= self.high]
                if 2 <= len(inside) <= n + 1:
                    return inside
        power = math.floor(math.log10((self.high - self.low) / n))
        widths = [float(f"{m}e{p}") for p in (power, power + 1) for m in (1, 2, 5)]
        spans = [(math.ceil(self.low / s - 1e-9), math.floor(self.high / s + 1e-9), s) for s in widths]
        first, last, step = min(spans, key=lambda span: abs(span[1] - span[0] + 1 - n))  # of equals the finer one
        return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def padded(values: Iterable[float], start: float, stop: float, *, margin: float = 0.06) -> Scale:
    """A straight scale over the finite values with a margin at both ends."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    room = (high - low) * margin or max(abs(high), 1e-9) * 0.5
    return Scale(low - room, high + room, start, stop)


def tick_digits(ticks: list[float]) -> int:
    """Significant digits that tell neighbouring ticks apart."""
    if len(ticks) < 2:
        return 3
    step, largest = abs(ticks[1] - ticks[0]), max(abs(tick) for tick in ticks)
    return max(2, math.ceil(math.log10(largest / step)) + 1) if step and largest else 3
