"""Scales on which a skewed target is learned, while predictions stay in its own units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError, pick_known

Float = NDArray[np.float64]

MOST_KNOTS = 200
N_NOISE = 25  # residuals that a mean is taken over
SKEWED = 1.0  # skewness from which other scales are worth a try
SMALL = 1e-6  # of the range: a difference too small to divide by


@dataclass(frozen=True)
class TargetScale:
    """A monotone function of the target. Predictions are means, and never beyond the targets of training.

    The mean of ``y`` is not the value at the mean of ``forward(y)``: ``backward`` averages over ``noise``, residuals
    on the scale (Duan, Smearing estimate: a nonparametric retransformation method, 1983).

    Scales: ``identity``; ``log`` of targets above 0, or of 1 + y where some are 0; ``yeo-johnson`` (Yeo and Johnson, A
    new family of power transformations, 2000); ``quantile``, to a normal distribution.
    """

    name: str = "identity"
    numbers: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    noise: tuple[float, ...] = (0.0,)

    @classmethod
    def of(cls, name: str, y: Float) -> Self:
        """Learn from the targets of training rows.

        Raises:
            InputError: if the scale is unknown, or these targets have no such scale.
        """
        curve = pick_known("target scale", name, SCALES)
        return cls(name, curve.learn(y), float(y.min()), float(y.max()))

    @property
    def is_plain(self) -> bool:
        """Whether the target is learned as it is."""
        return self.name == "identity"

    def forward(self, y: Float) -> Float:
        """Targets on the scale."""
        if self.is_plain:
            return y
        return SCALES[self.name].forward(np.asarray(y, dtype=np.float64), self.numbers)

    def backward(self, z: Float) -> Float:
        """Mean targets, in their own units."""
        if self.is_plain:
            return z
        bounds = self.forward(np.array([self.low, self.high]))
        z = np.asarray(z, dtype=np.float64)
        values = [SCALES[self.name].backward(np.clip(z + e, *bounds), self.numbers) for e in self.noise]
        return np.asarray(np.clip(np.mean(values, axis=0), self.low, self.high))

    def slope(self, z: Float, other: Float) -> Float:
        """Mean slope of ``backward`` between two points, so that differences on the scale become those of targets."""
        step = SMALL * max(float(np.ptp(self.forward(np.array([self.low, self.high])))), 1e-30)
        near = np.abs(z - other) < step
        z, other = np.where(near, other + step, z), np.where(near, other - step, other)
        return (self.backward(z) - self.backward(other)) / (z - other)

    def with_noise(self, residuals: Float) -> Self:
        """The scale with residuals of rows that were not learned from, on the scale."""
        if self.is_plain or not len(residuals):
            return self
        levels = (np.arange(N_NOISE) + 0.5) / N_NOISE
        return replace(self, noise=tuple(float(x) for x in np.quantile(residuals, levels)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` gave, after it was JSON."""
        return cls(data["name"], tuple(data["numbers"]), data["low"], data["high"], tuple(data["noise"]))


def scales_to_try(y: Float) -> tuple[str, ...]:
    """Scales that may serve these targets; ``identity`` alone where they are hardly skewed."""
    from scipy.stats import skew

    y = y[np.isfinite(y)]
    if len(y) < 3 or not np.ptp(y) > 0 or abs(skew(y)) < SKEWED:
        return ("identity",)
    return ("identity", *(("log",) if y.min() >= 0 else ()), "yeo-johnson", "quantile")


def _log_offset(y: Float) -> tuple[float, ...]:
    if y.min() < 0:
        raise InputError(f"The log of a target needs values >= 0, but the smallest is {y.min():.6g}. Try yeo-johnson.")
    return (0.0 if y.min() > 0 else 1.0,)


def _power(y: Float) -> tuple[float, ...]:
    from scipy.stats import yeojohnson

    size = float(y.std()) or 1.0
    return size, float(yeojohnson(y / size)[1])


def _knots(y: Float) -> tuple[float, ...]:
    """Levels and, behind them, the targets at these levels; each target once."""
    edge = 0.5 / len(y)
    levels = np.linspace(edge, 1.0 - edge, min(MOST_KNOTS, len(y)))
    values = np.quantile(y, levels)
    values[0], values[-1] = y.min(), y.max()
    distinct, where = np.unique(values, return_inverse=True)
    mean_levels = np.bincount(where, weights=levels) / np.bincount(where)
    return (*map(float, mean_levels), *map(float, distinct))


def _to_power(y: Float, numbers: tuple[float, ...]) -> Float:
    from scipy.stats import yeojohnson

    return np.asarray(yeojohnson(y / numbers[0], lmbda=numbers[1]))


def _from_power(z: Float, numbers: tuple[float, ...]) -> Float:
    size, power = numbers
    up, down = np.maximum(z, 0.0), np.minimum(z, 0.0)
    above = np.expm1(up) if power == 0 else np.expm1(np.log1p(power * up) / power)
    below = -np.expm1(-down) if power == 2 else -np.expm1(np.log1p(-(2 - power) * down) / (2 - power))
    return np.asarray(size * np.where(z >= 0, above, below))


def _to_normal(y: Float, numbers: tuple[float, ...]) -> Float:
    from scipy.special import ndtri

    n = len(numbers) // 2
    return np.asarray(ndtri(np.interp(y, numbers[n:], numbers[:n])))


def _from_normal(z: Float, numbers: tuple[float, ...]) -> Float:
    from scipy.special import ndtr

    n = len(numbers) // 2
    return np.asarray(np.interp(ndtr(z), numbers[:n], numbers[n:]))


class _Curve(NamedTuple):
    learn: Callable[[Float], tuple[float, ...]]
    forward: Callable[[Float, tuple[float, ...]], Float]
    backward: Callable[[Float, tuple[float, ...]], Float]


SCALES: dict[str, _Curve] = {
    "identity": _Curve(lambda y: (), lambda y, _: y, lambda z, _: z),
    "log": _Curve(
        _log_offset,
        lambda y, numbers: np.log(np.maximum(y + numbers[0], 1e-300)),
        lambda z, numbers: np.exp(z) - numbers[0],
    ),
    "yeo-johnson": _Curve(_power, _to_power, _from_power),
    "quantile": _Curve(_knots, _to_normal, _from_normal),
}
