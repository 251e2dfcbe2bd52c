"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from artifacts.finding import Audit
from artifacts.schema import Modality
from featurizers.encoders import Encoder, resolve_encoder


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


@pytest.fixture(scope="session")
def encoders(tiny_image_encoder_folder: Path) -> tuple[Encoder, Encoder]:
    """The bundled text encoder and the tiny image encoder."""
    text = resolve_encoder("bundled:minilm", Modality.TEXT, Path(), Audit())
    image = resolve_encoder(str(tiny_image_encoder_folder), Modality.IMAGE, Path(), Audit())
    assert text and image
    return text, image
