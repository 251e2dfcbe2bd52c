from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import NotFittedError
from artifacts.schema import Column, Modality, Title
from featurizers import text_statistics, text_workers
from featurizers.base import State, Surroundings
from featurizers.text_statistics import QUANTITIES, TextStatistics

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


def measure(text: str, language: str = "en") -> dict[str, float]:
    return text_statistics.measure(text, language)


def fitted(values) -> TextStatistics:
    return TextStatistics(COLUMN).fit(pd.Series(values, dtype=object), Surroundings())


def table(values, index=None, by: TextStatistics | None = None) -> pd.DataFrame:
    series = pd.Series(values, index=index, dtype=object)
    (block,) = (by or fitted(values)).transform(series, Surroundings())
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
    (block,) = TextStatistics(COLUMN).fit(series, surroundings).transform(series, surroundings)
    row = dict(zip(QUANTITIES, block.values[0], strict=True))
    assert row["is_missing"] == 1 and row["words"] == 0 and np.isnan(row["capitals_share"])
    assert [finding.code for finding in surroundings.audit.findings] == ["text_missing"]


def test_rows_stand_alone_in_order_whatever_comes() -> None:
    by = fitted(HARD)
    together = table(HARD, range(100, 100 + len(HARD)), by)
    alone = pd.concat([table([value], None, by) for value in HARD], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)
    assert together["title__is_missing"].tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0]


def test_the_input_stays_and_the_state_is_the_language(tmp_path) -> None:
    series = pd.Series(HARD, dtype=object)
    before = series.copy()
    featurizer = TextStatistics(COLUMN).fit(series, Surroundings())
    first = featurizer.transform(series, Surroundings())[0]
    pd.testing.assert_series_equal(series, before)
    assert set(featurizer.state().values) == {"language"}
    featurizer.state().save(tmp_path / "s")
    again = TextStatistics(COLUMN).restore(State.load(tmp_path / "s")).transform(series, Surroundings())[0]
    np.testing.assert_array_equal(first.values, again.values)
    assert first.features == again.features


def test_no_rows() -> None:
    assert table([]).shape == (0, len(QUANTITIES))


def test_features_are_named_in_two_languages_and_actionable() -> None:
    feature = {f.name: f for f in fitted(["x"]).transform(pd.Series(["x"]), Surroundings())[0].features}
    assert feature["title__words"].title == Title("Title: number of words", "Заголовок: число слов")
    assert feature["title__words"].actionable and not feature["title__words"].opaque
    assert feature["title__capitals_share"].unit == "0-1"


@pytest.mark.parametrize("piece", ["#", "@.", "a'", "www.", "!", "a-", "e", "?! ", "👍🏽\u200d", "http://"])
def test_hostile_text_takes_linear_time(piece) -> None:
    start = time.process_time()
    measure((piece * 100_000)[:100_000])
    assert time.process_time() - start < 2


@pytest.mark.parametrize("piece", ["a ", "1х", "1 ", "5.", "- a\n", "!", "ё", "$1", "1г", "www.", "don't miss "])
def test_hostile_text_of_new_quantities_takes_linear_time(piece) -> None:
    start = time.process_time()
    measure((piece * 100_000)[:100_000], "ru")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("1 990 ₽", 1), ("от 500 руб. до 1,5 тыс. руб.", 2), ("$5 or 10 EUR", 2), ("300р.", 1), ("£12.50", 1),
        ("5 рук", 0), ("rub 5 times", 0), ("1000 eurozone", 0), ("12 990", 0),
    ],
)  # fmt: skip
def test_prices(text, n) -> None:
    assert measure(text)["prices"] == n


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("10x20 и 10 х 20 х 30 см", 2), ("100мл, 1,5 л", 2), ("5 kg", 1), ("52\"", 1), ("в 2021 г. было", 0),
        ("250 г сыра", 1), ("3 in 1", 0), ("5 дней", 0), ("10", 0), ("12 СМ", 1),
    ],
)  # fmt: skip
def test_measures(text, n) -> None:
    assert measure(text)["measures"] == n


def test_lists_are_counted_in_text_and_in_html() -> None:
    assert measure("Состав:\n- хлопок\n– лён\n• шёлк\n1) шерсть\n✔️ вискоза\n-5 градусов")["list_items"] == 5
    frame = table(["<ul><li>one</li><li>two</li></ul>", "- one\n- two", None])
    assert list(frame["title__list_items"]) == [2, 2, 0]


def test_calls_to_action() -> None:
    assert measure("Order now! Sign up. In order to know now, sign here.")["calls_to_action"] == 2
    assert measure("Ждём вас! ПОДПИШИСЬ, ссылка в профиле", "ru")["calls_to_action"] == 3
    assert measure("Заказ купили")["calls_to_action"] == 0


def test_capital_words_repeated_marks_and_lines() -> None:
    row = measure("SALE на ВСЁ!!!\nA я???? Wait... ====")
    assert row["capital_words"] == 2 and row["repeated_marks"] == 3 and row["lines"] == 2


def test_unknown_words_by_language_of_the_letters() -> None:
    row = measure("Это хорошее платье gloxwib из хлопка Cotton", "ru")
    assert row["unknown_words_share"] == pytest.approx(1 / 7)
    assert measure("The dress is nice, don't you think, twenty-five", "en")["unknown_words_share"] == 0
    assert measure("ёлка кроссовок", "ru")["unknown_words_share"] == 0
    assert np.isnan(measure("12 34", "en")["unknown_words_share"])
    assert np.isnan(measure("漢字 文章", "xx")["unknown_words_share"])


def test_the_language_is_learned_and_asked_for() -> None:
    values = ["Хорошее летнее платье из хлопка", "Новые зимние ботинки на каждый день"] * 3
    assert fitted(values).state().values == {"language": "ru"}
    assert fitted(["12", None]).state().values == {"language": ""}
    with pytest.raises(NotFittedError, match="column 'title' needs fit"):
        TextStatistics(COLUMN).transform(pd.Series(["x"]), Surroundings())


@pytest.mark.slow
def test_workers_measure_the_same(monkeypatch) -> None:
    values = [f"Платье {i}, {i}00 руб.! Order now" for i in range(40)]
    here = table(values)
    monkeypatch.setattr(text_statistics, "SECONDS_PER_CHARACTER", 1.0)
    monkeypatch.setattr(text_workers, "n_processors", lambda: 2)
    pd.testing.assert_frame_equal(table(values), here)
