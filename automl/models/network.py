"""The net of the MLP: a projection for each block, joined, then a few residual layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Float = NDArray[np.float64]
SCORES_AT_ONCE = 32  # whose gradients are found together
WIDE_BLOCK = 16  # columns; blocks with fewer share one projection


@dataclass(frozen=True)
class Shape:
    """Sizes of a net. ``parts`` are the columns of each projection, which lie one after another."""

    parts: tuple[int, ...]
    n_raw: int
    projection: int
    width: int
    layers: int


class Residual(nn.Module):
    """x + W2 dropout(silu(W1 x))."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, width))
        last: Any = self.body[-1]
        nn.init.zeros_(last.weight)  # so that depth costs nothing at the start of training

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, width) to (n, width)."""
        out: torch.Tensor = x + self.body(x)
        return out


class Net(nn.Module):
    """Raw scores (n_samples, n_raw) of standardised columns (n_samples, n_columns).

    ``project`` is linear, so that a path between two rows is a path between their projections:
    contributions are found in the small space behind it. In training, a whole part is dropped now
    and then, which keeps the others from leaning on it. There is no layer norm: it would throw away
    how far a row is from the training mean, where the path of the contributions starts.
    """

    def __init__(self, shape: Shape, dropout: float = 0.0, part_dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.part_dropout = part_dropout if len(shape.parts) > 1 else 0.0
        self.projections = nn.ModuleList(nn.Linear(size, shape.projection, bias=False) for size in shape.parts)
        self.shift = nn.Parameter(torch.zeros(shape.projection * len(shape.parts)))
        self.dropout = nn.Dropout(dropout)
        self.join = nn.Linear(shape.projection * len(shape.parts), shape.width)
        self.residuals = nn.ModuleList(Residual(shape.width, dropout) for _ in range(shape.layers))
        self.last = nn.Linear(shape.width, shape.n_raw)
        nn.init.zeros_(self.last.weight)  # so that training starts at the constant prediction

    def project(self, x: torch.Tensor) -> torch.Tensor:
        """(n, n_columns) to (n, n_parts * projection)."""
        pieces = torch.split(x, list(self.shape.parts), dim=1)
        found = [layer(piece) for layer, piece in zip(self.projections, pieces, strict=True)]
        return torch.cat(found, dim=1)

    def finish(self, projected: torch.Tensor) -> torch.Tensor:
        """(n, n_parts * projection) to raw scores."""
        if self.training and self.part_dropout:
            kept = (torch.rand(len(projected), len(self.shape.parts)) >= self.part_dropout).to(projected.dtype)
            projected = projected * kept.repeat_interleave(self.shape.projection, dim=1)
        x = self.join(self.dropout(nn.functional.silu(projected + self.shift)))
        for residual in self.residuals:
            x = residual(x)
        out: torch.Tensor = self.last(nn.functional.silu(x))
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Raw scores."""
        return self.finish(self.project(x))


def parts_of(block: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """An order of the columns that puts narrow blocks together, and the number of columns of each part."""
    size = np.bincount(block, minlength=1)
    part = np.where(size[block] >= WIDE_BLOCK, block, -1)
    order = np.argsort(part, kind="stable")
    return order, tuple(int(n) for n in np.unique(part, return_counts=True)[1])


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Hold torch to ``n`` threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def scores_of(net: Net, x: NDArray[Any]) -> Float:
    """Raw scores (n_samples, n_raw) of a matrix, in the precision of the net, without dropout."""
    net.eval()
    kind = next(net.parameters()).dtype
    with torch.no_grad():
        parts = [net(torch.from_numpy(x[i : i + 2048]).to(kind)) for i in range(0, len(x), 2048)]
    return torch.cat(parts).double().numpy() if parts else np.zeros((0, net.shape.n_raw))


def column_contributions(
    net: Net, x: torch.Tensor, reference: torch.Tensor, grouped: Sequence[torch.Tensor], n_nodes: int
) -> tuple[Float, Float, Float]:
    """Integrated gradients from a reference row, summed over groups of columns.

    Args:
        net: in float64 and in evaluation mode.
        x: rows (n_samples, n_columns), float64.
        reference: where the path starts (n_columns,).
        grouped: for each group, the positions of its columns.
        n_nodes: Gauss-Legendre nodes on the path.

    Returns:
        Contributions (n_samples, n_groups, n_raw), raw scores (n_samples, n_raw), and the raw score
        of the reference (n_raw,). The contributions are not yet complete.
    """
    nodes, shares = np.polynomial.legendre.leggauss(n_nodes)
    off = x - reference
    with torch.no_grad():
        start, step = net.project(reference[None]), net.project(off)
        scores, base = net.finish(start + step), net.finish(start)[0]
    slope = torch.zeros(len(x), net.shape.n_raw, step.shape[1], dtype=torch.float64)
    for node, share in zip((nodes + 1) / 2, shares / 2, strict=True):
        point = (start + float(node) * step).requires_grad_(True)
        out = net.finish(point)
        for first in range(0, net.shape.n_raw, SCORES_AT_ONCE):
            scores_here = torch.arange(first, min(first + SCORES_AT_ONCE, net.shape.n_raw))
            ones = torch.zeros(len(scores_here), *out.shape, dtype=out.dtype)
            ones[torch.arange(len(scores_here)), :, scores_here] = 1.0
            (gradient,) = torch.autograd.grad(out, point, ones, retain_graph=True, is_grads_batched=True)
            slope[:, scores_here] += float(share) * gradient.transpose(0, 1)
    weights = net.project(torch.eye(x.shape[1], dtype=torch.float64)).detach().T
    values = np.zeros((len(x), len(grouped), net.shape.n_raw))
    with torch.no_grad():
        for g, columns in enumerate(grouped):
            if len(columns):
                moved = off[:, columns] @ weights[:, columns].T
                values[:, g] = torch.einsum("nh,nkh->nk", moved, slope).numpy()
    return values, scores.numpy(), base.numpy()


def complete(values: Float, scores: Float, base: Float) -> Float:
    """Spread what integration left over in proportion to the absolute contributions."""
    size = np.abs(values)
    total = size.sum(axis=1, keepdims=True)
    share = np.divide(size, total, out=np.full_like(size, 1.0 / max(values.shape[1], 1)), where=total > 0)
    left = scores - base - values.sum(axis=1)
    return np.asarray(values + share * left[:, None, :])
