from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from artifacts.schema import Column, Modality, Schema, Title
from featurizers.drift_features import MAX_CATEGORIES, MAX_WORDS, cheap_features


def features_of(values: list[Any], modality: Modality) -> dict[str, np.ndarray]:
    schema = Schema((Column("c", modality, Title("c", "c")),))
    matrix, features = cheap_features(pd.DataFrame({"c": pd.Series(values, dtype=object)}), schema, {})
    assert matrix.shape == (len(values), len(features)) and {feature.source for feature in features} == {"c"}
    assert all(feature.title.ru for feature in features)
    return {feature.title.en: matrix[:, i] for i, feature in enumerate(features)}


def test_numbers_dates_and_categories() -> None:
    numbers = features_of(["1,5 кг", "2", None, "many"], Modality.NUMERIC)
    np.testing.assert_array_equal(numbers["the value"], np.array([1.5, 2, np.nan, np.nan], dtype=np.float32))
    assert numbers["share of missing values"].tolist() == [0, 0, 1, 1]
    dates = features_of(["2000-01-03", "bad", None], Modality.DATETIME)
    np.testing.assert_array_equal(dates["the date"], np.array([2, np.nan, np.nan], dtype=np.float32))
    labels = features_of(["a", "b", "a", None], Modality.CATEGORICAL)
    assert labels["share of “a”"].tolist() == [1, 0, 1, 0] and labels["share of missing values"][3] == 1
    many = features_of([f"v{i}" for i in range(50)] + ["v0"], Modality.CATEGORICAL)
    assert len(many) == MAX_CATEGORIES + 2 and many["share of rare values"].sum() == 50 - MAX_CATEGORIES


def test_texts_give_lengths_and_frequent_words() -> None:
    texts = features_of(["Red SHOES 12", "red boots", "red hat", "a hat", None, 7], Modality.TEXT)
    assert texts["length, characters"].tolist() == [12, 9, 7, 5, 0, 1]
    assert texts["length, words"].tolist() == [3, 2, 2, 2, 0, 1]
    assert texts["share of rows with “hat”"].tolist() == [0, 0, 1, 1, 0, 0]
    assert texts["share of missing values"].tolist() == [0, 0, 0, 0, 1, 0]
    long = features_of([" ".join(f"w{i + j}" for j in range(20)) for i in range(100)], Modality.TEXT)
    assert sum(name.startswith("share of rows with") for name in long) == MAX_WORDS


def test_columns_that_the_rows_lack_and_photos_without_facts_are_left_out() -> None:
    schema = Schema(tuple(Column(n, m, Title(n, n)) for n, m in (("x", Modality.NUMERIC), ("p", Modality.IMAGE))))
    matrix, features = cheap_features(pd.DataFrame({"p": ["a.jpg"]}), schema, {})
    assert matrix.shape == (1, 0) and features == ()
