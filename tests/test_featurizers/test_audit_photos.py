from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from artifacts.embedding_store import EmbeddingStore
from artifacts.finding import Audit, Finding
from artifacts.schema import Column, Modality, Title
from featurizers.audit_photos import audit_photos
from featurizers.base import Surroundings
from featurizers.near_duplicates import repeated
from featurizers.photo_facts import fineness, photo_facts
from featurizers.repeats import Repeats

COLUMN = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))


def scene(seed: int, size: tuple[int, int] = (240, 200)) -> Image.Image:
    """Sharp shapes and grain; no two seeds look alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)).resize(size, Image.Resampling.NEAREST)
    grain = rng.normal(0, 12, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, form: str = "JPEG", quality: int = 88) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality)
    return buffer.getvalue()


def audited(photos: list[Any], n_train: int | None = None, store: EmbeddingStore | None = None) -> Any:
    values: pd.Series[Any] = pd.Series(photos, index=[f"r{i}" for i in range(len(photos))], dtype=object)
    around = Surroundings(store=store, audit=Audit())
    repeats, facts = audit_photos(values, COLUMN, around, len(photos) if n_train is None else n_train)
    return {finding.code: finding for finding in around.audit.findings}, repeats, facts


def together(repeats: Repeats, one: int, other: int) -> bool:
    return bool(repeats.near[one] == repeats.near[other] >= 0)


def test_photos_of_no_use_are_named_once_each() -> None:
    photos = [encoded(scene(i)) for i in range(8)]
    photos += [
        encoded(Image.new("RGB", (200, 200), "white")),
        encoded(Image.new("RGB", (200, 200), (4, 4, 6))),
        encoded(Image.new("RGB", (200, 200), (180, 30, 60))),
        encoded(scene(20, (40, 60))),
        encoded(scene(21).filter(ImageFilter.GaussianBlur(3))),
        b"no photo",
    ]
    found, _, _ = audited([*photos, None])
    rows = {code: finding.rows for code, finding in found.items()}
    assert rows == {
        "image_broken": ("r13",), "image_missing": ("r14",), "image_blank": ("r8", "r9"),
        "image_one_colour": ("r10",), "image_tiny": ("r11",), "image_blurred": ("r12",),
    }  # fmt: skip
    assert all(finding.total == 15 for finding in found.values())


@pytest.mark.parametrize("background", ["white", "black"])
def test_a_small_thing_on_a_plain_background_is_no_blank_photo(background: str) -> None:
    image = Image.new("RGB", (400, 400), background)
    image.paste((200, 40, 40), (190, 190, 230, 230))  # 1% of the pixels
    found, _, _ = audited([encoded(image)])
    assert not found


def test_a_soft_photo_of_low_contrast_is_not_blurred_and_a_strong_one_may_be() -> None:
    faint = ImageEnhance.Contrast(scene(1)).enhance(0.15)
    strong = ImageEnhance.Contrast(scene(2).filter(ImageFilter.GaussianBlur(2))).enhance(3)
    found, _, facts = audited([encoded(faint), encoded(strong)])
    assert found["image_blurred"].rows == ("r1",)
    assert facts.fineness[0] > 1 > 0.6 > facts.fineness[1]


def test_fineness_does_not_depend_on_contrast() -> None:
    light = np.asarray(scene(3).convert("L"), dtype=np.float64)
    assert fineness(light) == pytest.approx(fineness(light * 0.3 + 40), rel=1e-4)
    assert fineness(np.full((9, 9), 7)) == 0.0 and fineness(np.zeros((1, 1))) == 0.0


def test_copies_are_found_and_photos_that_only_look_alike_are_not() -> None:
    base = scene(5)
    darker = ImageEnhance.Brightness(base).enhance(0.85)
    red, blue = Image.new("RGB", (240, 200), "white"), Image.new("RGB", (240, 200), "white")
    red.paste((200, 40, 40), (60, 40, 180, 160))
    blue.paste((40, 40, 200), (60, 40, 180, 160))  # the same shape in another colour
    photos = [encoded(base), encoded(base), encoded(base, quality=45), encoded(base, "WEBP", 70)]
    photos += [encoded(base.resize((120, 100))), encoded(darker), encoded(red), encoded(blue), encoded(scene(6))]
    found, repeats, _ = audited(photos)
    assert repeated(repeats.exact).tolist() == [True] * 2 + [False] * 7
    assert all(together(repeats, 0, i) for i in range(1, 6))
    assert not any(together(repeats, i, j) for i in (0, 6, 7, 8) for j in (6, 7, 8) if i != j)
    assert found["image_repeated"].rows == ("r0", "r1")
    near = found["image_nearly_repeated"]
    assert near.count == 4 and near.details["groups"] == [["r0", "r2", "r3", "r4", "r5"]]


def test_repeats_across_the_split_name_the_test_row_and_its_twin() -> None:
    train = [encoded(scene(i)) for i in range(10)]
    test = [encoded(scene(50)), train[3], encoded(scene(7), quality=50)]
    found, _, _ = audited([*train, *test], n_train=10)
    exact: Finding = found["image_in_train"]
    assert exact.rows == ("r11",) and exact.total == 3 and exact.details["groups"] == [["r11", "r3"]]
    assert found["image_nearly_in_train"].details["groups"] == [["r12", "r7"]]
    assert "r11 = r3" in exact.in_language("ru")


def test_one_photo_everywhere_is_called_a_placeholder() -> None:
    photos = [encoded(scene(0))] * 8 + [encoded(scene(i)) for i in range(1, 9)]
    found, _, _ = audited(photos)
    assert found["image_everywhere"].count == 8


def test_facts_come_from_the_store_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import featurizers.photo_facts as module

    values: pd.Series[Any] = pd.Series([encoded(scene(i)) for i in range(5)] + [b"broken"])
    store = EmbeddingStore(tmp_path)
    first = photo_facts(values, COLUMN, Surroundings(store=store))

    def forbidden(contents: Any) -> Any:
        assert all(content == b"broken" for content in contents), "a photo in the store is not decoded again"
        return ["image_broken" for _ in contents]

    monkeypatch.setattr(module, "facts_of_photos", forbidden)
    second = photo_facts(values, COLUMN, Surroundings(store=store))
    for name, array in vars(first).items():
        np.testing.assert_array_equal(array, getattr(second, name))
    assert first.readable.tolist() == [True] * 5 + [False]
    assert len(set(first.content.tolist()[:5])) == 5 and first.content[5] == 0


def test_an_empty_column_and_one_without_photos_find_nothing_more() -> None:
    found, repeats, _ = audited([None, None, ""])
    assert list(found) == ["image_missing"] and (repeats.near == -1).all()


def test_of_several_photos_in_a_cell_the_first_is_looked_at() -> None:
    one, other = encoded(scene(1)), encoded(scene(2))
    alone = photo_facts(pd.Series([one, other], dtype=object), COLUMN, Surroundings())
    several = photo_facts(pd.Series([[one, other], [other, one, b"broken"]], dtype=object), COLUMN, Surroundings())
    for name, values in vars(alone).items():
        np.testing.assert_array_equal(getattr(several, name), values, err_msg=name)
