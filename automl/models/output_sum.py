"""A weighted sum of the outputs of other models, with weights of at least 0.

Breiman, Stacked regressions, 1996: held at or above 0, the weights of models that say nearly the same stay small, where
those of a free regression grow large with both signs. With one weight a model and one constant an output, a sum
of many classes is learned from a few thousand rows, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.description import Description, feature_names, load_arrays, save_arrays, settings
from automl.models.matrix import check_same_features
from automl.models.output import Output, OutputParams

if TYPE_CHECKING:
    import optuna

STEPS = 60
MOST_VALUES = 60_000  # of a model's scores, that the few weights are learned from, by chance but always the same rows
FEWEST_ROWS = 1_000
PENALTY = 1e-3  # on the squares of constants


@dataclass(frozen=True)
class OutputSumParams(OutputParams):
    """None but those that every model has."""


class OutputSum(Model):
    """Each block of the table holds the link scores (n_samples, n_link) of one model.

    Fitted by the likelihood of its kind, by L-BFGS-B. Contributions are exact: weight times distance
    from the training mean.
    """

    name: ClassVar[str] = "output sum"
    settings: ClassVar[type[Any]] = OutputSumParams
    fits_side_by_side: ClassVar[bool] = True

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``; ``valid`` is not looked at. A deadline that has passed leaves the mean of the outputs."""
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, settings(OutputSumParams, self.name, self.params))
        outputs = raw_outputs(train.table, self.output_)
        n_models, _, n_raw = outputs.shape
        self.weights_, self.constants_ = np.full(n_models, 1.0 / n_models), np.zeros(n_raw)
        self.means_ = outputs.mean(axis=1)
        if self.output_.learnable:
            rows = self._rows(train.n_samples, n_raw)
            self._learn(outputs[:, rows], *self.output_.encode(train.outcome.take(rows)), deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        return self

    def _rows(self, n_samples: int, n_raw: int) -> NDArray[np.int64]:
        most = max(MOST_VALUES // n_raw, FEWEST_ROWS)
        if n_samples <= most:
            return np.arange(n_samples)
        return np.sort(np.random.default_rng(self.seed).choice(n_samples, most, replace=False))

    def _learn(self, outputs: Float, y: Float, weight: Float, deadline: float | None) -> None:
        from scipy.optimize import minimize

        n_models, _, n_raw = outputs.shape
        share, loss = (weight / weight.sum())[:, None], _loss(self.output_.kind, y)

        def cost(point: Float) -> tuple[float, Float]:
            weights, constants = point[:n_models], point[n_models:]
            value, slope = loss(np.tensordot(weights, outputs, axes=1) + constants)
            slope = share * slope
            slopes = [np.tensordot(outputs, slope, axes=2), slope.sum(axis=0) + 2 * PENALTY * constants]
            return float((share * value).sum() + PENALTY * constants @ constants), np.concatenate(slopes)

        def stop(*_: Any) -> None:
            if deadline is not None and time.monotonic() > deadline:
                raise StopIteration

        if deadline is None or time.monotonic() < deadline:
            start = np.concatenate([self.weights_, self.constants_])
            bounds = [(0.0, None)] * n_models + [(None, None)] * n_raw
            options = {"maxiter": STEPS}
            found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, callback=stop, options=options).x
            self.weights_, self.constants_ = found[:n_models], found[n_models:]

    def raw(self, table: FeatureTable) -> Float:
        """Raw scores (n_samples, n_raw), see ``Output``."""
        return np.tensordot(self.weights_, raw_outputs(table, self.output_), axes=1) + self.constants_

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        return self.output_.link(self.raw(table))

    def raw_parts(
        self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> tuple[NDArray[np.float64], Float]:
        """Raw contributions (n_samples, n_groups, n_raw) and base (n_raw,)."""
        raw, outputs = np.zeros((table.n_samples, len(names), self.output_.n_raw)), raw_outputs(table, self.output_)
        place = 0
        for block, values, weight, mean in zip(table.blocks, outputs, self.weights_, self.means_, strict=True):
            of_block = np.asarray(groups)[place : place + len(block.features)]
            place += len(block.features)
            for k, column in enumerate(_columns(self.output_)):
                raw[:, of_block[column], k] += weight * (values[:, k] - mean[k])
        return raw, self.constants_ + self.weights_ @ self.means_

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        values, base = self.output_.link_parts(*self.raw_parts(table, groups, names))
        return Explanation(tuple(names), values, base, unit, "exact: weight x (output - training mean)")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned; ``take`` takes it over."""
        return {"weights": self.weights_, "constants": self.constants_, "means": self.means_}

    def take(self, found: Description, arrays: dict[str, NDArray[Any]]) -> Self:
        """What was saved."""
        self.features_, self.output_ = found.features, found.output
        self.weights_, self.constants_, self.means_ = arrays["weights"], arrays["constants"], arrays["means"]
        found.apply(self)
        return self

    def save(self, folder: Path) -> None:
        """Write ``sum.npz`` and ``model.json``."""
        _ = self.fitted_kind
        save_arrays(folder / "sum.npz", self.arrays())
        Description(self.name, self.params, self.seed, self.features_, self.output_, {}).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        found = Description.load(folder, cls)
        return cls(found.params, seed=found.seed).take(found, load_arrays(folder / "sum.npz"))

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Nothing to search."""
        return {}


def raw_outputs(table: FeatureTable, output: Output) -> Float:
    """Raw scores (n_models, n_samples, n_raw) of the models whose link scores the blocks hold."""
    columns = list(_columns(output))
    scores = np.stack([np.asarray(block.values, dtype=np.float64)[:, columns] for block in table.blocks])
    scores = np.where(np.isfinite(scores), scores, 0.0)
    if output.kind is Kind.REGRESSION:
        scores = (scores - output.centre) / output.scale
    return np.asarray(scores)


def _columns(output: Output) -> Sequence[int]:
    return output.present if output.kind in (Kind.MULTICLASS, Kind.MULTILABEL) else (0,)


def _loss(kind: Kind, y: Float) -> Callable[[Float], tuple[Float, Float]]:
    """Losses, up to what does not hang on scores, and their slopes; both (n_samples, 1 or n_raw)."""
    if kind is Kind.MULTICLASS:
        rows, codes = np.arange(len(y)), y.astype(np.int64)

        def classes(raw: Float) -> tuple[Float, Float]:
            p = softmax(raw, axis=1)
            value = -np.log(np.maximum(p[rows, codes], 1e-300))[:, None]
            p[rows, codes] -= 1.0
            return value, p

        return classes
    target = y if y.ndim == 2 else y[:, None]
    if kind is Kind.REGRESSION:
        return lambda raw: (0.5 * np.square(raw - target), raw - target)
    return lambda raw: (np.logaddexp(0.0, raw) - target * raw, expit(raw) - target)
