"""A nested value as flat keys with lists of plain values, and as one readable text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from featurizers.nested_parsing import parse_nested
from featurizers.numbers import is_missing
from featurizers.text_cleaning import as_text

TEXT_CHARACTERS = 60  # a value longer than this is a text for people
MAX_KEY_CHARACTERS = 80
MAX_FLAT_KEYS = 1000  # of one cell
ITSELF = "value"  # the key of values that stand in a list without keys

Flat = dict[str, list[Any]]

_NAME_KEYS = ("charcName", "charc_name", "name", "key", "title", "attribute", "characteristic", "label", "property")
_VALUE_KEYS = ("charcValues", "charc_values", "values", "value", "val", "charcValue", "text")
_PAIR = re.compile(r"([^:\n]{1,40}):\s+(\S[^\n]*)")
_FIRST = ("title", "name", "название", "наименование", "заголовок", "description", "описание", "text")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_MARKS = re.compile(r"[{}\[\]\"'\\]+")


def flatten(nested: Mapping[str, Any] | list[Any]) -> Flat:
    """Filled keys to their distinct values, each a list of at least one string, number or bool.

    ``{"a": {"b": 1}}`` gives ``a.b``; a list of ``{charcName, value, charcValues}`` or of
    ``"Colour: red"`` gives the names as keys; other lists give all their values under the key of the
    list. Empty texts, None, and empty lists and dictionaries are not filled.
    """
    flat: Flat = {}
    _walk(nested, "", flat)
    return flat


def flatten_values(values: pd.Series[Any]) -> tuple[list[Flat | None], NDArray[np.bool_]]:
    """Each cell flattened - empty if the cell is missing, None if it is unreadable - and which are unreadable."""
    flats: list[Flat | None] = []
    for value in values:
        parsed = {} if _is_absent(value) else parse_nested(value)
        flats.append(None if parsed is None else flatten(parsed))
    return flats, np.array([flat is None for flat in flats], dtype=bool)


def nested_texts(values: pd.Series[Any]) -> pd.Series[Any]:
    """What is written in each cell as one text, with the index of ``values``; None where nothing is.

    Title and description come first, then ``key: value`` lines in alphabetical order. Of a cell that
    cannot be parsed (one that is cut off, say) the raw text without brackets and quotes is taken.
    """
    flats, unreadable = flatten_values(values)
    texts: list[str | None] = []
    for value, flat, broken in zip(values, flats, unreadable, strict=True):
        text = _raw(as_text(value)) if broken else _written(flat or {})
        texts.append(text.strip() or None)
    return pd.Series(texts, index=values.index, dtype=object, name=values.name)


def _raw(text: str) -> str:
    return _MARKS.sub(" ", as_text(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)))


def _is_absent(value: Any) -> bool:
    return is_missing(value) or (isinstance(value, str) and value.strip().casefold() in ("nan", "none", "null", "<na>"))


def _walk(value: Any, key: str, flat: Flat) -> None:
    if isinstance(value, Mapping):
        pair = _named_pair(value)
        if pair is not None:
            _walk(pair[1], _join(key, pair[0]), flat)
            return
        for inner_key, inner in value.items():
            _walk(inner, _join(key, str(inner_key)), flat)
    elif isinstance(value, list):
        for inner in value:
            found = _PAIR.fullmatch(inner.strip()) if isinstance(inner, str) and len(inner) <= 200 else None
            if found:
                _walk(found[2], _join(key, found[1]), flat)
            else:
                _walk(inner, key, flat)
    elif not is_missing(value) and (key in flat or len(flat) < MAX_FLAT_KEYS):
        cell = flat.setdefault(key or ITSELF, [])
        plain = value.strip() if isinstance(value, str) else value
        if plain not in cell:
            cell.append(plain)


def _named_pair(value: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Name and value of ``{charcName, value, charcValues}`` and its likes."""
    if len(value) > 6:
        return None
    name = next((key for key in _NAME_KEYS if isinstance(value.get(key), str) and value[key].strip()), None)
    held = [key for key in _VALUE_KEYS if key in value and key != name]
    if name is None or not held:
        return None
    return value[name], next((value[key] for key in held if value[key] not in (None, "", [], {})), None)


def _join(prefix: str, key: str) -> str:
    key = " ".join(as_text(key).split())[:MAX_KEY_CHARACTERS]
    return f"{prefix}.{key}"[:MAX_KEY_CHARACTERS] if prefix and key else prefix or key


def _written(flat: Flat) -> str:
    def order(key: str) -> tuple[int, str]:
        last = key.rsplit(".", 1)[-1].casefold()
        return (_FIRST.index(last) if last in _FIRST else len(_FIRST)), key

    return "\n".join(_line(key.rsplit(".", 1)[-1], flat[key]) for key in sorted(flat, key=order))


def _line(key: str, cell: Iterable[Any]) -> str:
    text = ", ".join(as_text(value) for value in cell)
    return text if key.casefold() in _FIRST or key == ITSELF or len(text) > TEXT_CHARACTERS else f"{key}: {text}"
