"""The wide table as one standardised matrix, for models that add and multiply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.block_file import rows_at_once
from artifacts.errors import InputError
from artifacts.feature_table import Block, FeatureTable

Float = NDArray[np.float64]
Int = NDArray[np.int64]

LARGEST = 10.0  # standardised values are cut here, so that an outlier cannot run away with a row
SMALLEST_RARE_SCALE = 0.1  # a category of one row in a thousand would otherwise be stretched thirtyfold
MAX_LEVELS = 255  # one-hot columns of one category feature: its most frequent ones
CHUNK_ROWS = 2048

NUMBER, FLAG, LEVEL = 0, 1, 2


@dataclass(frozen=True)
class Standardizer:
    """How features become columns of mean 0 and variance 1; learned from training rows alone.

    A number becomes one column, its unknown values the training mean; a feature with some values
    unknown has a flag beside it (one flag for all features of a block that lack the same rows,
    which belongs to the first of them); a category becomes one column per level, the unknown level
    -1 included if training had it. A level that training did not have leaves all its columns at
    their mean, so it says nothing. Constant and all-NaN columns are always 0. Infinite values count
    as unknown. Arrays are (n_columns,), in the order of the features.
    """

    sort: Int
    feature: Int
    block: Int
    level: Int
    mean: Float
    inverse_scale: Float

    @classmethod
    def of(cls, table: FeatureTable) -> Self:
        """Learn from the rows of a table."""
        parts: list[_Columns] = []
        start = 0
        for position, block in enumerate(table.blocks):
            make = _level_columns if block.is_category else _number_columns
            parts.append(make(block, start, position))
            start += len(block.features)
        joined = {
            name: np.concatenate([getattr(part, name) for part in parts]) if parts else np.empty(0)
            for name in ("sort", "feature", "block", "level", "mean", "inverse_scale")
        }
        whole = {name: joined[name].astype(np.int64) for name in ("sort", "feature", "block", "level")}
        return cls(**whole, mean=joined["mean"], inverse_scale=joined["inverse_scale"])

    @property
    def n_columns(self) -> int:
        """Columns of the matrix."""
        return len(self.sort)

    def transform(self, table: FeatureTable, *, place: Int | None = None) -> NDArray[np.float32]:
        """The matrix, float32 (n_samples, n_columns), C-contiguous and finite.

        ``place`` (n_columns,) says where each column goes, if not to its own position.
        """
        result = np.empty((table.n_samples, self.n_columns), dtype=np.float32)
        places = slice(None) if place is None else place
        size = rows_at_once(2 * self.n_columns)  # intermediate arrays of float64 stay small
        for start in range(0, table.n_samples, size):
            rows = np.arange(start, min(start + size, table.n_samples))
            result[start : start + size, places] = self._standardised(table.to_numpy(rows))
        return result

    def _standardised(self, values: NDArray[np.float32]) -> Float:
        """Columns of all blocks at once: a block by itself costs more than the arithmetic of a single row."""
        raw = values[:, self.feature].astype(np.float64)
        known = np.isfinite(raw)
        levels = np.flatnonzero(self.sort == LEVEL)
        if levels.size:
            matches = np.where(known[:, levels], raw[:, levels], -1.0) == self.level[levels]
            _, starts, size = np.unique(self.feature[levels], return_index=True, return_counts=True)
            seen = np.logical_or.reduceat(matches, starts, axis=1)
            raw[:, levels], known[:, levels] = matches, np.repeat(seen, size, axis=1)
        is_flag = self.sort == FLAG
        raw[:, is_flag] = ~known[:, is_flag]
        raw -= self.mean
        raw *= self.inverse_scale
        raw[~known & ~is_flag] = 0.0
        return np.clip(raw, -LARGEST, LARGEST, out=raw)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned, as arrays without Python objects; ``from_arrays`` reads it back."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what ``arrays`` gave."""
        return cls(*(arrays[name] for name in ("sort", "feature", "block", "level", "mean", "inverse_scale")))


@dataclass(frozen=True)
class _Columns:
    sort: Int
    feature: Int
    block: Int
    level: Int
    mean: Float
    inverse_scale: Float


