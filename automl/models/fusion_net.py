"""One net over texts, photos and the other columns, with its encoders tuned on the target."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Modality
from automl.models.description import median_of
from automl.models.heads import FusionHead
from automl.models.network import Shape, scores_of
from automl.models.solvers import Rows, mean_loss
from automl.models.torch_state import seeded
from automl.models.training import IMAGE, JOINT, TEXT, NetParams, Training
from automl.models.tuned_inputs import Columns, other_blocks
from automl.models.tuned_model import TunedModel
from automl.models.tuned_net import TunedNet
from automl.models.tuning import TunedParams
from featurizers.image_trunk import ImageTrunk
from featurizers.text_trunk import TextTrunk
from featurizers.trunk import Trunk

if TYPE_CHECKING:
    import optuna

HEAD_SHARE = 0.15  # of the time to the deadline, for the head before the encoders are tuned


@dataclass(frozen=True)
class FusionParams(TunedParams):
    """``layers`` and ``learning_rate`` are those of texts, ``image_layers`` and ``image_rate`` of photos, as the models
    of one encoder have them. ``head_epochs`` to ``modality_dropout``: of the head, see ``NetParams``.
    """

    image_layers: int = 3
    image_rate: float = 1e-3
    head_epochs: int | None = None
    projection: int = 96
    width: int = 192
    residual_layers: int = 2
    dropout: float = 0.1
    modality_dropout: float = 0.2

    def upper(self, modality: Modality) -> tuple[int, float]:
        """See ``TunedParams.upper``."""
        return (self.image_layers, self.image_rate) if modality is Modality.IMAGE else super().upper(modality)

    def of_head(self) -> NetParams:
        """How the head is trained before the encoders are tuned."""
        return NetParams(
            epochs=self.head_epochs,
            projection=self.projection,
            width=self.width,
            layers=self.residual_layers,
            dropout=self.dropout,
            part_dropout=0.0,
            modality_dropout=self.modality_dropout,
        )


class FusionNetModel(TunedModel):
    """Late fusion: the vectors of all sources and the other blocks, a projection for each, and a residual net on these.

    The head starts as a linear model of all columns and learns what is not linear while the encoders are as they came;
    then all of it is tuned together. Rows without a text, a photo or other columns are part of the training
    (``modality_dropout``), and flags tell them. Contributions are integrated gradients, as those of ``NetModel``.
    ``head_epochs_`` is the number of epochs kept of what the head learned alone.
    """

    name: ClassVar[str] = "fusion_net"
    trunks: ClassVar[tuple[type[Trunk], ...]] = (TextTrunk, ImageTrunk)
    settings: ClassVar[type[TunedParams]] = FusionParams
    tables_in_memory: ClassVar[float] = 2.0
    n_nodes: ClassVar[int] = 12
    method: ClassVar[str] = (
        "integrated gradients from the training mean, 12 Gauss-Legendre nodes; what integration "
        "leaves over is spread in proportion to the absolute contributions"
    )
    head_epochs_: int = 0

    @classmethod
    def sources_in(cls, table: FeatureTable) -> dict[Modality, tuple[str, ...]]:
        """See ``TunedModel.sources_in``; none where there is nothing to fuse."""
        found = super().sources_in(table)
        fuses = len(found) + bool(other_blocks(table, found).blocks) > 1
        return found if fuses else {}

    def _learn_others(self, table: FeatureTable) -> None:
        self.columns_ = Columns.of(other_blocks(table, self.sources_))

    def _new_head(self, net: TunedNet, chosen: Any) -> FusionHead:
        shape = Shape(net.parts, self.output_.n_raw, chosen.projection, chosen.width, chosen.residual_layers)
        with seeded(self.seed):
            return FusionHead(shape, chosen.dropout)

    def _start(self, net: TunedNet, chosen: Any, rows: Rows, held: Rows | None, deadline: float | None) -> float:
        import torch

        alpha = super()._start(net, chosen, rows, held, deadline)
        assert net.head is not None
        net.modality_dropout = chosen.modality_dropout
        net.absent = torch.from_numpy(rows.x[:, -len(net.absent) :].mean(axis=0))
        now = time.monotonic()
        end = None if deadline is None else now + HEAD_SHARE * (deadline - now)
        training = Training(net.head, chosen.of_head(), rows, self._loss(chosen), end, net.blank())
        net.head.random = torch.Generator().manual_seed(self.seed)
        lacking = None if held is None else _lacking(held, net, chosen.modality_dropout)
        lowest = np.inf if lacking is None else mean_loss(training.loss, scores_of(net.head, lacking.x), lacking)
        self.head_epochs_ = training.run(lacking, lowest)
        return alpha

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """See ``TunedModel.params_for_refit``; the same of the head alone."""
        epochs = max(1, round(median_of([model.head_epochs_ for model in fitted])))
        return {**super().params_for_refit(fitted), "head_epochs": epochs}

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """Depths, rates and regularisation."""
        return {
            **super().suggest(trial, outcome, table),
            "image_layers": trial.suggest_int("fusion_net.image_layers", 1, 4),
            "image_rate": trial.suggest_float("fusion_net.image_rate", 1e-4, 2e-3, log=True),
            "dropout": trial.suggest_float("fusion_net.dropout", 0.0, 0.5),
            "modality_dropout": trial.suggest_float("fusion_net.modality_dropout", 0.05, 0.35),
        }

    @classmethod
    def get_test_params(cls) -> dict[str, Any]:
        """One layer of each encoder for a few epochs, and a tiny head."""
        return {**super().get_test_params(), "image_layers": 1, "head_epochs": 10, "projection": 8, "width": 16}


def _lacking(rows: Rows, net: TunedNet, share: float) -> Rows:
    """Rows as training shows them: as they are, and once without each modality, which count ``share`` of them."""
    blank = net.blank()
    views = [view for view in np.unique(blank.view).tolist() if view != JOINT] if share else []
    gone = [np.isin(blank.view, [view, JOINT] if view in (IMAGE, TEXT) else [view]) for view in views]
    x = [rows.x, *(np.where(columns, blank.row, rows.x) for columns in gone)]
    weight = [rows.weight * max(1.0 - share * len(views), share), *(share * rows.weight for _ in views)]
    y = np.concatenate([rows.y] * len(x))
    return replace(rows, x=np.concatenate(x), y=y, weight=np.concatenate(weight))
