"""Texts of the model card, in English and Russian."""

from __future__ import annotations

CARD_TEXTS: dict[str, dict[str, str]] = {
    "card": {"en": "Model card", "ru": "Карточка модели"},
    "card_intro": {
        "en": "What this model predicts, from what, how well, and where not to trust it.",
        "ru": "Что предсказывает эта модель, по каким данным, насколько хорошо и где ей нельзя верить.",
    },
    "card_score": {"en": "Score", "ru": "Оценка"},
    "card_data": {"en": "Data", "ru": "Данные"},
    "card_rows": {"en": "Rows: {rows}.", "ru": "Строки: {rows}."},
    "card_split_test": {
        "en": "Scored on a file of its own, once, at the end.",
        "ru": "Оценка — на отдельном файле, один раз, в конце.",
    },
    "card_split_time": {
        "en": "The scored rows are the latest by {column}.",
        "ru": "Оцениваемые строки — самые поздние по столбцу {column}.",
    },
    "card_split_group": {
        "en": "Rows with the same {column} stay on one side of every split.",
        "ru": "Строки с одинаковым значением {column} всегда по одну сторону разбиения.",
    },
    "card_split_random": {
        "en": "The scored rows were drawn by chance; equal rows stay on one side of every split.",
        "ru": "Оцениваемые строки выбраны случайно; одинаковые строки всегда по одну сторону разбиения.",
    },
    "card_found": {"en": "Found in the data", "ru": "Найдено в данных"},
    "card_trust": {"en": "How far to trust a prediction", "ru": "Насколько верить предсказанию"},
    "card_gain": {
        "en": "The {share} with the highest predictions hold {value} ({interval}) of the outcome.",
        "ru": "На {share} с самыми высокими предсказаниями приходится {value} исхода ({interval}).",
    },
    "card_right": {
        "en": "Of the {share} of the rows that it is surest of, {value} are right ({interval}).",
        "ru": "Из {share} строк, в которых модель увереннее всего, верны {value} ({interval}).",
    },
    "card_leans": {"en": "What it leans on", "ru": "На что она опирается"},
    "card_fails": {"en": "Where it fails", "ru": "Где она ошибается"},
    "card_no_failures": {
        "en": "No slice of rows was found on which it is worse than on the others.",
        "ru": "Групп строк, на которых она хуже, чем на остальных, не найдено.",
    },
    "card_slice": {
        "en": "{name}: {n} rows, {metric} {score} against {rest} elsewhere.",
        "ru": "{name}: строк {n}, {metric} {score} против {rest} в остальных.",
    },
    "card_hardest": {
        "en": "Hardest classes (F1): {names}.",
        "ru": "Самые трудные классы (F1): {names}.",
    },
    "card_confused": {"en": "Taken for each other: {names}.", "ru": "Путают друг с другом: {names}."},
    "card_suspects": {
        "en": "Rows whose target looks wrong: {scored} of those scored, {training} of those trained on.",
        "ru": "Строк, в которых цель похожа на ошибку: {scored} среди оцениваемых, {training} среди обучающих.",
    },
    "card_encoders": {"en": "Pretrained encoders", "ru": "Предобученные кодировщики"},
    "card_no_encoders": {"en": "None was used.", "ru": "Не использовались."},
    "card_encoder": {"en": "Encoder", "ru": "Кодировщик"},
    "card_licence": {"en": "Licence of the weights", "ru": "Лицензия весов"},
    "card_licence_unknown": {"en": "not stated in its files", "ru": "в файлах не указана"},
    "card_limits": {"en": "Limits", "ru": "Ограничения"},
    "card_limit_likeness": {
        "en": "Scores are of rows from the same source as the training rows. For other shops, seasons, languages or "
        "audiences they say nothing.",
        "ru": "Оценка относится к строкам из того же источника, что и обучающие. О других магазинах, сезонах, языках "
        "и аудиториях она ничего не говорит.",
    },
    "card_limit_time": {
        "en": "The scored rows are not later than the training rows: if times change, expect worse.",
        "ru": "Оцениваемые строки не позже обучающих: если всё изменится, будет хуже.",
    },
    "card_limit_few": {
        "en": "Only {n} rows were scored: look at the intervals, not at the scores.",
        "ru": "Оценено лишь {n} строк: смотрите на интервалы, а не на оценки.",
    },
    "card_limit_constant": {
        "en": "It is not clearly better than predicting the same for every row.",
        "ru": "Она не заметно лучше одного и того же предсказания для всех строк.",
    },
    "card_limit_people": {
        "en": "Nothing was checked about fairness between people. Slices above are found by loss alone.",
        "ru": "Справедливость по отношению к людям не проверялась. Группы строк выше найдены только по ошибке.",
    },
    "card_limit_interrupted": {
        "en": "The search was stopped before its end.",
        "ru": "Поиск был остановлен раньше времени.",
    },
    "card_again": {"en": "How to make it again", "ru": "Как получить её снова"},
    "card_again_line": {
        "en": "The same data, versions and machine give the same numbers where the time was not what ended the search.",
        "ru": "На тех же данных, версиях и машине числа те же, если поиск закончился не по времени.",
    },
    "card_folds": {"en": "Folds", "ru": "Фолды"},
    "card_fingerprint": {"en": "Fingerprint of the scored rows", "ru": "Отпечаток оцениваемых строк"},
    "card_package": {"en": "Package", "ru": "Пакет"},
    "card_version": {"en": "Version", "ru": "Версия"},
}