def _number_columns(block: Block, first_feature: int, position: int) -> _Columns:
    mean, scale, n_known = _moments(block)
    some_unknown = np.flatnonzero((n_known < block.n_samples) & (n_known > 0))
    unknown = [np.packbits(~np.isfinite(values[:, some_unknown]), axis=0) for _, values in _pieces(block)]
    flagged, share = [], []
    patterns: set[bytes] = set()
    for j, i in enumerate(some_unknown):
        pattern = b"".join(piece[:, j].tobytes() for piece in unknown)
        if pattern not in patterns:
            patterns.add(pattern)
            flagged.append(int(i))
            share.append(float(1 - n_known[i] / block.n_samples))
    n, m = len(block.features), len(flagged)
    p = np.array(share, dtype=np.float64)
    return _Columns(
        sort=np.repeat([NUMBER, FLAG], [n, m]),
        feature=first_feature + np.concatenate([np.arange(n), np.array(flagged, dtype=np.int64)]),
        block=np.full(n + m, position),
        level=np.full(n + m, -2),
        mean=np.concatenate([mean, p]),
        inverse_scale=np.concatenate([_inverse(scale, np.abs(mean)), _rare_inverse(p)]),
    )


def _level_columns(block: Block, first_feature: int, position: int) -> _Columns:
    values = block.values[:, 0]
    codes = np.where(np.isfinite(values), values, -1).astype(np.int64)
    levels, counts = np.unique(codes, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_LEVELS])
    levels, share = levels[kept], counts[kept] / max(len(codes), 1)
    n = len(levels)
    return _Columns(
        sort=np.full(n, LEVEL),
        feature=np.full(n, first_feature),
        block=np.full(n, position),
        level=levels,
        mean=share,
        inverse_scale=_rare_inverse(share),
    )


def _pieces(block: Block) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """The rows of a block piece by piece: of a block that was taken, ``values`` would be a copy."""
    for start in range(0, block.n_samples, CHUNK_ROWS):
        rows = slice(start, min(start + CHUNK_ROWS, block.n_samples))
        yield rows, block.gather(np.arange(rows.start, rows.stop))


def _moments(block: Block) -> tuple[Float, Float, Int]:
    """Mean, standard deviation and number of the finite values of each column, in two passes of pieces."""
    n_features = len(block.features)
    total, squares, n_known = np.zeros(n_features), np.zeros(n_features), np.zeros(n_features, dtype=np.int64)
    for _, values in _pieces(block):
        known = np.isfinite(values)
        total += np.where(known, values, 0.0).sum(axis=0, dtype=np.float64)
        n_known += known.sum(axis=0)
    mean = total / np.maximum(n_known, 1)
    for _, values in _pieces(block):
        off = np.where(np.isfinite(values), values - mean, 0.0)
        squares += np.square(off).sum(axis=0)
    return mean, np.sqrt(squares / np.maximum(n_known, 1)), n_known


def _inverse(scale: Float, size: Float) -> Float:
    """1 / scale, and 0 for a column that is constant up to the rounding of float32."""
    constant = scale <= 1e-6 * size
    return np.where(constant | (scale == 0), 0.0, 1.0 / np.where(scale == 0, 1.0, scale))


def _rare_inverse(share: Float) -> Float:
    deviation = np.sqrt(share * (1.0 - share))
    return np.where(deviation == 0, 0.0, 1.0 / np.maximum(deviation, SMALLEST_RARE_SCALE))


def sum_over_groups(values: Float, groups: Int, n_groups: int) -> Float:
    """Sum the last axis of ``values`` (..., n_features) by group, to (..., n_groups).

    Raises:
        InputError: if ``groups`` does not name one of ``n_groups`` groups for each feature.
    """
    check_groups(groups, values.shape[-1], n_groups)
    if np.array_equal(groups, np.arange(n_groups)):
        return np.array(values)
    result = np.zeros((*values.shape[:-1], n_groups))
    if not groups.size:
        return result
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    if (np.diff(order) != 1).any():
        values = values[..., order]
    result[..., present] = np.add.reduceat(values, starts, axis=-1)
    return result


def check_groups(groups: Int, n_features: int, n_groups: int) -> None:
    """Refuse groups (n_features,) that are not positions of ``n_groups`` groups.

    Raises:
        InputError: with the shape that came.
    """
    if groups.shape != (n_features,) or (groups.size and not 0 <= groups.min() <= groups.max() < n_groups):
        raise InputError(
            f"groups must hold a position from 0 to {n_groups - 1} for each of {n_features} features, "
            f"but has the shape {groups.shape}."
        )


def check_same_features(model: str, fitted: Sequence[str], table: FeatureTable) -> None:
    """Refuse a table whose features are not those that the model was fitted on.

    Raises:
        InputError: with the names that lack or are new.
    """
    names = table.feature_names
    if names == tuple(fitted):
        return
    lacking, new = sorted(set(fitted) - set(names)), sorted(set(names) - set(fitted))
    raise InputError(
        f"Model {model!r} was fitted on {len(fitted)} features, but the table has {len(names)}: lacking "
        f"{lacking[:5]}, new {new[:5]}{'' if lacking or new else ', the same in another order'}. "
        "Select the view that it was fitted on."
    )
