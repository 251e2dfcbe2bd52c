"""Many classes: a linear model and neighbours name a few likely ones, and one booster for all classes ranks them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.base import LINK_UNITS, MANY_CLASSES, Float, Model
from automl.models.candidate_classes import Looks
from automl.models.description import FILE, Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.discriminant import axes_in_time, seconds_to_fit
from automl.models.linear import WORK_WORTH_THREADS, group_scale
from automl.models.matrix import Standardizer, check_same_features
from automl.models.output import Output
from automl.models.players import Players
from automl.models.shapley import MOST_EXACT, n_orders, shapley_of_sums
from automl.models.shortlist_learning import Learning, ShortlistParams
from automl.models.shortlist_stages import Stages
from automl.models.solvers import threads

if TYPE_CHECKING:
    import optuna

Single = NDArray[np.float32]

LINEAR_SHARE = 0.6  # of the time, for the linear part at most
SECONDS_WORTH_THREADS = 0.5  # of the linear part; with less to do, threads wait for each other longer than they work


class ShortlistModel(Model):
    """Two stages, so that the work of the second does not grow with the number of classes.

    The first is a mixture of linear discriminants (``discriminant``) and of neighbours' votes (``KNNModel``). The
    likeliest ``candidates`` classes of a row are its shortlist; a booster moves their scores by what both looks say of
    the pair of row and class, in the way that makes the log loss over all classes smallest. So a class with one row
    can be predicted, and what is not in the shortlist keeps its probability. What the booster learns from is said of
    each training row without that row. Where labels are paths, it also sees how likely the candidate's branches are.

    Retrieval and re-ranking as in Covington et al., Deep neural networks for YouTube recommendations, 2016.
    """

    name: ClassVar[str] = "shortlist"
    settings: ClassVar[type[Any]] = ShortlistParams
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.MULTICLASS})

    @classmethod
    def suits(cls, outcome: Outcome) -> bool:
        """See ``Model.suits``."""
        return super().suits(outcome) and outcome.n_known > MANY_CLASSES

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline leaves the first stage, its linear part, or the best constant prediction."""
        chosen = settings(ShortlistParams, self.name, self.params)
        if chosen.candidates < 2:
            raise InputError(f"Model {self.name!r} needs candidates of at least 2, but got {chosen.candidates}.")
        if train.outcome.kind not in self.kinds:
            raise InputError(
                f"Model {self.name!r} is for classes of kind 'multiclass', not {train.outcome.kind.value!r}."
            )
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome)
        self.stages_: Stages | None = None
        self.standardizer_ = Standardizer.of(train.table)
        self._scale = group_scale(train.table, self.standardizer_, 0.25)
        n_columns = int((self.standardizer_.inverse_scale > 0).sum())
        shape = (train.n_samples, self.standardizer_.n_columns)
        seconds = np.inf if deadline is None else LINEAR_SHARE * (deadline - time.monotonic())
        n_axes = axes_in_time(shape, self.output_.n_raw, seconds)
        if self.output_.learnable and n_columns and n_axes:
            work = seconds_to_fit(shape, self.output_.n_raw, n_axes)
            n_threads = self.n_threads if work > SECONDS_WORTH_THREADS else 1
            how = Learning(chosen, self.output_, self._matrix, self._inputs, self.seed, n_threads, deadline)
            with threads(n_threads):
                self.stages_ = how.stages(train, valid, n_axes)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        return self

    # -- deciding ---------------------------------------------------------------------------------

    def _matrix(self, table: FeatureTable) -> Single:
        x = self.standardizer_.transform(table)
        x *= self._scale
        return x

    def _inputs(self, table: FeatureTable, looks: Looks) -> Iterator[tuple[Single, Single | None]]:
        """What the stages score, in pieces."""
        space = None if looks.knn is None else looks.knn.space_
        for chunk in table.row_chunks(looks.rows_at_once):
            yield self._matrix(chunk), None if space is None else space.points(chunk)

    def _threads_for(self, n_samples: int) -> int:
        work = n_samples * self.standardizer_.n_columns * self.output_.n_raw
        return self.n_threads if work > WORK_WORTH_THREADS else 1

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        if self.stages_ is None:
            return self.output_.link(self.output_.constant(table.n_samples))
        scores, start = np.empty((table.n_samples, self.output_.n_outputs)), 0
        with threads(self._threads_for(table.n_samples)):
            for piece in self._inputs(table, self.stages_.looks):
                found = self.output_.link(self.stages_.raw(*piece))
                scores[start : start + len(found)] = found
                start += len(found)
        return scores

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. An embedding whose features are in several groups is shared by their numbers."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        raw, base = np.zeros((table.n_samples, len(names), self.output_.n_raw)), np.array(self.output_.prior)
        method = "the base rate alone"
        if self.stages_ is not None and table.n_samples:
            players = Players.of(table, groups, len(names), self.standardizer_, self.stages_.space)
            start = 0
            with threads(self._threads_for(table.n_samples)):
                for x, points in self._inputs(table, self.stages_.looks):
                    found, base = self._shapley(self.stages_, x, points, players)
                    raw[start : start + len(x)] = np.einsum("npk,pg->ngk", found, players.shares)
                    start += len(x)
            how = "exact Shapley values over sources"
            if players.n > MOST_EXACT:
                how = f"Shapley values over {players.n} parts, from {n_orders(players.n)} orders"
            method = f"{how}; what is left out is at its training mean"
        values, base = self.output_.link_parts(raw, base)
        return Explanation(tuple(names), values, base, unit, method)

    def _shapley(self, stages: Stages, x: Single, points: Single | None, players: Players) -> tuple[Float, Float]:
        """Values (n_samples, n_players, n_raw), and the score (n_raw,) of a row that nothing is known of."""

        def value(there: Single) -> Float:
            seen = points if points is None else points * players.of_points(there[0])
            return stages.raw(x * players.of_columns(there[0]), seen)

        members = np.broadcast_to(np.eye(players.n, dtype=np.float32)[:, None], (players.n, len(x), players.n))
        nobody, everybody = value(np.zeros_like(members[0])), value(np.ones_like(members[0]))
        return shapley_of_sums(members, value, nobody, everybody, seed=self.seed), nobody[0]

    def save(self, folder: Path) -> None:
        """Write ``linear.npz``, what the stages have, and ``model.json``."""
        _ = self.fitted_kind
        arrays = {f"column_{name}": values for name, values in self.standardizer_.arrays().items()}
        extra: dict[str, Any] = {"stages": None}
        if self.stages_ is not None:
            stages, extra["stages"] = self.stages_.save(folder)
            arrays |= {f"stages_{name}": values for name, values in stages.items()}
        save_arrays(folder / "linear.npz", {**arrays, "scale": self._scale})
        (folder / FILE).unlink(missing_ok=True)  # that of the neighbours: one says all
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        found = Description.load(folder, cls)
        arrays = load_arrays(folder / "linear.npz")
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_, model.stages_ = found.features, found.output, None
        model.standardizer_ = Standardizer.from_arrays(_named("column_", arrays))
        model._scale = arrays["scale"]
        if found.extra["stages"] is not None:
            model.stages_ = Stages.load(folder, _named("stages_", arrays), found, model.n_threads)
        found.apply(model)
        return model

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Length of the shortlist, size of trees and shrinkage; the first stage chooses its own strengths."""
        return {
            "candidates": trial.suggest_int("shortlist.candidates", 8, 32, log=True),
            "components": trial.suggest_int("shortlist.components", 64, 384, log=True),
            "learning_rate": trial.suggest_float("shortlist.learning_rate", 0.03, 0.2, log=True),
            "num_leaves": trial.suggest_int("shortlist.num_leaves", 4, 63, log=True),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """Few rounds."""
        return {"rounds": 20}

    @property
    def rounds_(self) -> int:
        """Rounds of the booster that were kept; 0 where the first stage stands alone."""
        return 0 if self.stages_ is None else self.stages_.rounds

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The median of the folds' best rounds."""
        return {**self.params, "rounds": max(1, round(median_of([model.rounds_ for model in fitted])))}


def _named(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
