"""Nested values in strings - JSON, Python literals, and the broken spellings of both - without ever running them."""

from __future__ import annotations

import ast
import html
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurizers.nested_escapes import utf8_escapes, without_layers
from featurizers.nested_repair import EXCERPT, MAX_DEPTH, WRAPPERS, Fault, read_damaged

MAX_CHARACTERS = 1_000_000
MAX_LAYERS = 8  # of strings that hold strings

_STRING = r"""'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+\""""
_TOKEN = re.compile(rf"(?P<text>{_STRING})|(?P<word>(?<![\w.])[^\W\d]\w*+)|(?P<other>[\w.]+|\s+|[^'\"])", re.DOTALL)
# The last choice takes a string that does not end to the end of the text, so that none is looked at twice.
_TEXT = re.compile(rf"{_STRING}|['\"].*+", re.DOTALL)
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_TEXT_OR_WORD = re.compile(rf"(?:{_STRING})|(?P<endless>['\"].*+)|\b(?:True|False|None)\b", re.DOTALL)
_CLEAN = re.compile(r"(?:[\[\]{}():,]|[\s]++|-?[\d.]++(?=[\s,:\])}])(?!\s*+[\d{\[(])|(?:True|False|None)\b)*+")
_WORDS = {
    "True": "True", "False": "False", "None": "None", "true": "True", "false": "False", "null": "None", "nan": "None",
    "NaN": "None", "NaT": "None", "inf": "None", "Infinity": "None", "undefined": "None", "u": "", "U": "", "b": "b",
    "B": "b", "np": "", "numpy": "", **dict.fromkeys(WRAPPERS, ""),
}  # fmt: skip
_OF_NUMPY = frozenset(f".{name}" for name in WRAPPERS)
_DTYPE = re.compile(r",\s*dtype=(?:object|'[^']{0,20}'|\w{1,20})\s*\)")
# Sums and chains of signs are no data, and long ones would exhaust the parser's stack.
_OPERATOR = re.compile(r"[\d)\]}]\s*[-+*/%@|&^<>=]|[-+~]\s*[-+~(\[{]|[=;!@#$`?]|\*")
_UNSEPARATED = re.compile(r"([}\])])(\s*)(?=[{\[(])")
_FAILURES = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Reading:
    """What a cell holds: ``nested`` is None if nothing of it could be read, ``fault`` None if all of it could."""

    nested: dict[str, Any] | list[Any] | None
    fault: Fault | None = None


def parse_nested(value: Any) -> dict[str, Any] | list[Any] | None:
    """The dictionary or list in a cell, with plain Python values inside; None if it is not whole.

    Takes dictionaries, lists, tuples, sets and arrays as they are, and strings or bytes that hold JSON
    or Python literals: also escaped twice or more, with HTML entities, as ``b'...'``, or printed by
    numpy (without commas). What is cut off, over ``MAX_CHARACTERS`` long or over ``MAX_DEPTH`` deep is
    none. Nothing is evaluated but literals.
    """
    for _ in range(MAX_LAYERS):
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = bytes(value).decode("utf-8", errors="replace")
        if not isinstance(value, str):
            break
        value = _parse_text(value)
    try:
        plain = _plain(value, 0)
    except _FAILURES:
        return None
    return plain if isinstance(plain, (dict, list)) else None


def read_nested(value: Any) -> Reading:
    """Like ``parse_nested``; of what is cut off or damaged what can be read, and the first bad place."""
    nested = parse_nested(value)
    if nested is not None:
        return Reading(nested)
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value).decode("utf-8", errors="replace")
    if not isinstance(value, str):
        shown = str(value) if isinstance(value, (int, float)) else type(value).__name__
        return Reading(None, Fault(0, shown[:EXCERPT]))
    if not looks_nested(value):
        return Reading(None, Fault(0, value[: 2 * EXCERPT]))
    text = without_layers(value[:MAX_CHARACTERS])
    try:
        found, fault = read_damaged(text)
        plain = _plain(found, 0)
    except _FAILURES:
        return Reading(None, Fault.at(text, 0))
    if not isinstance(plain, (dict, list)) or not _holds_values(plain):
        return Reading(None, fault or Fault.at(text, 0))
    return Reading(plain, fault)


def looks_nested(value: Any) -> bool:
    """Whether a cell is, or begins like, a dictionary or list; without parsing it."""
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value[:20]).decode("utf-8", errors="replace")
    if isinstance(value, str):
        return value.lstrip(" \n\t\r\ufeff'\"bu\\")[:1] in ("{", "[") or value.startswith(("array([", "OrderedDict("))
    return isinstance(value, (Mapping, list, tuple, set, frozenset, np.ndarray))


def _holds_values(nested: Any) -> bool:
    if isinstance(nested, (dict, list)):
        return any(map(_holds_values, nested.values() if isinstance(nested, dict) else nested))
    return nested is not None and nested != ""


