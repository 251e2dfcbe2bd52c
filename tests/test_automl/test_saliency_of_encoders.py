"""A heatmap is of the encoder's weights: with others it is another (the sanity check of Adebayo et al., 2018)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

from artifacts.finding import Audit
from artifacts.schema import Modality
from evaluation.saliency import occlusion_map
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.image_embedding import encode_images

SIDE, MARK, N_TRAIN, N_SHOWN = 64, 16, 80, 6
Pixels = NDArray[np.uint8]


def photo(seed: int, marked: bool) -> tuple[Pixels, tuple[int, int]]:
    rng = np.random.default_rng(seed)
    pixels = (rng.normal(110, 12, size=(SIDE, SIDE, 3)) + rng.normal(0, 8, size=3)).clip(0, 255).astype(np.uint8)
    top, left = (int(place) for place in rng.integers(0, SIDE - MARK, size=2))
    if marked:
        pixels[top : top + MARK, left : left + MARK] = (250, 60, 40)
    return pixels, (top + MARK // 2, left + MARK // 2)


def vectors(encoder: Encoder, photos: Sequence[Pixels]) -> NDArray[np.float64]:
    contents = []
    for pixels in photos:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    return np.stack(encode_images(encoder, contents)).astype(np.float64)


@pytest.fixture(scope="module")
def drawn_anew(tiny_image_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """The tiny encoder with other weights."""
    import timm
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("anew") / "tiny"
    shutil.copytree(tiny_image_encoder_folder, folder)
    torch.manual_seed(1)
    weights = timm.create_model("test_resnet", pretrained=False, num_classes=4).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    encoder = resolve_encoder(str(folder), Modality.IMAGE, Path(), Audit())
    assert encoder is not None
    return encoder


def test_other_weights_have_another_map(encoders: tuple[Encoder, Encoder], drawn_anew: Encoder) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _, encoder = encoders
    marked = np.arange(N_TRAIN) % 2
    X = vectors(encoder, [photo(i, bool(mark))[0] for i, mark in enumerate(marked)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(X, marked)

    def score(which: Encoder) -> Callable[[Sequence[Pixels]], NDArray[np.float64]]:
        return lambda photos: np.asarray(model.decision_function(vectors(which, photos)))

    hits, alike = 0, []
    for seed in range(N_SHOWN):
        pixels, middle = photo(1000 + seed, True)
        heat = occlusion_map(pixels, score(encoder))
        hits += bool(heat[middle] >= np.quantile(heat, 0.9))
        other = occlusion_map(pixels, score(drawn_anew))
        alike.append(abs(spearmanr(heat.ravel(), other.ravel()).statistic))
    assert hits >= N_SHOWN - 1, "the mark is what the weights are about"
    assert np.mean(alike) < 0.7
    assert np.array_equal(heat, occlusion_map(pixels, score(encoder))), "the same weights have the same map"
