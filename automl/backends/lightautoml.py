"""LightAutoML on the wide table. Its models are pickles: they are loaded from trusted folders alone."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
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

PREFIX = "lightautoml/"
PURPOSE = "The back end 'lightautoml'"
TARGET, WEIGHT, FOLD = "target", "weight", "fold"
TASKS = {Kind.REGRESSION: "reg", Kind.BINARY: "binary", Kind.MULTICLASS: "multiclass", Kind.CONVERSION: "binary"}

# LightAutoML looks at the clock after a fold, not within one, so the size of a fold's work has to
# fit beforehand. Seconds per value of the table (times classes), on two threads:
TREE_SECONDS = {"lgb": 2e-8, "cb": 4e-8}
STEP_SECONDS = 1.2e-9  # of L-BFGS in the linear model
CELLS_PER_SECOND = 3e5  # with more values (times classes) per second of budget, 32 dimensions have to do
FEWEST_TREES, MANY_TREES = 30, 1500
WIND_DOWN_SECONDS = 20.0  # for the fold at hand, after a Ctrl-C
BOOSTED_STAGES = 3  # the first one shows how fast the boosters are here, the others use the time it left


_winding_down = threading.Event()  # in the child: whether the user has stopped the fit


class FittedLightAutoML(FittedForeign):
    """The stages that LightAutoML finished, read from their folder at first use."""

    def __init__(self, run: ForeignRun) -> None:
        super().__init__(run)
        self._stages: dict[str, Any] = {}

    def decide(self, table: FeatureTable, key: str = FittedBackend.FINAL) -> Float:
        """See ``FittedBackend.decide``."""
        stage = self.run.key_of(key, self.FINAL).removeprefix(PREFIX)
        frame = self.run.maker.frame(table)
        with _silence():
            raw = np.asarray(self._loaded(stage).predict(_plain(frame)).data, dtype=np.float64)
        return self.run.link_scores(_columns(raw, self.run.answers.n_columns))

    def _loaded(self, stage: str) -> Any:
        if stage not in self._stages:
            _library()
            import joblib

            self._stages[stage] = joblib.load(self.run.folder / "model" / f"{stage}.joblib")
        return self._stages[stage]


class LightAutoMLBackend(Backend):
    """``TabularAutoML`` in stages: the linear model alone, then linear models and boosters, blended.

    Each stage is saved when it is done, so that there is an answer however long the next one takes,
    and the boosters of the next one have as many trees as the time left allows. Embeddings are
    reduced by PCA to 64 dimensions each, or to 32 for many classes: whole, on 4,800 rows x 1,668
    columns x 29 classes the library had not returned in 900 s with a timeout of 300, and on 1,920
    rows x 1,684 columns its log likelihood was worse (-.683, reduced -.674).
    """

    name: ClassVar[str] = "lightautoml"
    fitted: ClassVar[type[FittedBackend]] = FittedLightAutoML
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind) - {Kind.MULTILABEL}
    least_seconds: ClassVar[float] = 30.0

    def fit(self, problem: Problem) -> FittedBackend:
        """See ``Backend.fit``."""
        optional_import("lightautoml", extra="lightautoml", purpose=PURPOSE)  # its presets take 10 s: the child's
        examples = problem.examples
        cells = examples.n_samples * examples.table.n_features * examples.outcome.n_outputs
        load = cells / max(problem.budget.left, 1.0) / CELLS_PER_SECOND
        ends = Ends(wind_down_seconds=WIND_DOWN_SECONDS)
        return FittedLightAutoML(solve(problem, __name__, FrameMaker(n_dims=64 if load < 1 else 32), ends))


@dataclass(frozen=True)
class _Data:
    """Rows, roles and folds as LightAutoML takes them, and their size."""

    frame: pd.DataFrame
    roles: dict[str, Any]
    splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None
    n_folds: int
    cells: int


def work(job: Job) -> None:
    """In the child: fit and report, stage by stage, each with as many trees as the time left allows."""
    data = _data(job)
    results: list[dict[str, Any]] = []
    started = time.monotonic()
    _stage(job, data, ["linear_l2"], {"linear_l2_params": _linear_parameters(job, data)}, results)
    linear_seconds, slowness, most = time.monotonic() - started, 1.0, 0
    for _ in range(BOOSTED_STAGES):
        if _winding_down.is_set():
            return
        allowed = 0.8 * (job.seconds_left - linear_seconds - 2.0)
        trees = {name: int(allowed / slowness / _seconds(name, data)) for name in TREE_SECONDS}
        trees = {name: min(n, MANY_TREES) for name, n in trees.items() if n >= FEWEST_TREES}
        if sum(trees.values()) < 2 * most or not trees:
            return
        most = max(most, sum(trees.values()))
        parameters = {f"{name}_params": _booster_parameters(name, n) for name, n in trees.items()}
        parameters["linear_l2_params"] = _linear_parameters(job, data)
        started = time.monotonic()
        _stage(job, data, ["linear_l2", *trees], parameters, results)
        took = max(time.monotonic() - started - linear_seconds, 0.1)
        slowness = took / sum(n * _seconds(name, data) / len(TREE_SECONDS) for name, n in trees.items())


def wind_down() -> None:
    """In the child, after a Ctrl-C: the library's clocks say that the time is over.

    So it ends after the fold at hand and blends what it has; its models are in its memory alone until then.
    """
    _winding_down.set()
    timers = optional_import("lightautoml.utils.timer", extra="lightautoml", purpose=PURPOSE)
    timers.Timer.time_limit_exceeded = lambda _timer: True


def _seconds(name: str, data: _Data) -> float:
    """A guess of what one tree a fold of a booster takes, where all boosters are to have the same time."""
    return len(TREE_SECONDS) * (TREE_SECONDS[name] * data.cells * data.n_folds + 1e-4)


def _data(job: Job) -> _Data:
    frame, rows = job.frame(), job.rows()
    columns = [str(name) for name in frame.columns]
    categories = [name for name in columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    whole = _plain(frame).take(rows.source).reset_index(drop=True)
    extra: dict[str, Any] = {TARGET: rows.target}
    roles: dict[str, Any] = {"target": TARGET, "numeric": [name for name in columns if name not in categories]}
    if categories:
        roles["category"] = categories
    if rows.weight is not None:
        extra[WEIGHT], roles["weights"] = rows.weight, WEIGHT
    if rows.is_partition:  # as many folds as groups makes each group a fold
        extra[FOLD], roles["group"] = rows.fold, FOLD
    n_folds = len(np.unique(rows.fold[rows.fold >= 0]))
    outputs = job.answers.n_columns if job.answers.kind is Kind.MULTICLASS else 1
    return _Data(
        pd.concat([whole, pd.DataFrame(extra)], axis=1),
        roles,
        _splits(rows),
        n_folds if n_folds > 1 else 5,
        len(whole) * len(columns) * outputs,
    )


def _splits(rows: TrainingRows) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None:
    """Folds that follow time: each is validated by models of the rows before it."""
    numbers = np.unique(rows.fold[rows.fold >= 0])
    if rows.is_partition or not len(numbers):
        return None
    return [(np.flatnonzero(rows.fold < number), np.flatnonzero(rows.fold == number)) for number in numbers]


def _linear_parameters(job: Job, data: _Data) -> dict[str, Any]:
    """LightAutoML's own where they fit into a sixth of the time, else fewer penalties and steps."""
    one_step = data.cells * STEP_SECONDS * data.n_folds
    if 1000 * one_step < job.seconds / 6:  # about ten penalties of 100 steps
        return {}
    steps = int(np.clip(job.seconds / 6 / (3 * one_step), 10, 100))
    return {"default_params": {"cs": [0.01, 0.1, 1.0], "max_iter": steps}}


