"""HTML to the text that a browser would show, in time linear in its length."""

from __future__ import annotations

import html
import re

# The parser follows the standard, whose repairs of broken nesting, and whose check for repeated
# attributes, take quadratic time. Within these limits that is milliseconds; whatever is larger
# goes through the tokenizer below, which is linear.
PARSED_CHARACTERS = 20_000
PARSED_TAGS = 500

# Every attempt ends at the next "<", so that attempts cover disjoint pieces and the whole is linear
# whatever comes. html.parser of Python below 3.13.6 takes quadratic time on hostile input.
_TAG = re.compile(r"""</?([A-Za-z][A-Za-z0-9:-]*+)(?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|["'])*+>|<[!?][^<>]*+>""")
_NEXT = re.compile(f"<!--|{_TAG.pattern}")  # an open comment before all that a tag may be
_UNSHOWN = ("script", "style", "template", "iframe", "svg")
_UNSHOWN_START = re.compile(f"<(?:{'|'.join(_UNSHOWN)})", re.IGNORECASE)
_UNSHOWN_END = {name: re.compile(f"</{name}", re.IGNORECASE) for name in _UNSHOWN}
_INLINE_NAMES = (
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|img|ins|kbd|label|mark|q|s|samp|small|span|"
    "strike|strong|sub|sup|time|tt|u|var|wbr"
)
_INLINE = re.compile(_INLINE_NAMES)
_LINE_END = re.compile(rf"<(?=/?[A-Za-z])(?!/?(?:{_INLINE_NAMES})(?![A-Za-z0-9:-]))", re.IGNORECASE)
_LIST_ITEM = re.compile(r"<li(?=[\s>/])", re.IGNORECASE)
# html.unescape fails on references of thousands of digits; no character needs more than seven.
_ENDLESS_REFERENCE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
_END = "\ufdd0"  # a code point that is no character: where it is lost, the parser has swallowed the end


def shown_text(text: str) -> str:
    """Text without tags, comments and scripts, and with entities as characters.

    Block tags (``<p>``, ``<br>``, ``<li>`` ...) leave a line end, tags within a line leave no trace. A ``<``
    that opens no tag stays. Nothing is run or loaded.
    """
    if "<" in text:
        if "<![CDATA[" in text:
            text = text.replace("<![CDATA[", " ").replace("]]>", " ")
        if len(text) <= PARSED_CHARACTERS and text.count("<") <= PARSED_TAGS:
            parsed = _parsed(text)
            if parsed is not None:
                return parsed
        text = "".join(_shown_pieces(text))
    if "&" in text:
        text = html.unescape(_ENDLESS_REFERENCE.sub(" ", text))
    return text


def count_tags(text: str) -> int:
    """Number of HTML tags, opening and closing, comments not counted."""
    return sum(1 for found in _TAG.finditer(text) if found[1]) if "<" in text else 0


def count_list_items(text: str) -> int:
    """Number of opening ``<li>`` tags."""
    return sum(1 for _ in _LIST_ITEM.finditer(text)) if "<" in text else 0


def _parsed(text: str) -> str | None:
    """What the parser shows; None if it dropped the end, as it does with what is never closed."""
    from selectolax.lexbor import LexborHTMLParser

    if "&#" in text:
        text = _ENDLESS_REFERENCE.sub(" ", text)
    tree = LexborHTMLParser(_LINE_END.sub("\n<", text) + _END)
    if _UNSHOWN_START.search(text):
        tree.strip_tags(list(_UNSHOWN))
    shown = tree.root.text() if tree.root is not None else ""
    return shown.replace(_END, "") if _END in shown else None


def _shown_pieces(text: str) -> list[str]:
    pieces: list[str] = []
    position = 0
    while True:
        tag = _NEXT.search(text, position)
        if tag is None:
            pieces.append(text[position:])
            return pieces
        start = tag.start()
        pieces.append(text[position:start])
        if tag[0] == "<!--":
            end = text.find("-->", start + 4)
            if end < 0:  # as in browsers, an open comment hides the rest
                return pieces
            position = end + 3
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
