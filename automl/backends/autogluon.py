"""AutoGluon on the wide table. Its models are pickles: they are loaded from trusted folders alone."""

from __future__ import annotations

import time
import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import optional_import
from artifacts.feature_table import FeatureTable
from artifacts.schema import Kind
from automl.backends.base import Backend, FittedBackend, Problem
from automl.backends.foreign import Ends, FittedForeign, ForeignRun, solve
from automl.backends.foreign_process import Job
from automl.backends.foreign_table import FrameMaker, TrainingRows

Float = NDArray[np.float64]

NAME = "autogluon"
PREFIX = "autogluon/"
TARGET, WEIGHT, FOLD = "target", "weight", "fold"
SECONDS_FOR_BAGGING = 240.0  # at least; and each model has to be fitted on every fold
SECONDS_FOR_NETS = 120.0  # to import torch takes longer than a model is allowed with less
SECONDS_FOR_CLEANING = 15.0  # it writes models anew, which an end in the middle would spoil
SHOWN_MODELS = 5
PROBLEM_TYPES = {
    Kind.REGRESSION: "regression",
    Kind.BINARY: "binary",
    Kind.MULTICLASS: "multiclass",
    Kind.CONVERSION: "binary",
}
# AutoGluon's names of our metrics; what it lacks is answered by the likelihood of the kind.
NUMBER_METRICS = {
    "r2": "r2",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "spearman": "spearmanr",
}
CLASS_METRICS = frozenset({"accuracy", "balanced_accuracy", "f1_macro", "f1_micro", "f1_weighted", "roc_auc"})
SECONDS_PER_CELL = 2e-8  # of one tree of LightGBM on two threads, measured on 3,000 x 1,684


class FittedAutoGluon(FittedForeign):
    """AutoGluon's predictor, read from its folder at first use."""

    def __init__(self, run: ForeignRun) -> None:
        super().__init__(run)
        self._predictor: Any = None

    def decide(self, table: FeatureTable, key: str = FittedBackend.FINAL) -> Float:
        """See ``FittedBackend.decide``."""
        model = self.run.key_of(key, self.FINAL).removeprefix(PREFIX)
        frame = self.run.maker.frame(table)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.run.link_scores(_raw_answers(self._loaded(), frame, model, self.run.answers.n_columns))

    def _loaded(self) -> Any:
        if self._predictor is None:
            tabular = _library()
            self._predictor = tabular.TabularPredictor.load(str(self.run.folder / "model"), verbosity=0)
        return self._predictor


class AutoGluonBackend(Backend):
    """``TabularPredictor`` with ``best_quality`` where time allows bagging, else ``medium_quality``.

    The folds are ours. The table is as it is where the time allows, else its embeddings are reduced
    to 64 dimensions each: ``best_quality`` on 4,800 rows x 1,668 columns x 28 classes had fitted one
    model after 300 s (weighted F1 .843), ``medium_quality`` on the reduced table has .966 after 60.
    """

    name: ClassVar[str] = NAME
    fitted: ClassVar[type[FittedBackend]] = FittedAutoGluon
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind) - {Kind.MULTILABEL}
    least_seconds: ClassVar[float] = 40.0

    def fit(self, problem: Problem) -> FittedBackend:
        """See ``Backend.fit``."""
        _library()
        left = problem.budget.left
        examples = problem.examples
        cells = examples.n_samples * examples.table.n_features * examples.outcome.n_outputs
        maker = FrameMaker(n_dims=None if _trees_fit(cells, 100, left) else 64)
        return FittedAutoGluon(solve(problem, __name__, maker, Ends(rescue_seconds=min(max(0.12 * left, 7.0), 12.0))))


def weighted_log_loss(truth: Any, predicted: Any, sample_weight: Any = None) -> float:
    """Log loss with weights, which AutoGluon's own leaves out: it would select by the wrong rates."""
    codes = np.asarray(truth).astype(np.int64)
    values = np.asarray(predicted, dtype=np.float64)
    if values.ndim == 1:
        values = np.column_stack([1.0 - values, values])
    chosen = np.clip(values[np.arange(len(codes)), codes], 1e-15, 1.0)
    return float(np.average(-np.log(chosen), weights=sample_weight))


def work(job: Job) -> None:
    """In the child: fit and report."""
    tabular = _library()
    rows = job.rows()
    train, tuning = _frames(job, rows)
    # Fitting goes over its limit by a few seconds, and results have to be written.
    limit = max(0.95 * job.seconds_left - 3.0, 1.0)
    bagged = tuning is None
    predictor = tabular.TabularPredictor(
        label=TARGET,
        problem_type=PROBLEM_TYPES[job.answers.kind],
        eval_metric=_eval_metric(job),
        path=str(job.model_folder),
        sample_weight=WEIGHT if rows.weight is not None else None,
        weight_evaluation=rows.weight is not None,
        groups=FOLD if bagged else None,
        verbosity=2,
    )
    settings: dict[str, Any] = {"presets": "best_quality" if bagged else "medium_quality"}
    if bagged:
        settings["num_bag_folds"] = len(np.unique(rows.fold))
        settings["num_bag_sets"] = 1
        settings["dynamic_stacking"] = False
        settings["ag_args_ensemble"] = {"fold_fitting_strategy": "sequential_local"}  # the other one is ray
    elif limit < SECONDS_FOR_NETS:
        settings["excluded_model_types"] = ["NN_TORCH"]
    predictor.fit(
        train,
        tuning_data=tuning,
        time_limit=limit,
        num_cpus=job.n_threads,
        num_gpus=0,
        **{**settings, **job.settings.get(NAME, {})},
    )
    _report(job, predictor, rows, tuning)


