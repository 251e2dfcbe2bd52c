"""Product photos of the demo shop: drawn shapes whose brightness, contrast and so on are set one by one."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as Photo

Float = NDArray[np.float64]
Points = Sequence[tuple[float, float]]

JPEG_QUALITY = 85
BRIGHTNESS = (0.30, 0.80)  # of the mean luma
LUMA = np.array([0.299, 0.587, 0.114])  # weights of R, G and B in the luma of ITU-R BT.601
FORMATS: dict[str, tuple[int, int]] = {"square": (160, 160), "portrait": (124, 160), "landscape": (160, 124)}
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (190, 52, 56),
    "navy": (52, 68, 122),
    "green": (66, 128, 82),
    "mustard": (206, 162, 66),
    "pink": (220, 146, 168),
    "brown": (128, 88, 62),
    "grey": (120, 122, 126),
    "white": (238, 236, 232),
}
SURFACES: dict[str, tuple[int, int, int]] = {
    "plain": (150, 160, 172),
    "wood": (158, 122, 88),
    "tiles": (126, 150, 150),
    "cloth": (168, 146, 150),
}


@dataclass(frozen=True)
class PhotoLook:
    """What a photo shows and how it was taken. Every field is drawn independently of the others.

    ``brightness`` is the mean and ``contrast`` the standard deviation of luma in 0..1 (contrast as
    far as black and white allow), ``saturation`` multiplies the colourfulness, ``whiteness`` fades
    the surface to white, ``fill`` is the product's share of the shorter side, ``blur`` a radius in
    pixels, ``tilt`` degrees.
    """

    kind: str
    colour: str
    brightness: float
    contrast: float
    saturation: float
    surface: str = "plain"
    whiteness: float = 1.0
    fill: float = 0.8
    blur: float = 0.0
    tilt: float = 0.0
    format: str = "square"


class _Pen:
    """Draws on a transparent square in coordinates 0..1; tone 1 is the product's colour, 0 is black."""

    SIZE = 256

    def __init__(self, colour: tuple[int, int, int]) -> None:
        from PIL import Image, ImageDraw

        self.colour = colour
        self.image: Photo = Image.new("RGBA", (self.SIZE, self.SIZE), (*colour, 0))
        self._draw = ImageDraw.Draw(self.image)

    def _tone(self, tone: float) -> tuple[int, int, int, int]:
        mixed = [c * tone if tone <= 1 else c + (255 - c) * (tone - 1) for c in self.colour]
        return int(mixed[0]), int(mixed[1]), int(mixed[2]), 255

    def _scaled(self, points: Points) -> list[tuple[float, float]]:
        return [(x * self.SIZE, y * self.SIZE) for x, y in points]

    def shape(self, points: Points, tone: float = 1.0, rounds: int = 2) -> None:
        """A filled polygon with its corners cut ``rounds`` times."""
        corners = np.array(points)
        for _ in range(rounds):
            after = np.roll(corners, -1, axis=0)
            corners = np.stack([0.85 * corners + 0.15 * after, 0.15 * corners + 0.85 * after], axis=1).reshape(-1, 2)
        outline = [(float(x), float(y)) for x, y in corners]
        self._draw.polygon(self._scaled(outline), fill=self._tone(tone), outline=self._tone(tone * 0.7))

    def oval(self, box: tuple[float, float, float, float], tone: float, ring: float = 0.0) -> None:
        """An ellipse: filled, or a ring of a line width."""
        (left, top), (right, bottom) = self._scaled([box[:2], box[2:]])
        if ring:
            self._draw.ellipse((left, top, right, bottom), outline=self._tone(tone), width=int(ring * self.SIZE))
        else:
            self._draw.ellipse((left, top, right, bottom), fill=self._tone(tone))

    def line(self, points: Points, tone: float, width: float = 0.01) -> None:
        """A line through points."""
        self._draw.line(self._scaled(points), fill=self._tone(tone), width=max(1, int(width * self.SIZE)))


