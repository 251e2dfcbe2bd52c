from __future__ import annotations

import base64
import dataclasses
import io
import json
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, NotFittedError
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers import encoder_use, image_embedding, image_network, image_vectors
from featurizers.base import State, Surroundings
from featurizers.batch_norm_folding import fold_batch_norms
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.image_embedding import ImageEmbedding, encode_images, network_facts
from featurizers.image_network import Network, NetworkFacts, create_model

COLUMN = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))
WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights" / "mobilenetv2_100"


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def photo(seed: int, width: int = 90, height: int = 70) -> bytes:
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return encoded(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def cosines(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    product = (first * second).sum(axis=1)
    return np.asarray(product / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1), dtype=np.float32)


@pytest.fixture(scope="session")
def encoder(tiny_image_encoder_folder: Path) -> Encoder:
    found = resolve_encoder(str(tiny_image_encoder_folder), Modality.IMAGE, Path(), Audit())
    assert found is not None
    return found


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(40):
        (folder / f"{i}.png").write_bytes(photo(i))
    return folder


@pytest.fixture
def around(tmp_path: Path, images: Path) -> Surroundings:
    return Surroundings(images=images, store=EmbeddingStore(tmp_path / "cache"))


@pytest.fixture
def forwarded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of photos of every forward pass."""
    calls: list[int] = []
    forward = Network.forward

    def counted(self: Network, pixels: Sequence[Any]) -> Any:
        calls.append(len(pixels))
        return forward(self, pixels)

    monkeypatch.setattr(Network, "forward", counted)
    return calls


def test_block_keeps_order_index_and_input(encoder: Encoder, around: Surroundings) -> None:
    values = pd.Series([f"{i}.png" for i in range(20)], index=range(50, 30, -1))
    before = values.copy()
    block = ImageEmbedding(COLUMN, encoder).fit(values, around).transform(values, around)[0]
    assert block.name == "photo__embedding" and block.is_opaque and block.values.dtype == np.float32
    assert block.values.shape == (20, len(block.features)) and np.isfinite(block.values).all()
    pd.testing.assert_series_equal(values, before)
    turned = ImageEmbedding(COLUMN, encoder).fit(values, around).transform(values.iloc[::-1], around)[0]
    np.testing.assert_array_equal(turned.values[::-1], block.values)
    assert [finding.code for finding in around.audit.findings] == ["encoder_used"]


def test_a_row_depends_on_itself_alone(encoder: Encoder, images: Path) -> None:
    values = pd.Series([f"{i}.png" for i in range(40)])
    around = Surroundings(images=images)
    featurizer = ImageEmbedding(COLUMN, encoder).fit(values, around)
    together = featurizer.transform(values, around)[0].values
    alone = np.concatenate([featurizer.transform(values.iloc[i : i + 1], around)[0].values for i in (0, 7, 39)])
    assert cosines(together[[0, 7, 39]], alone).min() > 0.9995  # bf16 rounds
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_the_same_photo_is_encoded_once_ever(encoder: Encoder, around: Surroundings, forwarded: list[int]) -> None:
    names = [f"{i}.png" for i in range(5)]
    values = pd.Series([*names, *names, base64.b64encode(photo(0)).decode(), photo(1)], dtype=object)
    featurizer = ImageEmbedding(COLUMN, encoder).fit(values, around)
    forwarded.clear()
    first = featurizer.transform(values, around)[0].values
    assert sum(forwarded) == 5
    np.testing.assert_array_equal(first[:5], first[5:10])
    np.testing.assert_array_equal(first[[0, 1]], first[10:])
    forwarded.clear()
    again = ImageEmbedding(COLUMN, encoder).fit(values, around).transform(values, around)[0].values
    np.testing.assert_array_equal(first, again)
    assert forwarded == [], "a second run runs the network not even once"


def test_repeats_across_chunks_without_a_store(
    encoder: Encoder, images: Path, forwarded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_vectors, "READ", 3)
    values = pd.Series(["1.png", None, "2.png", "1.png", "none.png", "2.png", b"broken", b"broken"], dtype=object)
    around = Surroundings(images=images)
    featurizer = ImageEmbedding(COLUMN, encoder).fit(values, around)
    forwarded.clear()
    block = featurizer.transform(values, around)[0]
    assert sum(forwarded) == 2
    np.testing.assert_array_equal(block.values[[0, 2]], block.values[[3, 5]])
    found = {finding.code: finding for finding in around.audit.findings}
    assert found["image_broken"].rows == ("6", "7")


def test_bad_photos_are_rows_of_nan_and_findings(encoder: Encoder, around: Surroundings) -> None:
    jpeg = encoded(Image.open(io.BytesIO(photo(1, 300, 200))), "JPEG")
    values = pd.Series(
        ["0.png", None, "none.png", "../x.png", jpeg[: len(jpeg) // 2], b"<script>", float("nan"), jpeg], dtype=object
    )
    block = ImageEmbedding(COLUMN, encoder).fit(values, around).transform(values, around)[0]
    assert np.isnan(block.values).all(axis=1).tolist() == [False, True, True, True, True, True, True, False]
    assert np.isfinite(block.values[[0, 7]]).all()
    found = {finding.code: finding for finding in around.audit.findings}
    assert found["image_missing"].rows == ("1", "6") and found["image_missing"].total == 8
    assert found["image_not_found"].details == {"example": "none.png"}
    assert found["image_outside_folder"].rows == ("3",)
    assert found["image_broken"].rows == ("4", "5") and found["image_broken"].column == "photo"


def test_no_rows_and_no_photos(encoder: Encoder, around: Surroundings, forwarded: list[int]) -> None:
    empty: pd.Series[Any] = pd.Series([], dtype=object)
    featurizer = ImageEmbedding(COLUMN, encoder).fit(empty, around)
    forwarded.clear()
    assert featurizer.transform(empty, around)[0].values.shape[0] == 0
    assert np.isnan(featurizer.transform(pd.Series([None, None]), around)[0].values).all()
    assert forwarded == []


def test_state_restores_the_same_vectors(encoder: Encoder, images: Path, tmp_path: Path) -> None:
    values = pd.Series(["3.png", "4.png"])
    around = Surroundings(images=images)
    with pytest.raises(NotFittedError, match="photo"):
        ImageEmbedding(COLUMN, encoder).state()
    featurizer = ImageEmbedding(COLUMN, encoder).fit(values, around)
    featurizer.state().save(tmp_path / "state")
    restored = ImageEmbedding(COLUMN, encoder).restore(State.load(tmp_path / "state"))
    assert restored.state() == featurizer.state()
    np.testing.assert_array_equal(
        restored.transform(values, around)[0].values, featurizer.transform(values, around)[0].values
    )
    other = dataclasses.replace(encoder, fingerprint="other")
    with pytest.raises(ArtifactError, match="Give back the old encoder"):
        ImageEmbedding(COLUMN, other).restore(featurizer.state())


def test_threads_of_the_process_are_as_before(encoder: Encoder, images: Path) -> None:
    import torch

    values = pd.Series([f"{i}.png" for i in range(9)])
    around = Surroundings(images=images)
    before, alive = torch.get_num_threads(), threading.active_count()
    ImageEmbedding(COLUMN, encoder).fit(values, around).transform(values, around)
    assert (torch.get_num_threads(), threading.active_count()) == (before, alive)


def test_a_broken_encoder_is_an_error_that_names_it(tiny_image_encoder_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(tiny_image_encoder_folder, folder)
    (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    encoder = Encoder("half", "local", str(folder), str(folder), Modality.IMAGE, "half")
    with pytest.raises(ArtifactError, match=r"half.*cannot be loaded"):
        ImageEmbedding(COLUMN, encoder).fit(pd.Series(["a"]), Surroundings())


def test_falls_back_to_fp32_where_bf16_is_too_coarse(
    encoder: Encoder, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_network, "fastest_precision", lambda: "bf16")
    monkeypatch.setattr(encoder_use, "fastest_precision", lambda: "bf16")
    monkeypatch.setattr(image_embedding, "fastest_precision", lambda: "bf16")
    monkeypatch.setattr(image_network, "compare_vectors", lambda exact, fast: (0.95, 0.98))
    featurizer = ImageEmbedding(COLUMN, encoder).fit(pd.Series(["1.png"]), around)
    assert featurizer.state().values["precision"] == "fp32"
    finding = next(one for one in around.audit.findings if one.code == "precision_fallback")
    assert "0.98" in finding.in_language("en") and "0.98" in finding.in_language("ru")


def test_facts_survive_as_numbers() -> None:
    mean, std = (0.48500001430511475, 0.5, 0.25), (0.5, 0.5, 0.5)
    facts = NetworkFacts(768, 224, 192, 0.875, "squash", "bilinear", mean, std, 0.5, 1.0)
    assert NetworkFacts.from_vector(facts.to_vector()) == facts


def changed_config(folder: Path, target: Path, **changes: Any) -> Encoder:
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    config["pretrained_cfg"] |= changes
    (target / "config.json").write_text(json.dumps(config))
    return Encoder("x", "local", str(target), str(target), Modality.IMAGE, f"{changes}")


@pytest.mark.parametrize(
    "changes",
    [{}, {"crop_mode": "squash"}, {"crop_mode": "border"}, {"interpolation": "bilinear"}, {"crop_pct": 1.0},
     {"interpolation": "lanczos"}, {"mean": [0.2, 0.4, 0.6], "std": [0.1, 0.2, 0.3]}, {"input_size": [3, 64, 96]}],
    ids=str,
)  # fmt: skip
def test_photos_are_prepared_as_timm_does(tiny_image_encoder_folder: Path, tmp_path: Path, changes: Any) -> None:
    import torch
    from timm.data.transforms_factory import create_transform

    encoder = changed_config(tiny_image_encoder_folder, tmp_path / "changed", **changes)
    contents = [photo(i, *size) for i, size in enumerate([(64, 64), (90, 60), (60, 100), (31, 47), (150, 140)])]
    model, config = create_model(encoder.location)
    transform = create_transform(**config)
    with torch.inference_mode():
        tensors = [transform(Image.open(io.BytesIO(content))) for content in contents]
        expected = model(torch.stack(tensors)).numpy()
    np.testing.assert_allclose(np.array(encode_images(encoder, contents)), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 3), (3_000, 2_000)])
def test_any_size_of_photo(encoder: Encoder, size: tuple[int, int]) -> None:
    vector = encode_images(encoder, [encoded(Image.new("RGB", size, "teal"))])[0]
    flat = encode_images(encoder, [encoded(Image.new("RGB", (64, 64), "teal"))])[0]
    assert not isinstance(vector, str) and not isinstance(flat, str)
    np.testing.assert_allclose(vector, flat, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit"])
def test_folding_keeps_the_function(name: str) -> None:
    import timm
    import torch

    torch.manual_seed(0)
    model: Any = timm.create_model(name, pretrained=False, num_classes=0).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                assert tensor is not None
                torch.nn.init.uniform_(tensor, 0.5, 1.5)
    photos = torch.rand(2, *model.default_cfg["input_size"])
    folded = fold_batch_norms(model, photos[:1])
    with torch.no_grad():
        expected, got = model(photos), folded(photos)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    norms = [module for module in folded.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert not norms if name in ("test_resnet", "test_efficientnet") else True


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the shared weights are absent")
def test_real_weights_have_their_padding_and_scale() -> None:
    encoder = resolve_encoder(str(WEIGHTS), Modality.IMAGE, Path(), Audit())
    assert encoder is not None
    model, config = create_model(encoder.location)
    assert type(model.conv_stem).__name__ == "Conv2dSame"
    assert list(config["mean"]) == list(config["std"]) == [0.5, 0.5, 0.5]
    facts = network_facts(encoder, None)
    assert (facts.n_dimensions, facts.height, facts.crop_share) == (1280, 224, 0.875)
    contents = [photo(i, 300, 260) for i in range(6)]
    exact = np.array(encode_images(encoder, contents, "fp32"))
    fast = np.array(encode_images(encoder, contents, "bf16"))
    assert cosines(exact, fast).min() > 0.99


def test_photos_are_decoded_in_the_threads_that_run_the_net(
    encoder: Encoder, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: set[int] = set()
    ran: set[int] = set()
    prepare, forward = Network._prepare, Network.forward
    monkeypatch.setattr(Network, "_prepare", lambda *a: (decoded.add(threading.get_ident()), prepare(*a))[1])
    monkeypatch.setattr(Network, "forward", lambda *a: (ran.add(threading.get_ident()), forward(*a))[1])
    values = pd.Series([f"{i}.png" for i in range(40)])
    featurizer = ImageEmbedding(COLUMN, encoder).fit(values, around)
    ran.clear()
    featurizer.transform(values, around)
    assert decoded == ran and threading.get_ident() not in decoded
