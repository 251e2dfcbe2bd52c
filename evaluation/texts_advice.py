"""Sentences of the advice page, in English and Russian."""

from __future__ import annotations

ADVICE_TEXTS: dict[str, dict[str, str]] = {
    "advice_page": {"en": "Advice", "ru": "Советы"},
    "advice_now": {"en": "Prediction as it is: {value}", "ru": "Предсказание сейчас: {value}"},
    "advice_now_rows": {
        "en": "Mean prediction of {n} rows as they are: {value}",
        "ru": "Среднее предсказание сейчас по строкам ({n}): {value}",
    },
    "advice_now_sample": {
        "en": "Mean prediction of {n} rows as they are, drawn from {all}: {value}",
        "ru": "Среднее предсказание сейчас по случайно выбранным строкам ({n} из {all}): {value}",
    },
    "advice_of_class": {"en": "class “{label}”", "ru": "класс «{label}»"},
    "advice_list": {"en": "What to change", "ru": "Что изменить"},
    "advice_intro": {
        "en": "Each change was really made, and the row was read and predicted again. The interval (90 %) tells how "
        "unsure the model is of the effect.",
        "ru": "Каждое изменение было действительно сделано, после чего строка заново прочитана и предсказана. "
        "Интервал (90 %) показывает, насколько модель не уверена в эффекте.",
    },
    "advice_promise": {
        "en": "This is what the model expects from the rows that it has seen - a connection that holds when all else "
        "that it knows of a row stays the same. It is not a promise.",
        "ru": "Это ожидание модели по тем строкам, которые она видела, — связь, которая сохраняется, когда всё "
        "остальное, что известно о строке, остаётся прежним. Это не обещание.",
    },
    "advice_none": {
        "en": "There is no advice: nothing that was tried is sure enough to help. The reasons stand below.",
        "ru": "Нет советов: ни одно из опробованных изменений не помогает достаточно надёжно. Причины — ниже.",
    },
    "advice_gain": {"en": "{before} → {after}", "ru": "{before} → {after}"},
    "advice_interval": {"en": "change {gain} ({low} to {high})", "ru": "изменение {gain} (от {low} до {high})"},
    "advice_rows": {"en": "possible in {n} of the rows", "ru": "возможно в строках: {n}"},
    "advice_observed": {
        "en": "Observed in {n} pairs of rows that are otherwise alike: where “{quantity}” is near {after}, the outcome "
        "differs by {difference} ({low} to {high}) from where it is near {before}.",
        "ru": "Наблюдалось в парах похожих в остальном строк ({n}): где «{quantity}» около {after}, результат "
        "отличается на {difference} (от {low} до {high}) от тех, где около {before}.",
    },
    "advice_observed_flag": {
        "en": "Observed in {n} pairs of rows that are otherwise alike: with “{quantity}” the outcome differs by "
        "{difference} ({low} to {high}) from without.",
        "ru": "Наблюдалось в парах похожих в остальном строк ({n}): где «{quantity}», результат отличается на "
        "{difference} (от {low} до {high}) от тех, где этого нет.",
    },
    "advice_not_observed": {
        "en": "Too few rows with and without it (“{quantity}”) are alike in all else, so no observed outcomes stand "
        "beside the model's estimate.",
        "ru": "Слишком мало строк с этим и без этого («{quantity}»), похожих во всём остальном, поэтому рядом с "
        "оценкой модели нет наблюдений.",
    },
    "advice_not_shown": {
        "en": "No single quantity of a row shows this change, so there are no rows with and without it to compare.",
        "ru": "Ни одна величина строки не показывает это изменение, поэтому сравнить строки с ним и без него нельзя.",
    },
    "points": {"en": "{n} points", "ru": "{n} п. п."},
    "advice_was": {"en": "Now", "ru": "Сейчас"},
    "advice_becomes": {"en": "Changed", "ru": "После"},
    "advice_together": {"en": "Several changes together", "ru": "Несколько изменений вместе"},
    "advice_together_intro": {
        "en": "Made one upon the other, each with what it adds to those before it. In all {before} → {after}.",
        "ru": "Сделанные одно за другим; у каждого — что оно добавляет к предыдущим. Вместе {before} → {after}.",
    },
    "advice_withheld": {"en": "What was tried and is not advised", "ru": "Что опробовано и не советуется"},
    "advice_withheld_none": {
        "en": "No other change was possible.",
        "ru": "Других изменений сделать было нельзя.",
    },
    "advice_unseen": {
        "en": "would make a row unlike all training rows, so that the model could only guess: {n}",
        "ru": "сделали бы строку непохожей на все обучающие, и модель могла бы только гадать: {n}",
    },
    "advice_unsure": {
        "en": "may help, but the model could be wrong by as much: {n}",
        "ru": "могли бы помочь, но модель может ошибаться на столько же: {n}",
    },
    "advice_placebo": {
        "en": "look good, but failed the placebo test: {n}",
        "ru": "выглядят полезными, но не прошли плацебо-тест: {n}",
    },
    "advice_worse": {
        "en": "would make it worse, or change nothing: {n}",
        "ru": "сделали бы хуже или ничего не изменили бы: {n}",
    },
    "advice_placebo_test": {
        "en": "Placebo test: the same changes were tried on {n_placebos} models of a shuffled outcome, which can find "
        "nothing but chance. A change is shown only if effects as large are found by at most {most} of them. Withheld "
        "for this alone: {withheld}.",
        "ru": "Плацебо-тест: те же изменения опробованы на моделях перемешанного результата ({n_placebos}), которые "
        "могут найти только случайность. Изменение показано, только если столь же большой эффект находят не более "
        "{most} из них. Не показано лишь по этой причине: {withheld}.",
    },
    "advice_behind": {
        "en": "Intervals are of {n_versions} models that each lack a part of the rows.",
        "ru": "Интервалы — по моделям, у каждой из которых нет части строк ({n_versions}).",
    },
}
