"""What may be asked of an image encoder beside its name: ``timm/vit_small_patch16_224#pooling=cls,layers=2``."""

from __future__ import annotations

from dataclasses import dataclass

from artifacts.errors import InputError
from artifacts.schema import Modality

POOLINGS = ("average", "cls", "max", "statistics")
MAX_LAYERS = 12
SIGN = "#"


@dataclass(frozen=True)
class EncoderOptions:
    """How the last layers of an image encoder become one vector.

    Attributes:
        pooling: over the places of a photo, one of ``POOLINGS``; ``cls`` is the class token of a
            transformer. ``statistics`` are of the layers before the last: the mean and the standard deviation of each
            channel, which tell patterns such as stripes (Huang and Belongie, Arbitrary style transfer, 2017), beside
            the last layer as it was trained. Empty for the way in which the encoder was trained.
        layers: number of last layers whose vectors are put side by side.
    """

    pooling: str = ""
    layers: int = 1

    def __str__(self) -> str:
        """The options that are not the default, as they are written behind the sign."""
        parts = [f"layers={self.layers}"] if self.layers != 1 else []
        return ",".join([*parts, *([f"pooling={self.pooling}"] if self.pooling else [])])

    @classmethod
    def parse(cls, text: str, spec: str, modality: Modality) -> EncoderOptions:
        """Read what is written behind the sign of ``spec``.

        Raises:
            InputError: if an option is unknown, named twice or has no such value, or there are none for the modality.
        """
        found: dict[str, str] = {}
        for piece in filter(None, (piece.strip() for piece in text.split(","))):
            name, _, value = (part.strip() for part in piece.partition("="))
            if modality is not Modality.IMAGE:
                raise InputError(
                    f"The encoder {spec!r} has the option {piece!r}, but {modality.value} encoders take none. "
                    f"Write {spec.partition(SIGN)[0]!r}."
                )
            if name not in ("pooling", "layers") or name in found:
                raise InputError(
                    f"The encoder {spec!r} has the {'repeated' if name in found else 'unknown'} option {name!r}. "
                    f"Expected pooling={'|'.join(POOLINGS)} and layers=1..{MAX_LAYERS}, separated by commas."
                )
            found[name] = value
        pooling, layers = found.get("pooling", ""), found.get("layers", "1")
        if pooling not in (*POOLINGS, "") or ("pooling" in found and not pooling):
            raise InputError(f"The encoder {spec!r} has pooling={pooling!r}. Expected one of {list(POOLINGS)}.")
        if not (layers.isascii() and layers.isdigit() and len(layers) < 3 and 1 <= int(layers) <= MAX_LAYERS):
            raise InputError(f"The encoder {spec!r} has layers={layers!r}. Expected a number from 1 to {MAX_LAYERS}.")
        if pooling == "statistics" and int(layers) < 2:
            raise InputError(
                f"The encoder {spec!r} has pooling=statistics, which is of the layers before the last, but one layer "
                "alone. Add layers=5."
            )
        return cls(pooling, int(layers))


PLAIN = EncoderOptions()
"""An encoder as it was trained."""
