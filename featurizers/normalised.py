"""Recognised characteristics as columns: seasons and colours 0/1, ages and sizes numbers, the others categories."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.feature_table import Block
from artifacts.finding import Audit
from artifacts.schema import Column, Title, quantity_feature
from featurizers.categories import codes_of
from featurizers.characteristics import Kind, detect_kind, kind_of, normalise, normalise_all, size_numbers
from featurizers.numbers import is_missing
from featurizers.text_cleaning import as_text

_SIZE_COLUMNS = (
    ("letter_least", "smallest letter size (XXXS = 1, M = 5)", "наименьший буквенный размер (XXXS = 1, M = 5)"),
    ("letter_most", "largest letter size (XXXS = 1, M = 5)", "наибольший буквенный размер (XXXS = 1, M = 5)"),
    ("number_least", "smallest size in numbers", "наименьший размер числом"),
    ("number_most", "largest size in numbers", "наибольший размер числом"),
)


@dataclass(frozen=True)
class Recognised:
    """That a column or key holds a kind of characteristic: the share of values recognised, and the levels seen.

    ``informative`` is False if columns of the levels would say no more than the values themselves.
    """

    kind: str
    share: float
    levels: tuple[str, ...]
    informative: bool = True
    scales: tuple[str, ...] = ()  # of sizes: letter, number or both

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``from_json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Recognised:
        """Read what ``to_json`` gave."""
        return cls(**{**data, "levels": tuple(data["levels"]), "scales": tuple(data["scales"])})


def recognise(name: str, cells: Sequence[list[Any]]) -> Recognised | None:
    """The kind that cells hold, None if none is recognised.

    ``name`` is the column's or key's; each cell is a list of values. Levels say more than values where
    several spellings are one level, or where they are numbers.
    """
    texts = _texts(cells)
    found = detect_kind(name, texts)
    if found is None:
        return None
    kind = kind_of(found[0])
    by_text = {text: normalise_all(kind.name, text) for text in texts}
    seen = {level for levels in by_text.values() for level in levels}
    if kind.form == "category":  # of several values in a cell another level may be made: male and female are unisex
        seen |= {level for level in (_one(kind, cell) for cell in cells if len(cell) > 1) if level}
    levels = tuple(level.name for level in kind.levels if level.name in seen)
    outcomes = {levels for levels in by_text.values() if levels}
    spelled = {text.casefold() for text, levels in by_text.items() if levels}
    if kind.form in ("ordinal", "size"):
        informative = len(outcomes) > 1
    else:
        informative = len(levels) > 1 and len(spelled) > len(outcomes)
    letters = any(level.value is not None for level in kind.levels if level.name in levels)
    numbers = kind.form == "size" and any(size_numbers(text) for text in texts)
    scales = tuple(scale for scale, used in (("letter", letters), ("number", numbers)) if used)
    return Recognised(kind.name, round(found[1], 4), levels, informative, scales if kind.form == "size" else ())


def report_recognised(
    audit: Audit, column: str, subject: str, recognised: Recognised, cells: Sequence[list[Any]]
) -> None:
    """Add a finding that says which share of the values is recognised, with a frequent one that is not."""
    texts = _texts(cells)
    kind = kind_of(recognised.kind)
    missed = [text for text in texts if not normalise_all(kind.name, text)]
    details: dict[str, Any] = {
        "subject": subject, "kind": kind.name, "kind_en": kind.title.en, "kind_ru": kind.title.ru,
        "percent": round(100 * recognised.share, 1),
        "example": repr(max(sorted(missed), key=lambda text: texts[text])[:60]) if missed else "0",
    }  # fmt: skip
    total = sum(texts.values())
    audit.add("characteristic_recognised", column=column, count=round(recognised.share * total), total=total, **details)


def recognised_block(
    column: Column, featurizer: str, prefix: tuple[str, Title], recognised: Recognised, cells: Sequence[Any]
) -> Block:
    """One block of the recognised levels, float32 (n_samples, n_columns).

    Args:
        column: the source column.
        featurizer: the label of the block.
        prefix: what stands before the kind in the names of features, and in their titles.
        recognised: what ``recognise`` found in training.
        cells: a list of values for each row, empty where there is none, None where that is unknown.

    What is missing or not recognised is NaN, or the code -1; of seasons and colours zeros.
    """
    kind = kind_of(recognised.kind)
    columns = _columns(kind, recognised)
    features = tuple(
        quantity_feature(column, featurizer, f"{prefix[0]}{quantity}", _behind(prefix[1], title), unit=unit)
        for quantity, title, unit in columns
    )
    if kind.form == "category":
        levels: list[str | None] = [_one(kind, cell or ()) for cell in cells]
        return Block(column.name, featurizer, features, codes_of(levels, recognised.levels), recognised.levels)
    row_of: Callable[[Sequence[Any]], Sequence[float]] = {
        "ordinal": lambda cell: _value(kind, cell),
        "flag": lambda cell: _value(kind, cell),
        "hot": lambda cell: _hot(kind, recognised.levels, cell),
        "size": lambda cell: _sizes(kind, recognised, cell),
    }[kind.form]
    rows = [[math.nan] * len(columns) if cell is None else row_of(cell) for cell in cells]
    values: NDArray[np.float32] = np.array(rows, dtype=np.float32).reshape(len(rows), len(columns))
    return Block(column.name, featurizer, features, values)


def cells_of(values: pd.Series[Any]) -> list[list[Any]]:
    """A plain column as cells for ``recognise`` and ``recognised_block``."""
    return [[] if is_missing(value) else [value] for value in values]


def _texts(cells: Sequence[list[Any]]) -> Counter[str]:
    return Counter(text for cell in cells for text in map(as_text, cell) if text)


def _columns(kind: Kind, recognised: Recognised) -> list[tuple[str, Title, str]]:
    if kind.form == "hot":
        return [
            (
                f"{kind.name}={level}",
                Title(f"{kind.title.en} {level}", f"{kind.title.ru} {kind.level(level).title.ru}"),
                "0/1",
            )
            for level in recognised.levels
        ]
    if kind.form == "size":
        return [(f"{kind.name}_{quantity}", Title(en, ru), "") for quantity, en, ru in _shown_sizes(recognised)]
    return [(kind.name, kind.title, "0/1" if kind.form == "flag" else kind.unit)]


def _behind(prefix: Title, title: Title) -> Title:
    return Title(": ".join(filter(None, (prefix.en, title.en))), ": ".join(filter(None, (prefix.ru, title.ru))))


def _one(kind: Kind, cell: Sequence[Any]) -> str | None:
    """One level for a cell of any number of values, as ``normalise`` gives for one."""
    if len(cell) > 1 and kind.many == "merge":
        return normalise(kind.name, ", ".join(map(as_text, cell)))
    return next(filter(None, (normalise(kind.name, value) for value in cell)), None)


def _value(kind: Kind, cell: Sequence[Any]) -> list[float]:
    """The least value of a cell's levels."""
    found = [kind.level(level).value for value in cell for level in normalise_all(kind.name, value)]
    return [min((value for value in found if value is not None), default=math.nan)]


def _hot(kind: Kind, levels: tuple[str, ...], cell: Sequence[Any]) -> list[float]:
    found = {level for value in cell for level in normalise_all(kind.name, value)}
    return [float(level in found) for level in levels]


def _shown_sizes(recognised: Recognised) -> list[tuple[str, str, str]]:
    return [column for column in _SIZE_COLUMNS if column[0].split("_")[0] in recognised.scales]


def _sizes(kind: Kind, recognised: Recognised, cell: Sequence[Any]) -> list[float]:
    """The smallest and the largest size on each scale that training had."""
    known = {level.name: level.value for level in kind.levels}
    found = [known.get(level) for value in cell for level in normalise_all(kind.name, value)]
    on_scale = {
        "letter": [value for value in found if value is not None],
        "number": [number for value in cell for number in size_numbers(value)],
    }
    ends = [on_scale[scale] for scale in ("letter", "number") if scale in recognised.scales]
    return [end(some) if some else math.nan for some in ends for end in (min, max)]
