from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError, InputError
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.encoder_options import PLAIN, EncoderOptions
from featurizers.encoders import Encoder, find_again, resolve_encoder
from featurizers.image_embedding import ImageEmbedding, encode_images
from featurizers.image_network import create_model
from featurizers.image_pooling import pooled

COLUMN = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))


def parse(text: str, modality: Modality = Modality.IMAGE) -> EncoderOptions:
    return EncoderOptions.parse(text, f"net#{text}", modality)


def test_options_are_read_and_written_in_one_way() -> None:
    assert parse("pooling=cls,layers=2") == parse(" layers = 2 , pooling = cls ,") == EncoderOptions("cls", 2)
    assert str(parse("pooling=max,layers=3")) == "layers=3,pooling=max"
    assert parse("") == parse("layers=1") == PLAIN and str(PLAIN) == ""


BAD = [
    ("pool=cls", "unknown option 'pool'"),
    ("pooling=mean", r"pooling='mean'.*\['average', 'cls', 'max', 'statistics'\]"),
    ("pooling=statistics", "one layer alone. Add layers=5"),
    ("pooling=", "pooling=''"), ("pooling", "pooling=''"), ("layers=0", "layers='0'"), ("layers=13", "from 1 to 12"),
    ("layers=-1", "layers='-1'"), ("layers=²", "layers="), ("layers=two", "layers='two'"),
    ("layers=1,layers=2", "repeated option 'layers'"), ("cls", "unknown option 'cls'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "match"), BAD, ids=[text for text, _ in BAD])
def test_bad_options_are_refused(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        parse(text)


def resolve(folder: Path, options: str = "") -> Encoder:
    found = resolve_encoder(f"{folder}{options}", Modality.IMAGE, Path(), Audit())
    assert found is not None
    return found


def test_options_are_in_name_and_fingerprint_and_are_found_again(tiny_image_encoder_folder: Path) -> None:
    plain, chosen = resolve(tiny_image_encoder_folder), resolve(tiny_image_encoder_folder, "#layers=2,pooling=max")
    assert chosen.name == f"{plain.name}#layers=2,pooling=max" and chosen.location == plain.location
    assert chosen.fingerprint != plain.fingerprint and chosen.spec.endswith("#layers=2,pooling=max")
    assert resolve(tiny_image_encoder_folder, "#").fingerprint == plain.fingerprint
    for encoder in (plain, chosen):
        assert find_again(json.loads(json.dumps(encoder.to_json()))) == encoder
    before = {name: value for name, value in plain.to_json().items() if name != "options"}
    assert find_again(before) == plain, "runs of before there were options"
    with pytest.raises(InputError, match="unknown option 'depth'"):
        resolve(tiny_image_encoder_folder, "#depth=2")


def test_a_folder_may_be_named_with_the_sign(tiny_image_encoder_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "net#pooling=x").symlink_to(tiny_image_encoder_folder)
    assert resolve_encoder("net#pooling=x", Modality.IMAGE, tmp_path, Audit()).options == PLAIN  # type: ignore[union-attr]
    found = resolve_encoder("net#pooling=x#pooling=max", Modality.IMAGE, tmp_path, Audit())
    assert found is not None and found.options.pooling == "max"


def test_text_encoders_take_none() -> None:
    with pytest.raises(InputError, match="text encoders take none.*Write 'bundled:minilm'"):
        resolve_encoder("bundled:minilm#pooling=cls", Modality.TEXT, Path(), Audit())


def timm_net(name: str) -> Any:
    import timm
    import torch

    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False, num_classes=0).eval()


NETS = ["test_vit", "test_resnet", "test_efficientnet", "test_convnext", "test_mambaout"]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("pooling", ["", "average", "max"])
def test_layers_and_pooling_of_several_kinds_of_nets(name: str, pooling: str) -> None:
    import torch

    net = timm_net(name)
    photos = torch.rand(2, *net.default_cfg["input_size"])
    with torch.inference_mode():
        one = pooled(net, EncoderOptions(pooling), name)(photos)
        two = pooled(net, EncoderOptions(pooling, 2), name)(photos)
        features = net.forward_features(photos)
    assert one.ndim == two.ndim == 2 and two.shape[1] > one.shape[1] and torch.isfinite(two).all()
    torch.testing.assert_close(two[:, -one.shape[1] :], one)
    if not pooling:
        torch.testing.assert_close(one, net(photos))
        return
    places = features[:, net.num_prefix_tokens :].transpose(1, 2) if features.ndim == 3 else features
    if places.ndim == 4 and places.shape[-1] == net.num_features != places.shape[1]:
        places = places.permute(0, 3, 1, 2)
    places = places.flatten(2)
    torch.testing.assert_close(one, places.mean(2) if pooling == "average" else places.amax(2))


@pytest.mark.parametrize("name", NETS)
def test_statistics_are_of_the_layers_before_the_last(name: str) -> None:
    import torch

    net = timm_net(name)
    photos = torch.rand(2, *net.default_cfg["input_size"])
    with torch.inference_mode():
        got = pooled(net, EncoderOptions("statistics", 2), name)(photos)
        layer = net.forward_intermediates(photos, indices=2, norm=True)[1][0].flatten(2)
        as_trained = net(photos)
    expected = torch.cat([layer.mean(2), layer.std(2, correction=0), as_trained], dim=1)
    torch.testing.assert_close(got, expected)


def test_the_class_token_of_each_layer() -> None:
    import torch

    net = timm_net("test_vit")
    photos = torch.rand(2, *net.default_cfg["input_size"])
    with torch.inference_mode():
        got = pooled(net, EncoderOptions("cls", 3), "x")(photos)
        last, layers = net.forward_intermediates(photos, indices=3, norm=True, return_prefix_tokens=True)
    expected = torch.cat([layers[0][1][:, 0], layers[1][1][:, 0], last[:, 0]], dim=1)
    torch.testing.assert_close(got, expected)


def test_what_a_net_lacks_is_said(tiny_image_encoder_folder: Path) -> None:
    column, around = COLUMN, Surroundings()
    with pytest.raises(ArtifactError, match="has no class token for pooling=cls. Use average or max"):
        ImageEmbedding(column, resolve(tiny_image_encoder_folder, "#pooling=cls")).fit(pd.Series(["a"]), around)
    with pytest.raises(ArtifactError, match=r"cannot run with 'layers=12'.*Ask for fewer layers"):
        ImageEmbedding(column, resolve(tiny_image_encoder_folder, "#layers=12")).fit(pd.Series(["a"]), around)


def test_embeddings_with_options_have_vectors_and_places_in_the_cache_of_their_own(
    tiny_image_encoder_folder: Path, tmp_path: Path
) -> None:
    target = io.BytesIO()
    small = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(small).resize((90, 70)).save(target, "PNG")
    values = pd.Series([target.getvalue()], dtype=object)
    around = Surroundings(store=EmbeddingStore(tmp_path))
    found = {}
    for options in ("", "#pooling=average", "#pooling=max", "#layers=2", "#layers=2,pooling=statistics"):
        encoder = resolve(tiny_image_encoder_folder, options)
        fitted = ImageEmbedding(COLUMN, encoder).fit(values, around)
        found[options] = fitted.transform(values, around)[0].values
        exact = np.array(encode_images(encoder, [target.getvalue()]))
        np.testing.assert_allclose(found[options], exact, rtol=0.05, atol=0.05 * np.abs(exact).max())
        restored = ImageEmbedding(COLUMN, encoder).restore(fitted.state())
        np.testing.assert_array_equal(restored.transform(values, around)[0].values, found[options])
    n = found[""].shape[1]
    assert found["#layers=2"].shape[1] > n and np.abs(found["#pooling=max"] - found[""]).max() > 1e-3
    np.testing.assert_allclose(found["#pooling=average"], found[""], rtol=0.05, atol=0.05)


def test_batches_and_weights_have_their_channels_last(
    tiny_image_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from featurizers.image_embedding import network_facts
    from featurizers.image_network import Network, drawn_photos

    seen = []
    model, config = create_model(str(tiny_image_encoder_folder))
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    facts = network_facts(resolve(tiny_image_encoder_folder), None)
    network = Network(model, config, "fp32", facts)
    network.forward(list(torch.from_numpy(drawn_photos(64, 64, 3))))
    assert seen[-1].is_contiguous(memory_format=torch.channels_last)
    weights = [one.weight for one in model.modules() if isinstance(one, torch.nn.Conv2d)]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
