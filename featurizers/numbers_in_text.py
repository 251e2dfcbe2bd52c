"""Texts of a few patterns with numbers inside: ``5 минут пешком``, ``1-комн. кв., 37,33 м², 6/18 этаж``."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Modality, Title, quantity_feature, unique_features
from featurizers.base import Featurizer, State, Surroundings
from featurizers.categories import codes_of, learn_categories
from featurizers.numbers import MISSING_WORDS, has_decimal_comma, parse_number
from featurizers.text_cleaning import as_text

MAX_CHARACTERS = 300  # of a cell; a longer text is prose, in which numbers mean anything
MAX_QUANTITIES = 24
MAX_PATTERNS = 50
STEM = 4  # letters that the forms of a word share: минута, минуты, минут
SAMPLE = 2000  # of values, from which it is told whether the patterns are few
FEW_PATTERNS = 40
COVERED = 0.5  # share of all texts that the most frequent patterns describe
LEAST_SHARE = 0.005  # of the rows, which hold a number that gets a feature

_TOKEN = re.compile(
    r"""
    (?P<code>(?:\d++(?!(?:[сскkдdcm]?[мm]|ft)[23]\b))?[^\W\d_]++\d[^\W_]*)   # A4, 21к2: names, unlike 59м2
    | (?P<number>(?:(?<![\w,.)])[-−])?                                      # a minus stands free
        (?:\d{1,3}(?:[\x20\xa0\u2009\u202f]\d{3})+(?!\d)|\d+)(?:[.,]\d+)?)
    | (?P<by>[/×*:–—-]|(?<=\d[ ])[xXхХ](?=[ ]\d))
    | (?P<word>[^\W\d_]+[²³]?|[%‰₽$€£¥°"″])
    | (?P<end>[,;•·|()\[\]\n])
    """,
    re.VERBOSE,
)
_BY = re.compile(r"(?<=\d)\s?([xXхХ])\s?(?=\d)")  # 10x20: the letter is no word


@dataclass(frozen=True)
class _Read:
    """A cell: stems with ``#`` for each number, the same for people, and the numbers by their word."""

    pattern: str = ""
    shown: str = ""
    numbers: tuple[tuple[str, str], ...] = ()  # key and digits
    words: tuple[tuple[str, str], ...] = ()  # stem and word


class NumbersInText(Featurizer):
    """The numbers in the texts, one feature for each word they stand with, and the pattern around them.

    A number belongs to the word behind it, else to the one before it, within the same part of the
    text (parts end at commas, bullets, brackets). Forms of a word are one word: the first ``STEM``
    letters count. Several numbers of one word are told apart by their order, such as the two of
    ``6/18 этаж``. Where a row has no such number, or is no text of such a pattern, the value is NaN.
    The block ``pattern`` is a category: the text with ``#`` for numbers.
    """

    name: ClassVar[str] = "numbers_in_text"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.CATEGORICAL, Modality.TEXT})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn which words have numbers, how a comma is meant, and the frequent patterns."""
        cells = _read_all(values)
        known = sum(bool(cell.pattern) for cell in cells)
        least = max(2.0 if known >= 20 else 1.0, LEAST_SHARE * known)
        counts = Counter(key for cell in cells for key, _ in cell.numbers)
        frequent = sorted((key for key in counts if counts[key] >= least), key=lambda key: (-counts[key], key))
        forms: dict[str, Counter[str]] = defaultdict(Counter)
        for cell in cells:
            for stem, word in cell.words:
                forms[stem][word] += 1
        words = {stem: min(some, key=lambda word: (-some[word], word)) for stem, some in forms.items()}
        kept = frequent[:MAX_QUANTITIES]
        patterns = learn_categories([cell.pattern or None for cell in cells], MAX_PATTERNS)
        spelt = Counter((cell.pattern, cell.shown) for cell in cells)
        usual = {pattern: shown for (pattern, shown), _ in sorted(spelt.items(), key=lambda item: (item[1], item[0]))}
        learned = {
            "keys": kept,
            "words": {key: words[_stem_of(key)] for key in kept if _stem_of(key) in words},
            "decimal_comma": has_decimal_comma(digits for cell in cells for _, digits in cell.numbers),
            "patterns": patterns,
            "shown": _unique(usual.get(pattern, pattern) for pattern in patterns),
        }
        return self.restore(State(learned))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """Numbers, float32 (n_samples, n_quantities), unless there are none; and the pattern's codes (n_samples, 1).

        Raises:
            NotFittedError: before ``fit``.
        """
        learned = self.state().values
        cells = _read_all(values)
        position = {key: i for i, key in enumerate(learned["keys"])}
        result = np.full((len(cells), len(position)), np.nan, dtype=np.float32)
        parsed: dict[str, float] = {}
        for i, cell in enumerate(cells):
            for key, digits in cell.numbers:
                if key in position:
                    if digits not in parsed:
                        parsed[digits] = parse_number(digits, decimal_comma=learned["decimal_comma"])
                    result[i, position[key]] = parsed[digits]
        codes = codes_of([cell.pattern or None for cell in cells], tuple(learned["patterns"]))
        label = f"{self.name}:pattern"
        title = Title("pattern of the text", "строение текста")
        pattern = quantity_feature(self.column, label, "pattern", title)
        blocks = [Block(self.column.name, label, (pattern,), codes, tuple(learned["shown"]))]
        if not position:
            return blocks
        features = [
            quantity_feature(self.column, self.name, f"number_{key}", _title(key, learned["words"].get(key, "")))
            for key in position
        ]
        return [Block(self.column.name, self.name, unique_features(features), result), *blocks]

    def state(self) -> State:
        """Keys of the numbers, their words, and the patterns in the order of their codes.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"NumbersInText of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self


