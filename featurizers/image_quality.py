"""Quantities of a photo that its author can change: light, colour, sharpness, background, size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.feature_table import Block
from artifacts.schema import Column, Feature, Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.image_decoding import VERSION, UnreadableImageError, image_size, small_pixels
from featurizers.image_vectors import ImageWork, image_vectors

FloatArray = NDArray[np.float32]

LONGEST_SIDE = 128  # pixels at which all but the size is measured, so that photos of any size compare

# quantity: English title, Russian title, unit. Units are numbers, so that they need no translation.
QUANTITIES: dict[str, tuple[str, str, str]] = {
    "width": ("width, pixels", "ширина, пикселей", ""),
    "height": ("height, pixels", "высота, пикселей", ""),
    "megapixels": ("size, megapixels", "размер, мегапикселей", ""),
    "aspect": ("width to height", "отношение ширины к высоте", ""),
    "brightness": ("brightness", "яркость", "0-1"),
    "contrast": ("contrast (spread of brightness)", "контраст (разброс яркости)", "0-0.5"),
    "saturation": ("saturation of colours", "насыщенность цветов", "0-1"),
    "colourfulness": ("colourfulness (Hasler and Süsstrunk)", "красочность (Хаслер и Зюсструнк)", ""),
    "warmth": ("warmth (red minus blue)", "теплота (красный минус синий)", "-1-1"),
    "sharpness": ("sharpness (variance of the Laplacian)", "резкость (дисперсия лапласиана)", ""),
    "dark_share": ("share of nearly black pixels", "доля почти чёрных пикселей", "0-1"),
    "white_share": ("share of nearly white pixels", "доля почти белых пикселей", "0-1"),
    "white_border": ("share of white along the border", "доля белого вдоль края", "0-1"),
    "background_uniformity": ("evenness of the background", "однородность фона", "0-1"),
    "edge_density": ("share of pixels on edges (clutter)", "доля пикселей на контурах (пестрота)", "0-1"),
    "entropy": ("variety of brightness, bits (entropy)", "разнообразие яркости, бит (энтропия)", "0-8"),
}
IS_MISSING = ("is_missing", Title("photo is missing", "фото нет"), "0/1")

_WHITE = 240  # of 255, in every channel
_BLACK = 16
_EDGE = 0.1  # change of brightness from one pixel to the next that counts as an edge
_BORDER = 0.05  # of the shorter side
_WIDEST_SPREAD = 127.5  # standard deviation of pixels half of which are 0 and half 255

_RECIPE = f"image-quality/1|{VERSION}|{LONGEST_SIDE}"


class ImageQuality(Featurizer):
    """One block of the quantities in ``QUANTITIES`` and ``is_missing``, named ``{column}__{quantity}``.

    ``is_missing`` is 1 where there is no readable photo; the other quantities are NaN there. All but
    the size is measured on the photo scaled to ``LONGEST_SIDE`` pixels, transparent parts on white.
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
            quantities = measure(small_pixels(content, LONGEST_SIDE), width, height)
            outcomes.append(np.array([quantities[name] for name in QUANTITIES], dtype=np.float32))
        except UnreadableImageError as error:
            outcomes.append(error.code)
    return outcomes


def measure(pixels: NDArray[np.uint8], width: int, height: int) -> dict[str, float]:
    """Every quantity of a photo but ``is_missing``.

    Args:
        pixels: uint8 (rows, columns, 3), the photo at its fixed small size.
        width: of the photo itself, in pixels.
        height: of the photo itself, in pixels.
    """
    colours = pixels.astype(np.float32)
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    most, least = pixels.max(axis=2), pixels.min(axis=2)
    white = least >= _WHITE
    ring = _ring(pixels.shape[0], pixels.shape[1])
    background_spread = float(np.sqrt(colours[ring].var(axis=0).mean()))
    return {
        "width": width,
        "height": height,
        "megapixels": width * height / 1e6,
        "aspect": width / height,
        "brightness": float(luma.mean()) / 255,
        "contrast": float(luma.std()) / 255,
        "saturation": float(((most - least) / np.maximum(most, 1)).mean()),
        "colourfulness": _colourfulness(red, green, blue),
        "warmth": float((red - blue).mean()) / 255,
        "sharpness": _laplacian_variance(luma),
        "dark_share": float((most <= _BLACK).mean()),
        "white_share": float(white.mean()),
        "white_border": float(white[ring].mean()),
        "background_uniformity": 1 - min(1.0, background_spread / _WIDEST_SPREAD),
        "edge_density": _edge_density(luma / 255),
        "entropy": _entropy(luma),
    }


def _ring(rows: int, columns: int) -> NDArray[np.bool_]:
    """The pixels along the border."""
    depth = max(1, round(_BORDER * min(rows, columns)))
    ring = np.ones((rows, columns), dtype=bool)
    ring[depth : rows - depth, depth : columns - depth] = False
    return ring


def _colourfulness(red: FloatArray, green: FloatArray, blue: FloatArray) -> float:
    """Hasler and Süsstrunk, 2003: 0 for grey, 15 slightly, 45 quite, 82 highly, 109 extremely colourful."""
    red_green, yellow_blue = red - green, 0.5 * (red + green) - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def _laplacian_variance(luma: FloatArray) -> float:
    edged = np.pad(luma, 1, mode="edge")
    laplacian = edged[:-2, 1:-1] + edged[2:, 1:-1] + edged[1:-1, :-2] + edged[1:-1, 2:] - 4 * luma
    return float(laplacian.var())


def _edge_density(luma: FloatArray) -> float:
    edged = np.pad(luma, 1, mode="edge")
    across, down = edged[1:-1, 2:] - edged[1:-1, :-2], edged[2:, 1:-1] - edged[:-2, 1:-1]
    return float((np.hypot(across, down) / 2 > _EDGE).mean())


def _entropy(luma: FloatArray) -> float:
    counts = np.bincount(np.clip(luma, 0, 255).astype(np.uint8).ravel(), minlength=256)
    shares = counts[counts > 0] / luma.size
    return float(-(shares * np.log2(shares)).sum())
