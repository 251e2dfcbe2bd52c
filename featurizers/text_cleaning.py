"""Text as people read it: values of any type to plain text, in time linear in their length."""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np
import pandas as pd

from artifacts.finding import Audit

MAX_RAW_CHARACTERS = 1_000_000
"""What lies behind is not looked at: no text for people is longer."""

# Every attempt ends at the next "<", so that attempts cover disjoint pieces and the whole is linear
# whatever comes. html.parser of Python below 3.13.6 takes quadratic time on hostile input.
_TAG = re.compile(r"""</?([A-Za-z][A-Za-z0-9:-]*+)(?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|["'])*+>|<[!?][^<>]*+>""")
_UNSHOWN_END = {
    name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "template", "iframe", "svg")
}
_INLINE = re.compile(
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|img|ins|kbd|label|mark|q|s|samp|small|span|"
    "strike|strong|sub|sup|time|tt|u|var|wbr"
)
# html.unescape fails on references of thousands of digits; no character needs more than seven.
_ENDLESS_REFERENCE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
# Controls, soft hyphens, zero-width marks and switches of direction are not seen, so they are no text.
# U+200D (zero-width joiner) stays: emoji are joined by it.
_CONTROLS = (*range(0x00, 0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0))
_MARKS = (0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF)
_INVISIBLE = dict.fromkeys((*_CONTROLS, *_MARKS))
_SURROGATE = re.compile("[\ud800-\udfff]")


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
    return _SURROGATE.sub("\ufffd", text)


def plain_text(text: str) -> str:
    """Text without HTML: no tags, comments or scripts; entities as characters; one space between words.

    Block tags (``<p>``, ``<br>``, ``<li>`` ...) end a line, tags within a line leave no trace. A ``<``
    that opens no tag stays. Lines are stripped and empty lines dropped. Takes time linear in the
    length, and does not run or load anything.
    """
    if "<" in text:
        text = "".join(_shown_pieces(text))
    if "&" in text:
        text = html.unescape(_ENDLESS_REFERENCE.sub(" ", text))
    text = _SURROGATE.sub("\ufffd", text).translate(_INVISIBLE)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def count_tags(text: str) -> int:
    """Number of HTML tags, opening and closing, comments not counted."""
    return sum(1 for found in _TAG.finditer(text) if found[1]) if "<" in text else 0


def clean_texts(values: pd.Series[Any], audit: Audit, *, column: str, limit: int) -> list[str]:
    """Plain text of every value, at most ``limit`` characters long; an empty string where there is none.

    Adds the findings ``text_missing`` and ``text_truncated``, under the name of the column.
    """
    texts, missing, cut = [], [], []
    for label, value in zip(values.index, values, strict=True):
        raw = as_text(value)
        text = plain_text(raw[:MAX_RAW_CHARACTERS])
        if not text:
            missing.append(label)
        elif len(text) > limit or len(raw) > MAX_RAW_CHARACTERS:
            cut.append(label)
        texts.append(text[:limit])
    if missing:
        audit.add("text_missing", column=column, rows=missing, total=len(values))
    if cut:
        audit.add("text_truncated", column=column, rows=cut, total=len(values), limit=limit)
    return texts


def _shown_pieces(text: str) -> list[str]:
    pieces: list[str] = []
    position = 0
    while True:
        start = text.find("<", position)
        if start < 0:
            pieces.append(text[position:])
            return pieces
        pieces.append(text[position:start])
        if text.startswith("<!--", start):
            end = text.find("-->", start + 4)
            if end < 0:  # as in browsers, an open comment hides the rest
                return pieces
            position = end + 3
            continue
        tag = _TAG.match(text, start)
        if tag is None:
            pieces.append("<")
            position = start + 1
            continue
        position = tag.end()
        name = (tag[1] or "").lower()
        if name and not _INLINE.fullmatch(name):
            pieces.append("\n")
        if name in _UNSHOWN_END and text[start + 1] != "/" and text[position - 2] != "/":
            close = _UNSHOWN_END[name].search(text, position)
            if close is None:
                return pieces
            position = close.start()
