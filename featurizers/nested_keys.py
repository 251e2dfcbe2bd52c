"""What one key of nested characteristics holds - numbers, yes or no, options, a category, texts - as columns."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.schema import Title
from featurizers.categories import codes_of, label_of, learn_categories
from featurizers.nested_flattening import TEXT_CHARACTERS
from featurizers.numbers import has_decimal_comma, parse_number, quantity, spellings_of
from featurizers.text_cleaning import as_text
from featurizers.units import UnitScale, learn_units, unit_named

MAX_CATEGORIES = 100  # of one key
MAX_OPTIONS = 20  # of one key that holds several values at a time
MIN_OPTION_SHARE = 0.005  # of rows with the key
NUMERIC_SHARE = 0.8
FLAG_SHARE = 0.95
SEVERAL_SHARE = 0.1  # of rows with more than one value, from which a key counts as holding several
MAX_PIECE = 30  # characters on average of what stands between separators
MIN_REPEATS = 1.5  # of a piece, on average over different strings
SEPARATORS = (";", "|", "\n", " / ", ",", "/")

_YES_NO = {
    **dict.fromkeys(("да", "есть", "имеется", "yes", "y", "true", "+", "присутствует", "в наличии"), 1.0),
    **dict.fromkeys(("нет", "отсутствует", "не имеется", "no", "n", "false", "-"), 0.0),
}

Key = dict[str, Any]
"""What was learned of a key, as plain JSON: ``key`` and ``form``, and what the form needs."""


def learn_key(name: str, cells: Sequence[list[Any]]) -> Key:
    """What a key holds, from its filled cells in training, each a list of at least one value.

    - ``number``: at least ``NUMERIC_SHARE`` of cells are one number, with or without a unit (``5 кг``);
    - ``flag``: at least ``FLAG_SHARE`` are yes or no in one of the usual words;
    - ``text``: values longer than ``TEXT_CHARACTERS`` on average, or of several words and hardly ever twice the same;
    - ``several``: at least ``SEVERAL_SHARE`` of cells hold several values, in a list or behind a separator;
    - ``category``: all else.
    """
    singles = Counter((type(cell[0]), cell[0]) for cell in cells if len(cell) == 1)  # 1 and True are not the same
    if sum(n for (_, value), n in singles.items() if _yes_no(value) is not None) >= FLAG_SHARE * len(cells):
        return {"key": name, "form": "flag"}
    comma = has_decimal_comma(str(value) for cell in cells for value in cell)
    spellings = spellings_of(value for cell in cells if len(cell) == 1 for value in cell)
    units = learn_units(spellings, name)
    numbers = sum(n for (_, value), n in singles.items() if not math.isnan(_number(value, UnitScale(), comma)))
    if numbers >= NUMERIC_SHARE * len(cells) and not _are_words(spellings):
        return {"key": name, "form": "number", "decimal_comma": comma, "units": units.to_json()}
    lengths = float(np.mean([sum(len(str(value)) for value in cell) / len(cell) for cell in cells]))
    separator = None if lengths > TEXT_CHARACTERS else _separator(cells)
    labels = _all_labels(cells, separator)
    distinct = Counter("; ".join(sorted(some)) for some in labels)
    several = sum(len(some) > 1 for some in labels) >= SEVERAL_SHARE * len(cells)
    options = Counter(label for some in labels for label in some)
    scattered = len(distinct) > 20 and len(distinct) > 0.5 * len(cells)
    if lengths > TEXT_CHARACTERS or (scattered and not (several and len(options) < 0.5 * len(cells))):
        words = float(np.mean([len(str(value).split()) for cell in cells for value in cell]))
        if lengths > TEXT_CHARACTERS or words >= 2:
            return {"key": name, "form": "text", "characters": sum(len(str(v)) for cell in cells for v in cell)}
    if several:
        least = max(2 if len(cells) >= 20 else 1, math.ceil(MIN_OPTION_SHARE * len(cells)))
        ranked = sorted((o for o in options if options[o] >= least), key=lambda o: (-options[o], o))
        return {"key": name, "form": "several", "options": ranked[:MAX_OPTIONS], "separator": separator}
    joined: list[str | None] = [_joined(some) for some in labels]
    return {"key": name, "form": "category", "categories": learn_categories(joined, MAX_CATEGORIES)}


def key_columns(key: Key) -> list[tuple[str, Title, str]]:
    """The columns of a key: what follows its name in theirs, the same for people, and the unit."""
    if key["form"] == "text":
        return []
    if key["form"] == "several":
        shown = [(f"={option}", Title(f" = {option}", f" = {option}"), "0/1") for option in key["options"]]
        return [*shown, ("_count", Title(": number of values", ": число значений"), "")]
    unit = {"number": key.get("units", {}).get("unit", ""), "flag": "0/1"}.get(key["form"], "")
    return [("", Title("", ""), unit)]


def key_categories(key: Key) -> tuple[str, ...] | None:
    """The categories of a key in the order of their codes, None if it has another form."""
    return tuple(key["categories"]) if key["form"] == "category" else None


def key_values(key: Key, cells: Sequence[list[Any] | None]) -> NDArray[np.float32]:
    """float32 (n_samples, n_columns). A cell is empty where the key is absent, None where that is unknown."""
    if key["form"] == "category":
        labels = _all_labels([cell or [] for cell in cells], None)
        return codes_of([_joined(some) for some in labels], tuple(key["categories"]))
    if key["form"] == "several":
        return _hot(key, cells)
    if key["form"] == "flag":
        found = [_yes_no(cell[0]) if cell and len(cell) == 1 else None for cell in cells]
        flags = [math.nan if flag is None else flag for flag in found]
        return np.array(flags, dtype=np.float32).reshape(-1, 1)
    units, comma = UnitScale(**key["units"]), key["decimal_comma"]
    numbers = [_number(cell[0], units, comma) if cell and len(cell) == 1 else math.nan for cell in cells]
    return np.array(numbers, dtype=np.float32).reshape(-1, 1)


def _hot(key: Key, cells: Sequence[list[Any] | None]) -> NDArray[np.float32]:
    """A column for each option (0/1), and the number of values; zeros where the key is absent."""
    place = {option: i for i, option in enumerate(key["options"])}
    result = np.zeros((len(cells), len(place) + 1), dtype=np.float32)
    for i, cell in enumerate(cells):
        if cell is None:
            result[i] = np.nan
            continue
        labels = _labels(cell, key["separator"])
        result[i, [place[label] for label in labels if label in place]] = 1
        result[i, -1] = len(labels)
    return result


def _are_words(spellings: Counter[str]) -> bool:
    """Whether what stands behind the numbers says more than they do: ``1 separate``, ``1 combined``."""
    unknown = {unit: n for unit, n in spellings.items() if len(unit) > 2 and unit_named(unit) is None}
    total = sum(unknown.values())
    return 2 * total > sum(spellings.values()) and max(unknown.values()) < NUMERIC_SHARE * total


def _number(value: Any, units: UnitScale, comma: bool) -> float:
    return quantity(value, units, decimal_comma=comma) if isinstance(value, str) else parse_number(value)


def _yes_no(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return _YES_NO.get(value.strip(" .!").casefold()) if isinstance(value, str) and len(value) < 40 else None


def _all_labels(cells: Sequence[list[Any]], separator: str | None) -> list[list[str]]:
    """``_labels`` of every cell; single texts, of which many are equal, are looked at once."""
    known: dict[str, list[str]] = {}
    result = []
    for cell in cells:
        if len(cell) == 1 and isinstance(cell[0], str):
            labels = known.get(cell[0])
            if labels is None:
                labels = known[cell[0]] = _labels(cell, separator)
            result.append(labels)
        else:
            result.append(_labels(cell, separator))
    return result


def _labels(cell: list[Any], separator: str | None) -> list[str]:
    """Distinct labels of a cell in their order."""
    pieces = cell
    if separator is not None:
        pieces = [piece for value in cell for piece in as_text(value).split(separator)]
    return list(dict.fromkeys(label for label in map(label_of, pieces) if label))


def _joined(labels: list[str]) -> str | None:
    """One category for the labels of a cell, None if there are none."""
    return labels[0] if len(labels) == 1 else label_of("; ".join(sorted(set(labels))))


def _separator(cells: Sequence[list[Any]]) -> str | None:
    """What separates options in one string, if the pieces are short and stand in other strings, too."""
    texts = Counter(as_text(cell[0]) for cell in cells if len(cell) == 1)
    total = sum(texts.values())
    for separator in SEPARATORS:
        holding = [text for text in texts if separator in text.strip(separator + " ")]
        if sum(texts[text] for text in holding) < SEVERAL_SHARE * total or not holding:
            continue
        pieces = Counter(piece.strip() for text in holding for piece in text.split(separator))
        n_pieces = sum(pieces.values())
        short = sum(len(piece) * n for piece, n in pieces.items()) <= MAX_PIECE * n_pieces
        if short and n_pieces >= MIN_REPEATS * len(pieces):
            return separator
    return None
