"""The page of one row: whole in both languages, harmless, and true to its data."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from artifacts.errors import InputError
from artifacts.schema import Kind, Title
from evaluation.heat_picture import overlay
from evaluation.row_explanation import Contribution, PhotoMap, RowExplanation, State, TextMap, coarse
from evaluation.row_lines import row_lines
from evaluation.row_page import ROW_SECTIONS, SHADES, render_row
from evaluation.saliency import Piece
from evaluation.texts import TEXTS
from evaluation.wording import Wording

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=1>\x1b[31m\u202e{{ 7 * 7 }}'


def explanation(text: str = "red summer dress", name: str = "shop") -> RowExplanation:
    heat = np.zeros((30, 40))
    heat[5:10, 5:10], heat[20:25, 30:35] = 1.0, -0.5
    photo = PhotoMap(
        "photo", Title(name, name), State.TRIED, 0.4, np.full((30, 40, 3), 120, np.uint8), heat, 0.2, -0.6, 1.2, 3
    )
    pieces = (Piece(0, 3, 0.5), Piece(4, 10, -0.25), Piece(11, len(text), 0.0))
    features = (
        Contribution("photo__embedding", Title("photo", "фото"), "image", 0.6, "photo", True),
        Contribution("price__value", Title(name, "цена"), "table", -0.2, "price", value=12.5),
        Contribution("title__mark", Title("mark", "знак"), "text", 0.1, "title", value=name),
    )
    return RowExplanation(
        name=name,
        row="7" if name == "shop" else name,
        kind=Kind.BINARY,
        target="sold",
        classes=("no", "yes"),
        decided="yes",
        output="yes",
        unit="log-odds",
        predictions=np.array([0.3, 0.7]),
        base_predictions=np.array([0.5, 0.5]),
        score=0.85,
        base=0.0,
        sources=(Contribution("photo", Title(name, "фото"), "image", 0.6, "photo"),),
        features=features,
        photos=(photo,),
        texts=(TextMap("title", Title("Title", "Название"), State.TRIED, 0.1, text, pieces),),
        not_tried=("card.title",),
    )


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_has_every_section_and_loads_nothing(language: str) -> None:
    page = render_row(explanation(), language)
    assert all(TEXTS[section][language] in page for section in ROW_SECTIONS)
    assert page.count("data:image/jpeg;base64,") == 2 and "<script" not in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page) and ' style="' not in page
    assert '<span class="raises-5">red</span> <span class="lowers-2">summer</span> dress' in page
    assert "log-odds" in page or TEXTS["unit_log-odds"]["ru"] in page
    assert page == render_row(explanation(), language)
    assert all(line.isprintable() for line in row_lines(explanation(HOSTILE, HOSTILE), Wording(language)))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_what_tuned_encoders_see_stands_beside(language: str) -> None:
    row = explanation()
    heat = np.linspace(-1, 1, 1200).reshape(30, 40)
    words = (Piece(0, 3, -0.1), Piece(4, 10, 0.2), Piece(11, 16))  # the last is not read
    row = replace(
        row,
        tuned_share=0.4,
        photos=(replace(row.photos[0], by_gradients=heat),),
        texts=(replace(row.texts[0], by_gradients=words),),
    )
    page = render_row(row, language)
    assert page.count("data:image/jpeg;base64,") == 3 and TEXTS["row_gradient_map"][language] in page
    assert '<span class="lowers-2">red</span> <span class="raises-5">summer</span> dress' in page
    assert page.count("40") > 0 and page.count(TEXTS["row_by_gradients"][language].partition(" {")[0][:20]) == 2
    told = row.to_json()
    assert told["tuned_share"] == 0.4 and len(told["photos"][0]["by_gradients"]) == 12
    assert [piece["by_gradients"] for piece in told["texts"][0]["pieces"]] == [-0.1, 0.2, None]
    assert explanation().to_json()["texts"][0]["pieces"][0]["by_gradients"] is None
    read = replace(row, tuned_share=0.0, tuned_read_share=0.7)
    page = render_row(read, language)
    assert page.count(TEXTS["row_by_gradients_read"][language].partition(" {")[0][:40]) == 2
    assert read.to_json()["tuned_read_share"] == 0.7


def test_hostile_text_is_shown_and_does_nothing() -> None:
    page = render_row(explanation(HOSTILE, HOSTILE))
    assert "<script" not in page and "<img src=x" not in page and "&lt;scr" in page
    assert "\x1b" not in page and "\u202e" not in page and "49" not in re.sub('base64,[^"]*', "", page)


def test_long_texts_are_shown_up_to_a_limit_that_is_said() -> None:
    text = "word " * 3000
    page = render_row(explanation(text))
    assert 1150 <= page.count("word ") <= 1250 and "9000 more characters" in page.replace("\u202f", "")


@pytest.mark.parametrize(
    ("photo", "text", "keys"),
    [
        (State.MISSING, State.MISSING, ("row_photo_missing", "row_text_missing")),
        (State.BROKEN, State.NO_WORDS, ("row_photo_broken", "row_text_no_words")),
        (State.UNUSED, State.UNUSED, ("row_photo_unused", "row_text_unused")),
    ],
)
def test_what_was_not_tried_is_said(photo: State, text: State, keys: tuple[str, str]) -> None:
    row = explanation()
    pixels = row.photos[0].pixels if photo is State.UNUSED else None
    heat = np.zeros((30, 40)) if photo is State.UNUSED else None
    empty = replace(
        row,
        photos=(PhotoMap("photo", Title("p", "p"), photo, 0.0, pixels, heat),),
        texts=(TextMap("title", Title("t", "t"), text, 0.0, "..."),),
    )
    page = render_row(empty)
    assert all(TEXTS[key]["en"] in page for key in keys)
    assert TEXTS["row_overlay"]["en"] not in page
    assert all(TEXTS[key]["en"] in "\n".join(row_lines(empty, Wording("en"))) for key in keys)
    assert empty.to_json()["photos"][0]["state"] == photo.value


def test_a_model_that_cannot_be_explained_still_has_its_maps() -> None:
    row = replace(explanation(), sources=(), features=(), base=np.nan, not_explained="no contributions here")
    page = render_row(row)
    assert "no contributions here" in page and page.count("data:image/jpeg") == 2
    assert row.to_json()["base"] is None
    bare = render_row(replace(explanation(), photos=(), texts=(), not_tried=()))
    assert TEXTS["row_photos"]["en"] not in bare and TEXTS["row_texts"]["en"] not in bare
    with pytest.raises(InputError, match="de"):
        render_row(row, "de")


def test_the_picture_is_orange_where_it_raises_and_blue_where_it_lowers() -> None:
    row = explanation()
    assert row.photos[0].pixels is not None and row.photos[0].heat is not None
    picture = overlay(row.photos[0].pixels, row.photos[0].heat).astype(int)
    assert picture[7, 7, 0] > picture[7, 7, 2] + 80 and picture[22, 32, 2] > picture[22, 32, 0] + 40
    assert np.ptp(picture[0, 0]) == 0
    assert np.ptp(overlay(row.photos[0].pixels, np.zeros((30, 40))), axis=2).max() == 0
    uri = re.findall(r"base64,([^\"]+)", render_row(row))[1]
    assert Image.open(io.BytesIO(base64.b64decode(uri))).size == (40, 30)


def test_a_coarse_map_keeps_the_mean_and_the_style_has_every_shade() -> None:
    heat = np.arange(64.0).reshape(8, 8)
    assert coarse(heat, 4).shape == (4, 4) and coarse(heat, 4).mean() == heat.mean()
    assert coarse(np.ones((3, 100)), 16).shape == (1, 16)
    page = render_row(explanation())
    assert all(f".{sign}-{i} " in page for sign in ("raises", "lowers") for i in range(1, SHADES + 1))
