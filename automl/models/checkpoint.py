"""Where a training of minutes stands after an epoch, so that a fit that was killed goes on from there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from artifacts.store import write_file

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.optim import Optimizer

FACTS = "facts"


@dataclass
class Course:
    """How far a training is, and what it is ``of``. ``history`` are losses on the rows to validate on, at the start and
    after each epoch, ``seconds`` those of each epoch; ``best_epoch`` 0 is the start, ``begun_at`` the epoch after which
    it was taken back to the start for the last time, and ``lowered`` how often. ``steps`` since then; ``at_once`` rows
    fit into memory. ``alpha``: the penalty of the linear term, which hangs on the time there was to choose it.
    """

    of: str
    at_once: int
    alpha: float = 0.0
    history: list[float] = field(default_factory=list)
    epoch: int = 0
    best_epoch: int = 0
    begun_at: int = 0
    lowered: int = 0
    steps: int = 0
    finished: bool = False
    seconds: list[float] = field(default_factory=list)

    @property
    def lowest(self) -> float:
        """The loss of the best epoch."""
        return self.history[self.best_epoch] if len(self.history) > self.best_epoch else float("inf")


class Checkpoint:
    """One file with the tensors of a training, its course, its optimizer and what it draws from."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(
        self,
        course: Course,
        tensors: Mapping[str, Sequence[Tensor]],
        optimizer: Optimizer,
        random: tuple[np.random.Generator, Generator],
    ) -> None:
        """Write all of it, whole or not at all.

        Raises:
            ArtifactError: if it cannot be written.
        """
        from safetensors.torch import save

        held = {f"{name}.{i}": one.detach() for name, some in tensors.items() for i, one in enumerate(some)}
        state = optimizer.state_dict()["state"]
        held |= {f"optimizer.{i}.{name}": one for i, parts in state.items() for name, one in parts.items()}
        held["generator"] = random[1].get_state()
        rates = [float(group["rate"]) for group in optimizer.param_groups]
        facts = {"course": asdict(course), "rates": rates, "random": random[0].bit_generator.state}
        whole = {name: one.cpu().contiguous() for name, one in held.items()}
        write_file(self.path, save(whole, metadata={FACTS: json.dumps(facts)}))

    def load(
        self,
        of: str,
        tensors: Mapping[str, Sequence[Tensor]],
        optimizer: Optimizer,
        random: tuple[np.random.Generator, Generator],
    ) -> Course | None:
        """Take over what ``save`` wrote into what is as it was at the start; None where there is none of the same."""
        from safetensors import safe_open

        if not self.path.exists():
            return None
        with safe_open(self.path, framework="pt") as file:
            facts: dict[str, Any] = json.loads(file.metadata()[FACTS])
            if facts["course"]["of"] != of:
                return None
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        for name, some in tensors.items():
            for i, one in enumerate(some):
                one.data.copy_(held[f"{name}.{i}"])
        described = optimizer.state_dict()
        for name, one in held.items():
            if name.startswith("optimizer."):
                _, i, part = name.split(".")
                described["state"].setdefault(int(i), {})[part] = one
        optimizer.load_state_dict(described)
        for group, rate in zip(optimizer.param_groups, facts["rates"], strict=True):
            group["rate"] = rate
        random[0].bit_generator.state = facts["random"]
        random[1].set_state(held["generator"])
        return Course(**facts["course"])
