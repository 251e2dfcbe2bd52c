"""One encoder tuned on the target, whose vectors other models can read."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from automl.models.torch_state import torch_threads
from automl.models.tuned_model import TunedModel

Single = NDArray[np.float32]


class TunedEncoderModel(TunedModel):
    """A linear head on the vectors of the sources of one modality; see ``TunedModel``."""

    gives_vectors: ClassVar[bool] = True

    def vectors(self, table: FeatureTable) -> dict[str, Single]:
        """Vectors (n_samples, n_dimensions) by the tuned encoder of each source that it read, standardised as those of
        the encoder were; NaN in rows with nothing in the source. None where nothing was tuned.

        Raises:
            InputError: if the table comes without its contents.
        """
        _ = self.fitted_kind
        if self.net_ is None:
            return {}
        names = [source for sources in self.sources_.values() for source in sources]
        reading = self._reading(table, self.net_)
        with torch_threads(self.n_threads):
            return dict(zip(names, reading.vectors(self._pieces(table, self.net_)), strict=True))
