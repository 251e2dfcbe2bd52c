"""A timm backbone without its head: loading, preparing photos as it was trained on, and the forward pass."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import ArtifactError
from artifacts.schema import Modality
from featurizers.batch_norm_folding import fold_batch_norms
from featurizers.encoder_options import PLAIN, EncoderOptions
from featurizers.encoder_use import loading
from featurizers.image_decoding import UnreadableImageError, decode_image
from featurizers.image_pooling import pooled
from featurizers.precision import compare_vectors, device, fastest_precision

if TYPE_CHECKING:
    from featurizers.encoders import Encoder

FloatArray = NDArray[np.float32]

BATCH = 8  # photos; on a processor, 16 leave its caches and take a third longer
CUDA_BATCH = 64
DRAWN = 0  # seed of the photos that a network is tried on: what it is told by must not differ from run to run

_CROPS = ("center", "squash", "other")
_INTERPOLATIONS = ("bicubic", "bilinear", "other")


@dataclass(frozen=True)
class NetworkFacts:
    """What has to be known of a network to use its stored vectors without loading it.

    ``cosine_low`` and ``cosine_typical`` compare bf16 with fp32 over a fixed sample of drawn photos.
    """

    n_dimensions: int
    height: int
    width: int
    crop_share: float
    crop: str
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    cosine_low: float
    cosine_typical: float

    def to_vector(self) -> FloatArray:
        """All of it as float32 numbers; ``from_vector`` reads it back."""
        numbers = [self.n_dimensions, self.height, self.width, self.crop_share]
        codes = [_CROPS.index(self.crop), _INTERPOLATIONS.index(self.interpolation)]
        cosines = [self.cosine_low, self.cosine_typical]
        return np.array([*numbers, *codes, *self.mean, *self.std, *cosines], dtype=np.float32)

    def seen(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of a photo, around its centre, that the encoder looks at."""
        if self.crop == "squash":
            return max(1, round(self.crop_share * height)), max(1, round(self.crop_share * width))
        short, side = min(height, width), max(self.height, self.width)
        rows, columns = (max(1, round(self.crop_share * short * one / side)) for one in (self.height, self.width))
        return min(rows, height), min(columns, width)

    @classmethod
    def from_vector(cls, vector: Sequence[float] | FloatArray) -> Self:
        """What ``to_vector`` gave."""
        n, height, width, share, crop, interpolation, *rest = (float(number) for number in vector)
        red, green, blue, red_std, green_std, blue_std, low, typical = rest
        sizes = int(n), int(height), int(width)
        how = share, _CROPS[int(crop)], _INTERPOLATIONS[int(interpolation)]
        return cls(*sizes, *how, (red, green, blue), (red_std, green_std, blue_std), low, typical)

    @property
    def recipe(self) -> str:
        """How photos are prepared, for the key of a stored vector; the cosines do not belong to it."""
        return "|".join(map(str, astuple(self)[:-2]))


class Network:
    """A backbone ready to run. ``vectors`` may be called by several threads at once."""

    def __init__(self, model: Any, config: dict[str, Any], precision: str, facts: NetworkFacts) -> None:
        import torch
        from timm.data.transforms_factory import transforms_imagenet_eval

        self.facts = facts
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._model = model.to(device=device(), dtype=self._dtype, memory_format=torch.channels_last)
        scale = 1.0 / (255.0 * torch.tensor(facts.std))
        self._scale = scale.view(3, 1, 1)
        self._shift = (-255.0 * torch.tensor(facts.mean) * scale).view(3, 1, 1)
        # timm's own preparation, for what is not handled faster below
        self._transform: Callable[[Any], Any] = transforms_imagenet_eval(
            img_size=(facts.height, facts.width),
            crop_pct=config["crop_pct"],
            crop_mode=config["crop_mode"],
            interpolation=config["interpolation"],
            mean=config["mean"],
            std=config["std"],
            normalize=False,
        )

    def vectors(self, contents: Sequence[bytes]) -> list[FloatArray | str]:
        """A float32 vector (n_dimensions,) for each photo, or the code of the finding if it cannot be read."""
        outcomes: list[FloatArray | str] = [""] * len(contents)
        pixels = []
        for i, content in enumerate(contents):
            try:
                pixels.append((i, self._prepare(content)))
            except UnreadableImageError as error:
                outcomes[i] = error.code
        if pixels:
            for (i, _), vector in zip(pixels, self.forward([one for _, one in pixels]), strict=True):
                outcomes[i] = vector
        return outcomes

    def forward(self, pixels: Sequence[Any]) -> FloatArray:
        """float32 (n_photos, n_dimensions) of uint8 tensors (3, height, width)."""
        import torch

        with torch.inference_mode():
            batch = torch.empty(
                (len(pixels), 3, self.facts.height, self.facts.width),
                dtype=self._dtype,
                memory_format=torch.channels_last,
            )
            for slot, one in zip(batch, pixels, strict=True):  # one by one: a photo fits into the cache
                slot.copy_(one.float().mul_(self._scale).add_(self._shift))
            found = self._model(batch.to(device()))
        return np.ascontiguousarray(found.float().cpu().numpy())

    def _prepare(self, content: bytes) -> Any:
        """uint8 tensor (3, height, width), cut as in timm's evaluation."""
        import torch
        from torch.nn.functional import interpolate

        facts = self.facts
        rows, columns = (int(side / facts.crop_share) for side in (facts.height, facts.width))
        image = decode_image(content, max(rows, columns))
        if "other" in (facts.crop, facts.interpolation) or (facts.crop == "center" and rows != columns):
            return self._transform(image)
        if facts.crop == "center":
            image = _without_ends(image)
            short = min(image.size)
            rows, columns = (int(rows * side / short) for side in (image.height, image.width))
        with torch.inference_mode():
            source = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
            # the same numbers as pillow's resize, in half its time
            sized = interpolate(source, (rows, columns), mode=facts.interpolation, antialias=True)[0]
        top, left = round((rows - facts.height) / 2), round((columns - facts.width) / 2)
        return sized[:, top : top + facts.height, left : left + facts.width]


