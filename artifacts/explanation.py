"""Contributions of features, or of groups of features, to predictions on the link scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """How each row's link score is made up.

    ``values`` is float64 (n_samples, n_groups, n_link) and ``base`` float64 (n_link,):
    ``base + values.sum(axis=1)`` is the explained link score (n_samples, n_link). ``names`` are the
    groups: features, or sources where features were summed. ``unit`` names the link scale, such as
    ``log-odds``; ``method`` says how the values were found.
    """

    names: tuple[str, ...]
    values: Float
    base: Float
    unit: str
    method: str

    def __post_init__(self) -> None:
        expected = (self.values.shape[0], len(self.names), len(self.base))
        if self.values.shape != expected:
            raise InputError(
                f"Contributions must have the shape (n_samples, n_groups, n_link) = {expected}, "
                f"but have {self.values.shape}."
            )

    @property
    def total(self) -> Float:
        """The explained link score (n_samples, n_link)."""
        return np.asarray(self.base + self.values.sum(axis=1))

    @property
    def importance(self) -> Float:
        """Mean absolute contribution of each group (n_groups,), summed over the outputs."""
        return np.asarray(np.abs(self.values).mean(axis=0).sum(axis=-1))
