"""Every sentence of the reports, in English and Russian. One literal dict; a test keeps both sides whole."""

from __future__ import annotations

from evaluation.audit_wording import AUDIT_TEXTS
from evaluation.texts_advice import ADVICE_TEXTS
from evaluation.texts_card import CARD_TEXTS
from evaluation.texts_checks import CHECK_TEXTS
from evaluation.texts_clusters import CLUSTER_TEXTS
from evaluation.texts_compare import COMPARE_TEXTS
from evaluation.texts_errors import ERRORS_TEXTS
from evaluation.texts_explain import EXPLAIN_TEXTS
from evaluation.texts_groups import GROUP_TEXTS
from evaluation.texts_row import ROW_TEXTS
from evaluation.texts_views import VIEWS_TEXTS

TEXTS: dict[str, dict[str, str]] = {
    # -- the page
    "report": {"en": "Report", "ru": "Отчёт"},
    "contents": {"en": "Contents", "ru": "Содержание"},
    "predicts": {"en": "What is predicted", "ru": "Что предсказывается"},
    "footer": {
        "en": "One self-contained file: it loads nothing from the network and runs no scripts.",
        "ru": "Отчёт — один файл: он ничего не загружает из сети и не выполняет скриптов.",
    },
    "more": {"en": "Show {n} more", "ru": "Показать ещё {n}"},
    "left_out": {"en": "{n} more are not shown.", "ru": "Ещё {n} не показано."},
    "kind_regression": {"en": "number", "ru": "число"},
    "kind_binary": {"en": "yes or no", "ru": "да или нет"},
    "kind_multiclass": {"en": "one of several classes", "ru": "один из классов"},
    "kind_multilabel": {"en": "several labels", "ru": "несколько меток"},
    "kind_conversion": {"en": "conversion: successes out of trials", "ru": "конверсия: успехи из показов"},
    "view_all": {"en": "everything", "ru": "всё вместе"},
    "view_image": {"en": "photo", "ru": "фото"},
    "view_text": {"en": "text", "ru": "текст"},
    "view_table": {"en": "table", "ru": "таблица"},
    "view_joint": {"en": "photo and text together", "ru": "фото и текст вместе"},
    "split_folds": {"en": "folds", "ru": "фолды"},
    "split_holdout": {"en": "holdout", "ru": "отложенные"},
    "split_test": {"en": "test", "ru": "тест"},
    "split_train": {"en": "training", "ru": "обучение"},
    "interval": {"en": "{low} to {high}", "ru": "от {low} до {high}"},
    "constant": {"en": "Constant", "ru": "Константа"},
    "constant_named": {"en": "constant {value}", "ru": "константа {value}"},
    # -- headline
    "headline": {"en": "How good is it", "ru": "Насколько хорош результат"},
    "headline_rows_holdout": {
        "en": "On {n} held-out rows that the model never saw",
        "ru": "На отложенных строках, которых модель не видела ({n})",
    },
    "headline_rows_test": {
        "en": "On {n} test rows that the model never saw",
        "ru": "На тестовых строках, которых модель не видела ({n})",
    },
    "headline_rows_folds": {
        "en": "Out of fold, over {n} training rows",
        "ru": "Вне фолда, на обучающих строках ({n})",
    },
    "headline_rows_unknown": {
        "en": "On rows that the model never saw",
        "ru": "На строках, которых модель не видела",
    },
    "headline_sentence": {
        "en": "{where}, {metric} is {score} (95% interval {interval}). Predicting one constant for every row gives "
        "{constant}.",
        "ru": "{where}: {metric} — {score} (95%‑й интервал {interval}). Одно и то же предсказание для всех строк "
        "даёт {constant}.",
    },
    "headline_sentence_alone": {
        "en": "{where}, {metric} is {score} (95% interval {interval}). There is no constant to compare with.",
        "ru": "{where}: {metric} — {score} (95%‑й интервал {interval}). Сравнить с константой нельзя: её оценки нет.",
    },
    "headline_none": {
        "en": "No model was scored: every candidate failed. The leaderboard below says why.",
        "ru": "Оценки нет: все модели завершились ошибкой. Причины — в таблице ниже.",
    },
    "verdict_better": {"en": "Clearly better than a constant", "ru": "Заметно лучше константы"},
    "verdict_unclear": {"en": "Not clearly better than a constant", "ru": "Не видно, что лучше константы"},
    "verdict_worse": {"en": "Worse than a constant", "ru": "Хуже константы"},
    "higher": {"en": "higher is better", "ru": "больше — лучше"},
    "lower": {"en": "lower is better", "ru": "меньше — лучше"},
    "model_named": {"en": "Model: {model}", "ru": "Модель: {model}"},
    "other_measures": {"en": "Other measures of the same predictions", "ru": "Другие меры тех же предсказаний"},
    "measure": {"en": "Measure", "ru": "Мера"},
    "this_model": {"en": "This model", "ru": "Эта модель"},
    # -- leaderboard
    "leaderboard": {"en": "Leaderboard", "ru": "Таблица моделей"},
    "leaderboard_intro": {
        "en": "{metric}, {direction}. Lines are 95% intervals; the dashed mark is the constant.",
        "ru": "{metric}, {direction}. Линии — 95%‑е интервалы; пунктир — константа.",
    },
    "best_of_views": {"en": "The best with each kind of input", "ru": "Лучшее по каждому виду данных"},
    "model": {"en": "Model", "ru": "Модель"},
    "view": {"en": "Input", "ru": "Вход"},
    "back_end": {"en": "Back end", "ru": "Движок"},
    "run": {"en": "Run", "ru": "Запуск"},
    "fit_time": {"en": "Fit", "ru": "Обучение"},
    "predict_time": {"en": "Predict, ms a row", "ru": "Прогноз, мс на строку"},
    "failed": {"en": "Failed: {error}", "ru": "Ошибка: {error}"},
    "chosen": {"en": "chosen", "ru": "выбрана"},
    # -- modality, sources, factors
    "modality": {"en": "Photo, text or table?", "ru": "Фото, текст или таблица?"},
    "modality_intro": {
        "en": "How the model's mean absolute contribution divides, over {n} rows. Brackets are 90% intervals over "
        "rows.",
        "ru": "Как делится средний по модулю вклад в предсказания, по строкам: {n}. В скобках — 90%‑е интервалы по "
        "строкам.",
    },
    "modality_sentence": {
        "en": "The model leans most on {view}: {share} of its contributions.",
        "ru": "Сильнее всего модель опирается на {view}: {share} вклада.",
    },
    "leans_image": {"en": "photos", "ru": "фото"},
    "leans_text": {"en": "texts", "ru": "тексты"},
    "leans_joint": {"en": "how photos and texts go together", "ru": "то, как сочетаются фото и тексты"},
    "leans_table": {"en": "the table's characteristics", "ru": "характеристики из таблицы"},
    "association": {
        "en": "Contributions show what the model uses. They are associations in these data, not a promise that "
        "changing a thing changes the outcome.",
        "ru": "Вклады показывают, что использует модель. Это связи в этих данных, а не обещание, что изменение "
        "признака изменит результат.",
    },
    "not_explained": {"en": "There is no explanation in this report.", "ru": "Объяснения в этом отчёте нет."},
    "not_explained_because": {
        "en": "There is no explanation in this report: {reason}",
        "ru": "Объяснения в этом отчёте нет: {reason}",
    },
    "nothing_used": {
        "en": "The model uses nothing: it predicts the same for every row.",
        "ru": "Модель ничего не использует: предсказание одинаково для всех строк.",
    },
    "sources": {"en": "Strongest sources", "ru": "Самые сильные источники"},
    "sources_intro": {
        "en": "Everything that was made of a column, summed. The thin line is a 90% interval over rows.",
        "ru": "Всё, что получено из столбца, вместе. Тонкая линия — 90%‑й интервал по строкам.",
    },
    "single_features": {"en": "Single features", "ru": "Отдельные признаки"},
    "as_embedding": {"en": "{source}: content ({featurizer})", "ru": "{source}: содержание ({featurizer})"},
    "factors": {"en": "What the author controls", "ru": "На что может повлиять автор"},
    "factors_intro_probability": {
        "en": "The rate that the model sees at each value, for a row that is otherwise average (dashed). Bands and "
        "whiskers are 90% intervals over rows, with the model held fixed; grey bars show how many rows lie there.",
        "ru": "Доля, которую модель видит при каждом значении, если в остальном строка средняя (пунктир). Полосы и "
        "усы — 90%‑е интервалы по строкам при неизменной модели; серые столбики — сколько там строк.",
    },
    "factors_intro_link": {
        "en": "How much each value moves the prediction, in {unit}; the dashed line is no effect. Bands and whiskers "
        "are 90% intervals over rows, with the model held fixed; grey bars show how many rows lie there.",
        "ru": "Насколько каждое значение сдвигает предсказание ({unit}); пунктир — нет влияния. Полосы и усы — "
        "90%‑е интервалы по строкам при неизменной модели; серые столбики — сколько там строк.",
    },
    "factors_none": {
        "en": "The model uses no readable feature that is marked as controlled by the author (actionable).",
        "ru": "Модель не использует читаемых признаков, отмеченных как управляемые автором (actionable).",
    },
    "factor_probability": {
        "en": "From {low} at {worst} to {high} at {best}: the odds ×\u00a0{odds}.",
        "ru": "От {low} при «{worst}» до {high} при «{best}»: шансы ×\u00a0{odds}.",
    },
    "factor_link": {
        "en": "From {low} at {worst} to {high} at {best}.",
        "ru": "От {low} при «{worst}» до {high} при «{best}».",
    },
    "factor_flat": {"en": "One value only.", "ru": "Только одно значение."},
    "factor_output": {"en": "for the class {output}", "ru": "для класса {output}"},
    "factor_share": {"en": "{share} of the model", "ru": "{share} вклада"},
    "missing": {"en": "not given", "ru": "не указано"},
    "other_values": {"en": "other values", "ru": "прочие"},
    "rows": {"en": "Rows", "ru": "Строки"},
    "n_rows": {"en": "rows: {n}", "ru": "строк: {n}"},
    "unit_log-odds": {"en": "log-odds", "ru": "логарифм шансов"},
    "unit_logits": {"en": "logits", "ru": "логиты"},
    "unit_units of the target": {"en": "units of the target", "ru": "единицы цели"},
    # -- distribution
    "distribution": {"en": "Predictions beside the truth", "ru": "Предсказания и действительность"},
    "distribution_intro": {
        "en": "A model that has learned little predicts much the same everywhere, near the constant (dashed).",
        "ru": "Модель, которая мало чему научилась, всюду предсказывает почти одно и то же, около константы (пунктир).",
    },
    "spread": {"en": "How values are spread", "ru": "Как распределены значения"},
    "spread_binary": {
        "en": "Predicted probability of {target}, by true class",
        "ru": "Предсказанная вероятность «{target}» по истинным классам",
    },
    "spread_classes": {"en": "How often each class occurs", "ru": "Как часто встречается каждый класс"},
    "spread_labels": {"en": "How often each label occurs", "ru": "Как часто встречается каждая метка"},
    "labels_frequent": {
        "en": "Labels with enough training rows ({n}; {rows} times in these rows): micro F1 {score}.",
        "ru": "Метки, которых в обучении достаточно ({n}; в этих строках {rows} раз): микро-F1 {score}.",
    },
    "labels_rare": {
        "en": "Labels with too few training rows ({n}; {rows} times in these rows): micro F1 {score}.",
        "ru": "Метки, которых в обучении слишком мало ({n}; в этих строках {rows} раз): микро-F1 {score}.",
    },
    "not_defined": {"en": "not defined", "ru": "не определена"},
    "truth": {"en": "truth", "ru": "действительность"},
    "predicted": {"en": "predicted", "ru": "предсказание"},
    "reliability": {"en": "Predicted against observed", "ru": "Предсказано и наблюдалось"},
    "reliability_note": {
        "en": "On the diagonal, predictions can be taken at their word. Whiskers are 90% intervals.",
        "ru": "На диагонали предсказаниям можно верить буквально. Усы — 90%‑е интервалы.",
    },
    "confidence": {"en": "Confidence against being right", "ru": "Уверенность и доля верных"},
    "observed": {"en": "observed", "ru": "наблюдалось"},
    "not_in_run": {"en": "This run did not record it.", "ru": "В этом запуске это не записано."},
    "calibration_error": {
        "en": "On average predictions are {gap} off (expected calibration error).",
        "ru": "В среднем предсказания расходятся с наблюдениями на {gap} (ожидаемая ошибка калибровки).",
    },
    "coverage": {
        "en": "Intervals of {levels} held the outcome in {shares} of the rows.",
        "ru": "Интервалы {levels} содержали исход в {shares} строк.",
    },
    # -- classes
    "classes": {"en": "Classes one by one", "ru": "Классы по одному"},
    "classes_intro": {
        "en": "The hardest classes first. Found: the share of the class's rows that were given it; right: the share of "
        "rows given the class that have it.",
        "ru": "Сначала самые трудные. Найдено: какой части строк класса он и присвоен; верно: какая часть строк с этим "
        "ответом действительно его.",
    },
    "class": {"en": "Class", "ru": "Класс"},
    "class_recall": {"en": "Found", "ru": "Найдено"},
    "class_precision": {"en": "Right", "ru": "Верно"},
    "class_taken_title": {"en": "Most often taken for", "ru": "Чаще всего принимают за"},
    "class_taken": {"en": "{label} ({share})", "ru": "{label} ({share})"},
    # -- errors, findings, made
    "errors": {"en": "Where it is most wrong", "ru": "Где ошибка больше всего"},
    "errors_intro": {
        "en": "Rows with the largest loss, worst first. They often show wrong data or something that is not in the "
        "table.",
        "ru": "Строки с наибольшей ошибкой, начиная с худшей. Часто это ошибки в данных или то, чего нет в таблице.",
    },
    "true_value": {"en": "True", "ru": "На деле"},
    "predicted_value": {"en": "Predicted", "ru": "Предсказано"},
    "rate_of": {"en": "{rate} ({successes} of {trials})", "ru": "{rate} ({successes} из {trials})"},
    "class_given": {"en": "{label} (given {p})", "ru": "{label} (модель дала {p})"},
    "class_unseen": {"en": "{label} (not in training)", "ru": "{label} (не было при обучении)"},
    "class_predicted": {"en": "{label} ({p})", "ru": "{label} ({p})"},
    "no_photo": {"en": "no photo", "ru": "нет фото"},
    "broken_photo": {"en": "photo cannot be read", "ru": "фото не читается"},
    "findings": {"en": "What was found in the data", "ru": "Что найдено в данных"},
    "findings_none": {"en": "Nothing was found wrong.", "ru": "Ничего плохого не найдено."},
    "severity_error": {"en": "Errors", "ru": "Ошибки"},
    "severity_warning": {"en": "Warnings", "ru": "Предупреждения"},
    "severity_info": {"en": "Good to know", "ru": "К сведению"},
    "rows_named": {"en": "Rows: {rows}", "ru": "Строки: {rows}"},
    "made": {"en": "How it was made", "ru": "Как это сделано"},
    "made_when": {"en": "Made", "ru": "Создан"},
    "made_rows": {"en": "Rows", "ru": "Строки"},
    "made_features": {"en": "Features", "ru": "Признаки"},
    "made_encoders": {"en": "Encoders", "ru": "Кодировщики"},
    "made_explained": {"en": "Explanation", "ru": "Объяснение"},
    "made_gap": {
        "en": "{method}; contributions add up to the score within {gap}",
        "ru": "{method}; вклады складываются в оценку с точностью {gap}",
    },
    "made_seed": {"en": "Seed", "ru": "Зерно"},
    "made_preset": {"en": "Preset", "ru": "Набор настроек"},
    "made_budget": {"en": "Time", "ru": "Время"},
    "made_used": {"en": "{used} used of {budget}", "ru": "{used} из {budget}"},
    "made_search": {"en": "Search", "ru": "Поиск"},
    "made_interrupted": {
        "en": "Stopped by the user before its end: a longer one may find better models.",
        "ru": "Остановлен пользователем до конца: более долгий может найти модели лучше.",
    },
    "made_cut_short": {
        "en": "The cheapest models alone: {names}.",
        "ru": "Только самые дешёвые модели: {names}.",
    },
    "made_columns": {"en": "Columns used", "ru": "Использованные столбцы"},
    "made_left_out": {"en": "Columns left out", "ru": "Неиспользованные столбцы"},
    "made_steps": {"en": "Where the time went", "ru": "На что ушло время"},
    "step_read": {"en": "reading and audit", "ru": "чтение и проверка"},
    "step_split": {"en": "split", "ru": "разбиение"},
    "step_features": {"en": "features", "ru": "признаки"},
    "step_model": {"en": "models", "ru": "модели"},
    "step_score": {"en": "scores", "ru": "оценка"},
    "made_versions": {"en": "Versions", "ru": "Версии"},
    "column": {"en": "Column", "ru": "Столбец"},
    "reason": {"en": "Why", "ru": "Почему"},
    "modality_named": {"en": "Kind", "ru": "Вид"},
    "modality_image": {"en": "photo", "ru": "фото"},
    "modality_text": {"en": "text", "ru": "текст"},
    "modality_numeric": {"en": "number", "ru": "число"},
    "modality_categorical": {"en": "category", "ru": "категория"},
    "modality_datetime": {"en": "date", "ru": "дата"},
    "modality_nested": {"en": "nested", "ru": "вложенный"},
    "modality_list": {"en": "list", "ru": "список"},
    "actionable": {"en": "author controls it", "ru": "управляет автор"},
    "seconds": {"en": "{n} s", "ru": "{n} с"},
    "minutes": {"en": "{n} min", "ru": "{n} мин"},
    **AUDIT_TEXTS,
    **CARD_TEXTS,
    **CHECK_TEXTS,
    **CLUSTER_TEXTS,
    **COMPARE_TEXTS,
    **VIEWS_TEXTS,
    **ERRORS_TEXTS,
    **EXPLAIN_TEXTS,
    **ROW_TEXTS,
    **GROUP_TEXTS,
    **ADVICE_TEXTS,
}
