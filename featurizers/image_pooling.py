"""The last layers of a timm backbone as one vector, pooled as ``EncoderOptions`` say."""

from __future__ import annotations

import inspect
from typing import Any

from artifacts.errors import ArtifactError
from featurizers.encoder_options import PLAIN, EncoderOptions


def pooled(model: Any, options: EncoderOptions, location: str) -> Any:
    """A torch module (n, 3, height, width) -> (n, n_dimensions); the model itself without options.

    The vector of the last layer comes last, so that more layers only add to the front. Layers of a
    network of convolutions are its stages, those of a transformer its blocks.

    Raises:
        ArtifactError: if the model has no class token, or does not give its layers.
    """
    if options == PLAIN:
        return model
    n_prefix = int(getattr(model, "num_prefix_tokens", 0))
    kind = type(model).__name__
    if options.pooling == "cls" and not n_prefix:
        raise ArtifactError(
            f"The image encoder in {location!r} ({kind}) has no class token for pooling=cls. Use average or max."
        )
    if options.layers > 1 and not hasattr(model, "forward_intermediates"):
        raise ArtifactError(f"The image encoder in {location!r} ({kind}) does not give its layers. Leave out layers.")
    token = n_prefix > 0 and getattr(model, "global_pool", "") in ("token", "")
    return _module(model, options, n_prefix, options.pooling or ("cls" if token else "average"))


def _module(model: Any, options: EncoderOptions, n_prefix: int, pooling: str) -> Any:
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, photos: Any) -> Any:
            before: list[Any] = []
            if options.layers == 1:
                last = self.model.forward_features(photos)
            else:
                wanted = {"return_prefix_tokens": True} if n_prefix and gives_prefix else {}
                last, layers = self.model.forward_intermediates(photos, indices=options.layers, norm=True, **wanted)
                before = [_of_layer(layer, pooling) for layer in layers[:-1]]
            end = _of_last(last, pooling, n_prefix, n_last) if of_last else self.model.forward_head(last)
            return torch.cat([*before, end], dim=1)

    of_last = options.pooling not in ("", "statistics")
    n_last = int(model.num_features)
    gives_prefix = (
        options.layers > 1 and "return_prefix_tokens" in inspect.signature(model.forward_intermediates).parameters
    )
    return Pooled().eval()


def _of_layer(layer: Any, pooling: str) -> Any:
    """(n, channels) of a layer (n, channels, rows, columns), with its tokens (n, n_tokens, channels) if it has any.

    Of statistics it is (n, 2 channels).
    """
    import torch

    places, tokens = layer if isinstance(layer, tuple) else (layer, None)
    if pooling == "cls" and tokens is not None:
        return tokens[:, 0]
    if pooling == "max":
        return places.amax(dim=(2, 3))
    mean = places.mean(dim=(2, 3))
    if pooling != "statistics":
        return mean
    return torch.cat([mean, places.std(dim=(2, 3), correction=0)], dim=1)


def _of_last(last: Any, pooling: str, n_prefix: int, n_channels: int) -> Any:
    """(n, channels) of what the backbone gives: tokens, or a map with the channels first or last."""
    if last.ndim == 3:
        if pooling == "cls":
            return last[:, 0]
        places = last[:, n_prefix:]
        return places.amax(dim=1) if pooling == "max" else places.mean(dim=1)
    if last.ndim == 2:  # pooled by the backbone already
        return last
    axes = (1, 2) if last.shape[-1] == n_channels != last.shape[1] else (2, 3)
    return last.amax(dim=axes) if pooling == "max" else last.mean(dim=axes)
