"""Numbers as people write them: decimal commas, spaces as thousands, currency signs and units."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.finding import Audit
from artifacts.schema import Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.units import UnitScale, learn_units, unit_named

MAX_CHARACTERS = 80  # of a text that can be a number
MISSING_WORDS = frozenset(("", "nan", "none", "null", "na", "n/a", "<na>", "-", "--", "—", "–", "?"))
MARKERS = (-1.0, -9.0, -99.0, -999.0, -9999.0)
"""What stands for "missing" where it is the only negative number of a column, and frequent."""
MARKER_SHARE = 0.01  # of the numbers, at least
MARKER_OTHERS = 10  # different other numbers: -1, 0, 1 are answers
LARGEST = float(np.finfo(np.float32).max)

_SPACES = "  \u2007\u2009\u202f"
_WORD = r"[^\W\d_]{1,12}\.?"
_NUMBER = re.compile(
    rf"""
    (?:[$€£¥₽₴₸₹]|(?:Rs|USD|EUR|RUB)\.?(?=[\s\d]))? \s*
    (?P<sign>[-+−–])? \s* [$€£¥₽₴₸₹]?
    (?P<digits>(?:\d{{1,3}}(?:[{_SPACES}']\d{{3}})+(?!\d)|\d+)(?:[.,]\d+)*|[.,]\d+)
    (?P<exponent>[eE][-+]?\d{{1,3}}(?!\w))?
    \s*
    (?P<unit>(?:[°%‰]?{_WORD}[²³23]?(?:\s?/\s?{_WORD}[²³23]?|\s{_WORD}[²³23]?)?|[%‰°"'″′”’?$€£¥₽₴₸₹+*]{{1,2}})?)
    [\s.,;]*
    """,
    re.VERBOSE,
)
_DIGIT = re.compile(r"\d")
_ABOUT = re.compile(
    r"^(?:~|≈|>|<|≥|≤|±|(?:около|примерно|прибл|до|от|не менее|не более|about|approx|ca|up to|max|min)\b\.?)\s*",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s?([^\W\d_]{1,12}|[\"'″′])\.?\s*(?:,\s*)?(?:(?:и|and)\s+)?")
_SCALES = {"тыс": 1e3, "млн": 1e6, "млрд": 1e9, "k": 1e3, "thousand": 1e3, "million": 1e6, "billion": 1e9}


class Numbers(Featurizer):
    """One block: ``{source}__value``, and ``{source}__is_missing`` (0/1) if training had rows without a number.

    Infinite values and those beyond float32 are NaN; so is one of ``MARKERS`` where it stands for a
    missing value (see ``missing_marker``), with the finding ``number_marker``. What is not a number
    is NaN, too, with the finding ``number_unreadable``. Whether ``1,319`` means a thousand or a
    fraction is learned from the column's other values: a fraction where some value can only be one,
    such as ``37,5``. Numbers are converted into the most frequent unit (finding ``units_converted``),
    which is the feature's unit if the column has none; what measures something else is NaN.
    """

    name: ClassVar[str] = "number"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.NUMERIC})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn what a comma means here, whether numbers are missing, and whether a number stands for that."""
        comma = has_decimal_comma(values)
        units = UnitScale()
        if not pd.api.types.is_numeric_dtype(values.dtype):
            spellings = spellings_of(values)
            units = learn_units(spellings, self.column.name, self.column.unit)
            report_units(surroundings.audit, self.column.name, self.column.name, units, spellings)
        numbers, _ = to_numbers(values, decimal_comma=comma, units=units)
        marker = missing_marker(numbers)
        flag = marker is not None or bool(np.isnan(numbers).any())
        learned = {"decimal_comma": comma, "flag": flag, "marker": marker, "units": units.to_json()}
        return self.restore(State(learned))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, 1 or 2).

        Raises:
            NotFittedError: before ``fit``.
        """
        learned = self.state().values
        units = UnitScale(**learned["units"])
        numbers, unreadable = to_numbers(values, decimal_comma=learned["decimal_comma"], units=units)
        report_unreadable(surroundings.audit, "number_unreadable", self.column.name, values, unreadable)
        marked = numbers == learned["marker"] if learned["marker"] is not None else np.zeros(len(numbers), dtype=bool)
        report_unreadable(surroundings.audit, "number_marker", self.column.name, values, marked)
        numbers = np.where(marked, np.nan, numbers)
        unit = self.column.unit or units.unit
        features = [quantity_feature(self.column, self.name, "value", Title("value", "значение"), unit=unit)]
        parts = [numbers]
        if learned["flag"]:
            title = Title("value is missing", "значения нет")
            features.append(quantity_feature(self.column, self.name, "is_missing", title, unit="0/1"))
            parts.append(np.isnan(numbers).astype(np.float64))
        result = np.ascontiguousarray(np.stack(parts, axis=1), dtype=np.float32)
        return [Block(self.column.name, self.name, tuple(features), result)]

    def state(self) -> State:
        """Two flags, the marker of missing values or None, and the unit with what others are multiplied with.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"Numbers of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self


def missing_marker(numbers: NDArray[np.float64]) -> float | None:
    """The number that stands for a missing value in a column, None if there is none.

    It is one of ``MARKERS``, the only negative number of the column, at least ``MARKER_SHARE`` of
    all, and the column holds ``MARKER_OTHERS`` other numbers.
    """
    known = numbers[np.isfinite(numbers)]
    negative = known[known < 0]
    if not len(negative) or negative[0] not in MARKERS or (negative != negative[0]).any():
        return None
    frequent = len(negative) >= max(2, MARKER_SHARE * len(known))
    return float(negative[0]) if frequent and len(np.unique(known)) > MARKER_OTHERS else None


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT, or a text without a visible character."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, (float, np.floating, Decimal)) and math.isnan(value)


def parse_number(value: Any, *, decimal_comma: bool = False) -> float:
    """The number in a cell, NaN if there is none.

    Reads one number with an optional currency sign before and one or two words of unit behind:
    ``16 781 328 ₽``, ``3,02 м``, ``37"``, ``$1,299.99``, ``5 тыс. руб.`` (5000). Ranges, sizes such
    as ``10x20`` and several numbers are none. ``1,319`` is 1319, or 1.319 with ``decimal_comma``.
    Infinity and what is beyond float32 gives NaN.
    """
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value[: MAX_CHARACTERS + 1]).decode("utf-8", errors="replace")
    if isinstance(value, str):
        number = _parse_text(value, decimal_comma)
    elif isinstance(value, (int, float, np.number, np.bool_, Decimal)) and not isinstance(value, np.complexfloating):
        try:
            number = float(value)
        except (OverflowError, ValueError):
            return math.nan
    else:
        return math.nan
    return number if abs(number) <= LARGEST else math.nan


def unit_of(text: str) -> str | None:
    """What stands behind the number in a text, in lower case; None if the text is no number."""
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= MAX_CHARACTERS else None
    return found["unit"].casefold().strip(" .") if found else None


def quantity(value: Any, units: UnitScale, *, decimal_comma: bool = False) -> float:
    """The number in a cell in the unit of ``units``, NaN if there is none or it measures something else.

    Reads what ``parse_number`` reads, with ``about``, ``~``, ``до`` or ``<`` before it, and several
    units, the larger first: ``1 lb. 4 oz.``, ``1 ч 30 мин``.
    """
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value[: MAX_CHARACTERS + 1]).decode("utf-8", errors="replace")
    if not isinstance(value, str):
        return parse_number(value)
    if len(value) > MAX_CHARACTERS or not _DIGIT.search(value):
        return math.nan
    text = _ABOUT.sub("", value.strip())
    number = parse_number(text, decimal_comma=decimal_comma)
    if math.isnan(number):
        return _sum_of_units(text, units, decimal_comma)
    if not units.factors:
        return number
    found = _NUMBER.fullmatch(text.strip())
    number *= units.factor(found["unit"].strip() if found else "")
    return number if abs(number) <= LARGEST else math.nan


def spellings_of(values: Iterable[Any]) -> Counter[str]:
    """How often each unit, as it is spelled, stands behind a number."""
    counts: Counter[str] = Counter()
    for text, count in Counter(v for v in values if isinstance(v, str) and len(v) <= MAX_CHARACTERS).items():
        found = _NUMBER.fullmatch(_ABOUT.sub("", text.strip()))
        for unit in [found["unit"].strip()] if found else [part[2] for part in _parts(text)]:
            counts[unit] += count
    return counts


def report_units(audit: Audit, column: str, subject: str, units: UnitScale, spellings: Counter[str]) -> None:
    """Add a finding if numbers in other units are converted."""
    others = {s: n for s, n in spellings.items() if units.factors and units.factor(s) != 1.0}
    if others:
        shown = ", ".join(sorted(others, key=lambda spelling: -others[spelling])[:5])
        total = sum(spellings.values())
        details = {"subject": subject, "unit": units.unit, "others": shown}
        audit.add("units_converted", column=column, count=sum(others.values()), total=total, **details)


def _parts(text: str) -> list[tuple[str, str, str]]:
    """Number and unit pairs that make up a whole text, none if anything else is in it."""
    found = [(part[0], part[1], part[2]) for part in _PART.finditer(text)]
    return found if len(found) > 1 and sum(len(part[0]) for part in found) == len(text) else []


def _sum_of_units(text: str, units: UnitScale, decimal_comma: bool) -> float:
    parts = _parts(text)
    if not parts or not units.factors or any(unit_named(unit) is None for _, _, unit in parts):
        return math.nan
    factors = [units.factor(unit) for _, _, unit in parts]
    if any(not later < earlier for earlier, later in pairwise(factors)):
        return math.nan
    numbers = [parse_number(number, decimal_comma=decimal_comma) for _, number, _ in parts]
    return sum(number * factor for number, factor in zip(numbers, factors, strict=True))


def _parse_text(text: str, decimal_comma: bool) -> float:
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= MAX_CHARACTERS else None
    if found is None:
        return math.nan
    digits = _plain_digits(found["digits"], decimal_comma)
    if digits is None:
        return math.nan
    number = float(digits + (found["exponent"] or ""))
    first = re.split(r"[\s./]", found["unit"].casefold(), maxsplit=1)[0]
    number *= _SCALES.get(first, 1.0)
    return -number if found["sign"] and found["sign"] != "+" else number


def _plain_digits(digits: str, decimal_comma: bool) -> str | None:
    """Digits with at most one point; None if the marks contradict each other."""
    digits = re.sub(rf"[{_SPACES}']", "", digits)
    commas, points = digits.count(","), digits.count(".")
    if commas and points:
        last = max(digits.rfind(","), digits.rfind("."))
        thousands = "," if digits[last] == "." else "."
        if digits.count(digits[last]) > 1 or not _groups_of_three(digits[:last], thousands):
            return None
        return digits[:last].replace(thousands, "") + "." + digits[last + 1 :]
    mark = "," if commas else "."
    if commas + points > 1:
        return digits.replace(mark, "") if _groups_of_three(digits, mark) else None
    if commas and not decimal_comma and _groups_of_three(digits, ","):
        return digits.replace(",", "")
    return digits.replace(",", ".")


def _groups_of_three(digits: str, mark: str) -> bool:
    head, *groups = digits.split(mark)
    return 1 <= len(head) <= 3 and not head.startswith("0") and all(len(group) == 3 for group in groups)


def has_decimal_comma(values: Iterable[Any]) -> bool:
    """Whether some value has a comma that can only begin a fraction (``37,5``), as in Russian."""
    for value in values:
        if isinstance(value, str) and "," in value and len(value) <= MAX_CHARACTERS:
            found = _NUMBER.fullmatch(value.strip())
            digits = re.sub(rf"[{_SPACES}']", "", found["digits"]) if found else ""
            if digits.count(",") == 1 and (digits.rfind(",") > digits.find(".") or "." not in digits):
                after = digits.split(",")[1]
                if "." not in after and not _groups_of_three(digits.replace(".", ""), ","):
                    return True
    return False


def to_numbers(
    values: pd.Series[Any], *, decimal_comma: bool = False, units: UnitScale | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers (n_samples,), NaN where there is none, and which cells hold something else than a number.

    With ``units`` they are in its unit, see ``quantity``.
    """
    kind = values.dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        missing = np.isnan(numbers)
        numbers = np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)
        return numbers, np.isnan(numbers) & ~missing
    numbers = np.full(len(values), np.nan)
    unreadable = np.zeros(len(values), dtype=bool)
    known: dict[str, tuple[float, bool]] = {}
    for i, value in enumerate(values):
        if isinstance(value, str):
            if value not in known:
                if units is None:
                    number = parse_number(value, decimal_comma=decimal_comma)
                else:
                    number = quantity(value, units, decimal_comma=decimal_comma)
                word = value[:MAX_CHARACTERS].strip().casefold()
                known[value] = number, math.isnan(number) and word not in MISSING_WORDS
            numbers[i], unreadable[i] = known[value]
        elif not is_missing(value):
            numbers[i] = parse_number(value, decimal_comma=decimal_comma)
            unreadable[i] = math.isnan(numbers[i])
    return numbers, unreadable


def report_unreadable(
    audit: Audit, code: str, column: str, values: pd.Series[Any], unreadable: NDArray[np.bool_]
) -> None:
    """Add a finding about the marked cells, with the first of them as the example; nothing if there are none."""
    if unreadable.any():
        example = values.iloc[int(np.flatnonzero(unreadable)[0])]
        shown = example[:60] if isinstance(example, (str, bytes)) else str(example)[:60]
        audit.add(code, column=column, rows=values.index[unreadable], total=len(values), example=repr(shown))
