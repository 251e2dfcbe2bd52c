"""Why a column is used as it is, in Russian: runs store the reason in English, as the inference gives it."""

from __future__ import annotations

import re

_COUNTS = r"(\d+) different values in (\d+) rows"
_COUNTS_RU = r"разных значений \1, строк \2"
_WORDS = _COUNTS + r", ([\d.]+) words on average"
_WORDS_RU = _COUNTS_RU + r", слов в среднем \3"

# What the inference says, and the same in Russian; the first that fits the whole reason.
_RUSSIAN: dict[str, str] = {
    r"named in the task": "назван в задаче",
    r"named in the task, but every value is missing": "назван в задаче, но все значения пропущены",
    r"named under ignore": "назван в ignore",
    r"the weight of the rows": "вес строк",
    r"the time of the rows": "время строк",
    r"the group of the rows": "группа строк",
    r"the id of the rows": "идентификатор строк",
    r"the id of the predictions' file of the rows": "идентификатор строк в файле предсказаний",
    r"the target is made of it": "из него получена цель",
    r"true or false": "да или нет",
    r"dates": "даты",
    r"dates written as text": "даты, записанные текстом",
    r"every value is missing": "все значения пропущены",
    r"every value is the same": "все значения одинаковы",
    _COUNTS + r": looks like an identifier": _COUNTS_RU + ": похоже на идентификатор",
    r"numbers with fractions": "дробные числа",
    r"the name says that its (\d+) numbers are codes": r"судя по имени, его числа (разных \1) — коды",
    r"whole numbers, (\d+) different ones": r"целые числа, разных \1",
    r"dictionaries, or lists of them": "словари или их списки",
    r"lists of plain values": "списки простых значений",
    r"(\d+%) of the texts are numbers": r"\1 текстов — числа",
    r"(\d+%) of the texts are numbers with (.+)": r"\1 текстов — числа с единицами \2",
    r"category paths with (.+) between the levels": r"пути категорий, между уровнями \1",
    r"short items between (.+) that come again in other rows": r"короткие элементы через \1, которые повторяются",
    r"texts: " + _WORDS: "тексты: " + _WORDS_RU,
    r"short values that come again: " + _WORDS: "короткие повторяющиеся значения: " + _WORDS_RU,
    r"path: the values end in (.+?)(, several in a cell)?": r"пути: значения оканчиваются на \1",
    r"base64: the values are photos in base64(, several in a cell)?": "фото в base64",
    r"bytes: the values are bytes of photos(, several in a cell)?": "байты фото",
    r"looks like another outcome, which is known only afterwards": "похоже на другой исход, известный лишь потом",
}


def reason_in(language: str, reason: str) -> str:
    """A reason in ``en`` or ``ru``; one that the inference does not give stays as it is."""
    if language == "ru":
        for pattern, russian in _RUSSIAN.items():
            found = re.fullmatch(pattern, reason)
            if found:
                return found.expand(russian)
    return reason
