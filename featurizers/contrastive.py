"""A common space of two sides of the same rows, learned by telling each row's own pair from those of other rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurizers.canonical_correlation import Components, canonical_directions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

FloatArray = NDArray[np.float32]
Keys = NDArray[np.uint64]
Rows = NDArray[np.int64]

HELD_BACK = 0.1  # share of the rows that say when to stop
LARGEST_SCALE = 100.0  # of the logits: temperatures below 0.01 let rounding decide
WARM_UP = 0.1  # share of the training in which the step grows


@dataclass(frozen=True)
class Settings:
    """Sizes and steps of the training, chosen on held-back rows of product photos and their names.

    ``width`` is that of the common space; ``most_components`` are principal components kept of each side.
    """

    width: int = 128
    hidden: int = 256
    most_components: tuple[int, int] = (384, 512)
    ridge: float = 0.1
    dropout: float = 0.4
    batch: int = 512
    epochs: int = 20
    patience: int = 6
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2


@dataclass(frozen=True)
class Pairs:
    """Rows whose two sides belong together: finite vectors (n_samples, n_dimensions), and keys of their content."""

    first: FloatArray
    second: FloatArray
    first_key: Keys
    second_key: Keys

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: NDArray[Any]) -> Pairs:
        """Some of the rows, by position or boolean mask."""
        return Pairs(self.first[rows], self.second[rows], self.first_key[rows], self.second_key[rows])

    def without_repeats(self, order: Rows) -> Rows:
        """The rows of ``order`` but those whose either side stands before: no two of them share a side.

        One that repeats would be shown as a wrong answer that is right.
        """
        for key in (self.first_key, self.second_key):
            order = order[np.sort(np.unique(key[order], return_index=True)[1])]
        return order


@dataclass(frozen=True)
class Head:
    """Vectors of one side to unit vectors of the common space: a linear map plus one hidden layer.

    ``mean`` is (n_dimensions,), ``linear`` (n_dimensions, width), ``inner`` (n_dimensions, hidden),
    ``inner_bias`` (hidden,), ``outer`` (hidden, width) and ``bias`` (width,), all float32.
    """

    mean: FloatArray
    linear: FloatArray
    inner: FloatArray
    inner_bias: FloatArray
    outer: FloatArray
    bias: FloatArray

    def project(self, x: FloatArray) -> FloatArray:
        """float32 (n_samples, width), rows of length 1."""
        centred = x - self.mean
        hidden = centred @ self.inner + self.inner_bias
        hidden *= 0.5 * (1.0 + np.tanh(0.5 * hidden))  # silu, without overflow
        z = centred @ self.linear + hidden @ self.outer + self.bias
        return np.asarray(z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def turned(self, rotation: NDArray[np.float64]) -> Head:
        """The same head with its space rotated by an orthogonal matrix (width, width)."""
        turn = rotation.astype(np.float32)
        return replace(self, linear=self.linear @ turn, outer=self.outer @ turn, bias=self.bias @ turn)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its arrays by name; ``from_arrays`` reads them back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Head:
        """Read what ``arrays`` gave."""
        return cls(*(np.asarray(arrays[field.name], dtype=np.float32) for field in fields(cls)))


@dataclass(frozen=True)
class Learned:
    """Heads of both sides, and how well they tell pairs that they were not trained on.

    ``held_rank`` is the mean share of the other held-back second sides that fit a first side less well
    than its own does: 0.5 is chance. ``epoch`` 0 is the canonical correlation that training starts from.
    """

    first: Head
    second: Head
    temperature: float
    epoch: int
    n_pairs: int
    held_rank: float


def learn_heads(pairs: Pairs, seed: int, settings: Settings | None = None) -> Learned:
    """Learn heads by the symmetric cross-entropy of pairs within a batch (InfoNCE; Radford et al., CLIP, 2021).

    No batch holds a side twice (Shin et al., e-CLIP, 2022). Training starts from a regularised canonical
    correlation and keeps the epoch with the lowest loss on ``HELD_BACK`` of the rows, none of which shares
    a side with the others. Runs on one thread of torch, so that the same rows and seed give the same numbers
    on the same machine (numpy's number of threads decides the last digits of the canonical correlation);
    torch's own generator and number of threads are left as they were.

    Args:
        pairs: rows with both sides; at least ten that share none.
        seed: of everything random.
        settings: sizes and steps.
    """
    import torch

    chosen = settings or Settings()
    random = np.random.default_rng(seed)
    held, kept = _held_back(pairs, random)
    training = pairs.take(kept)
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sides = _sides(training, pairs.take(held), chosen)
        run = _Training(sides, training, chosen, random)
        epoch = run.run()
        heads = [side.head() for side in sides]
        temperature = 1.0 / run.scale()
    first, second = heads[0].project(pairs.first[held]), heads[1].project(pairs.second[held])
    return Learned(heads[0], heads[1], temperature, epoch, len(kept), _mean_rank(first, second))


def _held_back(pairs: Pairs, random: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows that say when to stop, no two of which share a side, and the rows that share no side with them."""
    order = pairs.without_repeats(random.permutation(len(pairs)))
    held = order[: max(2, round(HELD_BACK * len(order)))]
    shares = np.isin(pairs.first_key, pairs.first_key[held]) | np.isin(pairs.second_key, pairs.second_key[held])
    return held, np.flatnonzero(~shares)


def _mean_rank(first: FloatArray, second: FloatArray) -> float:
    similarity = first[:4096] @ second[:4096].T
    own = np.diag(similarity)[:, None]
    below = (similarity < own).sum(axis=1) + 0.5 * ((similarity == own).sum(axis=1) - 1)
    return float(below.mean() / max(len(similarity) - 1, 1))


class _Side:
    """One side while it is trained: principal components of its rows, and weights behind them."""

    def __init__(self, components: Components, start: NDArray[np.float64], x: FloatArray, held: FloatArray, n: int):
        import torch

        self.components = components
        self.x, self.held = (torch.from_numpy(components.transform(rows)) for rows in (x, held))
        size, width = start.shape
        bound = max(size, 1) ** -0.5
        self.weights = {
            "linear": torch.from_numpy(start.astype(np.float32)),
            "inner": (torch.rand(size, n) * 2.0 - 1.0) * bound,
            "inner_bias": torch.zeros(n),
            "outer": torch.zeros(n, width),  # so that training starts at the canonical correlation
            "bias": torch.zeros(width),
        }
        for tensor in self.weights.values():
            tensor.requires_grad_(True)

    def __call__(self, x: Tensor, dropout: float) -> Tensor:
        from torch.nn import functional

        w = self.weights
        hidden = functional.silu(functional.dropout(x, dropout) @ w["inner"] + w["inner_bias"])
        hidden = functional.dropout(hidden, 0.6 * dropout)
        return functional.normalize(functional.dropout(x, dropout) @ w["linear"] + hidden @ w["outer"] + w["bias"])

    def head(self) -> Head:
        axes = self.components.axes
        w = {name: tensor.detach().double().numpy() for name, tensor in self.weights.items()}
        folded = w | {"linear": axes @ w["linear"], "inner": axes @ w["inner"], "mean": self.components.mean}
        return Head.from_arrays(folded)


def _sides(training: Pairs, held: Pairs, chosen: Settings) -> tuple[_Side, _Side]:
    both = ((training.first, held.first), (training.second, held.second))
    found = [Components.of(x, most) for (x, _), most in zip(both, chosen.most_components, strict=True)]
    inputs = [components.transform(x) for components, (x, _) in zip(found, both, strict=True)]
    starts = canonical_directions(inputs[0], inputs[1], (found[0], found[1]), chosen.width, chosen.ridge)
    first, second = (_Side(c, start, *x, chosen.hidden) for c, start, x in zip(found, starts, both, strict=True))
    return first, second


class _Training:
    def __init__(self, sides: tuple[_Side, _Side], pairs: Pairs, chosen: Settings, random: np.random.Generator):
        import torch

        self.sides, self.pairs, self.chosen, self.random = sides, pairs, chosen, random
        self.log_scale = torch.tensor(float(np.log(1 / 0.07)), requires_grad=True)
        weights = [tensor for side in sides for tensor in side.weights.values()]
        decayed = [tensor for tensor in weights if tensor.ndim > 1]
        free = [self.log_scale, *(tensor for tensor in weights if tensor.ndim == 1)]
        plain = [{"params": decayed, "weight_decay": chosen.weight_decay}, {"params": free, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(plain, lr=chosen.learning_rate)
        self.all = [*weights, self.log_scale]

    def scale(self) -> float:
        return min(float(self.log_scale.detach().exp()), LARGEST_SCALE)

    def run(self) -> int:
        """Train, leave the weights of the best epoch, and give its number; 0 is before the first."""
        import torch

        best, best_epoch, lowest = self._copied(), 0, self._held_loss()
        for epoch in range(1, self.chosen.epochs + 1):
            self._epoch(epoch - 1)
            found = self._held_loss()
            if found < lowest:
                best, best_epoch, lowest = self._copied(), epoch, found
            if epoch - best_epoch >= self.chosen.patience:
                break
        with torch.no_grad():
            for tensor, value in zip(self.all, best, strict=True):
                tensor.copy_(value)
        return best_epoch

    def _copied(self) -> list[Tensor]:
        return [tensor.detach().clone() for tensor in self.all]

    def _epoch(self, epoch: int) -> None:
        import torch

        order = self.pairs.without_repeats(self.random.permutation(len(self.pairs)))
        batches = np.array_split(order, -(-len(order) // self._batch_size(len(order))))
        for i, rows in enumerate(batches):
            done = (epoch + i / len(batches)) / self.chosen.epochs
            for group in self.optimizer.param_groups:
                group["lr"] = self.chosen.learning_rate * _rate(done)
            self.optimizer.zero_grad()
            at = torch.from_numpy(rows)
            self._loss(self.sides[0].x[at], self.sides[1].x[at], self.chosen.dropout).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.all, 1.0)
            self.optimizer.step()

    def _batch_size(self, n: int) -> int:
        """The chosen one, or a quarter of few rows, so that an epoch is more than one step."""
        return max(min(self.chosen.batch, n // 4), 16)

    def _loss(self, first: Tensor, second: Tensor, dropout: float) -> Tensor:
        import torch
        from torch.nn.functional import cross_entropy

        scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
        logits = self.sides[0](first, dropout) @ self.sides[1](second, dropout).T * scale
        own = torch.arange(len(logits))
        return 0.5 * (cross_entropy(logits, own) + cross_entropy(logits.T, own))

    def _held_loss(self) -> float:
        import torch

        held = self.sides[0].held, self.sides[1].held
        parts = np.array_split(np.arange(len(held[0])), -(-len(held[0]) // self.chosen.batch))
        with torch.no_grad():
            return float(np.mean([self._loss(held[0][rows], held[1][rows], 0.0).item() for rows in parts]))


def _rate(done: float) -> float:
    """Up in a line, then down along a cosine."""
    return min(1.0, 0.1 + 0.9 * done / WARM_UP) * 0.5 * (1.0 + float(np.cos(np.pi * done)))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold torch to one thread: steps are too small to share, and numbers then do not depend on the machine's load."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
