"""A title from its description, and a description from its title, where a row lacks one of the two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from artifacts.finding import Audit
from featurizers.text_cleaning import as_text, plain_text, raw_text

LEAST_LETTERS = 3  # a title of two letters says nothing
TITLE_CHARACTERS = 120  # of a title that is taken from a body
BODY_TIMES_LONGER = 3.0  # a body is so many times longer than a title
SAMPLE = 1_000  # cells, evenly spaced

TITLE_NAMES = ("title", "name", "headline", "subject", "название", "наименование", "заголовок", "имя", "тема")

_LETTER = re.compile(r"[^\W_]")
_SENTENCE_END = re.compile(r"[.!?…]++(?=\s)|\n")


class Filled(NamedTuple):
    """Titles and bodies with gaps filled, and which were; all with the index of the titles.

    Cells that hold a text are as they came. ``flags`` has the bool columns ``title_from_body`` and
    ``body_from_title``.
    """

    titles: pd.Series[Any]
    bodies: pd.Series[Any]
    flags: pd.DataFrame


def fill_missing(
    title_values: pd.Series[Any], body_values: pd.Series[Any], audit: Audit | None = None, body: str = ""
) -> Filled:
    """Take the first sentence of the body for a missing title, and the title for a missing body.

    A text of fewer than ``LEAST_LETTERS`` letters or digits counts as missing; one of its letters is still
    better than nothing, so it stays where the other part is missing, too. A row is filled from itself alone;
    the inputs stay as they are. Adds the finding ``text_filled`` for each column that was filled, the second
    under the name ``body`` if the values have none.
    """
    titles, bodies = list(title_values), list(body_values)
    from_body = np.zeros(len(titles), dtype=bool)
    from_title = np.zeros(len(titles), dtype=bool)
    for i, (title, text) in enumerate(zip(titles, bodies, strict=True)):
        lacks_title, lacks_body = is_lacking(title), is_lacking(text)
        if lacks_title and not lacks_body:
            titles[i] = first_sentence(as_text(text))
            from_body[i] = True
        elif lacks_body and not lacks_title:
            bodies[i] = title
            from_title[i] = True
    index = title_values.index
    flags = pd.DataFrame({"title_from_body": from_body, "body_from_title": from_title}, index=index)
    names = str(title_values.name or ""), str(body_values.name or body)
    if audit is not None:
        for filled, (column, other) in ((from_body, names), (from_title, names[::-1])):
            if filled.any():
                audit.add("text_filled", column=column, rows=index[filled], total=len(titles), example=other)
    return Filled(
        pd.Series(titles, index=index, dtype=object, name=title_values.name),
        pd.Series(bodies, index=index, dtype=object, name=body_values.name),
        flags,
    )


def is_lacking(value: Any) -> bool:
    """Whether a cell has fewer than ``LEAST_LETTERS`` letters or digits, HTML aside."""
    text = raw_text(value)
    if "<" in text or "&" in text:
        text = plain_text(text)
    letters = _LETTER.finditer(text)
    return sum(1 for _, _ in zip(range(LEAST_LETTERS), letters, strict=False)) < LEAST_LETTERS


def first_sentence(text: str) -> str:
    """The first sentence or line of a text without HTML that has letters enough, cut at a word if it is long.

    Ends without a full stop, as titles do.
    """
    plain = plain_text(raw_text(text))
    for sentence in _SENTENCE_END.split(plain[: 20 * TITLE_CHARACTERS]):
        if not is_lacking(sentence):
            return _cut(sentence.strip().rstrip("."))
    return _cut(plain)


def title_and_body(lengths: Mapping[str, float]) -> tuple[str, str] | None:
    """Names of the title and the body among text columns with these mean lengths; None if there is no such pair.

    The body is the longest column. The title is at least ``BODY_TIMES_LONGER`` times shorter: the one whose name says
    that it is a title, or else the shortest. Columns without any text (length 0 or NaN) are neither.
    """
    filled = {name: length for name, length in lengths.items() if length > 0}
    if len(filled) < 2:
        return None
    body = max(filled, key=lambda name: filled[name])
    short = [name for name, length in filled.items() if length * BODY_TIMES_LONGER <= filled[body]]
    if not short:
        return None
    named = [name for name in short if any(word in name.casefold() for word in TITLE_NAMES)]
    return min(named or short, key=lambda name: filled[name]), body


def mean_length(values: pd.Series[Any]) -> float:
    """Mean characters of the filled plain texts of a column, from an even sample; 0 if there is none."""
    sample = values.iloc[:: max(1, len(values) // SAMPLE)]
    lengths = [len(text) for text in (plain_text(raw_text(value)) for value in sample) if text]
    return float(np.mean(lengths)) if lengths else 0.0


def _cut(text: str) -> str:
    if len(text) <= TITLE_CHARACTERS:
        return text
    head = text[: TITLE_CHARACTERS + 1]
    return (head.rsplit(maxsplit=1)[0] if " " in head else head[:TITLE_CHARACTERS]).rstrip(" ,;:-–—")
