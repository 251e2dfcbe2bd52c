"""Sentences about groups of embedding dimensions, in English and Russian; part of ``evaluation.texts.TEXTS``."""

from __future__ import annotations

GROUP_TEXTS: dict[str, dict[str, str]] = {
    "groups": {"en": "What acts together in photos and texts", "ru": "Что действует вместе в фото и текстах"},
    "groups_intro": {
        "en": "An embedding is hundreds of numbers without names. Here are groups of them whose effect on the model's "
        "prediction depends on one another, with the rows that show each group most and least, and with what the most "
        "active tenth of the rows has more often than the others.",
        "ru": "Эмбеддинг — это сотни чисел без имён. Ниже — группы этих чисел, влияние которых на предсказание модели "
        "зависит друг от друга: строки, где группа видна сильнее и слабее всего, и то, что у самой активной десятой "
        "части строк встречается чаще, чем у остальных.",
    },
    "groups_block": {"en": "{source}: {featurizer}", "ru": "{source}: {featurizer}"},
    "groups_tested": {
        "en": "Groups of dimensions tested against random groups of the same size: {tested}. Better than random, with "
        "at most 5% false discoveries: {real}. No better than random: {random}.",
        "ru": "Групп, проверенных против случайных групп того же размера: {tested}. Лучше случайных (ложных открытий "
        "не больше 5%): {real}. Не лучше случайных: {random}.",
    },
    "groups_shown": {"en": "The {n} strongest are shown.", "ru": "Показаны самые сильные: {n}."},
    "groups_none": {
        "en": "No group of dimensions stands out: nothing interacts more than chance would have it.",
        "ru": "Ни одна группа не выделяется: взаимодействия не сильнее случайных.",
    },
    "groups_measured": {
        "en": "Measured on {n} rows made of real ones, along axes that hold {share} of the embedding's variance.",
        "ru": "Измерено на строках, составленных из настоящих ({n}), вдоль осей, на которые приходится {share} "
        "дисперсии эмбеддинга.",
    },
    "groups_missing": {
        "en": "Groups could not be looked for. {reason}",
        "ru": "Искать группы не удалось. {reason}",
    },
    "groups_few": {
        "en": "It is known in {known} rows, and {needed} are needed.",
        "ru": "Он известен в строках: {known}, а нужно {needed}.",
    },
    "groups_flat": {
        "en": "It has {dimensions} dimensions and hardly varies.",
        "ru": "Измерений в нём {dimensions}, и он почти не меняется.",
    },
    "groups_slow": {
        "en": "It would take more than {seconds} s: a row takes {each} s, and some {needed} are needed.",
        "ru": "Это заняло бы больше {seconds} с: строка занимает {each} с, а нужно около {needed} строк.",
    },
    "groups_doubt": {
        "en": "The model is not clearly better than a constant, so it may have learned these groups from chance.",
        "ru": "Модель не заметно лучше константы, поэтому эти группы могли быть выучены случайно.",
    },
    "group_named": {"en": "Group {i}", "ru": "Группа {i}"},
    "group_size": {"en": "{n} of {of} dimensions", "ru": "измерений: {n} из {of}"},
    "group_density": {
        "en": "they interact {times} times as strongly as any two dimensions",
        "ru": "взаимодействуют в {times} раза сильнее любых двух",
    },
    "group_importance": {
        "en": "each moves the prediction {times} times as much as any dimension",
        "ru": "каждое влияет на предсказание в {times} раза сильнее любого",
    },
    "group_p": {"en": "p = {p} after correction", "ru": "p = {p} с поправкой"},
    "group_axis": {
        "en": "the axis of the rows below holds {share} of the group's variance",
        "ru": "на ось, по которой отобраны строки, приходится {share} дисперсии группы",
    },
    "group_prediction": {
        "en": "Mean prediction: {active} where it is most active, {others} elsewhere.",
        "ru": "Среднее предсказание: {active} там, где группа активнее всего, {others} в остальных строках.",
    },
    "group_prediction_of": {
        "en": "Mean prediction of {output}: {active} where it is most active, {others} elsewhere.",
        "ru": "Среднее предсказание для «{output}»: {active} там, где группа активнее всего, {others} в остальных "
        "строках.",
    },
    "group_described": {"en": "More often where it is most active: {names}.", "ru": "Чаще там, где активнее: {names}."},
    "group_undescribed": {
        "en": "No attribute and no word is certain to be more frequent where it is most active.",
        "ru": "Ни один признак и ни одно слово не встречаются там, где группа активнее, достоверно чаще.",
    },
    "group_counts": {
        "en": "{name}: {count} of {n} most active rows, {others} of {n_others} others (p = {p} after correction)",
        "ru": "{name}: {count} из {n} самых активных строк, {others} из {n_others} остальных (p = {p} с поправкой)",
    },
    "group_details": {"en": "Counts", "ru": "Сколько строк"},
    "group_times": {"en": "{name} (×{lift})", "ru": "{name} (×{lift})"},
    "group_value": {"en": "{title} = {value}", "ru": "{title} = {value}"},
    "group_category": {"en": ": category", "ru": ": категория"},  # "Colour = black" needs no more
    "group_low": {"en": "{title} low, {range}", "ru": "{title}: мало, {range}"},
    "group_middle": {"en": "{title} middling, {range}", "ru": "{title}: средне, {range}"},
    "group_high": {"en": "{title} high, {range}", "ru": "{title}: много, {range}"},
    "group_word": {"en": "the word “{title}”", "ru": "слово «{title}»"},
    "group_most": {"en": "Most active", "ru": "Сильнее всего"},
    "group_least": {"en": "Least active", "ru": "Слабее всего"},
    "groups_association": {
        "en": "The test is on scores that the groups were not chosen by. It shows what the model combines, not what "
        "causes the outcome, and a description says what comes with a group in these data.",
        "ru": "Проверка сделана на оценках, по которым группы не отбирались. Она показывает, что сочетает модель, а не "
        "причины исхода; описание говорит, что встречается вместе с группой в этих данных.",
    },
}