def _booster_parameters(name: str, trees: int) -> dict[str, Any]:
    """LightAutoML's own for a booster with time for many trees, else as many as fit, which learn the faster."""
    if trees >= MANY_TREES:
        return {"default_params": {}, "freeze_defaults": False}
    settings: dict[str, Any] = {"num_trees": trees, "learning_rate": float(np.clip(20 / trees, 0.02, 0.2))}
    settings["early_stopping_rounds" if name == "lgb" else "od_wait"] = 50
    if name == "lgb":
        settings["num_leaves"] = 16
    return {"default_params": settings, "freeze_defaults": True}


def _stage(
    job: Job, data: _Data, algorithms: list[str], parameters: dict[str, Any], results: list[dict[str, Any]]
) -> None:
    import joblib

    presets, tasks = _library(), optional_import("lightautoml.tasks", extra="lightautoml", purpose=PURPOSE)
    started = time.monotonic()
    automl = presets.TabularAutoML(
        task=tasks.Task(TASKS[job.answers.kind], metric=_metric(job)),
        timeout=max(int(0.9 * job.seconds_left), 1),
        cpu_limit=job.n_threads,
        gpu_ids=None,
        general_params={"use_algos": [algorithms]},
        # Roles are given, and guessing them on a thousand columns takes longer than the models.
        reader_params={"n_jobs": 1, "cv": data.n_folds, "advanced_roles": False, "random_state": job.seed},
        selection_params={"mode": 0},
        **parameters,
    )
    predicted = automl.fit_predict(data.frame, roles=data.roles, cv_iter=data.splits, verbose=2)
    file = f"out_of_fold_{len(results)}.npy"
    name = "+".join(algorithms) + (f"-{len(results)}" if len(results) > 1 else "")
    np.save(job.folder / file, _columns(np.asarray(predicted.data, dtype=np.float64), job.answers.n_columns))
    partial = job.folder / "stage.joblib"
    joblib.dump(automl, partial)
    partial.replace(job.model_folder / f"{name}.joblib")
    results.append(
        {"key": PREFIX + name, "fit_seconds": time.monotonic() - started, "may_be_final": True, "out_of_fold": file}
    )
    job.report(results)


def _metric(job: Job) -> str | None:
    """What it early-stops and blends by: the likelihood, not its default AUC, unless a ranking is asked for."""
    ranking = job.metric in ("roc_auc", "average_precision")
    return "logloss" if TASKS[job.answers.kind] == "binary" and not ranking else None


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    # LightAutoML compares categories with numbers, which pandas' own type of categories forbids.
    names = [name for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(names, object))


def _columns(raw: Float, n_columns: int) -> Float:
    """Answers (n_samples, n_columns): of two classes, LightAutoML gives the second alone."""
    return np.column_stack([1.0 - raw[:, 0], raw[:, 0]]) if n_columns == 2 and raw.shape[1] == 1 else raw


def _library() -> Any:
    with _silence():
        return optional_import("lightautoml.automl.presets.tabular_presets", extra="lightautoml", purpose=PURPOSE)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing on the screen: the library prints, warns at import and logs to stdout."""
    level = logging.getLogger("lightautoml").level
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.getLogger("lightautoml").setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logging.getLogger("lightautoml").setLevel(level)
