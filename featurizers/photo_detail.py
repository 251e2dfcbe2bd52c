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
_CLIPPED = (5, 250)  # levels of 255: nearer to black and white, grain is cut off
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

    laplacian = cv2.Laplacian(luma, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)
    return float(cv2.meanStdDev(laplacian)[1][0, 0] ** 2)


def _edges(luma: FloatArray) -> NDArray[np.bool_]:
    import cv2

    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=1, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=1, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.magnitude(across, down) > 2 * _EDGE)


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

    blurred = cv2.blur(grey, (5, 5))
    slopes = (cv2.convertScaleAbs(cv2.Sobel(blurred, cv2.CV_16S, *order)) for order in ((1, 0), (0, 1)))
    slope = cv2.add(*slopes)
    usable = cv2.inRange(blurred, *_CLIPPED)
    counts = np.cumsum(cv2.calcHist([slope], [0], usable, [256], [0, 256]))
    if counts[-1] < _LEAST_SMOOTH * grey.size:
        return 0.0
    flattest = int(np.searchsorted(counts, _SMOOTH_SHARE * counts[-1]))
    smooth = cv2.bitwise_and(usable, cv2.inRange(slope, 0, flattest))
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, _MASK))
    return float(np.sqrt(np.pi / 2) * cv2.mean(response, smooth)[0] / 6)
