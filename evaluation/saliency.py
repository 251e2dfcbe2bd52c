"""Which regions of a photo and which words of a text move a score: each is left out in turn.

The model is a black box that scores variants of a row, so a map says what moves the output that is used - the fused
one - whatever it is made of. Photos: occlusion (Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional
Networks", section 4), with patches of several sizes whose maps are averaged, filled with the colour around them so
that as little as can be is added. Texts: leave-one-out ("erasure": Li, Monroe and Jurafsky 2016, "Understanding Neural
Networks through Representation Erasure").

All values are in link units (log-odds, logits, units of the target): what the score loses without a piece, so that
positive means that the piece raises the output. Nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.words import WORD

Float = NDArray[np.float64]
Pixels = NDArray[np.uint8]
ScorePhotos = Callable[[Sequence[Pixels]], Float]  # scores (n,) of photos
ScoreTexts = Callable[[Sequence[str]], Float]  # scores (n,) of texts

PATCHES_A_SIDE = (3, 5)  # of a square photo; neighbours overlap by half, so that these are 25 and 81 patches
MAX_PIECES = 64  # of a text that are left out one by one; there are as many variants
MAX_CHARACTERS = 60_000  # of all variants of a text together
MIN_PIECES = 8
NOTHING = 1e-9  # of the score: what rounding does, but no piece


@dataclass(frozen=True)
class Patch:
    """A rectangle of pixels, and which of ``PATCHES_A_SIDE`` it belongs to."""

    top: int
    left: int
    bottom: int
    right: int
    size: int


@dataclass(frozen=True)
class Piece:
    """A word or phrase of a text, as positions of characters; ``delta`` is what it adds to the score, NaN untried."""

    start: int
    end: int
    delta: float = np.nan


def patches_of(height: int, width: int, a_side: Sequence[int] = PATCHES_A_SIDE) -> tuple[Patch, ...]:
    """Overlapping patches of several sizes that cover a photo.

    A patch's side is that of a square photo of the same area, divided by ``a_side``: long photos get no more of them.

    Raises:
        InputError: if the photo has no pixels.
    """
    if height < 1 or width < 1:
        raise InputError(f"A photo needs at least one pixel, but this one has {height} x {width}.")
    found = []
    for size, n in enumerate(a_side):
        side = max(1, round(np.sqrt(height * width) / n))
        tops, tall = _starts(height, side)
        lefts, wide = _starts(width, side)
        found += [Patch(top, left, top + tall, left + wide, size) for top in tops for left in lefts]
    return tuple(found)


def _starts(length: int, side: int) -> tuple[list[int], int]:
    """Where patches begin along one side, at most half a patch apart, and how long they are there."""
    side = min(side, length)
    n = int(np.ceil((length - side) / max(1.0, side / 2))) + 1
    return list(dict.fromkeys(np.linspace(0, length - side, n).round().astype(int).tolist())), side


def occluded(photo: Pixels, patch: Patch) -> Pixels:
    """A copy of a photo uint8 (height, width, 3) whose patch has the mean colour of a frame half as wide around it."""
    height, width = photo.shape[:2]
    tall, wide = (patch.bottom - patch.top + 1) // 2, (patch.right - patch.left + 1) // 2
    top, left = max(0, patch.top - tall), max(0, patch.left - wide)
    around = photo[top : min(height, patch.bottom + tall), left : min(width, patch.right + wide)]
    inside = photo[patch.top : patch.bottom, patch.left : patch.right]
    n = around[..., 0].size - inside[..., 0].size
    total = around.sum(axis=(0, 1), dtype=np.float64)
    colour = (total - inside.sum(axis=(0, 1), dtype=np.float64)) / n if n else total / around[..., 0].size
    result = photo.copy()
    result[patch.top : patch.bottom, patch.left : patch.right] = colour.round().astype(np.uint8)
    return result


def heatmap(height: int, width: int, patches: Sequence[Patch], deltas: Float) -> Float:
    """float64 (height, width): at each pixel the mean delta of the patches over it, averaged over their sizes.

    Args:
        height: of the photo.
        width: of the photo.
        patches: from ``patches_of``.
        deltas: (n_patches,) score of the photo less that of the photo without the patch.

    Raises:
        InputError: if there is not one finite delta for each patch.
    """
    if deltas.shape != (len(patches),) or not np.isfinite(deltas).all():
        raise InputError(
            f"A heatmap needs a finite delta for each of {len(patches)} patches, but got shape {deltas.shape} with "
            f"{int((~np.isfinite(deltas)).sum())} values that are not finite. Look at the model's scores."
        )
    sizes = sorted({patch.size for patch in patches})
    result = np.zeros((height, width))
    for size in sizes:
        total, count = np.zeros((height, width)), np.zeros((height, width))
        for patch, delta in zip(patches, deltas, strict=True):
            if patch.size == size:
                total[patch.top : patch.bottom, patch.left : patch.right] += delta
                count[patch.top : patch.bottom, patch.left : patch.right] += 1
        result += total / count / len(sizes)
    return result


def differences(reference: float, scores: Float) -> Float:
    """``reference - scores``, with exact zeros where they differ by rounding alone."""
    with np.errstate(invalid="ignore"):  # scores that are not finite are refused by what takes the differences
        found = reference - scores
    return np.where(np.abs(found) <= NOTHING * max(1.0, abs(reference)), 0.0, found)


def occlusion_map(photo: Pixels, score: ScorePhotos, a_side: Sequence[int] = PATCHES_A_SIDE) -> Float:
    """The heatmap (height, width) of a photo uint8 (height, width, 3), in the units of ``score``.

    ``score`` is called once, with the photo itself first.

    Raises:
        InputError: if the photo has no pixels, or a score is not finite.
    """
    height, width = photo.shape[:2]
    patches = patches_of(height, width, a_side)
    scores = score([photo, *(occluded(photo, patch) for patch in patches)])
    return heatmap(height, width, patches, differences(float(scores[0]), scores[1:]))


def pieces_of(text: str, max_pieces: int = MAX_PIECES) -> tuple[Piece, ...]:
    """The words of a text; of a long one phrases of equally many words, so that there are at most ``max_pieces``.

    The variants of a text hold ``MAX_CHARACTERS`` together, but there are at least ``MIN_PIECES``.
    """
    words = [(match.start(), match.end()) for match in WORD.finditer(text)]
    most = min(max_pieces, max(MIN_PIECES, MAX_CHARACTERS // max(1, len(text))))
    a_piece = -(-len(words) // most) if words else 1
    groups = [words[i : i + a_piece] for i in range(0, len(words), a_piece)]
    return tuple(Piece(group[0][0], group[-1][1]) for group in groups)


def without(text: str, piece: Piece) -> str:
    """The text without a piece, and without the space that would be left over."""
    left, right = text[: piece.start], text[piece.end :]
    return left + (right.lstrip(" ") if not left or left[-1].isspace() else right)


def leave_out(text: str, score: ScoreTexts, max_pieces: int = MAX_PIECES) -> tuple[Piece, ...]:
    """The pieces of a text with their deltas, in the units of ``score``, which is called once; none without words.

    Raises:
        InputError: if a score is not finite.
    """
    pieces = pieces_of(text, max_pieces)
    if not pieces:
        return ()
    scores = score([text, *(without(text, piece) for piece in pieces)])
    return scored(pieces, differences(float(scores[0]), scores[1:]))


def scored(pieces: Sequence[Piece], deltas: Float) -> tuple[Piece, ...]:
    """The pieces with their deltas (n_pieces,).

    Raises:
        InputError: if there is not one finite delta for each piece.
    """
    if deltas.shape != (len(pieces),) or not np.isfinite(deltas).all():
        raise InputError(f"{len(pieces)} pieces of a text need as many finite deltas, but got shape {deltas.shape}.")
    return tuple(Piece(piece.start, piece.end, float(delta)) for piece, delta in zip(pieces, deltas, strict=True))
