"""A backbone for photos tuned on the target."""

from __future__ import annotations

from typing import ClassVar

from artifacts.schema import Modality
from automl.models.tuned_model import TunedModel
from featurizers.image_trunk import ImageTrunk
from featurizers.trunk import Trunk


class TunedImageModel(TunedModel):
    """The last stages or blocks of the photo encoder, over all photos of a row; see ``TunedModel``."""

    name: ClassVar[str] = "tuned_image"
    modality: ClassVar[Modality] = Modality.IMAGE
    trunk: ClassVar[type[Trunk]] = ImageTrunk
