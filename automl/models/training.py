"""Training of a net, which keeps to a deadline."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from artifacts.schema import SHARES
from automl.models.network import Net, scores_of
from automl.models.output import OutputParams
from automl.models.solvers import Loss, Rows, mean_loss

if TYPE_CHECKING:
    from torch import Generator, Tensor

LARGEST_GRADIENT = 1.0  # norm; a row with a huge weight cannot throw the net away
IMAGE, TEXT, JOINT = (SHARES.index(view) for view in ("image", "text", "joint"))
WARM_UP = 0.15  # share of the training in which the step grows
STEPS = 300  # 1,300 rows of 85 classes: weighted F1 .82 after 12 epochs of 10 steps, .88 after 24


@dataclass(frozen=True)
class NetParams(OutputParams):
    """What any net is trained with. ``projection``: units a block is projected to; ``patience``: epochs without a gain
    on ``valid``; ``modality_dropout``: share of rows from which a modality is blanked in each step; ``bins``: of the
    piecewise-linear columns of a number, 0 for none. ``epochs`` None makes about ``STEPS`` steps, in 12 to 24 epochs.
    """

    epochs: int | None = None
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    batch: int = 128
    projection: int = 96
    width: int = 192
    layers: int = 2
    dropout: float = 0.1
    part_dropout: float = 0.02
    modality_dropout: float = 0.1  # benchmarks/missing_modality.py
    bins: int = 0
    patience: int = 6

    def epochs_for(self, n_samples: int) -> int:
        """Epochs over so many rows."""
        n_batches = max(1, -(-n_samples // self.batch))
        return self.epochs or min(max(STEPS // n_batches, 12), 24)


def one_cycle(progress: float) -> float:
    """One cycle: up in a line, then down along a cosine (Smith and Topin, Super-convergence, 2019)."""
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    return 0.01 + 0.99 * 0.5 * (1.0 + float(np.cos(np.pi * min(1.0, (progress - WARM_UP) / (1.0 - WARM_UP)))))


def row_losses(loss: Loss, scores: Tensor, y: Tensor) -> Tensor:
    """The loss of each row (n,) of raw scores (n, n_raw)."""
    from torch.nn import functional

    if loss == "softmax":
        return functional.cross_entropy(scores, y, reduction="none")
    if loss == "logistic":
        # The mean over labels: how far a gradient is cut does not depend on how many there are.
        return functional.binary_cross_entropy_with_logits(scores, y.reshape(scores.shape), reduction="none").mean(
            dim=1
        )
    if loss == "huber":
        return functional.huber_loss(scores[:, 0], y, reduction="none")
    return 0.5 * (scores[:, 0] - y).square()


def decayed_groups(weights: Mapping[str, Tensor], weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups of a net's named weights: its matrices, which decay, and the others."""
    matrices = {name for name in weights if name.startswith("project.") or name.endswith(".weight")}
    decayed = [x for name, x in weights.items() if name in matrices]
    free = [x for name, x in weights.items() if name not in matrices]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


def without_some(x: Tensor, blank: Tensor, view: Tensor, share: float, random: Generator | None) -> Tensor:
    """Rows (n, n_columns) of which a share lacks a modality, for each of them drawn by itself.

    ``blank`` and ``view`` (n_columns,) are those of ``Blank``.
    """
    import torch

    away = torch.rand(len(x), len(SHARES), generator=random, device=x.device) < share
    away[:, JOINT] = away[:, IMAGE] | away[:, TEXT]  # nothing reads both where one of them is missing
    return torch.where(away[:, view], blank, x)


@dataclass(frozen=True)
class Blank:
    """A row of which nothing is known (n_columns,), and the position in ``SHARES`` of each column's view."""

    row: NDArray[np.float32]
    view: NDArray[np.int64]


class Training:
    """One training of a net, with everything random from the net's generator.

    With ``modality_dropout``, modalities are blanked in rows of each batch (Neverova et al., ModDrop, 2015), exactly as
    the matrix shows a row that lacks them.
    """

    def __init__(
        self, net: Net, chosen: NetParams, rows: Rows, loss: Loss, deadline: float | None, blank: Blank
    ) -> None:
        import torch

        self.net, self.chosen, self.rows, self.loss, self.deadline = net, chosen, rows, loss, deadline
        self.x = torch.from_numpy(rows.x)
        self.y = torch.from_numpy(rows.y).to(torch.long if loss == "softmax" else torch.float32)
        self.weight = torch.from_numpy(rows.weight).float()
        self.blank, self.view = torch.from_numpy(blank.row), torch.from_numpy(blank.view)
        self.blanked = chosen.modality_dropout if len(np.unique(blank.view)) > 1 else 0.0
        net.learn(True)
        groups = decayed_groups(net.weights, chosen.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=chosen.learning_rate, fused=True)
        self.epochs = chosen.epochs_for(len(rows.x))
        self.started = time.monotonic()
        self.by_time = False  # whether the rate has come down with the time

    def run(self, held: Rows | None, lowest: float = np.inf) -> int:
        """Train, leave the net at its best epoch, and give that epoch's number.

        With the loss on ``held`` that the net has as it is, ``lowest``, it stays so where no epoch is better: epoch 0.
        """
        best, best_epoch = self.net.copied(), 0
        epoch = 0
        while epoch < self.epochs:
            whole = self._epoch(epoch)
            epoch += 1
            if held is None:
                best_epoch = epoch
            else:
                found = mean_loss(self.loss, scores_of(self.net, held.x), held)
                if found < lowest:
                    best, best_epoch, lowest = self.net.copied(), epoch, found
                if epoch - best_epoch >= self.chosen.patience:
                    break
            if not whole:
                break
        if held is not None:
            self.net.restore(best)
        return best_epoch

    def _progress(self, steps: float) -> float:
        """Share of the training that is done: of its steps, or of its time where that runs out before.

        A twentieth of the time is leeway, so that a slow start alone changes no number.
        """
        if self.deadline is None:
            return steps
        spent = (time.monotonic() - self.started) / max(self.deadline - self.started, 1e-9)
        by_time = (spent - 0.05) / 0.95
        self.by_time |= by_time > steps
        return max(steps, by_time)

    def _epoch(self, epoch: int) -> bool:
        import torch

        self.net.training = True
        n, size = len(self.x), self.chosen.batch
        order = torch.randperm(n, generator=self.net.random)
        n_batches = max(1, -(-n // size))
        for i in range(n_batches):
            if self.deadline is not None and time.monotonic() >= self.deadline:
                return False
            rows = order[i * size : (i + 1) * size]
            rate = self.chosen.learning_rate * one_cycle(self._progress((epoch + i / n_batches) / self.epochs))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.zero_grad()
            self._batch_loss(rows).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(list(self.net.weights.values()), LARGEST_GRADIENT)
            self.optimizer.step()
        return True

    def _seen(self, rows: Tensor) -> Tensor:
        x = self.x[rows]
        return without_some(x, self.blank, self.view, self.blanked, self.net.random) if self.blanked else x

    def _batch_loss(self, rows: Tensor) -> Tensor:
        scores = self.net.members(self.net.project(self._seen(rows)))
        n_members = scores.shape[1]  # each learns by itself: a loss of their mean would let them lean on each other
        scores, y, weight = (
            scores.flatten(0, 1),
            *(values[rows].repeat_interleave(n_members, dim=0) for values in (self.y, self.weight)),
        )
        each = row_losses(self.loss, scores, y)
        # Weights have mean 1 over all rows: divided by the rows, a light batch makes a small step.
        return (weight * each).mean()
