"""Facts of a photo that tell whether it is of use and which other photos it repeats; cached by content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from artifacts.schema import Column
from featurizers.base import Surroundings
from featurizers.image_cells import first_photo
from featurizers.image_decoding import VERSION, UnreadableImageError, decode_image, image_size
from featurizers.image_loading import ImageLoader
from featurizers.image_vectors import ImageWork, image_vectors

if TYPE_CHECKING:
    from PIL import Image

FloatArray = NDArray[np.float32]

LONGEST_SIDE = 256  # pixels at which fineness is measured; a smaller photo is not enlarged
THUMBNAIL = 8  # pixels a side
_SQUARE = 64  # pixels a side, from which hashes are made
_LEAST_LIKE = 200  # one pixel in so many may be unlike the rest of a photo of one colour
_MEASURES = 4
_WORDS = 4  # 16 bits each in a float32, which holds whole numbers up to 2**24 exactly
_PIXELS = THUMBNAIL * THUMBNAIL
N_DIMENSIONS = _MEASURES + 3 * _WORDS + _PIXELS

_RECIPE = f"photo-facts/1|{VERSION}|{LONGEST_SIDE}|{N_DIMENSIONS}"


@dataclass(frozen=True)
class PhotoFacts:
    """One entry for each value of a column; NaN and zeros where there is no readable photo.

    ``width`` and ``height`` are pixels of the file. ``deviation`` (0-255) is how far from the median colour the pixels
    are that are least like it, but for 0.5% of them: near 0, the photo has one colour. ``fineness`` is the variance of
    the Laplacian over the mean squared gradient of brightness, which does not depend on contrast: a blurred photo has
    edges but no fine ones. ``content`` is a hash of the bytes, ``perceptual`` and ``difference`` are the hashes
    ``phash`` and ``dhash`` of imagehash (64 bits each), ``thumbnail`` is uint8 (n, 192), 8 x 8 pixels in RGB.
    """

    readable: NDArray[np.bool_]
    width: FloatArray
    height: FloatArray
    deviation: FloatArray
    fineness: FloatArray
    content: NDArray[np.uint64]
    perceptual: NDArray[np.uint64]
    difference: NDArray[np.uint64]
    thumbnail: NDArray[np.uint8]


def photo_facts(values: pd.Series[Any], column: Column, surroundings: Surroundings) -> PhotoFacts:
    """Facts of the photo of each row, from the store where it has them; findings as ``image_vectors`` adds them.

    Of a cell with several photos the first one is looked at: hashes cannot be averaged.

    Raises:
        ArtifactError: if the cache cannot be written.
    """
    work = ImageWork(_RECIPE, N_DIMENSIONS, facts_of_photos, "looking at photos")
    loader = ImageLoader(surroundings.images)
    firsts = pd.Series([first_photo(value, loader) for value in values], index=values.index, dtype=object)
    vectors = image_vectors(firsts, work, column, surroundings)
    readable = np.isfinite(vectors[:, 0])
    words = np.nan_to_num(vectors[:, _MEASURES : _MEASURES + 3 * _WORDS]).astype(np.uint64)
    pixels = np.nan_to_num(vectors[:, _MEASURES + 3 * _WORDS :]).astype(np.uint32)
    thumbnail = np.stack([pixels >> 16, (pixels >> 8) & 255, pixels & 255], axis=-1).astype(np.uint8)
    width, height, deviation, fine = (vectors[:, i].copy() for i in range(_MEASURES))
    content, perceptual, difference = (_joined(words[:, i * _WORDS : (i + 1) * _WORDS]) for i in range(3))
    thumbnail = thumbnail.reshape(len(vectors), 3 * _PIXELS)
    return PhotoFacts(readable, width, height, deviation, fine, content, perceptual, difference, thumbnail)


def facts_of_photos(contents: Sequence[bytes]) -> list[FloatArray | str]:
    """float32 (N_DIMENSIONS,) of each photo, or the code of a finding."""
    outcomes: list[FloatArray | str] = []
    for content in contents:
        try:
            outcomes.append(_facts(content))
        except UnreadableImageError as error:
            outcomes.append(error.code)
    return outcomes


def _facts(content: bytes) -> FloatArray:
    import imagehash
    from PIL.Image import Resampling

    width, height = image_size(content)
    image = decode_image(content, LONGEST_SIDE)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Resampling.BILINEAR)
    small = np.asarray(image.resize((THUMBNAIL, THUMBNAIL), Resampling.BOX), dtype=np.uint32)
    packed = (small[..., 0] << 16) | (small[..., 1] << 8) | small[..., 2]
    light = image.convert("L")
    square = light.resize((_SQUARE, _SQUARE), Resampling.BOX)  # the hashes shrink it further
    hashes = [xxhash.xxh3_64_intdigest(content), _bits(imagehash.phash(square)), _bits(imagehash.dhash(square))]
    words = [(hash_ >> shift) & 0xFFFF for hash_ in hashes for shift in (48, 32, 16, 0)]
    measures = [float(width), float(height), _deviation(image), fineness(np.asarray(light))]
    return np.array([*measures, *words, *packed.ravel().tolist()], dtype=np.float32)


def _bits(hash_: Any) -> int:
    return int.from_bytes(np.packbits(hash_.hash.ravel()).tobytes(), "big")


def _joined(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    shifts = np.array([48, 32, 16, 0], dtype=np.uint64)
    return np.asarray(np.bitwise_or.reduce(words << shifts, axis=1), dtype=np.uint64)


def _deviation(image: Image.Image) -> float:
    from PIL.Image import Resampling

    # Single pixels and not means of several, which would hide a small thing on a wide background.
    pixels = np.asarray(image.resize((_SQUARE, _SQUARE), Resampling.NEAREST), dtype=np.int16).reshape(-1, 3)
    red, green, blue = (np.abs(channel - np.int16(np.median(channel))) for channel in pixels.T.copy())
    distance = np.maximum(np.maximum(red, green), blue)
    kept = len(distance) - len(distance) // _LEAST_LIKE
    return float(np.partition(distance, kept)[kept])


def fineness(luma: NDArray[Any]) -> float:
    """Variance of the Laplacian over the mean squared gradient; 0 without any gradient, about 2 for a sharp photo.

    The ratio is the mean squared frequency of the gradient's spectrum, so it measures how fine the edges are and not
    how strong.

    Args:
        luma: (rows, columns), brightness.
    """
    import cv2

    light = np.ascontiguousarray(luma, dtype=np.float32)
    across, down = np.diff(light, axis=1), np.diff(light, axis=0)
    strength = float(np.mean(across**2)) + float(np.mean(down**2)) if across.size and down.size else 0.0
    return float(cv2.Laplacian(light, cv2.CV_32F).var()) / strength if strength > 0 else 0.0
