"""Where a pair stands among the training pairs in a common space, and one set of axes for several heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurizers.contrastive import FloatArray, Head, Keys, Pairs

MAX_BANK = 10_000  # training pairs that rows are compared with, so that time is linear in the rows
BLOCK = 512  # rows compared at once: 20 MB of similarities
TIE = 0.005  # half the width over which a rank rises: rounding must not decide whether another photo fits better


@dataclass(frozen=True)
class Bank:
    """Training pairs as each head places them: float16 (n_heads, n_pairs, width), and the keys of their contents."""

    first: NDArray[np.float16]
    second: NDArray[np.float16]
    first_key: Keys
    second_key: Keys

    @classmethod
    def rows(cls, pairs: Pairs, random: np.random.Generator) -> Pairs:
        """At most ``MAX_BANK`` of the pairs, in their order."""
        return pairs.take(np.sort(random.permutation(len(pairs))[:MAX_BANK]))

    @classmethod
    def of(cls, pairs: Pairs, heads: Sequence[tuple[Head, Head]]) -> Bank:
        """The pairs as every head places them."""
        first = np.stack([head.project(pairs.first) for head, _ in heads]).astype(np.float16)
        second = np.stack([head.project(pairs.second) for _, head in heads]).astype(np.float16)
        return cls(first, second, pairs.first_key, pairs.second_key)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its arrays by name; ``from_arrays`` reads them back."""
        return {f"bank.{name}": array for name, array in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Bank:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: if one is missing.
        """
        return cls(*(arrays[f"bank.{name}"] for name in ("first", "second", "first_key", "second_key")))


def common_axes(heads: Sequence[tuple[Head, Head]], pairs: Pairs) -> list[tuple[Head, Head]]:
    """The same heads, rotated so that all place the pairs alike, with the main directions of the pairs first.

    A rotation changes no cosine. The one that takes a head to the first is found from the middles of the
    pairs (orthogonal Procrustes; Schoenemann, 1966).
    """
    placed = [first.project(pairs.first) + second.project(pairs.second) for first, second in heads]
    target = placed[0].astype(np.float64)
    _, axes = np.linalg.eigh(np.cov(target.T).reshape(target.shape[1], -1))
    axes = axes[:, ::-1]
    result = []
    for (first, second), points in zip(heads, placed, strict=True):
        left, _, right = np.linalg.svd(points.T.astype(np.float64) @ target)
        rotation = left @ right @ axes
        result.append((first.turned(rotation), second.turned(rotation)))
    return result


def neighbour_quantities(pairs: Pairs, bank: Bank, head: int) -> FloatArray:
    """How the sides of placed pairs agree, and how far known ones are, as one head sees it.

    Args:
        pairs: both sides as unit vectors (n_samples, width) of that head's space.
        bank: known pairs; those that share the content of a side with a row do not count for it.
        head: the position of the head.

    Returns:
        float32 (n_samples, 5): the cosine of both sides; the share in % of known second sides that fit the
        first less well than its own; the distance (1 - cosine) of the first side to the nearest known
        second one, of the second to the nearest known first one, and of their middle to the nearest middle.
        NaN where no known pair counts.
    """
    first, second = (side[head].astype(np.float32) for side in (bank.first, bank.second))
    middle = _middle(first, second)
    result = np.empty((len(pairs.first), 5), dtype=np.float32)
    for rows in _blocks(len(result)):
        part = pairs.take(rows)
        other = (part.first_key[:, None] != bank.first_key) & (part.second_key[:, None] != bank.second_key)
        own = (part.first * part.second).sum(axis=1)
        fits = part.first @ second.T
        result[rows, 0] = own
        result[rows, 1] = _share_below(fits, own, other)
        result[rows, 2] = _distance(fits, other)
        result[rows, 3] = _distance(part.second @ first.T, other)
        result[rows, 4] = _distance(_middle(part.first, part.second) @ middle.T, other)
    return result


def _blocks(n: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, n, BLOCK):
        yield np.arange(start, min(start + BLOCK, n))


def _middle(first: FloatArray, second: FloatArray) -> FloatArray:
    middle = first + second
    return np.asarray(middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _share_below(fits: FloatArray, own: FloatArray, other: NDArray[np.bool_]) -> FloatArray:
    """Share in % of the other values that lie below each row's own, one within ``TIE`` counting in part."""
    above = np.clip((own[:, None] - fits) * np.float32(0.5 / TIE) + np.float32(0.5), 0.0, 1.0)
    n = other.sum(axis=1)
    below = np.einsum("ij,ij->i", above, other, dtype=np.float64)
    return np.asarray(np.where(n > 0, 100.0 * below / np.maximum(n, 1), np.nan), dtype=np.float32)


def _distance(similarity: FloatArray, other: NDArray[np.bool_]) -> FloatArray:
    nearest = np.max(similarity, axis=1, where=other, initial=-2.0)
    return np.where(nearest > -2.0, 1.0 - nearest, np.nan).astype(np.float32)
