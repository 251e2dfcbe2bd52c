"""Where the object of a photo is and what is behind it, told from what differs from the photo's border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurizers.photo_views import FloatArray, Views, border_ring

# quantity: English title, Russian title, unit
LAYOUT: dict[str, tuple[str, str, str]] = {
    "object_share": ("share of the photo taken by the object", "доля фото, занятая объектом", "0-1"),
    "n_objects": ("parts that stand out from the background", "частей, выделяющихся на фоне", ""),
    "off_centre": ("distance of the object from the centre", "расстояние объекта от центра", "0-1"),
    "object_cut": ("share of the border that the object touches", "доля края, которой касается объект", "0-1"),
    "background_lightness": ("lightness of the background (CIELAB)", "светлота фона (CIELAB)", "0-100"),
    "background_chroma": ("colour strength of the background (CIELAB)", "сила цвета фона (CIELAB)", ""),
    "background_uniformity": ("evenness of the background", "однородность фона", "0-1"),
    "symmetry": ("likeness of the left and right halves", "сходство левой и правой половин", "-1-1"),
}

_SPREAD = 2.5  # CIELAB units of grain that even a plain border may have
_DIFFERS = 3.0  # spreads from the border at which a pixel belongs to the object
_BAND = 0.06  # of the side: the pixels along the border that tell the background
_LEAST_PART = 0.005  # of the photo: smaller parts are dust
_LEAST_OBJECT = 0.02  # of the photo, for a part to count as an object
_WIDEST_SPREAD = 127.5  # standard deviation of pixels half of which are 0 and half 255


def measure_layout(views: Views) -> dict[str, float]:
    """The quantities of ``LAYOUT``; where nothing stands out, those of the object are 0."""
    import cv2

    rows, columns = views.luma.shape
    half = max(1, columns // 2), max(1, rows // 2)
    lab = np.asarray(cv2.split(cv2.resize(views.lab, half, interpolation=cv2.INTER_AREA)), dtype=np.float32)
    mask, n_objects = object_mask(lab)
    background = ~mask if not mask.all() else border_ring(*mask.shape)
    lightness, red_green, yellow_blue = lab[:, background].mean(axis=1)
    _, spread = cv2.meanStdDev(views.small, mask=views.ring.astype(np.uint8))
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return {
        "object_share": float(mask.mean()),
        "n_objects": float(n_objects),
        "off_centre": _off_centre(mask),
        "object_cut": float(edge.mean()),
        "background_lightness": float(lightness),
        "background_chroma": float(np.hypot(red_green, yellow_blue)),
        "background_uniformity": 1 - min(1.0, float(np.sqrt((spread**2).mean())) / _WIDEST_SPREAD),
        "symmetry": _symmetry(lab),
    }


def object_mask(lab: FloatArray) -> tuple[NDArray[np.bool_], int]:
    """What differs in colour from the border, holes filled and dust left out, and its number of large parts.

    Each pixel's Mahalanobis distance from each of the four sides; the largest of the four is left out,
    so that an object may touch one side (the backgroundness cue of Zhang et al., Minimum Barrier
    Salient Object Detection at 80 FPS, 2015).

    Args:
        lab: float32 (3, rows, columns).
    """
    import cv2

    distances = side_distances(lab)
    typical = (distances.sum(axis=0) - distances.max(axis=0)) / 3
    differs = (typical > _DIFFERS).astype(np.uint8)
    closed = np.asarray(cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    filled = _fill_holes(closed)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(filled, connectivity=8)
    shares = stats[:, cv2.CC_STAT_AREA] / filled.size
    shares[0] = 0  # all that is not in a part
    return np.asarray((shares >= _LEAST_PART)[labels]), int((shares >= _LEAST_OBJECT).sum())


def side_distances(lab: FloatArray) -> FloatArray:
    """float32 (4, rows, columns): Mahalanobis distance from the colours along the top, bottom, left and right."""
    _, rows, columns = lab.shape
    down, across = max(1, round(_BAND * rows)), max(1, round(_BAND * columns))
    bands = lab[:, :down], lab[:, rows - down :], lab[:, :, :across], lab[:, :, columns - across :]
    sides = [band.reshape(3, -1) for band in bands]
    means = np.stack([side.mean(axis=1) for side in sides])
    covariances = np.stack([np.cov(side, bias=True) for side in sides]) + _SPREAD**2 * np.eye(3)
    # Rows of a matrix A with A.T @ A = covariance ** -1, so that the distance is the length of A @ (colour - mean).
    whitening = np.linalg.inv(np.linalg.cholesky(covariances)).astype(np.float32)
    shifts = (whitening @ means[..., None]).reshape(12, 1)
    whitened = whitening.reshape(12, 3) @ lab.reshape(3, -1) - shifts
    squares = (whitened**2).reshape(4, 3, rows, columns).sum(axis=1)
    return np.asarray(np.sqrt(squares), dtype=np.float32)


def _fill_holes(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is enclosed belongs to the object."""
    import cv2

    outside = cv2.copyMakeBorder(1 - mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(outside, connectivity=4)
    return np.asarray(labels[1:-1, 1:-1] != labels[0, 0], dtype=np.uint8)


def _off_centre(mask: NDArray[np.bool_]) -> float:
    """Of the object's centre of mass: 0 in the middle, 1 in a corner."""
    if not mask.any():
        return 0.0
    down, across = mask.mean(axis=1), mask.mean(axis=0)
    y = (np.arange(len(down)) + 0.5) @ down / down.sum() / len(down)
    x = (np.arange(len(across)) + 0.5) @ across / across.sum() / len(across)
    return float(np.hypot(2 * x - 1, 2 * y - 1) / np.sqrt(2))


def _symmetry(lab: FloatArray) -> float:
    """Correlation of the photo with its mirror image over the channels of CIELAB; 1 for a plain photo."""
    centred = lab - lab.mean(axis=(1, 2), keepdims=True)
    grain = 1.0  # squared CIELAB units: below it nothing is seen
    return float(((centred * centred[:, :, ::-1]).mean() + grain) / ((centred**2).mean() + grain))
