"""How many photos a row has, where rows of training have several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.image_cells import photos_in
from featurizers.image_decoding import UnreadableImageError, decode_image
from featurizers.image_loading import ImageLoader
from featurizers.image_vectors import ImageWork, count_photos

FloatArray = NDArray[np.float32]

_RECIPE = "photo-count/1"


class PhotoCount(Featurizer):
    """One block of ``{column}__n_photos``, the number of readable photos; no block if no row of training has several.

    0 where there is no readable photo. See ``image_cells`` for how a cell holds several.
    """

    name: ClassVar[str] = "count"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.IMAGE})

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self._several: bool | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn whether a row has several photos, readable or not."""
        loader = ImageLoader(surroundings.images)
        self._several = any(len(photos_in(value, loader)) > 1 for value in values.tolist())
        return self

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, 1), or none.

        Raises:
            NotFittedError: before ``fit``.
            ArtifactError: if the cache cannot be written.
        """
        if not self.state().values["several"]:
            return []
        work = ImageWork(_RECIPE, 1, _readable, "counting photos")
        around = replace(surroundings, audit=Audit())  # what looks at the photos says which are broken
        counts = count_photos(values, work, self.column, around).astype(np.float32)[:, None]
        title = Title("number of photos", "число фото")
        feature = quantity_feature(self.column, self.name, "n_photos", title)
        return [Block(self.column.name, self.name, (feature,), counts)]

    def state(self) -> State:
        """Whether there is a block.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._several is None:
            raise NotFittedError(f"PhotoCount of column {self.column.name!r} needs fit before this.")
        return State({"several": self._several})

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._several = bool(state.values["several"])
        return self


def _readable(contents: Sequence[bytes]) -> list[FloatArray | str]:
    """1 for each photo that can be decoded, or the code of a finding."""
    outcomes: list[FloatArray | str] = []
    for content in contents:
        try:
            decode_image(content, 1)
            outcomes.append(np.ones(1, dtype=np.float32))
        except UnreadableImageError as error:
            outcomes.append(error.code)
    return outcomes
