"""A timm backbone cut in two."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from artifacts.schema import Modality
from featurizers.batch_norm_folding import fold_batch_norms
from featurizers.encoder_use import loading
from featurizers.encoders import Encoder
from featurizers.image_decoding import VERSION, decode_image
from featurizers.image_embedding import network_facts
from featurizers.image_network import Network, NetworkFacts, create_model, example_photo
from featurizers.precision import device
from featurizers.trunk import Half, Reached, Trunk, cannot_cut, close_to, input_of, stop_at

LEAST_SHARE = 0.02  # of all parameters: what has fewer is no layer of its own
_RECIPE = "image-activation/1"


@dataclass(frozen=True)
class _Parts:
    """What makes activations of photos, their shape, a copy of the upper layers, and names of these by layer."""

    lower: Network
    shape: tuple[int, ...]
    upper: Any
    layers: tuple[tuple[str, ...], ...]


class ImageTrunk(Trunk):
    """The last ``n_layers`` stages or blocks of a backbone, and the pooling above them, over those below.

    Options of the encoder (``EncoderOptions``) do not count here: its vector is that of the backbone as it was trained.
    Batch norms are folded into their convolutions before (see ``fold_batch_norms``) and what is left of them stays in
    evaluation mode: weights whose norms were folded by others, as many files have them, are tuned as any other.
    """

    modality: ClassVar[Modality] = Modality.IMAGE

    @property
    def _parts(self) -> _Parts:
        return _cut(self.encoder, self.n_layers, self._facts)

    @cached_property
    def _facts(self) -> NetworkFacts:
        return network_facts(self.encoder, self.store)

    @cached_property
    def recipe(self) -> str:
        """See ``Trunk.recipe``."""
        return f"{_RECIPE}|{VERSION}|{self.encoder.fingerprint}|{self._facts.recipe}|{self.n_layers}"

    def lower(self, contents: Sequence[Any]) -> list[Half | str]:
        """See ``Trunk.lower``; of the bytes of photos."""
        made = self._parts.lower.vectors(contents)
        return [
            one if isinstance(one, str) else self.shaped(np.clip(one, -6e4, 6e4).astype(np.float16)) for one in made
        ]

    def shaped(self, flat: Half) -> Half:
        """See ``Trunk.shaped``."""
        shape = self._parts.shape
        return flat[: int(np.prod(shape))].reshape(shape)

    def new_upper(self) -> Any:
        """See ``Trunk.new_upper``."""
        return copy.deepcopy(self._parts.upper).to(device()).eval()

    def batch(self, activations: Sequence[Half]) -> tuple[Any, Any]:
        """See ``Trunk.batch``."""
        import torch

        stacked = torch.from_numpy(np.stack([one.reshape(self._parts.shape) for one in activations]))
        return stacked.to(device()).float(), None

    def apply(self, upper: Any, states: Any, beside: Any) -> Any:
        """See ``Trunk.apply``."""
        return upper(states).float()

    def emptied(self, content: Any) -> Any:
        """See ``Trunk.emptied``: its mean colour everywhere.

        Raises:
            UnreadableImageError: if the photo cannot be read.
        """
        from PIL import Image

        image = decode_image(content)
        colour = np.asarray(image, dtype=np.float64).mean(axis=(0, 1)).round().astype(int)
        buffer = BytesIO()
        Image.new("RGB", image.size, tuple(colour.tolist())).save(buffer, "PNG")
        return buffer.getvalue()

    def heat(self, values: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
        """What places of an activation give, as (height, width) over the photo; 0 where the encoder does not look."""
        from PIL import Image

        found = values.reshape(self._parts.shape)
        if found.ndim == 3:
            grid = found.sum(axis=2 if self._channels_last else 0)
        else:  # of a vision transformer: what stands before its patches has no place
            by_token = found.sum(axis=1)
            side = math.isqrt(len(by_token))
            grid = by_token[len(by_token) - side * side :].reshape(side, side)
        rows, columns = self._facts.seen(height, width)
        sized = Image.fromarray(grid.astype(np.float32)).resize((columns, rows), Image.Resampling.BICUBIC)
        result = np.zeros((height, width))
        top, left = (height - rows) // 2, (width - columns) // 2
        result[top : top + rows, left : left + columns] = np.asarray(sized)
        return result

    def varied(self, activations: Sequence[Half], random: np.random.Generator) -> list[Half]:
        """See ``Trunk.varied``: half of the maps are mirrored, as those of mirrored photos are but for the borders."""
        if len(self._parts.shape) != 3:
            return list(activations)
        mirrored, axis = random.random(len(activations)) < 0.5, 1 if self._channels_last else 2
        return [np.flip(one, axis) if flip else one for one, flip in zip(activations, mirrored, strict=True)]

    @property
    def _channels_last(self) -> bool:
        """Whether activations are (height, width, channels), as Swin's are: sides of a map are as those of photos."""
        rows, columns, channels = self._parts.shape
        return rows * self._facts.width == columns * self._facts.height and rows <= channels and columns != channels

    def depth_of(self, upper: Any) -> list[list[Any]]:
        """See ``Trunk.depth_of``."""
        by_name = {name: list(upper.get_submodule(name).parameters()) for layer in self._parts.layers for name in layer}
        parts = [[one for name in layer for one in by_name[name]] for layer in reversed(self._parts.layers)]
        return [part for part in parts if part]


