"""Dates and times in the formats that tables hold, as quantities of the calendar."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import NotFittedError
from artifacts.feature_table import Block
from artifacts.schema import Modality, Title, quantity_feature
from featurizers.base import Featurizer, State, Surroundings
from featurizers.numbers import is_missing, report_unreadable

EPOCH = pd.Timestamp("2000-01-01")
MAX_CHARACTERS = 64
DAY = 86_400.0

Times = NDArray[np.datetime64]

_ISO = re.compile(r"\d{4}-\d{1,2}(?:-\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:Z|[+-]\d{2}:?\d{2})?)?)?")
_ZONE = re.compile(r":\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_DIGITS = re.compile(r"-?\d+(?:\.0*)?|\d{9,}\.\d+")
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}\b")
_MONTHS = {
    "янв": "Jan", "фев": "Feb", "мар": "Mar", "апр": "Apr", "мая": "May", "май": "May", "июн": "Jun", "июл": "Jul",
    "авг": "Aug", "сен": "Sep", "окт": "Oct", "ноя": "Nov", "дек": "Dec",
}  # fmt: skip
_RUSSIAN_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})[а-яё]*\.?", re.IGNORECASE)
_ENGLISH_NAME = re.compile(
    r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?", re.IGNORECASE
)
_PLAUSIBLE = re.compile(
    r"(?=.*(?:[A-Z][a-z]{2}|\d{4}|\d[./-]\d{1,2}[./-]\d))(?=.*\d)"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun|[AaPp][Mm]|[\d\s.:/+-])+"
)
_YEAR_WORD = re.compile(r"\s*г(?:\.|ода?)?(?=\s|$)")
_FORMATS = (
    "%d %b %Y", "%b %d %Y", "%b %Y", "%d-%b-%Y", "%Y %b %d", "%a %d %b %Y", "%a %b %d %Y", "%d %b %y",
    "%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d", "%Y.%m.%d", "%m/%Y", "%m.%Y", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %H:%M:%S %z", " %H:%M %z")


class Calendar(Featurizer):
    """One block of calendar quantities; all NaN, and ``is_missing`` 1, where there is no date.

    ``days`` (since 2000-01-01, with the time as a fraction), ``year``, ``month`` (1-12),
    ``day_of_week`` (Monday is 0), ``is_weekend``, sine and cosine of the day of the year; ``hour`` if
    training holds times of day, ``is_missing`` if training lacks dates. Times with a zone are taken
    in UTC, others as they are. ``03/04/2020`` is March 4 unless the column has days above 12 in front.
    """

    name: ClassVar[str] = "calendar"
    modalities: ClassVar[frozenset[Modality]] = frozenset({Modality.DATETIME})

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self._state: State | None = None

    def fit(self, values: pd.Series[Any], surroundings: Surroundings) -> Self:
        """Learn whether days come first, and whether there are times and gaps."""
        day_first = days_come_first(values)
        times, _ = read_times(values, day_first=day_first)
        known = pd.DatetimeIndex(times[~np.isnat(times)])
        has_hours = bool((known != known.normalize()).any())
        return self.restore(State({"day_first": day_first, "hours": has_hours, "flag": len(known) < len(times)}))

    def transform(self, values: pd.Series[Any], surroundings: Surroundings) -> list[Block]:
        """One block, float32 (n_samples, 7 to 9).

        Raises:
            NotFittedError: before ``fit``.
        """
        learned = self.state().values
        times, unreadable = read_times(values, day_first=learned["day_first"])
        report_unreadable(surroundings.audit, "date_unreadable", self.column.name, values, unreadable)
        quantities = _quantities(pd.DatetimeIndex(times))
        if not learned["hours"]:
            del quantities["hour"]
        if not learned["flag"]:
            del quantities["is_missing"]
        features = tuple(
            quantity_feature(self.column, self.name, quantity, title, unit=unit)
            for quantity, (title, unit, _) in quantities.items()
        )
        result = np.stack([np.asarray(numbers, dtype=np.float64) for _, _, numbers in quantities.values()], axis=1)
        return [Block(self.column.name, self.name, features, np.ascontiguousarray(result, dtype=np.float32))]

    def state(self) -> State:
        """Three flags.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._state is None:
            raise NotFittedError(f"Calendar of column {self.column.name!r} needs fit before this.")
        return self._state

    def restore(self, state: State) -> Self:
        """Take over what ``state`` gave."""
        self._state = state
        return self


def _quantities(times: pd.DatetimeIndex) -> dict[str, tuple[Title, str, Any]]:
    angle = 2 * np.pi * (times.dayofyear.to_numpy(dtype=np.float64) - 1) / 365.25
    weekend = np.where(times.isna(), np.nan, times.dayofweek.to_numpy(dtype=np.float64) >= 5)
    return {
        "days": (Title("days since 2000", "дней с 2000 года"), "d", (times - EPOCH).total_seconds() / DAY),
        "year": (Title("year", "год"), "", times.year),
        "month": (Title("month", "месяц"), "1-12", times.month),
        "day_of_week": (Title("day of the week from Monday", "день недели с понедельника"), "0-6", times.dayofweek),
        "is_weekend": (Title("weekend", "выходной"), "0/1", weekend),
        "hour": (Title("hour", "час"), "0-24", times.hour + times.minute / 60),
        "year_sine": (Title("season, sine", "время года, синус"), "", np.sin(angle)),
        "year_cosine": (Title("season, cosine", "время года, косинус"), "", np.cos(angle)),
        "is_missing": (Title("date is missing", "даты нет"), "0/1", times.isna()),
    }


