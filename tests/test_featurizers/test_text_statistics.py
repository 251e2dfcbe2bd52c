from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.schema import Column, Modality, Title
from featurizers.base import State, Surroundings
from featurizers.text_statistics import QUANTITIES, TextStatistics, measure

COLUMN = Column("title", Modality.TEXT, Title("Title", "Заголовок"), actionable=True)
HARD = [
    "Plain",
    "",
    None,
    np.nan,
    5,
    2.5,
    "\ud800",
    "😀😀",
    "שלום עולם",
    "<script>x</script>",
    "x " * 600_000,
    b"bytes",
]


def table(values, index=None) -> pd.DataFrame:
    series = pd.Series(values, index=index, dtype=object)
    (block,) = TextStatistics(COLUMN).fit(series, Surroundings()).transform(series, Surroundings())
    assert block.values.dtype == np.float32 and block.values.flags.c_contiguous
    return pd.DataFrame(block.values, columns=[feature.name for feature in block.features])


def test_quantities_of_a_post() -> None:
    text = "NEW dress! See https://shop.example/a#b #sale @anna.b or mail a@b.com 🔥🔥 Why not? Why not?"
    row = measure(text)
    assert row["links"] == 1 and row["hashtags"] == 1 and row["mentions"] == 1
    assert row["emoji"] == 2 and row["questions"] == 2 and row["exclamations"] == 1
    assert row["sentences"] == 3 and row["characters"] == len(text) and row["is_missing"] == 0


def test_words_and_shares() -> None:
    row = measure("Red red ROSE 42")
    assert row["words"] == 4 and row["word_length"] == pytest.approx(3.0)
    assert row["capitals_share"] == pytest.approx(5 / 10) and row["digits_share"] == pytest.approx(2 / 15)
    assert row["repeated_words_share"] == pytest.approx(1 / 4)
    assert measure("semi-sweet, mother's")["words"] == 2


@pytest.mark.parametrize(("text", "n"), [("👨‍👩‍👧", 1), ("🇷🇺🇫🇷", 2), ("👍🏽", 1), ("1️⃣", 1), ("☀️❤️", 2), ("42 # *", 0)])
def test_an_emoji_of_several_characters_is_one(text, n) -> None:
    assert measure(text)["emoji"] == n


def test_readability_by_script() -> None:
    easy, hard = (
        "The cat sat on the mat.",
        "Multidimensional epistemological considerations necessitate education.",
    )
    assert measure(easy)["readability"] > 90 > 10 > measure(hard)["readability"]
    легко, трудно = (
        "Мама мыла раму. Кот пил сок.",
        "Многофункциональное электрооборудование предусматривает ограничения.",
    )
    assert measure(легко)["readability"] > 80 > 10 > measure(трудно)["readability"]
    assert np.isnan(measure("你好世界")["readability"]) and np.isnan(measure("42 😀")["readability"])


def test_html_is_counted_but_not_read() -> None:
    frame = table(["<p>Two words</p>", "Two words"])
    assert list(frame["title__html_tags"]) == [2, 0]
    assert list(frame["title__characters"]) == [9, 9]


def test_missing_text_is_zero_or_nan_and_said() -> None:
    surroundings = Surroundings()
    series = pd.Series([None, " "], dtype=object)
    (block,) = TextStatistics(COLUMN).transform(series, surroundings)
    row = dict(zip(QUANTITIES, block.values[0], strict=True))
    assert row["is_missing"] == 1 and row["words"] == 0 and np.isnan(row["capitals_share"])
    assert [finding.code for finding in surroundings.audit.findings] == ["text_missing"]


def test_rows_stand_alone_in_order_whatever_comes() -> None:
    together = table(HARD, index=range(100, 100 + len(HARD)))
    alone = pd.concat([table([value]) for value in HARD], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)
    assert together["title__is_missing"].tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0]


def test_the_input_stays_and_state_is_empty(tmp_path) -> None:
    series = pd.Series(HARD, dtype=object)
    before = series.copy()
    featurizer = TextStatistics(COLUMN).fit(series, Surroundings())
    first = featurizer.transform(series, Surroundings())[0]
    pd.testing.assert_series_equal(series, before)
    featurizer.state().save(tmp_path / "s")
    again = TextStatistics(COLUMN).restore(State.load(tmp_path / "s")).transform(series, Surroundings())[0]
    np.testing.assert_array_equal(first.values, again.values)
    assert first.features == again.features


def test_no_rows() -> None:
    assert table([]).shape == (0, len(QUANTITIES))


def test_features_are_named_in_two_languages_and_actionable() -> None:
    feature = {f.name: f for f in TextStatistics(COLUMN).transform(pd.Series(["x"]), Surroundings())[0].features}
    assert feature["title__words"].title == Title("Title: number of words", "Заголовок: число слов")
    assert feature["title__words"].actionable and not feature["title__words"].opaque
    assert feature["title__capitals_share"].unit == "0-1"


@pytest.mark.parametrize("piece", ["#", "@.", "a'", "www.", "!", "a-", "e", "?! ", "👍🏽\u200d", "http://"])
def test_hostile_text_takes_linear_time(piece) -> None:
    start = time.process_time()
    measure((piece * 100_000)[:100_000])
    assert time.process_time() - start < 2
