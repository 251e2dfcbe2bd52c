"""A sentence encoder tuned on the target."""

from __future__ import annotations

from typing import ClassVar

from automl.models.tuned_encoder import TunedEncoderModel
from featurizers.text_trunk import TextTrunk
from featurizers.trunk import Trunk


class TunedTextModel(TunedEncoderModel):
    """The last transformer layers of the text encoder, over all texts of a row; see ``TunedModel``."""

    name: ClassVar[str] = "tuned_text"
    trunks: ClassVar[tuple[type[Trunk], ...]] = (TextTrunk,)