def looks_like_patterns(values: pd.Series[Any]) -> bool:
    """Whether ``FEW_PATTERNS`` or fewer patterns with a number beside a word describe most of the texts."""
    texts = [value for value in values if isinstance(value, str) and value and not value.isspace()]
    cells = _read_all(texts[:: max(1, len(texts) // SAMPLE)])
    with_words = Counter(cell.pattern for cell in cells if any(_stem_of(key) for key, _ in cell.numbers))
    frequent = dict(with_words.most_common(FEW_PATTERNS))
    described = {cell for cell in cells if cell.pattern in frequent}
    covered = sum(frequent.values())
    various = len(described) >= 3 * len(frequent) > 0  # else a category says as much
    return various and covered >= COVERED * len(cells) and covered >= 4 * len(frequent)


def _unique(names: Iterable[str]) -> list[str]:
    result: list[str] = []
    for name in names:
        while name in result:  # a "#" was written in the text itself
            name += "~"
        result.append(name)
    return result


def _read_all(values: Iterable[Any]) -> list[_Read]:
    known: dict[str, _Read] = {}
    cells = []
    for value in values:
        text = as_text(value)[: MAX_CHARACTERS + 1]
        if text not in known:
            known[text] = _read(text)
        cells.append(known[text])
    return cells


def _read(text: str) -> _Read:
    """Numbers and pattern of a text; nothing of one that is missing, too long or a bare number."""
    if len(text) > MAX_CHARACTERS or text.strip().casefold() in MISSING_WORDS:
        return _Read()
    text = _BY.sub(r" \1 ", text)
    tokens = [(found.lastgroup or "", found[0]) for found in _TOKEN.finditer(text)]
    if all(kind in ("number", "end", "by") for kind, _ in tokens):
        return _Read()
    numbers: list[tuple[str, str]] = []
    for part in _parts(tokens):
        numbers.extend(_numbers_of(part))
    times: Counter[str] = Counter()
    counted = []
    for key, digits in numbers:
        times[key] += 1
        counted.append((key if times[key] == 1 else f"{key}_{times[key]}", digits))
    words = [(_stem(token), token.casefold()) for kind, token in tokens if kind in ("word", "code")]
    pattern = " ".join(filter(None, (_part_of_pattern(kind, token) for kind, token in tokens)))
    shown = _TOKEN.sub(lambda found: "#" if found.lastgroup == "number" else found[0], text)
    return _Read(pattern, " ".join(shown.split()), tuple(counted), tuple(words))


def _parts(tokens: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    parts: list[list[tuple[str, str]]] = [[]]
    for kind, token in tokens:
        if kind == "end":
            parts.append([])
        else:
            parts[-1].append((kind, token))
    return parts


def _numbers_of(part: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Key and digits of each number: by the word behind it, across ``/`` and the like, else by the one before."""
    found: list[tuple[str, str]] = []
    behind = ""
    for i in range(len(part) - 1, -1, -1):
        kind, token = part[i]
        if kind in ("word", "code"):
            behind = _stem(token)
        elif kind == "number":
            before = next((_stem(t) for k, t in reversed(part[:i]) if k in ("word", "code")), "") if not behind else ""
            found.append((behind or (f"after_{before}" if before else ""), token))
            joined = i > 0 and part[i - 1][0] == "by" and i > 1 and part[i - 2][0] == "number"
            behind = behind if joined else ""
    return found[::-1]


def _stem(word: str) -> str:
    return word.casefold()[:STEM]


def _stem_of(key: str) -> str:
    return key.removeprefix("after_").split("_")[0]


def _part_of_pattern(kind: str, token: str) -> str:
    if kind == "number":
        return "#"
    return _stem(token) if kind == "word" else token.casefold() if kind == "code" else ""


def _title(key: str, word: str) -> Title:
    order = key.removeprefix("after_").partition("_")[2]
    which, welches = (f" no. {order}", f" № {order}") if order else ("", "")
    if not word:
        return Title(f"number{which} without a word", f"число{welches} без слова")
    if key.startswith("after_"):
        return Title(f"number{which} after “{word}”", f"число{welches} после «{word}»")
    return Title(f"number{which} before “{word}”", f"число{welches} перед «{word}»")
