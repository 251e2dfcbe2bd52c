"""The audit of a column of photos: which are of no use, which repeat each other, and which cross a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.finding import Audit
from artifacts.schema import Column
from featurizers.base import Surroundings
from featurizers.near_duplicates import clusters_of_pairs, near_pairs, numbered
from featurizers.photo_facts import PhotoFacts, photo_facts
from featurizers.repeats import Repeats, report_repeats

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

ONE_COLOUR = 12.0  # of 255: noise of JPEG around one colour stays below
SHORTEST_SIDE = 64  # pixels; fewer show a thumbnail at best
BLURRED = 0.6  # of fineness; a Gaussian blur of 1.5 pixels at 256 gives 0.4, sharp photos 1.2 and more
_WHITE, _BLACK = 235, 20  # of 255, in every channel of the mean colour

NEAR_PERCEPTUAL = 6  # bits of 64
NEAR_DIFFERENCE = 10
NEAR_THUMBNAIL = 0.05  # of the thumbnail's own spread may differ: photos of a shop that look alike start at 0.09
NEAR_PIXEL = 10.0  # of 255: no pixel of the thumbnail differs by more; two black wallets do
_PART = 4096  # pairs compared at once
_BANDS = 4  # of 16 bits in each of both hashes: a pair with at most 7 of 128 bits different shares one


@dataclass(frozen=True)
class PhotoProblems:
    """Masks (n_samples,) of photos that are of little use."""

    blank: Bool
    one_colour: Bool
    tiny: Bool
    blurred: Bool


def audit_photos(
    values: pd.Series[Any], column: Column, surroundings: Surroundings, n_train: int
) -> tuple[Repeats, PhotoFacts]:
    """Add what is wrong with the photos of a column, and tell which rows repeat each other.

    Args:
        values: the column, training rows first; its index names the rows in findings.
        column: what it is called.
        surroundings: where photos are, the cache, where to report.
        n_train: how many rows are training rows; findings about a split need others behind them.

    Raises:
        ArtifactError: if the cache cannot be written.
    """
    facts = photo_facts(values, column, surroundings)
    problems = photo_problems(facts)
    _report(values.index, facts, problems, column, surroundings.audit)
    seen = facts.readable & ~(problems.blank | problems.one_colour)
    repeats = photo_repeats(facts, seen, seen & ~problems.tiny)
    report_repeats(repeats, values.index, column, n_train, surroundings.audit, "image")
    return repeats, facts


def photo_problems(facts: PhotoFacts) -> PhotoProblems:
    """Which photos are blank (white or black all over), of another single colour, tiny or blurred; at most one each."""
    mean = facts.thumbnail.reshape(len(facts.thumbnail), -1, 3).mean(axis=1)
    plain = facts.readable & (facts.deviation <= ONE_COLOUR)
    blank = plain & ((mean >= _WHITE).all(axis=1) | (mean <= _BLACK).all(axis=1))
    with np.errstate(invalid="ignore"):
        tiny = facts.readable & ~plain & (np.minimum(facts.width, facts.height) < SHORTEST_SIDE)
        blurred = facts.readable & ~plain & ~tiny & (facts.fineness < BLURRED)
    return PhotoProblems(blank, plain & ~blank, tiny, blurred)


def photo_repeats(facts: PhotoFacts, seen: Bool, comparable: Bool) -> Repeats:
    """Clusters of equal bytes among ``seen`` rows, and of equal or nearly alike photos among ``comparable`` ones.

    Two photos are nearly alike if both perceptual hashes are close and one's thumbnail is the other's, but for light:
    the same photo in another size, format or quality, or darker. Hashes alone take all sunglasses on white for one
    photo; the price is that a copy with more than a sliver of its sides cut off is not found.
    """
    exact = np.full(len(seen), -1, dtype=np.int64)
    exact[seen] = numbered(facts.content[seen])
    near = exact.copy()
    _, first = np.unique(facts.content[comparable], return_index=True)
    rows = np.flatnonzero(comparable)[np.sort(first)]  # one row for each content
    if len(rows) < 2:
        return Repeats(exact, near)
    perceptual, difference = facts.perceptual[rows], facts.difference[rows]
    thumbnails = facts.thumbnail[rows].astype(np.float32)
    thumbnails -= thumbnails.mean(axis=1, keepdims=True)

    def alike(one: Int, other: Int) -> Bool:
        close = np.bitwise_count(perceptual[one] ^ perceptual[other]) <= NEAR_PERCEPTUAL
        close &= np.bitwise_count(difference[one] ^ difference[other]) <= NEAR_DIFFERENCE
        at = np.flatnonzero(close)
        for start in range(0, len(at), _PART):
            part = at[start : start + _PART]
            close[part] = _same_but_for_light(thumbnails[one[part]], thumbnails[other[part]])
        return np.asarray(close)

    pairs = near_pairs(_bands(perceptual, difference), perceptual, alike)
    joined = clusters_of_pairs(pairs, len(rows))
    code_of_exact = np.arange(exact.max() + 1) + len(rows)  # contents that are not compared keep their own cluster
    code_of_exact[exact[rows]] = joined
    near[seen] = numbered(code_of_exact[exact[seen]])
    return Repeats(exact, near)


def _same_but_for_light(one: NDArray[np.float32], other: NDArray[np.float32]) -> Bool:
    """Whether centred thumbnails (n, n_values) are equal after scaling the second to the first."""
    scale = np.einsum("ij,ij->i", one, other) / np.maximum(np.einsum("ij,ij->i", other, other), 1e-9)
    left = one - scale[:, None] * other
    share = np.sqrt(np.einsum("ij,ij->i", left, left) / np.maximum(np.einsum("ij,ij->i", one, one), 1e-9))
    return np.asarray((scale > 0) & (share <= NEAR_THUMBNAIL) & (np.abs(left).max(axis=1) <= NEAR_PIXEL))


def _bands(perceptual: NDArray[np.uint64], difference: NDArray[np.uint64]) -> NDArray[np.uint64]:
    shifts = np.array([48, 32, 16, 0], dtype=np.uint64)[:_BANDS]
    words = [(hash_[:, None] >> shifts) & np.uint64(0xFFFF) for hash_ in (perceptual, difference)]
    return np.concatenate(words, axis=1)


def _report(index: pd.Index[Any], facts: PhotoFacts, problems: PhotoProblems, column: Column, audit: Audit) -> None:
    total = len(index)
    for code, mask, details in (
        ("image_blank", problems.blank, {}),
        ("image_one_colour", problems.one_colour, {}),
        ("image_tiny", problems.tiny, {"limit": SHORTEST_SIDE}),
        ("image_blurred", problems.blurred, {"limit": BLURRED}),
    ):
        rows = np.flatnonzero(mask)
        if code == "image_blurred":
            rows = rows[np.argsort(facts.fineness[rows], kind="stable")]  # the worst are named first
        if len(rows):
            audit.add(code, column=column.name, rows=index[rows], total=total, **details)
