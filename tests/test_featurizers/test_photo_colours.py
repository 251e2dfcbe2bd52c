from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageColor

from featurizers.photo_colours import COLOURS, NAMES, colour_names, measure_colours
from featurizers.photo_views import views_of


def named(rgb: tuple[int, ...]) -> str:
    return list(NAMES)[int(colour_names(np.array(rgb, dtype=np.uint8)[:, None])[0])]


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_photo_has_its_colour_alone(name: str) -> None:
    plain = Image.new("RGB", (60, 40), {"brown": "saddlebrown"}.get(name, name))  # the CSS brown is a red
    shares = measure_colours(views_of(np.asarray(plain)))
    assert shares[f"colour_{name}"] == 1 and shares["n_colours"] == 1
    assert sum(shares[f"colour_{other}"] for other in NAMES) == pytest.approx(1)
    assert set(shares) == set(COLOURS)


def test_shares_follow_the_areas() -> None:
    image = Image.new("RGB", (100, 100), "white")
    for i, colour in enumerate(["red", "blue", "green"]):
        image.paste(ImageColor.getrgb(colour), (0, 20 * i, 100, 20 * i + 20))
    shares = measure_colours(views_of(np.asarray(image)))
    assert shares["colour_white"] == pytest.approx(0.4, abs=0.03)
    assert [shares[f"colour_{name}"] for name in ("red", "blue", "green")] == pytest.approx([0.2] * 3, abs=0.02)
    assert shares["n_colours"] == 4


def test_names_agree_with_those_that_people_gave() -> None:
    """The XKCD survey: 949 colours named by 140,000 people; those whose last word is one of ours."""
    from matplotlib.colors import XKCD_COLORS

    given = [(name.removeprefix("xkcd:").split()[-1], ImageColor.getrgb(code)) for name, code in XKCD_COLORS.items()]
    known = [(name, rgb) for name, rgb in given if name in NAMES]
    right = [name == named(rgb) for name, rgb in known]
    assert len(known) > 300
    assert np.mean(right) > 0.85


@pytest.mark.parametrize(
    ("css", "name"),
    [
        ("navy", "blue"), ("maroon", "red"), ("ivory", "white"), ("khaki", "yellow"), ("lime", "green"),
        ("peru", "brown"), ("blueviolet", "purple"), ("hotpink", "pink"), ("silver", "grey"), ("gold", "yellow"),
        ("teal", "blue"),
        ("olivedrab", "green"), ("lavenderblush", "white"), ("tan", "beige"), ("darkorange", "orange"),
        ("crimson", "red"), ("darkorchid", "purple"), ("skyblue", "blue"), ("sienna", "brown"), ("dimgray", "grey"),
    ],
)  # fmt: skip
def test_common_names(css: str, name: str) -> None:
    assert named(ImageColor.getrgb(css)[:3]) == name
