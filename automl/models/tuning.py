"""Tuning the upper layers of encoders together with their head."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from artifacts.checksums import digest_of
from artifacts.schema import Modality
from automl.models.checkpoint import Checkpoint, Course
from automl.models.heads import LINEAR
from automl.models.output import OutputParams
from automl.models.solvers import Loss, Rows, mean_loss
from automl.models.training import LARGEST_GRADIENT, decayed_groups, one_cycle, row_losses
from automl.models.tuned_inputs import Inputs
from automl.models.tuned_net import TunedNet
from featurizers.precision import device

if TYPE_CHECKING:
    from torch import Generator, Tensor

Float = NDArray[np.float64]
Int = NDArray[np.int64]

SORTED_AT_ONCE = 32  # batches whose rows are sorted by length before they are cut, so that little is padded
MOST_EPOCHS = 4
LOWERED, MOST_LOWERED = 0.3, 2  # the factor of all rates where the first epoch does not beat the start, and how often
AVERAGED_STEPS = 60  # about so many of the last steps are what the mean of the weights is over


@dataclass(frozen=True)
class TunedParams(OutputParams):
    """``layers``: that are tuned, counted from the last. ``learning_rate`` of the last layer; each one below has
    ``layer_decay`` times that of the one above it. ``head_rate``: of the head. ``patience``: epochs without a gain on
    ``valid``. ``huber``: a number is learned by Huber's loss, which bends at one standard deviation, so that far
    outliers count less; predictions are then no means.
    """

    layers: int = 1
    epochs: int | None = None
    learning_rate: float = 5e-4
    head_rate: float = 1e-3
    layer_decay: float = 0.7
    weight_decay: float = 0.01
    batch: int = 32
    patience: int = 2
    huber: bool = False

    def upper(self, modality: Modality) -> tuple[int, float]:
        """How many layers of an encoder are tuned, and the rate of the last one."""
        return self.layers, self.learning_rate


class Tuning:
    """One training: AdamW, rates that rise and then fall along a cosine, clipped gradients, averaged weights.

    The head starts as fitted to the encoders as they came and not at random (Kumar et al., Fine-tuning can distort
    pretrained features, 2022), and its linear term keeps its penalty ``alpha``. Rates fall from layer to layer (Howard
    and Ruder, Universal language model fine-tuning, 2018). What is validated and kept is the mean of the last weights
    (Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992). An epoch that does not beat the
    start is taken back, and the next one has lower rates; if none does, the start is what stays. The same seed gives
    the same numbers on one device.
    """

    def __init__(
        self, net: TunedNet, chosen: TunedParams, inputs: Inputs, rows: Rows, loss: Loss, alpha: float, seed: int
    ) -> None:
        import torch

        self.net, self.chosen, self.inputs, self.loss = net, chosen, inputs, loss
        self.seed = seed
        self.y = torch.from_numpy(rows.y).to(device(), torch.long if loss == "softmax" else torch.float32)
        self.weight = torch.from_numpy(rows.weight).float().to(device())
        self.sizes = inputs.sizes()
        self.known = np.flatnonzero(rows.weight > 0)
        self.epochs = chosen.epochs or MOST_EPOCHS
        groups = self._groups()
        self.optimizer = torch.optim.AdamW(groups, lr=chosen.learning_rate, weight_decay=chosen.weight_decay)
        self.learned: list[Tensor] = [one.requires_grad_(True) for group in groups for one in group["params"]]
        self.mean = [one.detach().clone() for one in self.learned]
        self.best = [one.detach().clone() for one in self.learned]
        of = f"{chosen} on {len(rows.y)} rows {_digest(inputs, rows)}, seed {seed}, {device()}"
        self.course = Course(of, chosen.batch, alpha)

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters with their rates: of each encoder by layer, of the head's linear term, of what it has beside."""
        chosen, groups = self.chosen, []
        for tower in self.net.towers:
            rate = chosen.upper(tower.trunk.modality)[1]
            layers = tower.trunk.depth_of(tower.upper)
            groups += [{"params": one, "rate": rate * chosen.layer_decay**i} for i, one in enumerate(layers)]
        assert self.net.head is not None
        own = dict(self.net.head.weights)
        groups.append({"params": [own.pop(LINEAR)], "rate": chosen.head_rate, "weight_decay": 0.0})
        beside = decayed_groups(own, chosen.weight_decay)
        return groups + [{**group, "rate": chosen.head_rate} for group in beside if group["params"]]

    def run(
        self,
        held: tuple[Inputs, Rows] | None,
        deadline: float | None,
        checkpoint: Checkpoint | None = None,
    ) -> Course:
        """Train, and leave the net at its best epoch.

        With a ``checkpoint`` it goes on from the last epoch that an earlier training of the same has finished.
        """
        import torch

        started = time.monotonic()
        self.course.history = [np.inf if held is None else self._held_loss(held)]
        seconds_to_validate = time.monotonic() - started
        end = None if deadline is None else deadline - 1.2 * seconds_to_validate
        random = np.random.default_rng(self.seed), torch.Generator(device()).manual_seed(self.seed)
        if checkpoint is not None:
            self.course = checkpoint.load(self.course.of, self._tensors(), self.optimizer, random) or self.course
        while not self.course.finished:
            begun = time.monotonic()
            whole = self._epoch(self.course.epoch, random, started, end)
            self.course.seconds.append(time.monotonic() - begun)
            self.course.finished = self._judged(held) or not whole
            if checkpoint is not None:
                checkpoint.save(self.course, self._tensors(), self.optimizer, random)
        self._put(self.best)
        for one in self.learned:
            one.requires_grad_(False)
        return self.course

    def _tensors(self) -> dict[str, list[Tensor]]:
        return {"learned": self.learned, "mean": self.mean, "best": self.best}

    def _judged(self, held: tuple[Inputs, Rows] | None) -> bool:
        """Compare an epoch with those before it; whether it was the last one."""
        course = self.course
        course.epoch += 1
        if held is None:
            self._keep_best()
        else:
            lowest = course.lowest
            course.history.append(self._mean_loss(held))
            if course.history[-1] < lowest:
                self._keep_best()
            elif course.best_epoch == 0 and course.lowered < MOST_LOWERED:  # too large steps spoil what was there
                self._start_again()
                course.begun_at = course.epoch
            if course.epoch - max(course.best_epoch, course.begun_at) >= self.chosen.patience:
                return True
        return course.epoch >= self.epochs

    def _keep_best(self) -> None:
        self.course.best_epoch = self.course.epoch
        for one, value in zip(self.best, self.mean, strict=True):
            one.copy_(value)

    def _start_again(self) -> None:
        """From the start, with lower rates."""
        self._put(self.best)
        for one, value in zip(self.mean, self.best, strict=True):
            one.copy_(value)
        self.optimizer.state.clear()
        self.course.steps, self.course.lowered = 0, self.course.lowered + 1
        for group in self.optimizer.param_groups:
            group["rate"] *= LOWERED

    def _held_loss(self, held: tuple[Inputs, Rows]) -> float:
        inputs, rows = held
        return mean_loss(self.loss, self.net.all_scores(inputs), rows)

    def _mean_loss(self, held: tuple[Inputs, Rows]) -> float:
        """The loss of the averaged weights; training goes on from its own."""
        own = [one.detach().clone() for one in self.learned]
        self._put(self.mean)
        try:
            return self._held_loss(held)
        finally:
            self._put(own)

    def _put(self, values: list[Tensor]) -> None:
        for one, value in zip(self.learned, values, strict=True):
            one.data.copy_(value)

    def _epoch(
        self, epoch: int, random: tuple[np.random.Generator, Generator], started: float, end: float | None
    ) -> bool:
        batches = self._batches(random[0])
        for i, rows in enumerate(batches):
            now = time.monotonic()
            if end is not None and now >= end:
                return False
            done = (epoch + i / len(batches)) / self.epochs
            if end is not None:
                done = max(done, (now - started) / max(end - started, 1e-9))
            with self.net.varying(*random):
                self._step(rows, one_cycle(done))
        return True

    def _batches(self, random: np.random.Generator) -> list[Int]:
        order = random.permutation(self.known)
        size = self.chosen.batch
        batches: list[Int] = []
        for start in range(0, len(order), SORTED_AT_ONCE * size):
            some = order[start : start + SORTED_AT_ONCE * size]
            some = some[np.argsort(self.sizes[some], kind="stable")]
            batches.extend(some[i : i + size] for i in range(0, len(some), size))
        return [batches[i] for i in random.permutation(len(batches))]

    def _step(self, rows: Int, rate: float) -> None:
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * rate
        while True:
            try:
                self.optimizer.zero_grad()
                for start in range(0, len(rows), self.course.at_once):
                    self._learn_from(rows[start : start + self.course.at_once], len(rows))
                break
            except torch.OutOfMemoryError:
                if self.course.at_once == 1:
                    raise
                self.course.at_once //= 2
        torch.nn.utils.clip_grad_norm_(self.learned, LARGEST_GRADIENT)
        self.optimizer.step()
        self.course.steps += 1
        share = 1.0 / min(self.course.steps + 1, AVERAGED_STEPS)
        with torch.no_grad():
            torch._foreach_lerp_(self.mean, self.learned, share)

    def _learn_from(self, rows: Int, n: int) -> None:
        import torch

        at = torch.from_numpy(rows).to(device())
        assert self.net.head is not None
        each = row_losses(self.loss, self.net.scores(self.inputs, rows), self.y[at])
        penalty = 0.5 * self.course.alpha * self.net.head.weights[LINEAR].square().sum() * (len(rows) / n)
        ((self.weight[at] * each).sum() / n + penalty).backward()  # type: ignore[no-untyped-call]


def _digest(inputs: Inputs, rows: Rows) -> str:
    """Of contents and targets: trainings of different rows are different."""
    found = [np.ascontiguousarray(one).tobytes() for one in (rows.y, rows.weight)]
    for parts in inputs.parts:
        found += [parts.row.tobytes(), parts.source.tobytes(), *(parts.keys[i] for i in parts.content)]
    return digest_of(b"".join(found))
