"""The contract of a model: fit, decide on the link scale, explain, save and load."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.link import from_link
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.output import Output

if TYPE_CHECKING:
    import optuna

Float = NDArray[np.float64]
Params = Mapping[str, Any]

MANY_CLASSES = 30  # beyond, a model with a tree or a column for each class is not worth a start that ends at once

LINK_UNITS = {
    Kind.REGRESSION: "units of the target",
    Kind.BINARY: "log-odds",
    Kind.CONVERSION: "log-odds",
    Kind.MULTICLASS: "logits",
    Kind.MULTILABEL: "log-odds",
}


class Model(ABC):
    """A model over the wide table, tuned by us. Think twice before adding to this class.

    Fitted by the likelihood of its kind: squared error for a regression, log loss for classes, and
    for a conversion the binomial likelihood (cross-entropy on the rate, weighted by trials).
    ``outcome.sample_weight`` is always used. The same seed gives the same numbers. A class that is
    known but absent from the training rows still has a column of output.
    """

    name: ClassVar[str]
    settings: ClassVar[type[Any]]  # the dataclass of its parameters, with their defaults
    output_: Output
    libraries: ClassVar[tuple[str, ...]] = ()  # that it imports when it is fitted, which takes a second or two
    fits_side_by_side: ClassVar[bool] = False  # in threads: its work needs neither Python nor another's settings
    tables_in_memory: ClassVar[float] = 1.5  # besides the one that it reads, while it is fitted
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)

    def __init__(self, params: Params | None = None, *, seed: int = 0, n_threads: int = 2) -> None:
        self.params = dict(params or {})
        self.seed = seed
        self.n_threads = n_threads
        self.kind: Kind | None = None
        self.n_outputs = 0

    @classmethod
    def suits(cls, outcome: Outcome) -> bool:
        """Whether it is worth a try on such an outcome; it could be fitted to any of its ``kinds``."""
        return outcome.kind in cls.kinds

    @classmethod
    def why_not(cls, outcome: Outcome) -> str:
        """Why it cannot be fitted here, and what to do; an empty string if it can. For models of ``ON_REQUEST``."""
        return ""

    @abstractmethod
    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """Fit, with early stopping on ``valid`` where the model has it.

        Args:
            train: rows to learn from; ``train.outcome.n_outputs`` fixes the shape of predictions.
            valid: rows to stop on; may hold NaN features but no unseen class.
            deadline: value of ``time.monotonic()`` after which training should stop with what it
                has reached; a model is usable afterwards however early the deadline was.
        """

    @abstractmethod
    def decide(self, table: FeatureTable) -> Float:
        """Link scores (n_samples, n_link), see ``artifacts.link``; finite for any finite or NaN input.

        Raises:
            NotFittedError: before ``fit``.
        """

    def predict(self, table: FeatureTable) -> Float:
        """Predictions (n_samples, n_outputs); class rows sum to 1."""
        scores = self.decide(table)
        return from_link(self.fitted_kind, scores)

    @abstractmethod
    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """Contributions summed over groups of features; they add up to ``decide``.

        Args:
            table: the rows to explain.
            groups: (n_features,) position in ``names`` of each feature's group.
            names: the groups; features themselves, or sources.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write into an existing empty folder, in the library's own format (no pickle)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; executes no code from the folder.

        Raises:
            ArtifactError: if a file is missing or damaged.
        """

    @classmethod
    def bytes_needed(cls, table: FeatureTable, outcome: Outcome) -> float:
        """A rough count of the memory that a fit takes beside what it is given, and of scores out of fold."""
        return 4.0 * table.n_samples * (cls.tables_in_memory * table.n_features + 8 * max(outcome.n_outputs, 1))

    @classmethod
    @abstractmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Parameters from the search space, plain Optuna code."""

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """Parameters that fit a tiny table in well under a second, for the contract tests."""
        return {}

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """Parameters to refit on all rows without ``valid``, such as the median of the folds' rounds."""
        return dict(self.params)

    def hold_means(self, rows: Examples) -> None:
        """Make predictions of a regression on another scale means, by the residuals of rows, best of unseen ones."""
        if not self.output_.target.is_plain and rows.n_samples:
            self.output_ = self.output_.with_means(self.decide(rows.table), rows.outcome)

    @property
    def fitted_kind(self) -> Kind:
        """The kind that was fitted.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self.kind is None:
            raise NotFittedError(f"Model {self.name!r} was used before fit. Call fit(train) first.")
        return self.kind
