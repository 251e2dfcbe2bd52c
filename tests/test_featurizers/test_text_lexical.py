from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from artifacts.errors import NotFittedError
from artifacts.schema import Column, Modality, Title
from featurizers.base import State, Surroundings
from featurizers.text_lexical import TextLexical

COLUMN = Column("title", Modality.TEXT, Title("Title", "Заголовок"))
COLOURS = ["red", "blue", "green", "black"]
THINGS = ["cotton shirt", "leather shoes", "summer dress", "winter coat"]
ВЕЩИ = ["хлопковая рубашка", "кожаные ботинки", "летнее платье", "зимнее пальто"]
TITLES = pd.Series([f"{colour} {thing} {i}" for i in range(5) for colour in COLOURS for thing in THINGS])


def fitted(values, components: int = 64) -> TextLexical:
    return TextLexical(COLUMN, components).fit(pd.Series(values, dtype=object), Surroundings())


def rows(featurizer: TextLexical, values) -> np.ndarray:
    (block,) = featurizer.transform(pd.Series(values, dtype=object), Surroundings())
    assert block.values.dtype == np.float32 and block.values.flags.c_contiguous and block.is_opaque
    return block.values


def cosine(a, b) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_alike_texts_are_near() -> None:
    shirt, shirts, shoes = rows(fitted(TITLES), ["red cotton shirt", "cotton shirts, red", "black leather shoes"])
    assert cosine(shirt, shirts) > 0.8 > 0.3 > cosine(shirt, shoes)


def test_the_seed_of_the_run_starts_the_svd() -> None:
    first, again, other = (
        TextLexical(COLUMN).fit(TITLES, Surroundings(seed=seed)).state().arrays["components"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_russian_forms_case_and_yo_are_near() -> None:
    titles = [f"{c} {t} {i}" for i in range(5) for c in ("чёрный", "белый", "красный") for t in ВЕЩИ]
    one, same, form, other = rows(
        fitted(titles), ["чёрные ботинки", "ЧЕРНЫЕ БОТИНКИ", "чёрных ботинок", "белое летнее платье"]
    )
    np.testing.assert_array_equal(one, same)
    assert cosine(one, form) > cosine(one, other) + 0.3


def test_html_is_stripped() -> None:
    plain, marked = rows(fitted(TITLES), ["red cotton shirt", "<div class='red'><b>red</b> cotton shirt</div>"])
    np.testing.assert_array_equal(plain, marked)


def test_missing_and_unknown_texts_are_zero() -> None:
    values = rows(fitted(TITLES), [None, "", np.nan, "щщщ", "<p></p>"])
    assert not values.any()


@pytest.mark.parametrize(
    "values",
    [[], [None], ["", " ", None], ["одно"], ["same"] * 40, ["!!!"], [np.nan, np.nan, np.nan]],
)
def test_nothing_to_learn_gives_no_block_and_stays_so(values, tmp_path) -> None:
    featurizer = fitted(values)
    featurizer.state().save(tmp_path / "s")
    again = TextLexical(COLUMN).restore(State.load(tmp_path / "s"))
    for one in (featurizer, again):
        assert one.transform(pd.Series(["some", "text"]), Surroundings()) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        ["x", "x", "y"],
        ["😀", "👍", "!!!"],
        [f"w{i}" for i in range(30)],
        ["one", None, 5, 2.5, "\ud800", "שלום עולם", "<script>x</script>", "word " * 250_000, b"bytes", ""],
        [f"unique{i * 7919}" for i in range(19)],
        ["你好世界", "你好", "世界"],
        ["word", "word.", "word,"],
    ],
)
def test_few_and_odd_texts(values) -> None:
    featurizer = fitted(values)
    result = rows(featurizer, values)
    assert result.shape[0] == len(values) and 1 <= result.shape[1] < len(values)
    assert np.isfinite(result).all() and result.any()


def test_a_megabyte_is_cut_and_said() -> None:
    surroundings = Surroundings()
    values = pd.Series(["word " * 250_000, "other"])
    TextLexical(COLUMN).fit(values, surroundings)
    assert [finding.code for finding in surroundings.audit.findings] == ["text_truncated"]


def test_rows_stand_alone_in_order() -> None:
    featurizer = fitted(TITLES)
    values = [*TITLES[:20], None, "new words here", TITLES[3]]
    together = rows(featurizer, values)
    alone = np.concatenate([rows(featurizer, [value]) for value in values])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_array_equal(together[3], together[-1])


def test_save_and_load_are_equal(tmp_path) -> None:
    featurizer = fitted(TITLES, components=12)
    featurizer.state().save(tmp_path / "s")
    again = TextLexical(COLUMN, 12).restore(State.load(tmp_path / "s"))
    np.testing.assert_array_equal(rows(featurizer, TITLES), rows(again, TITLES))
    assert {path.name for path in (tmp_path / "s").iterdir()} == {"state.json", "arrays.npz"}


def test_same_data_same_numbers() -> None:
    np.testing.assert_array_equal(rows(fitted(TITLES), TITLES), rows(fitted(TITLES), TITLES))


def test_no_rows_to_transform() -> None:
    assert rows(fitted(TITLES), []).shape[0] == 0


def test_unfitted_is_said() -> None:
    with pytest.raises(NotFittedError, match="column 'title' needs fit"):
        TextLexical(COLUMN).transform(TITLES, Surroundings())


def test_glued_numbers_and_sizes_are_near() -> None:
    titles = [
        f"{maker} phone {i} {size}" for maker in ("alpha", "beta") for i in range(8) for size in ("64 gb", "10x20 cm")
    ]
    glued, apart, other = rows(
        fitted(titles), ["alphaPhone3 10х20cm", "Alpha phone 3, 10 × 20 cm", "beta phone 7 64 gb"]
    )
    assert cosine(glued, apart) > 0.8 > cosine(glued, other)


def test_stop_words_are_dropped_on_request_and_kept_in_the_state(tmp_path) -> None:
    values = [f"{title} for this and that, but not for children {title}" for title in TITLES]
    featurizer = TextLexical(COLUMN, drop_stop_words=True).fit(pd.Series(values), Surroundings())
    state = featurizer.state()
    words = state.values["vocabularies"]["words"]
    assert state.values["language"] == "en" and "and" in state.values["stop_words"]
    assert "this" not in words and "not" in words and "for" in words
    state.save(tmp_path / "s")
    again = TextLexical(COLUMN).restore(State.load(tmp_path / "s"))
    np.testing.assert_array_equal(rows(featurizer, values), rows(again, values))
    assert "this" in fitted(values).state().values["vocabularies"]["words"]
