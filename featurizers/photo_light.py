"""Light and colour of a photo as a whole."""

from __future__ import annotations

import numpy as np

from featurizers.photo_views import FloatArray, Views

# quantity: English title, Russian title, unit
LIGHT: dict[str, tuple[str, str, str]] = {
    "brightness": ("brightness", "яркость", "0-1"),
    "contrast": ("contrast (spread of brightness)", "контраст (разброс яркости)", "0-0.5"),
    "saturation": ("saturation of colours", "насыщенность цветов", "0-1"),
    "colourfulness": ("colourfulness (Hasler and Süsstrunk)", "красочность (Хаслер и Зюсструнк)", ""),
    "warmth": ("warmth (red minus blue)", "теплота (красный минус синий)", "-1-1"),
    "dark_share": ("share of nearly black pixels", "доля почти чёрных пикселей", "0-1"),
    "white_share": ("share of nearly white pixels", "доля почти белых пикселей", "0-1"),
    "entropy": ("variety of brightness, bits (entropy)", "разнообразие яркости, бит (энтропия)", "0-8"),
}

WHITE = 240  # of 255, in every channel
BLACK = 16


def measure_light(views: Views) -> dict[str, float]:
    """The quantities of ``LIGHT``."""
    red, green, blue = views.planes.astype(np.float32)
    most, least = views.planes.max(axis=0), views.planes.min(axis=0)
    return {
        "brightness": float(views.luma.mean()) / 255,
        "contrast": float(views.luma.std()) / 255,
        "saturation": float(((most - least).astype(np.float32) / np.maximum(most, 1)).mean()),
        "colourfulness": _colourfulness(red, green, blue),
        "warmth": float(red.mean() - blue.mean()) / 255,
        "dark_share": float((most <= BLACK).mean()),
        "white_share": float((least >= WHITE).mean()),
        "entropy": _entropy(views.luma),
    }


def _colourfulness(red: FloatArray, green: FloatArray, blue: FloatArray) -> float:
    """Hasler and Süsstrunk, 2003: 0 for grey, 15 slightly, 45 quite, 82 highly, 109 extremely colourful."""
    red_green, yellow_blue = red - green, 0.5 * (red + green) - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def _entropy(luma: FloatArray) -> float:
    counts = np.bincount(np.minimum(luma, 255).astype(np.uint8).ravel(), minlength=256)
    shares = counts[counts > 0] / luma.size
    return max(0.0, -float((shares * np.log2(shares)).sum()))
