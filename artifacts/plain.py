"""Nouns as plain data, for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """What ``json.dumps(..., allow_nan=False)`` takes.

    Dataclasses and mappings become objects (fields that hold functions are left out), frames lists of objects, arrays
    and tuples lists, enumerations their values, numbers that are not finite and missing values ``None``. Half of a
    surrogate pair, which no UTF-8 file can hold, becomes ``?``.

    Raises:
        TypeError: of anything else.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.to_dict("records")]
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple, np.ndarray, pd.Series, pd.Index)):
        return [plain(held) for held in value]
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: plain(one) for name, one in held.items() if not callable(one)}
    raise TypeError(f"A {type(value).__name__} has no form in JSON.")
