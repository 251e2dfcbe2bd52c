"""Sentences of the advice page, in English and Russian."""

from __future__ import annotations

ADVICE_TEXTS: dict[str, dict[str, str]] = {
    "advice_page": {"en": "Advice", "ru": "Советы"},
    "advice_now": {"en": "Prediction as it is: {value}", "ru": "Предсказание сейчас: {value}"},
    "advice_now_rows": {
        "en": "Mean prediction of {n} rows as they are: {value}",
        "ru": "Среднее предсказание сейчас по строкам ({n}): {value}",
    },
    "advice_of_class": {"en": "class “{label}”", "ru": "класс «{label}»"},
    "advice_list": {"en": "What to change", "ru": "Что изменить"},
    "advice_intro": {
        "en": "Each change was really made, and the row was read and predicted again. The interval tells how much "
        "models of different parts of the rows disagree. This is what the model expects from what it has seen - an "
        "association held against everything else it knows of a row, not a promise.",
        "ru": "Каждое изменение было действительно сделано, а строка заново прочитана и предсказана. Интервал "
        "показывает, насколько расходятся модели разных частей строк. Это ожидание модели по тому, что она видела, — "
        "связь с учётом всего остального, что известно о строке, а не обещание.",
    },
    "advice_none": {
        "en": "There is no advice that the model is sure enough of.",
        "ru": "Нет советов, в которых модель достаточно уверена.",
    },
    "advice_gain": {"en": "{before} → {after}", "ru": "{before} → {after}"},
    "advice_interval": {"en": "change {gain} ({low} to {high})", "ru": "изменение {gain} (от {low} до {high})"},
    "advice_rows": {"en": "possible in {n} of the rows", "ru": "возможно в строках: {n}"},
    "advice_observed": {
        "en": "Observed: {n} rows that are so, against rows that are alike but not so: {difference} ({low} to {high}).",
        "ru": "Наблюдается: строки, где это так ({n}), против похожих, где не так: {difference} (от {low} до {high}).",
    },
    "advice_not_observed": {
        "en": "Too few rows to compare what was observed with and without it.",
        "ru": "Слишком мало строк, чтобы сравнить наблюдения с этим и без этого.",
    },
    "points": {"en": "{n} points", "ru": "{n} п. п."},
    "advice_was": {"en": "Now", "ru": "Сейчас"},
    "advice_becomes": {"en": "Changed", "ru": "После"},
    "advice_together": {"en": "Several changes together", "ru": "Несколько изменений вместе"},
    "advice_together_intro": {
        "en": "Made one upon the other, each with what it adds to those before it. In all {before} → {after}.",
        "ru": "Сделанные одно за другим; у каждого — что оно добавляет к предыдущим. Вместе {before} → {after}.",
    },
    "advice_withheld": {"en": "What is not advised", "ru": "Что не советуется"},
    "advice_withheld_none": {"en": "No other change was possible.", "ru": "Других изменений не было возможно."},
    "advice_unseen": {
        "en": "{n} changes lead to where the training rows have nothing like it, so the model would guess",
        "ru": "изменений: {n} — ведут туда, где в обучении не было ничего похожего, и модель бы гадала",
    },
    "advice_unsure": {
        "en": "{n} changes would help by no more than the model is unsure of",
        "ru": "изменений: {n} — помогли бы лишь в пределах того, в чём модель не уверена",
    },
    "advice_placebo": {
        "en": "{n} changes look good, but models of a shuffled outcome find as much by chance",
        "ru": "изменений: {n} — выглядят полезными, но модели перемешанного результата находят столько же случайно",
    },
    "advice_worse": {
        "en": "{n} changes would make it worse, or change nothing",
        "ru": "изменений: {n} — сделали бы хуже или ничего не изменили",
    },
    "advice_behind": {
        "en": "Behind each number stand {n_versions} models that each lack a part of the rows, and {n_placebos} models "
        "of a shuffled outcome for the placebo test.",
        "ru": "За каждым числом стоят модели без части строк ({n_versions}) и модели перемешанного результата для "
        "плацебо-теста ({n_placebos}).",
    },
}
