"""Common characteristics of products in free Russian and English text, brought to a few levels by a table of rules."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from artifacts.errors import pick_known
from artifacts.schema import Title
from featurizers.text_cleaning import as_text

RULES = Path(__file__).parent / "data" / "characteristics.toml"
KINDS = ("age", "sex", "season", "fragility", "colour", "size", "country")
MAX_CHARACTERS = 200  # of a value; what lies behind is not looked at
NAMED_SHARE = 0.5  # of values recognised, from which a key with a telling name holds the kind
UNNAMED_SHARE = 0.9  # the same for a key whose name tells nothing
MAX_WORDS = 3  # on average in values that tell their kind without a name
MAX_DISTINCT = 1000  # of a key's values that are looked at

_ADJECTIVE = (
    "(?:ый|ий|ой|ая|яя|ое|ее|ые|ие|ого|его|ому|ему|ым|им|ых|их|ую|юю|ей|ыми|ими|о|е|еньк[а-я]{1,3}|оват[а-я]{1,3})"
)
_CAMEL = re.compile(r"(?<=[a-zа-я])(?=[A-ZА-Я])")
_SIZE_NUMBER = re.compile(r"(?<![\w.,])(\d{1,3}(?:[.,]\d)?)(?![\w%\"]|[.,]\d|\s*(?:см|мм|cm|mm|kg|кг|мл|ml|in)\b)")
_FOREIGN_SIZE = re.compile(r"(?<!\w)(?:us|uk|usa|сша)(?!\w)")


@dataclass(frozen=True)
class Level:
    """One of the few values that a kind has: its name is English, ``value`` its place on a scale if it has one."""

    name: str
    title: Title
    value: float | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of characteristic and the rules for it, compiled."""

    name: str
    title: Title
    levels: tuple[Level, ...]
    form: str
    many: str
    by_values: bool
    unit: str
    words: re.Pattern[str]
    stands_for: tuple[tuple[str, ...], ...]  # levels of each group of ``words``
    whole: Mapping[str, tuple[str, ...]]
    keys: re.Pattern[str]
    ages: _Ages | None = None

    def level(self, name: str) -> Level:
        """The level of this name.

        Raises:
            InputError: if there is none.
        """
        return pick_known("level", name, {level.name: level for level in self.levels})


@dataclass(frozen=True)
class _Ages:
    number: re.Pattern[str]
    up_to: re.Pattern[str]


def kind_of(name: str) -> Kind:
    """The rules of one of ``KINDS``.

    Raises:
        InputError: if there is no such kind.
    """
    return pick_known("kind of characteristic", name, _rules())


def normalise(kind: str, value: Any) -> str | None:
    """The level of a value, None if it is not recognised: ``normalise("sex", "для девочек")`` is ``girls``.

    Several levels in one value: of colours and countries the first one, of ages the lowest, both
    sexes are ``unisex``, and several seasons are none of the four (see ``normalise_all``). A size
    without letters is its number. Fit for labels, too: it depends on the value alone.

    Raises:
        InputError: if there is no such kind.
    """
    found = normalise_all(kind, value)
    return None if not found or (kind_of(kind).many == "none" and len(found) > 1) else found[0]


def normalise_all(kind: str, value: Any) -> tuple[str, ...]:
    """All levels that a value names, in the order in which it does; of ages and sexes at most one.

    Raises:
        InputError: if there is no such kind.
    """
    return _levels_of(kind_of(kind).name, _cleaned(as_text(value)[:MAX_CHARACTERS]))


def size_numbers(value: Any) -> tuple[float, ...]:
    """Numbers of clothes and shoes in a value, ``42-44`` gives both ends; none of American and British sizes."""
    text = _cleaned(as_text(value)[:MAX_CHARACTERS]).split("(")[0]
    if _FOREIGN_SIZE.search(text):
        return ()
    numbers = (float(found[1].replace(",", ".")) for found in _SIZE_NUMBER.finditer(text))
    return tuple(dict.fromkeys(number for number in numbers if 0 < number <= 200))


def detect_kind(name: str, values: Mapping[str, int]) -> tuple[str, float] | None:
    """The kind that a column or key holds, and the share of its values that is recognised.

    A name that the rules know needs ``NAMED_SHARE`` of the values; any other needs ``UNNAMED_SHARE``
    of short values with at least two levels between them. ``values`` are texts with their counts.
    """
    some = dict(sorted(values.items(), key=lambda item: (-item[1], item[0]))[:MAX_DISTINCT])
    total = sum(some.values())
    if not total:
        return None
    words = sum(len(text.split()) * count for text, count in some.items()) / total
    named = _cleaned(_CAMEL.sub(" ", name)[:MAX_CHARACTERS])
    best: tuple[bool, float, str] | None = None
    for kind in _rules().values():
        is_named = bool(kind.keys.search(named))
        if not is_named and (not kind.by_values or words > MAX_WORDS):
            continue
        found = {text: normalise_all(kind.name, text) for text in some}
        share = sum(some[text] for text, levels in found.items() if levels) / total
        several = len({level for levels in found.values() for level in levels}) > 1
        enough = share >= NAMED_SHARE if is_named else share >= UNNAMED_SHARE and several
        if enough and (best is None or (is_named, share) > best[:2]):
            best = is_named, share, kind.name
    return None if best is None else (best[2], best[1])


