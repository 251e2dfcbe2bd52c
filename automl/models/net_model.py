"""What the models that are nets share: the matrix they read, training, contributions, files."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import ArtifactError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.schema import SHARES
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.matrix import NUMBER, Standardizer, check_same_features
from automl.models.output import Output
from automl.models.piecewise import Piecewise
from automl.models.solvers import LOSSES, Rows
from automl.models.torch_state import seeded, torch_threads
from automl.models.training import Blank, NetParams, Training

if TYPE_CHECKING:
    from automl.models.network import Net, Shape

# Steps are too small to share: on two cores that others used as well, two threads took 48 s for what one did in 8 s.
TORCH_THREADS = 1
N_NODES = 12  # of integrated gradients: leave less than a thousandth to spread, as the net is smooth
EXPLAINED_AT_ONCE = 256  # rows


class NetModel(Model):
    """A net in torch on the CPU, fitted by AdamW with a one-cycle rate.

    The same seed gives the same numbers on the same machine, for any ``n_threads``: it works on one
    thread, and changes no global state of torch. Contributions are integrated
    gradients from the training mean (Sundararajan et al., Axiomatic attribution for deep networks,
    2017) in float64. ``epochs_`` is the number of epochs kept. Where ``epochs`` of them do not fit
    before the deadline, the rate comes down with the time instead. A model names its parameters and makes its net.
    """

    settings: ClassVar[type[NetParams]]
    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    @abstractmethod
    def new_net(self, chosen: Any, shape: Shape) -> Net:
        """A net with its first weights; ``chosen`` is of the class ``settings``."""

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that has passed leaves the best constant prediction."""
        chosen = settings(self.settings, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.standardizer_ = Standardizer.of(train.table)
        self.piecewise_: Piecewise | None = None
        self.net_: Net | None = None
        self.epochs_ = 0
        self.by_time_ = False
        self.reference_ = np.zeros(self.standardizer_.n_columns)
        late = deadline is not None and time.monotonic() >= deadline
        if self.output_.learnable and self.standardizer_.n_columns and not late:
            self._train(chosen, train, valid, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def _train(self, chosen: NetParams, train: Examples, valid: Examples | None, deadline: float | None) -> None:
        import torch

        with torch_threads(TORCH_THREADS):
            x = self._matrix(train.table)
            if chosen.bins:
                self.piecewise_ = Piecewise.of(x, self._plain_numbers(train.table), chosen.bins)
                x = np.hstack([x, self.piecewise_.encode(x)])
            rows = Rows(x, *self.output_.encode(train.outcome))
            held = None if valid is None else Rows(self._matrix(valid.table), *self.output_.encode(valid.outcome))
            if held is not None and not held.weight.sum() > 0:
                held = None
            self.reference_ = rows.x.mean(axis=0, dtype=np.float64)
            with seeded(self.seed):
                net = self._shaped_net(chosen)
            net.weights["last.bias"].copy_(torch.tensor(self.output_.prior))
            training = Training(net, chosen, rows, LOSSES[self.output_.kind], deadline, self._blank(train.table))
            if self.fits_side_by_side:  # then it draws from nothing that another net draws from
                net.random = torch.Generator().manual_seed(self.seed)
                self.epochs_ = training.run(held)
            else:
                with seeded(self.seed):
                    self.epochs_ = training.run(held)
        self.by_time_ = training.by_time
        self.net_ = net.finished()

    def _shaped_net(self, chosen: NetParams) -> Net:
        from automl.models.network import Shape, parts_of

        _, parts = parts_of(self.standardizer_.block)
        if self.piecewise_ is not None and len(self.piecewise_.number):
            parts = (*parts, len(self.piecewise_.number))
        return self.new_net(chosen, Shape(parts, self.output_.n_raw, chosen.projection, chosen.width, chosen.layers))

    # -- the matrix: standardised columns part by part, then piecewise-linear ones ------------------

    @property
    def _order(self) -> NDArray[np.int64]:
        from automl.models.network import parts_of

        return parts_of(self.standardizer_.block)[0]

    def _matrix(self, table: FeatureTable) -> NDArray[np.float32]:
        x = self.standardizer_.transform(table, place=np.argsort(self._order))
        return x if self.piecewise_ is None else np.hstack([x, self.piecewise_.encode(x)])

    def _of_columns(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the standardiser's columns have (n_standardised,), for each column of the matrix."""
        ordered = values[self._order]
        return ordered if self.piecewise_ is None else np.concatenate([ordered, ordered[self.piecewise_.number]])

    def _plain_numbers(self, table: FeatureTable) -> NDArray[np.int64]:
        """Columns of numbers that mean something by themselves, as the dimensions of an embedding do not."""
        opaque = np.array([feature.opaque for feature in table.features])
        plain = (self.standardizer_.sort == NUMBER) & ~opaque[self.standardizer_.feature]
        return np.flatnonzero(plain[self._order])

    def _blank(self, table: FeatureTable) -> Blank:
        view = np.array([SHARES.index(block.modality.view) for block in table.blocks])
        row = self._matrix(table.take([0]).blanked())[0]
        return Blank(row, self._of_columns(view[self.standardizer_.block]))

    # -- use ----------------------------------------------------------------------------------------

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        if self.net_ is None:
            return self.output_.link(self.output_.constant(table.n_samples))
        from automl.models.network import scores_of

        with torch_threads(TORCH_THREADS):
            parts = [scores_of(self.net_, self._matrix(chunk)) for chunk in table.row_chunks(4096)]
        return self.output_.link(np.concatenate(parts) if parts else np.zeros((0, self.output_.n_raw)))

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. All columns that a feature became count for it."""
        import torch

        from automl.models.network import column_contributions, complete, scores_of

        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        raw = np.zeros((table.n_samples, len(names), self.output_.n_raw))
        base = np.array(self.output_.prior)
        if self.net_ is not None:
            of_column = self._of_columns(np.asarray(groups)[self.standardizer_.feature])
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
        bins = {} if self.piecewise_ is None else self.piecewise_.arrays()
        save_arrays(folder / "columns.npz", {**self.standardizer_.arrays(), **bins, "reference": self.reference_})
        if self.net_ is not None:
            save_file(self.net_.copied(), folder / "net.safetensors")
        extra = {"epochs": self.epochs_, "trained": self.net_ is not None, "binned": self.piecewise_ is not None}
        extra["by_time"] = self.by_time_
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        from safetensors.torch import load_file

        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_, model.epochs_ = found.features, found.output, found.extra["epochs"]
        model.by_time_ = found.extra.get("by_time", False)
        arrays = load_arrays(folder / "columns.npz")
        model.standardizer_, model.reference_ = Standardizer.from_arrays(arrays), arrays["reference"]
        model.piecewise_ = Piecewise.from_arrays(arrays) if found.extra["binned"] else None
        model.net_ = None
        if found.extra["trained"]:
            with seeded(0):  # the first weights are drawn, and at once replaced
                net = model._shaped_net(settings(cls.settings, cls.name, found.params))
            try:
                net.restore(load_file(folder / "net.safetensors"))
            except (RuntimeError, OSError, ValueError) as error:
                raise ArtifactError(f"The model in {str(folder)!r} cannot be read: {error}. Run fit again.") from error
            model.net_ = net.finished()
        found.apply(model)
        return model

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The median of the folds' best epochs."""
        return {**self.params, "epochs": max(1, round(median_of([model.epochs_ for model in fitted])))}
