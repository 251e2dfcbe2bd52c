"""Ridge and logistic regression on the standardised wide table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from automl.models.base import LINK_UNITS, MANY_CLASSES, Float, Model
from automl.models.compression import Compression, opaque_width
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.directions import directions_arrays, directions_from
from automl.models.matrix import NUMBER, Standardizer, check_groups, check_same_features, sum_over_groups
from automl.models.output import Output, OutputParams, suggest_output
from automl.models.solvers import LOSSES, Fitted, Rows, path, ridge, threads

if TYPE_CHECKING:
    import optuna

ALPHAS = tuple(float(x) for x in 10.0 ** np.arange(0.0, -5.25, -0.5))  # strongest first
RIDGE_ALPHAS = tuple(float(x) for x in 10.0 ** np.arange(2.0, -4.25, -0.25))
DEFAULT_ALPHA = 1e-3
COMPONENTS = (32, 64, 128, 256)  # that are searched
LARGEST_CLOSED_FORM = 3000  # rows or columns, the fewer of them: an eigendecomposition of ten seconds


# Products. Below this, threads wait for each other longer than they work: on two cores that others used as well,
# 28 classes x 1,719 columns x 3,840 rows took 43 s with two threads and 6 s with one.
WORK_WORTH_THREADS = 2e9
LEAST_STEPS = 20  # of many classes: fewer are worse than the time that they take
PRODUCTS = 2e10  # a second, of two ordinary cores


@dataclass(frozen=True)
class LinearParams(OutputParams):
    """``alpha``: strength of the L2 penalty against the mean loss; None chooses it.

    ``balance``: 0 gives each column the same prior variance; 0.5 each group of columns, so that an
    embedding of a thousand dimensions weighs no more than all single characteristics. Groups are the
    embeddings one by one, and what else there is of each modality.

    ``components``: main axes that are kept of each embedding and of word counts, with their spread against each other;
    0 keeps all dimensions.
    """

    alpha: float | None = None
    balance: float = 0.25
    components: int = 0


class LinearModel(Model):
    """L2-penalised linear model; deterministic, whatever the seed.

    Regression: weighted ridge, closed form. Classes and conversions: logistic regression by L-BFGS.
    ``alpha`` None is chosen on ``valid``; without ``valid`` a ridge chooses by leave-one-out error,
    and the others take ``DEFAULT_ALPHA``. Contributions are exact: coefficient times distance from
    the training mean.
    """

    name: ClassVar[str] = "linear"
    settings: ClassVar[type[Any]] = LinearParams

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that has passed, or is too near for many classes, leaves the best constant."""
        chosen = settings(LinearParams, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.compression_ = Compression({})
        if chosen.components:
            n = chosen.components
            self.compression_ = Compression.of(train.table, embedding=n, lexical=n, seed=self.seed)
        seen = self.compression_.apply(train.table)
        self.standardizer_ = Standardizer.of(seen)
        self._scale = group_scale(seen, self.standardizer_, chosen.balance)
        if self.compression_.directions:
            self._scale *= spread(seen, self.standardizer_)
        n_columns, n_raw = self.standardizer_.n_columns, self.output_.n_raw
        self.fitted_ = Fitted(np.zeros((n_columns, n_raw)), np.array(self.output_.prior), 1.0)
        self.reference_ = np.zeros(n_columns)
        work = train.n_samples * n_columns * (n_columns if n_raw == 1 else n_raw)
        least = LEAST_STEPS * 4 * work / PRODUCTS if n_raw > MANY_CLASSES else 0.0
        late = deadline is not None and time.monotonic() + least >= deadline
        if self.output_.learnable and n_columns and not late:
            with threads(self.n_threads if work > WORK_WORTH_THREADS else 1):
                self._learn(train, valid, chosen.alpha, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def _learn(self, train: Examples, valid: Examples | None, alpha: float | None, deadline: float | None) -> None:
        rows = self._rows(train)
        stop = None if valid is None else self._rows(valid)
        if stop is not None and not stop.weight.sum() > 0:
            stop = None
        self.reference_ = rows.x.mean(axis=0, dtype=np.float64)
        loss = LOSSES[self.output_.kind]
        if loss == "squared" and _closed_form_fits(rows.x.shape, deadline):
            self.fitted_ = ridge(rows, RIDGE_ALPHAS if alpha is None else (alpha,), stop)
            return
        if alpha is None and stop is not None:
            alphas = ALPHAS
        else:
            goal, stop = DEFAULT_ALPHA if alpha is None else alpha, None
            alphas = (*(a for a in (1.0, 0.1, 0.01, 1e-3) if a > goal), goal)
        self.fitted_ = path(rows, loss, alphas, stop, self.fitted_, deadline=deadline)

    def _rows(self, examples: Examples) -> Rows:
        return Rows(self._matrix(examples.table), *self.output_.encode(examples.outcome))

    def _matrix(self, table: FeatureTable) -> NDArray[np.float32]:
        x = self.standardizer_.transform(self.compression_.apply(table))
        x *= self._scale
        return x

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        parts = [self.fitted_.scores(self._matrix(chunk)) for chunk in table.row_chunks(8192)]
        raw = np.concatenate(parts) if parts else np.zeros((0, self.output_.n_raw))
        return self.output_.link(raw)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. Columns of a category or a flag count for their feature."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        coefficients, n_groups = self.fitted_.coefficients, len(names)
        check_groups(np.asarray(groups), table.n_features, n_groups)
        raw = np.zeros((table.n_samples, n_groups, self.output_.n_raw))
        if self.compression_.directions:
            n_seen = self.compression_.n_features(table)
            for start in range(0, table.n_samples, 256):
                rows = np.arange(start, min(start + 256, table.n_samples))
                off = self._matrix(table.take(rows)) - self.reference_
                for k in range(self.output_.n_raw):
                    of_feature = sum_over_groups(off * coefficients[:, k], self.standardizer_.feature, n_seen)
                    raw[rows, :, k] = self.compression_.sum_over_groups(of_feature, table, np.asarray(groups), n_groups)
        else:
            owner = np.asarray(groups)[self.standardizer_.feature]
            members = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner, minlength=n_groups))[:-1])
            for start in range(0, table.n_samples, 256):
                rows = np.arange(start, min(start + 256, table.n_samples))
                off = self._matrix(table.take(rows)) - self.reference_
                for g, columns in enumerate(members):  # of all classes at once, which are many where this takes long
                    if len(columns):
                        raw[rows, g] = off[:, columns] @ coefficients[columns]
        base = self.fitted_.intercepts + self.reference_ @ coefficients
        values, base = self.output_.link_parts(raw, base)
        return Explanation(tuple(names), values, base, unit, "exact: coefficient x (value - training mean)")

    def save(self, folder: Path) -> None:
        """Write ``weights.npz`` and ``model.json``."""
        _ = self.fitted_kind
        arrays = {f"column_{name}": values for name, values in self.standardizer_.arrays().items()}
        learned: dict[str, NDArray[Any]] = {
            "coefficients": self.fitted_.coefficients,
            "intercepts": self.fitted_.intercepts,
        }
        learned |= {"reference": self.reference_, "scale": self._scale}
        save_arrays(folder / "weights.npz", {**arrays, **learned, **directions_arrays(self.compression_.directions)})
        extra = {"alpha": self.fitted_.alpha}
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        found = Description.load(folder, cls)
        arrays = load_arrays(folder / "weights.npz")
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_ = found.features, found.output
        columns = {name.removeprefix("column_"): x for name, x in arrays.items() if name.startswith("column_")}
        model.standardizer_ = Standardizer.from_arrays(columns)
        model.fitted_ = Fitted(arrays["coefficients"], arrays["intercepts"], found.extra["alpha"])
        model.reference_, model._scale = arrays["reference"], arrays["scale"]
        model.compression_ = Compression(directions_from(arrays))
        found.apply(model)
        return model

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """``alpha`` stays chosen by the path: that costs less than a trial."""
        balance = {"balance": trial.suggest_float("linear.balance", 0.0, 0.6)} if len(table.blocks) > 1 else {}
        fewer = [n for n in COMPONENTS if n < opaque_width(table)]
        axes = {"components": trial.suggest_categorical("linear.components", [0, *fewer])} if fewer else {}
        return {**balance, **axes, **suggest_output(trial, cls.name, outcome)}

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The median of the folds' penalties."""
        return {**self.params, "alpha": 10.0 ** median_of([float(np.log10(model.fitted_.alpha)) for model in fitted])}


