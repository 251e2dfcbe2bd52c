"""TabM over projections of the blocks: many small nets that share most of their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from automl.models.net_model import NetModel
from automl.models.network import Net, Shape
from automl.models.output import suggest_output
from automl.models.training import NetParams

if TYPE_CHECKING:
    import optuna
    from torch import Tensor


@dataclass(frozen=True)
class TabMParams(NetParams):
    """``members``: nets of the ensemble."""

    projection: int = 48
    width: int = 128
    members: int = 16
    bins: int = 16


class TabMNet(Net):
    """The package's own layers behind the projections: what tells members apart is in the first scaling."""

    def __init__(self, shape: Shape, n_members: int, dropout: float = 0.0, part_dropout: float = 0.0) -> None:
        import tabm

        super().__init__(shape, dropout, part_dropout)
        self.n_members = n_members
        self._backbone = tabm.make_tabm_backbone(
            d_in=self.joined,
            n_blocks=shape.layers,
            d_block=shape.width,
            dropout=dropout,
            activation="SiLU",
            k=n_members,
            start_scaling_init="random-signs",
            start_scaling_init_chunks=[shape.projection] * len(shape.parts),
        )
        self._last = tabm.LinearEnsemble(shape.width, shape.n_raw, k=n_members)
        for name, module in (("backbone", self._backbone), ("last", self._last)):
            self.weights |= {f"{name}.{key}": value.detach().clone() for key, value in module.named_parameters()}
        self.weights["last.weight"].zero_()  # so that training starts at the constant prediction

    def heads(self, x: Tensor) -> Tensor:
        """See ``Net.heads``."""
        self._backbone.train(self.training)
        x = x[:, None].expand(-1, self.n_members, -1)
        return self._call("last", self._last, self._call("backbone", self._backbone, x))

    def _call(self, name: str, module: Any, x: Tensor) -> Tensor:
        from torch.func import functional_call

        own = {key.removeprefix(f"{name}."): value for key, value in self.weights.items() if key.startswith(f"{name}.")}
        found: Tensor = functional_call(module, own, (x,))
        return found


class TabMModel(NetModel):
    """TabM (Gorishniy, Kotelnikov and Babenko, TabM: advancing tabular deep learning with parameter-efficient
    ensembling, 2025); see ``NetModel`` for how it is trained and explained.

    Every member learns by itself, and their raw scores are averaged: contributions add up that way, and blends are on
    that scale, too. Numbers that mean something have piecewise-linear columns beside the standardised ones.
    """

    name: ClassVar[str] = "tabm"
    settings: ClassVar[type[NetParams]] = TabMParams
    libraries: ClassVar[tuple[str, ...]] = ("torch", "tabm")

    def new_net(self, chosen: TabMParams, shape: Shape) -> Net:
        """See ``NetModel.new_net``."""
        return TabMNet(shape, chosen.members, chosen.dropout, chosen.part_dropout)

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Size of the net, its step and its regularisation."""
        return {
            "learning_rate": trial.suggest_float("tabm.learning_rate", 5e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("tabm.weight_decay", 1e-3, 1.0, log=True),
            "projection": trial.suggest_int("tabm.projection", 16, 96, step=16),
            "width": trial.suggest_int("tabm.width", 64, 256, step=64),
            "layers": trial.suggest_int("tabm.layers", 1, 3),
            "dropout": trial.suggest_float("tabm.dropout", 0.0, 0.5),
            "modality_dropout": trial.suggest_float("tabm.modality_dropout", 0.0, 0.3),
            "bins": trial.suggest_categorical("tabm.bins", [0, 8, 16, 32]),
            **suggest_output(trial, cls.name, outcome),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """A tiny net."""
        small = {"projection": 8, "width": 16, "layers": 1, "members": 4, "bins": 4}
        return {"epochs": 15, "batch": 32, "learning_rate": 1e-2, **small}
