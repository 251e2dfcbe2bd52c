"""A nested value as flat keys with lists of plain values, and as one readable text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from featurizers.key_merging import KeyMerging
from featurizers.nested_parsing import parse_nested, read_nested
from featurizers.nested_repair import Fault
from featurizers.numbers import is_missing
from featurizers.text_cleaning import as_text

TEXT_CHARACTERS = 60  # a value longer than this is a text for people
MAX_KEY_CHARACTERS = 80
MAX_FLAT_KEYS = 1000  # of one cell
MAX_VALUES = 500  # of one key of one cell
ITSELF = "value"  # the key of values that stand in a list without keys
REST = ""  # the name of the text that holds all keys which have no text of their own
CACHED_CHARACTERS = 64_000_000  # of cells whose flat values are kept: a fit reads each cell several times

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


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell flattened: empty if it is missing, ``flat`` is None if nothing can be read.

    With a ``fault`` the cell is cut off or damaged, and what is not in ``flat`` is unknown, not absent.
    Shared between calls: never change it.
    """

    flat: Flat | None
    fault: Fault | None = None


class _Cache:
    """Cells by the hash of their text, in two generations, so that a full one forgets only what lay unused."""

    def __init__(self) -> None:
        self._young: dict[int, Cell] = {}
        self._old: dict[int, Cell] = {}
        self._characters = 0

    def read(self, text: str) -> Cell:
        key = xxhash.xxh3_128_intdigest(text.encode("utf-8", errors="surrogatepass"))
        cell = self._young.get(key)
        if cell is None:
            cell = self._old.get(key) or _read(text)
            self._characters += len(text) + 500
            if 2 * self._characters > CACHED_CHARACTERS:
                self._young, self._old, self._characters = {}, self._young, 0
            self._young[key] = cell
        return cell


_CACHE = _Cache()


def read_cells(values: pd.Series[Any]) -> list[Cell]:
    """Each cell flattened, in the order of ``values``. Strings that were read lately are not parsed again."""
    nothing = Cell({})
    return [
        nothing if _is_absent(value) else _CACHE.read(value) if isinstance(value, str) else _read(value)
        for value in values
    ]


def flatten_values(values: pd.Series[Any]) -> tuple[list[Flat | None], NDArray[np.bool_]]:
    """Each cell flattened - empty if the cell is missing, None if it is unreadable - and which are unreadable."""
    flats = [cell.flat for cell in read_cells(values)]
    return flats, np.array([flat is None for flat in flats], dtype=bool)


def nested_texts(values: pd.Series[Any]) -> pd.Series[Any]:
    """What is written in each cell as one text, with the index of ``values``; None where nothing is.

    Title and description come first, then ``key: value`` lines in alphabetical order. Of a cell of
    which nothing can be read the raw text without brackets and quotes is taken.
    """
    return nested_texts_by_key(values, ())[REST]


def nested_texts_by_key(
    values: pd.Series[Any], keys: Sequence[str], merging: KeyMerging | None = None
) -> dict[str, pd.Series[Any]]:
    """The texts of some keys, each by itself, and all others as one text under ``REST``, as in ``nested_texts``.

    Series have the index of ``values`` and None where nothing is written. Each cell is parsed once.
    """
    texts: dict[str, list[str | None]] = {key: [] for key in (*keys, REST)}
    for value, cell in zip(values, read_cells(values), strict=True):
        flat = cell.flat or {}
        if merging is not None:
            flat = merging.merge(flat)
        for key in keys:
            texts[key].append("\n".join(map(as_text, flat.get(key, ()))).strip() or None)
        rest = {key: held for key, held in flat.items() if key not in texts} if keys else flat
        text = _raw(as_text(value)) if cell.flat is None else _written(rest)
        texts[REST].append(text.strip() or None)
    return {key: pd.Series(some, index=values.index, dtype=object, name=values.name) for key, some in texts.items()}


def _read(value: Any) -> Cell:
    reading = read_nested(value)
    flat = None if reading.nested is None else flatten(reading.nested)
    return Cell(flat, reading.fault)


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
    elif isinstance(value, str) and value[:1] in ("{", "[") and value[-1:] in ("}", "]") and len(value) > 2:
        inner = parse_nested(value)  # a string that holds characteristics, within characteristics
        if isinstance(inner, dict) or (inner and all(isinstance(item, dict) for item in inner)):
            _walk(inner, key, flat)
        else:
            _put(value, key, flat)
    else:
        _put(value, key, flat)


def _put(value: Any, key: str, flat: Flat) -> None:
    if not is_missing(value) and (key in flat or len(flat) < MAX_FLAT_KEYS):
        cell = flat.setdefault(key or ITSELF, [])
        plain = value.strip() if isinstance(value, str) else value
        if len(cell) < MAX_VALUES and plain not in cell:
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
    return _joined(prefix, key[: 10 * MAX_KEY_CHARACTERS])


@lru_cache(maxsize=10_000)
def _joined(prefix: str, key: str) -> str:
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
