"""Escapes of strings that hold strings: undone in linear time, however many layers there are."""

from __future__ import annotations

import re

# A character of UTF-8 as escapes of its bytes, each with any number of backslashes.
_NEXT = r"\\++x[89abAB][0-9a-fA-F]"
_BYTES = re.compile(
    rf"(?<!\\)\\++x(?:(?:[cC][2-9a-fA-F]|[dD][0-9a-fA-F]){_NEXT}|[eE][0-9a-fA-F](?:{_NEXT}){{2}}|[fF][0-4](?:{_NEXT}){{3}})"
)
_PREFIX = re.compile(r"\\++x")
_BACKSLASHES = re.compile(r"(\\++)(.|$)", re.DOTALL)
_SHELL = re.compile(r"""^[\s\ufeff\\'"]*+(?:[bu][\\'"]++)*+(?=[\[{(])""")
_SHELL_END = re.compile(r"""(?<=[\]})])[\\'"\s]*+$""")
_MARK = re.compile("['\"]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " ", "\n": "", "0": ""}


def unescaped(text: str) -> str:
    """A string's inside with the escapes of JSON and Python undone."""
    if "\\" not in text:
        return text

    def plain(found: re.Match[str]) -> str:
        if found[1] or found[2]:
            return chr(int(found[1] or found[2], 16))
        return _LETTERS.get(found[3], found[3])

    text = _ESCAPE.sub(plain, text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def utf8_escapes(text: str) -> str:
    r"""Text in which ``\xd0\x9f`` that spells UTF-8 bytes is the character itself; other escapes stay."""

    def plain(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(_PREFIX.sub("", found[0])).decode("utf-8")
        except UnicodeDecodeError:
            return found[0]

    return _BYTES.sub(plain, text)


def without_layers(text: str) -> str:
    r"""A text without a ``b'...'`` shell and with one layer of escapes, however many it had.

    The run of backslashes before the first quotation mark shows what a mark of structure looks like;
    marks with more of them stand within a string. Before a letter of an escape (``\\\\u041a``) one stays.
    """
    text = utf8_escapes(_SHELL_END.sub("", _SHELL.sub("", text)))
    first = _MARK.search(text)
    before = text[: first.start()] if first else ""
    structural = len(before) - len(before.rstrip("\\"))

    def plain(found: re.Match[str]) -> str:
        run, behind = len(found[1]), found[2]
        if behind in "'\"":
            return behind if run <= structural else "\\" + behind
        return ("\\" if behind in "uxnrtbf/" else "\\\\") + behind

    return _BACKSLASHES.sub(plain, text)
