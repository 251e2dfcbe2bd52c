"""What a fit or a prediction can find in its data; entries of ``artifacts.finding.FINDINGS``."""

from __future__ import annotations

# code: (severity, English, Russian). {column}, {count}, {total}, and keys of details may be used.
FIT_FINDINGS: dict[str, tuple[str, str, str]] = {
    "target_missing": (
        "warning",
        "{count} of {total} rows have no usable target and were left out of training. Fill it in, or drop them.",
        "В {count} из {total} строк нет пригодной цели; в обучении они не участвуют. Заполните цель или удалите их.",
    ),
    "trials_not_positive": (
        "warning",
        "{count} of {total} rows have no positive number of trials in {column}; they were left out. Check the counts.",
        "В {count} из {total} строк число показов {column} не положительно; они исключены. Проверьте данные.",
    ),
    "successes_negative": (
        "warning",
        "{count} of {total} rows have a negative count of successes; they were left out. Correct the counts.",
        "В {count} из {total} строк число успехов отрицательно; они исключены. Исправьте данные.",
    ),
    "successes_above_trials": (
        "warning",
        "{count} of {total} rows have more successes than trials; they were left out. Check how both are counted.",
        "В {count} из {total} строк успехов больше, чем показов; они исключены. Проверьте подсчёт.",
    ),
    "weight_not_positive": (
        "warning",
        "{count} of {total} rows have no positive weight and were left out. Correct the weights.",
        "В {count} из {total} строк вес не положителен; они исключены. Исправьте веса.",
    ),
    "image_missing": (
        "warning",
        "{column}: {count} of {total} rows have no photo. Add one where you can.",
        "{column}: в {count} из {total} строк нет фото. По возможности добавьте.",
    ),
    "image_not_found": (
        "warning",
        "{column}: {count} of {total} photos were not found in the image folder (such as {example}). "
        "Check images under [data], or add the files.",
        "{column}: {count} из {total} фото не найдены в папке (например, {example}). "
        "Проверьте images в [data] или добавьте файлы.",
    ),
    "image_outside_folder": (
        "error",
        "{column}: {count} photo paths lead out of the image folder and were not opened (such as {example}). "
        "Put the files into the folder.",
        "{column}: {count} путей к фото ведут за пределы папки и не открывались (например, {example}). "
        "Перенесите файлы в папку.",
    ),
    "image_broken": (
        "warning",
        "{column}: {count} of {total} photos cannot be read (such as {example}). Replace these files.",
        "{column}: {count} из {total} фото не читаются (например, {example}). Замените файлы.",
    ),
    "image_too_large": (
        "warning",
        "{column}: {count} photos have more pixels than the limit and were not opened. Make them smaller.",
        "{column}: {count} фото больше допустимого размера и не открывались. Уменьшите их.",
    ),
    "image_many": (
        "info",
        "{column}: {count} of {total} rows have more than {limit} photos; the first {limit} were used.",
        "{column}: в {count} из {total} строк больше {limit} фото; использованы первые {limit}.",
    ),
    "text_missing": (
        "info",
        "{column}: {count} of {total} rows have no text. Write one where you can.",
        "{column}: в {count} из {total} строк нет текста. По возможности добавьте.",
    ),
    "text_truncated": (
        "info",
        "{column}: {count} texts are very long; only the first {limit} characters were used. Put what matters first.",
        "{column}: {count} текстов очень длинные; использованы первые {limit} символов. Главное пишите в начале.",
    ),
    "text_filled": (
        "info",
        "{column}: {count} of {total} texts are missing or shorter than three letters; they were taken from {example}.",
        "{column}: {count} из {total} текстов нет или они короче трёх букв; они взяты из {example}.",
    ),
    "nested_unreadable": (
        "warning",
        "{column}: {count} of {total} values are neither JSON nor a Python literal (such as {example}). "
        "Export them again; strings that were cut off are lost.",
        "{column}: {count} из {total} значений — не JSON и не литерал Python (например, {example}). "
        "Выгрузите их заново: обрезанные строки потеряны.",
    ),
    "nested_damaged": (
        "warning",
        "{column}: {count} of {total} values are cut off or damaged (first at character {position} of row {row}: "
        "{example}); what else could be read of them was kept.",
        "{column}: {count} из {total} значений обрезаны или повреждены (первое место: символ {position} строки {row}: "
        "{example}); остальное в них прочитано.",
    ),
    "nested_keys_merged": (
        "info",
        "{column}: {count} spellings of characteristics were merged with others of the same name (such as {example}).",
        "{column}: {count} написаний характеристик объединены с одноимёнными (например, {example}).",
    ),
    "units_converted": (
        "info",
        "{subject}: {count} of {total} numbers were converted into {unit} (from {others}).",
        "{subject}: {count} из {total} чисел переведены в единицу «{unit}» (из: {others}).",
    ),
    "characteristic_recognised": (
        "info",
        "{subject}: {percent}% of {total} values were recognised as {kind_en} (unrecognised: {example}).",
        "{subject}: {percent}% из {total} значений распознаны как «{kind_ru}» (не распознано: {example}).",
    ),
    "number_unreadable": (
        "warning",
        "{column}: {count} of {total} values are not numbers (such as {example}) and count as missing. "
        "Correct them, or name the column under text or categorical.",
        "{column}: {count} из {total} значений — не числа (например, {example}) и считаются пропусками. "
        "Исправьте их или укажите столбец в text или categorical.",
    ),
    "date_unreadable": (
        "warning",
        "{column}: {count} of {total} values are not dates (such as {example}) and count as missing. "
        "Write them as 2024-12-31.",
        "{column}: {count} из {total} значений — не даты (например, {example}) и считаются пропусками. "
        "Запишите их как 2024-12-31.",
    ),
    "column_empty": (
        "warning",
        "{column}: every value is missing; the column is not used. Fill it in, or drop it.",
        "{column}: все значения пропущены; столбец не используется. Заполните или удалите его.",
    ),
    "column_constant": (
        "info",
        "{column}: every value is the same; the column is not used. It can be dropped.",
        "{column}: все значения одинаковы; столбец не используется. Его можно удалить.",
    ),
    "column_missing": (
        "warning",
        "{column}: the column is absent from these rows and counts as missing.",
        "{column}: столбца нет в этих строках; значения считаются пропусками.",
    ),
    "column_new": (
        "info",
        "{column}: the column was not there in training and is not used.",
        "{column}: столбца не было при обучении; он не используется.",
    ),
    "category_new": (
        "info",
        "{column}: {count} of {total} rows have categories never seen in training (such as {example}).",
        "{column}: в {count} из {total} строк категории, которых не было при обучении (например, {example}).",
    ),
    "path_new": (
        "info",
        "{column}: {count} of {total} rows have category paths never seen in training (such as {example}); their "
        "known levels are used.",
        "{column}: в {count} из {total} строк пути категорий, которых не было при обучении (например, {example}); "
        "использованы известные уровни.",
    ),
    "number_marker": (
        "info",
        "{column}: {count} of {total} values are {example}, the only negative number there, and count as missing. "
        "Leave such cells empty to be sure.",
        "{column}: {count} из {total} значений равны {example}, других отрицательных там нет; они считаются "
        "пропусками. Надёжнее оставить такие ячейки пустыми.",
    ),
    "class_rare": (
        "warning",
        "{count} classes have fewer than {limit} rows (such as {example}); their scores are not reliable. "
        "Add rows, or merge these classes.",
        "Классов, в которых меньше {limit} строк: {count} (например, {example}); их оценки ненадёжны. "
        "Добавьте строки или объедините эти классы.",
    ),
    "class_unseen": (
        "warning",
        "{count} of {total} rows have a class that training lacks (such as {example}); they count as missed. "
        "Add rows of these classes to training.",
        "В {count} из {total} строк класс, которого нет в обучении (например, {example}); это считается ошибкой. "
        "Добавьте строки этих классов в обучение.",
    ),
    "label_rare": (
        "warning",
        "{column}: {count} of {total} labels have fewer than {limit} rows ({example}). They are predicted, and scored "
        "apart from the others. Add rows, or merge these labels.",
        "{column}: меток, у которых меньше {limit} строк: {count} из {total} ({example}). Они предсказываются, но "
        "оцениваются отдельно. Добавьте строки или объедините эти метки.",
    ),
    "label_unseen": (
        "warning",
        "{column}: {count} of {total} rows have a label that training lacks (such as {example}); it counts as missed. "
        "Add rows with these labels to training.",
        "{column}: в {count} из {total} строк метка, которой нет в обучении (например, {example}); она считается "
        "пропущенной. Добавьте строки с этими метками в обучение.",
    ),
    "labels_none": (
        "info",
        "{column}: {count} of {total} rows have an empty list: they are learned from as rows without labels. If theirs "
        "are not known, leave the cell empty instead.",
        "{column}: в {count} из {total} строк пустой список: это строки без меток. Если метки неизвестны, оставьте "
        "ячейку пустой.",
    ),
    "rows_few": (
        "warning",
        "There are only {count} rows to train on; every score here is very uncertain. Add rows.",
        "Для обучения всего строк: {count}; все оценки очень неточны. Добавьте строки.",
    ),
    "duplicate_ids": (
        "warning",
        "{column}: {count} of {total} rows share their id with another row. Remove the copies, or name another id.",
        "{column}: в {count} из {total} строк идентификатор повторяется. Удалите копии или укажите другой id.",
    ),
    "duplicate_rows": (
        "info",
        "{count} of {total} rows repeat another row's content; repeats were kept on one side of every split. "
        "Remove copies that are mistakes.",
        "{count} из {total} строк повторяют содержание другой; повторы не разделялись между частями. "
        "Удалите копии, если это ошибка.",
    ),
    "looks_like_id": (
        "info",
        "{column}: nearly every value is different ({details}); it looks like an identifier and is not used. "
        "If it means something, name it under [columns].",
        "{column}: почти все значения разные ({details}); похоже на идентификатор, не используется. "
        "Если он что-то значит, укажите его в [columns].",
    ),
    "looks_like_leak": (
        "error",
        "{column}: it alone predicts the target almost perfectly ({details}). If it is known only after the "
        "outcome, put it under ignore.",
        "{column}: один этот столбец почти точно предсказывает цель ({details}). Если он известен только после "
        "исхода, добавьте его в ignore.",
    ),
    "looks_like_group": (
        "info",
        "{column}: {details}; rows of one value may be alike. Consider group = {example} under [columns].",
        "{column}: {details}; строки с одним значением могут быть похожи. Возможно, стоит указать group = {example}.",
    ),
    "test_columns_missing": (
        "error",
        "{column}: the test file lacks this column; it is not known at prediction time. "
        "Put it under ignore, or add it to the test file.",
        "{column}: столбца нет в тестовом файле; при предсказании он неизвестен. "
        "Добавьте его в ignore или в тестовый файл.",
    ),
    "leak_in_training_only": (
        "error",
        "{column}: the test file lacks this column, and in training it gives the target away ({details}). It is the "
        "target in other words; put it under ignore.",
        "{column}: в тестовом файле этого столбца нет, а при обучении он выдаёт цель ({details}). Это сама цель "
        "другими словами; добавьте его в ignore.",
    ),
    "alignment_too_few": (
        "info",
        "{column}: only {count} different pairs with {other} (at least {limit} are needed), so how they go together "
        "was not learned.",
        "{column}: разных пар с {other} всего {count} (нужно не меньше {limit}); их сочетание не изучалось.",
    ),
    "alignment_learned": (
        "info",
        "{column}: how it goes together with {other} was learned from {count} rows; on rows that were held back, its "
        "own photo fits a text better than {rank} of the others.",
        "{column}: сочетание с {other} изучено по {count} строкам; на отложенных строках своё фото подходит тексту "
        "лучше, чем {rank} чужих.",
    ),
    "alignment_incomplete": (
        "info",
        "{column}: {count} of {total} rows lack the text or a readable photo in {other}; how they go together is not "
        "known.",
        "{column}: в {count} из {total} строк нет текста или читаемого фото в {other}; их сочетание неизвестно.",
    ),
    "alignment_mismatch": (
        "warning",
        "{column}: in {count} of {total} rows the photo in {other} fits the text less well than most other photos do. "
        "Check that it shows what the text says.",
        "{column}: в {count} из {total} строк фото в {other} подходит тексту хуже, чем большинство чужих. Проверьте, "
        "что на нём то, о чём говорит текст.",
    ),
    "encoder_unavailable": (
        "warning",
        "The encoder {example} cannot be had ({details}); {fallback} is used in its place.",
        "Кодировщик {example} недоступен ({details}); вместо него используется {fallback}.",
    ),
    "encoder_used": (
        "info",
        "{column}: encoded by {example}.",
        "{column}: кодировщик {example}.",
    ),
    "encoder_too_slow": (
        "warning",
        "{column}: encoding by {example} would take about {details} s, more than the budget allows; {fallback} is used "
        "in its place. Raise the budget or name a smaller encoder.",
        "{column}: кодирование с помощью {example} заняло бы около {details} с, больше, чем позволяет бюджет; вместо "
        "него: {fallback}. Увеличьте бюджет или укажите кодировщик поменьше.",
    ),
    "encoder_without_time": (
        "warning",
        "{column}: the budget leaves no time for encoding by {example}; {fallback} is used in its place. Raise the "
        "budget.",
        "{column}: бюджет не оставляет времени на кодирование с помощью {example}; вместо него: {fallback}. Увеличьте "
        "бюджет.",
    ),
    "photos_too_slow": (
        "warning",
        "{column}: measuring its photos ({example}) would take about {details} s, more than the budget allows; these "
        "features are left out. Raise the budget.",
        "{column}: измерение фото ({example}) заняло бы около {details} с, больше, чем позволяет бюджет; этих "
        "признаков нет. Увеличьте бюджет.",
    ),
    "text_shortened": (
        "info",
        "{column}: encoding whole texts would take about {details} s, more than the budget allows; only the first "
        "{limit} characters of each are encoded.",
        "{column}: кодирование текстов целиком заняло бы около {details} с, больше, чем позволяет бюджет; кодируются "
        "только первые {limit} символов каждого.",
    ),
    "precision_fallback": (
        "info",
        "Encoder {example}: bf16 differs from fp32 (cosine {details}), so fp32 is used.",
        "Кодировщик {example}: bf16 отличается от fp32 (косинус {details}); используется fp32.",
    ),
}

# What is used where an encoder is not, as ``featurizers.encoders`` names it.
FALLBACKS_IN_RUSSIAN = {
    "lexical text": "слова текста (TF-IDF)",
    "a set of image descriptors": "набор описаний изображения без нейросети",
}
