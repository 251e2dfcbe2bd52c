"""What every featurizer with an encoder does with it: load it, choose its precision, know it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from artifacts.errors import ArtifactError
from artifacts.finding import Audit
from artifacts.schema import Column, Modality
from featurizers.encoders import Encoder
from featurizers.precision import fastest_precision


@contextmanager
def loading(location: str, modality: Modality) -> Iterator[None]:
    """Turns what libraries raise at damaged or unfit encoders into an ``ArtifactError`` that names the folder."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        raise ArtifactError(
            f"The {modality.value} encoder in {location!r} cannot be loaded ({type(error).__name__}: "
            f"{str(error)[:200]}). Name another folder (config.json and model.safetensors), a hub name, 'auto' or "
            f"'none' under [encoders] {modality.value}."
        ) from error


def settle_precision(encoder: Encoder, column: Column, audit: Audit, *, bears_bf16: bool, cosine: str) -> str:
    """The fastest precision that the encoder bears, with findings about it and the encoder.

    Args:
        encoder: the encoder.
        column: that is encoded.
        audit: takes the findings ``encoder_used`` and ``precision_fallback``.
        bears_bf16: whether its vectors in bf16 are near enough to those in fp32.
        cosine: how near they are, for people.
    """
    if not bears_bf16:
        audit.add("precision_fallback", example=encoder.name, details=cosine)
    precision = fastest_precision() if bears_bf16 else "fp32"
    audit.add("encoder_used", column=column.name, example=f"{encoder.name} ({precision})")
    return precision


def runnable(precision: str) -> str:
    """What a saved precision becomes on this machine: bf16 may be lacking here."""
    return precision if precision == "fp32" else fastest_precision()


def require_same(encoder: Encoder, column: Column, fingerprint: str) -> None:
    """Check that a saved state was fitted with this encoder.

    Raises:
        ArtifactError: if it was another one.
    """
    if fingerprint != encoder.fingerprint:
        kind = encoder.modality.value
        raise ArtifactError(
            f"Column {column.name!r} was fitted with {'an' if kind == 'image' else 'a'} {kind} encoder of fingerprint "
            f"{fingerprint!r}, but {encoder.name!r} has {encoder.fingerprint!r}. Give back the old encoder, or run "
            "fit again."
        )
