"""Text as people read it: values of any type to plain text, in time linear in their length.

This is the light level, for encoders and statistics: nothing that a reader sees is lost. Emoji, links,
case, digits and repeated marks stay. What may be lost for counting words is in ``text_normal``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from artifacts.finding import Audit
from artifacts.progress import Progress, Silent
from featurizers.html_text import shown_text
from featurizers.text_workers import map_chunks

MAX_RAW_CHARACTERS = 32_000
"""What lies behind is not looked at, pictures inside HTML aside: no text for people is longer."""

MOST_CHARACTERS = 1_000_000  # of a cell, with pictures that lie in its HTML
_TAG = re.compile("</?[A-Za-z]")
_PICTURE = re.compile(r"data:[\w.+/-]{1,60};base64,[A-Za-z0-9+/=%]{100,}+")

MEMO_CHARACTERS = 50_000_000  # of raw texts whose plain texts are kept for the next featurizer
SECONDS_PER_CHARACTER = 6e-8  # a rough guess, to decide whether workers pay

# Controls, soft hyphens, zero-width marks and switches of direction are not seen, so they are no text.
# U+200D (zero-width joiner) stays: emoji are joined by it. 0x1C to 0x1F and 0x85 separate, as spaces do.
_CONTROLS = (*range(0x00, 0x09), *range(0x0E, 0x1C), *range(0x7F, 0x85), *range(0x86, 0xA0))
_MARKS = (0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF)
_INVISIBLE = re.compile("[" + "".join(map(chr, (*_CONTROLS, *_MARKS))) + "]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
# UTF-8 read as a one-byte encoding leaves a lead byte with a continuation byte behind it: as letters of
# latin-1 or windows-1252 ("Ã©", "â€œ", "Ð¿"), or of windows-1251 ("Рї", "вЂ"). A search for the leads,
# then for the pairs, so that the thorough check of ftfy, slower than all the rest, is run for few texts.
_MISREAD_LEADS = (*"ÂÃÄÅÎÏÐÑ×ØÙàáâãäåæçèéêìíðó", "Рµ", "Рѕ", "Р°", "Рё", "РЅ", "С‚", "вЂ")
_MISREAD = re.compile(
    "[\xc2-\xf4][\x80-\xbf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018\u2019"
    "\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]"
    "|Рµ|Рѕ|Р°|Рё|РЅ|С‚|вЂ"
)


def as_text(value: Any) -> str:
    """A cell of a text column as a string of valid Unicode; an empty string if it is missing.

    Numbers are written out (``5.0`` as ``5``), bytes are read as UTF-8, lone surrogates become U+FFFD.
    """
    if isinstance(value, str):
        text = value
    elif value is None or value is pd.NaT or value is pd.NA:
        return ""
    elif isinstance(value, (bytes, bytearray)):
        text = bytes(value).decode("utf-8", errors="replace")
    elif isinstance(value, (float, np.floating)):
        if np.isnan(value):
            return ""
        text = str(int(value)) if np.isfinite(value) and value == int(value) else str(value)
    else:
        text = str(value)
    return _valid(text)


def raw_text(value: Any) -> str:
    """``as_text``, at most ``MAX_RAW_CHARACTERS`` long: without pictures inside HTML, and not cut inside a tag."""
    text = as_text(value)
    if len(text) <= MAX_RAW_CHARACTERS:
        return text
    text = text[:MOST_CHARACTERS]
    if ";base64," in text:
        text = _PICTURE.sub("", text)
    cut = text[:MAX_RAW_CHARACTERS]
    opened = cut.rfind("<")
    inside = len(text) > len(cut) and opened > cut.rfind(">") and _TAG.match(cut, opened)
    return cut[:opened] if inside else cut


def plain_text(text: str) -> str:
    """Text without HTML: no tags, comments or scripts; entities as characters; one space between words.

    Block tags (``<p>``, ``<br>``, ``<li>`` ...) end a line, tags within a line leave no trace. A ``<``
    that opens no tag stays. Lines are stripped and empty lines dropped. UTF-8 that was read in a
    wrong encoding is read again. Takes time linear in the length, and does not run or load anything.
    """
    text = shown_text(_valid(text))
    if _looks_misread(text):
        text = _valid(_repair()(text))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    if not all(map(str.isprintable, lines)):  # far quicker than a search for what is invisible
        lines = [" ".join(line.split()) for line in _INVISIBLE.sub("", text).splitlines()]
    return "\n".join(line for line in lines if line)


def clean_texts(
    values: pd.Series[Any], audit: Audit, *, column: str, limit: int, progress: Progress | None = None
) -> list[str]:
    """Plain text of every value, at most ``limit`` characters long; an empty string where there is none.

    Adds the findings ``text_missing`` and ``text_truncated``, under the name of the column. Large columns
    are cleaned by several processes. The plain texts of the columns cleaned last are kept, up to
    ``MEMO_CHARACTERS``, since several featurizers read the same column one after another.
    """
    cells = list(values)
    texts = _MEMO.find(cells)
    if texts is None:
        raws = [raw_text(cell) for cell in cells]
        seconds = SECONDS_PER_CHARACTER * sum(map(len, raws))
        chunks = map_chunks(_plain_texts, raws, seconds, progress or Silent(), f"{column}: cleaning texts")
        texts = [text for chunk in chunks for text in chunk]
        _MEMO.keep(cells, texts)
    missing, cut = [], []
    for label, cell, text in zip(values.index, cells, texts, strict=True):
        if not text:
            missing.append(label)
        elif len(text) > limit or (isinstance(cell, (str, bytes)) and _is_cut(cell)):
            cut.append(label)
    if missing:
        audit.add("text_missing", column=column, rows=missing, total=len(values))
    if cut:
        audit.add("text_truncated", column=column, rows=cut, total=len(values), limit=min(limit, MAX_RAW_CHARACTERS))
    return [text[:limit] for text in texts]


class _Memo:
    """The raw cells of the columns cleaned last, with their plain texts.

    Cells are compared, not their Series, whose values may have been changed meanwhile. A column
    with cells that can change in place is not kept.
    """

    def __init__(self) -> None:
        self.columns: list[tuple[list[Any], list[str], int]] = []

    def find(self, cells: list[Any]) -> list[str] | None:
        for kept, texts, _ in self.columns:
            if len(kept) == len(cells) and all(
                a is b or (type(a) is type(b) and a == b) for a, b in zip(kept, cells, strict=True)
            ):
                return texts
        return None

    def keep(self, cells: list[Any], texts: list[str]) -> None:
        if not all(cell is None or isinstance(cell, (str, bytes, int, float)) for cell in cells):
            return
        size = len(cells) + sum(map(len, texts)) + sum(len(cell) for cell in cells if isinstance(cell, (str, bytes)))
        if size > MEMO_CHARACTERS:
            return
        columns = [(cells, texts, size), *self.columns]
        while sum(size for _, _, size in columns) > MEMO_CHARACTERS:
            columns.pop()
        self.columns = columns


_MEMO = _Memo()


def _is_cut(cell: str | bytes) -> bool:
    if len(cell) <= MAX_RAW_CHARACTERS:
        return False
    text = as_text(cell)
    return len(text) > MOST_CHARACTERS or len(_PICTURE.sub("", text)) > MAX_RAW_CHARACTERS


def _valid(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def _looks_misread(text: str) -> bool:
    if text.isascii() or len(text) > MAX_RAW_CHARACTERS:
        return False
    return any(lead in text for lead in _MISREAD_LEADS) and _MISREAD.search(text) is not None


def _plain_texts(raws: list[str]) -> list[str]:
    return [plain_text(raw) for raw in raws]


@cache
def _repair() -> Any:
    """What ftfy makes of a text; it changes only what its measure of badness calls bad."""
    import ftfy

    return ftfy.fix_encoding
