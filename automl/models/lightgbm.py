"""LightGBM on the wide table, its rounds driven one by one so that the deadline is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from automl.models.base import LINK_UNITS, MANY_CLASSES, Float, Model
from automl.models.compression import Compression, suggest_components
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.directions import directions_arrays, directions_from
from automl.models.matrix import check_same_features
from automl.models.output import Output, OutputParams, suggest_output

if TYPE_CHECKING:
    import optuna

OBJECTIVES = {
    Kind.REGRESSION: "regression",
    Kind.BINARY: "binary",
    Kind.CONVERSION: "cross_entropy",
    Kind.MULTICLASS: "multiclass",
    Kind.MULTILABEL: "none",  # see ``Labels``
}
METRICS = {**OBJECTIVES, Kind.REGRESSION: "l2", Kind.BINARY: "binary_logloss", Kind.MULTICLASS: "multi_logloss"}
CHUNK_BYTES = 64 << 20  # of contributions in memory at a time
# Below this many values a round, threads wait for each other longer than they work: on two cores that others
# use as well, a round of 4,800 rows took 0.4 s with two threads and 0.05 s with one.
VALUES_WORTH_THREADS = 2e7
LEAST_ROUNDS = 20  # of many classes: fewer are worse than the time that they take
ROWS_WORTH_THREADS = 64  # to predict
WIDE = 300  # features; with many classes on more than that, the search stays with trees that see a tenth


@dataclass(frozen=True)
class LightGBMParams(OutputParams):
    """Parameters of LightGBM by their own names.

    ``feature_fraction`` None shows a tree of a wide table a tenth of the features, or a twenty-fifth where
    a round has a tree for each of many classes, but 40 at least. ``patience``: rounds without a gain. The last two
    are of ``automl.models.compression``: how many main axes stand for an embedding and for word counts.
    """

    rounds: int = 1000
    learning_rate: float = 0.1
    num_leaves: int = 12
    min_data_in_leaf: int = 5
    lambda_l2: float = 3.0
    feature_fraction: float | None = None
    max_bin: int = 63
    patience: int = 30
    embedding_components: int = 16
    lexical_components: int = 32


class LightGBMModel(Model):
    """Gradient boosting by LightGBM; contributions are TreeSHAP (Lundberg et al., 2020).

    Categories and NaN are native; an unknown category (-1) is NaN. Without ``valid`` it trains
    ``rounds`` rounds or until the deadline. The same seed gives the same numbers for any ``n_threads``
    up to rounding, and exactly for one thread. ``rounds_`` is the number of rounds kept.
    """

    name: ClassVar[str] = "lightgbm"
    settings: ClassVar[type[Any]] = LightGBMParams
    libraries: ClassVar[tuple[str, ...]] = ("lightgbm",)
    fits_side_by_side: ClassVar[bool] = True
    tables_in_memory: ClassVar[float] = 0.5  # of embeddings it holds a few axes
    starts_by_rows: ClassVar[bool] = False  # ``starts`` are predictions already, that no tree may better

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that leaves no time for one round leaves the best constant prediction."""
        chosen = settings(LightGBMParams, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.booster_: Any = None
        self.rounds_ = 0
        self.compression_ = self.compress(train.table, chosen)
        seen = self.compression_.examples(train)
        if self.output_.learnable and seen.table.n_features and not _too_late(seen, self.output_.n_raw, deadline):
            self._boost(chosen, train, valid, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def _boost(self, chosen: LightGBMParams, train: Examples, valid: Examples | None, deadline: float | None) -> None:
        import lightgbm

        from automl.models.lightgbm_rows import Labels, binned

        seen, start = self.compression_.apply(train.table), self.starts(train.table)
        options, of_labels = self._options(chosen, seen, self.output_), self.output_.kind is Kind.MULTILABEL
        y, weight = self.output_.encode(train.outcome)
        labels = Labels(y, weight, start) if of_labels and start is not None else None
        dataset = binned(seen, y, weight, options, start=None if of_labels else start)
        booster = lightgbm.Booster(params=options, train_set=dataset)
        loss = None
        watch = Watch(chosen.patience)
        if valid is not None:
            y, weight = self.output_.encode(valid.outcome)
            if weight.sum() > 0:
                seen, start = self.compression_.apply(valid.table), self.starts(valid.table)
                held = binned(seen, y, weight, options, dataset, start=None if of_labels else start)
                booster.add_valid(held, "valid")
                watch.watching = True
                loss = Labels(y, weight, start).loss if of_labels and start is not None else None
                if self.starts_by_rows:
                    watch.see(0, booster.eval_valid(loss)[0][2])
        for number in range(1, chosen.rounds + 1):
            started = time.monotonic()
            finished = booster.update(fobj=None if labels is None else labels.slopes)
            if watch.watching:
                watch.see(number, booster.eval_valid(loss)[0][2])
            now = time.monotonic()
            if finished or watch.over or (deadline is not None and 2 * now - started > deadline):
                break  # not one round more than fits
        self.rounds_ = watch.best_round if watch.watching else booster.current_iteration()
        if self.rounds_ or not self.starts_by_rows:
            text = booster.model_to_string(num_iteration=max(self.rounds_, 1))
            self.booster_ = lightgbm.Booster(model_str=text)

    def compress(self, table: FeatureTable, chosen: LightGBMParams) -> Compression:
        """What the trees see of a table, learned from training rows."""
        return Compression.of(
            table, embedding=chosen.embedding_components, lexical=chosen.lexical_components, seed=self.seed
        )

    def starts(self, table: FeatureTable) -> Float | None:
        """Raw scores (n_samples or 1, n_raw) that the trees are added to; None for what LightGBM finds itself.

        Of many labels they are the base rates, which it finds for its own objectives alone.
        """
        return np.array(self.output_.prior)[None] if self.output_.kind is Kind.MULTILABEL else None

    def start_parts(
        self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> tuple[NDArray[np.float64], Float]:
        """Contributions (n_samples, n_groups, n_raw) and base (n_raw,) of ``starts``."""
        start = self.starts(table)
        base = np.zeros(self.output_.n_raw) if start is None else start[0]
        return np.zeros((table.n_samples, len(names), self.output_.n_raw)), base

    def _options(self, chosen: LightGBMParams, table: FeatureTable, output: Output) -> dict[str, Any]:
        own = asdict(chosen)
        del own["rounds"], own["patience"]
        if chosen.feature_fraction is None:
            own["feature_fraction"] = min(1.0, max(0.04 if output.n_raw > 2 else 0.1, 40 / max(table.n_features, 1)))
        values = table.n_samples * table.n_features * own["feature_fraction"]
        own |= {
            "objective": OBJECTIVES[output.kind],
            "metric": METRICS[output.kind],
            "num_threads": self.n_threads if values > VALUES_WORTH_THREADS else 1,
            "min_data_in_leaf": max(1, min(chosen.min_data_in_leaf, table.n_samples // 4)),
            "min_data_in_bin": 1 if table.n_samples < 100 else 3,
            "min_data_per_group": max(1, min(100, table.n_samples // 20)),
            "min_sum_hessian_in_leaf": 1e-3,
            "feature_pre_filter": False,
            "force_col_wise": True,
            "deterministic": True,
            "seed": self.seed,
            "verbosity": -1,
        }
        if output.kind in (Kind.MULTICLASS, Kind.MULTILABEL):
            own["num_class"] = output.n_raw
        return own

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        start = self.starts(table)
        if self.booster_ is None:
            constant = self.output_.constant(table.n_samples)
            return self.output_.link(start if self.starts_by_rows and start is not None else constant)
        from automl.models.lightgbm_rows import matrix

        n_threads = self.n_threads if table.n_samples >= ROWS_WORTH_THREADS else 1
        parts = [
            np.asarray(
                self.booster_.predict(matrix(self.compression_.apply(chunk)), raw_score=True, num_threads=n_threads),
                dtype=np.float64,
            )
            for chunk in table.row_chunks(16384)
        ]
        raw = np.concatenate(parts) if parts else np.zeros(0)
        raw = raw.reshape(table.n_samples, self.output_.n_raw)
        return self.output_.link(raw if start is None else start + raw)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``; computed in pieces, so that memory holds groups and not features."""
        from automl.models.lightgbm_rows import matrix

        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        n_raw, n_features = self.output_.n_raw, self.compression_.n_features(table)
        raw, begun = self.start_parts(table, groups, names)
        base = begun if self.starts_by_rows or self.booster_ is not None else np.array(self.output_.prior)
        size = max(1, CHUNK_BYTES // (8 * max(n_raw, 1) * (n_features + 1)))
        for start in range(0, table.n_samples if self.booster_ is not None else 0, size):
            rows = np.arange(start, min(start + size, table.n_samples))
            read = matrix(self.compression_.apply(table.take(rows)))
            found = np.asarray(
                self.booster_.predict(read, pred_contrib=True, num_threads=self.n_threads), dtype=np.float64
            ).reshape(len(rows), n_raw, n_features + 1)
            summed = self.compression_.sum_over_groups(found[..., :-1], table, np.asarray(groups), len(names))
            raw[rows] += summed.transpose(0, 2, 1)
            base = begun + found[0, :, -1]
        values, base = self.output_.link_parts(raw, base)
        return Explanation(tuple(names), values, base, unit, "exact: path-dependent TreeSHAP")

    def save(self, folder: Path) -> None:
        """Write ``booster.txt`` in LightGBM's text format (not for a constant prediction) and ``model.json``."""
        _ = self.fitted_kind
        if self.booster_ is not None:
            (folder / "booster.txt").write_text(self.booster_.model_to_string(), encoding="utf-8")
        save_arrays(folder / "axes.npz", directions_arrays(self.compression_.directions))
        extra = {"rounds": self.rounds_, "boosted": self.booster_ is not None}
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        import lightgbm

        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_, model.rounds_ = found.features, found.output, found.extra["rounds"]
        model.compression_ = Compression(directions_from(load_arrays(folder / "axes.npz")))
        model.booster_ = None
        if found.extra["boosted"]:
            try:
                text = (folder / "booster.txt").read_text(encoding="utf-8")
                model.booster_ = lightgbm.Booster(model_str=text)
            except (OSError, ValueError, lightgbm.basic.LightGBMError) as error:
                raise ArtifactError(f"The model in {str(folder)!r} cannot be read: {error}. Run fit again.") from error
        found.apply(model)
        return model

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Size of trees, shrinkage and the share of features a tree sees."""
        lowest = min(1.0, max(0.01, 20 / max(table.n_features, 1)))
        highest = 0.1 if outcome.n_outputs > 2 and table.n_features > WIDE else 1.0
        return {
            "learning_rate": trial.suggest_float("lightgbm.learning_rate", 0.02, 0.3, log=True),
            "num_leaves": trial.suggest_int("lightgbm.num_leaves", 4, 63, log=True),
            "min_data_in_leaf": trial.suggest_int("lightgbm.min_data_in_leaf", 2, 50, log=True),
            "lambda_l2": trial.suggest_float("lightgbm.lambda_l2", 0.3, 30.0, log=True),
            "feature_fraction": trial.suggest_float(
                "lightgbm.feature_fraction", min(lowest, highest), highest, log=True
            ),
            **suggest_components(trial, cls.name, table),
            **suggest_output(trial, cls.name, outcome),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """Few rounds."""
        return {"rounds": 40}

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The median of the folds' best rounds."""
        least = 0 if self.starts_by_rows else 1
        return {**self.params, "rounds": max(least, round(median_of([model.rounds_ for model in fitted])))}


class Watch:
    """The best round on held-out rows."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.watching = self.over = False
        self.best_round, self.lowest = 0, np.inf

    def see(self, number: int, score: float) -> None:
        """Take down the score after a round; lower is better."""
        if score < self.lowest:
            self.best_round, self.lowest = number, score
        self.over = number - self.best_round >= self.patience


def _too_late(train: Examples, n_raw: int, deadline: float | None) -> bool:
    """Whether binning and the first rounds would not end in time, by a rough count of the work on one core."""
    values = train.table.n_samples * train.table.n_features
    seconds = 1e-8 * values * 15 + 2e-9 * values * 0.1 * n_raw * (LEAST_ROUNDS if n_raw > MANY_CLASSES else 1)
    return deadline is not None and time.monotonic() + seconds > deadline
