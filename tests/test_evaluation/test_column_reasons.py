from __future__ import annotations

import pytest

from evaluation.column_reasons import reason_in


@pytest.mark.parametrize(
    ("english", "russian"),
    [
        ("named in the task", "назван в задаче"),
        (
            "2 different values in 3 rows: looks like an identifier",
            "разных значений 2, строк 3: похоже на идентификатор",
        ),
        ("93% of the texts are numbers with ['₽', 'm']", "93% текстов — числа с единицами ['₽', 'm']"),
        ("path: the values end in .jpg, .png, several in a cell", "пути: значения оканчиваются на .jpg, .png"),
        ("texts: 9 different values in 10 rows, 4.5 words on average",
         "тексты: разных значений 9, строк 10, слов в среднем 4.5"),
        ("something that a later version says", "something that a later version says"),
        ("named in the task\n<b>", "named in the task\n<b>"),
    ],
)  # fmt: skip
def test_reasons_in_both_languages(english: str, russian: str) -> None:
    assert reason_in("ru", english) == russian and reason_in("en", english) == english
