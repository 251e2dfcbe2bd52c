"""Link scores out of fold: in memory where they are few, else in half the bytes and mapped from their file.

Of 91,000 rows and 845 classes, one candidate's are 615 MB in float64, and a search has dozens of candidates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "out_of_fold.npy"
MOST_IN_MEMORY = 1 << 23  # numbers: 64 MB for a candidate


def compact(scores: NDArray[Any]) -> NDArray[Any]:
    """The scores, in float32 where they are many."""
    return scores.astype(np.float32, copy=False) if scores.size > MOST_IN_MEMORY else scores


def unknown(shape: tuple[int, int]) -> NDArray[Any]:
    """Scores (n_samples, n_link) of rows that no fold has validated so far."""
    return np.full(shape, np.nan, dtype=np.float32 if shape[0] * shape[1] > MOST_IN_MEMORY else np.float64)


def write(folder: Path, scores: NDArray[Any]) -> None:
    """Keep scores in a candidate's folder; ``read`` gives them back."""
    np.save(folder / FILE, compact(scores), allow_pickle=False)


def read(folder: Path) -> NDArray[Any]:
    """What ``write`` kept, mapped from the file where it is large."""
    mapped = np.load(folder / FILE, mmap_mode="r", allow_pickle=False)
    return mapped if mapped.size > MOST_IN_MEMORY else np.array(mapped)
