"""Text that was put on a photo: letter-like spots in rows (no recognition)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from featurizers.photo_views import Pixels, Views

# quantity: English title, Russian title, unit
TEXT: dict[str, tuple[str, str, str]] = {
    "text_share": ("share of the photo under text", "доля фото под текстом", "0-1"),
    "text_lines": ("lines of text", "строк текста", ""),
}

_WINDOW = 25  # pixels a side, odd: a spot is set against the mean around it
_LEAST_CONTRAST = 14  # levels of 255
_LOWEST = 5  # pixels of a photo of 256
_TALLEST = 0.18  # of the shorter side: what is taller is more often no letter
_WIDEST = 2.5  # of the height: letters that touch
_NARROWEST = 0.12
_FILL = (0.2, 0.92)  # of a letter's box
_MOST_SPOTS = 256  # the strongest: the pairs of all would take long
_LEAST_LETTERS, _LEAST_WEAK = 4, 5  # in a row; of weak contrast
_UNEVEN = 0.25  # standard deviation of the heights of a row's letters, of their mean
_EQUAL, _ROUNDED = 0.04, 0.6  # the same of widths and distances, or in pixels, in a woven or printed pattern
_LEAST_WIDTH = 0.5  # of the height, on average over a row
_STRONG = 65  # levels of 255: the contrast of text that is meant to be read
# The mean share of their boxes that letters fill. Of 337 lines written on photos 98% fill at most .71 and
# 90% at most .64; what was taken for lines on checked shirts fills .72 in the median.
_STRONG_STROKES, _STROKES = 0.75, 0.6

Boxes = NDArray[np.float32]  # (n, 6): left, top, right, bottom, contrast, filled share


class Line(NamedTuple):
    """The box of a line of text, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


def measure_text(views: Views) -> dict[str, float]:
    """The quantities of ``TEXT``."""
    lines = text_lines(views.grey)
    area = sum((line.right - line.left) * (line.bottom - line.top) for line in lines)
    return {"text_share": min(1.0, area / views.grey.size), "text_lines": float(len(lines))}


def text_lines(grey: Pixels) -> list[Line]:
    """Rows of at least ``_LEAST_LETTERS`` dark or light letter-like spots."""
    import cv2

    around = cv2.blur(grey, (_WINDOW, _WINDOW))
    contrasts = cv2.subtract(around, grey), cv2.subtract(grey, around)  # 0 where the sign is the other
    return [line for contrast in contrasts for line in _rows(_letters(np.asarray(contrast, dtype=np.uint8)))]


def _letters(contrast: Pixels) -> Boxes:
    """Spots of the size and the form of letters where the contrast is high."""
    import cv2

    spots = cv2.threshold(contrast, _LEAST_CONTRAST - 1, 255, cv2.THRESH_BINARY)[1]
    stats = cv2.connectedComponentsWithStats(spots, connectivity=8)[2]
    _, _, width, height, area = stats.T.astype(np.float32)
    fill = area / (width * height)
    fits = (
        (height >= _LOWEST)
        & (height <= max(_LOWEST, _TALLEST * min(contrast.shape)))
        & (width <= _WIDEST * height)
        & (width >= _NARROWEST * height)
    )
    fits &= (fill >= _FILL[0]) & (fill <= _FILL[1])
    fits[0] = False  # all that is in no spot
    kept = np.flatnonzero(fits)
    if len(kept) < _LEAST_LETTERS:
        return np.empty((0, 6), dtype=np.float32)
    x0, y0, w, h, n = stats[kept].T
    total = cv2.integral(cv2.bitwise_and(contrast, spots))  # a row and a column of zeros first
    inside = total[y0 + h, x0 + w] - total[y0, x0 + w] - total[y0 + h, x0] + total[y0, x0]
    boxes = np.stack([x0, y0, x0 + w, y0 + h, inside / n, n / (w * h)], axis=1).astype(np.float32)
    return boxes[np.argsort(-boxes[:, 4], kind="stable")[:_MOST_SPOTS]]


def _rows(letters: Boxes) -> list[Line]:
    """Letters that stand side by side, of like height and contrast, each tied to the nearest on its right."""
    if len(letters) < _LEAST_LETTERS:
        return []
    left, top, right, bottom, contrast, _ = letters.T
    height = bottom - top
    tall = np.maximum(height[:, None], height)
    gap = left[None, :] - right[:, None]
    tied = (gap > -0.3 * tall) & (gap < 0.8 * tall) & (left[None, :] > left[:, None])
    tied &= np.abs(bottom[:, None] - bottom) <= np.maximum(1.0, 0.15 * tall)
    tied &= np.minimum(height[:, None], height) >= 0.55 * tall
    tied &= np.minimum(contrast[:, None], contrast) >= 0.5 * np.maximum(contrast[:, None], contrast)
    nearest = np.where(tied, gap, np.inf).argmin(axis=1)
    row = np.arange(len(letters))
    for letter in np.argsort(-left, kind="stable"):  # from right to left, so that the next one's row is known
        if tied[letter, nearest[letter]]:
            row[letter] = row[nearest[letter]]
    those = [np.flatnonzero(row == number) for number in np.flatnonzero(np.bincount(row) >= _LEAST_LETTERS)]
    return [_line(letters[part]) for part in those if _is_line(letters[part])]


def _line(letters: Boxes) -> Line:
    left, top = letters[:, :2].min(axis=0)
    right, bottom = letters[:, 2:4].max(axis=0)
    return Line(float(left), float(top), float(right), float(bottom))


def _is_line(letters: Boxes) -> bool:
    """Level, longer than high, of strokes and not of one piece repeated, as the squares of a checked shirt are."""
    left, top, right, bottom, contrast, fill = letters.T
    width, height = right - left, bottom - top
    line = _line(letters)
    usual = float(np.median(height))
    level = line.bottom - line.top <= 2 * usual <= line.right - line.left
    alike = height.std() <= _UNEVEN * height.mean()
    upright = (width / height).mean() >= _LEAST_WIDTH
    strong = contrast.mean() >= _STRONG
    strokes = _STRONG_STROKES if strong else _STROKES
    enough = len(letters) >= (_LEAST_LETTERS if strong else _LEAST_WEAK)
    middles = np.sort(left + right) / 2
    pitch = np.diff(middles)
    pattern = all(of.std() <= max(_EQUAL * of.mean(), _ROUNDED) for of in (width, height, pitch))
    return bool(enough and level and alike and upright and fill.mean() <= strokes and not pattern)
