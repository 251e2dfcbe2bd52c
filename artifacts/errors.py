"""The one family of errors. A message says what came, what was expected and what to do."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


class FusionError(Exception):
    """Base of every error that tabular-fusion raises on purpose."""


class InputError(FusionError, ValueError):
    """The data, the task or an argument is not usable as it came."""


class NotFittedError(FusionError):
    """Something that needs ``fit`` was used before it."""


class MissingDependencyError(FusionError, ImportError):
    """An optional package is not installed."""


class ArtifactError(FusionError):
    """A file that a run left behind is missing, damaged or of another version."""


def optional_import(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import ``module`` or say which extra of tabular-fusion brings it.

    Raises:
        MissingDependencyError: if the module (or something that it needs) cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{purpose} needs the package {module!r}, which cannot be imported ({error}). "
            f"Install it with: pip install 'tabular-fusion[{extra}]'."
        ) from error


def pick_known(what: str, name: str, known: dict[str, T]) -> T:
    """Look ``name`` up in a registry, or list what there is and the nearest name."""
    if name in known:
        return known[name]
    raise InputError(f"Unknown {what} {name!r}.{nearest(name, known)} Known: {sorted(known)}.")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the nearest known name, with a leading space, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
