"""A small neural net on the standardised wide table, with a projection for each block."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import ArtifactError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.matrix import Standardizer, check_same_features
from automl.models.output import Output, OutputParams, suggest_output
from automl.models.solvers import LOSSES, Rows

if TYPE_CHECKING:
    import optuna

    from automl.models.network import Net

# Steps are too small to share: on two cores that others used as well, two threads took 48 s for what one did in 8 s.
TORCH_THREADS = 1
STEPS = 300  # 1,300 rows of 85 classes: weighted F1 .82 after 12 epochs of 10 steps, .88 after 24
N_NODES = 12  # of integrated gradients: leave less than a thousandth to spread, as the net is smooth
EXPLAINED_AT_ONCE = 256  # rows


@dataclass(frozen=True)
class MLPParams(OutputParams):
    """``projection``: units a block is projected to; ``patience``: epochs without a gain on ``valid``.

    ``epochs`` None makes about ``STEPS`` steps, in 12 to 24 epochs.
    """

    epochs: int | None = None
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    batch: int = 128
    projection: int = 96
    width: int = 192
    layers: int = 2
    dropout: float = 0.1
    part_dropout: float = 0.02
    patience: int = 6


class MLPModel(Model):
    """A residual net in torch on the CPU, fitted by AdamW with a one-cycle rate.

    The same seed gives the same numbers on the same machine, for any ``n_threads``: it works on one
    thread, and changes no global state of torch. Contributions are integrated
    gradients from the training mean (Sundararajan et al., Axiomatic attribution for deep networks,
    2017) in float64. ``epochs_`` is the number of epochs kept. Where ``epochs`` of them do not fit
    before the deadline, the rate comes down with the time instead.
    """

    name: ClassVar[str] = "mlp"

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that has passed leaves the best constant prediction."""
        chosen = settings(MLPParams, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.standardizer_ = Standardizer.of(train.table)
        self.net_: Net | None = None
        self.epochs_ = 0
        self.reference_ = np.zeros(self.standardizer_.n_columns)
        late = deadline is not None and time.monotonic() >= deadline
        if self.output_.learnable and self.standardizer_.n_columns and not late:
            self._train(chosen, train, valid, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def _train(self, chosen: MLPParams, train: Examples, valid: Examples | None, deadline: float | None) -> None:
        import torch

        from automl.models.network import torch_threads
        from automl.models.training import Training

        if chosen.epochs is None:
            n_batches = max(1, -(-train.n_samples // chosen.batch))
            chosen = replace(chosen, epochs=min(max(STEPS // n_batches, 12), 24))
        rows = Rows(self._matrix(train.table), *self.output_.encode(train.outcome))
        held = None if valid is None else Rows(self._matrix(valid.table), *self.output_.encode(valid.outcome))
        if held is not None and not held.weight.sum() > 0:
            held = None
        self.reference_ = rows.x.mean(axis=0, dtype=np.float64)
        with torch_threads(TORCH_THREADS), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            net = self._new_net(chosen)
            net.weights["last.bias"].copy_(torch.tensor(self.output_.prior))
            self.epochs_ = Training(net, chosen, rows, LOSSES[self.output_.kind], deadline).run(held)
        self.net_ = net.finished()

    def _new_net(self, chosen: MLPParams) -> Net:
        from automl.models.network import Net, Shape, parts_of

        _, parts = parts_of(self.standardizer_.block)
        shape = Shape(parts, self.output_.n_raw, chosen.projection, chosen.width, chosen.layers)
        return Net(shape, chosen.dropout, chosen.part_dropout)

    def _matrix(self, table: FeatureTable) -> NDArray[np.float32]:
        from automl.models.network import parts_of

        order, _ = parts_of(self.standardizer_.block)
        return self.standardizer_.transform(table, place=np.argsort(order))

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        if self.net_ is None:
            return self.output_.link(self.output_.constant(table.n_samples))
        from automl.models.network import scores_of, torch_threads

        with torch_threads(TORCH_THREADS):
            parts = [scores_of(self.net_, self._matrix(chunk)) for chunk in table.row_chunks(4096)]
        return self.output_.link(np.concatenate(parts) if parts else np.zeros((0, self.output_.n_raw)))

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. Columns of a category or a flag count for their feature."""
        import torch

        from automl.models.network import column_contributions, complete, parts_of, scores_of, torch_threads

        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        raw = np.zeros((table.n_samples, len(names), self.output_.n_raw))
        base = np.array(self.output_.prior)
        if self.net_ is not None:
            order, _ = parts_of(self.standardizer_.block)
            of_column = np.asarray(groups)[self.standardizer_.feature[order]]
            grouped = [torch.from_numpy(np.flatnonzero(of_column == g)) for g in range(len(names))]
            reference = torch.from_numpy(self.reference_)
            base = scores_of(self.net_, self.reference_[None])[0]
            with torch_threads(TORCH_THREADS):
                for start in range(0, table.n_samples, EXPLAINED_AT_ONCE):
                    rows = np.arange(start, min(start + EXPLAINED_AT_ONCE, table.n_samples))
                    x = torch.from_numpy(self._matrix(table.take(rows)).astype(np.float64))
                    values, scores, base = column_contributions(self.net_, x, reference, grouped, N_NODES)
                    raw[rows] = complete(values, scores, base)
        values, base = self.output_.link_parts(raw, base)
        method = (
            f"integrated gradients from the training mean, {N_NODES} Gauss-Legendre nodes; what integration "
            "leaves over is spread in proportion to the absolute contributions"
        )
        return Explanation(tuple(names), values, base, unit, method)

    def save(self, folder: Path) -> None:
        """Write ``columns.npz``, ``net.safetensors`` (not for a constant prediction) and ``model.json``."""
        from safetensors.torch import save_file

        _ = self.fitted_kind
        save_arrays(folder / "columns.npz", {**self.standardizer_.arrays(), "reference": self.reference_})
        if self.net_ is not None:
            save_file(self.net_.copied(), folder / "net.safetensors")
        extra = {"epochs": self.epochs_, "trained": self.net_ is not None}
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        import torch
        from safetensors.torch import load_file

        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_, model.epochs_ = found.features, found.output, found.extra["epochs"]
        arrays = load_arrays(folder / "columns.npz")
        model.standardizer_, model.reference_ = Standardizer.from_arrays(arrays), arrays["reference"]
        model.net_ = None
        if found.extra["trained"]:
            with torch.random.fork_rng(devices=[]):  # the first weights are drawn, and at once replaced
                net = model._new_net(settings(MLPParams, cls.name, found.params))
            try:
                net.restore(load_file(folder / "net.safetensors"))
            except (RuntimeError, OSError, ValueError) as error:
                raise ArtifactError(f"The model in {str(folder)!r} cannot be read: {error}. Run fit again.") from error
            model.net_ = net.finished()
        found.apply(model)
        return model

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Size of the net, its step and its regularisation."""
        return {
            "learning_rate": trial.suggest_float("mlp.learning_rate", 5e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("mlp.weight_decay", 1e-3, 1.0, log=True),
            "projection": trial.suggest_int("mlp.projection", 32, 192, step=32),
            "width": trial.suggest_int("mlp.width", 64, 384, step=64),
            "layers": trial.suggest_int("mlp.layers", 1, 3),
            "dropout": trial.suggest_float("mlp.dropout", 0.0, 0.5),
            "part_dropout": trial.suggest_float("mlp.part_dropout", 0.0, 0.3),
            **suggest_output(trial, cls.name, outcome),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """A tiny net."""
        return {"epochs": 15, "projection": 8, "width": 16, "layers": 1, "batch": 32, "learning_rate": 1e-2}

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The median of the folds' best epochs."""
        return {**self.params, "epochs": max(1, round(median_of([model.epochs_ for model in fitted])))}
