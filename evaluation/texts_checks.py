"""Texts about residuals, gains and single models, in English and Russian."""

from __future__ import annotations

CHECK_TEXTS: dict[str, dict[str, str]] = {
    "behind_picture": {"en": "The numbers behind the picture", "ru": "Числа, по которым построен рисунок"},
    "bin_interval": {"en": "90% interval", "ru": "90%‑й интервал"},
    "bin_interval_95": {"en": "95% interval", "ru": "95%‑й интервал"},
    # -- residuals
    "residuals": {"en": "Residuals by prediction", "ru": "Остатки по предсказанию"},
    "residuals_number": {
        "en": "Truth less prediction, against the prediction. The line is the median, the bands hold half and 90% of "
        "the rows, dots are single rows. A line away from zero is a lean; a band that widens, errors that grow.",
        "ru": "Действительность минус предсказание, в зависимости от предсказания. Линия — медиана, полосы содержат "
        "половину и 90% строк, точки — отдельные строки. Линия в стороне от нуля — перекос; расширение полосы — рост "
        "ошибок.",
    },
    "residuals_plain_rate": {
        "en": "Observed less predicted rate, against the prediction. The line is the median, the bands hold half and "
        "90% of the rows, dots are single rows.",
        "ru": "Наблюдавшаяся доля минус предсказанная, в зависимости от предсказания. Линия — медиана, полосы содержат "
        "половину и 90% строк, точки — отдельные строки.",
    },
    "residuals_rate": {
        "en": "Observed less predicted rate in standard errors of the row's trials, against the prediction. The line "
        "is the median, the bands hold half and 90% of the rows, dots are single rows. If trials were all that varied, "
        "90% would lie within ±1.64.",
        "ru": "Наблюдавшаяся доля минус предсказанная, в стандартных ошибках по числу показов строки, в зависимости от "
        "предсказания. Линия — медиана, полосы содержат половину и 90% строк, точки — отдельные строки. Если бы "
        "случайны были только показы, 90% лежали бы в пределах ±1,64.",
    },
    "dispersion_more": {
        "en": "The squares are {times} times what chance in the trials gives: rows differ by things that the model "
        "does not know.",
        "ru": "Квадраты остатков в {times} раза больше, чем даёт случайность показов: строки различаются тем, чего "
        "модель не знает.",
    },
    "dispersion_same": {
        "en": "The squares are {times} times what chance in the trials gives: there is little left to explain.",
        "ru": "Квадраты остатков — {times} от того, что даёт случайность показов: объяснять почти нечего.",
    },
    "dispersion_less": {
        "en": "The squares are {times} times what chance in the trials gives. Less than 1 is unusual: are these "
        "counts?",
        "ru": "Квадраты остатков — {times} от того, что даёт случайность показов. Меньше 1 бывает редко: это точно "
        "счётчики?",
    },
    "residual_share": {"en": "{share} lie below", "ru": "{share} лежат ниже"},
    # -- gains
    "gains": {"en": "What the highest predictions hold", "ru": "Что дают самые высокие предсказания"},
    "gains_binary": {
        "en": "Rows in the order of the predicted probability: what share of all «{target}» is among the first.",
        "ru": "Строки по убыванию предсказанной вероятности: какая доля всех «{target}» приходится на первые.",
    },
    "gains_conversion": {
        "en": "Rows in the order of the predicted rate: what share of all successes comes from the first trials.",
        "ru": "Строки по убыванию предсказанной доли: какая часть всех успехов приходится на первые показы.",
    },
    "gains_regression": {
        "en": "Rows in the order of the prediction: what share of the target's sum is in the first.",
        "ru": "Строки по убыванию предсказания: какая доля суммы целевой величины приходится на первые.",
    },
    "gains_multilabel": {
        "en": "Pairs of row and label in the order of the predicted probability: what share of all labels is among "
        "the first.",
        "ru": "Пары строки и метки по убыванию предсказанной вероятности: какая доля всех меток приходится на первые.",
    },
    "gains_right": {
        "en": "If only the rows were decided that the model is surest of: what share of them would be right.",
        "ru": "Если решать только по строкам, в которых модель увереннее всего: какая доля ответов была бы верной.",
    },
    "gains_none": {
        "en": "The target is negative in some rows, so that its sum has no shares to be gained.",
        "ru": "В некоторых строках цель отрицательна, поэтому долей её суммы не бывает.",
    },
    "gains_model": {"en": "this model, with its 90% interval", "ru": "эта модель, с 90%‑м интервалом"},
    "gains_ideal": {"en": "order of the truth", "ru": "порядок по действительности"},
    "gains_base": {"en": "order by chance", "ru": "случайный порядок"},
    "gains_all": {"en": "share of right answers over all rows", "ru": "доля верных по всем строкам"},
    "gains_share": {"en": "The first", "ru": "Первые"},
    "gains_value": {"en": "hold", "ru": "содержат"},
    "gains_value_right": {"en": "right", "ru": "верно"},
    "gains_lift": {"en": "against chance", "ru": "к случайному"},
    "times": {"en": "×\u00a0{n}", "ru": "×\u00a0{n}"},
    # -- each model
    "each_model": {"en": "Each model beside the truth", "ru": "Каждая модель и действительность"},
    "each_model_intro": {
        "en": "Skill is the share of a constant's loss that a model saves ({skill}): 0 is the constant (dashed), 1 is "
        "perfect. Lines are 95% intervals. Pictures are of the best candidate of each model, on the same rows; "
        "values beyond the ends are in the outer columns.",
        "ru": "Выигрыш — какую часть потерь константы модель устраняет ({skill}): 0 — константа (пунктир), 1 — без "
        "ошибок. Линии — 95%‑е интервалы. Рисунки — для лучшего кандидата каждой модели, на одних и тех же строках; "
        "значения за краями учтены в крайних столбиках.",
    },
    "skill_r2": {"en": "squared error, R²", "ru": "квадрат ошибки, R²"},
    "skill_likelihood": {"en": "log-likelihood", "ru": "логарифм правдоподобия"},
    "skill": {"en": "Skill", "ru": "Выигрыш"},
    "calibration_short": {"en": "off by {gap} on average", "ru": "в среднем расходится на {gap}"},
}
