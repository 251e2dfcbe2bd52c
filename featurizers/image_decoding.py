"""Bytes of a photo to RGB pixels: upright, on white, no larger than needed, and never a bomb."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import FusionError

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 64_000_000
MAX_HEADER_READS = 200_000  # pieces that pillow reads, one by one, before it knows the size; photos have hundreds
VERSION = "decoding/1"  # raise the number when the same bytes would give other pixels

# What pillow's decoders raise at bytes that are no photo. Reading is limited to these formats:
# others run programs (EPS), hold documents, or are not photos.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
)
_ORIENTATION = 0x0112
_GAP = 2  # pixels decoded for each pixel wanted: a smaller gap is visible after resizing


class _Content(BytesIO):
    """A file whose header ends: one that is all marks would take pillow a second for each two megabytes."""

    in_header, reads = True, 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.in_header and self.reads > MAX_HEADER_READS:
            raise OSError(f"its header does not end within {MAX_HEADER_READS} pieces")
        return super().read(size)


class UnreadableImageError(FusionError):
    """A photo cannot be decoded; ``code`` is ``image_broken`` or ``image_too_large``."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def decode_image(content: bytes, least_side: int | None = None) -> Image.Image:
    """An upright RGB photo, transparent parts on white; of an animation the first frame.

    Args:
        content: the bytes of a file.
        least_side: pixels that the shorter side must have; a larger photo may be decoded to a half, a
            quarter ... of its size while both sides stay at least twice that. None for full size.

    Raises:
        UnreadableImageError: if the photo is broken or truncated, or has over ``MAX_PIXELS`` pixels by its header.
    """
    image = _open(content)
    try:
        if least_side is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, _drafted(image.size, least_side * _GAP))
        image.load()
        return _upright(_reduced(_to_rgb(image), least_side), _orientation(image))
    except _ERRORS as error:
        raise UnreadableImageError("image_broken", f"{type(error).__name__}: {error}") from error


def image_size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels as the photo is shown, from the header.

    Raises:
        UnreadableImageError: as ``decode_image``.
    """
    image = _open(content)
    width, height = image.size
    return (height, width) if _orientation(image) >= 5 else (width, height)


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    from PIL import Image

    Image.init()
    with suppress(ImportError):  # the extra "heic"
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False)
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(content: bytes) -> Image.Image:
    from PIL import Image

    file = _Content(content)
    try:
        image = Image.open(file, formats=_formats())
        width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError("image_too_large", str(error)) from error
    except _ERRORS as error:
        raise UnreadableImageError("image_broken", f"{type(error).__name__}: {error}") from error
    file.in_header = False
    if width * height > MAX_PIXELS:
        raise UnreadableImageError("image_too_large", f"{width} x {height} pixels, the limit is {MAX_PIXELS}")
    if width < 1 or height < 1:
        raise UnreadableImageError("image_broken", f"{width} x {height} pixels")
    return image


def _drafted(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    scale = shorter / min(size)
    return max(1, int(np.ceil(size[0] * scale))), max(1, int(np.ceil(size[1] * scale)))


def _to_rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _shallow(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        result = Image.new("RGB", image.size, "white")
        result.paste(layer, mask=layer.getchannel("A"))
        return result
    return image.convert("RGB")


def _shallow(image: Image.Image) -> Image.Image:
    """16 or 32 bits to 8; pillow alone would clip them."""
    from PIL import Image

    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    most = 65_535.0 if image.mode.startswith("I") and values.max(initial=0) > 255 else max(255.0, values.max(initial=0))
    return Image.fromarray(np.clip(values * (255.0 / most), 0, 255).astype(np.uint8)).convert("RGB")


def _reduced(image: Image.Image, least_side: int | None) -> Image.Image:
    factor = 1 if least_side is None else min(image.size) // (least_side * _GAP)
    return image.reduce(factor) if factor > 1 else image


def _orientation(image: Image.Image) -> int:
    """1 to 8 as in EXIF; 1 where there is none or it cannot be read."""
    if not {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"} & image.info.keys() and image.format != "TIFF":
        return 1
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except _ERRORS:  # damaged notes do not spoil the photo
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if turn is None else image.transpose(turn)


def small_pixels(content: bytes, longest: int) -> NDArray[np.uint8]:
    """uint8 (height, width, 3) of a photo scaled up or down so that its longer side has ``longest`` pixels.

    Raises:
        UnreadableImageError: as ``decode_image``.
    """
    from PIL.Image import Resampling

    image = decode_image(content, longest)
    scale = longest / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return np.asarray(image.resize(size, Resampling.BILINEAR))
