"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_image_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random image net in the format that timm's ``local-dir:`` reads; its vectors mean nothing."""
    import timm
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    folder.mkdir()
    torch.manual_seed(0)
    net = timm.create_model("test_resnet", pretrained=False, num_classes=4)
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / "model.safetensors")
    how = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "num_classes": 4}
    how |= {name: net.pretrained_cfg[name] for name in ("classifier", "first_conv")}
    config = {"architecture": "test_resnet", "num_classes": 4, "num_features": net.num_features, "pretrained_cfg": how}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
