"""Models of the kind that a run ended with, fitted again: on a shuffled outcome, or without a group of rows each.

What models of a shuffled outcome find is found by chance, and advice has to do better. Models that each lack a group of
rows tell how sure an effect is, where a run has kept no models of its folds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.progress import Progress
from artifacts.store import read_json, reading, write_json
from automl.backends.base import Candidate
from automl.backends.stacking import ON
from automl.models.base import Model
from automl.models.registry import MODELS

Float = NDArray[np.float64]

N_PLACEBOS = 19  # one in twenty by chance
LEAST_PLACEBOS = 9  # one in ten
N_GROUPS = 8
FILE = "refits.json"


@dataclass(frozen=True)
class Refits:
    """Models of one kind over one view. ``seed`` gives the groups that they lack."""

    model: str
    view: str
    models: tuple[Model, ...]
    seed: int = 0

    @classmethod
    def of_shuffled(
        cls, candidate: Candidate, examples: Examples, *, seconds: float, seed: int, progress: Progress
    ) -> Self:
        """One model for each shuffling of the outcome: ``N_PLACEBOS``, or at least ``LEAST_PLACEBOS`` if time is short.

        Args:
            candidate: whose model, view and parameters are taken.
            examples: training rows, without the holdout.
            seconds: that all fits should take.
            seed: of the shufflings and the models.
            progress: where to show them.
        """
        rows, rng = examples.view(candidate.view), np.random.default_rng(seed)
        groups = row_groups(rows.n_samples, seed)
        started, models = time.monotonic(), []
        with progress.task("placebo test", N_PLACEBOS) as advance:
            for i in range(N_PLACEBOS):
                if i >= LEAST_PLACEBOS and time.monotonic() - started > seconds:
                    break
                shuffled = Examples(rows.table, rows.outcome.take(rng.permutation(rows.n_samples)))
                models.append(_fitted(candidate, shuffled, groups == i % N_GROUPS, seed + i))
                advance(1)
        return cls(candidate.model, candidate.view, tuple(models), seed)

    @classmethod
    def without_groups(
        cls, candidate: Candidate, examples: Examples, groups: NDArray[np.int64], *, seed: int, progress: Progress
    ) -> Self:
        """One model for each of the ``groups`` (n_samples,) of ``row_groups``, without it; else as ``of_shuffled``."""
        rows = examples.view(candidate.view)
        with progress.task("how sure effects are", N_GROUPS) as advance:
            models = []
            for i in range(N_GROUPS):
                models.append(_fitted(candidate, rows, groups == i, seed))
                advance(1)
        return cls(candidate.model, candidate.view, tuple(models), seed)

    def decide(self, table: FeatureTable) -> Float:
        """Link scores (n_models, n_samples, n_link)."""
        read = table.select(view=self.view)
        return np.stack([model.decide(read) for model in self.models])

    def contributions_of(
        self, i: int, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> Explanation:
        """Contributions to the scores of one model; see ``Model.contributions``."""
        position = {feature.name: place for place, feature in enumerate(table.features)}
        read = table.select(view=self.view)
        return self.models[i].contributions(read, groups[[position[f.name] for f in read.features]], names)

    def save(self, folder: Path) -> None:
        """Write into a new folder."""
        folder.mkdir()
        write_json(folder / FILE, {"model": self.model, "view": self.view, "n": len(self.models), "seed": self.seed})
        for i, model in enumerate(self.models):
            place = folder / f"model_{i:02d}"
            place.mkdir()
            model.save(place)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        with reading(folder):
            data = read_json(folder / FILE)
            models = (MODELS[data["model"]].load(folder / f"model_{i:02d}") for i in range(data["n"]))
            return cls(data["model"], data["view"], tuple(models), data["seed"])


def candidate_to_refit(candidates: Sequence[Candidate], n_fits: int, seconds: float) -> Candidate:
    """The member of the final blend with the largest weight, of those whose fits are fast enough; else the fastest.

    Args:
        candidates: of the run; those with a weight are its final blend.
        n_fits: over whose folds the candidates' seconds were spent.
        seconds: that ``LEAST_PLACEBOS`` fits should take at most.

    Raises:
        InputError: if the run has no candidate that could be fitted again.
    """
    blended = [c for c in candidates if c.weight > 0 and not c.error]
    # A model over tuned vectors is fitted again without these, which takes seconds and not minutes.
    plain = [replace(c, model=c.model.partition(ON)[0], reads="") for c in blended]
    members = [c for c in plain if c.model in MODELS]
    if not members:
        raise InputError(
            "Advice needs a run of our own search, of whose blend a model can be fitted again on a shuffled outcome in "
            f"seconds; that of this run is made of {sorted({c.model for c in blended})}. Fit with fast or balanced."
        )
    fast = [c for c in members if LEAST_PLACEBOS * c.fit_seconds / n_fits <= seconds]
    return max(fast, key=lambda c: c.weight) if fast else min(members, key=lambda c: c.fit_seconds)


def row_groups(n: int, seed: int, authors: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The group (n,) of each row, of ``N_GROUPS``; rows of one code of ``authors`` (n,) are together, -1 is of none."""
    if authors is None:
        return np.random.default_rng(seed).permutation(np.arange(n) % N_GROUPS)
    alone = authors.max(initial=-1) + 1 + np.arange(n)
    _, code = np.unique(np.where(authors < 0, alone, authors), return_inverse=True)
    return row_groups(int(code.max(initial=-1)) + 1, seed)[code]


def _fitted(candidate: Candidate, rows: Examples, held: NDArray[np.bool_], seed: int) -> Model:
    limit = time.monotonic() + max(2 * np.nan_to_num(candidate.fit_seconds), 10.0)
    return MODELS[candidate.model](candidate.params, seed=seed).fit(rows.take(~held), rows.take(held), deadline=limit)
