"""Cheap numbers about every column, to tell two sets of rows apart; each can be named to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.schema import Column, Modality, Schema, Title
from featurizers.audit_texts import words_of
from featurizers.calendar import EPOCH, days_come_first, read_times
from featurizers.categories import labels_of
from featurizers.numbers import has_decimal_comma, to_numbers
from featurizers.photo_facts import PhotoFacts
from featurizers.text_cleaning import as_text

FloatArray = NDArray[np.float32]

MAX_WORDS = 40  # of a column: the most frequent words of at most half of the rows
MAX_CATEGORIES = 20
MAX_CHARACTERS = 20_000  # of a text


@dataclass(frozen=True)
class CheapFeature:
    """One number about a column. ``kind`` is ``number``, ``date`` (days since 2000) or ``flag`` (0 or 1)."""

    source: str
    title: Title
    kind: str = "number"


def cheap_features(
    frame: pd.DataFrame, schema: Schema, photos: Mapping[str, PhotoFacts]
) -> tuple[FloatArray, tuple[CheapFeature, ...]]:
    """float32 (n_samples, n_features), NaN where a column has no value, and what each feature is.

    Words and categories are chosen by how frequent they are in all rows, whatever set a row belongs to.

    Args:
        frame: the rows.
        schema: columns to look at; columns that the frame lacks are left out.
        photos: facts of the photos of image columns, in the frame's order; image columns without are left out.
    """
    blocks: list[FloatArray] = []
    features: list[CheapFeature] = []
    for column in schema.columns:
        if column.name not in frame:
            continue
        for title, kind, values in _of_column(frame[column.name], column, photos.get(column.name)):
            features.append(CheapFeature(column.name, title, kind))
            blocks.append(np.asarray(values, dtype=np.float32))
    matrix = np.stack(blocks, axis=1) if blocks else np.empty((len(frame), 0), dtype=np.float32)
    return matrix, tuple(features)


_Feature = tuple[Title, str, NDArray[Any]]


def _of_column(values: pd.Series[Any], column: Column, photos: PhotoFacts | None) -> list[_Feature]:
    if column.modality is Modality.IMAGE:
        return _of_photos(photos) if photos is not None else []
    if column.modality is Modality.NUMERIC:
        numbers, _ = to_numbers(values, decimal_comma=has_decimal_comma(values))
        return [(Title("the value", "значение"), "number", numbers), _missing(np.isnan(numbers))]
    if column.modality is Modality.DATETIME:
        times, _ = read_times(values, day_first=days_come_first(values))
        days = (times - np.datetime64(EPOCH)) / np.timedelta64(1, "D")
        return [(Title("the date", "дата"), "date", days), _missing(np.isnat(times))]
    if column.modality is Modality.CATEGORICAL:
        return _of_categories(values)
    return _of_texts(values)


def _missing(mask: NDArray[np.bool_]) -> _Feature:
    return Title("share of missing values", "доля пропусков"), "flag", mask


def _of_photos(facts: PhotoFacts) -> list[_Feature]:
    colours = facts.thumbnail.reshape(len(facts.readable), -1, 3).astype(np.float32).mean(axis=1)
    colours[~facts.readable] = np.nan
    return [
        (Title("width, pixels", "ширина, пикселей"), "number", facts.width),
        (Title("height, pixels", "высота, пикселей"), "number", facts.height),
        (Title("evenness of colour", "разброс цвета"), "number", facts.deviation),
        (Title("fineness of detail", "тонкость деталей"), "number", facts.fineness),
        (Title("amount of red, 0-255", "красный, 0-255"), "number", colours[:, 0]),
        (Title("amount of green, 0-255", "зелёный, 0-255"), "number", colours[:, 1]),
        (Title("amount of blue, 0-255", "синий, 0-255"), "number", colours[:, 2]),
        _missing(~facts.readable),
    ]


def _of_categories(values: pd.Series[Any]) -> list[_Feature]:
    labels = labels_of(values)
    counts = Counter(label for label in labels if label is not None)
    frequent = [label for label, _ in counts.most_common(MAX_CATEGORIES)]
    codes = pd.Series(pd.Categorical(labels, categories=frequent)).cat.codes.to_numpy()
    missing = np.fromiter((label is None for label in labels), dtype=bool, count=len(labels))
    features = [
        (Title(f"share of “{label[:40]}”", f"доля «{label[:40]}»"), "flag", codes == i)
        for i, label in enumerate(frequent)
    ]
    if len(counts) > MAX_CATEGORIES:
        features.append((Title("share of rare values", "доля редких значений"), "flag", (codes < 0) & ~missing))
    return [*features, _missing(missing)]


def _of_texts(values: pd.Series[Any]) -> list[_Feature]:
    texts = [as_text(value)[:MAX_CHARACTERS] for value in values]
    words = [words_of(text) for text in texts]
    n = len(texts)
    length = np.fromiter(map(len, texts), dtype=np.float32, count=n)
    n_words = np.fromiter(map(len, words), dtype=np.float32, count=n)
    capitals = np.fromiter((sum(map(str.isupper, text[:2000])) for text in texts), dtype=np.float32, count=n)
    digits = np.fromiter((sum(map(str.isdigit, text[:2000])) for text in texts), dtype=np.float32, count=n)
    within = np.maximum(np.minimum(length, 2000), 1)
    found = [set(some) for some in words]
    rows_with = Counter(word for some in found for word in some)
    telling = Counter({word: count for word, count in rows_with.items() if count <= 0.5 * n})
    chosen = [word for word, _ in telling.most_common(MAX_WORDS)]
    return [
        (Title("length, characters", "длина, знаков"), "number", length),
        (Title("length, words", "длина, слов"), "number", n_words),
        (Title("share of capitals", "доля заглавных"), "number", capitals / within),
        (Title("share of digits", "доля цифр"), "number", digits / within),
        *(
            (
                Title(f"share of rows with “{word[:40]}”", f"доля строк со словом «{word[:40]}»"),
                "flag",
                np.fromiter((word in some for some in found), dtype=bool, count=n),
            )
            for word in chosen
        ),
        _missing(length == 0),
    ]
