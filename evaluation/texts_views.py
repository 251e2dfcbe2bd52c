"""Sentences of the section on what each kind of input adds, in English and Russian; part of ``texts.TEXTS``."""

from __future__ import annotations

VIEWS_TEXTS: dict[str, dict[str, str]] = {
    "views": {"en": "What each input adds", "ru": "Что добавляет каждый вид данных"},
    "views_intro": {
        "en": "{metric}, {direction}, on {n} rows. The best of each kind of input; whiskers are 95% intervals. "
        "Differences are paired, over the same rows. Sums are blends of models of single inputs (late fusion): a pair "
        "is compared with the blend of all three, so that what is added is the third input. The model over {all} also "
        "sees how inputs go together.",
        "ru": "{metric}, {direction}, строк: {n}. Лучшее по каждому виду данных; усы — 95%‑е интервалы. Разности — "
        "парные, на тех же строках. Суммы — смеси моделей по отдельным видам (поздняя смесь): пара сравнивается со "
        "смесью трёх, и разность — вклад третьего вида. Модель «{all}» видит ещё и то, как виды данных сочетаются.",
    },
    "views_difference": {"en": "Difference", "ru": "Разность"},
    "views_against": {"en": "to {view}", "ru": "с: {view}"},
    "views_adds": {
        "en": "The {view} adds {low} to {high} to the {rest} ({gain} in these rows).",
        "ru": "{view} добавляет от {low} до {high} к остальному ({rest}); на этих строках {gain}.",
    },
    "views_unclear": {
        "en": "Whether the {view} adds to the {rest} is not clear: {gain}, with an interval of {low} to {high}.",
        "ru": "{view}: неясно, добавляет ли что-то к остальному ({rest}): {gain}, интервал от {low} до {high}.",
    },
    "views_nothing": {
        "en": "The {view} adds nothing to the {rest}: the blend of all leaves it out.",
        "ru": "{view} ничего не добавляет к остальному ({rest}): в смеси всех его вес — ноль.",
    },
    "views_harms": {
        "en": "With the {view}, the result is worse than with the {rest} alone: {gain} ({low} to {high}).",
        "ru": "{view}: с ним хуже, чем без него ({rest}): {gain} (от {low} до {high}).",
    },
    "views_no_interval": {
        "en": "The {view} adds {gain} to the {rest} in these rows; there are too few to say how sure that is.",
        "ru": "{view} добавляет {gain} к остальному ({rest}); строк слишком мало, чтобы судить о надёжности.",
    },
    "views_one": {
        "en": "The model has one kind of input only, so there is nothing to compare.",
        "ru": "У модели один вид данных, сравнивать нечего.",
    },
    "views_unfitted": {
        "en": "The time did not suffice for a model of each kind of input alone, so there is nothing to compare. Fit "
        "with a larger budget.",
        "ru": "Времени не хватило на модели отдельных видов данных, сравнивать нечего. Обучите с большим бюджетом.",
    },
    "views_old": {
        "en": "This run kept no scores of single inputs: it was made by an older version, or has several activities. "
        "Fit it again to compare them.",
        "ru": "В этом запуске нет оценок по отдельным видам данных: он сделан прежней версией или в нём несколько "
        "целей. Обучите заново, чтобы сравнить их.",
    },
    "views_sampled": {
        "en": "Measured on {n} of the rows, drawn by chance.",
        "ru": "Измерено на части строк, взятых случайно: {n}.",
    },
    "measure_score": {"en": "Score", "ru": "Оценка"},
    "and": {"en": "and", "ru": "и"},
}
