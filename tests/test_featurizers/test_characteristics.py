from __future__ import annotations

import time
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from artifacts.errors import InputError
from artifacts.tables import read_parquet
from featurizers.characteristics import (
    KINDS,
    RULES,
    detect_kind,
    kind_of,
    normalise,
    normalise_all,
    size_numbers,
)

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

# level: spellings as they stand in cards of marketplaces; of several seasons at once none is the level
SPELLINGS: dict[str, dict[str | None, str]] = {
    "age": {
        "0+": "0+|3+|0-3 года|от 0 до 6 мес|12 months|6-12 мес.|0-12 месяцев|18 месяцев|от 1,5 лет|с 3-х лет"
        "|3-6 лет|до 6 лет|up to 3 years|under 3|для новорожденных|для детей|Для малышей|с рождения"
        "|без ограничений|для всех возрастов|All ages|Newborn|Toddler|3Y|24M|4 years and up|Ages 3-8"
        "|для дошкольников|2 года|5-7 лет|36 недель",
        "6+": "6+|от 6 лет|7-10 лет|для школьников|для младших школьников|Школьный возраст|school age|8 years"
        "|1-4 класс|10 лет|6 лет и старше|Ages 6+|Juniors|11+",
        "12+": "12+|для подростков|14+|13 лет|Teens|от 12 до 16 лет|Teenagers|12-15 years|7 класс|с 14 лет",
        "16+": "16+|от 16 лет|16-18 лет|для студентов|Youth|17 years",
        "18+": "18+|Взрослые|для взрослых|Adult|старше 18 лет|21+|25-45 лет|18 years and older",
        None: "98 см|5 шт|2020|красный||не указано",
    },
    "sex": {
        "male": "Мужской|мужской|для мужчин|Мужчинам|муж.|М|Men|Men's|Male|mens|Для мужчины|Man"
        "|парням, мужчинам|Gents",
        "female": "Женский|Женское|для женщин|жен.|Ж|Women|Women's|Female|Ladies|девушкам|Для беременных|Womens",
        "boys": "Мальчики|для мальчиков|Мальчик|Boys|Boy's|boy|Мальчишкам",
        "girls": "Девочки|для девочек|Девочка|Girls|girl|Kids: girls|девчачий",
        "unisex": "Унисекс|Unisex|uni-sex|Для всех|Мужской, женский|для мальчиков и девочек|Детский|Kids|любой"
        "|Мужской/Женский|Men, Women|UNISEX ADULT|Boys & Girls",
        None: "хлопок|mental|women2men|не указан|",
    },
    "season": {
        "winter": "Зима|зимний|зимняя|Winter|на зиму|ЗИМА|зимние|еврозима",
        "spring": "Весна|весенний|Spring|весенняя коллекция",
        "summer": "Лето|летний|летняя|Summer|на лето|летние",
        "autumn": "Осень|осенний|Fall|Autumn|осенняя",
        None: "6 лет|летучий|хлопок||демисезон|весна-лето|круглогодичный",
    },
    "fragility": {
        "fragile": "Хрупкий|хрупкое|да|Да|Хрупкий товар|Fragile|yes|стеклянный|бьющийся|Handle with care|керамика"
        "|true",
        "not fragile": "Не хрупкий|нехрупкое|нет|Нет|не хрупкое|Not fragile|Non-fragile|небьющийся|no"
        "|ударопрочное стекло|unbreakable|прочный|не бьется",
        None: "синий|12",
    },
    "colour": {
        "black": "Черный|чёрный|Black|черная|Jet Black|антрацит|чорный|ЧЕРНЫЙ МАТОВЫЙ|графитовый|черный/белый",
        "white": "Белый|белоснежный|White|Off White|молочный|Ivory|белая",
        "grey": "Серый|светло-серый|Темно-серый|Grey|Gray|Grey Melange|Charcoal|серая меланж|Steel",
        "beige": "Бежевый|беж|кремовый|Beige|Cream|Tan|Nude|телесный|песочный|слоновая кость|Taupe|Skin",
        "brown": "Коричневый|шоколадный|Brown|Coffee Brown|темно-коричневый|Mushroom Brown|кофе|каштановый|Rust"
        "|espresso|венге",
        "red": "Красный|алый|бордовый|бордо|Red|Maroon|Burgundy|вишневый|тёмнокрасный|малиновый",
        "pink": "Розовый|нежно-розовый|Pink|фуксия|коралловый|Peach|Magenta|пудровый|персиковый|Hot Pink",
        "orange": "Оранжевый|Orange|апельсиновый|морковный|абрикосовый",
        "yellow": "Желтый|жёлтый|лимонный|Yellow|Mustard|горчичный",
        "green": "Зеленый|зелёный|хаки|салатовый|Olive|Lime Green|мятный|Fluorescent Green|изумрудный|Sea Green"
        "|оливковый",
        "blue": "Синий|тёмно-синий|темносиний|голубой|Navy Blue|Blue|бирюзовый|Teal|Turquoise Blue|джинсовый"
        "|морская волна|васильковый",
        "purple": "Фиолетовый|сиреневый|Purple|Lavender|лиловый|Mauve|баклажан|лавандовый",
        "metallic": "Золотой|серебристый|Gold|Silver|Bronze|Copper|Rose Gold|Metallic|золото|хром",
        "multicolour": "Мультиколор|разноцветный|Multi|многоцветный|Multicolor|в ассортименте|радуга|Assorted",
        "transparent": "Прозрачный|transparent|бесцветный|Clear",
        None: "бельё|серия|хлопок|сердце|",
    },
    "size": {
        "XS": "XS|xs|Extra small|X-Small",
        "S": "S|Small|s (44)|Размер S",
        "M": "M|m|Medium|размер M",
        "L": "L|Large|l",
        "XL": "XL|xl|X-Large|1XL",
        "XXL": "XXL|2XL|xx-large",
        "3XL": "3XL|XXXL",
        "one size": "One size|единый|Free Size|универсальный|безразмерный|ONESIZE",
        "42": "42|EU 42|42-44|42 RU|42 (27 см)",
        "38.5": "38,5|38.5",
        None: "в описании товара|US 9|10 см|men's|",
    },
    "country": {
        "Russia": "Россия|РФ|Российская Федерация|Russia|российский|Сделано в России|RU",
        "China": "Китай|КНР|China|Made in China|Гонконг|PRC|китайский",
        "Turkey": "Турция|Turkey|Türkiye|Турецкий",
        "Belarus": "Беларусь|Белоруссия|Республика Беларусь|Belarus",
        "Uzbekistan": "Узбекистан|Uzbekistan",
        "India": "Индия|India|Made in India",
        "South Korea": "Корея|Южная Корея|Республика Корея|South Korea|Korea",
        "USA": "США|USA|United States|Америка|US",
        "United Kingdom": "Великобритания|UK|Англия|England",
        "Germany": "Германия|Germany",
        "Italy": "Италия|Italy",
        "Vietnam": "Вьетнам|Vietnam",
        "Iran": "Иран",
        None: "хлопок|индиго|Франшиза|",
    },
}  # fmt: skip
CASES = [
    (kind, text, level)
    for kind, levels in SPELLINGS.items()
    for level, texts in levels.items()
    for text in texts.split("|")
]


