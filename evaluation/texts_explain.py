"""Sentences on how stable an explanation is, and on classes and segments one by one, in English and Russian; part of
``texts.TEXTS``."""

from __future__ import annotations

EXPLAIN_TEXTS: dict[str, dict[str, str]] = {
    "stability": {"en": "How stable the explanation is", "ru": "Насколько устойчиво объяснение"},
    "stability_stable": {
        "en": "Two halves of the models explain these rows alike: their contributions correlate at {r}.",
        "ru": "Две половины моделей объясняют эти строки одинаково: корреляция вкладов {r}.",
    },
    "stability_unstable": {
        "en": "This explanation is unstable: what two halves of the models say of the same rows correlates at {r} "
        "only, below {limit}. Do not rely on single contributions.",
        "ru": "Это объяснение неустойчиво: корреляция того, что говорят об одних и тех же строках две половины "
        "моделей, — всего {r}, ниже {limit}. На отдельные вклады полагаться нельзя.",
    },
    "stability_unstable_sources": {
        "en": "The halves do not agree on: {sources}.",
        "ru": "Половины расходятся в том, что касается: {sources}.",
    },
    "stability_how": {
        "en": "The run keeps a model of each fold for each member of its blend. Here {first} of the folds are held "
        "against the other {second}: the correlation of contributions to the predictions of {n} rows that no model "
        "saw. The halves learned from partly the same rows, with other early stopping. Over all sources {sources}, "
        "over single features {features}.",
        "ru": "Запуск хранит модель каждого фолда для каждого участника смеси. Здесь модели части фолдов ({first}) "
        "сравниваются с остальными ({second}): корреляция вкладов в предсказания строк, которых не видела ни одна "
        "модель ({n}). Половины учились отчасти на одних и тех же строках, с разной ранней остановкой. По всем "
        "источникам {sources}, по отдельным признакам {features}.",
    },
    "stability_bars": {"en": "Correlation of the two halves", "ru": "Корреляция двух половин"},
    "stability_share": {"en": "Share", "ru": "Доля"},
    "stability_source": {"en": "Source", "ru": "Источник"},
    "stability_unknown": {
        "en": "Not measured: this run keeps no models of its folds that could be compared.",
        "ru": "Не измерено: в запуске нет моделей по фолдам, которые можно было бы сравнить.",
    },
    "class_sources": {"en": "What each class is told by", "ru": "По чему узнаётся каждый класс"},
    "class_sources_intro": {
        "en": "Shares of the sources in what moves the score of each class, over {n} rows. Below them, the features "
        "that speak most for the class, or against it, where the model says it ({unit}).",
        "ru": "Доли источников в том, что сдвигает оценку каждого класса, по {n} строкам. Под ними — признаки, которые "
        "сильнее всего говорят за класс или против него там, где модель его называет ({unit}).",
    },
    "class_sources_largest": {"en": "The largest classes", "ru": "Самые большие классы"},
    "class_sources_unlike": {"en": "Most unlike the others", "ru": "Меньше всего похожи на остальные"},
    "class_sources_said": {"en": "Predicted", "ru": "Предсказан"},
    "class_sources_all": {"en": "all classes", "ru": "все классы"},
    "segments": {"en": "Segments of the rows", "ru": "Сегменты строк"},
    "segments_intro": {
        "en": "Shares of the sources in what moves the prediction, in the rows with each value of “{column}”. Bold "
        "shares differ from those of all rows by more than chance.",
        "ru": "Доли источников в том, что сдвигает предсказание, в строках с каждым значением «{column}». Жирные доли "
        "отличаются от долей по всем строкам больше, чем случайно.",
    },
    "segments_effect": {
        "en": "In brackets: by how much a source raises or lowers the prediction there on average ({unit}).",
        "ru": "В скобках: насколько источник в среднем повышает или понижает там предсказание ({unit}).",
    },
    "segments_sure": {
        "en": "Differences as large arise by chance with a probability of {p}, over {n} columns that were looked at.",
        "ru": "Такие различия возникают случайно с вероятностью {p}; просмотрено столбцов: {n}.",
    },
    "segments_unsure": {
        "en": "As a whole, these segments differ no more than random ones (p = {p}).",
        "ru": "В целом эти сегменты различаются не сильнее случайных (p = {p}).",
    },
    "segments_none": {
        "en": "In no categorical column do the segments differ by more than chance. Name one with --segments to see it "
        "anyway: {columns}.",
        "ru": "Ни в одном категориальном столбце сегменты не различаются сильнее случайного. Чтобы всё же посмотреть, "
        "назовите столбец в --segments: {columns}.",
    },
    "segments_no_columns": {
        "en": "There is no categorical column by which these rows could be cut.",
        "ru": "Нет категориального столбца, по которому можно было бы разбить эти строки.",
    },
    "segments_all": {"en": "all rows", "ru": "все строки"},
    "segments_value": {"en": "Value", "ru": "Значение"},
    "segments_other": {"en": "other values", "ru": "другие значения"},
    "segments_missing": {"en": "missing", "ru": "не указано"},
    "profiles_rest": {"en": "other sources", "ru": "другие источники"},
}
