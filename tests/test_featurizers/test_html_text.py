from __future__ import annotations

import random

import pytest

from featurizers.html_text import PARSED_CHARACTERS, _parsed, _shown_pieces, count_list_items, shown_text


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<![CDATA[<p>a</p>]]>", "a"),
        ("AT&T <b>&copy 2020</b>", "AT&T © 2020"),
        ("one<p class='x>never closed</p> two", "one never closed two"),
        ("<frameset>text</frameset> more", "text more"),
        ("<table>a<tr><td>b</table>c", "a b c"),
        ("5<6 and I <3 <i>you</i>", "5<6 and I <3 you"),
        ("<ul><li>one<li>two</ul>", "one two"),
        ("<p>x" + "y" * PARSED_CHARACTERS + "<br>z", "x" + "y" * PARSED_CHARACTERS + " z"),
        ("<div>" * 5000 + "deep", "deep"),
    ],
)
def test_odd_html_loses_no_text(html, shown) -> None:
    assert " ".join(shown_text(html).split()) == shown


def test_list_items_are_counted() -> None:
    assert count_list_items("<ul><li>a<LI class='x'>b</li><link></ul> 1 <li") == 2


def test_parser_and_tokenizer_agree_on_descriptions() -> None:
    """The tokenizer takes over where a text is too large for the parser; nobody should notice."""
    tags = [
        "<p>",
        "</p>",
        "<br/>",
        "<b>",
        "</b>",
        "<ul><li>",
        "</li></ul>",
        "<a href='x?y=1&z=2'>",
        "</a>",
        "<!-- c -->",
    ]
    words = ["Red", "платье", "100%", "&nbsp;", "cotton.", "\n", "size < 5", "—", "<style>p{}</style>", "<h2>T</h2>"]
    chance = random.Random(0)
    for _ in range(300):
        html = " ".join(chance.choice(words if chance.random() < 0.6 else tags) for _ in range(30))
        parsed = _parsed(html)
        assert parsed is not None
        own = shown_text("".join(_shown_pieces(html)))
        assert parsed.split() == own.split()
        assert [line.split() for line in parsed.splitlines() if line.strip()] == [
            line.split() for line in own.splitlines() if line.strip()
        ]