def _parse_text(text: str) -> Any:
    text = text.strip().lstrip("\ufeff")
    if not text or len(text) > MAX_CHARACTERS or not looks_nested(text):
        return None
    if "\\x" in text and (text[:1] not in "bB" or "\\\\x" in text):
        text = utf8_escapes(text)
    for spelling in _SPELLINGS:
        try:
            found = spelling(text)
        except _FAILURES:
            continue
        if isinstance(found, (dict, list, tuple, set, str, bytes)):
            return found
    return None


def _as_json(text: str) -> Any:
    """Most Python literals are JSON but for the quotation marks and three words; the rest fails here."""
    if "'" not in text:
        raise ValueError("no Python strings")
    return json.loads(_TEXT_OR_WORD.sub(_json_token, text))


def _json_token(found: re.Match[str]) -> str:
    token = found[0]
    if token[0] not in "'\"":
        return _JSON_WORDS[token]
    if "\\" in token or found["endless"]:
        raise ValueError("escapes are left to Python")
    return token if token[0] == '"' else '"' + token[1:-1].replace('"', '\\"') + '"'


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # "\d" in somebody's data is not our author's slip
        warnings.simplefilter("ignore", DeprecationWarning)
        return ast.literal_eval(text if _is_clean(text) else _mended(text))


def _is_clean(text: str) -> bool:
    """Whether a text needs no mending: the quick way for most values."""
    bare = _TEXT.sub("0", text)
    return bool(_CLEAN.fullmatch(bare)) and not (_UNSEPARATED.search(bare) or _is_no_literal(bare))


def _mended(text: str) -> str:
    """The text as a Python literal, or ValueError if it holds anything but literals or is too deep."""
    pieces: list[str] = []
    skeleton: list[str] = []  # the same without strings, to be checked
    after_text = False
    position = 0
    text = _DTYPE.sub(")", text)
    if _is_no_literal(_TEXT.sub("0", text)):  # before each mark is looked at: a million of them take seconds
        raise ValueError("not a literal")
    for token in _TOKEN.finditer(text):
        if token.start() != position:
            raise ValueError("a string does not end")
        position = token.end()
        piece = token[0]
        if token["word"]:
            if piece not in _WORDS:
                raise ValueError(f"{piece[:40]!r} is no literal")
            piece = _WORDS[piece]
        elif token["text"] and after_text:
            pieces.append(",")
        elif piece in _OF_NUMPY and pieces and not pieces[-1]:
            piece = ""
        after_text = bool(token["text"]) or (after_text and piece.isspace())
        pieces.append(piece)
        skeleton.append("0" if token["text"] else piece)
    bare = "".join(skeleton)
    if position != len(text) or _is_no_literal(bare):
        raise ValueError("not a literal")
    return "".join(pieces) if not _UNSEPARATED.search(bare) else _separated(pieces)


def _separated(pieces: list[str]) -> str:
    """Commas between ``}`` and ``{``, as arrays of numpy are printed without them."""
    result: list[str] = []
    last = ""
    for piece in pieces:
        if piece in "{[(" and last in ("}", "]", ")"):
            result.append(",")
        result.append(piece)
        last = last if piece.isspace() else piece
    return "".join(result)


def _is_no_literal(bare: str) -> bool:
    """Whether a text without its strings holds a sum, or is too deep."""
    return bool(_OPERATOR.search(bare)) or _is_too_deep(bare)


def _is_too_deep(bare: str) -> bool:
    depth = 0
    for character in bare:
        if character in "{[(":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif character in "}])":
            depth -= 1
    return False


def _layered(text: str) -> Any:
    if "\\" not in text and text[:1] not in "bB'\"":
        raise ValueError("nothing is escaped")
    inner = without_layers(text)
    try:
        return json.loads(inner)
    except _FAILURES:
        return _literal(inner)


def _entities(text: str) -> Any:
    if "&quot;" not in text and "&#39;" not in text and "&#34;" not in text:
        raise ValueError("no entities")
    plain = html.unescape(text)
    try:
        return json.loads(plain)
    except _FAILURES:
        return _literal(plain)


_SPELLINGS: tuple[Callable[[str], Any], ...] = (json.loads, _as_json, _literal, _layered, _entities)


def _plain(value: Any, depth: int) -> Any:
    """Dictionaries with string keys, lists, and scalars."""
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, Mapping):
        return {_key(key): _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(inner, depth + 1) for inner in value), key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(inner, depth + 1) for inner in value if inner is not ...]
    if isinstance(value, np.ndarray):
        return [_plain(inner, depth + 1) for inner in value.tolist()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", errors="replace")
    return value


def _key(key: Any) -> str:
    return key.decode("utf-8", errors="replace") if isinstance(key, bytes) else str(key)