def test_there_are_many_spellings() -> None:
    assert len(CASES) > 300 and set(SPELLINGS) == set(KINDS)
    assert {"male", "female", "boys", "girls", "unisex"} == {level.name for level in kind_of("sex").levels}
    assert len(kind_of("age").levels) == 5 and len(kind_of("season").levels) == 4
    assert len(kind_of("fragility").levels) == 2


@pytest.mark.parametrize(("kind", "text", "level"), CASES)
def test_spellings(kind: str, text: str, level: str | None) -> None:
    assert normalise(kind, text) == level


@pytest.mark.parametrize(
    ("text", "seasons"),
    [
        ("демисезон", "spring autumn"), ("Деми", "spring autumn"), ("весна-лето", "spring summer"),
        ("SS24", "spring summer"),
        ("Осень/Зима", "autumn winter"), ("осенне-зимний", "autumn winter"), ("FW 2023", "autumn winter"),
        ("Всесезонный", "winter spring summer autumn"), ("круглогодичный", "winter spring summer autumn"),
        ("на любой сезон", "winter spring summer autumn"), ("All-season", "winter spring summer autumn"),
        ("зима, демисезон", "winter spring autumn"), ("Зима", "winter"), ("мембрана", ""),
    ],
)  # fmt: skip
def test_several_seasons_at_once(text: str, seasons: str) -> None:
    assert normalise_all("season", text) == tuple(seasons.split())


