"""A photo with its heatmap over it, as a picture inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

# Ends of a scale that people with any colour vision tell apart: orange and blue differ in the hue that all see, and are
# equally dark, so that neither sign looks stronger (as in the schemes of Brewer, colorbrewer2.org).
RAISES = (217, 95, 2)
LOWERS = (31, 104, 190)
MOST_OPAQUE = 0.8
PALE = 0.55  # how far a photo under a heatmap is moved to a light grey, so that colours on it are the map's alone
LIGHT = 235.0


def overlay(pixels: NDArray[np.uint8], heat: Float) -> NDArray[np.uint8]:
    """uint8 (height, width, 3): a photo in pale grey, under orange where ``heat`` is positive and blue where negative.

    Args:
        pixels: uint8 (height, width, 3).
        heat: (height, width); the colour is as opaque as the value's share of the largest absolute one. Nothing is
            coloured if it is zero everywhere.
    """
    grey = pixels.astype(np.float64) @ np.array([0.2126, 0.7152, 0.0722])
    pale = (1 - PALE) * grey + PALE * LIGHT
    most = float(np.abs(heat).max(initial=0.0))
    share = MOST_OPAQUE * np.abs(heat) / most if most else np.zeros_like(heat)
    colour = np.where((heat > 0)[..., None], np.array(RAISES, float), np.array(LOWERS, float))
    mixed = (1 - share)[..., None] * pale[..., None] + share[..., None] * colour
    return np.asarray(mixed.round().clip(0, 255), dtype=np.uint8)


def as_data_uri(pixels: NDArray[np.uint8]) -> str:
    """A JPEG of uint8 (height, width, 3) as a data URI: nothing but pixels, so no metadata of a photo."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
