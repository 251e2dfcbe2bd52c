"""What each family of descriptors without weights adds on photos with known classes, and what it costs.

python benchmarks/image_descriptors.py --data DIR [--target COLUMN] [--image COLUMN] [--limit N]

DIR holds train.parquet, test.parquet and the photos that their image column names. Each family alone,
the descriptor that is in use with each family and without each of its own, and the union of families
without each. Accuracy on the test rows of a ridge classifier, its penalty chosen on a fifth of the
training rows, with a 95% interval of the difference over bootstraps of the test rows. The cost is
processor time of one thread, decoding apart.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.tables import read_parquet
from featurizers import image_descriptor
from featurizers.image_decoding import UnreadableImageError, small_pixels
from featurizers.photo_layout import side_distances
from featurizers.photo_views import to_lab

FloatArray = NDArray[np.float32]
SIDE = 64
GRID = 4
BOOTSTRAPS = 2000
PENALTIES = (0.03, 0.1, 0.3, 1.0)
Labels = NDArray[np.object_]


def hog_fine(lab: FloatArray) -> FloatArray:
    """Dalal and Triggs, 2005, as in use but with overlapping blocks, 7 x 7 of them."""
    import cv2

    grey = np.clip(lab[..., 0] * 2.55, 0, 255).astype(np.uint8)
    return np.asarray(cv2.HOGDescriptor((64, 64), (16, 16), (8, 8), (8, 8), 9).compute(grey)).ravel()


def local_binary_patterns(lab: FloatArray) -> FloatArray:
    """Ojala et al., 2002: rotation-invariant uniform patterns of 8 neighbours at 1 and 3 pixels, in a grid."""
    light = lab[..., 0]
    parts = []
    for radius in (1, 3):
        edged = np.pad(light, radius, mode="edge")
        ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
        bits = np.stack(
            [edged[y * radius : y * radius + SIDE, x * radius : x * radius + SIDE] > light + 1 for y, x in ring]
        )
        turns = (bits != np.roll(bits, 1, axis=0)).sum(axis=0)
        codes = np.where(turns <= 2, bits.sum(axis=0), 9)
        cells = (np.arange(SIDE) * GRID // SIDE)[:, None] * GRID + np.arange(SIDE) * GRID // SIDE
        counts = np.bincount((cells * 10 + codes).ravel(), minlength=GRID * GRID * 10)
        parts.append(np.sqrt(counts / (SIDE / GRID) ** 2))
    return np.concatenate(parts).astype(np.float32)


def wavelets(lab: FloatArray) -> FloatArray:
    """Mean strength of the details of three levels (Daubechies 2) in a grid, logarithmic."""
    import pywt

    _, *levels = pywt.wavedec2(lab[..., 0], "db2", mode="periodization", level=3)
    means = [_pooled(np.abs(detail), GRID) for level in levels for detail in level]
    return np.log1p(np.concatenate(means)).astype(np.float32)


def scattering(lab: FloatArray) -> FloatArray:
    """Second order: details of the strength of the details, in a grid of 2 x 2 (after Bruna and Mallat, 2013)."""
    import pywt

    means = []
    _, *levels = pywt.wavedec2(lab[..., 0], "haar", mode="periodization", level=2)
    for detail in levels[-1] + levels[-2]:
        _, *again = pywt.wavedec2(np.abs(detail), "haar", mode="periodization", level=2)
        means += [_pooled(np.abs(second), 2) for level in again for second in level]
    return np.log1p(np.concatenate(means)).astype(np.float32)


def colour_grid(lab: FloatArray) -> FloatArray:
    """Histograms of colours of the middle, the ring around it and the border."""
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    ring = np.minimum(np.maximum(np.abs(x), np.abs(y)) * 3 / (SIDE / 2), 2).astype(np.int64)
    return np.concatenate([image_descriptor._colours(lab[ring == i][:, None]) for i in range(3)])


def silhouette(lab: FloatArray) -> FloatArray:
    """How far each cell of a 12 x 12 grid differs in colour from the border."""
    import cv2

    distances = side_distances(np.ascontiguousarray(lab.transpose(2, 0, 1)))
    typical = (distances.sum(axis=0) - distances.max(axis=0)) / 3
    return np.asarray(cv2.resize(np.minimum(typical / 6, 1), (12, 12), interpolation=cv2.INTER_AREA)).ravel()


def _pooled(values: FloatArray, n: int) -> FloatArray:
    side = len(values) // n
    return np.asarray(values[: n * side, : n * side].reshape(n, side, n, side).mean(axis=(1, 3)).ravel())


FAMILIES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "colours (Lab histogram)": lambda lab: image_descriptor._colours(lab),
    "colours by ring": colour_grid,
    "edges (5 x 5 histograms)": lambda lab: image_descriptor._edges(lab[..., 0]),
    "HOG 4 x 4": lambda lab: image_descriptor._gradients(lab[..., 0]),
    "HOG 7 x 7": hog_fine,
    "LBP": local_binary_patterns,
    "wavelets": wavelets,
    "scattering": scattering,
    "cosines (thumbnail)": lambda lab: np.concatenate(
        [image_descriptor._waves(lab[..., i], n) for i, n in enumerate(image_descriptor._N_WAVES)]
    ),
    "silhouette": silhouette,
}


IN_USE = ["colours (Lab histogram)", "edges (5 x 5 histograms)", "HOG 4 x 4", "cosines (thumbnail)"]
UNION = [name for name in FAMILIES if name != "HOG 7 x 7"]  # which holds HOG 4 x 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--target", default="subCategory")
    parser.add_argument("--image", default="image")
    parser.add_argument("--limit", type=int, help="training rows")
    chosen = parser.parse_args()
    train, test = (read_parquet(chosen.data / f"{part}.parquet") for part in ("train", "test"))
    train = train.iloc[: chosen.limit]
    pixels = [squared(chosen.data / name) for name in [*train[chosen.image], *test[chosen.image]]]
    features, costs = describe_all(pixels)
    y = train[chosen.target].astype(str).to_numpy(), test[chosen.target].astype(str).to_numpy()
    evaluate(features, costs, *y)


def squared(path: Path) -> NDArray[np.uint8]:
    try:
        return image_descriptor._squared(small_pixels(path.read_bytes(), SIDE))
    except (OSError, UnreadableImageError):
        return np.full((SIDE, SIDE, 3), 128, dtype=np.uint8)


def describe_all(pixels: list[NDArray[np.uint8]]) -> tuple[dict[str, FloatArray], dict[str, float]]:
    """float32 (n_photos, n_dimensions) and milliseconds a photo of each family, and of the one in use."""
    labs = [to_lab(one) for one in pixels]
    work: dict[str, tuple[Callable[[Any], FloatArray], list[Any]]] = {
        name: (compute, labs) for name, compute in FAMILIES.items()
    }
    work["in use"] = (image_descriptor.describe, pixels)
    features, costs = {}, {}
    for name, (compute, items) in work.items():
        compute(items[0])
        started = time.process_time()
        features[name] = np.stack([compute(item) for item in items])
        costs[name] = 1000 * (time.process_time() - started) / len(items)
    return features, costs


def evaluate(features: dict[str, FloatArray], costs: dict[str, float], train: Labels, test: Labels) -> None:
    scores = {name: Scores(X, train, test) for name, X in features.items()}
    print(
        f"{len(train)} training and {len(test)} test photos, {len(set(train))} classes, load {os.getloadavg()[0]:.1f}"
    )
    used = scores["in use"]
    heading("alone", "the one in use")
    for name in features:
        row(name, scores[name], costs[name], used)
    heading("in use, and", "the one in use")
    for name in FAMILIES:
        both = Scores(np.hstack([features["in use"], features[name]]), train, test)
        row(name, both, costs["in use"] + costs[name], used)
    heading("in use, without", "the one in use")
    for left_out in IN_USE:
        names = [name for name in IN_USE if name != left_out]
        without = Scores(np.hstack([features[name] for name in names]), train, test)
        row(left_out, without, sum(map(costs.__getitem__, names)), used)
    heading("union without", "the union")
    union = Scores(np.hstack([features[name] for name in UNION]), train, test)
    row("-", union, sum(costs[name] for name in UNION), used)
    for left_out in UNION:
        names = [name for name in UNION if name != left_out]
        row(
            left_out,
            Scores(np.hstack([features[name] for name in names]), train, test),
            sum(map(costs.__getitem__, names)),
            union,
        )


class Scores:
    """Which test rows a ridge classifier gets right."""

    def __init__(self, X: FloatArray, train: Labels, test: Labels) -> None:
        scaled = (X - X[: len(train)].mean(axis=0)) / (X[: len(train)].std(axis=0) + 1e-6)
        self.n_dimensions = X.shape[1]
        self.classes, coded = np.unique(train, return_inverse=True)
        held_back = len(train) * 4 // 5  # rows are in no order
        parts = scaled[:held_back], scaled[held_back : len(train)]
        tried = [self._fit(*parts, coded[:held_back], penalty) == train[held_back:] for penalty in PENALTIES]
        best = PENALTIES[int(np.argmax([right.mean() for right in tried]))]
        self.right = self._fit(scaled[: len(train)], scaled[len(train) :], coded, best) == test

    def _fit(self, X: FloatArray, new: FloatArray, coded: NDArray[np.int64], penalty: float) -> Labels:
        """Predicted classes of the new rows; the penalty is per dimension."""
        from scipy.linalg import cho_factor, cho_solve

        targets = np.eye(len(self.classes), dtype=np.float32)[coded]
        middle = targets.mean(axis=0)
        square = X.T @ X if X.shape[1] < len(X) else X @ X.T
        square[np.diag_indices_from(square)] += penalty * len(X)
        factor = cho_factor(square, overwrite_a=True)
        if X.shape[1] < len(X):
            scores = new @ cho_solve(factor, X.T @ (targets - middle))
        else:
            scores = (new @ X.T) @ cho_solve(factor, targets - middle)
        return np.asarray(self.classes[(scores + middle).argmax(axis=1)])


def heading(first: str, against: str) -> None:
    print(f"\n| {first} | dimensions | ms a photo | accuracy | difference from {against} |\n|---|---|---|---|---|")


def row(name: str, scores: Scores, cost: float, against: Scores) -> None:
    gain = scores.right.astype(float) - against.right
    rng = np.random.default_rng(0)
    means = [gain[rng.integers(0, len(gain), len(gain))].mean() for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(means, [0.025, 0.975])
    difference = f"{gain.mean():+.4f} ({low:+.4f} to {high:+.4f})"
    print(f"| {name} | {scores.n_dimensions} | {cost:.2f} | {scores.right.mean():.4f} | {difference} |", flush=True)


if __name__ == "__main__":
    main()
