"""Colours of a photo by name."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from featurizers.photo_views import Pixels, Views

# The eleven basic colour terms of Berlin and Kay, 1969, and beige, with what stands for them in sRGB.
# fmt: off
NAMES: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "black": ("black", "чёрного", (0x000000, 0x141414, 0x1A1A22, 0x201A18, 0x101820)),
    "grey": ("grey", "серого", (0x404040, 0x606060, 0x808080, 0xA0A0A0, 0xC0C0C0, 0x708090, 0x8A8780, 0x50555C)),
    "white": ("white", "белого", (0xFFFFFF, 0xF2F2F2, 0xE4E4E6, 0xF8F4EC, 0xEAF2F8)),
    "beige": ("beige", "бежевого", (0xF5F5DC, 0xE8DCC0, 0xD2B48C, 0xE3CFB0, 0xC8B696, 0xEED9C4)),
    "brown": ("brown", "коричневого", (0x8B4513, 0x5C3A21, 0x3D2314, 0xA0693C, 0x7B5B3F, 0x6B4226, 0x654321, 0x94785C,
                                    0xB06A10, 0x9A7810, 0x544E10, 0x8B3A1C, 0xB38A50)),
    "red": ("red", "красного", (0xFF0000, 0xCC1020, 0xA01018, 0x8B0000, 0x5E0C14, 0xE23C32, 0xC04040)),
    "orange": ("orange", "оранжевого", (0xFF8000, 0xFFA500, 0xE8741E, 0xFF6A2A, 0xD9661F, 0xFFB060)),
    "yellow": ("yellow", "жёлтого", (0xFFFF00, 0xFFD700, 0xF5E050, 0xFFF59A, 0xD8B824, 0xC8C81E)),
    "green": ("green", "зелёного", (0x00FF00, 0x008000, 0x228B22, 0x0B3D1E, 0x6B8E23, 0x90EE90, 0x8FBC8F, 0x2E8B57,
                                    0x556B2F, 0x3CB48A, 0xA0E040, 0x9DC183, 0x1F4D3A, 0x00A86B, 0x94AC10, 0xB0C418)),
    "blue": ("blue", "синего", (0x0000FF, 0x000080, 0x1E90FF, 0x87CEEB, 0x4682B4, 0x1B2A4A, 0x00BFFF, 0x008B8B,
                                0x30D5C8, 0xADD8E6, 0x5B7FA6, 0x2B4C7E, 0x006080, 0x6495ED, 0x4060C0, 0x00005A,
                                0x0510C8, 0x1450FF, 0xCCFAFF, 0x5A38E8)),
    "purple": ("purple", "фиолетового", (0x800080, 0x4B0082, 0x9370DB, 0x8A2BE2, 0x6A4C7D, 0xB090D0, 0x3A1A4A,
                                         0xA040C0, 0x7A3E6E, 0xCC66FF)),
    "pink": ("pink", "розового", (0xFFC0CB, 0xFF69B4, 0xFF1493, 0xE75480, 0xF4A6B8, 0xD88090, 0xFFB0A8, 0xE0A0B8,
                                  0xE040A0, 0xFF70E0, 0xFF6F64, 0xFF8078, 0xFFEEF2)),
}
# fmt: on
COLOURS: dict[str, tuple[str, str, str]] = {
    **{f"colour_{key}": (f"share of {en}", f"доля {ru}", "0-1") for key, (en, ru, _) in NAMES.items()},
    "n_colours": ("colours over 5% of the photo", "цветов с долей больше 5%", ""),
}

_BITS = 5  # of each channel, in the table from colours to names
_LEAST = 0.05  # of the pixels, for a colour to count


def measure_colours(views: Views) -> dict[str, float]:
    """The quantities of ``COLOURS``."""
    shares = np.bincount(colour_names(views.planes).ravel(), minlength=len(NAMES)) / views.luma.size
    named = {f"colour_{key}": float(share) for key, share in zip(NAMES, shares, strict=True)}
    return named | {"n_colours": float((shares > _LEAST).sum())}


def colour_names(planes: Pixels) -> NDArray[np.uint8]:
    """The position in ``NAMES`` of each pixel of uint8 (3, ...): red, green, blue."""
    red, green, blue = (planes >> (8 - _BITS)).astype(np.uint16)
    return np.asarray(_table()[(red << 2 * _BITS) | (green << _BITS) | blue], dtype=np.uint8)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    """uint8 (2 ** 15,): the name whose nearest sample in CIELAB is nearest, for each colour of 5 bits a channel."""
    steps = np.arange(2**_BITS, dtype=np.float32) * (255 / (2**_BITS - 1))
    colours = _lab(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3))
    nearest = np.full(len(colours), np.inf, dtype=np.float32)
    names = np.zeros(len(colours), dtype=np.uint8)
    for position, (_, _, samples) in enumerate(NAMES.values()):
        for sample in samples:
            rgb = np.array([[sample >> 16, sample >> 8 & 255, sample & 255]], dtype=np.float32)
            distance = np.linalg.norm(colours - _lab(rgb), axis=1)
            closer = distance < nearest
            nearest[closer], names[closer] = distance[closer], position
    return names


def _lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    lab = cv2.cvtColor((rgb / 255)[None], cv2.COLOR_RGB2LAB)[0]
    return np.asarray(lab * np.array([0.7, 1, 1]), dtype=np.float32)  # names change less with lightness than with hue
