"""CatBoost on the wide table, sized so that a round fits into the time that there is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import ArtifactError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.catboost_size import CatBoostParams, Work
from automl.models.compression import Compression, suggest_components
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.directions import directions_arrays, directions_from
from automl.models.matrix import check_same_features
from automl.models.output import Output, suggest_output
from automl.models.solvers import Rows, mean_loss

if TYPE_CHECKING:
    import optuna

LOSSES = {
    Kind.REGRESSION: "RMSE",
    Kind.BINARY: "Logloss",
    Kind.CONVERSION: "CrossEntropy",
    Kind.MULTICLASS: "MultiClass",
    Kind.MULTILABEL: "MultiLogloss",
}
CHUNK_BYTES = 128 << 20  # of contributions in memory at a time; each piece costs a pass over the trees
ROWS_WORTH_THREADS = 64  # to predict
ONE_HOT_LEVELS = 255  # more levels than that become statistics of the target


class CatBoostModel(Model):
    """Gradient boosting on symmetric trees by CatBoost; contributions are TreeSHAP (Lundberg et al., 2020).

    Categories and NaN are native; the unknown category (-1) is a category of its own. Without
    ``valid`` it trains ``rounds`` rounds or until the deadline. The same seed gives the same numbers for
    the same ``n_threads``. ``rounds_`` is the number of rounds kept.
    """

    name: ClassVar[str] = "catboost"
    settings: ClassVar[type[Any]] = CatBoostParams
    libraries: ClassVar[tuple[str, ...]] = ("catboost",)
    tables_in_memory: ClassVar[float] = 0.5  # of embeddings it holds a few axes

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that leaves no time for one round leaves the best constant prediction."""
        chosen = settings(CatBoostParams, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.trees_: Any = None
        self.rounds_ = 0
        self.compression_ = Compression.of(
            train.table, embedding=chosen.embedding_components, lexical=chosen.lexical_components, seed=self.seed
        )
        seen = self.compression_.examples(train)
        held = None if valid is None else self.compression_.examples(valid)
        work = Work.of(seen.table, self.output_.n_raw)
        late = deadline is not None and time.monotonic() + work.seconds_before(chosen) > deadline
        if self.output_.learnable and seen.table.n_features and not late and _has_variation(seen.table):
            self._boost(chosen, work, seen, held, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def _boost(
        self,
        chosen: CatBoostParams,
        work: Work,
        train: Examples,
        valid: Examples | None,
        deadline: float | None,
    ) -> None:
        import catboost

        options = self._options(chosen, work, deadline)
        pool = self._weighted_pool(train)
        held = None if valid is None else self._weighted_pool(valid)
        trees = catboost.CatBoost(options)
        stop = [] if deadline is None else [_StopInTime(deadline)]
        trees.fit(
            pool,
            eval_set=held,
            use_best_model=held is not None,
            early_stopping_rounds=chosen.patience if held is not None else None,
            callbacks=stop,
        )
        self.trees_, self.rounds_ = trees, int(trees.tree_count_)
        if self.output_.kind is Kind.MULTILABEL and not self._better_than_constant(train if valid is None else valid):
            self.trees_, self.rounds_ = None, 0

    def _better_than_constant(self, examples: Examples) -> bool:
        """Trees of many labels start at even odds and not at the base rates: a few rounds may be worth nothing."""
        y, weight = self.output_.encode(examples.outcome)
        raw = self._raw(examples.table), self.output_.constant(examples.n_samples)
        found, constant = (
            mean_loss("logistic", scores, Rows(np.empty((0, 0), np.float32), y, weight)) for scores in raw
        )
        return found < constant

    def _weighted_pool(self, examples: Examples) -> Any:
        """The rows that have a weight, or None if none has."""
        y, weight = self.output_.encode(examples.outcome)
        rows = np.flatnonzero(weight > 0)
        table = examples.table if len(rows) == len(weight) else examples.table.take(rows)
        return _pool(table, self._labels(y[rows]), weight[rows]) if len(rows) else None

    def _labels(self, y: Float) -> NDArray[Any]:
        # CatBoost tells classes by their type: whole numbers for them, and nothing else.
        return y if self.output_.kind in (Kind.REGRESSION, Kind.CONVERSION) else y.astype(np.int64)

    def _options(self, chosen: CatBoostParams, work: Work, deadline: float | None) -> dict[str, Any]:
        sized = work.sized(chosen, None if deadline is None else deadline - time.monotonic())
        is_single = self.output_.kind is Kind.MULTILABEL and self.output_.n_raw == 1  # which MultiLogloss refuses
        options = {
            "loss_function": "Logloss" if is_single else LOSSES[self.output_.kind],
            "iterations": chosen.rounds,
            "depth": sized.depth,
            "l2_leaf_reg": chosen.l2_leaf_reg,
            "rsm": sized.rsm,
            "border_count": sized.border_count,
            "learning_rate": sized.learning_rate,
            "one_hot_max_size": ONE_HOT_LEVELS,
            "boosting_type": "Plain",
            "bootstrap_type": "Bernoulli" if work.n_samples >= 1000 else "No",
            # From the base rate, so that few rounds are not worse than a constant.
            "boost_from_average": True if self.output_.n_raw == 1 else None,
            "leaf_estimation_iterations": 1 if self.output_.n_raw > 2 else None,
            "thread_count": self.n_threads,
            "random_seed": self.seed,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        return {name: value for name, value in options.items() if value is not None}

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        parts = [self._raw(self.compression_.apply(chunk)) for chunk in table.row_chunks(16384)]
        return self.output_.link(np.concatenate(parts) if parts else self.output_.constant(0))

    def _raw(self, table: FeatureTable) -> Float:
        """Raw scores of a table that is compressed already."""
        if self.trees_ is None:
            return self.output_.constant(table.n_samples)
        n_threads = self.n_threads if table.n_samples >= ROWS_WORTH_THREADS else 1
        raw = self.trees_.predict(_pool(table), prediction_type="RawFormulaVal", thread_count=n_threads)
        return np.asarray(raw, dtype=np.float64).reshape(table.n_samples, self.output_.n_raw)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``; computed in pieces, so that memory holds groups and not features."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        n_raw, n_features = self.output_.n_raw, self.compression_.n_features(table)
        raw = np.zeros((table.n_samples, len(names), n_raw))
        base = np.array(self.output_.prior)
        order = _catboost_order(self.compression_.apply(table.take(np.arange(0))))
        size = max(1, CHUNK_BYTES // (8 * max(n_raw, 1) * (n_features + 1)))
        for start in range(0, table.n_samples if self.trees_ is not None else 0, size):
            rows = np.arange(start, min(start + size, table.n_samples))
            pool = _pool(self.compression_.apply(table.take(rows)))
            found = np.asarray(
                self.trees_.get_feature_importance(pool, type="ShapValues", thread_count=self.n_threads),
                dtype=np.float64,
            ).reshape(len(rows), n_raw, n_features + 1)
            ordered = np.empty_like(found[..., :-1])
            ordered[..., order] = found[..., :-1]
            summed = self.compression_.sum_over_groups(ordered, table, np.asarray(groups), len(names))
            raw[rows] = summed.transpose(0, 2, 1)
            base = found[0, :, -1]
        values, base = self.output_.link_parts(raw, base)
        return Explanation(tuple(names), values, base, unit, "exact: path-dependent TreeSHAP")

    def save(self, folder: Path) -> None:
        """Write ``trees.cbm`` in CatBoost's format (not for a constant prediction) and ``model.json``."""
        _ = self.fitted_kind
        if self.trees_ is not None:
            self.trees_.save_model(str(folder / "trees.cbm"))
        save_arrays(folder / "axes.npz", directions_arrays(self.compression_.directions))
        extra = {"rounds": self.rounds_, "boosted": self.trees_ is not None}
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        import catboost

        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_, model.rounds_ = found.features, found.output, found.extra["rounds"]
        model.compression_ = Compression(directions_from(load_arrays(folder / "axes.npz")))
        model.trees_ = None
        if found.extra["boosted"]:
            try:
                model.trees_ = catboost.CatBoost().load_model(str(folder / "trees.cbm"))
            except catboost.CatBoostError as error:
                raise ArtifactError(f"The model in {str(folder)!r} cannot be read: {error}. Run fit again.") from error
        found.apply(model)
        return model

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Size of trees, shrinkage and the share of features a split sees."""
        deepest = 6 if outcome.n_outputs > 2 else 8
        usual = Work.of(table, outcome.n_outputs).rsm
        return {
            "learning_rate": trial.suggest_float("catboost.learning_rate", 0.03, 0.4, log=True),
            "depth": trial.suggest_int("catboost.depth", 2, deepest),
            "l2_leaf_reg": trial.suggest_float("catboost.l2_leaf_reg", 0.5, 30.0, log=True),
            "rsm": trial.suggest_float("catboost.rsm", usual / 2, min(1.0, usual * 4), log=True),
            **suggest_components(trial, cls.name, table),
            **suggest_output(trial, cls.name, outcome),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """Few rounds of small trees."""
        return {"rounds": 60, "depth": 3, "learning_rate": 0.2}

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The median of the folds' best rounds."""
        return {**self.params, "rounds": max(1, round(median_of([model.rounds_ for model in fitted])))}


class _StopInTime:
    """Ends training when another round, as long as the longest so far, would not fit."""

    def __init__(self, deadline: float) -> None:
        self.deadline, self.last, self.longest = deadline, time.monotonic(), 0.0
        self.first = True

    def after_iteration(self, _info: Any) -> bool:
        now = time.monotonic()
        if not self.first:  # the first round has the preparation of the table in it
            self.longest = max(self.longest, now - self.last)
        self.first, self.last = False, now
        return now + self.longest < self.deadline


def _has_variation(table: FeatureTable) -> bool:
    """Whether any column has two values; CatBoost refuses a table that has none."""
    return any(
        np.any((values != values[:1]) & ~(np.isnan(values) & np.isnan(values[:1])))
        for values in (block.values for block in table.blocks)
    )


def _catboost_order(table: FeatureTable) -> NDArray[np.int64]:
    """Positions of features in the order of a pool: numbers first, then categories."""
    categories = np.array(table.category_positions, dtype=np.int64)
    return np.concatenate([np.setdiff1d(np.arange(table.n_features), categories), categories])


def _pool(table: FeatureTable, label: NDArray[Any] | None = None, weight: Float | None = None) -> Any:
    import catboost

    numbers = [block for block in table.blocks if not block.is_category]
    codes = [block for block in table.blocks if block.is_category]
    matrix = FeatureTable(tuple(numbers), table.index).to_numpy(order="F")  # the layout that a pool does not copy
    for start in range(0, matrix.shape[1], 64):
        part = matrix[:, start : start + 64]
        part[np.isinf(part)] = np.nan
    data = catboost.FeaturesData(
        num_feature_data=matrix if matrix.shape[1] else None,
        cat_feature_data=_code_names(codes, table.n_samples) if codes else None,
    )
    n_threads = -1 if table.n_samples >= ROWS_WORTH_THREADS else 1
    return catboost.Pool(data, label=label, weight=weight, thread_count=n_threads)


def _code_names(blocks: Sequence[Any], n_samples: int) -> NDArray[Any]:
    result = np.empty((n_samples, len(blocks)), dtype=object)
    for i, block in enumerate(blocks):
        codes = np.nan_to_num(block.values[:, 0], nan=-1.0).astype(np.int64)
        names = np.array([str(code).encode() for code in range(-1, len(block.categories))], dtype=object)
        result[:, i] = names[codes + 1]
    return result
