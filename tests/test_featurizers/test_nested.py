from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.feature_table import Block
from artifacts.finding import Audit
from artifacts.schema import Column, Feature, Modality, Title
from artifacts.tables import read_parquet
from featurizers.base import State, Surroundings
from featurizers.nested import MAX_KEYS, Nested
from featurizers.nested_flattening import REST, flatten, nested_texts
from featurizers.nested_keys import MAX_OPTIONS
from featurizers.nested_parsing import looks_nested, parse_nested, read_nested

COLUMN = Column("details", Modality.NESTED, Title("Details", "Характеристики"), actionable=True)
SHARED = Path(__file__).parents[2].parent / "shared" / "data"

READABLE = [
    ('{"a": 1}', {"a": 1}), ("{'a': [1, {'b': None}]}", {"a": [1, {"b": None}]}), ("b'[{\"a\":1}]'", [{"a": 1}]),
    (b'[{"a":1}]', [{"a": 1}]), ('"{\\"a\\": 1}"', {"a": 1}), ('{\\"a\\": \\"x\\"}', {"a": "x"}),
    ("{'a': nan, 'b': true}", {"a": None, "b": True}), ("[{'a': 1}\n {'a': 2}]", [{"a": 1}, {"a": 2}]),
    ("array([{'a': array(['x', 'y'], dtype=object)}], dtype=object)", [{"a": ["x", "y"]}]),
    ("['a' 'b'\n 'c']", ["a", "b", "c"]),
    ("{&quot;a&quot;: 1}", {"a": 1}), ("[]", []), ("{}", {}), ("{1, 2}", [1, 2]), ("{u'a': u'b'}", {"a": "b"}),
    ("{'a': \"it's {x} [y\"}", {"a": "it's {x} [y"}), ("{'a': -1e5, 3: (1, 2)}", {"a": -1e5, "3": [1, 2]}),
    ({"a": (1, b"x")}, {"a": [1, "x"]}), (np.array([{"a": np.float64(1)}], dtype=object), [{"a": 1.0}]),
    ('\ufeff {"a": "\\u041a"}', {"a": "К"}),
]  # fmt: skip
UNREADABLE = [
    "{'a': 'sum", "[1, 2", "", "text", "5", "'x'", None, np.nan, 7, "[1+1]", "{'a': __import__('os').system('true')}",
    "[" * 100_000, "{'a':" * 20_000, "[" + "-" * 100_000 + "1]", "[1" + "+1" * 100_000 + "]", "[" * 50 + "]" * 50,
    "{'a': open('x')}", "[x for x in (1,)]", "{'" + "\\" * 100_001, "{" + "&amp;" * 100_000, "{[]: 1}", "{'a': 1}}",
    "[" + "9" * 10_000 + "]", "[f'{1}']", "{'a': 1; 'b': 2}", "[" + "'a' " * 3 + "'", "{}" * 600_000,
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), READABLE)
def test_spellings_that_are_read(value: object, expected: object) -> None:
    assert parse_nested(value) == expected and looks_nested(value)


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: repr(value)[:30])
def test_what_cannot_be_read_is_none_soon(value: object) -> None:
    started = time.perf_counter()
    assert parse_nested(value) is None
    assert time.perf_counter() - started < 5


def test_a_python_object_that_contains_itself_is_none() -> None:
    itself: list[object] = []
    itself.append(itself)
    assert parse_nested(itself) is None


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), NESTED, max_size=4))
def test_json_and_python_spellings_come_back_as_they_were(value: dict[str, object]) -> None:
    assert parse_nested(json.dumps(value)) == json.loads(json.dumps(value))
    assert parse_nested(repr(value)) == json.loads(json.dumps(value))
    assert parse_nested(json.dumps(json.dumps(value))) == json.loads(json.dumps(value))


