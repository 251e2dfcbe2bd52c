"""One spelling for what counts as the same word: the heavy level of cleaning, for counting words alone.

Encoders read sentences, and statistics count marks, so neither gets texts from here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set

# Canonical unit: its spellings behind a number, in small letters and without dots.
UNITS: dict[str, tuple[str, ...]] = {
    "mm": ("mm", "мм", "миллиметр", "миллиметра", "миллиметров", "millimeter", "millimeters", "millimetres"),
    "cm": ("cm", "см", "сантиметр", "сантиметра", "сантиметров", "centimeter", "centimeters", "centimetres"),
    "m": ("m", "м", "метр", "метра", "метров", "meter", "meters", "metre", "metres"),
    "km": ("km", "км", "километр", "километра", "километров", "kilometers", "kilometres"),
    "inch": ("inch", "inches", "дюйм", "дюйма", "дюймов"),
    "ft": ("ft", "foot", "feet", "фут", "фута", "футов"),
    "sqm": ("m2", "м2", "кв", "sqm"),
    "mg": ("mg", "мг", "миллиграмм", "миллиграмма", "миллиграммов"),
    "g": ("g", "г", "гр", "грамм", "грамма", "граммов", "gram", "grams", "gr"),
    "kg": ("kg", "кг", "килограмм", "килограмма", "килограммов", "kilogram", "kilograms", "kgs"),
    "oz": ("oz", "ounce", "ounces", "унция", "унции", "унций"),
    "lb": ("lb", "lbs", "pound", "pounds", "фунт", "фунта", "фунтов"),
    "ml": ("ml", "мл", "миллилитр", "миллилитра", "миллилитров", "milliliter", "milliliters", "millilitres"),
    "l": ("l", "л", "литр", "литра", "литров", "liter", "liters", "litre", "litres"),
    "pcs": ("pcs", "pc", "piece", "pieces", "шт", "штук", "штука", "штуки"),
    "w": ("w", "вт", "ватт", "watt", "watts"),
    "v": ("v", "вольт", "volt", "volts"),
    "mah": ("mah", "мач"),
    "gb": ("gb", "гб", "гигабайт"),
    "tb": ("tb", "тб", "терабайт"),
    "h": ("h", "ч", "час", "часа", "часов", "hour", "hours", "hr", "hrs"),
    "min": ("min", "мин", "минут", "минута", "минуты", "minute", "minutes", "mins"),
    "month": ("month", "months", "mo", "mos", "мес", "месяц", "месяца", "месяцев"),
    "year": ("year", "years", "yr", "yrs", "год", "года", "лет"),
    "rub": ("rub", "₽", "руб", "рубль", "рубля", "рублей"),
}
_UNIT = {spelling: unit for unit, spellings in UNITS.items() for spelling in spellings}

# Each pattern is linear: what may repeat is possessive, and what follows shares no character with it.
_LINK = re.compile(r"\b(?:https?://(?:www\.)?|www\.)([^\s<>\"/?#:]++)[^\s<>\"]*+", re.IGNORECASE)
_REPEATED_MARK = re.compile(r"([^\w\s])\1++")
_STRETCHED = re.compile(r"([^\W\d_ixхw])\1\1++")  # sizes (xxxl), Roman numbers and www are no stretched words
_BY = re.compile(r"(?<=\d) ?[xх×*] ?(?=\d)")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_NUMBER = re.compile(r"\d++(?:[.x]\d++)*+")
_IS_NUMBER = re.compile(r"[\d.x]+")


def normal_form(text: str, stop_words: Set[str] = frozenset(), *, same_units: bool = True) -> str:
    """Words of a plain text in one spelling, separated by single spaces.

    Small letters, wide and narrow forms and Russian yo as one; links as their hosts; ``!!!!!!`` as ``!``,
    ``sooooo`` as ``so``; ``10 х 20`` and ``10×20`` as ``10x20``; decimal commas as points; glued numbers apart
    (``iPhone12Pro`` as ``iphone 12 pro``); ``stop_words``, given in this form, left out; with ``same_units``, units
    behind numbers in the spelling of ``UNITS`` (``100мл`` as ``100 ml``).
    """
    if "://" in text or "www." in text:
        text = _LINK.sub(r" \1 ", text)
    text = _same_letters(text)
    text = _STRETCHED.sub(r"\1", _REPEATED_MARK.sub(r"\1", text))
    text = _DECIMAL_COMMA.sub(".", _BY.sub("x", text))
    words = _NUMBER.sub(r" \g<0> ", text).split()
    if same_units:
        for i in range(1, len(words)):
            if words[i - 1][0].isdigit() and _IS_NUMBER.fullmatch(words[i - 1]):
                words[i] = _UNIT.get(words[i].rstrip(".,;:)"), words[i])
    return " ".join(word for word in words if word not in stop_words)


def normal_forms(stop_words: Set[str], texts: list[str]) -> list[str]:
    """``normal_form`` of each text, with units as they are written."""
    return [normal_form(text, stop_words, same_units=False) for text in texts]


def _same_letters(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
