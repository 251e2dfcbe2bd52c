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
        "straight seam from side to side (collage)",
        "прямой стык от края до края (коллаж)",
        "0-1",
    ),
}

_PLAIN = 7.0  # levels of 255: a line of a frame has no larger standard deviation
_STEP = 20.0  # levels of 255 from one pixel to the next but one, across a seam or the inner side of a frame
_STRAIGHT, _WHOLE = 0.9, 0.97  # of the inner side of a frame, or of a bar, must be a step
_DEEPEST = 0.4  # of the side, for a bar
_UNEVEN = 2.5  # the widest side of a frame to its narrowest: a product on white is no frame
_MARGIN = 0.1  # of the side, where a seam is not looked for
_END = 0.05  # of the length of a seam: it must reach both sides
_LEAST = 16  # pixels a side, for a seam


def measure_frame(views: Views) -> dict[str, float]:
    """The quantities of ``FRAME``."""
    luma = views.luma
    top, bottom, left, right = _frame(views.planes.astype(np.float32))
    inside = luma[top : luma.shape[0] - bottom, left : luma.shape[1] - right]
    white = views.planes.min(axis=0) >= WHITE
    return {
        "white_border": float(white[views.ring].mean()),
        "frame_share": 1 - inside.size / luma.size,
        "seam": max(_seam(inside), _seam(inside.T)),
    }


def _frame(planes: FloatArray) -> tuple[int, int, int, int]:
    """Pixels of a plain frame at the top, bottom, left and right, or of bars that run from side to side; or zeros."""
    turned = planes.transpose(0, 2, 1)
    pictures = planes, planes[:, ::-1], turned, turned[:, ::-1]
    depths = [_plain_lines(picture) for picture in pictures]
    if min(depths) > 0 and max(depths) <= _UNEVEN * min(depths):
        ends = (depths[2:], depths[2:], depths[:2], depths[:2])
        steps = [_step(*side) for side in zip(pictures, depths, ends, strict=True)]
        if min(steps) >= _STRAIGHT:
            return depths[0], depths[1], depths[2], depths[3]
    steps = [_step(*side, [0, 0]) for side in zip(pictures, depths, strict=True)]
    bars = [depth if step >= _WHOLE else 0 for depth, step in zip(depths, steps, strict=True)]
    return bars[0], bars[1], bars[2], bars[3]


def _plain_lines(planes: FloatArray) -> int:
    """Rows at the top of which each is of one tone; 0 if all are."""
    green = planes[1, : max(2, int(_DEEPEST * planes.shape[1])) + 1]  # most of the brightness
    plain = green.std(axis=1) < _PLAIN
    return 0 if plain.all() else int(plain.argmin())


def _step(planes: FloatArray, depth: int, ends: list[int]) -> float:
    """The share of the length, but for the ends, along which the colour jumps below the first ``depth`` rows."""
    _, rows, columns = planes.shape
    along = slice(ends[0], columns - ends[1])
    jump = np.abs(planes[:, min(depth + 1, rows - 1), along] - planes[:, max(depth - 1, 0), along]).max(axis=0)
    return float((jump > _STEP).mean()) if depth and jump.size else 0.0


def _seam(luma: FloatArray) -> float:
    """How far the straightest column of steps to the next column but one runs, from side to side."""
    rows, columns = luma.shape
    if rows < _LEAST or columns < _LEAST:
        return 0.0
    margin, end = max(2, round(_MARGIN * columns)), round(_END * rows)
    steps = np.abs(luma[:, margin : columns - margin] - luma[:, margin - 2 : columns - margin - 2]) > _STEP
    parts = [part.mean(axis=0) for part in (steps[:end], steps[end : rows - end], steps[rows - end :])]
    return float(np.minimum(np.minimum(parts[0], parts[2]), parts[1]).max())
