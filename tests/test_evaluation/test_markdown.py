"""Texts in Markdown stay texts: checked with a Markdown reader, not by looking for escapes."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from evaluation.markdown import code, prose, table

HOSTILE = (
    "<script>alert(1)</script>",
    "<b onclick=x>",
    "[link](javascript:alert(1))",
    "![image](https://example.org/x.png)",
    "<https://example.org>",
    "https://example.org/x and www.example.org",
    "**bold** _it_ ~~gone~~ `code`",
    "# heading",
    "1. item",
    "- item",
    "=====",
    "> quote",
    "a | b \\| c \\\\| d",
    "```\nfence",
    "``two`` ticks ` `",
    "&lt;b&gt; &amp; &copy;",
    "[ref]: https://example.org",
    "\\",
    "$x$ and {{ 7 * 7 }}",
    "line\nbreak\n\nparagraph",
)
PLAIN = {"inline", "text", "paragraph_open", "paragraph_close", "text_special"}


def kinds_and_text(source: str) -> tuple[set[str], str]:
    """Kinds of tokens of the source, and the text that a reader sees."""
    kinds, seen = set(), ""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source):
        kinds.add(token.type)
        for child in token.children or []:
            kinds.add(child.type)
            seen += child.content
    return kinds, seen


@pytest.mark.parametrize("text", HOSTILE)
def test_prose_is_text_that_says_the_same(text: str) -> None:
    for before in ("", "- "):
        kinds, seen = kinds_and_text(before + prose(text))
        assert kinds <= PLAIN | {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}
        assert seen == " ".join(text.split("\n")).replace("  ", " ") or seen == " ".join(text.split())
    safe = prose(text)
    assert "<" not in safe and "://" not in safe and "www." not in safe


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_code_that_says_the_same(text: str) -> None:
    kinds, seen = kinds_and_text(f"a {code(text)} b")
    assert kinds == PLAIN - {"text_special"} | {"code_inline"}
    assert seen == f"a {' '.join(text.split())} b"


@pytest.mark.parametrize("show", [prose, code])
def test_a_table_has_the_cells_that_it_was_given(show: object) -> None:
    assert callable(show)
    rows = [[show(text), "1"] for text in HOSTILE]
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(table(["what", "n"], rows)))
    assert [token.type for token in tokens].count("td_open") == 2 * len(HOSTILE)
    assert not {token.type for token in tokens} & {"html_block", "fence", "heading_open"}
    children = [child.type for token in tokens for child in token.children or []]
    assert not set(children) & {"html_inline", "link_open", "image", "em_open", "strong_open"}
    assert table(["what"], []) == []


def test_what_is_empty_is_a_dash() -> None:
    assert code("") == "–" and code(" \n") == "–" and code("x" * 500, 10) == "`xxxxxxxxx…`"
