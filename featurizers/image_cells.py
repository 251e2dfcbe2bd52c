"""A cell of an image column to the photos in it: one, several, or none."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from featurizers.image_loading import ENDINGS, LONGEST_PATH, MAX_BYTES, ImageLoader, looks_like_base64
from featurizers.nested_parsing import MAX_CHARACTERS, parse_nested

MAX_PHOTOS = 64  # of a cell; the others are not looked at

_MAX_DEPTH = 3
_LONGEST_JOINED = MAX_PHOTOS * LONGEST_PATH
_SEPARATORS = ("\n", "|", ";", ",", " ")
_ENDING = "|".join(ending[1:] for ending in ENDINGS)
# A separator between paths stands after the ending of a photo; others belong to a name: "Red, blue.jpg; 2.jpg".
_AFTER_ENDING = re.compile(rf"(?<=\.)(?P<ending>{_ENDING})(?P<gap>\s*[\n|;,]\s*|\s+)(?=\S)", re.IGNORECASE)
_BEFORE_DATA = re.compile(r"[\s,;|]+(?=data:)")
_BYTES_LITERAL = re.compile(r"""b'(?:[^'\\]++|\\.)*+'|b"(?:[^"\\]++|\\.)*+\"""", re.DOTALL)
# Every string ends: parsing texts whose strings do not would take quadratic time.
_WHOLE = re.compile(r"""(?:[^'"]++|'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+")*+""", re.DOTALL)
_BYTES_PREFIX = re.compile(r"(?<=[\[,\s(])b(?=['\"])")
_FAILURES = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)

_BYTES_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF", b"II*\x00", b"MM\x00*", b"BM")
_SNIFFED = 200  # values looked at to recognise a column of photos
_LEAST_SHARE = 0.8


def photos_in(value: Any, loader: ImageLoader) -> list[Any]:
    """What ``ImageLoader.load`` takes, for each photo of a cell in order; may be more than ``MAX_PHOTOS``.

    Several photos are a list or array, a dictionary of them, such a list in a string (JSON or a Python
    literal), or paths, ids or base64 joined by a line break, ``|``, ``;``, ``,`` or white space. A path may
    hold any of these itself: what is a file as it stands is one photo. Missing items of a list are passed
    over, and an empty list gives none; a cell that holds anything else comes back as the only item.
    """
    if isinstance(value, str):
        return _in_text(value, loader)
    return _flat(value, 0) if _is_several(value) else [value]


def first_photo(value: Any, loader: ImageLoader) -> Any:
    """The first photo of a cell, None for an empty one."""
    return next(iter(photos_in(value, loader)), None)


def sniff_image_values(values: pd.Series[Any]) -> str | None:
    """Why a column holds photos, for people; None if it does not.

    The reason begins with the form of the values: ``path``, ``base64`` or ``bytes``. Ids of photos
    cannot be told from other ids, so a task has to name them.
    """
    known = [value for value in values.dropna().head(_SNIFFED) if not (isinstance(value, str) and not value.strip())]
    nowhere = ImageLoader(None)
    forms: Counter[str] = Counter()
    endings: set[str] = set()
    several = False
    for value in known:
        cell = [value] if _is_record(value) else photos_in(value, nowhere)
        form = _form_of(cell)
        forms[form] += bool(cell)
        if forms[""] > (1 - _LEAST_SHARE) * len(known):
            return None
        several = several or len(cell) > 1
        endings |= {_ending_of(item) for item in cell} if form == "path" else set()
    form, count = forms.most_common(1)[0] if forms else ("", 0)
    if not form or count < _LEAST_SHARE * forms.total():
        return None
    why = {
        "path": f"the values end in {', '.join(sorted(endings))}",
        "base64": "the values are photos in base64",
        "bytes": "the values are bytes of photos",
    }
    return f"{form}: {why[form]}" + (", several in a cell" if several else "")


def _form_of(cell: list[Any]) -> str:
    """What all items of a cell are: ``path``, ``base64`` or ``bytes``; an empty string if they are no photos."""
    for form, test in (("path", _ending_of), ("base64", _is_base64), ("bytes", _is_bytes_of_photo)):
        if cell and all(map(test, cell)):
            return form
    return ""


def _is_base64(item: Any) -> bool:
    return isinstance(item, str) and looks_like_base64(item)


def _ending_of(item: Any) -> str:
    """The ending of a path of a photo, or an empty string."""
    if not isinstance(item, str) or len(item) > LONGEST_PATH or "://" in item:
        return ""
    return next((ending for ending in ENDINGS if item.lower().endswith(ending)), "")


def _is_bytes_of_photo(item: Any) -> bool:
    return isinstance(item, (bytes, bytearray)) and (item.startswith(_BYTES_STARTS) or item[4:8] == b"ftyp")


