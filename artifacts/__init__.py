"""The nouns, and how they lie on disk: ``from artifacts import Task``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artifacts.task import Task

__all__ = ["Task"]


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that importing one noun does not import pydantic.
    if name == "Task":
        from artifacts.task import Task

        return Task
    raise AttributeError(f"module 'artifacts' has no attribute {name!r}")
