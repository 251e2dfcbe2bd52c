"""Variants of a raw row: its photo without a region, its text without a word."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.schema import Column
from evaluation.row_explanation import State
from evaluation.saliency import Patch, Piece, occluded, patches_of, pieces_of, without
from featurizers.image_cells import photos_in
from featurizers.image_decoding import UnreadableImageError, decode_image
from featurizers.image_loading import ImageLoader
from featurizers.text_cleaning import as_text, plain_text

Pixels = NDArray[np.uint8]

MAX_SIDE = 480  # pixels of the copy of a photo that regions are covered on


@dataclass
class Trial:
    """A photo or text. Its variants begin at ``start``: the copy as it is, then one for each patch or piece."""

    column: Column
    state: State = State.TRIED
    start: int = 0
    pixels: Pixels | None = None
    patches: tuple[Patch, ...] = ()
    n_photos: int = 1
    text: str = ""
    pieces: tuple[Piece, ...] = ()


@dataclass
class Variants:
    """The column and the cell in which each variant differs from the row."""

    changes: list[tuple[str, Any]] = field(default_factory=list)

    def add(self, column: str, value: Any) -> None:
        """One more variant, with another cell in one column."""
        self.changes.append((column, value))

    def frame(self, row: pd.DataFrame) -> pd.DataFrame:
        """A row (a frame of one) repeated with the changes made."""
        result = row.iloc[np.zeros(len(self.changes), dtype=int)].reset_index(drop=True)
        for name in dict.fromkeys(name for name, _ in self.changes):
            own = row[name].iloc[0]
            cells = np.empty(len(self.changes), dtype=object)
            for i, (changed, value) in enumerate(self.changes):
                cells[i] = value if changed == name else own
            result[name] = pd.Series(cells, dtype=object)
        return result


def photo_trial(row: pd.DataFrame, column: Column, loader: ImageLoader, is_used: bool, variants: Variants) -> Trial:
    """Decode the first photo of a row's cell and add its variants; the other photos of the cell stay.

    Args:
        row: a frame of one row.
        column: of photos.
        loader: of the photos.
        is_used: whether the model has any feature of the column; there are no variants if not.
        variants: gets the new ones.
    """
    cell = row[column.name].iloc[0] if column.name in row else None
    photos = photos_in(cell, loader)
    loaded = loader.load(photos[0] if photos else None)
    if loaded.failure:
        return Trial(column, State.MISSING if loaded.failure == "image_missing" else State.BROKEN)
    try:
        image = decode_image(loaded.content, MAX_SIDE // 2)
    except UnreadableImageError:
        return Trial(column, State.BROKEN)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    pixels = np.asarray(image)
    if not is_used:
        return Trial(column, State.UNUSED, pixels=pixels, n_photos=len(photos))
    trial = Trial(column, State.TRIED, len(variants.changes), pixels, patches_of(*pixels.shape[:2]), len(photos))
    for photo in (pixels, *(occluded(pixels, patch) for patch in trial.patches)):
        encoded = as_png(photo)
        variants.add(column.name, [encoded, *photos[1:]] if len(photos) > 1 else encoded)
    return trial


def as_png(pixels: Pixels) -> bytes:
    """A photo as the content of a file, without any loss."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def text_trial(row: pd.DataFrame, column: Column, is_used: bool, variants: Variants) -> Trial:
    """Add the variants of a row's text, which are plain texts; see ``photo_trial``."""
    text = plain_text(as_text(row[column.name].iloc[0] if column.name in row else None))
    if not text:
        return Trial(column, State.MISSING)
    pieces = pieces_of(text)
    if not pieces or not is_used:
        return Trial(column, State.UNUSED if pieces else State.NO_WORDS, text=text)
    trial = Trial(column, State.TRIED, len(variants.changes), text=text, pieces=pieces)
    for variant in (text, *(without(text, piece) for piece in pieces)):
        variants.add(column.name, variant)
    return trial