@lru_cache(maxsize=2)
def _cut(encoder: Encoder, n_layers: int, facts: NetworkFacts) -> _Parts:
    import torch

    model, config = create_model(encoder.location)
    _, height, width = config["input_size"]
    photo = example_photo(height, width)
    model = fold_batch_norms(model, photo)
    with loading(encoder.location, Modality.IMAGE), torch.inference_mode():
        order = _in_order(model, photo)
    layers = _layers(model, order)
    if not layers:
        raise cannot_cut(encoder, f"{type(model).__name__} has no layers that run one after another")
    kept = layers[-n_layers:]
    first = kept[0][0]
    with torch.inference_mode():
        activation = input_of(model.get_submodule(first), lambda: model(photo))
        expected = model(photo)
    upper = copy.deepcopy(model)
    for name in order[: order.index(first)]:
        upper.set_submodule(name, torch.nn.Identity())
    if hasattr(upper, "_pos_embed"):  # of vision transformers: what is kept has its positions
        upper._pos_embed = _as_it_is
    with torch.inference_mode():
        try:
            found = upper(activation)
        except (RuntimeError, ValueError, TypeError, LookupError) as error:
            raise cannot_cut(encoder, f"{type(error).__name__}: {str(error)[:100]}") from error
    close_to(expected, found, encoder)
    lower = Network(_lower(model, first), config, "fp32", facts)
    return _Parts(lower, tuple(activation.shape[1:]), upper, tuple(kept))


def _in_order(model: Any, photo: Any) -> list[str]:
    """Names of the parts of a model in the order in which they run; a list of layers is as many parts."""
    names: dict[int, str] = {}
    for name, child in model.named_children():
        inner = list(child.named_children()) if type(child).__name__ in ("Sequential", "ModuleList") else []
        found = {id(one): f"{name}.{inside}" for inside, one in inner if next(one.parameters(), None) is not None}
        names |= found if len(found) > 1 else {id(child): name}
    order: list[str] = []
    hooks = [
        one.register_forward_pre_hook(lambda module, _: order.append(names[id(module)]))
        for one in model.modules()
        if id(one) in names
    ]
    try:
        model(photo)
    finally:
        for hook in hooks:
            hook.remove()
    return list(dict.fromkeys(order))


def _layers(model: Any, order: list[str]) -> list[tuple[str, ...]]:
    """The parts that have enough parameters to be worth tuning, each with the small ones that follow it."""
    count = {name: sum(one.numel() for one in model.get_submodule(name).parameters()) for name in order}
    total = max(sum(count.values()), 1)
    place, number = [], -1
    for name in order:
        number += count[name] >= LEAST_SHARE * total
        place.append(number)
    grouped = groupby(zip(order, place, strict=True), key=lambda pair: pair[1])
    return [tuple(name for name, _ in group) for number, group in grouped if number >= 0]


def _lower(model: Any, first: str) -> Any:
    """A torch module (n, 3, height, width) -> (n, n_numbers): what comes to a part of the model, flat.

    Its passes end there for good, so that several threads may run it at once.
    """
    from torch import nn

    class Lower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, photos: Any) -> Any:
            try:
                self.model(photos)
            except Reached as reached:
                return reached.given.flatten(1)
            raise LookupError(f"the forward pass never comes to {first!r}")

    stop_at(model.get_submodule(first))
    return Lower().eval()


def _as_it_is(x: Any, *_: Any) -> Any:
    return x
