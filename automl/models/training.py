"""Training of the MLP's net, which keeps to a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from automl.models.network import Net, scores_of
from automl.models.solvers import Loss, Rows, mean_loss

if TYPE_CHECKING:
    from torch import Tensor

    from automl.models.mlp import MLPParams

LARGEST_GRADIENT = 1.0  # norm; a row with a huge weight cannot throw the net away
WARM_UP = 0.15  # share of the training in which the step grows


def _rate(progress: float) -> float:
    """One cycle: up in a line, then down along a cosine (Smith and Topin, Super-convergence, 2019)."""
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    return 0.01 + 0.99 * 0.5 * (1.0 + float(np.cos(np.pi * min(1.0, (progress - WARM_UP) / (1.0 - WARM_UP)))))


class Training:
    """One training of a net, with everything random from torch's current generator."""

    def __init__(self, net: Net, chosen: MLPParams, rows: Rows, loss: Loss, deadline: float | None) -> None:
        import torch

        self.net, self.chosen, self.rows, self.loss, self.deadline = net, chosen, rows, loss, deadline
        self.x = torch.from_numpy(rows.x)
        self.y = torch.from_numpy(rows.y).to(torch.long if loss == "softmax" else torch.float32)
        self.weight = torch.from_numpy(rows.weight).float()
        net.learn(True)
        decayed = [x for x in net.weights.values() if x.ndim > 1]
        free = [x for x in net.weights.values() if x.ndim <= 1]
        plain = [{"params": decayed, "weight_decay": chosen.weight_decay}, {"params": free, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(plain, lr=chosen.learning_rate, fused=True)
        assert chosen.epochs is not None
        self.epochs = chosen.epochs
        self.started = time.monotonic()

    def run(self, held: Rows | None) -> int:
        """Train, leave the net at its best epoch, and give that epoch's number."""
        best, best_epoch, lowest = self.net.copied(), 0, np.inf
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
        return max(steps, (spent - 0.05) / 0.95)

    def _epoch(self, epoch: int) -> bool:
        import torch

        self.net.training = True
        n, size = len(self.x), self.chosen.batch
        order = torch.randperm(n)
        n_batches = max(1, -(-n // size))
        for i in range(n_batches):
            if self.deadline is not None and time.monotonic() >= self.deadline:
                return False
            rows = order[i * size : (i + 1) * size]
            rate = self.chosen.learning_rate * _rate(self._progress((epoch + i / n_batches) / self.epochs))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.zero_grad()
            self._batch_loss(rows).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(list(self.net.weights.values()), LARGEST_GRADIENT)
            self.optimizer.step()
        return True

    def _batch_loss(self, rows: Tensor) -> Tensor:
        from torch.nn import functional

        scores, y = self.net(self.x[rows]), self.y[rows]
        if self.loss == "softmax":
            each = functional.cross_entropy(scores, y, reduction="none")
        elif self.loss == "logistic":
            # The mean over labels: how far a gradient is cut does not depend on how many there are.
            y = y.reshape(scores.shape)
            each = functional.binary_cross_entropy_with_logits(scores, y, reduction="none").mean(dim=1)
        else:
            each = 0.5 * (scores[:, 0] - y).square()
        # Weights have mean 1 over all rows: divided by the rows, a light batch makes a small step.
        return (self.weight[rows] * each).mean()
