"""Fine structure of a photo: sharpness, grain, edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurizers.photo_views import FloatArray, Pixels, Views

# quantity: English title, Russian title, unit
DETAIL: dict[str, tuple[str, str, str]] = {
    "sharpness": ("sharpness (variance of the Laplacian)", "резкость (дисперсия лапласиана)", ""),
    "noise": ("grain, levels of 255 (noise)", "зернистость, уровней из 255 (шум)", "0-255"),
    "edge_density": ("share of pixels on edges", "доля пикселей на контурах", "0-1"),
    "outer_edges": (
        "share of pixels on edges in the outer half (clutter)",
        "доля пикселей на контурах во внешней половине (пестрота)",
        "0-1",
    ),
}

_EDGE = 0.1  # change of brightness from one pixel to the next that counts as an edge
_SMOOTH_SHARE = 0.5  # of the pixels, those with the least slope, tell the grain
_LEAST_SMOOTH = 0.02  # of the pixels: fewer tell nothing
_CLIPPED = (4, 251)  # levels near black and white hide grain
_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)


def measure_detail(views: Views) -> dict[str, float]:
    """The quantities of ``DETAIL``."""
    edges = _edges(views.luma / 255)
    return {
        "sharpness": _laplacian_variance(views.luma),
        "noise": _noise(views.grey),
        "edge_density": float(edges.mean()),
        "outer_edges": float(edges[_outer(*edges.shape)].mean()),
    }


def _laplacian_variance(luma: FloatArray) -> float:
    import cv2

    return float(cv2.Laplacian(luma, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE).var())


def _edges(luma: FloatArray) -> NDArray[np.bool_]:
    edged = np.pad(luma, 1, mode="edge")
    across, down = edged[1:-1, 2:] - edged[1:-1, :-2], edged[2:, 1:-1] - edged[:-2, 1:-1]
    return np.asarray(across * across + down * down > (2 * _EDGE) ** 2)


def _outer(rows: int, columns: int) -> NDArray[np.bool_]:
    """All but the middle box that has half of the pixels; of a narrow photo at least the border."""
    across, down = round(columns * (1 - 0.5**0.5) / 2), round(rows * (1 - 0.5**0.5) / 2)
    outer = np.ones((rows, columns), dtype=bool)
    if across and down:
        outer[down : rows - down, across : columns - across] = False
    return outer


def _noise(grey: Pixels) -> float:
    """Standard deviation of the grain (Immerkær, 1996) over smooth, unclipped pixels of a photo of at most 256 pixels.

    The mask cancels slopes but not edges and texture, so it is read where the blurred photo is flattest.
    """
    import cv2

    blurred = cv2.blur(grey, (5, 5)).astype(np.float32)
    slope = np.abs(cv2.Sobel(blurred, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(blurred, cv2.CV_32F, 0, 1))
    usable = (blurred > _CLIPPED[0]) & (blurred < _CLIPPED[1])
    if usable.mean() < _LEAST_SMOOTH:
        return 0.0
    smooth = usable & (slope <= np.quantile(slope[usable][::4], _SMOOTH_SHARE))
    response = np.abs(cv2.filter2D(grey.astype(np.float32), cv2.CV_32F, _MASK))
    return float(np.sqrt(np.pi / 2) * response[smooth].mean() / 6)