def days_come_first(values: pd.Series[Any]) -> bool:
    """Whether ``31/12/2020``-like values show that days stand before months."""
    if values.dtype.kind in "mMiufb":
        return False
    found = [_SLASHES.match(value.strip()) for value in values if isinstance(value, str) and "/" in value]
    return any(int(match[1]) > 12 for match in found if match)


def read_times(values: pd.Series[Any], *, day_first: bool = False) -> tuple[Times, NDArray[np.bool_]]:
    """Times without a zone, datetime64[ns] (n_samples,), NaT if there is none, and which cells are unreadable.

    Reads dates and times as objects, ISO 8601, English and Russian month names (``August 1st 2000``,
    ``1 августа 2000 г.``), ``31.12.2020``, dates with slashes, a year alone, ``20201231``, and seconds,
    milliseconds or nanoseconds since 1970.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ns]"), _none(values)
    if values.dtype.kind == "M":
        given = pd.to_datetime(values.to_numpy(), errors="coerce")
        return _nanoseconds(given), np.asarray(given.isna() & values.notna().to_numpy())
    distinct: dict[Any, int] = {}
    codes = np.full(len(values), -1, dtype=np.int64)
    unreadable = _none(values)
    for i, value in enumerate(values):
        if is_missing(value):
            continue
        key = value.strip() if isinstance(value, str) else value
        if isinstance(key, (str, dt.date, np.datetime64)) and len(str(key)) <= MAX_CHARACTERS:
            codes[i] = distinct.setdefault(key, len(distinct))
        elif isinstance(key, (int, float, np.number)) and not isinstance(key, (bool, np.complexfloating)):
            codes[i] = distinct.setdefault(repr(float(key)), len(distinct))
        else:
            unreadable[i] = True
    read = _read_distinct(list(distinct), day_first)
    times = np.append(read, np.datetime64("NaT"))[codes]
    return times, unreadable | ((codes >= 0) & np.isnat(times))


def _none(values: pd.Series[Any]) -> NDArray[np.bool_]:
    return np.zeros(len(values), dtype=bool)


def _nanoseconds(times: Any) -> Times:
    return np.asarray(times.as_unit("ns").to_numpy(), dtype="datetime64[ns]")


def _read_distinct(keys: list[Any], day_first: bool) -> Times:
    result = np.full(len(keys), np.datetime64("NaT"), dtype="datetime64[ns]")
    texts: dict[int, str] = {}
    for i, key in enumerate(keys):
        if not isinstance(key, str):
            result[i] = _from_object(key)
        elif _DIGITS.fullmatch(key):
            result[i] = _from_number(float(key))
        else:
            texts[i] = key
    iso = {i: text for i, text in texts.items() if _ISO.fullmatch(text)}
    # Apart: beside texts with a zone, pandas takes those without one to be in the zone of the first.
    zoned = {i: text for i, text in iso.items() if _ZONE.search(text)}
    left = _take(result, zoned, "ISO8601") | _take(result, {i: iso[i] for i in iso.keys() - zoned.keys()}, "ISO8601")
    tidy = {i: _tidy(text) for i, text in texts.items() if i not in iso}
    left |= {i: text for i, text in tidy.items() if _PLAUSIBLE.fullmatch(text)}  # trying formats is slow
    for format_ in (*_FORMATS, "%d/%m/%Y" if day_first else "%m/%d/%Y"):
        for clock in _CLOCKS if "%H" not in format_ else ("",):
            left = _take(result, left, format_ + clock)
    return result


def _take(result: Times, texts: dict[int, str], format_: str) -> dict[int, str]:
    """Read texts of one format, put their times down, and return the others."""
    if not texts:
        return {}
    times = pd.to_datetime(list(texts.values()), format=format_, utc=True, errors="coerce").tz_localize(None)
    at = np.fromiter(texts, dtype=np.int64)
    known = ~np.asarray(times.isna())
    result[at[known]] = _nanoseconds(times)[known]
    return {i: texts[i] for i in at[~known].tolist()}


def _tidy(text: str) -> str:
    """English short month names, no commas, no ordinals: one spelling of what the formats read."""
    text = _ORDINAL.sub("", text).replace(",", " ")
    text = _RUSSIAN_MONTH.sub(lambda month: _MONTHS[month[1].casefold()], text)
    text = _YEAR_WORD.sub("", re.sub(r"\b(?:at|of|в)\b", " ", text))
    text = re.sub(r"\b(GMT|UTC|Z)$", "+0000", re.sub(r"(?<=\d)T(?=\d)", " ", text))
    return " ".join(_ENGLISH_NAME.sub(lambda found: found[1].title(), text).split())


def _from_object(value: Any) -> np.datetime64:
    nothing = np.datetime64("NaT", "ns")
    try:
        time = pd.Timestamp(value)
    except (ValueError, OverflowError, TypeError):  # pandas: out of the years 1678-2261
        return nothing
    if pd.isna(time):
        return nothing
    try:
        return np.datetime64(
            (time.tz_convert("UTC").tz_localize(None) if time.tzinfo else time).as_unit("ns").value, "ns"
        )
    except (ValueError, OverflowError):
        return nothing


def _from_number(number: float) -> np.datetime64:
    size = abs(number)
    if number == int(number) and 1700 <= number <= 2200:
        return np.datetime64(f"{int(number)}-01-01", "ns")
    if number == int(number) and 17_000_101 <= number <= 22_001_231:
        return _from_object(pd.to_datetime(str(int(number)), format="%Y%m%d", errors="coerce"))
    for low, high, unit in ((1e8, 7e9, 1.0), (1e11, 7e12, 1e3), (1e14, 7e15, 1e6), (1e17, 7e18, 1e9)):
        if low <= size < high:
            return np.datetime64(round(number / unit * 1e9), "ns")
    return np.datetime64("NaT")
