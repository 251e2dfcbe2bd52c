"""The back ends that a preset may name."""

from __future__ import annotations

from artifacts.errors import InputError, pick_known
from artifacts.schema import Kind
from automl.backends.autogluon import AutoGluonBackend
from automl.backends.base import Backend
from automl.backends.lightautoml import LightAutoMLBackend
from automl.backends.search import SearchBackend
from automl.presets import PRESETS

BACKENDS: dict[str, type[Backend]] = {
    "search": SearchBackend,
    "lightautoml": LightAutoMLBackend,
    "autogluon": AutoGluonBackend,
}


def check_kind(name: str, kind: Kind) -> None:
    """Make sure that a back end can solve a kind of task.

    Raises:
        InputError: if it cannot; the message names those that can.
    """
    if kind not in backend_named(name).kinds:
        fitting = [other for other, backend in BACKENDS.items() if kind in backend.kinds]
        presets = [preset.name for preset in PRESETS.values() if preset.back_end in fitting]
        raise InputError(
            f"Back end {name!r} does not do kind {kind.value!r}, but {fitting} does. Choose a preset of {presets}."
        )


def backend_named(name: str) -> type[Backend]:
    """Look a back end up.

    Raises:
        InputError: if there is none of this name.
    """
    return pick_known("back end", name, BACKENDS)
