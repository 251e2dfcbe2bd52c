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
from featurizers.photo_views import to_lab

FloatArray = NDArray[np.float32]

SIDE = 64  # pixels of the square that a photo is centred in, on the mean colour of its border

_LIGHTNESS_BINS = 3
_COLOUR_BINS = 5  # of a* and of b*; odd, so that grey is not at the edge of a bin
_COLOUR_RANGE = 64.0  # a* and b* beyond it count as it
_CELLS = 5  # a side, for the directions of edges
_DIRECTIONS = 8
_CELL = 8  # pixels a side, for the gradients; a block has two cells a side, and blocks do not overlap
_ORIENTATIONS = 9
_WAVES = 6  # a side, of lightness
_COLOUR_WAVES = 3  # a side, of a* and of b*

_N_COLOURS = _LIGHTNESS_BINS * _COLOUR_BINS**2
_N_EDGES = _CELLS**2 * _DIRECTIONS
_N_WAVES = (_WAVES, _COLOUR_WAVES, _COLOUR_WAVES)  # of L*, a*, b*
_N_GRADIENTS = (SIDE // _CELL) ** 2 * _ORIENTATIONS
N_DIMENSIONS = _N_COLOURS + _N_EDGES + _N_GRADIENTS + sum(n**2 for n in _N_WAVES)

_RECIPE = f"image-descriptor/2|{VERSION}|{SIDE}|{N_DIMENSIONS}"


class ImageDescriptor(Featurizer):
    """One opaque block of ``N_DIMENSIONS`` numbers that needs no weights; NaN where there is no readable photo.

    A histogram of colours in CIELAB (square roots of shares), a coarse grid of histograms of the
    directions of edges, a fine one of oriented gradients, and the lowest frequencies of the thumbnail's
    cosine transform: what ``benchmarks/image_descriptors.py`` found worth its cost. It stands in for
    ``ImageEmbedding`` where no encoder can be had.
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
    lab = to_lab(_squared(pixels))
    light = lab[..., 0]
    parts = [_colours(lab), _edges(light), _gradients(light), *(_waves(lab[..., i], n) for i, n in enumerate(_N_WAVES))]
    return np.concatenate(parts).astype(np.float32)


def _squared(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns, _ = pixels.shape
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    square = np.empty((SIDE, SIDE, 3), dtype=np.uint8)
    square[:] = border.mean(axis=0)
    top, left = (SIDE - rows) // 2, (SIDE - columns) // 2
    square[top : top + rows, left : left + columns] = pixels
    return square


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


def _gradients(lightness: FloatArray) -> FloatArray:
    """Histograms of oriented gradients (Dalal and Triggs, 2005): unlike ``_edges``, each cell against its block."""
    import cv2

    block, cell = (2 * _CELL, 2 * _CELL), (_CELL, _CELL)
    hog = cv2.HOGDescriptor((SIDE, SIDE), block, block, cell, _ORIENTATIONS)
    gradients = np.asarray(hog.compute((lightness * 2.55).astype(np.uint8)), dtype=np.float32).ravel()
    # Each block has length 1: together they get it too, lest they outweigh the rest in a distance.
    return gradients * (2 * _CELL / SIDE)


@lru_cache(maxsize=2)
def _cosines(n: int) -> FloatArray:
    angles = np.pi * (np.arange(SIDE) + 0.5)[None, :] * np.arange(n)[:, None] / SIDE
    return np.asarray(np.cos(angles) * np.sqrt(2 / SIDE), dtype=np.float32)


def _waves(channel: FloatArray, n: int) -> FloatArray:
    cosines = _cosines(n)
    return np.asarray(cosines @ (channel / 100) @ cosines.T / SIDE, dtype=np.float32).ravel()
