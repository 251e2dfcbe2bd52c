"""Sentences of the page of clusters, in English and Russian; part of ``evaluation.texts.TEXTS``."""

from __future__ import annotations

CLUSTER_TEXTS: dict[str, dict[str, str]] = {
    "clusters": {"en": "Clusters", "ru": "Кластеры"},
    "clusters_line": {
        "en": "{n} clusters by {method} over {block} ({features} features)",
        "ru": "Кластеров: {n}, метод {method}, пространство: {block} (признаков: {features})",
    },
    "clusters_fused": {
        "en": "all blocks together, each modality weighing the same",
        "ru": "все блоки вместе, с равным весом каждой модальности",
    },
    "clusters_rows": {"en": "{used} of {all} rows", "ru": "строк: {used} из {all}"},
    "clusters_map": {"en": "Map", "ru": "Карта"},
    "clusters_map_intro": {
        "en": "Each point is a row ({n} shown), each colour a cluster; numbers stand at the middles of clusters. "
        "Made by {method}: "
        "neighbours are alike, but distances and sizes of clumps mean nothing, and noise makes clumps, too.",
        "ru": "Точка — строка (показано: {n}), цвет — кластер, числа — середины кластеров. Построено методом "
        "{method}: соседи "
        "похожи, но расстояния и размеры сгустков ничего не значат, и шум тоже даёт сгустки.",
    },
    "clusters_map_pca": {
        "en": "Each point is a row ({n} shown), each colour a cluster; numbers stand at the middles of clusters. "
        "The two main axes.",
        "ru": "Точка — строка (показано: {n}), цвет — кластер, числа — середины кластеров. Две главные оси.",
    },
    "clusters_noise": {"en": "in no cluster", "ru": "вне кластеров"},
    "clusters_number": {"en": "cluster {n}", "ru": "кластер {n}"},
    "clusters_scores": {"en": "How clear they are", "ru": "Насколько они чёткие"},
    "clusters_silhouette": {"en": "Silhouette", "ru": "Силуэт"},
    "clusters_silhouette_is": {
        "en": "The mean silhouette is {score} (95% interval {interval}): 1 is clear, 0 is no border at all.",
        "ru": "Средний силуэт — {score} (95%‑й интервал {interval}): 1 — чёткие кластеры, 0 — границ нет совсем.",
    },
    "clusters_silhouette_none": {
        "en": "There are fewer than two clusters, so no silhouette is defined.",
        "ru": "Кластеров меньше двух, поэтому силуэт не определён.",
    },
    "clusters_blob_some": {
        "en": "The same method finds {blob} in one shapeless blob of the same spread: these clusters are clearer "
        "than in all draws "
        "(p = {p}).",
        "ru": "В одном бесформенном облаке того же размаха тот же метод находит {blob}: эти кластеры чётче, чем во "
        "всех розыгрышах "
        "(p = {p}).",
    },
    "clusters_blob_none": {
        "en": "The same method finds {blob} in one shapeless blob of the same spread (p = {p}): these clusters may "
        "be no more than "
        "cuts through one blob.",
        "ru": "В одном бесформенном облаке того же размаха тот же метод находит {blob} (p = {p}): возможно, "
        "кластеры лишь делят "
        "на части одно облако.",
    },
    "clusters_blob_nothing": {
        "en": "In draws of one shapeless blob of the same spread the same method finds no two clusters (p = {p}).",
        "ru": "В розыгрышах одного бесформенного облака того же размаха тот же метод двух кластеров не находит (p "
        "= {p}).",
    },
    "clusters_blob_untested": {
        "en": "Whether there is more than one blob was not tested: maps by {method} make clumps of noise as well.",
        "ru": "Проверки, что облако не одно, нет: карты методом {method} дают сгустки и на шуме.",
    },
    "clusters_agreement": {
        "en": "Against the labels of {labels}, with 95% intervals. All are 1 for equal partitions; AMI and ARI are "
        "0 by chance, and "
        "the others are above 0 by chance.",
        "ru": "По сравнению с метками {labels}, с 95%‑ми интервалами. Все равны 1 при совпадении; AMI и ARI при "
        "случайности — "
        "0, остальные при случайности больше 0.",
    },
    "clusters_ami": {"en": "adjusted mutual information (AMI)", "ru": "скорректированная взаимная информация (AMI)"},
    "clusters_ari": {"en": "adjusted Rand index (ARI)", "ru": "скорректированный индекс Рэнда (ARI)"},
    "clusters_nmi": {"en": "normalised mutual information (NMI)", "ru": "нормированная взаимная информация (NMI)"},
    "clusters_v_measure": {"en": "V-measure", "ru": "V‑мера"},
    "clusters_homogeneity": {
        "en": "homogeneity: one label in a cluster",
        "ru": "однородность: в кластере одна метка",
    },
    "clusters_completeness": {
        "en": "completeness: a label in one cluster",
        "ru": "полнота: метка в одном кластере",
    },
    "clusters_accuracy": {
        "en": "accuracy, clusters and labels matched one to one",
        "ru": "точность, кластеры и метки сопоставлены один к одному",
    },
    "clusters_score": {"en": "Score", "ru": "Мера"},
    "clusters_value": {"en": "Value", "ru": "Значение"},
    "clusters_interval": {"en": "95% interval", "ru": "95%‑й интервал"},
    "clusters_texts": {
        "en": "Of {n} rows whose text another row has, too, {share} have all copies in one cluster (by chance "
        "{chance}).",
        "ru": "Из строк с повторяющимся текстом ({n}) все копии в одном кластере у {share} (при случайности — "
        "{chance}).",
    },
    "clusters_each": {"en": "Each cluster", "ru": "Каждый кластер"},
    "clusters_each_intro": {
        "en": "Rows nearest to the middle of the cluster, and what the cluster surely has more of than all rows: "
        "share in it, share "
        "of all rows, and how many times more (hypergeometric test at 5%, corrected for all tests).",
        "ru": "Строки, ближайшие к середине кластера, и то, чего в нём заведомо больше, чем во всех строках: доля "
        "в кластере, "
        "доля во всех строках и во сколько раз больше (гипергеометрический критерий, 5%, с поправкой на число "
        "проверок).",
    },
    "clusters_size": {"en": "{n} rows ({share})", "ru": "строк: {n} ({share})"},
    "clusters_row_silhouette": {"en": "silhouette {score}", "ru": "силуэт {score}"},
    "clusters_trait": {"en": "More of", "ru": "Чаще здесь"},
    "clusters_share": {"en": "Here", "ru": "Здесь"},
    "clusters_share_all": {"en": "All rows", "ru": "Всего"},
    "clusters_lift": {"en": "Times", "ru": "Раз"},
    "clusters_word": {"en": "word in {source}: {name}", "ru": "слово в «{source}»: {name}"},
    "clusters_attribute": {"en": "{source}: {name}", "ru": "{source}: {name}"},
    "clusters_no_traits": {
        "en": "Nothing is surely more frequent here than in all rows.",
        "ru": "Ничто здесь не встречается заведомо чаще, чем во всех строках.",
    },
    "clusters_none": {
        "en": "No cluster was found: all rows are noise to this method.",
        "ru": "Кластеров не найдено: для этого метода все строки — шум.",
    },
    "clusters_how": {"en": "How it was done", "ru": "Как это сделано"},
    "clusters_method": {"en": "Method", "ru": "Метод"},
    "clusters_reduction": {"en": "Space", "ru": "Пространство"},
    "clusters_axes": {"en": "{n} main axes (PCA)", "ru": "главных осей (PCA): {n}"},
    "clusters_plane": {"en": "map by {method}", "ru": "карта методом {method}"},
    "clusters_chosen": {
        "en": "{method}, the number with the largest silhouette",
        "ru": "{method}, число — по наибольшему силуэту",
    },
    "clusters_given": {"en": "{method}, the number as asked for", "ru": "{method}, число задано"},
    "clusters_found": {"en": "{method}, which finds the number itself", "ru": "{method}, число находит сам"},
    "clusters_used": {"en": "Rows", "ru": "Строки"},
    "clusters_used_all": {"en": "all {n}", "ru": "все {n}"},
    "clusters_used_some": {
        "en": "{used} of {all}; {missing} lack this block",
        "ru": "{used} из {all}; без этого блока: {missing}",
    },
    "clusters_used_sample": {
        "en": "a random sample of {used} of {all}; {missing} lack this block",
        "ru": "случайные {used} из {all}; без этого блока: {missing}",
    },
    "clusters_seed": {"en": "Seed", "ru": "Зерно"},
    "clusters_note_labels": {"en": "Labels", "ru": "Метки"},
    "clusters_note_photos": {"en": "Photos", "ru": "Фото"},
}
