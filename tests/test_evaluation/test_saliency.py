"""Maps of photos and texts over scores whose causes are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from artifacts.errors import InputError
from evaluation.saliency import (
    MAX_PIECES,
    MIN_PIECES,
    differences,
    heatmap,
    leave_out,
    occluded,
    occlusion_map,
    patches_of,
    pieces_of,
    without,
)

SIDE, MARK = 80, 10


def photo_with_mark(seed: int) -> tuple[np.ndarray, tuple[int, int]]:
    rng = np.random.default_rng(seed)
    photo = rng.integers(60, 140, size=(SIDE, SIDE, 3), dtype=np.uint8)
    top, left = (int(place) for place in rng.integers(0, SIDE - MARK, size=2))
    photo[top : top + MARK, left : left + MARK] = 250
    return photo, (top + MARK // 2, left + MARK // 2)


def bright_pixels(photos: list[np.ndarray]) -> np.ndarray:
    return np.array([float((photo.min(axis=2) > 200).sum()) for photo in photos])


def test_a_mark_that_raises_the_score_is_in_the_top_tenth_of_the_map() -> None:
    hits = 0
    for seed in range(40):
        photo, centre = photo_with_mark(seed)
        heat = occlusion_map(photo, bright_pixels)
        assert heat.shape == (SIDE, SIDE) and heat.min() >= 0
        hits += heat[centre] >= np.quantile(heat, 0.9)
    assert hits >= 36


def test_what_lowers_the_score_is_negative() -> None:
    photo, centre = photo_with_mark(0)
    raised = occlusion_map(photo, bright_pixels)
    lowered = occlusion_map(photo, lambda photos: -bright_pixels(photos))
    np.testing.assert_array_equal(raised, -lowered)
    assert lowered[centre] < 0


def test_a_model_with_other_weights_has_another_map() -> None:
    photo, _ = photo_with_mark(1)
    maps = []
    for seed in range(4):
        weights = np.random.default_rng(seed).normal(size=photo.shape)
        maps.append(occlusion_map(photo, lambda photos, w=weights: np.array([(w * p).sum() for p in photos])))
    others = [abs(spearmanr(maps[0].ravel(), other.ravel()).statistic) for other in maps[1:]]
    assert np.mean(others) < 0.5


def test_a_score_that_does_not_look_gives_exact_zeros() -> None:
    photo, _ = photo_with_mark(2)
    noise = np.random.default_rng(0)
    heat = occlusion_map(photo, lambda photos: 3.0 + 1e-12 * noise.normal(size=len(photos)))
    assert not heat.any()
    assert differences(1.0, np.array([1.0 + 1e-12, 0.5])).tolist() == [0.0, 0.5]


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (97, 64), (2, 2)])
def test_patches_cover_every_pixel_and_stay_few(size: tuple[int, int]) -> None:
    patches = patches_of(*size)
    assert 2 <= len(patches) <= 160
    for number in {patch.size for patch in patches}:
        covered = np.zeros(size, dtype=bool)
        for patch in patches:
            assert 0 <= patch.top < patch.bottom <= size[0] and 0 <= patch.left < patch.right <= size[1]
            if patch.size == number:
                covered[patch.top : patch.bottom, patch.left : patch.right] = True
        assert covered.all()
    photo = np.random.default_rng(0).integers(0, 256, size=(*size, 3), dtype=np.uint8)
    before = photo.copy()
    for patch in patches:
        assert occluded(photo, patch).shape == photo.shape
    np.testing.assert_array_equal(photo, before)


def test_a_patch_takes_the_colour_around_it() -> None:
    photo = np.full((40, 40, 3), 90, dtype=np.uint8)
    patch = next(patch for patch in patches_of(40, 40) if patch.top > 0 and patch.left > 0)
    photo[patch.top : patch.bottom, patch.left : patch.right] = 255
    assert (occluded(photo, patch) == 90).all()


def test_bad_shapes_and_scores_are_refused() -> None:
    with pytest.raises(InputError, match="at least one pixel"):
        patches_of(0, 10)
    patches = patches_of(10, 10)
    with pytest.raises(InputError, match="not finite"):
        heatmap(10, 10, patches, np.full(len(patches), np.nan))
    with pytest.raises(InputError, match="finite delta"):
        heatmap(10, 10, patches, np.zeros(len(patches) - 1))
    with pytest.raises(InputError, match="finite deltas"):
        leave_out("one two", lambda texts: np.full(len(texts), np.inf))


def test_words_of_both_languages_have_their_deltas() -> None:
    text = "Красивое платье, don't выбрасывать: T-shirt №5"

    def score(texts: list[str]) -> np.ndarray:
        return np.array([2.0 * ("платье" in one) - 1.0 * ("don't" in one) for one in texts])

    pieces = leave_out(text, score)
    found = {text[piece.start : piece.end]: piece.delta for piece in pieces}
    assert found == {"Красивое": 0, "платье": 2, "don't": -1, "выбрасывать": 0, "T-shirt": 0, "5": 0}


def test_a_word_leaves_no_space_behind() -> None:
    text = "one two  three"
    assert [without(text, piece) for piece in pieces_of(text)] == ["two  three", "one three", "one two  "]
    assert without("word", pieces_of("word")[0]) == ""


def test_long_texts_are_left_out_in_phrases() -> None:
    text = " ".join(f"word{i}" for i in range(1000))
    pieces = pieces_of(text)
    assert MIN_PIECES <= len(pieces) <= MAX_PIECES
    assert pieces[0].start == 0 and pieces[-1].end == len(text)
    assert len(pieces_of(text * 100)) <= MIN_PIECES
    assert pieces_of("") == () and pieces_of("!!! 🙂 ...") == ()
    assert leave_out("...", lambda texts: np.zeros(len(texts))) == ()
