"""TabICL: a pretrained transformer that reads training rows as its context and is not trained itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from artifacts.errors import ArtifactError, FusionError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.link import SMALLEST_PROBABILITY
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.base import LINK_UNITS, MANY_CLASSES, Float, Model
from automl.models.compression import Compression, suggest_components
from automl.models.context import Cast, context_rows
from automl.models.description import Description, feature_names, load_arrays, save_arrays, settings
from automl.models.directions import directions_arrays, directions_from
from automl.models.filled_columns import FilledColumns
from automl.models.matrix import CHUNK_ROWS, check_same_features
from automl.models.output import Output, OutputParams
from automl.models.shapley import MOST_EXACT, n_orders, shapley_of_sums
from automl.models.tabicl_checkpoint import HOW, Checkpoint, find_again, find_checkpoint
from automl.models.torch_state import torch_threads

if TYPE_CHECKING:
    import optuna

Single = NDArray[np.float32]

ASKED_AT_ONCE = 1024  # rows
PROBED = 64  # rows of a context, and as many that ask, by which the time of a pass is told
LEAST_CONTEXT = 100  # rows; what fewer say is not worth the time
USED_SHARE = 0.7  # of the time until the deadline, by what the probe says
NATIVE_CLASSES = 10  # of the published weights; with more, passes are nested and nothing of them can be kept
KEPT_BYTES = 49_152  # a context row and pass, of keys and values in the published weights
MOST_KEPT = 1 << 28  # bytes of these in memory; where they need more, only the rows' vectors are kept
CELL_BYTES = 4096  # a row and column, while the published weights read them
CELLS_WORTH_THREADS = 20_000  # below, threads wait for each other longer than they work
MOST_LOADED = 2  # files of weights in memory

_loaded: dict[str, Any] = {}


@dataclass(frozen=True)
class TabICLParams(OutputParams):
    """``estimators``: passes over the same rows, with columns and classes in other orders and scales, averaged.

    ``context``: training rows that are read, at most. ``embedding_components``, ``lexical_components``: main axes that
    are kept of embeddings and of word counts.
    """

    estimators: int = 2
    context: int = 2000
    embedding_components: int = 16
    lexical_components: int = 16


class TabICLModel(Model):
    """TabICL v2 (Qu et al., TabICL: A tabular foundation model for in-context learning on large data, 2025).

    Training rows are a context that attention looks at, so a row that weighs twice as much stands there twice (see
    ``context_rows``). Embeddings come by their main axes. The context is cut to what can be read until the deadline.
    Contributions are Shapley values of sources in the game "predict with the others at their mean". Saved are the
    context and the hash of the weights, which have to be on the machine that predicts.
    """

    name: ClassVar[str] = "tabicl"
    settings: ClassVar[type[Any]] = TabICLParams
    libraries: ClassVar[tuple[str, ...]] = ("torch", "tabicl")
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.REGRESSION, Kind.BINARY, Kind.MULTICLASS})

    @classmethod
    def suits(cls, outcome: Outcome) -> bool:
        """Hundreds of classes would take hundreds of passes."""
        return outcome.kind in cls.kinds and outcome.n_outputs <= MANY_CLASSES

    @classmethod
    def why_not(cls, outcome: Outcome) -> str:
        """See ``Model.why_not``: the kind of target, the package or the weights."""
        if not cls.suits(outcome):
            what = f"{outcome.n_outputs} classes" if outcome.kind in cls.kinds else f"kind {outcome.kind.value!r}"
            return (
                f"TabICL does numbers and up to {MANY_CLASSES} classes, but the target has {what}. "
                f"Leave {cls.name!r} out."
            )
        try:
            find_checkpoint(_role(outcome.kind))
        except FusionError as error:
            return str(error)
        return ""

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline too near for ``LEAST_CONTEXT`` rows leaves the best constant prediction.

        Raises:
            MissingDependencyError: if the package is not installed.
            ArtifactError: if there are no weights, or they are of another kind.
        """
        chosen = settings(TabICLParams, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.checkpoint_ = find_checkpoint(_role(train.outcome.kind))
        self.compression_ = Compression({})
        self.columns_: FilledColumns | None = None
        self._calls, self._kept = 0, None
        late = deadline is not None and time.monotonic() >= deadline
        if self.output_.learnable and self.features_ and not late:
            n_asked = 0 if valid is None else valid.n_samples
            with torch_threads(self._threads(PROBED * train.table.n_features)):
                self._read(chosen, train, n_asked, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def _read(self, chosen: TabICLParams, train: Examples, n_asked: int, deadline: float | None) -> None:
        y, weight = self.output_.encode(train.outcome)
        compression = Compression.of(
            train.table, embedding=chosen.embedding_components, lexical=chosen.lexical_components, seed=self.seed
        )
        rows = self._context(y, weight, chosen.context)
        table = compression.apply(train.table.take(rows))
        columns = FilledColumns.of(table) if table.n_features else None
        if columns is None or not columns.n_columns or len(np.unique(y[rows])) < 2:
            return
        x, seen = columns.transform(table), y[rows]
        if deadline is not None:
            n = self._affordable(chosen, x, seen, n_asked, deadline)
            if n < min(LEAST_CONTEXT, len(x)):
                return
            kept = self._context(seen, np.ones(len(x)), n)
            x, seen = x[kept], seen[kept]
        self.compression_, self.columns_, self.x_, self.y_ = compression, columns, x, seen

    def _context(self, y: Float, weight: Float, n: int) -> NDArray[np.int64]:
        return context_rows(y, weight, n, all_classes=self.output_.kind is not Kind.REGRESSION)

    def _affordable(self, chosen: TabICLParams, x: Single, y: Float, n_asked: int, deadline: float) -> int:
        """Rows of a context with which ``n_asked`` rows are predicted before the deadline."""
        some = self._context(y, np.ones(len(y)), PROBED)
        asked = x[np.linspace(0, len(x) - 1, PROBED).astype(np.int64)]
        before, reading = [], []
        for _ in range(2):  # the first time has more to load
            started = time.monotonic()
            estimator = self._estimator(x[some], y[some], passes=1)
            before.append(time.monotonic() - started)
            self._raw_of(estimator, asked)
            reading.append(time.monotonic() - started - before[-1])
        a_row = min(reading) / (len(some) + PROBED)
        passes = max(1, -(-n_asked // ASKED_AT_ONCE)) if self.output_.n_raw > NATIVE_CLASSES else 1
        usable = USED_SHARE * (deadline - time.monotonic()) - min(before)
        return min(len(x), int((usable / (a_row * chosen.estimators) - n_asked) / passes))

    # -- the package ------------------------------------------------------------------------------

    def _estimator(self, x: Single, y: Float, *, passes: int, keep: bool | str = False) -> Any:
        """One of the package with a context (n_context, n_columns), its weights shared with others."""
        from tabicl import TabICLClassifier, TabICLRegressor

        made = TabICLRegressor if self.output_.kind is Kind.REGRESSION else TabICLClassifier
        estimator = made(
            n_estimators=passes,
            batch_size=1,
            model_path=self.checkpoint_.path,
            allow_auto_download=False,
            random_state=self.seed,
            kv_cache=keep,
        )
        try:
            estimator.fit(x, y if self.output_.kind is Kind.REGRESSION else y.astype(np.int64))
        except Exception as error:  # torch raises whatever it meets in a file that is damaged or of something else
            raise ArtifactError(
                f"The {self.checkpoint_.role} of TabICL in {self.checkpoint_.path!r} cannot be used "
                f"({type(error).__name__}: {str(error)[:200]}). {HOW}"
            ) from error
        if (estimator.model_.max_classes == 0) != (self.checkpoint_.role == "regressor"):
            raise ArtifactError(f"{self.checkpoint_.path!r} holds no {self.checkpoint_.role} of TabICL. {HOW}")
        estimator.model_ = _shared(self.checkpoint_.fingerprint, estimator.model_)
        return estimator

    def _raw_of(self, estimator: Any, x: Single) -> Float:
        """Raw scores (n_samples, n_raw); a row's do not depend on what else is asked."""
        parts = [x[start : start + ASKED_AT_ONCE] for start in range(0, len(x), ASKED_AT_ONCE)]
        if self.output_.kind is Kind.REGRESSION:
            return np.concatenate([estimator.predict(part)[:, None].astype(np.float64) for part in parts])
        shares = np.concatenate([estimator.predict_proba(part).astype(np.float64) for part in parts])
        shares = np.clip(shares, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
        return np.asarray(logit(shares[:, 1:]) if self.output_.kind is Kind.BINARY else np.log(shares))

    def _raw(self, x: Single) -> Float:
        """The same of rows of the matrix; what was read of the context stays in memory from the second call on.

        It is read in the same way each time, so that the numbers do not tell how often was asked.
        """
        if not len(x):
            return np.zeros((0, self.output_.n_raw))
        with torch_threads(self._threads((len(self.x_) + len(x)) * x.shape[1])):
            estimator = self._kept
            if estimator is None:
                passes = settings(TabICLParams, self.name, self.params).estimators
                estimator = self._estimator(self.x_, self.y_, passes=passes, keep=self._form(passes))
                self._kept = estimator if self._calls else None
            self._calls += 1
            return self._raw_of(estimator, x)

    def _threads(self, cells: int) -> int:
        return self.n_threads if cells > CELLS_WORTH_THREADS else 1

    def _form(self, passes: int) -> bool | str:
        """How the package is to keep what it has read of the context."""
        if self.output_.n_raw > NATIVE_CLASSES:
            return False
        return "kv" if len(self.x_) * passes * KEPT_BYTES <= MOST_KEPT else "repr"

    # -- the contract -----------------------------------------------------------------------------

    def _matrix(self, table: FeatureTable) -> Single:
        assert self.columns_ is not None
        parts = [self.columns_.transform(self.compression_.apply(chunk)) for chunk in table.row_chunks(CHUNK_ROWS)]
        return np.concatenate(parts) if parts else np.zeros((0, self.columns_.n_columns), np.float32)

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        if self.columns_ is None:
            return self.output_.link(self.output_.constant(table.n_samples))
        return self.output_.link(self._raw(self._matrix(table)))

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. An embedding whose features are in several groups is shared by its axes."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        raw = np.zeros((table.n_samples, len(names), self.output_.n_raw))
        base, method = np.array(self.output_.prior), "the base rate alone"
        if self.columns_ is not None and table.n_samples:
            cast = Cast.of(table, self.compression_, self.columns_.feature, np.asarray(groups), len(names))
            x, mean = self._matrix(table), self.columns_.mean.astype(np.float32)
            base = self._raw(mean[None])[0]
            parts = np.where(cast.columns[:, None, :], x - mean, np.float32(0.0))
            nobody, everybody = np.tile(base, (len(x), 1)), self._raw(x)
            found = shapley_of_sums(parts, lambda total: self._raw(mean + total), nobody, everybody, seed=self.seed)
            raw = np.einsum("npk,pg->ngk", found, cast.shares)
            method = "exact Shapley values over sources"
            if len(parts) > MOST_EXACT:
                method = f"Shapley values over {len(parts)} parts, from {n_orders(len(parts))} orders"
            method += "; what is left out is at its training mean"
        values, base = self.output_.link_parts(raw, base)
        return Explanation(tuple(names), values, base, unit, method)

    def save(self, folder: Path) -> None:
        """Write ``columns.npz``, ``context.npz`` (not for a constant prediction) and ``model.json``."""
        _ = self.fitted_kind
        known = {} if self.columns_ is None else self.columns_.arrays()
        save_arrays(folder / "columns.npz", {**known, **directions_arrays(self.compression_.directions)})
        if self.columns_ is not None:
            save_arrays(folder / "context.npz", {"x": self.x_, "y": self.y_})
        extra = {"checkpoint": self.checkpoint_.to_json(), "reads": self.columns_ is not None}
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``.

        Raises:
            ArtifactError: also if the weights are not on this machine.
            MissingDependencyError: if the package is not.
        """
        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_ = found.features, found.output
        arrays = load_arrays(folder / "columns.npz")
        model.compression_ = Compression(directions_from({k: x for k, x in arrays.items() if "." in k}))
        model.columns_, model._calls, model._kept = None, 0, None
        if found.extra["reads"]:
            model.checkpoint_ = find_again(found.extra["checkpoint"])
            model.columns_ = FilledColumns.from_arrays(arrays)
            context = load_arrays(folder / "context.npz")
            model.x_, model.y_ = context["x"], context["y"]
        else:  # a constant needs no weights
            model.checkpoint_ = Checkpoint(**found.extra["checkpoint"])
        found.apply(model)
        return model

    @classmethod
    def bytes_needed(cls, table: FeatureTable, outcome: Outcome) -> float:
        """See ``Model.bytes_needed``: rows of the context and rows that ask, by columns after the main axes."""
        chosen = TabICLParams()
        wide = chosen.embedding_components
        blocks = ((len(block.features), block.is_opaque) for block in table.blocks)
        columns = sum(min(n, wide) if opaque else n for n, opaque in blocks)
        rows = min(table.n_samples, chosen.context) + ASKED_AT_ONCE
        return float(CELL_BYTES * rows * columns + 8 * outcome.n_samples * outcome.n_outputs)

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """How embeddings are cut; all else is as the weights were trained."""
        return dict(suggest_components(trial, cls.name, table))

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """One pass."""
        return {"estimators": 1}


def _role(kind: Kind) -> str:
    return "regressor" if kind is Kind.REGRESSION else "classifier"


def _shared(fingerprint: str, weights: Any) -> Any:
    """The first weights of this file that were loaded: models of the folds need no copy each."""
    while fingerprint not in _loaded and len(_loaded) >= MOST_LOADED:
        _loaded.pop(next(iter(_loaded)))
    return _loaded.setdefault(fingerprint, weights)
