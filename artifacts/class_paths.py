"""Class labels that are paths, such as ``Shoes > Sandals``: which branches they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]

SEPARATORS = ("->", "::", ">", "|", "\\", "/")
PATH_SHARE = 0.8  # of labels with a separator, from which they look like paths


def likely_separator(labels: Sequence[str]) -> str | None:
    """What stands between levels, if distinct class labels look like paths: most have it, and tops return."""
    for separator in SEPARATORS:
        paths = ClassPaths.of(labels, separator).paths
        tops = [path[0] for path in paths if len(path) > 1]
        if tops and len(tops) >= PATH_SHARE * len(paths) and 2 * len(set(tops)) <= len(tops):
            return separator
    return None


@dataclass(frozen=True)
class ClassPaths:
    """Names from the top for each class. A top that all share, such as ``All``, is left out: it says nothing."""

    paths: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, classes: Sequence[Any], separator: str) -> Self:
        """Split the labels; spaces around names and empty levels do not count."""
        split = [tuple(name for name in map(str.strip, str(label).split(separator)) if name) for label in classes]
        while len(split) > 1 and all(len(path) > 1 and path[0] == split[0][0] for path in split):
            split = [path[1:] for path in split]
        return cls(tuple(split))

    @cached_property
    def depths(self) -> Int:
        """Number of levels of each class (n_classes,); at least 1, also of a label without names."""
        return np.array([max(len(path), 1) for path in self.paths], dtype=np.int64)

    @cached_property
    def branches(self) -> Int:
        """Code of the branch down to each level (n_levels, n_classes); a class that ends above is one by itself."""
        found = np.empty((int(self.depths.max(initial=1)), len(self.paths)), dtype=np.int64)
        for level, row in enumerate(found):
            codes: dict[tuple[str, ...], int] = {}
            for i, path in enumerate(self.paths):
                key = path[: level + 1]
                row[i] = codes.setdefault((*key, "") if len(path) <= level else key, len(codes))
        return found

    @cached_property
    def shared(self) -> Int:
        """How many levels two classes share (n_classes, n_classes); a class shares its depth with itself."""
        total = np.zeros((len(self.paths),) * 2, dtype=np.int64)
        for level, codes in enumerate(self.branches):
            total += (codes[:, None] == codes) & (self.depths > level)[:, None]
        return total
