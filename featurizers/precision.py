"""Where networks run, and in which precision they run fastest there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_COSINE = 0.999  # between bf16 and fp32 vectors


@lru_cache(maxsize=1)
def device() -> str:
    """``cuda`` where there is one, or ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@lru_cache(maxsize=1)
def fastest_precision() -> str:
    """``bf16`` where there are instructions for it (measured 1.5-3.3 times as fast as fp32), or ``fp32``."""
    import torch

    if device() == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    ask = getattr(torch.cpu, "get_capabilities", dict)  # absent from older versions
    has: dict[str, Any] = ask()
    return "bf16" if any(has.get(flag) for flag in ("amx_bf16", "avx512_bf16", "bf16")) else "fp32"


def compare_vectors(exact: NDArray[np.float32], fast: NDArray[np.float32]) -> tuple[float, float]:
    """Least and median cosine of the rows; -1 both if a number is not finite."""
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(fast, axis=1)
    cosines = (exact * fast).sum(axis=1) / np.maximum(lengths, 1e-12)
    if not np.isfinite(cosines).all():
        return -1.0, -1.0
    return float(np.float32(cosines.min())), float(np.float32(np.median(cosines)))
