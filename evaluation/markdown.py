"""Markdown from texts that nobody checked: what comes from the data stays text, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluation.wording import neutral

MAX_CODE = 160
_ACTIVE = re.compile(r"([\\`*_\[\]|~$])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LINKS = re.compile(r"(?i)(?<=:)//|(?<=www)\.")
_AT_START = re.compile(r"^(\s*)(?:([#+=-])|(\d+)([.)]))")


def prose(text: str) -> str:
    """A sentence in which nothing is markup: no HTML, link, image, code, table cell, emphasis, heading or list."""
    safe = re.sub(r"[&<>]", lambda found: _HTML[found[0]], _ACTIVE.sub(r"\\\1", neutral(text)))
    # Bare addresses become links in some dialects; as entities they are the same to read.
    safe = _LINKS.sub(lambda found: "".join(f"&#{ord(character)};" for character in found[0]), safe)
    return _AT_START.sub(lambda f: f"{f[1]}\\{f[2]}" if f[2] else f"{f[1]}{f[3]}\\{f[4]}", safe)


def code(text: str, limit: int = MAX_CODE) -> str:
    """A name from the data as a span of code, also in a table; a dash where it is empty."""
    text = neutral(text, limit).strip()
    if not text:
        return "–"
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    room = " " if longest else ""
    return f"{fence}{room}{text}{room}{fence}"


def cell(text: str) -> str:
    """What stands in a table, already Markdown: a bar inside must not end the cell, nor may one escaped before."""
    return re.sub(r"(\\*)\|", lambda found: found[1] + ("|" if len(found[1]) % 2 else "\\|"), text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose cells are Markdown already; none where there are no rows."""
    if not rows:
        return []
    lines = [" | ".join(cell(text) for text in row) for row in (head, ["---"] * len(head), *rows)]
    return [*(f"| {line} |" for line in lines), ""]
