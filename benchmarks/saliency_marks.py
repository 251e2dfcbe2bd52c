"""Is the cause of an outcome inside the hottest tenth of a row's heatmap? Photos with a planted mark, and their maps.

python benchmarks/saliency_marks.py [--encoder DIR] [--rows N] [--shown N] [--marks PIXELS ...]

Half of the demo shop's drawn photos get a sticker (a disc with a ring) at a place of its own; the outcome is whether it
is there. A logistic regression over the photo's vector - of the encoder, or the descriptors without one - learns from
``rows`` photos, and ``shown`` new photos with a sticker are explained. A hit: the middle of the sticker is in the
hottest tenth of the map. Maps: by occlusion, as ``explain`` makes them, with patches of one and of two sizes; with an
encoder also the gradient of the score by the last layer's places times what these hold (Grad-CAM, Selvaraju et al.
2017), which is exact for a linear model over averaged places. ``weights drawn anew`` is the same with an encoder of
random weights under the model of the real one: its map must be another (Adebayo et al. 2018), so the rank correlation
with the first is shown.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.stats import spearmanr

from artifacts.finding import Audit
from artifacts.schema import Modality
from automl.demo_drawing import PhotoLook, draw_looks, draw_photo
from evaluation.saliency import differences, heatmap, occluded, patches_of
from featurizers import image_descriptor
from featurizers.batch_norm_folding import fold_batch_norms
from featurizers.encoders import resolve_encoder
from featurizers.image_embedding import network_facts
from featurizers.image_network import Network, create_model
from featurizers.precision import fastest_precision

Float = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Vectors = Callable[[Sequence[Pixels]], Float]

SIDE = 224  # pixels of a photo's longer side
SIZES: tuple[tuple[int, ...], ...] = ((3,), (5,), (3, 5))
BATCH = 8
STICKER, RING = (226, 66, 48), (250, 232, 90)


def photos(n: int, seed: int, mark: int) -> tuple[list[Pixels], NDArray[np.bool_], list[tuple[int, int]]]:
    """Photos, whether each has a sticker, and the middle (row, column) of the place for it."""
    rng = np.random.default_rng(seed)
    looks, has = draw_looks(rng, n), rng.random(n) < 0.5
    drawn, middles = [], []
    for i in range(n):
        values = {name.removeprefix("photo_"): looks[name].tolist()[i] for name in looks}
        look = PhotoLook(**{field.name: values[field.name] for field in fields(PhotoLook)})
        photo = draw_photo(look, np.random.default_rng([seed, i])).convert("RGB")
        photo = photo.resize([round(side * SIDE / max(photo.size)) for side in photo.size], Image.Resampling.BICUBIC)
        left, top = (int(rng.integers(0, side - mark)) for side in photo.size)
        if has[i]:
            pen = ImageDraw.Draw(photo)
            pen.ellipse((left, top, left + mark, top + mark), fill=STICKER)
            inner = mark // 4
            pen.ellipse((left + inner, top + inner, left + mark - inner, top + mark - inner), outline=RING, width=3)
        drawn.append(np.asarray(photo))
        middles.append((top + mark // 2, left + mark // 2))
    return drawn, has, middles


class Backbone:
    """A timm net on pixels: vectors, and what is needed for gradients. Of random weights if ``anew``."""

    def __init__(self, location: str, anew: bool = False) -> None:
        import timm
        import torch

        encoder = resolve_encoder(location, Modality.IMAGE, Path(), Audit())
        assert encoder is not None
        facts = network_facts(encoder, None)
        self.model, config = create_model(encoder.location)
        if anew:
            torch.manual_seed(0)
            name = self.model.pretrained_cfg["architecture"]
            self.model = timm.create_model(name, pretrained=False, num_classes=0).eval()
        folded = fold_batch_norms(copy.deepcopy(self.model), torch.zeros(1, 3, facts.height, facts.width))
        self.net = Network(folded, config, fastest_precision(), facts)

    def _prepared(self, pixels: Pixels) -> Any:
        import torch

        facts = self.net.facts
        whole = Image.fromarray(pixels).resize((facts.width, facts.height), Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(whole)).permute(2, 0, 1)

    def __call__(self, shown: Sequence[Pixels]) -> Float:
        """float64 (n, n_dimensions); photos are squeezed, so that all of each is seen."""
        parts = [shown[start : start + BATCH] for start in range(0, len(shown), BATCH)]
        return np.concatenate([self.net.forward([self._prepared(one) for one in part]) for part in parts]).astype(float)

    def gradient_map(self, pixels: Pixels, weights: Float) -> Float:
        """(height, width): gradient of ``weights @ vector`` by the last layer's places, times what these hold."""
        import torch

        photo = self._prepared(pixels)[None].float() * self.net._scale + self.net._shift
        held = self.model.forward_features(photo).detach().requires_grad_()
        score = self.model.forward_head(held) @ torch.from_numpy(weights.astype(np.float32))
        (gradient,) = torch.autograd.grad(score.sum(), held)
        coarse = (gradient * held).sum(dim=1)[None].detach()
        fine = torch.nn.functional.interpolate(coarse, pixels.shape[:2], mode="bicubic")
        return fine[0, 0].numpy().astype(np.float64)


