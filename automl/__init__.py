"""Fit, search, predict: ``from automl import fit, Predictor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