def _shirt(pen: _Pen) -> None:
    left = [(0.42, 0.12), (0.29, 0.16), (0.05, 0.38), (0.18, 0.52), (0.29, 0.43), (0.28, 0.92)]
    right = [(1 - x, y) for x, y in reversed(left)]
    pen.shape([*left, *right], rounds=1)
    pen.oval((0.40, 0.08, 0.60, 0.19), 0.55)
    pen.oval((0.42, 0.10, 0.58, 0.16), 0.8)
    pen.line([(0.29, 0.87), (0.71, 0.87)], 0.75)
    pen.line([(0.29, 0.43), (0.34, 0.30)], 0.7)
    pen.line([(0.71, 0.43), (0.66, 0.30)], 0.7)
    pen.line([(0.42, 0.45), (0.38, 0.80)], 0.88, 0.02)
    pen.line([(0.60, 0.40), (0.62, 0.78)], 1.12, 0.02)


def _shoe(pen: _Pen) -> None:
    pen.shape([(0.05, 0.70), (0.06, 0.34), (0.20, 0.38), (0.38, 0.28), (0.58, 0.48), (0.92, 0.56), (0.97, 0.72)])
    pen.shape([(0.04, 0.69), (0.97, 0.69), (0.96, 0.80), (0.06, 0.80)], 1.75, rounds=1)
    pen.shape([(0.72, 0.54), (0.92, 0.57), (0.96, 0.70), (0.78, 0.70)], 0.85)
    pen.shape([(0.06, 0.40), (0.16, 0.42), (0.20, 0.69), (0.06, 0.69)], 0.8)
    for step in range(4):
        x, y = 0.40 + 0.055 * step, 0.34 + 0.045 * step
        pen.line([(x - 0.05, y + 0.07), (x + 0.03, y)], 1.8, 0.018)


def _bag(pen: _Pen) -> None:
    pen.oval((0.30, 0.05, 0.70, 0.75), 0.65, ring=0.045)
    pen.shape([(0.17, 0.38), (0.83, 0.38), (0.93, 0.93), (0.07, 0.93)], rounds=1)
    pen.shape([(0.17, 0.38), (0.83, 0.38), (0.80, 0.62), (0.50, 0.70), (0.20, 0.62)], 0.85, rounds=1)
    pen.oval((0.46, 0.63, 0.54, 0.71), 1.7)
    pen.line([(0.10, 0.87), (0.90, 0.87)], 0.7)


def _cup(pen: _Pen) -> None:
    pen.oval((0.06, 0.80, 0.80, 0.95), 1.2)
    pen.oval((0.14, 0.82, 0.72, 0.92), 0.8)
    pen.oval((0.55, 0.32, 0.95, 0.72), 0.85, ring=0.06)
    pen.shape([(0.13, 0.22), (0.73, 0.22), (0.65, 0.87), (0.21, 0.87)], rounds=1)
    pen.oval((0.13, 0.14, 0.73, 0.31), 1.25)
    pen.oval((0.17, 0.16, 0.69, 0.29), 0.5)
    pen.line([(0.24, 0.38), (0.28, 0.76)], 1.35, 0.03)


def _lamp(pen: _Pen) -> None:
    pen.oval((0.28, 0.83, 0.72, 0.95), 0.6)
    pen.line([(0.5, 0.45), (0.5, 0.88)], 0.55, 0.045)
    pen.shape([(0.34, 0.06), (0.66, 0.06), (0.88, 0.50), (0.12, 0.50)], rounds=1)
    pen.oval((0.13, 0.44, 0.87, 0.54), 1.45)
    pen.line([(0.62, 0.54), (0.62, 0.70)], 0.5)
    pen.oval((0.60, 0.69, 0.64, 0.73), 0.5)


KINDS: dict[str, Callable[[_Pen], None]] = {"bag": _bag, "shoe": _shoe, "shirt": _shirt, "cup": _cup, "lamp": _lamp}


