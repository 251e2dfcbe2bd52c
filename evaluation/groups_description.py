"""What is said more often of some rows than of the others: attribute values, and words of their texts.

A value is over-represented where more of the rows have it than a draw without replacement would give (the
hypergeometric test, Fisher's exact test on one side), corrected for all values of all groups of rows that were asked
about (Benjamini and Hochberg, 1995).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from artifacts.schema import Title

Bool = NDArray[np.bool_]

LEVEL = 0.05  # false discoveries among the values that are named
FEWEST_ROWS = 5  # that have a value; of fewer nothing could be said
MOST_CATEGORIES = 50  # of one feature, the most frequent
MOST_WORDS = 2000  # the most frequent
MOST_NAMED = 6  # of one group
SMALLEST_LIFT = 1.2  # a certain but small difference names nothing
PARTS = ("low", "middle", "high")
WORD = r"(?u)\b[^\W\d_][^\W\d_'’\-]{2,}\b"  # three letters and more


@dataclass(frozen=True)
class Attribute:
    """A yes-or-no statement about rows: that a feature has a value, or that a text holds a word.

    ``part`` is ``value`` (the category ``value``), ``low``, ``middle`` or ``high`` (a number's third, in which the
    values lie from ``lower`` to ``upper``), or ``word``.
    """

    title: Title
    part: str
    value: str = ""
    unit: str = ""
    lower: float = np.nan
    upper: float = np.nan


@dataclass(frozen=True)
class OverRepresented:
    """An attribute that some rows have more often: ``count`` of ``n`` of them, ``others`` of the ``n_others`` others.

    ``lift`` is how many times as often, with half a row added to each side so that it stays finite.
    """

    attribute: Attribute
    lift: float
    count: int
    n: int
    others: int
    n_others: int
    p_value: float
    q_value: float


@dataclass(frozen=True)
class Attributes:
    """Statements and ``holds`` (n_samples, n_attributes), which rows each of them is true of.

    ``about`` (n_attributes,) numbers what a statement is about, so that only one is named of each feature.
    """

    attributes: tuple[Attribute, ...]
    holds: Bool
    about: NDArray[np.int64]


def attributes_of(table: FeatureTable, texts: Sequence[str] = ()) -> Attributes:
    """Statements about rows: values of readable features, and words.

    Args:
        table: its categories and readable numbers are looked at; of numbers thirds, or single values where a number has
            no more than three.
        texts: of the rows, in their order, spelt so that the same word looks the same; empty where there are none.
    """
    made = [(a, holds, about) for about, part in enumerate(_features(table)) for a, holds in part]
    if len(texts) == table.n_samples:
        made += [(a, holds, -1 - i) for i, (a, holds) in enumerate(_words(texts))]
    made = [one for one in made if FEWEST_ROWS <= one[1].sum() <= table.n_samples - FEWEST_ROWS]
    holds = np.column_stack([one[1] for one in made]) if made else np.zeros((table.n_samples, 0), dtype=bool)
    return Attributes(tuple(one[0] for one in made), holds, np.array([one[2] for one in made], dtype=np.int64))


def over_represented(attributes: Attributes, masks: Sequence[Bool], known: Bool) -> list[tuple[OverRepresented, ...]]:
    """For each group of rows what it has more often than the other known rows, the most certain first.

    Args:
        attributes: statements about all rows.
        masks: (n_samples,) of the rows of each group.
        known: (n_samples,) rows that count; others may not be in any group.
    """
    from scipy.stats import false_discovery_control, hypergeom

    if not len(attributes.attributes) or not masks:
        return [() for _ in masks]
    inside = np.array(masks) & known
    count = np.rint(inside.astype(np.float64) @ attributes.holds.astype(np.float64)).astype(np.int64)
    total, n = attributes.holds[known].sum(axis=0), inside.sum(axis=1)[:, None]
    p_values = np.clip(hypergeom.sf(count - 1, int(known.sum()), total, n), 0.0, 1.0)
    corrected = false_discovery_control(p_values.ravel()).reshape(p_values.shape)
    n_others, others = known.sum() - n, total - count
    lift = (count + 0.5) / (n + 1) / ((others + 0.5) / (n_others + 1))
    found = []
    for g in range(len(inside)):
        named: dict[int, OverRepresented] = {}
        for i in np.lexsort((-lift[g], p_values[g])):
            if corrected[g, i] > LEVEL or len(named) == MOST_NAMED:
                break
            about = int(attributes.about[i])
            if lift[g, i] >= SMALLEST_LIFT and about not in named:
                numbers = int(count[g, i]), int(n[g, 0]), int(others[g, i]), int(n_others[g, 0])
                chances = float(p_values[g, i]), float(corrected[g, i])
                named[about] = OverRepresented(attributes.attributes[i], float(lift[g, i]), *numbers, *chances)
        found.append(tuple(named.values()))
    return found


def _features(table: FeatureTable) -> Iterator[list[tuple[Attribute, Bool]]]:
    for block in table.blocks:
        if block.is_opaque:
            continue
        values = block.values
        for i, feature in enumerate(block.features):
            plain = Attribute(feature.title, "value", unit=feature.unit)
            column = values[:, i]
            if block.categories is not None:
                yield _of_category(plain, column, block.categories)
            else:
                yield _of_number(plain, column)


def _of_category(plain: Attribute, codes: NDArray[Any], categories: Sequence[str]) -> list[tuple[Attribute, Bool]]:
    counts = np.bincount(codes[codes >= 0].astype(np.int64), minlength=len(categories))
    frequent = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    return [(replace(plain, value=str(categories[code])), codes == code) for code in frequent if counts[code]]


def _of_number(plain: Attribute, values: NDArray[np.float32]) -> list[tuple[Attribute, Bool]]:
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    if len(distinct) < 2:
        return []
    if len(distinct) <= len(PARTS):
        ends = [float(v) for v in distinct]
        return [(replace(plain, lower=v, upper=v), known & (values == v)) for v in ends]
    first, second = np.quantile(values[known], [1 / 3, 2 / 3])
    # Where a third or more of the rows share the lowest value, the low part is that value alone.
    masks = known & (values <= first), known & (values > first) & (values <= second), known & (values > second)
    made = []
    for part, mask in zip(PARTS, masks, strict=True):
        if mask.any():
            lower, upper = float(values[mask].min()), float(values[mask].max())
            made.append((replace(plain, part=part, lower=lower, upper=upper), mask))
    return made


def _words(texts: Sequence[str]) -> Iterator[tuple[Attribute, Bool]]:
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(token_pattern=WORD, binary=True, min_df=FEWEST_ROWS, max_features=MOST_WORDS)
    try:
        counts = vectorizer.fit_transform(list(texts))
    except ValueError:  # no word is in enough of the texts
        return
    columns = counts.tocsc()
    for i, word in enumerate(vectorizer.get_feature_names_out()):
        holds = np.zeros(len(texts), dtype=bool)
        holds[columns.indices[columns.indptr[i] : columns.indptr[i + 1]]] = True
        yield Attribute(Title(str(word), str(word)), "word"), holds
