"""The contract of a back end: the same rows, folds and seconds in; something fitted and its candidates out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.link import from_link
from artifacts.progress import Progress, Silent
from artifacts.schema import Kind
from artifacts.store import RunFolder
from automl.budget import Budget
from evaluation.metrics import Metric
from evaluation.splits import Fold

if TYPE_CHECKING:
    from automl.models.tuned_model import TunedModel

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """What a back end has to solve.

    ``examples`` are the training rows alone: the holdout is not among them. ``folder`` is the run's
    folder, in which a back end may keep finished work under its own name, so that a killed fit
    goes on from there. ``n_scored`` rows are predicted by all models after the search.
    """

    examples: Examples
    folds: tuple[Fold, ...]
    metric: Metric
    budget: Budget
    folder: RunFolder
    seed: int = 0
    n_threads: int = 2
    settings: dict[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Silent)
    n_scored: int = 0


@dataclass(frozen=True)
class Tuned:
    """Tuned encoders in a final model: the ``share`` of members that tune them, and ``models`` with factors of scores.

    Where there is no such member, ``read_share`` is that of members which read what others tuned, and the ``models``
    are these others: their mean, which is no part of the final model.
    """

    share: float = 0.0
    read_share: float = 0.0
    models: tuple[tuple[float, TunedModel], ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One line of a leaderboard: a model or a blend over a view, or the reason why it failed.

    ``out_of_fold`` holds link scores (n_train, n_link), NaN in rows that no fold validated; None if
    there are none. ``weight`` is its share in the back end's final blend. ``members`` are the keys of the candidates
    whose outputs it reads, if it is a stack; ``reads`` is the key of the candidate whose tuned vectors it reads beside
    its view, if it is a second stage. ``lack`` says what a fitted candidate lacks: folds for which there was no
    time.
    """

    key: str
    model: str
    view: str
    params: dict[str, Any] = field(default_factory=dict)
    fit_seconds: float = np.nan
    out_of_fold: Float | None = None
    weight: float = 0.0
    error: str = ""
    members: tuple[str, ...] = ()
    lack: str = ""
    reads: str = ""


class FittedBackend(ABC):
    """Something that predicts, made of candidates. ``FINAL`` is the key of what ``decide`` uses.

    ``interrupted``: whether the user stopped the search before its end.
    """

    FINAL: ClassVar[str] = "final"
    executes_code_on_load: ClassVar[bool] = False
    explains_sources_alone: ClassVar[bool] = False  # since each group of features that is told apart takes predictions
    interrupted: bool = False

    kind: Kind
    candidates: tuple[Candidate, ...]

    @abstractmethod
    def decide(self, table: FeatureTable, key: str = FINAL) -> Float:
        """Link scores (n_samples, n_link) of the final model, or of one candidate."""

    def kept_seconds(self, table: FeatureTable, key: str = FINAL) -> float:
        """What ``decide`` saves, since it kept what encoders made of the same table for another candidate."""
        return 0.0

    def predict(self, table: FeatureTable) -> Float:
        """Predictions (n_samples, n_outputs) of the final model."""
        return from_link(self.kind, self.decide(table))

    def versions(self, table: FeatureTable) -> Float | None:
        """Link scores (n_versions, n_samples, n_link) of the final model by the models of each fold.

        None if there are none: all rows were fitted again at the end, or the back end does not keep them.
        """
        return None

    def members(self, table: FeatureTable) -> tuple[Float, Float]:
        """Weights (n_members,) of sum 1 of what the final model is a mean of, and their link scores (n_members,
        n_samples, n_link)."""
        return np.ones(1), self.decide(table)[None]

    def tuned(self) -> Tuned:
        """The tuned encoders in the final model."""
        return Tuned()

    @property
    def n_versions(self) -> int:
        """Models of folds whose mean explains as the final model does; 1 where they are not kept."""
        return 1

    def contributions_of(
        self, version: int, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> Explanation:
        """Contributions to the scores of one of the ``versions``.

        Raises:
            InputError: if there are no versions.
        """
        raise InputError("This back end keeps no models of its folds.")

    @abstractmethod
    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """Contributions that add up to ``decide``; see ``Model.contributions``.

        Raises:
            InputError: if this back end cannot be explained.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write into an existing empty folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Candidates come back without ``out_of_fold``."""


class Backend(ABC):
    """Solves a problem within its budget. A failure of a single candidate is a candidate with an error.

    ``goes_on``: whether a search that the user stopped can be continued. ``least_seconds``: a budget in which it finds
    something on most tables.
    """

    name: ClassVar[str]
    fitted: ClassVar[type[FittedBackend]]
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)
    goes_on: ClassVar[bool] = False
    least_seconds: ClassVar[float]

    @abstractmethod
    def fit(self, problem: Problem) -> FittedBackend:
        """Search, fit and blend.

        After a first Ctrl-C it ends soon with what is done, and what it returns is ``interrupted``.

        Raises:
            MissingDependencyError: if the packages of the back end are not installed.
            FusionError: if nothing at all could be fitted.
            KeyboardInterrupt: if the user stopped it before anything was done, or for the second time.
        """
