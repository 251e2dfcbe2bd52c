"""Sentences of the comparison of runs, in English and Russian; part of ``evaluation.texts.TEXTS``."""

from __future__ import annotations

COMPARE_TEXTS: dict[str, dict[str, str]] = {
    "compare": {"en": "Comparison of runs", "ru": "Сравнение запусков"},
    "compare_name": {"en": "{runs} runs", "ru": "Запусков: {runs}"},
    "compare_name_tasks": {"en": "{runs} runs of {tasks} tasks", "ru": "Запусков: {runs}, задач: {tasks}"},
    "compare_rows_holdout": {"en": "on {n} held-out rows", "ru": "на отложенных строках ({n})"},
    "compare_rows_test": {"en": "on {n} test rows", "ru": "на тестовых строках ({n})"},
    "compare_scores": {"en": "Scores", "ru": "Оценки"},
    "compare_scores_intro": {
        "en": "{metric} ({direction}) of the final models, with 95% intervals; the dashed line is a constant "
        "({constant}). "
        "Intervals of two runs may overlap although one is surely better: see the paired differences.",
        "ru": "{metric} ({direction}) финальных моделей с 95%‑ми интервалами; пунктир — константа ({constant}). "
        "Интервалы "
        "двух запусков могут пересекаться, даже если один точно лучше: смотрите парные разности.",
    },
    "compare_run": {"en": "Run", "ru": "Запуск"},
    "compare_preset": {"en": "Preset", "ru": "Набор настроек"},
    "compare_score": {"en": "Score", "ru": "Оценка"},
    "compare_interval": {"en": "95% interval", "ru": "95%‑й интервал"},
    "compare_pairs": {"en": "Paired differences", "ru": "Парные разности"},
    "compare_pairs_intro": {
        "en": "The run of the row minus the run of the column, on the same rows, with the 95% interval of a paired "
        "bootstrap. Coloured where it leaves out zero: green where the run of the row is better, red where it is "
        "worse. "
        "Each is judged alone: of twenty equal pairs, one is coloured by chance.",
        "ru": "Запуск строки минус запуск столбца на одних и тех же строках, с 95%‑м интервалом парного бутстрепа. "
        "Цвет — "
        "где интервал не содержит нуля: зелёный — запуск строки лучше, красный — хуже. Каждая пара оценивается "
        "отдельно: из "
        "двадцати равных пар одна будет цветной случайно.",
    },
    "compare_alone": {
        "en": "This is the only run of this task, so there is nothing to compare it with.",
        "ru": "Это единственный запуск этой задачи, сравнить его не с чем.",
    },
    "compare_time": {"en": "Time against score", "ru": "Время и оценка"},
    "compare_time_intro": {
        "en": "Seconds of the whole fit, on a logarithmic scale, against the score with its interval. Numbers are "
        "the ranks "
        "in the table of scores. Seconds are those of the machine of each fit.",
        "ru": "Секунды всего обучения (логарифмическая шкала) и оценка с интервалом. Числа — места в таблице "
        "оценок. Секунды — "
        "той машины, на которой шёл запуск.",
    },
    "compare_seconds": {"en": "time of the fit", "ru": "время обучения"},
    "compare_settings": {"en": "What differs", "ru": "Чем запуски отличаются"},
    "compare_settings_intro": {
        "en": "Settings, data and versions that are not the same in all of these runs.",
        "ru": "Настройки, данные и версии, которые у этих запусков не одинаковы.",
    },
    "compare_settings_none": {
        "en": "Settings, data and versions are the same in all of these runs.",
        "ru": "Настройки, данные и версии у этих запусков одинаковы.",
    },
    "compare_setting": {"en": "Setting", "ru": "Настройка"},
    "compare_across": {"en": "Over all tasks", "ru": "По всем задачам"},
    "compare_across_intro": {
        "en": "Presets: {presets}; tasks that have all of them: {tasks}. The best on a task has rank 1; a win rate "
        "is the share of encounters with another preset on a task that were won, a tie counting half.",
        "ru": "Наборов настроек: {presets}, задач, где есть все они: {tasks}. Лучший на задаче получает ранг 1; "
        "доля побед — "
        "доля выигранных встреч с другим набором на одной задаче, ничья считается за половину.",
    },
    "compare_across_left_out": {
        "en": "Left out, because a preset is missing there: {tasks}.",
        "ru": "Не учтены, так как какого-то набора там нет: {tasks}.",
    },
    "compare_across_nothing": {
        "en": "No task has runs of two presets (or encoders, or budgets), so there is nothing to rank over tasks.",
        "ru": "Ни у одной задачи нет запусков с двумя наборами настроек (или кодировщиками, или бюджетами), поэтому "
        "сравнивать по задачам нечего.",
    },
    "compare_mean_rank": {"en": "Mean rank", "ru": "Средний ранг"},
    "compare_win_rate": {"en": "Win rate", "ru": "Доля побед"},
    "compare_tasks_few": {
        "en": "There is no critical difference: it needs 3 tasks with the same presets, and there are {n}.",
        "ru": "Критической разности нет: нужно 3 задачи с одними и теми же наборами настроек, а есть {n}.",
    },
    "compare_friedman_some": {
        "en": "The presets are not all equal (Friedman test, p = {p}). Presets whose mean ranks differ by less "
        "than {cd} (Nemenyi "
        "test at 5%), joined by a bar, are not told apart.",
        "ru": "Наборы не все равны (критерий Фридмана, p = {p}). Наборы, чьи средние ранги отличаются меньше чем "
        "на {cd} "
        "(критерий Неменьи, 5%), соединены полосой: они не различимы.",
    },
    "compare_friedman_none": {
        "en": "That all presets are equal is not refuted (Friedman test, p = {p}); differences of mean ranks below "
        "{cd} (Nemenyi "
        "test at 5%), joined by a bar, could be chance, and so could larger ones here.",
        "ru": "Равенство всех наборов не опровергнуто (критерий Фридмана, p = {p}); разности средних рангов меньше "
        "{cd} (критерий "
        "Неменьи, 5%), соединённые полосой, могут быть случайны, здесь — и бóльшие тоже.",
    },
    "compare_sign_some": {
        "en": "The two presets are not equal (sign test, p = {p}); the critical difference of mean ranks is {cd} "
        "(Nemenyi test at "
        "5%), and a bar joins what is not told apart.",
        "ru": "Два набора не равны (критерий знаков, p = {p}); критическая разность средних рангов — {cd} "
        "(критерий Неменьи, "
        "5%), полоса соединяет неразличимые.",
    },
    "compare_sign_none": {
        "en": "That the two presets are equal is not refuted (sign test, p = {p}); the critical difference of mean "
        "ranks is {cd} "
        "(Nemenyi test at 5%), and a bar joins what is not told apart.",
        "ru": "Равенство двух наборов не опровергнуто (критерий знаков, p = {p}); критическая разность средних "
        "рангов — {cd} "
        "(критерий Неменьи, 5%), полоса соединяет неразличимые.",
    },
    "compare_cd_plot": {"en": "Mean ranks and the critical difference", "ru": "Средние ранги и критическая разность"},
    "compare_cd": {"en": "critical difference {cd}", "ru": "критическая разность {cd}"},
    "setting_preset": {"en": "preset", "ru": "набор настроек"},
    "setting_budget": {"en": "budget", "ru": "бюджет"},
    "setting_encoder of texts": {"en": "encoder of texts", "ru": "кодировщик текстов"},
    "setting_encoder of photos": {"en": "encoder of photos", "ru": "кодировщик фото"},
    "setting_back end": {"en": "back end", "ru": "движок"},
    "setting_seed": {"en": "seed", "ru": "зерно"},
    "setting_number of folds": {"en": "number of folds", "ru": "число фолдов"},
    "setting_number of train": {"en": "training rows", "ru": "обучающих строк"},
    "setting_number of features": {"en": "number of features", "ru": "число признаков"},
    "setting_final model": {"en": "final model", "ru": "финальная модель"},
    "setting_interrupted": {"en": "interrupted", "ru": "прерван"},
    "setting_train data": {"en": "training data (hash)", "ru": "обучающие данные (хеш)"},
    "setting_test data": {"en": "test data (hash)", "ru": "тестовые данные (хеш)"},
    "setting_columns used": {"en": "columns used", "ru": "использованные столбцы"},
    "setting_task": {"en": "task: {name}", "ru": "задача: {name}"},
    "setting_version": {"en": "version of {name}", "ru": "версия {name}"},
}