def group_scale(table: FeatureTable, standardizer: Standardizer, balance: float) -> NDArray[np.float32]:
    """Factors (n_columns,) of standardised columns; see ``LinearParams.balance``."""
    names = [block.name if block.is_opaque else block.modality for block in table.blocks]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    group = np.array([number[name] for name in names], dtype=np.int64)[standardizer.block]
    size = np.bincount(group, minlength=1)[group]
    return np.asarray(size ** (-balance), dtype=np.float32)


def spread(table: FeatureTable, standardizer: Standardizer) -> NDArray[np.float32]:
    """Factors (n_columns,) that give the columns of an embedding, standardised, their spread back, with a mean square
    of 1: a minor axis is no larger than it was.
    """
    found = np.ones(standardizer.n_columns)
    for i, block in enumerate(table.blocks):
        own = (standardizer.block == i) & (standardizer.sort == NUMBER) & (standardizer.inverse_scale > 0)
        if block.is_opaque and own.any():
            deviation = 1.0 / standardizer.inverse_scale[own]
            found[own] = deviation / np.sqrt(np.mean(np.square(deviation)))
    return np.asarray(found, dtype=np.float32)


def _closed_form_fits(shape: tuple[int, ...], deadline: float | None) -> bool:
    small, large = min(shape), max(shape)
    operations = 4.0 * large * small**2 + 15.0 * small**3
    seconds = operations / 2e10  # of two ordinary cores, in float64
    return small <= LARGEST_CLOSED_FORM and (deadline is None or time.monotonic() + seconds < deadline)
