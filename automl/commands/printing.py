"""The one door to the terminal: whatever the data hold, it can neither steer a terminal nor break a line."""

from __future__ import annotations

import json
from typing import Any

import typer


def one_line(text: str) -> str:
    """A text as one printable line: escapes of terminals, line breaks, marks that turn or hide text become blanks."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def show(text: object = "", *, err: bool = False) -> None:
    """Print one line."""
    typer.echo(one_line(str(text)), err=err)


def show_lines(text: str) -> None:
    """Print a text of several lines, such as a table."""
    for line in text.rstrip("\n").split("\n"):
        show(line)


def show_json(data: Any) -> None:
    """Print plain data as JSON for programs; what is not plain becomes text."""
    typer.echo(printable_json(json.dumps(data, ensure_ascii=False, indent=1, default=str)))


def printable_json(text: str) -> str:
    """The same JSON, in which what a terminal would not show as it is, or UTF-8 cannot hold, is an escape of JSON."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
