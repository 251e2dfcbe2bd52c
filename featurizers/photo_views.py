"""A photo at the sizes and in the colour spaces that its factors are measured at.

The factors lean on OpenCV: it works without the interpreter's lock, so that threads measure side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from featurizers.image_decoding import decode_image

Pixels = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

FINE_SIDE = 256  # pixels: letters, faces and grain are looked for on at most so many
SMALL_SIDE = 128  # pixels of the longer side for all else, so that photos of any size compare

_BORDER = 0.05  # of the shorter side
_LAB_OF_8_BITS = np.array([[100 / 255, 0, 0, 0], [0, 1, 0, -128], [0, 0, 1, -128]], dtype=np.float32)


@dataclass(frozen=True)
class Views:
    """One photo.

    ``grey`` is its luma, uint8, with a longer side of at most ``FINE_SIDE`` (a smaller photo as it is).
    The longer side of all others has ``SMALL_SIDE`` pixels: ``small`` is uint8 (rows, columns, 3) RGB,
    ``planes`` the same as (3, rows, columns), ``luma`` float32 from 0 to 255, ``lab`` float32 CIELAB
    over D65, and ``ring`` the mask of the pixels along the border.
    """

    grey: Pixels
    small: Pixels
    planes: Pixels
    luma: FloatArray
    lab: FloatArray
    ring: NDArray[np.bool_]


def photo_views(content: bytes) -> Views:
    """Decode a photo.

    Raises:
        UnreadableImageError: as ``decode_image``.
    """
    from PIL.Image import Resampling

    image = decode_image(content, FINE_SIDE)
    scale = FINE_SIDE / max(image.size)
    if scale < 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Resampling.BILINEAR)
    return views_of(np.asarray(image))


def views_of(fine: Pixels) -> Views:
    """The views of uint8 (rows, columns, 3) with a longer side of at most ``FINE_SIDE`` pixels."""
    import cv2

    rows, columns, _ = fine.shape
    scale = SMALL_SIDE / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(fine, size, interpolation=how), dtype=np.uint8)
    planes = np.asarray(cv2.split(small), dtype=np.uint8)
    luma = np.asarray(cv2.cvtColor(small.astype(np.float32), cv2.COLOR_RGB2GRAY), dtype=np.float32)
    grey = np.asarray(cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return Views(grey, small, planes, luma, to_lab(small), border_ring(*luma.shape))


def to_lab(pixels: Pixels) -> FloatArray:
    """float32 (rows, columns, 3): L* from 0 to 100, a* and b* about -100 to 100, of uint8 RGB."""
    import cv2

    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)  # in 8 bits, shifted
    return np.asarray(cv2.transform(lab.astype(np.float32), _LAB_OF_8_BITS), dtype=np.float32)


@lru_cache(maxsize=256)
def border_ring(rows: int, columns: int) -> NDArray[np.bool_]:
    """bool (rows, columns): the pixels along the border."""
    depth = max(1, round(_BORDER * min(rows, columns)))
    ring = np.ones((rows, columns), dtype=bool)
    ring[depth : rows - depth, depth : columns - depth] = False
    ring.flags.writeable = False
    return ring
