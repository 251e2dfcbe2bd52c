"""Changes of characteristics within what training rows have: a missing one filled in, a number or an option changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from artifacts.schema import Title

MOST_VALUES = 5  # of a key or a category that are tried
MOST_KEYS = 12  # of nested characteristics that are filled in
SAME = 1e-9
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Known:
    """What training rows have in a column: quantiles of a number, frequent levels, frequent values of nested keys."""

    quantiles: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def change_number(value: Any, known: Known) -> Iterator[tuple[Title, Any]]:
    """To the usual values of training rows that differ from this one."""
    number = float(value) if isinstance(value, (int, float)) else np.nan
    for wanted in dict.fromkeys(known.quantiles):
        if np.isnan(number):
            yield Title(f"Fill in {wanted:g}", f"Указать {wanted:g}"), wanted
        elif abs(wanted - number) > SAME * max(abs(wanted), abs(number), SAME):
            yield Title(f"Change to {wanted:g}", f"Изменить на {wanted:g}"), wanted


def change_level(value: Any, known: Known) -> Iterator[tuple[Title, Any]]:
    """To one of the frequent options."""
    there = value if isinstance(value, str) and value.strip() else None
    for level in known.levels[:MOST_VALUES]:
        if level != there:
            title = Title(f"Choose “{level}”", f"Выбрать «{level}»")
            yield (title if there else Title(f"Fill in “{level}”", f"Указать «{level}»")), level


def fill_in(value: Mapping[str, Any], known: Known) -> Iterator[tuple[Title, Any]]:
    """A key that this row lacks and many rows have, with the values that are usual for it."""
    have = {key.strip().lower() for key, held in value.items() if held not in (None, "", [], {})}
    for key, values in list(known.keys.items())[:MOST_KEYS]:
        if key.strip().lower() not in have:
            for one in values[:MOST_VALUES]:
                yield Title(f"Fill in “{key}”: {one}", f"Заполнить «{key}»: {one}"), {**value, key: one}


def add_item(value: Sequence[str], known: Known) -> Iterator[tuple[Title, Any]]:
    """A frequent item that the list lacks."""
    for item in known.levels[:MOST_VALUES]:
        if item not in value:
            yield Title(f"Add “{item}”", f"Добавить «{item}»"), [*value, item]
