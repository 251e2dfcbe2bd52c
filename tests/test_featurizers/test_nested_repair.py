from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurizers.nested_escapes import unescaped, utf8_escapes, without_layers
from featurizers.nested_parsing import parse_nested, read_nested
from featurizers.nested_repair import LONG, read_damaged

CARD = [{"charcName": "Пол", "value": 'he said "q" it\'s', "charcValues": ["муж", "жен"]}]
PLAIN, ASCII = json.dumps(CARD, ensure_ascii=False), json.dumps(CARD)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN, ASCII, str(PLAIN.encode()), str(ASCII.encode()), json.dumps(str(PLAIN.encode())),
        json.dumps(json.dumps(ASCII)), json.dumps(json.dumps(json.dumps(json.dumps(PLAIN)))),
        repr(repr(str(PLAIN.encode()))), str(str(PLAIN.encode()).encode()), repr(str(repr(CARD).encode())),
        str(repr(CARD).encode()),
    ],
)  # fmt: skip
def test_layers_of_escapes_are_undone(text: str) -> None:
    reading = read_nested(text)
    assert reading.nested == CARD and reading.fault is None and parse_nested(text) == CARD


@pytest.mark.parametrize("backslashes", [1, 2, 3, 5, 8, 100])
def test_runaway_backslashes_in_bytes_within_a_string(backslashes: int) -> None:
    run = "\\" * backslashes
    text = f'b\'[{{{run}"charcName{run}": {run}"{run}xd0{run}x9f{run}xd0{run}xbe{run}xd0{run}xbb{run}"}}]\''
    assert read_nested(text).nested == [{"charcName": "Пол"}], text[:80]


DAMAGED = [
    ("{'a': 1, 'b': [2, 3], 'c': 'su", {"a": 1, "b": [2, 3]}, 30, True),
    ("{'a': 1, 'b': 12", {"a": 1}, 16, True),
    ("{'a': 1, 'b': {'x': 'y', 'z", {"a": 1, "b": {"x": "y"}}, 27, True),
    ("[{'charcName': 'A', 'value': 'x'}, {'charcName': 'B', 'va",
     [{"charcName": "A", "value": "x"}, {"charcName": "B"}], 57, True),
    ("{'a': 'Men's shirt', 'b': 1}", {"a": "Men's shirt", "b": 1}, 10, False),
    ('{"a": "5" screen", "b": 1}', {"a": '5" screen', "b": 1}, 8, False),
    ("{'a': datetime.date(2020, 1, 1), 'b': 2}", {"b": 2}, 6, False),
    ('{"a": <object Foo at 0x7f>, "b": 2}', {"b": 2}, 6, False),
    ("{'a': open('x', {'y': 1}), 'b': 3}", {"b": 3}, 6, False),
    ("{'a': 1+1, 'b': 3}", {"b": 3}, 6, False),
    ("{'a': 1}}", {"a": 1}, 8, False),
    ("{'a' 'b': 1, 'c': 2}", {"c": 2}, 5, False),
    ("[1 2 ... 5]", [1, 2, 5], 5, False),
    ("{'a': [1, 2}", {"a": [1, 2]}, 11, False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "position", "cut"), DAMAGED)
def test_what_can_be_read_is_kept_and_the_first_bad_place_named(
    text: str, expected: object, position: int, cut: bool
) -> None:
    reading = read_nested(text)
    assert parse_nested(text) is None and reading.nested == expected
    assert reading.fault is not None and (reading.fault.position, reading.fault.cut) == (position, cut)
    assert reading.fault.excerpt in text and reading.fault.excerpt


def test_of_a_cut_text_what_is_there_is_kept() -> None:
    long = "A text for people " * 10
    reading = read_nested("{'title': 'Socks', 'description': '" + long)
    assert reading.nested == {"title": "Socks", "description": long} and len(long) > LONG
    assert read_nested("{'title': 'Socks', 'season': 'sum").nested == {"title": "Socks"}


@pytest.mark.parametrize(
    "value", ["text", "{'cut", 5, None, b"\xff", object(), "[" * 100_000, "{}" * 600_000, "{", "]"]
)
def test_what_holds_nothing_says_so(value: object) -> None:
    reading = read_nested(value)
    assert reading.nested is None and reading.fault is not None


def test_printed_by_numpy() -> None:
    text = "{'a': array(['x', 'y'], dtype=object), 'b': np.float64(1.5), 'c': np.str_('z'), 'd': Decimal('1.5')}"
    assert read_nested(text).nested == {"a": ["x", "y"], "b": 1.5, "c": "z", "d": "1.5"}
    text = "[{'charcName': 'A', 'charcValues': array(['x', 'y'], dtype='<U1')}\n {'charcName': 'B', 'value': nan}]"
    assert read_nested(text).nested == [
        {"charcName": "A", "charcValues": ["x", "y"]},
        {"charcName": "B", "value": None},
    ]


def test_escapes() -> None:
    spaced = [{"ceiling": "3\xa0м", "wc": "1 раздельный"}]  # Python writes the space as an escape, and only that
    assert parse_nested(str(str(spaced).encode())) == spaced and parse_nested(str(spaced)) == spaced
    assert unescaped(r"\u041f\n\"\ud83d\ude00\xa0") == 'П\n"😀\xa0'
    assert utf8_escapes(r"\xd0\x9f \xa0 \\xd0\\xbe \x41") == r"П \xa0 о \x41"
    assert without_layers(r'b"{\\\"a\\\": \\\"b \\\\\\\"c\\\\\\\"\\\"}"') == r'{"a": "b \"c\""}'


@given(st.text(alphabet="{}[]'\",: \\ab1x(\n", max_size=60))
def test_no_text_raises_and_nothing_but_data_comes_out(text: str) -> None:
    plain = without_layers(text)
    found, fault = read_damaged(plain)
    json.dumps(found)
    assert fault is None or 0 <= fault.position <= len(plain)
    read_nested("{" + text)


HOSTILE = [
    "[" * 10**6, "{'" * 330_000, "{'a':" * 200_000, "'" * 10**6, "{'a" + "\\" * 10**6, "{" + "'a' " * 250_000,
    "{'a': '" + "' " * 490_000, "[" + "x(" * 490_000, "{'a':1" + "}]" * 490_000, "[" + "'\\" * 490_000, "]'" * 490_000,
    "[" + "'" * 990_000, "[" + "' '" * 300_000 + " " * 10_000 + "x", "{'a': " + "\\x" * 490_000,
    "{'a': " + "\\xd0" * 240_000,
    "{'a':'" + "\\\\" * 490_000 + "'}", "{'a': " + "'" * 990_000 + "}", "[" + "b" * 990_000, "[" + "1]" * 490_000,
    '{"a": ' + '"\\"' * 320_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:12])
def test_long_hostile_texts_take_linear_time(text: str) -> None:
    started = time.process_time()
    read_nested(text[:80_000])  # in quadratic time this takes minutes
    assert time.process_time() - started < 3


def test_a_megabyte_takes_seconds() -> None:
    started = time.process_time()
    read_nested(HOSTILE[9])
    assert time.process_time() - started < 6
