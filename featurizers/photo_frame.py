"""What was put around or between the pictures of a photo: white border, frame or bars, seams of a collage."""

from __future__ import annotations

import numpy as np

from featurizers.photo_light import WHITE
from featurizers.photo_views import FloatArray, Views

# quantity: English title, Russian title, unit
FRAME: dict[str, tuple[str, str, str]] = {
    "white_border": ("share of white along the border", "доля белого вдоль края", "0-1"),
    "frame_share": ("share taken by a frame or bars", "доля, занятая рамкой или полями", "0-1"),
    "seam": (
        "longest straight seam, of the side (collage)",
        "длиннейший прямой стык, от стороны (коллаж)",
        "0-1",
    ),
}

_PLAIN = 7.0  # levels of 255: a line of a frame has no larger standard deviation
_STEP = 20.0  # levels of 255 from one pixel to the next but one, across a seam or the inner side of a frame
_STRAIGHT = 0.8  # of a frame's inner side must be a step
_DEEPEST = 0.4  # of the side, for a frame
_MARGIN = 0.1  # of the side, where a seam is not looked for
_LEAST = 16  # pixels a side, for a seam


def measure_frame(views: Views) -> dict[str, float]:
    """The quantities of ``FRAME``."""
    luma = views.luma
    rows, columns = luma.shape
    top, bottom = _bar(luma), _bar(luma[::-1])
    left, right = _bar(luma.T), _bar(luma.T[::-1])
    inside = luma[top : rows - bottom, left : columns - right]
    white = views.planes.min(axis=0) >= WHITE
    return {
        "white_border": float(white[views.ring].mean()),
        "frame_share": 1 - inside.size / luma.size,
        "seam": max(_seam(inside), _seam(inside.T)),
    }


def _bar(luma: FloatArray) -> int:
    """Rows of a plain bar at the top whose lower side is a straight step; 0 if there is none."""
    rows, columns = luma.shape
    lines = luma[: max(2, int(_DEEPEST * rows)) + 1]
    plain = lines.std(axis=1) < _PLAIN
    if not plain[0] or plain.all():
        return 0
    depth = int(plain.argmin())
    middle = slice(columns // 5, columns - columns // 5)  # a frame's own sides are no step
    step = np.abs(luma[min(depth + 1, rows - 1), middle] - luma[depth - 1, middle]) > _STEP
    return depth if step.mean() >= _STRAIGHT else 0


def _seam(luma: FloatArray) -> float:
    """The largest share of its rows that a column's step to the next column but one runs through."""
    rows, columns = luma.shape
    if rows < _LEAST or columns < _LEAST:
        return 0.0
    margin = max(2, round(_MARGIN * columns))
    change = np.abs(luma[:, margin : columns - margin] - luma[:, margin - 2 : columns - margin - 2])
    return float((change > _STEP).mean(axis=0).max())