@lru_cache(maxsize=100_000)
def _levels_of(name: str, text: str) -> tuple[str, ...]:
    kind = kind_of(name)
    found: Iterable[str] = kind.whole.get(text, ())
    if not found and kind.ages:
        found = _age_levels(kind, text)
    if not found:
        found = [level for match in kind.words.finditer(text) for level in kind.stands_for[(match.lastindex or 1) - 1]]
    if not found and kind.form == "size":
        found = [f"{number:g}" for number in size_numbers(text)]
    levels = tuple(dict.fromkeys(found))
    if kind.many == "merge" and len(levels) > 1:
        return (_merged_sex(set(levels)),)
    if kind.many == "lowest" and levels:
        return (min(levels, key=lambda level: kind.level(level).value or 0),)
    return levels


def _merged_sex(levels: set[str]) -> str:
    """One level for several: children of one sex count as that sex if adults stand beside them."""
    for both in ({"male", "boys"}, {"female", "girls"}):
        if levels <= both:
            return next(iter(levels & {"male", "female"}))
    concrete = levels - {"unisex"}  # "kids: girls" says more than kids
    return next(iter(concrete)) if len(concrete) == 1 and concrete <= {"boys", "girls"} else "unisex"


def _age_levels(kind: Kind, text: str) -> list[str]:
    """The level of the least number of years in a text, if it names any."""
    assert kind.ages is not None
    found = list(kind.ages.number.finditer(text))
    years: list[float] = []
    unit: str | None = None
    for match in reversed(found):  # in "6-12 months" the first number takes the unit of the second
        unit = (
            match.lastgroup if match.lastgroup != "n" else unit or ("years" if len(found) == 1 or match["n"] else None)
        )
        number = float(match["n"].replace(",", "."))
        scale = {"months": 1 / 12, "weeks": 1 / 52, "days": 1 / 365}.get(unit or "", 1.0)
        years.append(number + 6 if unit == "grades" else number * scale)
    years = [year for year in years if year <= 120]
    if not years:
        return []
    least = 0.0 if len(years) == 1 and kind.ages.up_to.search(text) else min(years)
    return [level.name for level in kind.levels if (level.value or 0) <= least][-1:]


def _cleaned(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").replace("’", "'").replace("`", "'").split()).strip(" .,:;!*")


@lru_cache(maxsize=1)
def _rules() -> dict[str, Kind]:
    with RULES.open("rb") as file:
        table = tomllib.load(file)
    return {name: _compiled(name, table[name]) for name in KINDS}


def _compiled(name: str, rules: Mapping[str, Any]) -> Kind:
    levels = tuple(
        Level(level["name"], Title(level["name"], level.get("ru", level["name"])), level.get("value"))
        for level in rules["level"]
    )
    sources = [((level["name"],), level) for level in rules["level"]]
    sources += [(tuple(group["levels"]), group) for group in rules.get("group", ())]
    words = {word: stands_for for stands_for, source in sources for word in source["words"]}
    whole = {word: stands_for for stands_for, source in sources for word in source.get("whole", ())}
    longest_first = sorted(words, key=lambda word: (-len(word.rstrip("*~")), word))
    prefixes = "|".join(rules.get("prefixes", ()))
    before = rf"(?:{prefixes})?" if prefixes else ""
    pattern = "|".join(f"({_as_pattern(word)})" for word in longest_first)
    return Kind(
        name, Title(**rules["title"]), levels, rules["form"], rules["many"], rules["by_values"], rules.get("unit", ""),
        re.compile(rf"(?<![^\W_])(?<!'){before}(?:{pattern})(?![^\W_])"),
        tuple(words[word] for word in longest_first),
        whole,
        re.compile(rf"(?<![^\W_])(?:{'|'.join(map(_as_pattern, rules['keys']))})(?![^\W_])"),
        _compiled_ages(rules) if "years" in rules else None,
    )  # fmt: skip


def _compiled_ages(rules: Mapping[str, Any]) -> _Ages:
    units = "|".join(
        f"(?P<{unit}>{'|'.join(map(_as_pattern, sorted(rules[unit], key=len, reverse=True)))})"
        for unit in ("years", "months", "weeks", "days", "grades")
    )
    # A unit behind the number (also "3-х лет"), a plus sign, the other end of a range, or neither word nor digit.
    behind = (
        rf"(?=\s?(?:до|to|и|and|или|or)\s?\d)|\s?-?\s?(?:и|х|ти)?\s?(?:{units})(?!\w)|\s?\+|(?![\w.,]?\d|\s?[^\W\d])"
    )
    number = rf"(?<![\w.,])(?P<n>\d{{1,3}}(?:[.,]\d{{1,2}})?)(?:{behind})"
    up_to = "|".join(_as_pattern(word) for word in rules["up_to"])
    return _Ages(re.compile(number), re.compile(rf"(?<!\w)(?:{up_to})\s*\d"))


def _as_pattern(word: str) -> str:
    """A word of the table as a regular expression."""
    pattern = re.escape(word).replace(r"\~", _ADJECTIVE).replace(r"\*", r"\w*+").replace(r"\#", r"\s?'?\d{2,4}")
    return pattern.replace("~", _ADJECTIVE).replace(r"\ ", r"[\s\-_]*+").replace("ё", "е")
