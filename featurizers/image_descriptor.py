"""Photos as vectors without any weights: colours, directions of edges, and a tiny thumbnail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.feature_table import Block
from artifacts.schema import Column, Modality, opaque_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.image_decoding import VERSION, UnreadableImageError, small_pixels
from featurizers.image_vectors import ImageWork, image_vectors

FloatArray = NDArray[np.float32]

SIDE = 64  # pixels of the square that a photo is centred in, on the mean colour of its border

_LIGHTNESS_BINS = 3
_COLOUR_BINS = 5  # of a* and of b*; odd, so that grey is not at the edge of a bin
_COLOUR_RANGE = 64.0  # a* and b* beyond it count as it
_CELLS = 5  # a side, for the directions of edges
_DIRECTIONS = 8
_WAVES = 6  # a side, of lightness
_COLOUR_WAVES = 3  # a side, of a* and of b*

_N_COLOURS = _LIGHTNESS_BINS * _COLOUR_BINS**2
_N_EDGES = _CELLS**2 * _DIRECTIONS
_N_WAVES = (_WAVES, _COLOUR_WAVES, _COLOUR_WAVES)  # of L*, a*, b*
N_DIMENSIONS = _N_COLOURS + _N_EDGES + sum(n**2 for n in _N_WAVES)

_RECIPE = f"image-descriptor/1|{VERSION}|{SIDE}|{N_DIMENSIONS}"


class ImageDescriptor(Featurizer):
    """One opaque block of ``N_DIMENSIONS`` numbers that needs no weights; NaN where there is no readable photo.

    A histogram of colours in CIELAB (square roots of shares), a grid of histograms of the directions of
    edges, each of unit length, and the lowest frequencies of the thumbnail's cosine transform. It
    stands in for ``ImageEmbedding`` where no encoder can be had.
    """

    name: ClassVar[str] = "descriptor"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.IMAGE})

    def __init__(self, column: Column) -> None:
        super().__init__(column)

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Nothing is learned."""
        return self

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, N_DIMENSIONS).

        Raises:
            ArtifactError: if the cache cannot be written.
        """
        work = ImageWork(_RECIPE, N_DIMENSIONS, describe_photos, "describing photos")
        vectors = image_vectors(values, work, self.column, surroundings)
        return [Block(self.column.name, self.name, opaque_features(self.column, self.name, N_DIMENSIONS), vectors)]

    def state(self) -> State:
        """Empty: nothing is learned."""
        return State()

    def restore(self, state: State) -> Self:
        """Nothing to take over."""
        return self


def describe_photos(contents: Sequence[bytes]) -> list[FloatArray | str]:
    """float32 (N_DIMENSIONS,) of each photo, or the code of a finding."""
    outcomes: list[FloatArray | str] = []
    for content in contents:
        try:
            outcomes.append(describe(small_pixels(content, SIDE)))
        except UnreadableImageError as error:
            outcomes.append(error.code)
    return outcomes


def describe(pixels: NDArray[np.uint8]) -> FloatArray:
    """float32 (N_DIMENSIONS,) of uint8 (rows, columns, 3) whose longer side has ``SIDE`` pixels."""
    lab = _to_lab(_squared(pixels))
    parts = [_colours(lab), _edges(lab[..., 0]), *(_waves(lab[..., i], n) for i, n in enumerate(_N_WAVES))]
    return np.concatenate(parts).astype(np.float32)


def _squared(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns, _ = pixels.shape
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    square = np.empty((SIDE, SIDE, 3), dtype=np.uint8)
    square[:] = border.mean(axis=0)
    top, left = (SIDE - rows) // 2, (SIDE - columns) // 2
    square[top : top + rows, left : left + columns] = pixels
    return square


@lru_cache(maxsize=1)
def _linear_light() -> FloatArray:
    """The light of each sRGB level."""
    level = np.arange(256) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)


_TO_XYZ = np.array(  # sRGB to CIE XYZ over the D65 white
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])


def _to_lab(pixels: NDArray[np.uint8]) -> FloatArray:
    """float32 (rows, columns, 3): L* 0 to 100, a* and b* about -100 to 100."""
    xyz = _linear_light()[pixels] @ _TO_XYZ.T.astype(np.float32)
    bent = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = bent[..., 0], bent[..., 1], bent[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def _colours(lab: FloatArray) -> FloatArray:
    light = np.clip(lab[..., 0] / 100 * _LIGHTNESS_BINS, 0, _LIGHTNESS_BINS - 1).astype(np.int64)
    # A root spreads the dull colours, which most photos are made of, over the bins.
    tint = np.sign(lab[..., 1:]) * np.sqrt(np.minimum(np.abs(lab[..., 1:]) / _COLOUR_RANGE, 1))
    a_b = np.clip((tint + 1) / 2 * _COLOUR_BINS, 0, _COLOUR_BINS - 1).astype(np.int64)
    bins = (light * _COLOUR_BINS + a_b[..., 0]) * _COLOUR_BINS + a_b[..., 1]
    shares = np.bincount(bins.ravel(), minlength=_N_COLOURS) / bins.size
    return np.asarray(np.sqrt(shares), dtype=np.float32)


def _edges(lightness: FloatArray) -> FloatArray:
    edged = np.pad(lightness, 1, mode="edge")
    across, down = edged[1:-1, 2:] - edged[1:-1, :-2], edged[2:, 1:-1] - edged[:-2, 1:-1]
    strength = np.hypot(across, down)
    direction = np.arctan2(down, across) % np.pi / np.pi * _DIRECTIONS
    lower = np.floor(direction)
    share = direction - lower  # shared by two neighbours, so that a small turn changes little
    cells = (np.arange(SIDE) * _CELLS // SIDE)[:, None] * _CELLS + np.arange(SIDE) * _CELLS // SIDE
    histogram = np.zeros(_N_EDGES)
    for step, weight in ((0, 1 - share), (1, share)):
        bins = cells * _DIRECTIONS + (lower.astype(np.int64) + step) % _DIRECTIONS
        histogram += np.bincount(bins.ravel(), (strength * weight).ravel(), minlength=_N_EDGES)
    # Each cell is set against its own strength and the photo's, so that faint grain stays faint.
    by_cell = histogram.reshape(-1, _DIRECTIONS)
    length = np.linalg.norm(by_cell, axis=1, keepdims=True)
    return np.asarray(by_cell / (length + length.mean() + 1.0), dtype=np.float32).ravel()


@lru_cache(maxsize=2)
def _cosines(n: int) -> FloatArray:
    angles = np.pi * (np.arange(SIDE) + 0.5)[None, :] * np.arange(n)[:, None] / SIDE
    return np.asarray(np.cos(angles) * np.sqrt(2 / SIDE), dtype=np.float32)


def _waves(channel: FloatArray, n: int) -> FloatArray:
    cosines = _cosines(n)
    return np.asarray(cosines @ (channel / 100) @ cosines.T / SIDE, dtype=np.float32).ravel()
