"""The example of nets on posts in small, on made posts with tiny random encoders of the architectures that it names."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
TEXTS = ("a long war", "a funny wedding")


def made_posts(n: int, seed: int) -> pd.DataFrame:
    """Posts in the form of the example's data: comedies are liked, and so are light posters."""
    rng = np.random.default_rng(seed)
    light, comedy, views = rng.random(n) < 0.5, rng.random(n) < 0.5, rng.integers(40, 300, size=n)
    return pd.DataFrame(
        {
            "post_id": np.arange(n),
            "text": [TEXTS[int(one)] for one in comedy],
            "photo": [poster(220 if one else 30, rng) for one in light],
            "view": views,
            "like": rng.binomial(views, 0.2 + 0.3 * comedy + 0.3 * light),
            "hide": rng.binomial(views, 0.05),
            "genres": "[]",
            "year": rng.integers(1960, 2018, size=n),
        }
    )


def poster(light: int, rng: np.random.Generator) -> str:
    pixels = np.clip(light + rng.integers(-20, 20, size=(32, 24, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def tiny_backbone(architecture: str, folder: Path) -> Path:
    """A random net in the format of timm."""
    import timm
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    torch.manual_seed(0)
    net = timm.create_model(architecture, pretrained=False, num_classes=4)
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / "model.safetensors")
    how = {"input_size": [3, 64, 64], "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "num_classes": 4}
    how |= {name: net.pretrained_cfg[name] for name in ("classifier", "first_conv")}
    config = {"architecture": architecture, "num_classes": 4, "num_features": net.num_features, "pretrained_cfg": how}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def tiny_bert(folder: Path) -> Path:
    """A random BERT of two layers that knows the words of the posts, in the format of transformers."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({word for text in TEXTS for word in text.split()})]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **size)).save_pretrained(folder)
    return folder


@pytest.mark.examples
def test_nets_in_small(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    made_posts(240, 0).to_csv(data / "train.csv", index=False)
    made_posts(120, 1).to_csv(data / "test.csv", index=False)
    photos = [tiny_backbone(name, tmp_path / name) for name in ("test_convnext", "test_efficientnet")]
    line = [sys.executable, "examples/post_nets/nets.py", "--data", str(data), "--out", str(out)]
    line += [part for photo in photos for part in ("--photo", str(photo))]
    line += ["--text", str(tiny_bert(tmp_path / "bert")), "--layers", "2", "--emphasis", "0.1"]
    cache = {"TABULAR_FUSION_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        line, cwd=ROOT, env={**os.environ, **cache, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(out / "nets.csv").set_index("net")
    fused, alone = "test_convnext + bert, tuned", "test_convnext, tuned"
    assert {fused, alone, "test_efficientnet, tuned", "test_convnext, as it came", "constant"} <= set(table.index)
    skill = table["log_likelihood_skill"]
    assert skill[fused] > skill[alone] + 0.02 > skill["constant"] + 0.02
    assert abs(skill["constant"]) < 1e-9 and table["spread"]["constant"] < 1e-9 < table["spread"][fused]
    with Image.open(out / "nets.png") as picture:
        assert min(picture.size) > 300
    assert not list(out.glob("*.safetensors")) and sorted(one.name for one in out.iterdir()) == ["nets.csv", "nets.png"]
