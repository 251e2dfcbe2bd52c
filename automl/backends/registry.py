"""The back ends that a preset may name."""

from __future__ import annotations

from artifacts.errors import pick_known
from automl.backends.autogluon import AutoGluonBackend
from automl.backends.base import Backend
from automl.backends.lightautoml import LightAutoMLBackend
from automl.backends.search import SearchBackend

BACKENDS: dict[str, type[Backend]] = {
    "search": SearchBackend,
    "lightautoml": LightAutoMLBackend,
    "autogluon": AutoGluonBackend,
}


def backend_named(name: str) -> type[Backend]:
    """Look a back end up.

    Raises:
        InputError: if there is none of this name.
    """
    return pick_known("back end", name, BACKENDS)
