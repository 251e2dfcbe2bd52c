"""What an audit of rows, photos, texts and splits can find; entries of ``artifacts.finding.FINDINGS``."""

from __future__ import annotations

# code: (severity, English, Russian), as in FINDINGS.
AUDIT_FINDINGS: dict[str, tuple[str, str, str]] = {
    "image_blank": (
        "warning",
        "{column}: {count} of {total} photos are blank (white or black all over). Replace them by real photos.",
        "{column}: {count} из {total} фото пустые (сплошь белые или чёрные). Замените их настоящими.",
    ),
    "image_one_colour": (
        "warning",
        "{column}: {count} of {total} photos have one colour all over. Replace them by real photos.",
        "{column}: {count} из {total} фото залиты одним цветом. Замените их настоящими.",
    ),
    "image_tiny": (
        "warning",
        "{column}: {count} of {total} photos have fewer than {limit} pixels on the shorter side. Upload larger ones.",
        "{column}: у {count} из {total} фото короткая сторона меньше {limit} пикселей. Загрузите более крупные.",
    ),
    "image_blurred": (
        "warning",
        "{column}: {count} of {total} photos have no fine detail: they are blurred or enlarged. Take sharper ones.",
        "{column}: на {count} из {total} фото нет мелких деталей: они размыты или увеличены. Замените их чёткими.",
    ),
    "image_everywhere": (
        "warning",
        "{column}: one and the same photo stands in {count} of {total} rows. If it is a placeholder, leave the "
        "cells empty.",
        "{column}: одно и то же фото стоит в {count} из {total} строк. Если это заглушка, оставьте ячейки пустыми.",
    ),
    "image_repeated": (
        "info",
        "{column}: {count} of {total} rows have a photo that other rows have, too. Remove the rows that are copies; "
        "name a group column if the rest belong together.",
        "{column}: в {count} из {total} строк фото то же, что и в других. Удалите строки-копии; если остальные "
        "связаны, укажите столбец group.",
    ),
    "image_nearly_repeated": (
        "info",
        "{column}: {count} of {total} rows have nearly the photo of another row (another size, quality or light). "
        "Look at the pairs; remove the rows that are copies.",
        "{column}: в {count} из {total} строк фото почти то же, что в другой (иной размер, качество или яркость). "
        "Посмотрите на пары и удалите строки-копии.",
    ),
    "image_in_train": (
        "warning",
        "{column}: {count} of {total} test rows have a photo that stands in training ({example}). Scores on them are "
        "too good; leave them out of the test.",
        "{column}: в {count} из {total} тестовых строк фото, которое есть в обучении ({example}). Оценки на них "
        "завышены; уберите их из теста.",
    ),
    "image_nearly_in_train": (
        "warning",
        "{column}: {count} of {total} test rows have nearly a photo of training ({example}). Look at the pairs; leave "
        "copies out of the test.",
        "{column}: в {count} из {total} тестовых строк фото почти как в обучении ({example}). Посмотрите на пары; "
        "уберите копии из теста.",
    ),
    "text_everywhere": (
        "info",
        "{column}: one and the same text stands in {count} of {total} rows. If it says nothing about the row, leave "
        "the cells empty.",
        "{column}: один и тот же текст стоит в {count} из {total} строк. Если он ничего не говорит о строке, "
        "оставьте ячейки пустыми.",
    ),
    "text_repeated": (
        "info",
        "{column}: {count} of {total} rows have the same words as other rows. Remove the rows that are copies; name a "
        "group column if the rest belong together.",
        "{column}: в {count} из {total} строк те же слова, что и в других. Удалите строки-копии; если остальные "
        "связаны, укажите столбец group.",
    ),
    "text_nearly_repeated": (
        "info",
        "{column}: {count} of {total} rows have nearly the text of another row. Look at the pairs; remove the rows "
        "that are copies.",
        "{column}: в {count} из {total} строк текст почти тот же, что в другой. Посмотрите на пары и удалите "
        "строки-копии.",
    ),
    "text_in_train": (
        "warning",
        "{column}: {count} of {total} test rows have the words of a training row ({example}). Scores on them may be "
        "too good; leave copies out of the test.",
        "{column}: в {count} из {total} тестовых строк те же слова, что в строке обучения ({example}). Оценки на них "
        "могут быть завышены; уберите копии из теста.",
    ),
    "text_nearly_in_train": (
        "warning",
        "{column}: {count} of {total} test rows have nearly the text of a training row ({example}). Look at the "
        "pairs; leave copies out of the test.",
        "{column}: в {count} из {total} тестовых строк текст почти как в строке обучения ({example}). Посмотрите на "
        "пары; уберите копии из теста.",
    ),
    "rows_copied": (
        "warning",
        "{count} of {total} rows are copies of an earlier row, equal in every column. Remove them.",
        "{count} из {total} строк — копии более ранних, равные во всех столбцах. Удалите их.",
    ),
    "rows_copied_but_id": (
        "warning",
        "{count} of {total} rows are copies of an earlier row but for the identifiers ({example}). Remove them, or "
        "name a group column.",
        "{count} из {total} строк — копии более ранних во всём, кроме идентификаторов ({example}). Удалите их или "
        "укажите столбец group.",
    ),
    "test_rows_in_train": (
        "warning",
        "{count} of {total} test rows equal a training row in every column that is used ({example}). Leave them out "
        "of the test.",
        "{count} из {total} тестовых строк равны строке обучения во всех используемых столбцах ({example}). Уберите "
        "их из теста.",
    ),
    "targets_differ": (
        "warning",
        "{column}: of {total} rows that repeat, {count} have another target than most of their repeats ({share}). No "
        "model that sees only this can tell them apart; check these labels.",
        "{column}: из {total} повторяющихся строк у {count} цель не такая, как у большинства их повторов ({share}). "
        "По одному этому столбцу их не различить; проверьте метки.",
    ),
    "targets_spread": (
        "info",
        "{column}: {total} rows repeat each other's content, but {share} of the variance of the target lies among such "
        "repeats. No model that sees only this column can explain it; look at the {count} rows that differ most.",
        "{column}: {total} строк повторяют содержание друг друга, но {share} дисперсии цели приходится на различия "
        "таких повторов. По одному этому столбцу их не объяснить; посмотрите на самые непохожие строки ({count}).",
    ),
    "column_mostly_missing": (
        "info",
        "{column}: {count} of {total} values are missing. Fill it in where you can, or drop it.",
        "{column}: {count} из {total} значений пропущены. Заполните, где можно, или удалите столбец.",
    ),
    "test_drift": (
        "warning",
        "Test rows differ from training rows: a classifier tells them apart with AUC {auc} ({interval}; 0.5 is by "
        "chance), most of all by {example}. Expect worse scores on new rows; prefer columns that do not drift, train "
        "on later rows, or name a time column.",
        "Тестовые строки отличаются от обучающих: классификатор различает их с AUC {auc} ({interval}; 0.5 — наугад), "
        "сильнее всего по: {example}. На новых строках оценки будут хуже; возьмите столбцы без сдвига, обучайте на "
        "более поздних строках или укажите столбец time.",
    ),
    "test_drift_column": (
        "info",
        "{column}: this column alone tells test from training with AUC {auc}; {example} is {train} in training and "
        "{test} in the test. Check how it is measured, and whether new rows will look like the test.",
        "{column}: один этот столбец отличает тест от обучения с AUC {auc}; {example_ru}: {train} в обучении и {test} "
        "в тесте. Проверьте, как он измерен и на что будут похожи новые строки.",
    ),
    "target_at_mode": (
        "info",
        "{column}: {count} of {total} values are {example}. Set every score against the constant prediction.",
        "{column}: {count} из {total} значений равны {example}. Сравнивайте каждую оценку с константой.",
    ),
    "target_skewed": (
        "info",
        "{column}: the largest 1% of the values hold {share} of the sum. Consider the logarithm as target.",
        "{column}: на 1% самых больших значений приходится {share} суммы. Возможно, стоит предсказывать логарифм.",
    ),
    "target_shifted": (
        "warning",
        "{column}: the target itself differs between training and test ({example}: {train} in training, {test} in the "
        "test). Scores on the test measure this shift, too; check how it is counted and how the rows were split.",
        "{column}: сама цель в обучении и в тесте разная ({example_ru}: {train} в обучении, {test} в тесте). Оценки на "
        "тесте отражают и этот сдвиг; проверьте, как считается цель и как разделены строки.",
    ),
    "target_imbalanced": (
        "info",
        "{column}: the most frequent class ({example}) has {count} of {total} rows. Accuracy says little here; look "
        "at a metric such as ROC AUC or macro F1.",
        "{column}: к самому частому классу ({example}) относятся {count} из {total} строк. Доля верных мало о чём "
        "говорит; смотрите на ROC AUC или макро-F1.",
    ),
}