@given(st.text(), st.integers(0, 20))
def test_no_text_raises(text: str, cut: int) -> None:
    for value in (text, "{" + text, "['" + text + "']", repr({"key": text})[:-cut]):
        parse_nested(value)


def test_flatten() -> None:
    assert flatten({"a": {"b": 1, "c": ["x", "x", "y"]}, "d": None, "e": "", "f": []}) == {
        "a.b": [1],
        "a.c": ["x", "y"],
    }
    pairs = [
        {"charcName": "Season", "value": "winter", "charcValues": ["winter", "autumn"]},
        {"charcName": "Weight", "value": "3,5 kg", "charcValues": []},
        {"charcName": "Empty", "value": None, "charcValues": []},
    ]
    assert flatten(pairs) == {"Season": ["winter", "autumn"], "Weight": ["3,5 kg"]}
    assert flatten({"attributes": ["Brand: Fila", "For men"]}) == {
        "attributes.Brand": ["Fila"],
        "attributes": ["For men"],
    }
    assert flatten(["a", "b"]) == {"value": ["a", "b"]}


def make_details(n: int = 40) -> pd.Series:
    rows = []
    for i in range(n):
        row = {"colour": ["red", "green"][i % 2], "weight": f"{i},5 kg", "sizes": ["S", "M"][: 1 + i % 2]}
        if i % 4 == 0:
            row["season"] = "winter"
        row["about"] = f"A long description of the thing number {i}, which nobody would ever take for a category."
        rows.append(repr(row) if i % 3 else json.dumps(row))
    return pd.Series([*rows, None, "{'colour': 're", "{}"])


def test_columns_flags_and_findings() -> None:
    values, around = make_details(), Surroundings()
    fitted = Nested(COLUMN).fit(values, around)
    blocks = {block.featurizer: block for block in fitted.transform(values, around)}
    assert set(blocks) == {"nested", "nested:colour", "nested:sizes", "nested:sizes:size", "nested:weight",
                           "nested:season"}  # fmt: skip
    assert blocks["nested:colour"].categories == ("green", "red")
    assert [f.name for f in blocks["nested:sizes"].features] == [
        "details__sizes=S", "details__sizes=M", "details__sizes_count"
    ]  # fmt: skip
    assert blocks["nested:weight"].features[0].unit == "kg"
    np.testing.assert_array_equal(blocks["nested:sizes:size"].values[:2, :2], [[4, 4], [4, 5]])
    np.testing.assert_array_equal(blocks["nested:weight"].values[:2, 0], [0.5, 1.5])
    flags = dict(zip([f.name for f in blocks["nested"].features], blocks["nested"].values.T, strict=True))
    np.testing.assert_array_equal(flags["details__season_filled"][:5], [1, 0, 0, 0, 1])
    np.testing.assert_array_equal(flags["details__n_filled"][-3:], [0, np.nan, 0])
    assert all(f.actionable and f.source == "details" for b in blocks.values() for f in b.features)
    assert np.isnan(blocks["nested:weight"].values[-3:]).all() and (blocks["nested:colour"].values[-3:] == -1).all()
    np.testing.assert_array_equal(blocks["nested:sizes"].values[-3:, 0], [0, np.nan, 0])
    assert fitted.has_texts
    finding = around.audit.findings[-1]
    assert finding.code == "nested_unreadable" and finding.rows == ("41",) and finding.total == 43