def _is_record(value: Any) -> bool:
    """Whether a cell is a dictionary of whatever things, rather than one that describes a photo."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        value = _parsed(value)
    return isinstance(value, Mapping) and not _is_photo_record(value)


def _is_photo_record(value: Mapping[Any, Any]) -> bool:
    """``{"bytes": ..., "path": ...}``, as data sets keep photos in parquet files."""
    return 0 < len(value) <= 3 and value.keys() <= {"bytes", "path", "url"}


def _has_content(photo: Any) -> bool:
    return not isinstance(photo, (str, bytes, bytearray)) or bool(photo)


def _is_several(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1 or value.dtype == object
    return isinstance(value, (list, tuple, set, frozenset, Mapping))


def _flat(value: Any, depth: int) -> list[Any]:
    """The photos in a list, or in lists in it; at most one more than ``MAX_PHOTOS``."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype == np.uint8:
        return [value.tobytes()]  # the bytes of a file, as parquet may hold them
    if isinstance(value, Mapping) and _is_photo_record(value):
        photos = (_flat(value.get(name), depth + 1) for name in ("bytes", "path", "url"))
        return next((photo for photo in photos if any(map(_has_content, photo))), [])
    if not _is_several(value):
        return [] if _is_missing(value) else [value]
    if depth > _MAX_DEPTH:
        return [value]
    inner: Iterable[Any] = value
    if isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, (set, frozenset)):
        inner = sorted(value, key=str)
    found: list[Any] = []
    for item in inner:
        found += _flat(item, depth + 1)
        if len(found) > MAX_PHOTOS:
            break
    return found[: MAX_PHOTOS + 1]


def _is_missing(value: Any) -> bool:
    if isinstance(value, (str, bytes)):
        return not value or value.isspace()
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _in_text(text: str, loader: ImageLoader) -> list[Any]:
    start = text[:64].lstrip()
    if start[:1] in ("[", "(", "{", "b") or start.startswith("array("):
        if len(text) <= LONGEST_PATH and loader.finds(text):
            return [text]
        parsed = _parsed(text)
        if parsed is not None:
            return _flat(parsed, 0)
    if start.startswith("data:"):
        return _BEFORE_DATA.split(text.strip(), MAX_PHOTOS + 1)
    if looks_like_base64(text):  # whose alphabet has none of these
        return [piece for piece in re.split(r"[,;|]", text, maxsplit=MAX_PHOTOS + 1) if piece.strip()]
    if len(text) > _LONGEST_JOINED or not any(separator in text for separator in _SEPARATORS) or loader.finds(text):
        return [text]
    return _paths(text, loader) or (_ids(text, loader) if loader.has_folder else []) or [text]


def _parsed(text: str) -> Any:
    """The list or dictionary written in a text, bytes if it is a literal of bytes; None if it is none of them."""
    if "\\x" in text[:256] and len(text) <= 4 * MAX_BYTES:
        found = _bytes_literals(text)
        if found:
            return found
    text = text.strip()
    if text[:1] == "b":
        return None
    if text[:1] == "(" and text[-1:] == ")":
        text = f"[{text[1:-1]}]"
    try:
        parsed = json.loads(text)
    except _FAILURES:
        parsed = _literal(text)
    return parsed if isinstance(parsed, (list, dict)) else None


def _literal(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        return _long_literal(text)
    text = text if _WHOLE.fullmatch(text) else text.replace('\\"', '"').replace("\\'", "'")  # escaped twice
    return parse_nested(text) if _WHOLE.fullmatch(text) else None


def _bytes_literals(text: str) -> list[bytes]:
    """``b'\\xff\\xd8...'``, one or a list of them, as columns of bytes become in CSV files."""
    if _BYTES_LITERAL.sub("", text).strip("[](), \n"):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            return [ast.literal_eval(literal[0]) for literal in _BYTES_LITERAL.finditer(text)]
    except _FAILURES:
        return []


def _long_literal(text: str) -> Any:
    """A Python list of base64, of any length."""
    if '"' in text or "\\" in text:
        return None
    try:
        return json.loads(_BYTES_PREFIX.sub("", text).replace("'", '"'))
    except _FAILURES:
        return None


def _paths(text: str, loader: ImageLoader) -> list[str]:
    """Paths with endings, joined by separators; none if there are not at least two."""
    gaps = [(match.start("gap"), match.end("gap")) for match in _AFTER_ENDING.finditer(text)]
    if not gaps:
        return []
    starts = [0, *(end for _, end in gaps)]
    ends = [*(start for start, _ in gaps), len(text)]
    found: list[str] = []
    i = 0
    while i < len(starts) and len(found) <= MAX_PHOTOS:
        last = i
        if not loader.finds(text[starts[i] : ends[i]].strip()) and i + 1 < len(starts):
            # A name may hold an ending and a separator itself: "a.jpg, copy.jpg".
            last = i + 1 if loader.finds(text[starts[i] : ends[i + 1]].strip()) else i
        found.append(text[starts[i] : ends[last]].strip(" \t\r\n|;,"))
        i = last + 1
    return found


def _ids(text: str, loader: ImageLoader) -> list[str]:
    """Ids or paths without endings; at least half of them must be there, and all if white space parts them."""
    for separator in _SEPARATORS:
        pieces = [piece.strip() for piece in text.split(separator, MAX_PHOTOS + 1)]
        pieces = [piece for piece in pieces if piece]
        if len(pieces) > 1:
            there = sum(map(loader.finds, pieces[:MAX_PHOTOS]))
            if there and there >= len(pieces[:MAX_PHOTOS]) * (1.0 if separator == " " else 0.5):
                return pieces
    return []
