"""What is planted in the demo shop: effects on the log-odds of a click, and things without any effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import ArtifactError
from artifacts.schema import Title
from artifacts.store import read_json, write_json
from artifacts.tables import read_parquet

TRUTH_FILE = "truth.json"
ROWS_FILE = "truth.parquet"


@dataclass(frozen=True)
class PlantedEffect:
    """A cause of clicks.

    ``factor`` is a column of ``DemoTruth.rows``, ``column`` the source column where a model can see
    it, ``feature`` the quantity that should show it (None: only an embedding can). A step of
    ``step`` (say, +0.1 of mean luma) adds ``size`` to the log-odds; at ``centre`` nothing is added.
    With ``levels`` the factor is a category and ``size`` the gap between the extreme levels.
    """

    factor: str
    column: str
    feature: str | None
    direction: str  # raises | lowers | differs
    size: float
    description: Title
    step: float = 1.0
    centre: float = 0.0
    levels: Mapping[str, float] = field(default_factory=dict)

    def log_odds(self, values: pd.Series[Any]) -> NDArray[np.float64]:
        """What the factor adds to the log-odds of each row; a missing value adds 0."""
        if self.levels:
            return np.array([self.levels.get(str(value), 0.0) for value in values])
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        return np.nan_to_num(self.size * (numbers - self.centre) / self.step)


@dataclass(frozen=True)
class Placebo:
    """A thing that varies, independently of every cause, and has no effect at all."""

    factor: str
    column: str
    feature: str | None
    description: Title


@dataclass(frozen=True)
class Proxy:
    """A measurable quantity without an effect of its own that moves with the cause ``follows``."""

    feature: str
    column: str
    follows: str
    description: Title


@dataclass(frozen=True)
class Confounder:
    """Two causes that are correlated, so that each seems weaker or stronger where the other is left out."""

    factors: tuple[str, str]
    correlation: float
    description: Title


BASE_RATE = 0.10  # of a card whose every factor is at its centre
NOISE_SD = 0.15  # of the log-odds, by row: what no model can know
PRICE_CENTRE = 5.5  # log2 of the price, about 45
PRICE_BRIGHTNESS_CORRELATION = 0.2

EFFECTS = (
    PlantedEffect(
        "photo_brightness", "photo", "photo__brightness", "raises", 0.3,
        Title("Bright photos are clicked more: +0.1 of mean luma (0..1) adds 0.3",
              "Светлые фото кликают чаще: +0.1 средней яркости (0..1) добавляет 0.3"),
        step=0.1, centre=0.55,
    ),
    PlantedEffect(
        "photo_kind", "photo", None, "differs", 0.8,
        Title("Kinds of product differ; the kind is visible in the photo only",
              "Виды товаров различаются; вид товара виден только на фото"),
        levels={"bag": 0.4, "shoe": 0.2, "shirt": 0.0, "cup": -0.2, "lamp": -0.4},
    ),
    PlantedEffect(
        "title_words", "title", "title__words", "lowers", -0.07,
        Title("Short titles are clicked more: each word takes 0.07; an empty title counts as 16 words",
              "Короткие названия кликают чаще: каждое слово отнимает 0.07; пустое считается как 16 слов"),
        centre=9.0,
    ),
    PlantedEffect(
        "season_filled", "characteristics", "characteristics__season", "raises", 0.6,
        Title("A filled-in season adds 0.6, whatever its value",
              "Заполненный сезон добавляет 0.6, каким бы он ни был"),
        centre=0.6,
    ),
    PlantedEffect(
        "price_log2", "price", "price__value", "lowers", -0.35,
        Title("Cheap cards are clicked more: each doubling of the price takes 0.35",
              "Дешёвые товары кликают чаще: каждое удвоение цены отнимает 0.35"),
        centre=PRICE_CENTRE,
    ),
)  # fmt: skip

PLACEBOS = tuple(
    Placebo(factor, column, feature, Title(en, ru))
    for factor, column, feature, en, ru in (
        ("photo_contrast", "photo", "photo__contrast", "Contrast of the photo", "Контраст фото"),
        ("photo_saturation", "photo", "photo__saturation", "Colourfulness of the photo", "Насыщенность фото"),
        ("photo_blur", "photo", "photo__sharpness", "Blur of the photo", "Размытость фото"),
        ("photo_tilt", "photo", None, "Tilt of the product", "Наклон товара на фото"),
        ("photo_fill", "photo", None, "Share of the frame that the product fills", "Доля кадра, занятая товаром"),
        ("photo_format", "photo", "photo__aspect", "Portrait, square or landscape", "Вертикальное или горизонтальное"),
        ("photo_surface", "photo", None, "What the product lies on", "На чём лежит товар"),
        ("title_digits", "title", None, "Digits in the title", "Цифры в названии"),
        ("title_exclamations", "title", "title__exclamations", "Exclamation marks", "Восклицательные знаки"),
        ("title_emoji", "title", "title__emoji", "Emoji in the title", "Эмодзи в названии"),
        ("title_capitals", "title", None, "A title in capitals", "Название заглавными буквами"),
        ("description_sentences", "description", "description__sentences",
         "Length of the description", "Длина описания"),
        ("description_html", "description", "description__html_tags",
         "HTML tags in the description", "Теги HTML в описании"),
        ("description_question", "description", "description__questions",
         "A question in the description", "Вопрос в описании"),
        ("description_link", "description", "description__links", "A link in the description", "Ссылка в описании"),
        ("colour", "characteristics", "characteristics__colour", "Colour of the product", "Цвет товара"),
        ("material", "characteristics", "characteristics__material", "Material", "Материал"),
        ("weight_kg", "characteristics", "characteristics__weight", "Weight of the product", "Вес товара"),
        ("sizes_count", "characteristics", "characteristics__sizes", "Number of sizes", "Число размеров"),
        ("tags_count", "tags", None, "Number of tags", "Число тегов"),
        ("shop", "shop", None, "The shop", "Магазин"),
        ("published", "published", None, "Time of publication", "Время публикации"),
    )
)  # fmt: skip

PROXIES = tuple(
    Proxy(feature, column, follows, Title(en, ru))
    for feature, column, follows, en, ru in (
        ("photo__white_background", "photo", "photo_brightness",
         "The share of white pixels rises with exposure", "Доля белых пикселей растёт с яркостью"),
        ("title__characters", "title", "title_words",
         "More words have more letters", "Больше слов — больше букв"),
        ("title__sentence_length", "title", "title_words",
         "A title is one sentence, as long as its words are many", "Название — одно предложение из всех его слов"),
        ("title__digits_share", "title", "title_words",
         "A number weighs more in a short title", "В коротком названии число занимает большую долю"),
        ("title__capitals_share", "title", "title_words",
         "The capitals of names weigh more in a short title", "В коротком названии доля заглавных больше"),
        ("title__readability", "title", "title_words",
         "Long sentences count as harder to read", "Длинные предложения считаются трудными"),
        ("title__is_missing", "title", "title_words",
         "An empty title counts as the longest one", "Пустое название считается самым длинным"),
    )
)  # fmt: skip

FACTORS = (*(effect.factor for effect in EFFECTS), *(placebo.factor for placebo in PLACEBOS))

CONFOUNDERS = (
    Confounder(
        ("price_log2", "photo_brightness"),
        PRICE_BRIGHTNESS_CORRELATION,
        Title(
            "Dear cards have slightly brighter photos, so either effect seems weaker where the other is left out",
            "У дорогих товаров фото чуть светлее, поэтому каждый эффект без учёта другого кажется слабее",
        ),
    ),
)


@dataclass(frozen=True)
class DemoTruth:
    """The planted truth about a demo shop.

    ``rows`` has one row a card: ``card_id``, ``split`` (train | test), ``p`` (the probability that
    clicks were drawn with), ``p_best`` (the same without row noise: the best that a model can
    know), every factor of ``effects`` and ``placebos``, ``log_odds__{factor}`` for each effect, and two
    more things about photos: ``photo_state`` (ok, or how it is spoilt) and ``photo_whiteness``.
    """

    seed: int
    n_rows: int
    rows: pd.DataFrame = field(repr=False, compare=False)
    base_rate: float = BASE_RATE
    noise_sd: float = NOISE_SD
    effects: tuple[PlantedEffect, ...] = EFFECTS
    placebos: tuple[Placebo, ...] = PLACEBOS
    proxies: tuple[Proxy, ...] = PROXIES
    confounders: tuple[Confounder, ...] = CONFOUNDERS

    @property
    def test_probabilities(self) -> pd.Series[float]:
        """The true click probability of each test card, by ``card_id``."""
        return self.rows[self.rows["split"] == "test"].set_index("card_id")["p"]

    def save(self, folder: Path) -> None:
        """Write ``truth.json`` and ``truth.parquet``."""
        self.rows.to_parquet(folder / ROWS_FILE, index=False)
        values = {name: getattr(self, name) for name in ("seed", "n_rows", "base_rate", "noise_sd")}
        for name in ("effects", "placebos", "proxies", "confounders"):
            values[name] = [asdict(item) for item in getattr(self, name)]
        write_json(folder / TRUTH_FILE, values)

    @classmethod
    def load(cls, folder: Path) -> DemoTruth:
        """Read what ``save`` wrote.

        Raises:
            ArtifactError: if a file is missing or damaged.
        """
        values = read_json(folder / TRUTH_FILE)
        try:
            kinds = {"effects": PlantedEffect, "placebos": Placebo, "proxies": Proxy, "confounders": Confounder}
            for name, kind in kinds.items():
                values[name] = tuple(kind(**_with_tuples(item)) for item in values[name])
            return cls(rows=read_parquet(folder / ROWS_FILE), **values)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ArtifactError(
                f"The truth in {str(folder)!r} cannot be read ({type(error).__name__}: {error}). Expected a folder "
                "that make_demo_data wrote. Make the demo data again."
            ) from error


def _with_tuples(item: Mapping[str, Any]) -> dict[str, Any]:
    """Undo what JSON did to a planted thing: titles and tuples."""
    restored: dict[str, Any] = {**item, "description": Title(**item["description"])}
    if "factors" in restored:
        restored["factors"] = tuple(restored["factors"])
    return restored
