"""Sentences of the page about one row, in English and Russian; part of ``evaluation.texts.TEXTS``."""

from __future__ import annotations

ROW_TEXTS: dict[str, dict[str, str]] = {
    "row_page": {"en": "One row explained", "ru": "Объяснение одной строки"},
    "row_named": {"en": "Row {row}", "ru": "Строка {row}"},
    "row_prediction": {"en": "Prediction", "ru": "Предсказание"},
    "row_predicted": {"en": "Predicted: {value}", "ru": "Предсказано: {value}"},
    "row_for_output": {
        "en": "Below, positive means towards the class {output}.",
        "ru": "Ниже плюс означает: в пользу класса {output}.",
    },
    "row_base": {
        "en": "Where nothing is known of a row, the model says {base}. What is known of this one moves its score by "
        "{delta} ({unit}).",
        "ru": "Когда о строке ничего не известно, модель даёт {base}. То, что известно об этой, сдвигает оценку на "
        "{delta} ({unit}).",
    },
    "row_sources": {"en": "What it is made of", "ru": "Из чего оно складывается"},
    "row_sources_intro": {
        "en": "What each column adds to the score, in {unit}; together with the base they make the prediction. Orange "
        "raises it, blue lowers it.",
        "ru": "Что каждый столбец добавляет к оценке ({unit}); вместе с базой это и есть предсказание. Оранжевое "
        "повышает, синее понижает.",
    },
    "row_features": {"en": "The strongest readable features", "ru": "Самые сильные читаемые признаки"},
    "row_feature_value": {"en": "{title}: {value}", "ru": "{title}: {value}"},
    "row_photos": {"en": "The photo", "ru": "Фото"},
    "row_photo_intro": {
        "en": "Each region was covered with the colour around it, in {sizes} sizes, and the row was predicted again. "
        "Orange regions raise the score of this row, blue ones lower it.",
        "ru": "Каждая область закрывалась цветом вокруг неё (размеров: {sizes}), и строка предсказывалась заново. "
        "Оранжевые области повышают оценку этой строки, синие понижают.",
    },
    "row_photo_ends": {
        "en": "Single covered regions change the score by {low} to {high} ({unit}).",
        "ru": "Отдельные закрытые области меняют оценку: от {low} до {high} ({unit}).",
    },
    "row_photo_flat": {
        "en": "No covered region changes the prediction: of this photo, the model uses nothing that has a place in it.",
        "ru": "Ни одна закрытая область не меняет предсказание: модель не использует в этом фото ничего, у чего есть "
        "место на нём.",
    },
    "row_photo_unused": {
        "en": "The model has no feature of this photo, so the map is empty.",
        "ru": "У модели нет признаков этого фото, поэтому карта пуста.",
    },
    "row_photo_missing": {"en": "There is no photo in this row.", "ru": "В этой строке нет фото."},
    "row_photo_broken": {
        "en": "The photo was not found or cannot be read.",
        "ru": "Фото не найдено или не читается.",
    },
    "row_photo_first": {
        "en": "The row has {n} photos; the regions are those of the first, and the others were left as they are.",
        "ru": "Фото в строке: {n}; области закрывались на первом, остальные не менялись.",
    },
    "row_part": {
        "en": "All features of this column together add {delta} ({unit}).",
        "ru": "Все признаки этого столбца вместе добавляют {delta} ({unit}).",
    },
    "row_shift": {
        "en": "The map is of a plain copy ({what}), whose score differs from the row's own by {delta}.",
        "ru": "Карта построена по упрощённой копии ({what}); её оценка отличается от оценки самой строки на {delta}.",
    },
    "row_copy_photo": {"en": "{width} × {height} pixels", "ru": "{width} × {height} пикселей"},
    "row_copy_text": {"en": "text without markup", "ru": "текст без разметки"},
    "row_by_gradients": {
        "en": "By gradients, of the encoders tuned on the target alone, which are {share} of the model: integrated "
        "gradients at their first tuned layer.",
        "ru": "По градиентам — только кодировщики, дообученные на целевой переменной (их доля в модели {share}): "
        "интегрированные градиенты на первом дообученном слое.",
    },
    "row_by_gradients_read": {
        "en": "By gradients, of what the encoders tuned on the target predict by themselves; models that are {share} "
        "of the whole read their vectors. Integrated gradients at their first tuned layer.",
        "ru": "По градиентам — то, что предсказывают сами кодировщики, дообученные на целевой переменной; их векторы "
        "читают модели, доля которых в целом {share}. Интегрированные градиенты на первом дообученном слое.",
    },
    "row_gradient_map": {"en": "What the tuned encoders see", "ru": "Что видят дообученные кодировщики"},
    "row_original": {"en": "Photo", "ru": "Фото"},
    "row_overlay": {"en": "What moves the prediction", "ru": "Что сдвигает предсказание"},
    "row_lowers": {"en": "lowers", "ru": "понижает"},
    "row_raises": {"en": "raises", "ru": "повышает"},
    "row_texts": {"en": "The words", "ru": "Слова"},
    "row_texts_intro": {
        "en": "Each word - of long texts each phrase - was left out and the row was predicted again. Shades go up to "
        "the strongest piece of the text: {most} ({unit}).",
        "ru": "Каждое слово, а в длинных текстах каждая фраза, удалялось, и строка предсказывалась заново. Самый "
        "густой цвет — самая сильная часть текста: {most} ({unit}).",
    },
    "row_texts_strongest": {"en": "Strongest pieces", "ru": "Самые сильные части"},
    "row_text_flat": {
        "en": "Leaving out any piece of this text changes nothing.",
        "ru": "Удаление любой части этого текста ничего не меняет.",
    },
    "row_text_unused": {
        "en": "The model has no feature of this text.",
        "ru": "У модели нет признаков этого текста.",
    },
    "row_text_missing": {"en": "There is no text in this row.", "ru": "В этой строке нет текста."},
    "row_text_no_words": {"en": "There is no word in this text.", "ru": "В этом тексте нет слов."},
    "row_text_cut": {"en": "{n} more characters are not shown.", "ru": "Ещё символов не показано: {n}."},
    "row_not_tried": {
        "en": "Texts inside other columns count in the contributions, but their words were not left out: {names}.",
        "ru": "Тексты внутри других столбцов учтены во вкладах, но слова в них не удалялись: {names}.",
    },
    "row_made_once": {
        "en": "What is shown is how the model reacts to this row, not what causes the outcome. A covered region or a "
        "missing word is itself something that the model may never have seen.",
        "ru": "Показано, как на эту строку реагирует модель, а не что вызывает исход. Закрытая область и пропущенное "
        "слово — сами по себе то, чего модель могла никогда не видеть.",
    },
}