def test_several_colours_and_sizes() -> None:
    assert normalise_all("colour", "сине-зелёный") == ("blue", "green")
    assert normalise_all("colour", "black / white") == ("black", "white")
    assert normalise_all("size", "S/M") == ("S", "M") and size_numbers("42-44, 46") == (42, 44, 46)
    assert size_numbers("38 (24,5 см)") == (38,) and size_numbers("10x20") == () and size_numbers("UK 8") == ()


def test_what_no_rule_knows_and_what_is_no_text() -> None:
    for kind in KINDS:
        for value in (None, float("nan"), b"\xff", object(), [], "\ud800", "🔥", "x" * 1000):
            assert normalise(kind, value) is None, (kind, value)
    with pytest.raises(InputError, match="kind of characteristic"):
        normalise("taste", "sweet")
    assert normalise("sex", b"\xd0\xb6\xd0\xb5\xd0\xbd\xd1\x81\xd0\xba\xd0\xb8\xd0\xb9") == "female"


def test_kinds_are_told_by_name_or_by_values() -> None:
    colours = Counter({"Красный": 5, "зелёный": 3, "непонятный": 2})
    assert detect_kind("Цвет", colours) == ("colour", 0.8)
    assert detect_kind("baseColour", Counter({"Navy Blue": 3, "x": 1})) == ("colour", 0.75)
    assert detect_kind("Оттенок чего-то", Counter({"Красный": 1, "другой": 3})) is None
    assert detect_kind("attributes", Counter({"Для мужчин": 5, "Для женщин": 5})) == ("sex", 1.0)
    assert detect_kind("Name", Counter({"Fila Men White Socks": 5, "Puma Women Red Shoe": 5})) is None
    assert detect_kind("Страна-производитель", Counter({"Индия": 5})) == ("country", 1.0)
    assert detect_kind("Возраст", Counter({"3+": 5, "12 лет": 1})) == ("age", 1.0)
    assert detect_kind("Количество", Counter({"3+": 5, "12": 1})) is None
    assert detect_kind("Размер упаковки", Counter({"10x20x30 см": 5})) is None
    assert detect_kind("anything", Counter()) is None


def test_the_table_names_every_word_once_in_a_kind() -> None:
    with RULES.open("rb") as file:
        table = tomllib.load(file)
    assert set(table) == set(KINDS)
    for name, rules in table.items():
        words = Counter(word for part in (*rules["level"], *rules.get("group", ())) for word in set(part["words"]))
        twice = {word for word, count in words.items() if count > 1}
        assert not twice, (name, twice)


def test_hostile_texts_take_no_time() -> None:
    started = time.process_time()
    for text in ("1" * 1_000_000, "до " * 300_000, "син" * 300_000, "- " * 500_000, "1-" * 500_000, "не " * 300_000):
        for kind in KINDS:
            normalise(kind, text)
    assert time.process_time() - started < 3


@pytest.mark.skipif(not SHARED.exists(), reason="the development sets are not there")
def test_coverage_on_real_columns() -> None:
    for name in ("fashion", "product_texts"):
        frame = read_parquet(SHARED / name / "train.parquet")
        for column, kind in (("gender", "sex"), ("season", "season"), ("baseColour", "colour")):
            counts = Counter(frame[column].dropna())
            found = detect_kind(column, counts)
            assert found is not None and found[0] == kind and found[1] > 0.99, (name, column, found)
    colours = read_parquet(SHARED / "babies_r_us" / "train.parquet")["colors"].dropna()
    found = detect_kind("colors", Counter(colours))
    assert found is not None and found[0] == "colour" and found[1] > 0.97, found
