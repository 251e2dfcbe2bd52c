"""An encoder cut in two: lower layers that stay as they are, and upper ones that a model tunes on its target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from artifacts.embedding_store import EmbeddingStore
from artifacts.errors import ArtifactError
from artifacts.schema import Modality
from featurizers.encoders import Encoder

Half = NDArray[np.float16]
LARGEST_HALF = 65_504.0
TOLERANCE = 1e-3  # of the largest number of a vector, between the two parts one after the other and the whole


class Trunk(ABC):
    """What the lower layers make of a content (its activation) depends on the content alone, and can be kept.

    Weights load at first use. ``store`` may know how the encoder wants its photos.

    Raises:
        ArtifactError: at first use, if the encoder cannot be loaded or cannot be cut.
    """

    modality: ClassVar[Modality]

    def __init__(self, encoder: Encoder, n_layers: int, store: EmbeddingStore | None = None) -> None:
        self.encoder = encoder
        self.n_layers = n_layers
        self.store = store

    @cached_property
    @abstractmethod
    def recipe(self) -> str:
        """All that decides on an activation beside the content: part of its key in the store."""

    @abstractmethod
    def lower(self, contents: Sequence[Any]) -> list[Half | str]:
        """The activation of each text or photo, or the code of the finding if it cannot be read."""

    @abstractmethod
    def shaped(self, flat: Half) -> Half:
        """An activation in its shape, of its numbers in order."""

    @abstractmethod
    def new_upper(self) -> Any:
        """A copy of the upper layers, a torch module in evaluation mode."""

    @abstractmethod
    def batch(self, activations: Sequence[Half]) -> tuple[Any, Any]:
        """A float tensor (n_contents, ...) of activations, padded to the largest, and what else upper layers read."""

    @abstractmethod
    def apply(self, upper: Any, states: Any, beside: Any) -> Any:
        """A tensor (n_contents, n_dimensions) that gradients pass through, of what ``batch`` gives."""

    def vectors(self, upper: Any, activations: Sequence[Half]) -> Any:
        """A tensor (n_contents, n_dimensions) that gradients pass through; activations of one trunk."""
        return self.apply(upper, *self.batch(activations))

    @abstractmethod
    def emptied(self, content: Any) -> Any:
        """A content of the same size that says nothing, with an activation of the same shape."""

    def varied(self, activations: Sequence[Half], random: np.random.Generator) -> list[Half]:
        """Activations as training may see them: of a content that was changed so that it means the same."""
        return list(activations)

    @abstractmethod
    def depth_of(self, upper: Any) -> list[list[Any]]:
        """The parameters of ``upper`` by layer, the last layer first."""


def close_to(expected: Any, found: Any, encoder: Encoder) -> None:
    """Check that the two parts make what the whole encoder makes.

    Raises:
        ArtifactError: if not: this architecture cannot be cut so.
    """
    off = float((expected - found).abs().max())
    if not off <= TOLERANCE * max(float(expected.abs().max()), 1e-6):
        raise cannot_cut(encoder, f"its parts differ from the whole by {off:.2g}")


def packed(activation: NDArray[Any]) -> NDArray[np.float32]:
    """Half-precision numbers as they lie in a store of float32 vectors; an odd last one gets a zero beside it."""
    flat = np.clip(activation, -LARGEST_HALF, LARGEST_HALF).astype(np.float16).ravel()
    return np.append(flat, np.float16(0)).view(np.float32) if len(flat) % 2 else flat.view(np.float32)


def unpacked(stored: NDArray[np.float32]) -> Half:
    """What ``packed`` was given, flat."""
    return stored.view(np.float16)


class Reached(Exception):  # noqa: N818 - not an error: the forward pass has come to where the cut is
    """Carries what a layer was given."""

    def __init__(self, given: Any) -> None:
        super().__init__("the cut is reached")
        self.given = given


def stop_at(module: Any) -> Any:
    """Make forward passes end before a module, with ``Reached``; the handle of the hook."""

    def stop(_: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        raise Reached(arguments[0] if arguments else named["hidden_states"])

    return module.register_forward_pre_hook(stop, with_kwargs=True)


def input_of(module: Any, run: Callable[[], Any]) -> Any:
    """The first argument that a module gets while ``run`` runs, which ends there."""
    hook = stop_at(module)
    try:
        run()
    except Reached as reached:
        return reached.given
    finally:
        hook.remove()
    raise LookupError("the forward pass never comes to the layer")


def cannot_cut(encoder: Encoder, why: str) -> ArtifactError:
    """The error for an encoder whose last layers cannot be tuned alone."""
    return ArtifactError(
        f"The {encoder.modality.value} encoder {encoder.name!r} cannot be tuned: {why}. It is used as it is; to tune "
        "one, name another encoder."
    )
