"""Fit, search, predict: ``from automl import fit, Predictor``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Idle threads that spin fight with working ones where cores are shared: LightGBM took 30 s in place of 2 s for 20
# trees. Read by the OpenMP libraries when they are first imported, so it is set before them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from automl.fitting import fit
    from automl.predictor import Predictor
    from automl.run import Run

__all__ = ["Predictor", "Run", "fit"]


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that ``import automl`` and the command line start at once.
    if name == "fit":
        from automl.fitting import fit

        return fit
    if name == "Predictor":
        from automl.predictor import Predictor

        return Predictor
    if name == "Run":
        from automl.run import Run

        return Run
    raise AttributeError(f"module 'automl' has no attribute {name!r}")
