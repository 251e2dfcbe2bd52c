"""A small residual net on the standardised wide table, with a projection for each block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from automl.models.net_model import NetModel
from automl.models.network import Net, Shape, uniform
from automl.models.output import suggest_output
from automl.models.training import NetParams

if TYPE_CHECKING:
    import optuna
    from torch import Tensor


class ResidualNet(Net):
    """A join of the projections, then residual layers.

    There is no layer norm: it would throw away how far a row is from the training mean, where the path of the
    contributions starts.
    """

    def __init__(self, shape: Shape, dropout: float = 0.0, part_dropout: float = 0.0) -> None:
        super().__init__(shape, dropout, part_dropout)
        self._add_linear("join", self.joined, shape.width)
        for i in range(shape.layers):
            self._add_linear(f"residual.{i}.in", shape.width, shape.width)
            self._add_linear(f"residual.{i}.out", shape.width, shape.width)
            self.weights[f"residual.{i}.out.weight"].zero_()  # so that depth costs nothing at the start
        self._add_linear("last", shape.width, shape.n_raw)
        self.weights["last.weight"].zero_()  # so that training starts at the constant prediction

    def _add_linear(self, name: str, n_in: int, n_out: int) -> None:
        self.weights[f"{name}.weight"] = uniform(n_out, n_in)
        self.weights[f"{name}.bias"] = uniform(n_out, n_in)[:, 0].clone()

    def _linear(self, name: str, x: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def heads(self, x: Tensor) -> Tensor:
        """See ``Net.heads``; one member."""
        from torch.nn.functional import silu

        x = self._linear("join", x)
        for i in range(self.shape.layers):
            inner = self.dropped(silu(self._linear(f"residual.{i}.in", x)))
            x = x + self._linear(f"residual.{i}.out", inner)
        return self._linear("last", silu(x))[:, None]


class MLPModel(NetModel):
    """A residual net; see ``NetModel`` for how it is trained and explained."""

    name: ClassVar[str] = "mlp"
    settings: ClassVar[type[NetParams]] = NetParams
    fits_side_by_side: ClassVar[bool] = True

    def new_net(self, chosen: NetParams, shape: Shape) -> Net:
        """See ``NetModel.new_net``."""
        return ResidualNet(shape, chosen.dropout, chosen.part_dropout)

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
            "modality_dropout": trial.suggest_float("mlp.modality_dropout", 0.0, 0.3),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """A tiny net."""
        return {"epochs": 15, "projection": 8, "width": 16, "layers": 1, "batch": 32, "learning_rate": 1e-2}
