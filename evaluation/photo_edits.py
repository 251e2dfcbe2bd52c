"""Changes of a photo that its author could make with a phone: light, colour, sharpness, crop, background, angle.

Each takes a photo in RGB and gives changed photos with their titles; none where there is nothing to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from artifacts.schema import Title

if TYPE_CHECKING:
    from PIL.Image import Image as Photo

Changed = Iterator[tuple[Title, "Photo"]]
Mask = NDArray[np.bool_]

UNLIKE = 24  # levels of 255 by which a pixel differs from the background, in any channel
BACKGROUND_SHARE = 0.15  # of the pixels, at least, for there to be a background
MARGIN = 0.08  # left around an object, of its longer side
SMALLEST_CROP = 0.85  # of the area: a crop that takes less is none
TILT = (2.0, 25.0)  # degrees of an axis that can be turned upright
STRETCHED = 1.3  # longer than wide, for an object to have an axis


def brighten(photo: Photo) -> Changed:
    """By a curve that leaves black and white where they are."""
    for percent, gamma in ((10, 0.85), (20, 0.7), (35, 0.55)):
        yield (
            Title(f"Brighten the photo (mid-tones +{percent} %)", f"Осветлить фото (средние тона +{percent} %)"),
            (_curve(photo, gamma)),
        )


def darken(photo: Photo) -> Changed:
    """By a curve that leaves black and white where they are."""
    for percent, gamma in ((10, 1.2), (20, 1.45)):
        yield (
            Title(f"Darken the photo (mid-tones -{percent} %)", f"Затемнить фото (средние тона -{percent} %)"),
            (_curve(photo, gamma)),
        )


def contrast(photo: Photo) -> Changed:
    """Around the mean brightness, so that the photo as a whole is as bright as before."""
    from PIL import ImageEnhance

    for factor, en, ru in ((1.25, "More contrast", "Больше контраста"), (0.8, "Less contrast", "Меньше контраста")):
        yield Title(f"{en} in the photo", f"{ru} на фото"), ImageEnhance.Contrast(photo).enhance(factor)


def saturate(photo: Photo) -> Changed:
    """Richer or paler colours."""
    from PIL import ImageEnhance

    for factor, en, ru in ((1.3, "Richer colours", "Насыщеннее цвета"), (0.7, "Paler colours", "Бледнее цвета")):
        yield Title(f"{en} in the photo", f"{ru} на фото"), ImageEnhance.Color(photo).enhance(factor)


def warm(photo: Photo) -> Changed:
    """Red against blue, as a white balance does."""
    for red, blue, en, ru in ((1.06, 0.92, "warmer", "теплее"), (0.95, 1.07, "cooler", "холоднее")):
        bands = photo.split()
        bands = (_scaled(bands[0], red), bands[1], _scaled(bands[2], blue))
        yield Title(f"Make the light of the photo {en}", f"Сделать свет на фото {ru}"), _merged(bands)


def sharpen(photo: Photo) -> Changed:
    """By an unsharp mask."""
    from PIL import ImageFilter

    radius = max(1.0, max(photo.size) / 400)
    yield Title("Sharpen the photo", "Сделать фото резче"), photo.filter(ImageFilter.UnsharpMask(radius, 120, 2))


def crop_to_object(photo: Photo) -> Changed:
    """To what differs from the background, with a margin; none where there is no plain background."""
    box = _object_box(photo)
    if box is None:
        return
    left, top, right, bottom = box
    margin = MARGIN * max(right - left, bottom - top)
    width, height = photo.size
    wide = (
        max(0, int(left - margin)),
        max(0, int(top - margin)),
        min(width, int(right + margin) + 1),
        min(height, int(bottom + margin) + 1),
    )
    if (wide[2] - wide[0]) * (wide[3] - wide[1]) < SMALLEST_CROP * width * height:
        yield Title("Crop the photo to the object", "Обрезать фото по предмету"), photo.crop(wide)


def square(photo: Photo) -> Changed:
    """Cut to a square, and padded to one with the colour of the border."""
    from PIL import Image

    width, height = photo.size
    side, longest = min(width, height), max(width, height)
    if longest < 1.05 * side:
        return
    left, top = (width - side) // 2, (height - side) // 2
    cut = photo.crop((left, top, left + side, top + side))
    yield Title("Cut the photo to a square", "Обрезать фото до квадрата"), cut
    padded = Image.new("RGB", (longest, longest), tuple(int(level) for level in _border_colour(np.asarray(photo))))
    padded.paste(photo, ((longest - width) // 2, (longest - height) // 2))
    yield Title("Pad the photo to a square", "Дополнить фото до квадрата"), padded


def white_background(photo: Photo) -> Changed:
    """What is like the border and joined to it becomes white; none where it is white already or not plain."""
    from PIL import Image

    pixels = np.asarray(photo)
    background = _background(pixels)
    if background is None or pixels[background].mean() > 250:
        return
    changed = pixels.copy()
    changed[background] = 255
    yield Title("Put the object on a white background", "Поместить предмет на белый фон"), Image.fromarray(changed)


def remove_border(photo: Photo) -> Changed:
    """A frame of one colour on all four sides is cut off."""
    pixels = np.asarray(photo).astype(np.int16)
    plain_rows = np.ptp(pixels, axis=1).max(axis=1) <= UNLIKE // 2
    plain_columns = np.ptp(pixels, axis=0).max(axis=1) <= UNLIKE // 2
    top, bottom = _plain_ends(plain_rows)
    left, right = _plain_ends(plain_columns)
    height, width = pixels.shape[:2]
    frame = (top, bottom, left, right)
    if min(frame) < 1 or max(frame) > 0.2 * max(height, width) or top + bottom >= height or left + right >= width:
        return
    inside = photo.crop((left, top, width - right, height - bottom))
    yield Title("Cut off the frame of the photo", "Убрать рамку фото"), inside


def rotate_upright(photo: Photo) -> Changed:
    """So that the long axis of the object stands straight; none where it has no axis or stands so already."""
    from PIL import Image

    mask = _object_mask(photo)
    if mask is None or mask.sum() < 50:
        return
    rows, columns = np.nonzero(mask)
    points = np.stack([columns - columns.mean(), rows - rows.mean()]).astype(np.float64)
    lengths, axes = np.linalg.eigh(points @ points.T / points.shape[1])
    if lengths[1] < STRETCHED**2 * max(lengths[0], 1e-9):
        return
    angle = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
    tilt = (angle + 45.0) % 90.0 - 45.0  # from the nearest of upright and level
    if TILT[0] <= abs(tilt) <= TILT[1]:
        colour = tuple(int(level) for level in _border_colour(np.asarray(photo)))
        turned = photo.rotate(tilt, expand=False, fillcolor=colour, resample=Image.Resampling.BILINEAR)
        yield Title("Turn the object upright", "Выровнять наклон предмета"), turned


# -- pixels ---------------------------------------------------------------------------------------


def _curve(photo: Photo, gamma: float) -> Photo:
    levels = [round(255 * (level / 255) ** gamma) for level in range(256)]
    return photo.point(levels * 3)


def _scaled(band: Any, factor: float) -> Any:
    return band.point([min(255, round(factor * level)) for level in range(256)])


def _merged(bands: tuple[Any, ...]) -> Photo:
    from PIL import Image

    return Image.merge("RGB", bands)


def _border_colour(pixels: NDArray[Any]) -> NDArray[Any]:
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.asarray(np.median(edge, axis=0))


def _background(pixels: NDArray[Any]) -> Mask | None:
    """Pixels (h, w) like the border and joined to it; None where that is too little, or nearly everything."""
    from scipy.ndimage import label

    alike = (np.abs(pixels.astype(np.int16) - _border_colour(pixels)).max(axis=-1) <= UNLIKE).astype(np.uint8)
    parts, _ = label(alike)
    edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    joined = np.isin(parts, edge[edge > 0])
    return joined if BACKGROUND_SHARE <= joined.mean() <= 0.99 else None


def _object_mask(photo: Photo) -> Mask | None:
    small = photo.copy()
    small.thumbnail((192, 192))
    background = _background(np.asarray(small))
    return None if background is None else ~background


def _object_box(photo: Photo) -> tuple[float, float, float, float] | None:
    mask = _object_mask(photo)
    if mask is None:
        return None
    rows, columns = np.flatnonzero(mask.mean(axis=1) > 0.01), np.flatnonzero(mask.mean(axis=0) > 0.01)
    if not len(rows) or not len(columns):
        return None
    across, down = photo.size[0] / mask.shape[1], photo.size[1] / mask.shape[0]
    return columns[0] * across, rows[0] * down, (columns[-1] + 1) * across, (rows[-1] + 1) * down


def _plain_ends(plain: Mask) -> tuple[int, int]:
    """How many lines at either end have one colour each."""
    if plain.all():
        return 0, 0
    busy = np.flatnonzero(~plain)
    return int(busy[0]), int(len(plain) - 1 - busy[-1])
