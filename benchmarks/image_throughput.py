"""Photos a second: our featurizer against the bare network and against a plain loop, and a second run.

python benchmarks/image_throughput.py [--images DIR] [--weights DIR] [--photos N]

Without --images it draws photos, without --weights it takes a MobileNetV2 with random weights.
A short scan finds the best batch size and precision of the bare net. Then rounds go through all
contestants in turn, so that a busy machine is busy for each, and each one's best round counts.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import wait
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from artifacts.embedding_store import EmbeddingStore
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Title
from featurizers.base import Surroundings
from featurizers.encoders import Encoder, resolve_encoder
from featurizers.image_embedding import ImageEmbedding, forward_pool, network_facts
from featurizers.image_network import create_model, load_network

BATCHES = (4, 8, 16, 32)
KINDS = ("bare net,", "bare net in threads,", "bare folded net")
SCAN = 32
ALONE = 64  # photos of the plain loop
BARE = 160  # photos a measurement of the bare network
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--photos", type=int, default=600)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        images = chosen.images or draw(Path(temporary) / "photos", chosen.photos)
        weights = chosen.weights or make_weights(Path(temporary) / "weights")
        names = sorted(path.name for path in images.iterdir() if path.suffix == ".jpg")[: chosen.photos]
        encoder = resolve_encoder(str(weights.resolve()), Modality.IMAGE, Path(), Audit())
        assert encoder is not None
        measure(encoder, images, names, Path(temporary))


def draw(folder: Path, n: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for i in range(n):
        small = Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8))
        small.resize((320, 320), Image.Resampling.BICUBIC).save(folder / f"{i}.jpg", quality=88)
    return folder


def make_weights(folder: Path) -> Path:
    import timm
    from safetensors.torch import save_file

    folder.mkdir()
    net = timm.create_model("mobilenetv2_100", pretrained=False)
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()}, folder / "model.safetensors")
    config = {"architecture": "mobilenetv2_100", "num_classes": 1000, "num_features": net.num_features}
    (folder / "config.json").write_text(json.dumps(config | {"pretrained_cfg": {"input_size": [3, 224, 224]}}))
    return folder


def measure(encoder: Encoder, images: Path, names: list[str], temporary: Path) -> None:
    best: dict[str, float] = {}

    def note(what: str, rate: float) -> None:
        best[what] = max(rate, best.get(what, 0.0))

    bare = bare_contestants(encoder)
    for what, run in bare.items():  # which batch size and precision suit the net
        run(SCAN)
        note(what, SCAN / seconds(partial(run, SCAN)))
    best = dict(top(best, kind) for kind in KINDS)
    for number in range(ROUNDS):
        for what in list(best)[: len(KINDS)]:
            note(what, BARE / seconds(partial(bare[what], BARE)))
        first, second = ours(encoder, images, names, temporary / f"cache-{number}")
        note("ours, first run", first)
        note("ours, second run", second)
        note("plain loop, fp32", ALONE / plain_loop(encoder, images, names[:ALONE]))
    show(best, len(names))


def bare_contestants(encoder: Encoder) -> dict[str, Callable[[int], None]]:
    """Forward passes over tensors that are decoded already, as timm's net comes, and folded as ours."""
    import torch

    model, config = create_model(encoder.location)
    facts = network_facts(encoder, None)
    contestants: dict[str, Callable[[int], None]] = {}
    for precision, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        plain = copy.deepcopy(model).to(dtype=dtype, memory_format=torch.channels_last)
        folded = load_network(encoder, precision, facts)._model
        for batch in BATCHES:
            tensor = torch.randn(batch, *config["input_size"]).to(dtype=dtype, memory_format=torch.channels_last)
            of = f"{precision}, batch {batch}"
            contestants[f"bare net, {of}"] = partial(one_by_one, plain, tensor)
            contestants[f"bare net in threads, {of}"] = partial(in_threads, plain, tensor)
            contestants[f"bare folded net in threads, {of}"] = partial(in_threads, folded, tensor)
    return contestants


def one_by_one(net: Any, tensor: Any, n: int) -> None:
    import torch

    with torch.inference_mode():
        for _ in range(n // len(tensor)):
            net(tensor)


def in_threads(net: Any, tensor: Any, n: int) -> None:
    import torch

    def run() -> None:
        with torch.inference_mode():
            net(tensor)

    with forward_pool(lambda: None) as pool:
        wait([pool.submit(run) for _ in range(n // len(tensor))])


def ours(encoder: Encoder, images: Path, names: list[str], cache: Path) -> tuple[float, float]:
    values = pd.Series(names)
    around = Surroundings(images=images, store=EmbeddingStore(cache))
    featurizer = ImageEmbedding(Column("photo", Modality.IMAGE, Title("Photo", "Photo")), encoder).fit(values, around)
    warm = Surroundings(images=images)
    featurizer.transform(values[:32], warm)  # loads the weights
    first, second = (seconds(lambda: featurizer.transform(values, around)) for _ in range(2))
    return len(names) / first, len(names) / second


def plain_loop(encoder: Encoder, images: Path, names: list[str]) -> float:
    """Seconds without loading."""
    import torch
    from timm.data.transforms_factory import create_transform

    model, config = create_model(encoder.location)
    transform = create_transform(**config)
    started = time.perf_counter()
    with torch.inference_mode():
        for name in names:
            model(transform(Image.open(images / name).convert("RGB"))[None])
    return time.perf_counter() - started


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def top(best: dict[str, float], start: str) -> tuple[str, float]:
    return max(((what, rate) for what, rate in best.items() if what.startswith(start)), key=lambda pair: pair[1])


def show(best: dict[str, float], n: int) -> None:
    plain, folded = max(top(best, kind)[1] for kind in KINDS[:2]), top(best, KINDS[2])[1]
    loop, first, second = best["plain loop, fp32"], best["ours, first run"], best["ours, second run"]
    print(f"{n} photos, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| what | photos/s |\n|---|---|")
    for what, rate in best.items():
        print(f"| {what} | {rate:.0f} |")
    print("\n| ratio | target | measured |\n|---|---|---|")
    print(f"| first run / bare net at its best | 0.9 | {first / plain:.2f} |")
    print(f"| first run / the same of our folded net | - | {first / folded:.2f} |")
    print(f"| first run / plain loop | 2 | {first / loop:.1f} |")
    print(f"| second run / first run | 50 | {second / first:.0f} |")


if __name__ == "__main__":
    main()
