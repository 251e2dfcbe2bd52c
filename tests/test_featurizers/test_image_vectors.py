from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from artifacts.embedding_store import EmbeddingStore, content_key
from artifacts.schema import Column, Modality, Title
from featurizers import image_vectors as module
from featurizers.base import State, Surroundings
from featurizers.image_cells import MAX_PHOTOS
from featurizers.image_decoding import UnreadableImageError, small_pixels
from featurizers.image_quality import ImageQuality
from featurizers.image_vectors import ImageWork, image_vectors
from featurizers.photo_count import PhotoCount

COLUMN = Column("photos", Modality.IMAGE, Title("Photos", "Фото"), actionable=True)


def grey(level: int) -> bytes:
    target = io.BytesIO()
    Image.new("L", (12, 12), level).save(target, "PNG")
    return target.getvalue()


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    folder = tmp_path / "images"
    folder.mkdir()
    for level in range(0, 256, 10):
        (folder / f"{level}.png").write_bytes(grey(level))
    (folder / "broken.png").write_bytes(grey(3)[:30])
    return Surroundings(folder, EmbeddingStore(tmp_path / "cache"))


@pytest.fixture
def work() -> tuple[ImageWork, list[int]]:
    """The brightness of a photo, NaN as second number for dark ones; and the sizes of the batches."""
    batches: list[int] = []

    def compute(contents: Sequence[bytes]) -> list[Any]:
        batches.append(len(contents))
        found: list[Any] = []
        for content in contents:
            try:
                level = float(small_pixels(content, 4).mean())
                found.append(np.array([level, level if level >= 100 else np.nan], dtype=np.float32))
            except UnreadableImageError as error:
                found.append(error.code)
        return found

    return ImageWork("test", 2, compute, "testing"), batches


def codes(around: Surroundings) -> dict[str, Any]:
    return {finding.code: finding for finding in around.audit.findings}


def test_a_row_is_the_mean_of_its_readable_photos(around: Surroundings, work: Any) -> None:
    cells = [
        ["10.png", "30.png"], "['200.png', '100.png']", "50.png, 70.png, 90.png", ["40.png", "broken.png", "none.png"],
        ["broken.png", "none.png"], [], None, "20.png", [grey(60), base64.b64encode(grey(80)).decode(), None],
        ["10.png", "110.png", "130.png"],
    ]  # fmt: skip
    values = pd.Series(cells, index=list("abcdefghij"), dtype=object)
    result = image_vectors(values, work[0], COLUMN, around)
    np.testing.assert_allclose(result[:, 0], [20, 150, 70, 40, np.nan, np.nan, np.nan, 20, 70, 250 / 3], rtol=1e-6)
    assert result[9, 1] == 120 and np.isnan(result[0, 1]), "of each number over the photos that have it"
    found = codes(around)
    assert found["image_broken"].rows == ("d", "e") and found["image_broken"].details == {"example": "broken.png"}
    assert (found["image_broken"].count, found["image_broken"].total) == (2, 20)
    assert found["image_not_found"].rows == ("d", "e")
    assert found["image_missing"].rows == ("f", "g") and found["image_missing"].total == 10


