"""Encoders cut in two: the parts one after the other are the whole, of any architecture; what is below is kept."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from artifacts.contents import Contents
from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers.activations import Activations
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.image_embedding import encode_images
from featurizers.image_network import NetworkFacts
from featurizers.image_trunk import ImageTrunk
from featurizers.text_encoding import encode_texts
from featurizers.text_trunk import TextTrunk
from featurizers.trunk import Trunk, packed, unpacked

TEXTS = ["Blue cotton shirt", "Кожаные зимние ботинки", "a", "SALE! " * 20]


def photo(seed: int, size: tuple[int, int] = (80, 64)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def vectors(trunk: Trunk, contents: list[Any]) -> np.ndarray:
    import torch

    activations = [trunk.shaped(unpacked(packed(one))) for one in trunk.lower(contents) if not isinstance(one, str)]
    with torch.inference_mode():
        return trunk.vectors(trunk.new_upper(), activations).numpy()


@pytest.mark.parametrize("n_layers", [1, 3, 99])
def test_a_text_encoder_in_parts(encoders: tuple[Encoder, Encoder], n_layers: int) -> None:
    trunk = TextTrunk(encoders[0], n_layers)
    whole = encode_texts(encoders[0], TEXTS, "fp32")
    np.testing.assert_allclose(vectors(trunk, TEXTS), whole, atol=2e-3)
    np.testing.assert_allclose(vectors(trunk, TEXTS[:1]), whole[:1], atol=2e-3)  # whatever else is read with it
    assert len(trunk.depth_of(trunk.new_upper())) == min(n_layers, 6)


def make_encoder(architecture: str, folder: Path, drop_norms: bool = False) -> Encoder:
    import timm
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    torch.manual_seed(0)
    net = timm.create_model(architecture, pretrained=False, num_classes=4)
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / "model.safetensors")
    size = list(net.pretrained_cfg["input_size"])
    how = {"input_size": size, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "num_classes": 4}
    how |= {name: net.pretrained_cfg[name] for name in ("classifier", "first_conv") if name in net.pretrained_cfg}
    config = {"architecture": architecture, "num_classes": 4, "num_features": net.num_features, "pretrained_cfg": how}
    (folder / "config.json").write_text(json.dumps(config))
    found = resolve_encoder(str(folder), Modality.IMAGE, Path(), Audit())
    assert found
    return found


@pytest.mark.parametrize(
    "architecture", ["test_resnet", "test_efficientnet", "test_vit", "test_convnext", "test_byobnet"]
)
def test_a_backbone_in_parts(architecture: str, tmp_path: Path) -> None:
    encoder = make_encoder(architecture, tmp_path / "net")
    photos = [photo(i) for i in range(3)]
    whole = np.stack([one for one in encode_images(encoder, photos) if not isinstance(one, str)])
    trunk = ImageTrunk(encoder, 1)
    found = vectors(trunk, photos)
    np.testing.assert_allclose(found, whole, atol=2e-3 * np.abs(whole).max())
    upper = trunk.new_upper()
    assert not any(type(one).__name__.startswith("BatchNorm") and one.training for one in upper.modules())
    assert trunk.depth_of(upper) and all(one.requires_grad is not None for one in trunk.depth_of(upper)[0])


def test_what_cannot_be_read_is_told(encoders: tuple[Encoder, Encoder]) -> None:
    found = ImageTrunk(encoders[1], 1).lower([photo(0), b"\x89PNG\r\n no photo"])
    assert not isinstance(found[0], str) and isinstance(found[1], str)


def test_an_encoder_without_layers_is_refused(encoders: tuple[Encoder, Encoder], monkeypatch: Any) -> None:
    from featurizers import text_trunk

    monkeypatch.setattr(text_trunk, "has_usual_tokenizer", lambda _: False)
    text_trunk._cut.cache_clear()
    with pytest.raises(ArtifactError, match="cannot be tuned"):
        TextTrunk(encoders[0], 2).lower(TEXTS)


def test_maps_are_mirrored_as_photos_are(encoders: tuple[Encoder, Encoder]) -> None:
    trunk = ImageTrunk(encoders[1], 1)
    (activation,) = trunk.lower([photo(0)])
    assert not isinstance(activation, str)
    shaped = trunk.shaped(activation)
    seen = [trunk.varied([shaped], np.random.default_rng(seed))[0] for seed in range(8)]
    assert {one.tobytes() for one in seen} == {shaped.tobytes(), shaped[..., ::-1].tobytes()}


def make_contents(encoders: tuple[Encoder, Encoder], cells: list[Any], store: EmbeddingStore | None) -> Contents:
    column = Column("photo", Modality.IMAGE, Title("photo", "photo"))
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return Contents({"photo": column}, {"photo": values}, {Modality.IMAGE: encoders[1].to_json()}, None, store)


def test_a_content_is_read_once(encoders: tuple[Encoder, Encoder], tmp_path: Path, monkeypatch: Any) -> None:
    a, b, broken = photo(1), photo(2), b"\x89PNG\r\n\x1a\n no photo"
    contents = make_contents(encoders, [a, [a, b], None, broken, b], EmbeddingStore(tmp_path / "cache"))
    trunk = ImageTrunk(encoders[1], 1)
    parts = Activations.of(trunk, contents, ["photo"], 5)
    assert parts.n_contents == 3 and parts.row.tolist() == [0, 1, 1, 3, 4]
    assert parts.prepare(None, lambda _: None)
    assert parts.row.tolist() == [0, 1, 1, 4]  # what cannot be read is no part
    place, source, content = parts.of_rows(np.array([4, 2, 1]))
    assert place.tolist() == [0, 2, 2] and source.tolist() == [0, 0, 0] and len(content) == 3

    def refuse(*_: Any) -> Any:
        raise AssertionError("read again")

    fresh = Activations.of(trunk, contents.take(np.array([0, 1, 4])), ["photo"], 3)
    monkeypatch.setattr(ImageTrunk, "lower", refuse)
    assert fresh.prepare(None, lambda _: None)
    for one, other in zip(parts.read([0, 1]), fresh.read([0, 1]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_deadline_is_kept_and_a_store_is_not_needed(encoders: tuple[Encoder, Encoder]) -> None:
    contents = make_contents(encoders, [photo(i) for i in range(4)], None)
    parts = Activations.of(ImageTrunk(encoders[1], 1), contents, ["photo"], 4)
    assert not parts.prepare(0.0, lambda _: None)
    assert parts.prepare(None, lambda _: None) and len(parts.read([0, 3])) == 2


@pytest.mark.parametrize("shape", [(32, 7, 7), (7, 7, 32), (50, 32)])
def test_a_map_is_of_places_whatever_the_layout(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> None:
    monkeypatch.setattr(ImageTrunk, "_parts", SimpleNamespace(shape=shape))
    trunk = object.__new__(ImageTrunk)
    trunk.__dict__["_facts"] = NetworkFacts(32, 224, 224, 1.0, "center", "bicubic", (0.5,) * 3, (0.5,) * 3, 1.0, 1.0)
    values = np.zeros(shape, dtype=np.float32)
    if len(shape) == 2:
        values[1 + 3 * 7 + 5, 4] = 1.0  # behind the token that stands for the whole: row 3, column 5
    else:
        values[(4, 3, 5) if shape[0] == 32 else (3, 5, 4)] = 1.0
    heat = trunk.heat(values, 70, 70)
    assert np.unravel_index(heat.argmax(), heat.shape) in {(r, c) for r in range(30, 40) for c in range(50, 60)}
    if len(shape) == 3:
        flips = trunk.varied([values.astype(np.float16)] * 40, np.random.default_rng(0))
        found = {tuple(int(at) for at in np.unravel_index(one.argmax(), shape)) for one in flips}
        assert found == ({(4, 3, 5), (4, 3, 1)} if shape[0] == 32 else {(3, 5, 4), (3, 1, 4)})
