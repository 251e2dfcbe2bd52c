"""Sentences of the sections on where a model fails, in English and Russian; part of ``texts.TEXTS``."""

from __future__ import annotations

ERRORS_TEXTS: dict[str, dict[str, str]] = {
    # -- slices
    "slices": {"en": "Where it is worse than elsewhere", "ru": "Где модель хуже, чем в среднем"},
    "slices_intro": {
        "en": "{looked} slices of {n} rows were looked at: values and their pairs, missing inputs, classes, groups of "
        "alike texts or photos. These have a larger loss than the other rows; of those shown, at most {level} are "
        "there by chance, on average (Benjamini-Hochberg over all that were looked at).",
        "ru": "Просмотрено срезов: {looked}, строк: {n}. Это значения и их пары, отсутствующие данные, классы, группы "
        "похожих текстов и фото. У показанных потери больше, чем у остальных строк; случайных среди них в среднем не "
        "больше {level} (поправка Бенджамини — Хохберга на все просмотренные).",
    },
    "slices_none": {
        "en": "Nowhere is it clearly worse than elsewhere: none of {looked} slices of {n} rows has a larger loss that "
        "is not explained by chance.",
        "ru": "Нигде не видно, что модель хуже, чем в среднем: ни у одного из срезов ({looked}; строк: {n}) потери не "
        "больше, чем могло выйти случайно.",
    },
    "slices_few": {
        "en": "There are too few rows ({n}) to look for slices.",
        "ru": "Строк слишком мало ({n}), чтобы искать срезы.",
    },
    "slices_grouped": {"en": "Whole groups were tested.", "ru": "Проверялись целые группы."},
    "slices_left_out": {
        "en": "{n} further conditions were not looked at.",
        "ru": "Ещё условий, которые не просматривались: {n}.",
    },
    "slice_and": {"en": "{first}, and {second}", "ru": "{first} и {second}"},
    "slice_loss": {
        "en": "Loss {ratio} times that of the other rows",
        "ru": "Потери в {ratio} раза больше, чем у остальных",
    },
    "slice_loss_only": {"en": "Loss {loss}, of the other rows {rest}", "ru": "Потери {loss}, у остальных {rest}"},
    "slice_score": {
        "en": "{metric} {score}, of the other rows {rest}",
        "ru": "{metric}: {score}, у остальных {rest}",
    },
    "slice_rows": {"en": "{n} rows ({share})", "ru": "строк: {n} ({share})"},
    "slice_chance": {"en": "corrected p-value {p}", "ru": "p-значение с поправкой: {p}"},
    "slice_also": {"en": "Much the same rows: {names}.", "ru": "Почти те же строки: {names}."},
    "slice_inside": {"en": "this slice", "ru": "этот срез"},
    "slice_rest": {"en": "other rows", "ru": "остальные строки"},
    "slice_mean_loss": {"en": "Mean loss", "ru": "Средние потери"},
    "condition_value": {"en": "{title}: {value}", "ru": "{title}: {value}"},
    "condition_equal": {"en": "{title} = {low}", "ru": "{title} = {low}"},
    "condition_low": {"en": "{title} low (to {high})", "ru": "{title} мало (до {high})"},
    "condition_middle": {"en": "{title} middling ({low} to {high})", "ru": "{title} средне (от {low} до {high})"},
    "condition_high": {"en": "{title} high (from {low})", "ru": "{title} много (от {low})"},
    "condition_yes": {"en": "{title}: yes", "ru": "{title}: да"},
    "condition_no": {"en": "{title}: no", "ru": "{title}: нет"},
    "condition_missing": {"en": "{title}: not given", "ru": "{title}: не указано"},
    "condition_absent": {"en": "{source}: none, or unreadable", "ru": "{source}: нет или не читается"},
    "condition_class": {"en": "true class: {value}", "ru": "истинный класс: {value}"},
    "condition_label": {"en": "has the label {value}", "ru": "есть метка {value}"},
    "condition_cluster": {
        "en": "{source}: alike rows, group {value} ({title})",
        "ru": "{source}: похожие строки, группа {value} ({title})",
    },
    # -- confused classes
    "confused": {"en": "What is taken for what", "ru": "Что с чем путают"},
    "confused_intro": {
        "en": "The pairs that are confused most often, with rows of both. Look whether a person could tell them apart, "
        "and by what: that is what the table, the text or the photo has to show.",
        "ru": "Пары, которые путают чаще всего, и строки каждого класса. Посмотрите, различил бы их человек и по чему: "
        "именно это должны показывать таблица, текст или фото.",
    },
    "confused_none": {"en": "Nothing was confused in these rows.", "ru": "На этих строках ничего не перепутано."},
    "confused_pair": {"en": "{first} and {second}", "ru": "{first} и {second}"},
    "confused_counts": {
        "en": "{first} taken for {second}: {n_first}, {second} for {first}: {n_second}; that is {share} of the {rows} "
        "rows that have either.",
        "ru": "{first} принято за {second}: {n_first}, {second} за {first}: {n_second}; это {share} строк, где есть "
        "один из них (всего {rows}).",
    },
    "confused_side": {"en": "{label}, taken for {other}", "ru": "{label}, принято за {other}"},
    "confused_right": {"en": "{label}, found as such", "ru": "{label}, определено верно"},
    # -- suspects
    "suspects": {"en": "Targets that look wrong", "ru": "Сомнительные значения цели"},
    "suspects_intro": {
        "en": "Rows whose label the model denies, and is as sure of another one as it usually is where that is right "
        "(confident learning). Some of these labels are wrong, others are rare but right: look before you change any.",
        "ru": "Строки, где модель не согласна с меткой и уверена в другой не меньше, чем обычно, когда та верна "
        "(confident learning). Часть таких меток ошибочна, часть — редкие, но верные: проверьте, прежде чем менять.",
    },
    "suspects_intro_numbers": {
        "en": "Rows whose outcome lies beyond the interval that errors of other rows allow, the farthest first. Some "
        "of these numbers are wrong, others are rare but right: look before you change any.",
        "ru": "Строки, где результат вне интервала, который допускают ошибки остальных строк, начиная с самых далёких. "
        "Часть чисел ошибочна, часть — редкие, но верные: проверьте, прежде чем менять.",
    },
    "suspects_unknown": {
        "en": "The back end of this run predicted no training rows out of fold, by which suspects are told.",
        "ru": "Движок этого запуска не предсказывал обучающие строки вне фолда, а без этого сомнительных не найти.",
    },
    "suspects_too_few": {
        "en": "Too few errors were seen to say what is too far.",
        "ru": "Ошибок слишком мало, чтобы сказать, что слишком далеко.",
    },
    "suspects_labels": {"en": "{n} of {rows} rows.", "ru": "Строк: {n} из {rows}."},
    "suspects_numbers": {
        "en": "{n} of {rows} rows lie beyond their {level} interval; {expected} would by chance.",
        "ru": "Вне интервала уровня {level} строк: {n} из {rows}; случайно вышло бы {expected}.",
    },
    "suspects_holdout": {"en": "Among the held-out rows", "ru": "Среди отложенных строк"},
    "suspects_test": {"en": "Among the test rows", "ru": "Среди тестовых строк"},
    "suspects_folds": {"en": "Among the rows out of fold", "ru": "Среди строк вне фолда"},
    "suspects_train": {"en": "Among the training rows, out of fold", "ru": "Среди обучающих строк, вне фолда"},
    "suspect_given": {"en": "Given", "ru": "Указано"},
    "suspect_likelier": {"en": "Likelier", "ru": "Вероятнее"},
    "suspect_allowed": {"en": "Allowed", "ru": "Допустимо"},
    "suspect_yes": {"en": "{label}: yes", "ru": "{label}: да"},
    "suspect_no": {"en": "{label}: no", "ru": "{label}: нет"},
}