@pytest.mark.parametrize("with_store", [True, False])
@pytest.mark.parametrize("chunk", [1, 3, 4_096])
def test_each_content_is_computed_once(
    around: Surroundings, work: Any, with_store: bool, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ", chunk)
    around = Surroundings(around.images, around.store if with_store else None)
    cells = [
        ["10.png", "20.png"],
        ["20.png", "10.png"],
        "10.png",
        [grey(10), grey(30)],
        "30",
        "broken.png",
        ["broken.png"],
    ]
    result = image_vectors(pd.Series(cells, dtype=object), work[0], COLUMN, around)
    np.testing.assert_allclose(result[:, 0], [15, 15, 10, 20, 30, np.nan, np.nan])
    assert sum(work[1]) == 4
    assert codes(around)["image_broken"].count == 2
    if with_store:  # another column of the same photos computes none but the broken one again
        work[1].clear()
        image_vectors(pd.Series(cells, dtype=object), work[0], COLUMN, around)
        assert sum(work[1]) == 1


def test_what_another_process_has_computed_meanwhile_is_taken(around: Surroundings, work: Any) -> None:
    names, store = [f"{level}.png" for level in range(100, 200, 10)], around.store
    assert store is not None
    mark, counting = np.array([7.0, 7.0], dtype=np.float32), work[0].compute

    def compute_as_another_does(contents: Sequence[bytes]) -> list[Any]:
        store.put((content_key(grey(level), "test"), mark) for level in range(100, 200, 10))
        return counting(contents)

    @contextmanager
    def one_thread() -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(1) as pool:
            yield pool

    slow = replace(work[0], compute=compute_as_another_does, batch=4, open_pool=one_thread)
    result = image_vectors(pd.Series(names), slow, COLUMN, around)
    first = work[1][0]
    assert work[1] == [first] and (result[:, 0] == 7.0).sum() == len(names) - first, "the first batch alone"


def test_the_order_of_photos_and_the_chunks_do_not_matter(
    around: Surroundings, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    cells = [[f"{10 * i}.png" for i in random.integers(0, 26, random.integers(0, 5))] for _ in range(60)]
    whole = image_vectors(pd.Series(cells, dtype=object), work[0], COLUMN, around)
    monkeypatch.setattr(module, "READ", 7)
    turned = image_vectors(pd.Series([cell[::-1] for cell in cells], dtype=object), work[0], COLUMN, around)
    np.testing.assert_allclose(turned, whole, rtol=1e-6)
    monkeypatch.setattr(module, "HELD", 1)
    np.testing.assert_array_equal(image_vectors(pd.Series(cells, dtype=object), work[0], COLUMN, around), whole)


def test_crowded_rows_are_cut_and_said(around: Surroundings, work: Any) -> None:
    values = pd.Series([["10.png"] * MAX_PHOTOS + ["250.png"] * 500, "20.png"], dtype=object)
    result = image_vectors(values, work[0], COLUMN, around)
    np.testing.assert_allclose(result[:, 0], [10, 20])
    finding = codes(around)["image_many"]
    assert (
        finding.rows == ("0",) and str(MAX_PHOTOS) in finding.in_language("en") and "фото" in finding.in_language("ru")
    )


def test_quality_is_the_mean_over_photos(around: Surroundings) -> None:
    def brightness(cell: Any) -> float:
        block = ImageQuality(COLUMN).transform(pd.Series([cell], dtype=object), around)[0]
        return float(block.values[0, [feature.name for feature in block.features].index("photos__brightness")])

    both = brightness(["20.png", "broken.png", "240.png"])
    assert both == pytest.approx((brightness("20.png") + brightness("240.png")) / 2, rel=1e-5)


SEVERAL = pd.Series(
    [["10.png", "20.png"], None, "30.png", ["broken.png", "none.png", "40.png"], "broken.png"], dtype=object
)


def test_photos_are_counted_where_rows_have_several(around: Surroundings, tmp_path: Path) -> None:
    fitted = PhotoCount(COLUMN).fit(SEVERAL, around)
    (block,) = fitted.transform(SEVERAL, around)
    (feature,) = block.features
    assert (feature.name, feature.actionable, feature.title.ru) == ("photos__n_photos", True, "Фото: число фото")
    assert block.values[:, 0].tolist() == [2, 0, 1, 1, 0]
    assert not around.audit.findings, "what looks at the photos says which are broken"
    fitted.state().save(tmp_path / "state")
    restored = PhotoCount(COLUMN).restore(State.load(tmp_path / "state"))
    np.testing.assert_array_equal(restored.transform(SEVERAL, around)[0].values, block.values)


def test_there_is_no_count_of_single_photos(around: Surroundings) -> None:
    single = PhotoCount(COLUMN).fit(pd.Series(["10.png", ["20.png"], None], dtype=object), around)
    assert single.transform(SEVERAL, around) == []