def descriptors(shown: Sequence[Pixels]) -> Float:
    """What stands in for an encoder."""
    described = []
    for one in shown:
        photo, scale = Image.fromarray(one), image_descriptor.SIDE / max(one.shape)
        size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
        small = np.asarray(photo.resize(size, Image.Resampling.BILINEAR))
        described.append(image_descriptor.describe(small))
    return np.stack(described).astype(float)


class Linear:
    """Logistic regression over standardised vectors; ``weights`` are of the vectors as they are."""

    def __init__(self, X: Float, y: NDArray[np.bool_]) -> None:
        from sklearn.linear_model import LogisticRegression

        scale = X.std(axis=0) + 1e-6
        model = LogisticRegression(C=0.01, max_iter=3000).fit((X - X.mean(axis=0)) / scale, y)
        self.weights = model.coef_[0] / scale
        self.shift = float(model.intercept_[0] - X.mean(axis=0) @ self.weights)

    def __call__(self, X: Float) -> Float:
        """Log-odds (n,)."""
        return X @ self.weights + self.shift


def is_hit(heat: Float, middle: tuple[int, int]) -> bool:
    """Whether the place is in the hottest tenth."""
    return bool(heat[middle] >= np.quantile(heat, 0.9))


def occlusion(pixels: Pixels, vectors: Vectors, model: Linear, a_side: Sequence[int]) -> list[Float]:
    """A map for each of the numbers of patches a side."""
    patches = patches_of(*pixels.shape[:2], a_side)
    scores = model(vectors([pixels, *(occluded(pixels, patch) for patch in patches)]))
    deltas = differences(float(scores[0]), scores[1:])
    maps = []
    for size in range(len(a_side)):
        own = [i for i, patch in enumerate(patches) if patch.size == size]
        maps.append(heatmap(*pixels.shape[:2], [patches[i] for i in own], deltas[own]))
    return maps


def measure(vectors: Vectors, arguments: argparse.Namespace, mark: int, backbone: Backbone | None) -> None:
    """Fit, explain and print for one size of the sticker."""
    X_photos, y, _ = photos(arguments.rows, 0, mark)
    shown, has, middles = photos(3 * arguments.shown, 1, mark)
    model = Linear(vectors(X_photos), y)
    right = float(((model(vectors(shown)) > 0) == has).mean())
    rows = np.flatnonzero(has)[: arguments.shown]
    every = sorted({n for some in SIZES for n in some})
    random = Backbone(arguments.encoder, anew=True) if backbone else None
    hits: dict[str, list[bool]] = {}
    seconds, gradient_seconds, alike, anew = [], [], [], []
    for i in rows:
        started = time.perf_counter()
        by_size = dict(zip(every, occlusion(shown[i], vectors, model, every), strict=True))
        seconds.append(time.perf_counter() - started)
        for some in SIZES:
            heat = np.mean([by_size[n] for n in some], axis=0)
            hits.setdefault(f"occlusion, {' + '.join(map(str, some))} a side", []).append(is_hit(heat, middles[i]))
        if backbone is None or random is None:
            continue
        started = time.perf_counter()
        gradient = backbone.gradient_map(shown[i], model.weights)
        gradient_seconds.append(time.perf_counter() - started)
        hits.setdefault("gradient (Grad-CAM)", []).append(is_hit(gradient, middles[i]))
        used = np.mean([by_size[n] for n in (3, 5)], axis=0)
        alike.append(spearmanr(gradient.ravel(), used.ravel()).statistic)
        if len(anew) < 5:
            other = np.mean(occlusion(shown[i], random, model, (3, 5)), axis=0)
            anew.append(abs(spearmanr(other.ravel(), used.ravel()).statistic))
            both = random.gradient_map(shown[i], model.weights)
            hits.setdefault("gradient, weights drawn anew", []).append(is_hit(both, middles[i]))
            hits.setdefault("occlusion, weights drawn anew", []).append(is_hit(other, middles[i]))
    print(f"sticker {mark} of {SIDE} pixels; accuracy on new photos {right:.3f}; load {os.getloadavg()[0]:.1f}")
    for name, found in hits.items():
        print(f"  {name}: {np.mean(found):.3f} of {len(found)}")
    n = len(patches_of(SIDE, SIDE, every))
    print(f"  all sizes together ({n} patches of a square photo): median {np.median(seconds):.2f} s a row")
    if alike:
        print(f"  gradient: median {np.median(gradient_seconds):.2f} s a row")
        print(f"  rank correlation of both maps {np.mean(alike):.2f} (mean)")
        print(f"  of occlusion with weights drawn anew {np.mean(anew):.2f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", help="folder of a timm backbone; descriptors without it")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--shown", type=int, default=40)
    parser.add_argument("--marks", type=int, nargs="+", default=[28, 40])
    arguments = parser.parse_args()
    backbone = Backbone(arguments.encoder) if arguments.encoder else None
    for mark in arguments.marks:
        measure(backbone or descriptors, arguments, mark, backbone)


if __name__ == "__main__":
    main()
