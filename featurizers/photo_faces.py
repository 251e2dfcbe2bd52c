"""Faces that look at the camera."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from featurizers.photo_views import Pixels, Views

# quantity: English title, Russian title, unit
FACES: dict[str, tuple[str, str, str]] = {
    "n_faces": ("faces", "лиц", ""),
    "face_share": ("share of the photo taken by the largest face", "доля фото, занятая крупнейшим лицом", "0-1"),
}

_CASCADE = "haarcascade_frontalface_alt2.xml"  # comes with OpenCV (Lienhart and Maydt, 2002)
_LEAST = 24  # pixels of a photo of 128
_STEP = 1.25  # from one size of faces to the next
_VOTES = 3  # overlapping finds that make a face
_SKIN = (0, 133, 77), (255, 178, 130)  # Y, Cr, Cb of 255 (after Chai and Ngan, 1999): Y, dark to light, is free
_SKIN_OF_FACE = 0.35  # of a face's box
_GREY = 3.0  # mean colour strength in CIELAB: a grey photo shows no skin
_MARGIN = 12  # pixels around the skin
_MINE = threading.local()  # a cascade may be used by one thread at a time


def measure_faces(views: Views) -> dict[str, float]:
    """The quantities of ``FACES``: upright faces of at least 19% of the longer side.

    A Haar cascade over the part of the photo that has the colour of skin: where there is none, which
    holds for most product photos, it does not run. What it finds counts if it has that colour.
    """
    import cv2

    skin = np.asarray(cv2.inRange(cv2.cvtColor(views.small, cv2.COLOR_RGB2YCrCb), *_SKIN), dtype=np.uint8)
    if np.hypot(views.lab[..., 1], views.lab[..., 2]).mean() < _GREY:
        skin[:] = 255
    left, top, width, height = cv2.boundingRect(skin)
    found: list[Pixels] = []
    if cv2.countNonZero(skin) >= _SKIN_OF_FACE * _LEAST**2:
        x, y = max(0, left - _MARGIN), max(0, top - _MARGIN)
        part = slice(y, top + height + _MARGIN), slice(x, left + width + _MARGIN)
        grey = np.ascontiguousarray(views.luma[part]).astype(np.uint8)
        boxes = _cascade().detectMultiScale(grey, _STEP, _VOTES, minSize=(_LEAST, _LEAST))
        found = [box for box in boxes if _is_skin(skin[part], box)]
    largest = max((int(box[2]) * int(box[3]) for box in found), default=0)
    return {"n_faces": float(len(found)), "face_share": largest / views.luma.size}


def _is_skin(skin: Pixels, box: Any) -> bool:
    x, y, width, height = box
    return bool((skin[y : y + height, x : x + width] > 0).mean() >= _SKIN_OF_FACE)


def _cascade() -> Any:
    import cv2
    import cv2.data

    if not hasattr(_MINE, "cascade"):
        _MINE.cascade = cv2.CascadeClassifier(cv2.data.haarcascades + _CASCADE)
    return _MINE.cascade