def rescue(job: Job) -> None:
    """In a second child: blend and report the models that an ended ``work`` had finished."""
    tabular = _library()
    rows = job.rows()
    predictor = tabular.TabularPredictor.load(str(job.model_folder), verbosity=2)
    seconds = 0.5 * (job.ends_at - time.monotonic()) - 1.0
    if seconds > 0 and len(predictor.model_names()) > 1:  # of which no ensemble was made, or one of fewer models
        predictor.fit_weighted_ensemble(
            name_suffix="OfFinished", time_limit=seconds, num_cpus=job.n_threads, num_gpus=0
        )
    _report(job, predictor, rows, _frames(job, rows)[1])


def _frames(job: Job, rows: TrainingRows) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Training rows, and the fold that validates unless all folds do."""
    whole = job.frame().take(rows.source).reset_index(drop=True)
    extra = {TARGET: rows.target}
    if rows.weight is not None:
        extra[WEIGHT] = rows.weight
    whole = pd.concat([whole, pd.DataFrame(extra)], axis=1)
    outputs = job.answers.n_columns if job.answers.kind is Kind.MULTICLASS else 1
    time_for_all = _trees_fit(whole.size * outputs, 300 * job.n_folds, job.seconds)
    if rows.is_partition and job.seconds >= SECONDS_FOR_BAGGING and time_for_all:
        whole[FOLD] = rows.fold
        return whole, None
    validating = rows.fold == rows.fold.max()  # the last fold: where folds follow time, it comes after the others
    if not validating.any() or validating.all():
        return whole, whole
    return whole[~validating], whole[validating]


def _trees_fit(cells: int, trees: int, seconds: float) -> bool:
    """Whether LightGBM, one model of many, would take no more than a quarter of the time."""
    return SECONDS_PER_CELL * cells * trees < seconds / 4


def _eval_metric(job: Job) -> Any:
    kind = job.answers.kind
    if kind is Kind.REGRESSION:
        return NUMBER_METRICS.get(job.metric, "root_mean_squared_error")
    if kind is not Kind.CONVERSION and job.metric in CLASS_METRICS:
        return "roc_auc_ovr" if job.metric == "roc_auc" and kind is Kind.MULTICLASS else job.metric
    scorers = optional_import("autogluon.core.metrics", extra="autogluon", purpose="The back end 'autogluon'")
    # Under the name of its own log loss, so that boosters early-stop on their built-in one.
    return scorers.make_scorer("log_loss", weighted_log_loss, optimum=0, greater_is_better=False, needs_proba=True)


def _report(job: Job, predictor: Any, rows: TrainingRows, tuning: pd.DataFrame | None) -> None:
    board = predictor.leaderboard(display=False)
    final = str(predictor.model_best)
    shown = [str(model) for model in board["model"][:SHOWN_MODELS] if str(model) != final]
    results: list[dict[str, Any]] = []
    for model in [final, *shown]:
        if model != final and job.ends_at - time.monotonic() < 3.0:
            break
        raw = np.full((len(rows.source), job.answers.n_columns), np.nan)
        if tuning is None:
            found = _out_of_fold(predictor, model, job.answers.n_columns)
            raw[found.index.to_numpy()] = found.to_numpy()
        else:
            raw[tuning.index.to_numpy()] = _raw_answers(predictor, tuning, model, job.answers.n_columns)
        file = f"out_of_fold_{len(results)}.npy"
        np.save(job.folder / file, raw)
        seconds = float(board.loc[board["model"] == model, "fit_time"].iloc[0])
        results.append(
            {"key": PREFIX + model, "fit_seconds": seconds, "may_be_final": model == final, "out_of_fold": file}
        )
        job.report(results)
    if job.ends_at - time.monotonic() > SECONDS_FOR_CLEANING:
        kept = [str(result["key"]).removeprefix(PREFIX) for result in results]
        predictor.delete_models(models_to_keep=kept, dry_run=False)
        predictor.save_space()


def _out_of_fold(predictor: Any, model: str, n_columns: int) -> pd.DataFrame:
    if predictor.problem_type == "regression":
        return pd.DataFrame(predictor.predict_oof(model=model))
    return _in_order(predictor.predict_proba_oof(model=model, as_multiclass=True), n_columns)


def _raw_answers(predictor: Any, frame: pd.DataFrame, model: str, n_columns: int) -> Float:
    if predictor.problem_type == "regression":
        return np.asarray(predictor.predict(frame, model=model), dtype=np.float64).reshape(-1, 1)
    probability = predictor.predict_proba(frame, model=model, as_multiclass=True)
    return _in_order(probability, n_columns).to_numpy(np.float64)


def _in_order(probability: pd.DataFrame, n_columns: int) -> pd.DataFrame:
    # A class that stood in the validating fold alone has no column.
    return probability.reindex(columns=range(n_columns), fill_value=0.0)


def _library() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optional_import("autogluon.tabular", extra="autogluon", purpose="The back end 'autogluon'")
