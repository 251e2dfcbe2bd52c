"""Fine structure of a photo: sharpness, grain, edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurizers.photo_views import FloatArray, Pixels, Views

# quantity: English title, Russian title, unit
DETAIL: dict[str, tuple[str, str, str]] = {
    "sharpness": ("sharpness (Crete)", "резкость (Крете)", "0-1"),
    "noise": (
        "grain, levels of 255 (noise or fine texture)",
        "зернистость, уровней из 255 (шум или мелкая фактура)",
        "0-255",
    ),
    "edge_density": ("share of pixels on edges", "доля пикселей на контурах", "0-1"),
    "outer_edges": (
        "share of pixels on edges in the outer half (clutter)",
        "доля пикселей на контурах во внешней половине (пестрота)",
        "0-1",
    ),
}

_EDGE = 0.1  # change of brightness from one pixel to the next that counts as an edge
_PATCH = 11  # pixels a side, odd
_QUIET = 0.1  # of the patches, from the quietest, tell the grain
_LEAST_PATCHES = 20  # fewer tell nothing
_LEAST_CHANGE = 0.05  # levels of 255 from pixel to pixel: a plain photo is neither sharp nor blurred
_CLIPPED = (5, 250)  # levels of 255: nearer to black and white, grain is cut off
_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)


def measure_detail(views: Views) -> dict[str, float]:
    """The quantities of ``DETAIL``."""
    edges = _edges(views.luma)
    return {
        "sharpness": _sharpness(views.luma),
        "noise": _noise(views.grey),
        "edge_density": float(edges.mean()),
        "outer_edges": float(edges[_outer(*edges.shape)].mean()),
    }


def _sharpness(luma: FloatArray) -> float:
    """How much of the change between neighbours a blur takes away (Crete et al., The Blur Effect, 2007).

    Unlike the variance of the Laplacian it does not grow with the contrast.
    """
    import cv2

    shares = []
    for picture in (luma, np.ascontiguousarray(luma.T)):
        sharp, soft = (np.abs(one[:, 1:] - one[:, :-1]) for one in (picture, np.asarray(cv2.blur(picture, (9, 1)))))
        change = float(sharp.sum())
        if change > _LEAST_CHANGE * luma.size:
            shares.append(float(np.maximum(sharp - soft, 0).sum()) / change)
    return max(shares, default=0.0)


def _edges(luma: FloatArray) -> NDArray[np.bool_]:
    import cv2

    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=1, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=1, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.magnitude(across, down) > 2 * 255 * _EDGE)


def _outer(rows: int, columns: int) -> NDArray[np.bool_]:
    """All but the middle box that has half of the pixels; of a narrow photo at least the border."""
    across, down = round(columns * (1 - 0.5**0.5) / 2), round(rows * (1 - 0.5**0.5) / 2)
    outer = np.ones((rows, columns), dtype=bool)
    if across and down:
        outer[down : rows - down, across : columns - across] = False
    return outer


def _noise(grey: Pixels) -> float:
    """Standard deviation of the grain (Immerkær, 1996) of a photo of at most 256 pixels, over unclipped pixels.

    The mask cancels slopes but not edges and texture, so the patches with the least response tell the grain.
    """
    import cv2

    levels = cv2.blur(grey, (3, 3))
    usable = cv2.erode(cv2.inRange(levels, *_CLIPPED), np.ones((_PATCH, _PATCH), np.uint8))
    response = cv2.blur(np.abs(cv2.filter2D(grey, cv2.CV_32F, _MASK)), (_PATCH, _PATCH))
    told = response[::4, ::4][np.asarray(usable)[::4, ::4] > 0]
    if len(told) < _LEAST_PATCHES:
        return 0.0
    return float(np.sqrt(np.pi / 2) / 6 * np.quantile(told, _QUIET))