def test_many_keys_and_options_are_capped_and_the_rest_counted() -> None:
    row = {f"key {i}": "x" for i in range(100)} | {"options": [f"o{i}" for i in range(50)]}
    values = pd.Series([row] * 3)
    blocks = Nested(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    assert len(blocks) == 1 + MAX_KEYS and blocks[0].values[0, -2:].tolist() == [101, 101 - MAX_KEYS]
    only = pd.Series([{"options": row["options"]}] * 3)
    assert len(Nested(COLUMN).fit(only, Surroundings()).transform(only, Surroundings())[1].features) == MAX_OPTIONS + 1


def test_keys_that_are_named_like_flags_keep_unique_names() -> None:
    values = pd.Series([{"a": 1, "a_filled": 2, "n_filled": 3}] * 3)
    blocks = Nested(COLUMN).fit(values, Surroundings()).transform(values, Surroundings())
    names = [feature.name for block in blocks for feature in block.features]
    assert len(set(names)) == len(names)


def test_texts_of_nested_values() -> None:
    values = pd.Series(
        ["{'colour': 'red', 'description': '<p>Soft</p>', 'title': 'Socks'}", None, '{"title": "\\u041a', {}],
        index=list("abcd"),
    )
    texts = nested_texts(values)
    assert texts["a"] == "Socks\n<p>Soft</p>\ncolour: red" and texts["b"] is None and texts["d"] is None
    assert texts["c"] == "title :  К" and list(texts.index) == list("abcd")
    assert sys.getrecursionlimit() >= 1000


@pytest.mark.skipif(not SHARED.exists(), reason="the development sets are not there")
def test_real_cards() -> None:
    values = read_parquet(SHARED / "kazan_cards" / "train.parquet")["text_fields"]
    around = Surroundings()
    fitted = Nested(COLUMN).fit(values, around)
    names = [f.name for block in fitted.transform(values, around) for f in block.features]
    assert {"details__filters.Цвет", "details__attributes.Сезон_filled", "details__title_filled"} <= set(names)
    counts = {finding.code: finding.count for finding in around.audit.findings}
    assert "nested_unreadable" not in counts and 10 < counts["nested_damaged"] < 20
    assert fitted.text_keys[:2] == ("description", "title")
    texts = fitted.texts(values)
    assert list(texts) == [*fitted.text_keys, REST] and texts["title"].notna().mean() > 0.9


def test_strings_of_characteristics_within_characteristics() -> None:
    inner = json.dumps([{"charcName": "Пол", "value": "Женский", "charcValues": ["Женский"]}], ensure_ascii=False)
    assert flatten({"title": "[sale] socks", "characteristics": inner}) == {
        "title": ["[sale] socks"],
        "characteristics.Пол": ["Женский"],
    }
    assert flatten({"a": "[new]", "b": "{}"}) == {"a": ["[new]"], "b": ["{}"]}
    many = flatten({"a": list(range(100_000))})["a"]
    assert len(many) == 500


def column_of(blocks: list[Block], name: str) -> tuple[Feature, np.ndarray]:
    for block in blocks:
        for i, feature in enumerate(block.features):
            if feature.name == name:
                return feature, block.values[:, i]
    raise KeyError(name)


def fit_transform(rows: list[object]) -> tuple[list[Block], Audit, Nested]:
    values, around = pd.Series(rows, dtype=object), Surroundings()
    fitted = Nested(COLUMN).fit(values, around)
    return fitted.transform(values, around), around.audit, fitted


def test_numbers_come_in_one_unit_and_it_is_said() -> None:
    rows = [{"Длина": "10 см"}, {"Длина": "1,5 м"}, {"длина": "200 мм"}, {"Длина": "7 см"}, {"Длина": "5"}]
    blocks, audit, _ = fit_transform(rows)
    feature, values = column_of(blocks, "details__Длина")
    np.testing.assert_allclose(values, [10, 150, 20, 7, 5])
    assert feature.unit == "см" and feature.title.ru == "Характеристики: Длина"
    found = {finding.code: finding for finding in audit.findings}
    assert "см" in found["units_converted"].in_language("ru") and found["units_converted"].count == 2
    assert found["nested_keys_merged"].details["merged"] == {"Длина": ["длина"]}


def test_numbers_with_telling_words_behind_are_categories() -> None:
    rows = [{"wc": wc, "n": f"{i} шт"} for i, wc in enumerate(["1 совмещенный", "1 раздельный", "2 совмещенных"] * 5)]
    blocks = {block.featurizer: block for block in fit_transform(rows)[0]}
    assert blocks["nested:wc"].categories == ("1 раздельный", "1 совмещенный", "2 совмещенных")
    assert blocks["nested:n"].categories is None and blocks["nested:n"].features[0].unit == "шт."


def test_yes_and_no_in_two_languages() -> None:
    words = ["да", "Нет", "есть", "yes", "No", True, False, "отсутствует", "Да."] * 3
    blocks, _, _ = fit_transform([{"Капюшон": word} for word in words] + [{}, {"Капюшон": "кажется"}])
    feature, values = column_of(blocks, "details__Капюшон")
    np.testing.assert_array_equal(values[:9], [1, 0, 1, 1, 0, 1, 0, 0, 1])
    assert np.isnan(values[-2:]).all() and feature.unit == "0/1"


def test_options_in_one_string_are_told_apart_and_counted() -> None:
    options = ["хлопок", "лён", "хлопок, лён", "шёлк", "лён, шёлк", "хлопок, шёлк, лён"] * 5
    blocks, _, _ = fit_transform([{"Состав": option} for option in options] + [{"Состав": "хлопок, неведомое"}, {}])
    _, cotton = column_of(blocks, "details__Состав=хлопок")
    feature, count = column_of(blocks, "details__Состав_count")
    np.testing.assert_array_equal(cotton[:6], [1, 0, 1, 0, 0, 1])
    np.testing.assert_array_equal(count[[0, 2, 5, 30, 31]], [1, 2, 3, 2, 0])
    assert feature.title.ru == "Характеристики: Состав: число значений"


def test_recognised_characteristics_get_columns_and_coverage_is_said() -> None:
    seasons = ["Зима", "зимний", "лето", "демисезон", "непонятно", "Лето"]
    sexes = ["мужской", "для мужчин", "женский", "Ж", "унисекс", "Мужской"]
    ages = ["3+", "12 месяцев", "для школьников", "18+", "14 лет", "6+"]
    rows = [{"Сезон": s, "Пол": x, "Возраст": a} for s, x, a in zip(seasons * 4, sexes * 4, ages * 4, strict=True)]
    blocks, audit, fitted = fit_transform([*rows, {}])
    _, winter = column_of(blocks, "details__Сезон_season=winter")
    _, spring = column_of(blocks, "details__Сезон_season=spring")
    np.testing.assert_array_equal(winter[:6], [1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(spring[:6], [0, 0, 0, 1, 0, 0])
    feature, age = column_of(blocks, "details__Возраст_age")
    np.testing.assert_array_equal(age[:6], [0, 0, 6, 18, 12, 6])
    assert feature.unit == "years" and np.isnan(age[-1])
    [sex] = [block for block in blocks if block.featurizer == "nested:Пол:sex"]
    assert sex.categories == ("male", "female", "unisex") and sex.values[:6, 0].tolist() == [0, 0, 1, 1, 2, 0]
    said = {f.details["kind"]: f for f in audit.findings if f.code == "characteristic_recognised"}
    assert said["season"].details["percent"] == 83.3 and "непонятно" in said["season"].in_language("ru")
    loaded = Nested(COLUMN).restore(State(json.loads(json.dumps(fitted.state().values))))
    again = loaded.transform(pd.Series([*rows, {}]), Surroundings())
    for block, other in zip(blocks, again, strict=True):
        np.testing.assert_array_equal(block.values, other.values)


def test_what_was_cut_off_is_unknown_and_the_place_is_named() -> None:
    whole = [{"colour": "red", "size": 5, "extra": i % 3} for i in range(30)]
    rows = [*map(repr, whole), "{'colour': 'red', 'size': 7, 'ext", "{'colour': 'red'}"]
    blocks, audit, _ = fit_transform(rows)
    _, size = column_of(blocks, "details__size")
    _, flag = column_of(blocks, "details__extra_filled")
    _, n_filled = column_of(blocks, "details__n_filled")
    assert size[30] == 7 and np.isnan(size[31])
    assert np.isnan(flag[30]) and flag[31] == 0 and np.isnan(n_filled[30]) and n_filled[31] == 1
    [finding] = [finding for finding in audit.findings if finding.code.startswith("nested")]
    assert finding.code == "nested_damaged" and finding.rows == ("30",)
    assert finding.details["places"] == [{"row": "30", "position": 33, "excerpt": rows[30][-20:], "cut": True}]
    assert "character 33 of row 30" in finding.in_language("en") and "обрезаны" in finding.in_language("ru")


def test_how_many_keys_have_columns_is_chosen_from_the_data() -> None:
    common = {f"common {i}": "x" for i in range(10)}
    rows = [{**common, "rare": "x"} if i == 0 else common for i in range(400)]
    blocks, _, fitted = fit_transform(rows)
    assert len(fitted.state().values["keys"]) == 10 and column_of(blocks, "details__n_others_filled")[1][0] == 1
    rows = [{**common, f"some {i % 20}": "x"} for i in range(400)]
    assert 25 <= len(fit_transform(rows)[2].state().values["keys"]) <= 30


def test_text_keys_have_texts_of_their_own() -> None:
    rows = [
        {"Title": f"Socks number {i}", "about": f"{i} " + "Soft and warm. " * 20, "colour": "red",
         "note": f"{i} w w " * 9, "care": f"{i} wash at forty degrees " * 3}
        for i in range(30)
    ]  # fmt: skip
    rows[3] = {"title": rows[3]["Title"], "about": rows[3]["about"]}
    values = pd.Series([*map(repr, rows), None, "{'"], index=range(100, 132))
    fitted = Nested(COLUMN).fit(values, Surroundings())
    assert fitted.text_keys == ("about", "care", "note") and fitted.has_texts
    texts = fitted.texts(values)
    assert list(texts) == ["about", "care", "note", REST]
    assert texts["about"].iloc[0] == ("0 " + "Soft and warm. " * 20).strip() and texts["about"].index is not None
    assert texts[REST].iloc[0] == "Socks number 0\ncolour: red" and texts[REST].iloc[3] == "Socks number 3"
    assert texts["about"].iloc[30] is None and texts[REST].iloc[30] is None
    assert list(texts["note"].index) == list(values.index)
    loaded = Nested(COLUMN).restore(fitted.state())
    assert loaded.text_keys == fitted.text_keys
    for key, text in loaded.texts(values).items():
        assert text.tolist() == texts[key].tolist()


def test_titles_are_for_people() -> None:
    rows = [{"filters": {"Цвет": "a", "ship_from": "b"}, "custom": {"Цвет": "c"}}] * 3
    _, _, fitted = fit_transform(rows)
    assert fitted.title_of("filters.ship_from") == "ship from"
    assert fitted.title_of("filters.Цвет") == "filters › Цвет"


def test_a_cell_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import featurizers.nested_flattening as module

    parsed: list[object] = []

    def read(value: object) -> object:
        parsed.append(value)
        return read_nested(value)

    monkeypatch.setattr(module, "read_nested", read)
    monkeypatch.setattr(module, "_CACHE", module._Cache())
    values = pd.Series([repr({"a": i, "b": "a text of many words " * 9}) for i in range(50)])
    fitted = Nested(COLUMN).fit(values, Surroundings())
    fitted.transform(values, Surroundings())
    fitted.texts(values)
    assert len(parsed) == 50
    monkeypatch.setattr(module, "_CACHE", module._Cache())
    monkeypatch.setattr(module, "CACHED_CHARACTERS", 2000)
    fitted.transform(values, Surroundings())
    assert len(module._CACHE._young) + len(module._CACHE._old) <= 4, "the cache is bounded"
