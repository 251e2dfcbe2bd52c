"""Quantities of a photo that its author can change: light, colours, sharpness, layout, frames, text, faces, size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.feature_table import Block
from artifacts.schema import Column, Feature, Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.image_decoding import VERSION, UnreadableImageError, image_size
from featurizers.image_vectors import ImageWork, image_vectors
from featurizers.photo_colours import COLOURS, measure_colours
from featurizers.photo_detail import DETAIL, measure_detail
from featurizers.photo_faces import FACES, measure_faces
from featurizers.photo_frame import FRAME, measure_frame
from featurizers.photo_layout import LAYOUT, measure_layout
from featurizers.photo_light import LIGHT, measure_light
from featurizers.photo_text import TEXT, measure_text
from featurizers.photo_views import FINE_SIDE, SMALL_SIDE, Views, photo_views

FloatArray = NDArray[np.float32]

# quantity: English title, Russian title, unit. Units are numbers, so that they need no translation.
SIZE: dict[str, tuple[str, str, str]] = {
    "width": ("width, pixels", "ширина, пикселей", ""),
    "height": ("height, pixels", "высота, пикселей", ""),
    "megapixels": ("size, megapixels", "размер, мегапикселей", ""),
    "aspect": ("width to height", "отношение ширины к высоте", ""),
}
THEMES: dict[str, tuple[dict[str, tuple[str, str, str]], Callable[[Views], dict[str, float]]]] = {
    "light": (LIGHT, measure_light),
    "detail": (DETAIL, measure_detail),
    "colours": (COLOURS, measure_colours),
    "layout": (LAYOUT, measure_layout),
    "frame": (FRAME, measure_frame),
    "text": (TEXT, measure_text),
    "faces": (FACES, measure_faces),
}
QUANTITIES = SIZE | {name: told for quantities, _ in THEMES.values() for name, told in quantities.items()}
IS_MISSING = ("is_missing", Title("photo is missing", "фото нет"), "0/1")

_RECIPE = f"image-quality/3|{VERSION}|{FINE_SIDE}|{SMALL_SIDE}"


class ImageQuality(Featurizer):
    """One block of the quantities in ``QUANTITIES`` and ``is_missing``, named ``{column}__{quantity}``.

    ``is_missing`` is 1 where there is no readable photo; the other quantities are NaN there. All but
    the size is measured on the photo scaled to ``SMALL_SIDE`` pixels (letters, faces and grain: to at
    most ``FINE_SIDE``), transparent parts on white.
    """

    name: ClassVar[str] = "quality"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.IMAGE})

    def __init__(self, column: Column) -> None:
        super().__init__(column)

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Nothing is learned."""
        return self

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, number of quantities).

        Raises:
            ArtifactError: if the cache cannot be written.
        """
        work = ImageWork(_RECIPE, len(QUANTITIES), measure_photos, "measuring photos")
        measured = image_vectors(values, work, self.column, surroundings)
        missing = np.isnan(measured[:, :1]).astype(np.float32)
        return [Block(self.column.name, self.name, self._features(), np.hstack([measured, missing]))]

    def _features(self) -> tuple[Feature, ...]:
        quantity, title, unit = IS_MISSING
        return (
            *(
                quantity_feature(self.column, self.name, name, Title(en, ru), unit=unit)
                for name, (en, ru, unit) in QUANTITIES.items()
            ),
            quantity_feature(self.column, self.name, quantity, title, unit=unit),
        )

    def state(self) -> State:
        """Empty: nothing is learned."""
        return State()

    def restore(self, state: State) -> Self:
        """Nothing to take over."""
        return self


def measure_photos(contents: Sequence[bytes]) -> list[FloatArray | str]:
    """The quantities of each photo, float32 in the order of ``QUANTITIES``, or the code of a finding."""
    outcomes: list[FloatArray | str] = []
    for content in contents:
        try:
            width, height = image_size(content)
            quantities = measure(photo_views(content), width, height)
            outcomes.append(np.array([quantities[name] for name in QUANTITIES], dtype=np.float32))
        except UnreadableImageError as error:
            outcomes.append(error.code)
    return outcomes


def measure(views: Views, width: int, height: int) -> dict[str, float]:
    """Every quantity of a photo but ``is_missing``.

    Args:
        views: the photo at the sizes that it is measured at.
        width: of the photo itself, in pixels.
        height: of the photo itself, in pixels.
    """
    measured: dict[str, float] = {
        "width": width,
        "height": height,
        "megapixels": width * height / 1e6,
        "aspect": width / height,
    }
    for _, measure_theme in THEMES.values():
        measured |= measure_theme(views)
    return measured
