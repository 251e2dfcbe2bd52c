"""Weights for the models that bring none."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from automl.models.tabicl_checkpoint import VARIABLE

WEIGHTS = Path(__file__).parent / "weights"  # made by benchmarks/tiny_tabicl.py


@pytest.fixture(scope="session")
def tiny_tabicl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of TabICL as its package writes them, of nets of 40,000 weights that know linear rules alone."""
    import torch
    from safetensors import safe_open

    folder = tmp_path_factory.mktemp("tabicl")
    for role in ("classifier", "regressor"):
        with safe_open(WEIGHTS / f"tiny_tabicl_{role}.safetensors", "pt") as file:
            config = json.loads(file.metadata()["config"])
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        torch.save({"config": config, "state_dict": weights}, folder / f"tiny-{role}.ckpt")
    return folder


@pytest.fixture(autouse=True)
def weights_of_models_on_request(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests over all models give TabICL its tiny weights, and skip it where its package is absent."""
    given = getattr(request.node, "callspec", None)
    values = given.params.values() if given else ()
    if any(getattr(value, "name", value) == "tabicl" for value in values if isinstance(value, (str, type))):
        if find_spec("tabicl") is None:
            pytest.skip("the package 'tabicl' is not installed")
        monkeypatch.setenv(VARIABLE, str(request.getfixturevalue("tiny_tabicl")))
