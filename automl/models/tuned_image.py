"""A backbone for photos tuned on the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from automl.models.tuned_encoder import TunedEncoderModel
from automl.models.tuning import TunedParams
from featurizers.image_trunk import ImageTrunk
from featurizers.trunk import Trunk


@dataclass(frozen=True)
class TunedImageParams(TunedParams):
    """What photos show besides their objects, such as colours, is told apart three layers deep."""

    layers: int = 3
    learning_rate: float = 1e-3


class TunedImageModel(TunedEncoderModel):
    """The last stages or blocks of the photo encoder, over all photos of a row; see ``TunedModel``."""

    name: ClassVar[str] = "tuned_image"
    settings: ClassVar[type[TunedParams]] = TunedImageParams
    trunks: ClassVar[tuple[type[Trunk], ...]] = (ImageTrunk,)
