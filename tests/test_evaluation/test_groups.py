from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Kind, Modality, Title, quantity_feature
from evaluation.groups import GALLERY, BlockGroups, ShownRows, groups_of_block, strongest_blocks
from evaluation.report import SECTIONS, render_report
from evaluation.report_data import ReportData
from evaluation.sections.groups import groups as section
from evaluation.wording import Wording

Float = NDArray[np.float64]


def planted(x: Float) -> Float:
    """Three dimensions that act together, and one that acts alone."""
    return x[:, 3] * x[:, 7] + x[:, 7] * x[:, 11] + x[:, 3] * x[:, 11] + 2 * x[:, 1]


@pytest.fixture(scope="module")
def found(make_block: Callable[..., object]) -> tuple[BlockGroups, FeatureTable]:
    """What the planted group shows: rows with the colour black follow its dimensions, others do not."""
    table, model = make_block(planted, n=500, d=14, seed=0)  # type: ignore[misc]
    block, rng = table.blocks[0], np.random.default_rng(1)
    values = block.values.copy()
    black = rng.uniform(size=500) < 0.2
    values[np.ix_(black, [3, 7, 11])] += 2.5
    code = quantity_feature(
        Column("colour", Modality.CATEGORICAL, Title("Colour", "Цвет")),
        "category",
        "category",
        Title("category", "категория"),
    )
    colours = np.where(black, 0, rng.integers(1, 3, 500)).reshape(-1, 1).astype("f4")
    wide = FeatureTable(
        (
            Block("photo", "net", block.features, values),
            Block("colour", "category", (code,), colours, ("black", "white", "red")),
        ),
        table.index,
    )
    predictions = planted(values.astype(np.float64))[:, None]
    texts = ["winter boots" if b else "a light dress" for b in black]
    rows = ShownRows([str(i) for i in table.index], predictions, texts)
    return groups_of_block(model, wide, 0, Kind.REGRESSION, rows, seed=0), wide


def test_a_planted_group_is_tested_shown_and_described(found: tuple[BlockGroups, FeatureTable]) -> None:
    block, table = found
    assert (block.source, block.featurizer, block.view, block.n_dimensions) == ("photo", "net", "image", 14)
    assert block.n_tested >= block.n_real >= 1 and block.n_random == block.n_tested - block.n_real
    best = block.groups[0]
    assert set(best.test.dimensions) == {3, 7, 11}
    named = {(one.attribute.title.en, one.attribute.value) for one in best.described}
    assert {("Colour: category", "black"), ("boots", ""), ("winter", "")} <= named
    colours = dict(zip(table.index, table.blocks[1].values[:, 0], strict=True))
    assert len(best.high) == len(best.low) == GALLERY
    assert all(colours[row] == 0 for row in best.high) and all(colours[row] > 0 for row in best.low)
    assert best.prediction > best.others and best.output == "" and 0.3 < best.axis_share < 1


def test_few_rows_and_foreign_rows(make_block: Callable[..., object]) -> None:
    table, model = make_block(planted, n=60, d=14, seed=0)  # type: ignore[misc]
    few = table.take(np.arange(3))
    rows = ShownRows(["a", "b", "c"], np.zeros((3, 1)))
    found = groups_of_block(model, few, 0, Kind.REGRESSION, rows, seed=0)
    assert found.missing == "few" and found.numbers["known"] == 3 and found.groups == () and found.n_tested == 0
    with pytest.raises(InputError, match="each of the 60 rows of the table, but got 3 and 3"):
        groups_of_block(model, table, 0, Kind.REGRESSION, rows, seed=0)


def test_the_strongest_embedding_of_each_view(report_data: ReportData, make_block: Callable[..., object]) -> None:
    first = make_block(planted, n=5, d=4, seed=0)[0].blocks[0]  # type: ignore[misc]
    names = ("weak", "strong")
    blocks = tuple(
        Block("photo", name, tuple(replace(f, name=f"{name}_{f.name}") for f in first.features), first.values)
        for name in names
    )
    table = FeatureTable(blocks, pd.RangeIndex(5))
    shares = pd.DataFrame(
        {"level": "feature", "source": "photo", "featurizer": names, "opaque": True, "share": [0.2, 0.5]}
    )
    assert strongest_blocks(shares, table, ("image", "text")) == (1,)
    assert strongest_blocks(shares.assign(share=0.0), table, ("image", "text")) == ()


def test_the_section_says_what_was_found(report_data: ReportData) -> None:
    data = section(report_data, Wording("en"))
    assert data is not None and not data["doubt"]
    photo, title, lexical = data["blocks"]
    assert photo["remarks"][0].endswith(
        "Better than random, with at most 5% false discoveries: 7. No better than random: 2."
    )
    assert photo["remarks"][1] == "The 2 strongest are shown." and "87% of the embedding" in photo["remarks"][2]
    one, undescribed = photo["groups"]
    assert one["described"] == (
        "More often where it is most active: Season = winter (×3.4), Photo: brightness high, 61–98\u202f% (×2.9), "
        "Photo: faces = 2 (×2.4), the word “boots” (×1.9)."
    )
    assert one["counts"][0].startswith("Season = winter: 41 of 70 most active rows, 88 of 630 others")
    assert "certain to be more frequent" in undescribed["described"]
    assert "16.4%" in one["prediction"] and "3.12%" in one["prediction"]
    assert [len(end["rows"]) for end in one["ends"]] == [6, 6] and one["photos"]
    assert any(row["picture"] for end in one["ends"] for row in end["rows"])
    assert any(row["problem"] for end in one["ends"] for row in end["rows"])
    assert not title["groups"][0]["photos"] and "boots" in title["groups"][0]["ends"][0]["rows"][0]["title"]
    assert lexical["remarks"] == ["Groups could not be looked for. It is known in 3 rows, and 40 are needed."]
    russian = section(report_data, Wording("ru"))
    assert russian is not None and "Сезон = winter (×3,4)" in russian["blocks"][0]["groups"][0]["described"]


def test_a_run_without_groups_has_no_section_and_a_doubtful_one_a_warning(report_data: ReportData) -> None:
    assert section(replace(report_data, groups=()), Wording("en")) is None
    assert 'id="groups"' not in render_report(replace(report_data, groups=()))
    unsure = replace(report_data, leaderboard=report_data.leaderboard.assign(low=-0.1))
    said = section(unsure, Wording("en"))
    assert said is not None and "not clearly better than a constant" in said["doubt"]
    none = replace(report_data, groups=(BlockGroups("photo", "net", "image", 9, axes_share=0.9, n_evaluations=800),))
    said = section(none, Wording("en"))
    assert said is not None and said["blocks"][0]["remarks"][0].startswith("No group of dimensions stands out")


def test_it_stands_after_the_factors_and_photos_are_small(report_data: ReportData) -> None:
    names = list(SECTIONS)
    assert names.index("groups") == names.index("factors") + 1
    page = render_report(report_data)
    part = page[page.index('id="groups"') : page.index('id="distribution"')]
    photos = re.findall(r"data:image/jpeg;base64,[^\"]+", part)
    assert len(photos) >= 8 and max(map(len, photos)) < 8_000
