"""The upper layers of an encoder with a head on them: scores of rows by their texts or photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl.models.solvers import Fitted
from featurizers.activations import Activations
from featurizers.precision import device, fastest_precision
from featurizers.trunk import Trunk

if TYPE_CHECKING:
    from torch import Tensor

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]

ROWS_AT_ONCE = 64  # that scores are found of
LEAST_SPREAD = 1e-6


class TunedNet:
    """Raw scores (n_samples, n_raw), linear in the standardised vectors of the sources.

    The vector of a source is the mean over its contents in the row (several photos); a source without any is at the
    training mean. ``mean`` and ``scale`` (n_sources, n_dimensions) are those of the encoder as it came.
    """

    def __init__(self, trunk: Trunk, n_sources: int) -> None:
        self.trunk = trunk
        self.n_sources = n_sources
        self.upper: Any = trunk.new_upper()
        self.mean: Tensor | None = None
        self.scale: Tensor | None = None
        self.head: dict[str, Tensor] = {}
        self.random: np.random.Generator | None = None  # of what training varies; None outside of it

    # -- vectors and scores ---------------------------------------------------------------------------

    def raw_vectors(self, parts: Activations, rows: Int) -> tuple[Tensor, Tensor]:
        """Vectors (n_rows, n_sources, n_dimensions), and how many contents each is the mean of (n_rows, n_sources)."""
        import torch

        place, source, content = parts.of_rows(rows)
        distinct, which = np.unique(content, return_inverse=True)
        slot = torch.from_numpy(place * self.n_sources + source).to(device())
        count = torch.zeros(len(rows) * self.n_sources, device=device())
        if not len(distinct):
            width = 1 if self.mean is None else self.mean.shape[1]
            return torch.zeros(len(rows), self.n_sources, width, device=device()), count.reshape(len(rows), -1)
        activations = parts.read(distinct.tolist())
        if self.random is not None:
            activations = self.trunk.varied(activations, self.random)
        with _half():
            made = self.trunk.vectors(self.upper, activations)
        count.index_add_(0, slot, torch.ones(len(slot), device=device()))
        summed = torch.zeros(len(count), made.shape[1], device=device())
        summed = summed.index_add(0, slot, made[torch.from_numpy(which).to(device())])
        mean = summed / count.clamp(min=1.0)[:, None]
        return mean.reshape(len(rows), self.n_sources, -1), count.reshape(len(rows), -1)

    def vectors(self, parts: Activations, rows: Int) -> Tensor:
        """Standardised vectors (n_rows, n_sources, n_dimensions)."""
        assert self.mean is not None and self.scale is not None
        found, count = self.raw_vectors(parts, rows)
        return (found - self.mean) / self.scale * (count > 0)[:, :, None]

    def scores(self, parts: Activations, rows: Int) -> Tensor:
        """Raw scores (n_rows, n_raw)."""
        return self.vectors(parts, rows).flatten(1) @ self.head["weight"].T + self.head["bias"]

    def all_scores(self, parts: Activations) -> Float:
        """Raw scores of all rows, without gradients."""
        return np.concatenate([self._numbers(self.scores, parts, rows) for rows in _pieces(parts)])

    def all_vectors(self, parts: Activations) -> Single:
        """Standardised vectors of all rows (n_samples, n_sources * n_dimensions), likewise."""
        found = [self._numbers(self.vectors, parts, rows).astype(np.float32) for rows in _pieces(parts)]
        return np.concatenate(found).reshape(parts.n_samples, -1)

    def _numbers(self, make: Any, parts: Activations, rows: Int) -> Float:
        import torch

        assert self.random is None, "scores are found of contents as they are"
        with torch.inference_mode():
            return np.asarray(make(parts, rows).cpu().numpy(), dtype=np.float64)

    # -- its weights ----------------------------------------------------------------------------------

    def learn_scale(self, parts: Activations) -> None:
        """Mean and spread of the vectors of each source, over the rows that have one."""
        import torch

        total = squares = weight = None
        with torch.inference_mode():
            for rows in _pieces(parts):
                found, count = self.raw_vectors(parts, rows)
                there = (count > 0).double()[:, :, None]
                one, two, n = (x.sum(dim=0) for x in (found * there, found.double().square() * there, there))
                if float(n.sum()):
                    total = one if total is None else total + one
                    squares = two if squares is None else squares + two
                    weight = n if weight is None else weight + n
        assert total is not None and squares is not None and weight is not None, "there is a content to learn from"
        n = weight.clamp(min=1.0)
        mean = total / n
        spread = (squares / n - mean.square()).clamp(min=0.0).sqrt()
        self.mean = mean.float().clone()
        self.scale = torch.where(spread > LEAST_SPREAD, spread, torch.ones_like(spread)).float().clone()

    def take_head(self, fitted: Fitted) -> None:
        """Start from a linear model over ``all_vectors``."""
        import torch

        weight, bias = torch.from_numpy(fitted.coefficients.T.copy()), torch.from_numpy(fitted.intercepts.copy())
        self.head = {"weight": weight.float().to(device()), "bias": bias.float().to(device())}

    def tensors(self) -> dict[str, Tensor]:
        """All that was learned, by name."""
        assert self.mean is not None and self.scale is not None
        upper = {f"upper.{name}": tensor for name, tensor in self.upper.named_parameters()}
        head = {f"head.{name}": tensor for name, tensor in self.head.items()}
        found = {**upper, **head, "mean": self.mean, "scale": self.scale}
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in found.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what ``tensors`` gave.

        Raises:
            ValueError: if they are not those of a net over such an encoder.
        """
        own = dict(self.upper.named_parameters())
        given = {name.removeprefix("upper."): x for name, x in tensors.items() if name.startswith("upper.")}
        if {name: x.shape for name, x in own.items()} != {name: x.shape for name, x in given.items()}:
            raise ValueError("the tuned layers are not those of the encoder")
        for name, x in own.items():
            x.data.copy_(given[name])
        self.head = {name: tensors[f"head.{name}"].to(device()) for name in ("weight", "bias")}
        self.mean, self.scale = tensors["mean"].to(device()), tensors["scale"].to(device())


def _pieces(parts: Activations) -> Iterator[Int]:
    """Rows a few at a time; those with long texts together would need no less padding than they do alone."""
    for start in range(0, max(parts.n_samples, 1), ROWS_AT_ONCE):
        yield np.arange(start, min(start + ROWS_AT_ONCE, parts.n_samples))


def _half() -> AbstractContextManager[Any]:
    import torch

    return torch.autocast(device(), dtype=torch.bfloat16) if fastest_precision() == "bf16" else nullcontext()
