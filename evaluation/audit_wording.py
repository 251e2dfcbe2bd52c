"""Sentences of the audit's page and text, in English and Russian; part of ``evaluation.texts.TEXTS``."""

from __future__ import annotations

AUDIT_TEXTS: dict[str, dict[str, str]] = {
    "audit": {"en": "Audit of the data", "ru": "Проверка данных"},
    "audit_rows": {"en": "{n} rows", "ru": "строк: {n}"},
    "audit_rows_split": {
        "en": "{train} training rows, {test} test rows",
        "ru": "обучение: {train}, тест: {test} строк",
    },
    "audit_counts": {
        "en": "errors: {error}, warnings: {warning}, good to know: {info}",
        "ru": "ошибок: {error}, предупреждений: {warning}, к сведению: {info}",
    },
    "audit_findings": {"en": "What was found", "ru": "Что найдено"},
    "audit_targets": {"en": "How the target is spread", "ru": "Как распределена цель"},
    "audit_targets_intro": {
        "en": "Bars are training rows, the line is the test; values beyond the ends count in the outer bars. A model "
        "is worth something only where it beats one constant for all rows.",
        "ru": "Столбцы — обучающие строки, линия — тест; значения за краями — в крайних столбцах. Модель чего-то "
        "стоит, только если она лучше одной константы для всех строк.",
    },
    "audit_drift": {"en": "Training against test", "ru": "Обучение и тест"},
    "audit_drift_none": {
        "en": "A classifier cannot tell test rows from training rows: AUC {auc} (95% interval {interval}; 0.5 is by "
        "chance), over {train} and {test} rows.",
        "ru": "Классификатор не отличает тестовые строки от обучающих: AUC {auc} (95%‑й интервал {interval}; 0,5 — "
        "наугад), строк: {train} и {test}.",
    },
    "audit_drift_some": {
        "en": "A classifier tells test rows from training rows with AUC {auc} (95% interval {interval}; 0.5 is by "
        "chance), over {train} and {test} rows.",
        "ru": "Классификатор отличает тестовые строки от обучающих с AUC {auc} (95%‑й интервал {interval}; 0,5 — "
        "наугад), строк: {train} и {test}.",
    },
    "audit_drift_few": {
        "en": "There are no test rows, or too few to compare.",
        "ru": "Тестовых строк нет, или их слишком мало для сравнения.",
    },
    "audit_drift_alone": {"en": "AUC alone", "ru": "AUC отдельно"},
    "audit_drift_what": {"en": "What differs most", "ru": "Что отличается сильнее всего"},
    "audit_columns": {"en": "Columns", "ru": "Столбцы"},
    "audit_missing": {"en": "Missing", "ru": "Пропуски"},
    "audit_distinct": {"en": "Different values", "ru": "Разных значений"},
    "audit_unused": {"en": "not used", "ru": "не используется"},
    "audit_seconds": {"en": "How long it took", "ru": "Сколько это заняло"},
    "audit_mean": {"en": "mean", "ru": "среднее"},
    "audit_pooled": {"en": "all successes over all trials", "ru": "все успехи на все показы"},
    "audit_median": {"en": "median", "ru": "медиана"},
    "audit_ends": {"en": "from 1% to 99%", "ru": "от 1% до 99%"},
    "audit_mode": {"en": "most frequent", "ru": "чаще всего"},
    "audit_mode_value": {"en": "{value} ({share} of the rows)", "ru": "{value} ({share} строк)"},
    "audit_n_labels": {"en": "{n} classes; the most frequent are shown", "ru": "классов: {n}; показаны самые частые"},
    "audit_log": {"en": "logarithmic scale", "ru": "логарифмическая шкала"},
    "audit_kind_number": {"en": "number", "ru": "число"},
    "audit_kind_count": {"en": "count", "ru": "количество"},
    "audit_kind_rate": {"en": "rate", "ru": "доля"},
    "audit_kind_classes": {"en": "classes", "ru": "классы"},
    "audit_part_reading": {"en": "reading and checking", "ru": "чтение и проверка"},
    "audit_part_columns": {"en": "columns", "ru": "столбцы"},
    "audit_part_target": {"en": "target", "ru": "цель"},
    "audit_part_photos": {"en": "photos", "ru": "фото"},
    "audit_part_texts": {"en": "texts", "ru": "тексты"},
    "audit_part_pairs": {"en": "photos against texts", "ru": "фото и тексты"},
    "audit_part_labels": {"en": "labels of repeats", "ru": "метки повторов"},
    "audit_part_drift": {"en": "drift", "ru": "сдвиг"},
}
