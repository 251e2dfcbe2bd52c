from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.feature_table import FeatureTable
from artifacts.schema import Column, Modality, Title
from featurizers.base import State, Surroundings
from featurizers.text_pair import QUANTITIES, TextPair, compare

TITLE = Column("title", Modality.TEXT, Title("Title", "Заголовок"), actionable=True)
BODY = Column("text", Modality.TEXT, Title("Description", "Описание"))
ODD = [
    None,
    np.nan,
    pd.NA,
    "",
    "ab",
    5,
    2.5,
    b"\xff",
    "\ud800",
    [],
    {"a": 1},
    "<script>x</script>",
    "😀",
    object(),
    "x " * 90_000,
]


def blocks(titles, bodies, index=None):
    first, second = pd.Series(titles, index=index, dtype=object), pd.Series(bodies, index=index, dtype=object)
    pair = TextPair(TITLE, BODY).fit(first, second, Surroundings())
    return pair.transform(first, second, Surroundings())


def table(titles, bodies, index=None) -> pd.DataFrame:
    (block,) = blocks(titles, bodies, index)
    assert block.values.dtype == np.float32 and block.source == "title"
    return pd.DataFrame(block.values, columns=list(QUANTITIES))


def test_quantities() -> None:
    frame = table(
        ["Red dress 100мл", "<b>Blue shirt</b>", "Coat", "abc def"],
        ["RED dress, 100 ml of scent", "Blue shirt: cotton", "coat!", "nothing shared at all"],
    )
    np.testing.assert_allclose(frame["words_share_in"], [1, 1, 1, 0])
    np.testing.assert_allclose(frame["starts"], [1, 1, 1, 0])
    np.testing.assert_allclose(frame["equals"], [0, 0, 1, 0])
    np.testing.assert_allclose(frame["length_similarity_to"], [15 / 26, 10 / 18, 4 / 5, 7 / 21])
    assert not frame[["missing_beside", "alone_without"]].to_numpy().any()


def test_half_of_the_words() -> None:
    assert compare("red dress", "a dress of silk")[0] == 0.5


def test_missing_parts_are_flagged() -> None:
    frame = table([None, "Dress", None, "ab"], ["A dress", "", None, "A dress"])
    assert list(frame["missing_beside"]) == [1, 0, 0, 1] and list(frame["alone_without"]) == [0, 1, 0, 0]
    assert frame[["words_share_in", "length_similarity_to"]].isna().all(axis=None)
    assert (frame[["starts", "equals"]] == 0).all(axis=None)


def test_rows_stand_alone_whatever_comes() -> None:
    titles, bodies = ODD, ODD[::-1]
    index = [f"r{i}" for i in range(len(ODD))]
    together = table(titles, bodies, index)
    alone = pd.concat([table([a], [b]) for a, b in zip(titles, bodies, strict=True)], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)
    FeatureTable(tuple(blocks(titles, bodies, index)), pd.Index(index))
    assert table([], []).shape == (0, len(QUANTITIES))


def test_names_titles_and_units() -> None:
    features = {feature.name: feature for feature in blocks(["x"], ["y"])[0].features}
    feature = features["title__words_share_in_text"]
    assert feature.title.en == "Title: share of its words found in “Description”" and feature.unit == "0-1"
    assert "«Описание»" in feature.title.ru and feature.actionable


def test_saved_and_loaded_it_gives_equal_output(tmp_path) -> None:
    first = pd.Series(["Red dress"])
    TextPair(TITLE, BODY).state().save(tmp_path / "s")
    again = TextPair(TITLE, BODY).restore(State.load(tmp_path / "s"))
    (block,) = again.transform(first, first, Surroundings())
    assert block.values[0, 3] == 1


@pytest.mark.parametrize("piece", ["a ", "<", "1x", "a1"])
def test_hostile_text_takes_little_time(piece) -> None:
    start = time.process_time()
    table([(piece * 1_000_000)[:1_000_000]], ["a " * 500_000])
    assert time.process_time() - start < 10
