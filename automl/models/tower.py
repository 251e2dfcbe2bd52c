"""The upper layers of one encoder as a part of a net: standardised vectors of the sources of rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurizers.activations import Activations
from featurizers.precision import device, fastest_precision
from featurizers.trunk import Trunk

if TYPE_CHECKING:
    from torch import Tensor

Int = NDArray[np.int64]
Single = NDArray[np.float32]

ROWS_AT_ONCE = 64  # whose vectors are found without gradients
LEAST_SPREAD = 1e-6


class Tower:
    """A vector for each source of a row: the mean over its contents (several photos), standardised.

    A source without any is at the training mean. ``mean`` and ``scale`` (n_sources, n_dimensions) are those of the
    encoder as it came.
    """

    def __init__(self, trunk: Trunk, n_sources: int) -> None:
        self.trunk = trunk
        self.n_sources = n_sources
        self.upper: Any = trunk.new_upper()
        self.mean: Tensor | None = None
        self.scale: Tensor | None = None

    @property
    def width(self) -> int:
        """Dimensions of a vector; known after ``learn_scale``."""
        assert self.mean is not None
        return int(self.mean.shape[1])

    def vectors(
        self, parts: Activations, rows: Int, random: np.random.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Vectors (n_rows, n_sources, n_dimensions), and whether a source has any content (n_rows, n_sources).

        ``random``: of what training varies; None outside of it.
        """
        assert self.mean is not None and self.scale is not None
        found, count = self._raw(parts, rows, random)
        there = count > 0
        return (found - self.mean) / self.scale * there[:, :, None], there

    def _raw(self, parts: Activations, rows: Int, random: np.random.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Vectors that are not standardised, and how many contents each is the mean of (n_rows, n_sources)."""
        import torch

        place, source, content = parts.of_rows(rows)
        distinct, which = np.unique(content, return_inverse=True)
        slot = torch.from_numpy(place * self.n_sources + source).to(device())
        count = torch.zeros(len(rows) * self.n_sources, device=device())
        if not len(distinct):
            width = 1 if self.mean is None else self.width
            return torch.zeros(len(rows), self.n_sources, width, device=device()), count.reshape(-1, self.n_sources)
        activations = parts.read(distinct.tolist())
        if random is not None:
            activations = self.trunk.varied(activations, random)
        with _half():
            made = self.trunk.vectors(self.upper, activations)
        count.index_add_(0, slot, torch.ones(len(slot), device=device()))
        summed = torch.zeros(len(count), made.shape[1], device=device())
        summed = summed.index_add(0, slot, made[torch.from_numpy(which).to(device())])
        mean = summed / count.clamp(min=1.0)[:, None]
        return mean.reshape(len(rows), self.n_sources, -1), count.reshape(-1, self.n_sources)

    def raw(self, parts: Activations, deadline: float | None = None) -> tuple[Single, Int]:
        """Vectors of all rows (n_samples, n_sources, n_dimensions), not standardised and without gradients, and of how
        many contents each is the mean (n_samples, n_sources); some row has one.

        Raises:
            LateError: if the deadline comes before the last row.
        """
        import torch

        count = np.zeros((parts.n_samples, self.n_sources), dtype=np.int64)
        result = np.zeros((0, 0, 0), dtype=np.float32)
        with torch.inference_mode():
            for rows in pieces(parts.sizes(), deadline):
                found, of_row = (one.cpu().numpy() for one in self._raw(parts, rows))
                count[rows] = of_row
                if of_row.any():
                    if not result.size:
                        result = np.zeros((parts.n_samples, *found.shape[1:]), dtype=np.float32)
                    result[rows] = found
        assert result.size, "there is a content to learn from"
        return result, count

    def learn_scale(self, raw: Single, count: Int) -> None:
        """Mean and spread of the vectors of each source, over the rows that have one."""
        import torch

        mean, scale = (np.zeros(raw.shape[1:], dtype=np.float32) for _ in range(2))
        for i in range(self.n_sources):
            own = raw[count[:, i] > 0, i]
            if len(own):
                mean[i], scale[i] = own.mean(axis=0, dtype=np.float64), own.std(axis=0, dtype=np.float64)
        scale[scale <= LEAST_SPREAD] = 1.0
        self.mean, self.scale = (torch.from_numpy(one).to(device()) for one in (mean, scale))

    def standardised(self, raw: Single, count: Int) -> Single:
        """``raw`` as the head reads it: 0 where a source has nothing."""
        assert self.mean is not None and self.scale is not None
        mean, scale = (one.cpu().numpy() for one in (self.mean, self.scale))
        return np.asarray((raw - mean) / scale * (count > 0)[:, :, None], dtype=np.float32)

    def tensors(self) -> dict[str, Tensor]:
        """All that was learned, by name."""
        assert self.mean is not None and self.scale is not None
        upper = {f"upper.{name}": tensor for name, tensor in self.upper.named_parameters()}
        return {**upper, "mean": self.mean, "scale": self.scale}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what ``tensors`` gave.

        Raises:
            ValueError: if they are not those of such an encoder.
        """
        own = dict(self.upper.named_parameters())
        given = {name.removeprefix("upper."): x for name, x in tensors.items() if name.startswith("upper.")}
        if {name: x.shape for name, x in own.items()} != {name: x.shape for name, x in given.items()}:
            raise ValueError("the tuned layers are not those of the encoder")
        for name, x in own.items():
            x.data.copy_(given[name])
        self.mean, self.scale = tensors["mean"].to(device()), tensors["scale"].to(device())


class LateError(Exception):
    """A deadline came before all rows were read."""


def pieces(sizes: Int, deadline: float | None = None) -> Iterator[Int]:
    """Rows a few at a time, those of one size (n_samples,) together, so that little is padded; one piece at least.

    Raises:
        LateError: if the deadline, a value of ``time.monotonic()``, comes before the last one.
    """
    order = np.argsort(sizes, kind="stable")
    for start in range(0, max(len(order), 1), ROWS_AT_ONCE):
        if deadline is not None and time.monotonic() >= deadline:
            raise LateError(f"time ran out after {start} of {len(order)} rows")
        yield order[start : start + ROWS_AT_ONCE]


def _half() -> AbstractContextManager[Any]:
    import torch

    return torch.autocast(device(), dtype=torch.bfloat16) if fastest_precision() == "bf16" else nullcontext()
