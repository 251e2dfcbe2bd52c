"""What nets over the wide table share: a linear projection for each block, weights by name, contributions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Generator, Tensor

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


class Net(ABC):
    """Raw scores (n_samples, n_raw) of standardised columns (n_samples, n_columns).

    ``project`` is linear, so that a path between two rows is a path between their projections:
    contributions are found in the small space behind it. In training, a whole part is dropped now
    and then, which keeps the others from leaning on it. A net adds its own named tensors to ``weights``, drawn from
    torch's own generator; "last.bias" is that of the raw scores. What training draws comes from ``random``, or from
    torch's own generator where it is None.
    """

    def __init__(self, shape: Shape, dropout: float = 0.0, part_dropout: float = 0.0) -> None:
        import torch

        self.shape = shape
        self.dropout = dropout
        self.part_dropout = part_dropout if len(shape.parts) > 1 else 0.0
        self.training = False
        self.random: Generator | None = None
        self.weights: dict[str, Tensor] = {}
        for i, size in enumerate(shape.parts):
            self.weights[f"project.{i}"] = uniform(shape.projection, size)
        self.weights["shift"] = torch.zeros(self.joined)

    @property
    def joined(self) -> int:
        """Units of all projections."""
        return self.shape.projection * len(self.shape.parts)

    @abstractmethod
    def heads(self, x: Tensor) -> Tensor:
        """Activated projections (n, joined) to the raw scores of each member of an ensemble, (n, n_members, n_raw)."""

    def project(self, x: Tensor) -> Tensor:
        """(n, n_columns) to (n, n_parts * projection)."""
        import torch

        pieces = torch.split(x, list(self.shape.parts), dim=1)
        return torch.cat([piece @ self.weights[f"project.{i}"].T for i, piece in enumerate(pieces)], dim=1)

    def members(self, projected: Tensor) -> Tensor:
        """(n, n_parts * projection) to the raw scores of each member, (n, n_members, n_raw)."""
        import torch
        from torch.nn.functional import silu

        if self.training and self.part_dropout:
            size = len(projected), len(self.shape.parts)
            drawn = torch.rand(*size, generator=self.random, device=projected.device)
            kept = (drawn >= self.part_dropout).to(projected.dtype)
            projected = projected * kept.repeat_interleave(self.shape.projection, dim=1)
        return self.heads(self.dropped(silu(projected + self.weights["shift"])))

    def dropped(self, x: Tensor) -> Tensor:
        """In training with a share of the places at zero."""
        return dropped(x, self.dropout, self.random) if self.training else x

    def finish(self, projected: Tensor) -> Tensor:
        """(n, n_parts * projection) to raw scores, the mean of the members'."""
        return self.members(projected).mean(dim=1)

    def __call__(self, x: Tensor) -> Tensor:
        """Raw scores."""
        return self.finish(self.project(x))

    def learn(self, learning: bool) -> None:
        """Whether the weights collect gradients."""
        for tensor in self.weights.values():
            tensor.requires_grad_(learning)

    def copied(self) -> dict[str, Tensor]:
        """The weights as they are now."""
        return {name: tensor.detach().clone() for name, tensor in self.weights.items()}

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Take weights over.

        Raises:
            ValueError: if they are not those of a net of this shape.
        """
        if {name: x.shape for name, x in weights.items()} != {name: x.shape for name, x in self.weights.items()}:
            raise ValueError(f"the weights {sorted(weights)} are not those of a net of {self.shape}")
        self.weights = dict(weights)

    def finished(self) -> Self:
        """The same net in float64, without dropout and gradients."""
        self.training = False
        self.weights = {name: tensor.detach().double() for name, tensor in self.weights.items()}
        return self


def uniform(n_out: int, n_in: int) -> Tensor:
    """First weights (n_out, n_in) of a layer."""
    import torch

    bound: float = n_in**-0.5
    return (torch.rand(n_out, n_in) * 2.0 - 1.0) * bound


def parts_of(block: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """An order of the columns that puts narrow blocks together, and the number of columns of each part."""
    size = np.bincount(block, minlength=1)
    part = np.where(size[block] >= WIDE_BLOCK, block, -1)
    order = np.argsort(part, kind="stable")
    return order, tuple(int(n) for n in np.unique(part, return_counts=True)[1])


def dropped(x: Tensor, share: float, random: Generator | None) -> Tensor:
    """Zeros in a share of the places, and the others larger by as much."""
    if not share:
        return x
    import torch

    return x * torch.empty_like(x).bernoulli_(1.0 - share, generator=random).div_(1.0 - share)


def scores_of(net: Net, x: NDArray[Any]) -> Float:
    """Raw scores (n_samples, n_raw) of a matrix, in the precision of the net, without dropout."""
    import torch

    net.training = False
    kind = net.weights["shift"].dtype
    with torch.no_grad():
        parts = [net(torch.from_numpy(x[i : i + 2048]).to(kind)) for i in range(0, len(x), 2048)]
    return torch.cat(parts).double().numpy() if parts else np.zeros((0, net.shape.n_raw))


def column_contributions(
    net: Net, x: Tensor, reference: Tensor, grouped: Sequence[Tensor], n_nodes: int
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
    import torch

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
