"""What can be read of a nested value that is cut off or damaged, and where the first bad place is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from featurizers.nested_escapes import unescaped

MAX_DEPTH = 40
EXCERPT = 20  # characters before and behind the first bad place
LONG = 60  # a text of this length is of use although its end is lost; a short value is not


# A quotation mark within a string ends it only before a mark of structure: 'Men's shirt' is one string.
# Numpy prints no commas, so a space and another string will do, too.
_ENDS = r"(?:\s*+(?:[,:\]})]|$)|\s++[bBuU]?['\"])"
_TOKEN = re.compile(
    rf"""
    (?P<text>[bBuU]?(?:'(?:[^'\\]++|\\.|'(?!{_ENDS}))*+'|"(?:[^"\\]++|\\.|"(?!{_ENDS}))*+"))
    |(?P<open>[bBuU]?['"].*)
    |(?P<word>[\w.+-]++)
    |(?P<space>\s++)
    |(?P<mark>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_NUMBER = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d{1,3})?")
_WORDS = {"True": True, "False": False, "true": True, "false": False}
_NOTHING = frozenset(("None", "null", "nan", "NaN", "inf", "Infinity", "-Infinity", "undefined", "NaT"))
WRAPPERS = frozenset(
    ("array", "set", "frozenset", "OrderedDict", "Counter", "Decimal", "Timestamp", "UUID", "ObjectId", "str_",
     "float64", "float32", "int64", "int32", "bool_", "float16", "int8", "int16", "uint8")
)  # fmt: skip
_CLOSES = {"{": "}", "[": "]", "(": ")"}
_NO_KEY = object()
_NO_VALUE = object()


@dataclass(frozen=True)
class Fault:
    """The first bad place: ``position`` counts characters of the text as it is after its escapes are undone."""

    position: int
    excerpt: str
    cut: bool = False  # the text ends in the middle, and is whole before

    @classmethod
    def at(cls, text: str, position: int, *, cut: bool = False) -> Fault:
        """A fault with what stands around it."""
        return cls(position, text[max(0, position - EXCERPT) : position + EXCERPT], cut)


@dataclass
class _Frame:
    """A dictionary or list that is not closed yet."""

    opened: str
    held: dict[str, Any] | list[Any]
    key: Any = _NO_KEY
    value: Any = _NO_VALUE
    bad: bool = False  # what is read until the next comma is not to be trusted

    def settle(self) -> bool:
        """Put the value that was read where it belongs; whether all was as it should be."""
        key, value, bad = self.key, self.value, self.bad
        self.key, self.value, self.bad = _NO_KEY, _NO_VALUE, False
        if bad:
            return True
        if isinstance(self.held, list):
            if value is not _NO_VALUE:
                self.held.append(value)
            return True
        if value is _NO_VALUE or key is _NO_KEY:
            return value is _NO_VALUE and key is _NO_KEY
        self.held[key if isinstance(key, str) else str(key)] = value
        return True


@dataclass
class _Reader:
    text: str
    stack: list[_Frame] = field(default_factory=list)
    root: Any = None
    fault: Fault | None = None

    def note(self, position: int, *, cut: bool = False) -> None:
        if self.fault is None:
            self.fault = Fault.at(self.text, position, cut=cut)

    def spoil(self, position: int) -> None:
        self.note(position)
        self.stack[-1].bad = True

    def put(self, value: Any, position: int) -> None:
        frame = self.stack[-1]
        if frame.value is _NO_VALUE:
            frame.value = value
        elif isinstance(frame.held, list):  # numpy prints no commas
            frame.settle()
            frame.value = value
        else:
            self.spoil(position)

    def open(self, mark: str, position: int) -> bool:
        """Begin a dictionary or list; False if it is too deep."""
        if len(self.stack) >= MAX_DEPTH:
            self.note(position)
            return False
        held: dict[str, Any] | list[Any] = {} if mark == "{" else []
        if self.stack:
            self.put(held, position)
        else:
            self.root = held
        self.stack.append(_Frame(mark, held))
        return True

    def close(self, mark: str, position: int) -> None:
        frame = self.stack[-1]
        if _CLOSES[frame.opened] != mark:
            self.note(position)
            if not any(_CLOSES[other.opened] == mark for other in self.stack):
                return
            while _CLOSES[self.stack[-1].opened] != mark:
                self.stack.pop().settle()
            frame = self.stack[-1]
        if not frame.settle():
            self.note(position)
        self.stack.pop()

    def mark(self, mark: str, position: int) -> bool:
        """Take one character that is neither a string nor a word; False if reading ends here."""
        frame = self.stack[-1] if self.stack else None
        if mark in "{[(":
            return self.open(mark, position)
        if frame is None:
            return False
        if mark in ")]}":
            self.close(mark, position)
            return bool(self.stack)
        if mark == ",":
            if not frame.settle():
                self.note(position)
        elif mark == ":" and isinstance(frame.held, dict) and frame.key is _NO_KEY and frame.value is not _NO_VALUE:
            frame.key, frame.value = frame.value, _NO_VALUE
        else:
            self.spoil(position)
        return True


def read_damaged(text: str) -> tuple[dict[str, Any] | list[Any] | None, Fault | None]:
    """The outermost dictionary or list as far as it can be read, and the first bad place; in linear time.

    Where the text is cut off, what was complete before is kept, and of a string in which the cut falls
    what is there if it is longer than ``LONG``. A value that is no literal is left out up to the next
    comma. Nothing is evaluated.
    """
    reader = _Reader(text)
    end = 0
    for token in _TOKEN.finditer(text):
        goes_on = _take(reader, token)
        if not goes_on and reader.stack:
            break
        end = token.end()
        if not goes_on:
            break
    if reader.stack:
        reader.note(len(text), cut=True)
        last = reader.stack[-1]
        if text[-1:].isalnum():  # a number or word that may go on
            last.value = _NO_VALUE
        while reader.stack:
            reader.stack.pop().settle()
    elif reader.root is not None and text[end:].strip(" \n\t\r\\'\""):
        reader.note(end)
    return reader.root, reader.fault


def _take(reader: _Reader, token: re.Match[str]) -> bool:
    """Take one token; False if reading ends here."""
    piece, position = token[0], token.start()
    if token["space"]:
        return True
    if token["mark"]:
        return reader.mark(piece, position)
    if not reader.stack:
        return False
    if token["text"] or token["open"]:
        start = 1 if piece[0] in "bBuU" else 0
        piece, position = piece[start:], position + start
    if token["text"]:
        _note_inner_mark(reader, piece, position)
        reader.put(unescaped(piece[1:-1]), position)
    elif token["open"]:
        reader.note(len(reader.text), cut=True)
        if len(piece) > LONG and (reader.stack[-1].key is not _NO_KEY or isinstance(reader.stack[-1].held, list)):
            reader.put(unescaped(piece[1:]), position)
            reader.stack[-1].settle()
        return False
    else:
        _take_word(reader, piece, position, token.end())
    return True


def _take_word(reader: _Reader, word: str, position: int, end: int) -> None:
    behind = reader.text[end : end + 1]
    if behind == "(":
        if word.rsplit(".", 1)[-1] in WRAPPERS:
            return
        reader.spoil(position)
        return
    if word in _WORDS:
        reader.put(_WORDS[word], position)
    elif word in _NOTHING:
        reader.put(None, position)
    elif _NUMBER.fullmatch(word) and len(word) <= 400:
        number = float(word)
        whole = word.lstrip("+-").isdigit() and len(word) <= 18
        reader.put(int(word) if whole else (number if math.isfinite(number) else None), position)
    elif word == "..." and isinstance(reader.stack[-1].held, list):
        reader.note(position)  # numpy leaves out the middle of long arrays
    else:
        reader.spoil(position)


def _note_inner_mark(reader: _Reader, piece: str, position: int) -> None:
    """A fault where a string holds its own quotation mark without an escape."""
    mark = piece[0]
    at = piece.find(mark, 1, -1)
    while at > 0:
        before = at
        while piece[before - 1] == "\\":
            before -= 1
        if (at - before) % 2 == 0:
            reader.note(position + at)
            return
        at = piece.find(mark, at + 1, -1)