def load_network(encoder: Encoder, precision: str, facts: NetworkFacts) -> Network:
    """The network of an encoder, kept for the process; ``facts`` decide how photos are prepared.

    Raises:
        ArtifactError: if it cannot be loaded.
    """
    return _load(encoder.location, encoder.options, encoder.fingerprint, precision, facts)


@lru_cache(maxsize=2)
def _load(location: str, options: EncoderOptions, fingerprint: str, precision: str, facts: NetworkFacts) -> Network:
    model, config = create_model(location, options)
    return Network(fold_batch_norms(model, example_photo(facts.height, facts.width)), config, precision, facts)


def create_model(location: str, options: EncoderOptions = PLAIN) -> tuple[Any, dict[str, Any]]:
    """The timm model of a folder, in evaluation mode, and how it wants its photos.

    Raises:
        ArtifactError: if it cannot be loaded, or does not have what the options ask for.
    """
    import timm
    from timm.data.config import resolve_model_data_config

    with loading(location, Modality.IMAGE):
        model = timm.create_model(f"local-dir:{location}", pretrained=True, num_classes=0)
    # Never in training mode: folded batch norms would make every vector nearly zero.
    resolve: Callable[[Any], dict[str, Any]] = resolve_model_data_config  # untyped
    return pooled(model.eval(), options, location), resolve(model)


def measure_network(location: str, options: EncoderOptions = PLAIN) -> NetworkFacts:
    """Load a network and find out what ``NetworkFacts`` says.

    Raises:
        ArtifactError: if it cannot be loaded, or gives no vector for a photo.
    """
    import torch

    model, config = create_model(location, options)
    _, height, width = config["input_size"]
    crop, interpolation = config["crop_mode"], config["interpolation"]
    as_float32 = [float(np.float32(number)) for number in (*config["mean"], *config["std"], config["crop_pct"])]
    red, green, blue, red_std, green_std, blue_std, share = as_float32
    known = (
        height,
        width,
        share,
        crop if crop in _CROPS else "other",
        interpolation if interpolation in _INTERPOLATIONS else "other",
        (red, green, blue),
        (red_std, green_std, blue_std),
    )
    sample = list(torch.from_numpy(drawn_photos(height, width)))
    _try(model, example_photo(height, width), location, options)
    model = fold_batch_norms(model, example_photo(height, width))
    exact = Network(copy.deepcopy(model), config, "fp32", NetworkFacts(1, *known, 1.0, 1.0)).forward(sample)
    if exact.ndim != 2 or not np.isfinite(exact).all():
        raise ArtifactError(
            f"The image encoder in {location!r} gives an output of shape {exact.shape} for {len(sample)} photos, but "
            "one vector of finite numbers for each is needed. Name another one under [encoders] image."
        )
    low = typical = 1.0
    if fastest_precision() == "bf16":
        fast = Network(model, config, "bf16", NetworkFacts(1, *known, 1.0, 1.0)).forward(sample)
        low, typical = compare_vectors(exact, fast)
    return NetworkFacts(exact.shape[1], *known, low, typical)


def _try(model: Any, photo: Any, location: str, options: EncoderOptions) -> None:
    """One photo through the network, because only that tells how many layers it gives."""
    import torch

    try:
        with torch.inference_mode():
            model(photo)
    except (AssertionError, LookupError, ValueError, TypeError, RuntimeError) as error:
        raise ArtifactError(
            f"The image encoder in {location!r} cannot run with {str(options) or 'photos'!r} "
            f"({type(error).__name__}: {str(error)[:200]}). Ask for fewer layers, or name another encoder."
        ) from error


def example_photo(height: int, width: int) -> Any:
    """A float tensor (1, 3, height, width) between -1 and 1, always the same."""
    import torch

    return torch.from_numpy(drawn_photos(height, width)[:1]).float() / 127.5 - 1.0


def drawn_photos(height: int, width: int, n: int = 8) -> NDArray[np.uint8]:
    """uint8 (n, 3, height, width): smooth colours, hard edges and grain, always the same."""
    from PIL import Image

    random = np.random.default_rng(DRAWN)
    photos = np.empty((n, 3, height, width), dtype=np.uint8)
    for photo in photos:
        small = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32).copy()
        for _ in range(4):
            top, left = random.integers(0, height), random.integers(0, width)
            pixels[top : top + height // 3, left : left + width // 4] = random.integers(0, 256, 3)
        pixels += random.normal(0, 6, pixels.shape)
        photo[:] = np.clip(pixels, 0, 255).astype(np.uint8).transpose(2, 0, 1)
    return photos


def _without_ends(image: Any) -> Any:
    """A strip without its ends, which the centre crop cannot reach; other photos as they are.

    1 x 20,000 pixels would otherwise be scaled to 256 x 5,120,000.
    """
    width, height = image.size
    spare_x, spare_y = (max(0, side - 3 * min(width, height)) // 2 for side in (width, height))
    return image.crop((spare_x, spare_y, width - spare_x, height - spare_y)) if spare_x or spare_y else image


def batch_size() -> int:
    """Photos a forward pass."""
    return CUDA_BATCH if device() == "cuda" else BATCH