def draw_looks(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Draw ``n`` looks, every field independently; columns are named ``photo_{field}``, but ``colour``."""
    return pd.DataFrame(
        {
            "photo_kind": rng.choice(list(KINDS), n),
            "colour": rng.choice(list(COLOURS), n),
            "photo_brightness": rng.uniform(*BRIGHTNESS, n),
            "photo_contrast": rng.uniform(0.07, 0.19, n),
            "photo_saturation": rng.uniform(0.1, 1.5, n),
            "photo_surface": rng.choice(list(SURFACES), n),
            "photo_whiteness": rng.uniform(0.0, 1.0, n),
            "photo_fill": rng.uniform(0.55, 0.95, n),
            "photo_blur": rng.uniform(0.0, 1.6, n),
            "photo_tilt": rng.uniform(-12.0, 12.0, n),
            "photo_format": rng.choice(list(FORMATS), n),
        }
    )


def draw_photo(look: PhotoLook, rng: np.random.Generator) -> Photo:
    """Draw a photo; ``rng`` gives the place of the product, the light's side and the grain."""
    from PIL import Image, ImageFilter

    size = FORMATS[look.format]
    scene = Image.fromarray(_surface(look, size, rng))
    pen = _Pen(COLOURS[look.colour])
    KINDS[look.kind](pen)
    side = int(look.fill * min(size))
    product = pen.image.resize((side, side), Image.Resampling.BICUBIC).rotate(look.tilt, Image.Resampling.BILINEAR)
    left = (size[0] - side) // 2 + int(rng.integers(-4, 5))
    top = (size[1] - side) // 2 + int(rng.integers(-4, 5))
    scene.paste(_shadow(side), (left, top + side // 25), mask=_shadow_mask(product))
    scene.paste(product, (left, top), mask=product)
    scene = scene.filter(ImageFilter.GaussianBlur(look.blur))
    exposed = _expose(np.asarray(scene, dtype=np.float64) / 255.0, look)
    grain = rng.normal(0.0, 0.006, size=exposed.shape[:2])[..., None]
    return Image.fromarray(np.rint(np.clip(exposed + grain, 0, 1) * 255).astype(np.uint8))


def draw_blank(brightness: float) -> Photo:
    """A photo of one grey tone, as a failed upload leaves it."""
    from PIL import Image

    tone = round(brightness * 255)
    return Image.new("RGB", FORMATS["square"], (tone, tone, tone))


def to_jpeg(image: Photo) -> bytes:
    """The file's content."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _shadow(side: int) -> Photo:
    from PIL import Image

    return Image.new("RGB", (side, side), (40, 40, 44))


def _shadow_mask(product: Photo) -> Photo:
    from PIL import ImageFilter

    return product.getchannel("A").filter(ImageFilter.GaussianBlur(5)).point(lambda alpha: alpha * 0.45)


def _surface(look: PhotoLook, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What the product lies on: a pattern of one colour that fades to white, lit from one side."""
    width, height = size
    x, y = np.linspace(0, 1, width)[None, :], np.linspace(0, 1, height)[:, None]
    pattern: NDArray[np.floating] = np.zeros((height, width))
    if look.surface == "wood":
        pattern = 0.06 * np.sin(40 * y + 3 * np.sin(5 * x)) - 0.25 * (np.abs((y * 4) % 1 - 0.5) > 0.47)
    elif look.surface == "tiles":
        pattern = -0.25 * ((np.abs((y * 4) % 1 - 0.5) > 0.46) | (np.abs((x * 4) % 1 - 0.5) > 0.46))
    elif look.surface == "cloth":
        pattern = 0.06 * (np.sin(110 * x) + np.sin(110 * y))
    light = 1.0 + rng.uniform(-0.10, 0.10) * (x - 0.5) - 0.12 * (y - 0.5)
    base = np.array(SURFACES[look.surface]) / 255.0
    coloured = base * (light + pattern)[..., None]
    white = 0.94 * light[..., None] * np.ones(3)
    mixed = (1 - look.whiteness) * coloured + look.whiteness * white
    return np.rint(np.clip(mixed, 0, 1) * 255).astype(np.uint8)


def _expose(scene: Float, look: PhotoLook) -> Float:
    """Set mean and spread of luma; colour ratios stay, so that saturation does not follow brightness."""
    luma = np.maximum(scene @ LUMA, 0.02)
    ratios = 1.0 + look.saturation * (scene / luma[..., None] - 1.0)
    spread = (luma - luma.mean()) * min(look.contrast / max(float(luma.std()), 1e-3), 4.0)
    mean = look.brightness
    exposed = scene
    for _ in range(4):  # clipping at black and white moves the mean: aim again
        exposed = np.clip(np.clip(mean + spread, 0.01, 1.0)[..., None] * ratios, 0.0, 1.0)
        mean += look.brightness - float((exposed @ LUMA).mean())
    return exposed
