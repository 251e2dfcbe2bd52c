"""What the model leans on for each of several parts - classes, or segments of the rows - side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.plain import plain

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Profiles:
    """Shares of sources for each part.

    ``n_rows`` (n_parts,) are the rows of a part. ``share`` (n_parts, n_sources) is a source's part of the mean absolute
    contribution; rows sum to 1, or are 0 where the model uses nothing. ``overall`` (n_sources,) is that of all parts
    together. ``effect`` (n_parts, n_sources) is the mean contribution, NaN where there is none.
    """

    parts: tuple[str, ...]
    n_rows: Int
    sources: tuple[str, ...]
    share: Float
    overall: Float
    effect: Float

    @property
    def difference(self) -> Float:
        """How far each part is from all of them together (n_parts,): the share that would have to change hands."""
        return np.asarray(0.5 * np.abs(self.share - self.overall).sum(axis=1))

    def to_json(self) -> list[dict[str, Any]]:
        """One object a part, as plain data; what is not known is None."""
        return [
            {
                "name": name,
                "rows": int(self.n_rows[i]),
                "difference": float(self.difference[i]),
                "sources": {
                    source: {"share": float(self.share[i, j]), "effect": plain(self.effect[i, j])}
                    for j, source in enumerate(self.sources)
                },
            }
            for i, name in enumerate(self.parts)
        ]


def shares_of(size: Float) -> Float:
    """Sizes (..., n) as shares of their sum over the last axis; 0 where there is nothing."""
    total = size.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(size, total, out=np.zeros_like(size), where=total > 0))
