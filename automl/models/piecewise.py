"""Numbers as piecewise-linear columns, so that a linear projection of them is a curve."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]
Int = NDArray[np.int64]

ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Piecewise:
    """Piecewise-linear encoding (Gorishniy et al., On embeddings for numerical features in tabular deep learning,
    2022).

    Bins end at quantiles of the training rows. ``column`` (n_numbers,) are positions in the standardised matrix,
    ``edges`` those of all bins one after another, ``n_edges`` (n_numbers,) how many of them each number has.
    """

    column: Int
    edges: Single
    n_edges: Int

    @classmethod
    def of(cls, x: Single, candidates: Int, n_bins: int) -> Self:
        """Bins of the candidates among the columns of a standardised matrix that have more than two values."""
        import torch
        from rtdl_num_embeddings import compute_bins

        n_bins = min(n_bins, len(x) - 1)
        curved = [column for column in candidates if n_bins > 1 and len(np.unique(x[:, column])) > 2]
        varied = np.array(curved, dtype=np.int64)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*just two bin edges")  # they are left out below
            found = compute_bins(torch.from_numpy(x[:, varied]), n_bins) if len(varied) else []
        kept = [i for i, edges in enumerate(found) if len(edges) > 2]
        edges = [found[i].numpy() for i in kept]
        return cls(
            varied[kept],
            np.concatenate(edges) if edges else np.zeros(0, dtype=np.float32),
            np.array([len(e) for e in edges], dtype=np.int64),
        )

    @property
    def number(self) -> Int:
        """The standardised column that each column of ``encode`` is made of, (n_encoded,)."""
        return np.repeat(self.column, self.n_edges - 1)

    @cached_property
    def _encoding(self) -> Any:
        import torch
        from rtdl_num_embeddings import PiecewiseLinearEncoding

        return PiecewiseLinearEncoding(list(torch.split(torch.from_numpy(self.edges), self.n_edges.tolist())))

    def encode(self, x: Single) -> Single:
        """float32 (n_samples, n_encoded) of a standardised matrix."""
        import torch

        result = np.empty((len(x), len(self.number)), dtype=np.float32)
        for start in range(0, len(x) if len(self.column) else 0, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            result[rows] = self._encoding(torch.from_numpy(x[rows][:, self.column])).numpy()
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned; ``from_arrays`` reads it back."""
        return {"bins.column": self.column, "bins.edges": self.edges, "bins.n_edges": self.n_edges}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what ``arrays`` gave."""
        return cls(*(arrays[f"bins.{name}"] for name in ("column", "edges", "n_edges")))
