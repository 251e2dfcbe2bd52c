"""What is kept of contributions while they are computed: sums by row, by output and by half of the models."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from artifacts.link import centred
from artifacts.schema import Kind
from evaluation.agreement import Moments
from evaluation.partitions import LEVELS, Levels

Float = NDArray[np.float64]

KEPT_VALUES = 32_000_000  # contributions of single readable features kept for dose-response: 128 MB


@dataclass(frozen=True)
class ByOutput:
    """Contributions to each class or label, at one level.

    ``size`` float64 (n_groups, n_link) is the weighted mean of absolute contributions to an output. ``towards``
    (n_groups, n_link) is the mean contribution to an output in the rows where the model says it, NaN where it never
    does.
    """

    size: Float
    towards: Float


@dataclass
class Sums:
    """Filled a piece of rows at a time, so that no more than a piece of single contributions is in memory.

    ``magnitude`` and ``kept`` are as in ``Explained``; ``signed`` (n_rows, n_sources) is there where there is one
    output. ``n_said`` (n_link,) counts the rows where an output is the most probable one, or where a label is more
    probable than not.
    """

    levels: Levels
    kind: Kind
    scores: Float
    weight: Float
    n_rows: int = 0
    magnitude: dict[str, Float] = field(init=False)
    signed: Float | None = field(init=False)
    kept: dict[int, NDArray[np.float32]] = field(init=False)
    moments: dict[str, Moments] = field(init=False)

    def __post_init__(self) -> None:
        n_rows, n_link = self.scores.shape
        groups = self.levels.groups
        readable = [i for i, group in enumerate(groups["feature"].groups) if not group.opaque]
        self.n_kept = min(n_rows, max(1, KEPT_VALUES // max(1, len(readable) * n_link)))
        self.kept = {i: np.empty((self.n_kept, n_link), dtype=np.float32) for i in readable}
        self.magnitude = {level: np.zeros((n_rows, len(groups[level].groups))) for level in LEVELS}
        self.signed = np.zeros((n_rows, len(groups["source"].groups))) if n_link == 1 else None
        self.moments = {level: Moments(len(groups[level].groups)) for level in ("source", "feature")}
        several = range(n_link) if n_link > 1 else ()
        self._size = {level: np.zeros((len(groups[level].groups), len(several))) for level in LEVELS}
        self._towards = {level: np.zeros_like(size) for level, size in self._size.items()}
        self._said = self._of_said(self.scores) if several else np.zeros((n_rows, 0), dtype=np.bool_)

    def _of_said(self, scores: Float) -> NDArray[np.bool_]:
        if self.kind is Kind.MULTICLASS:
            said = np.zeros(scores.shape, dtype=np.bool_)
            said[np.arange(len(scores)), scores.argmax(axis=1)] = True
            return said
        return np.asarray(scores > 0)

    def add(self, values: Float, halves: tuple[Float, Float] | None) -> None:
        """Contributions (n, n_fine, n_link) of the next rows, and those by each half of the models up to a factor."""
        start, stop = self.n_rows, self.n_rows + len(values)
        self.n_rows = stop
        values = self._centred(values)
        rows, weight = slice(start, stop), self.weight[start:stop]
        if halves is not None:
            self._compare(halves, weight, start)
        for level, summed in self.levels.sums(values).items():
            size = np.abs(summed)
            self.magnitude[level][rows] = size.sum(axis=-1)
            if self._size[level].size:
                self._size[level] += np.tensordot(weight, size, 1)
                self._add_towards(level, summed, weight, rows)
            elif level == "source" and self.signed is not None:
                self.signed[rows] = summed[..., 0]
        for i, kept in self.kept.items() if start < self.n_kept else ():
            kept[rows] = values[: self.n_kept - start, i]

    def _compare(self, halves: tuple[Float, Float], weight: Float, start: int) -> None:
        """Sources of all rows, and single features of those that are kept: there may be a million of these in a row."""
        first, second = (self._centred(self.levels.sums(half)["source"]) for half in halves)
        self.moments["source"].add(first, second, weight)
        n = min(self.n_kept - start, len(weight))
        if n > 0:
            first, second = (self._centred(half[:n]) for half in halves)
            self.moments["feature"].add(first, second, weight[:n])

    def _centred(self, values: Float) -> Float:
        return centred(values) if self.kind is Kind.MULTICLASS else values

    def _add_towards(self, level: str, summed: Float, weight: Float, rows: slice) -> None:
        row, output = np.nonzero(self._said[rows])
        if len(row):
            own = weight[row, None] * summed[row, :, output]
            np.add.at(self._towards[level].T, output, own)

    def cut(self) -> None:
        """Forget the rows that were not explained."""
        n = self.n_rows
        self.n_kept = min(self.n_kept, n)
        self.weight = self.weight[:n]
        self.magnitude = {level: values[:n] for level, values in self.magnitude.items()}
        self.signed = None if self.signed is None else self.signed[:n]
        self.kept = {i: values[: self.n_kept] for i, values in self.kept.items()}
        self._said = self._said[:n]

    @property
    def n_said(self) -> NDArray[np.int64]:
        """Rows where each output is said (n_link,); empty where there is one output."""
        return np.asarray(self._said.sum(axis=0))

    def by_output(self) -> dict[str, ByOutput]:
        """By level; empty where there is one output."""
        if not self._said.shape[1]:
            return {}
        total, said = max(float(self.weight.sum()), 1e-300), self.weight @ self._said
        return {
            level: ByOutput(
                self._size[level] / total,
                np.where(said > 0, self._towards[level] / np.where(said > 0, said, 1.0), np.nan),
            )
            for level in LEVELS
        }
