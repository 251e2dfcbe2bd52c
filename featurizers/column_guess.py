"""What a column holds, told from its values: a modality with the reason, or why it is of no use."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from artifacts.schema import Modality
from featurizers.calendar import read_times
from featurizers.categories import label_of, labels_of
from featurizers.hierarchy import path_separator
from featurizers.lists import SEPARATORS
from featurizers.nested_parsing import looks_nested, parse_nested
from featurizers.numbers import has_decimal_comma, is_missing, parse_number, to_numbers, unit_of

SAMPLE = 1000
PARSED = 200  # of the sample: parsing nested values and dates costs more
SURE = 0.9
MOSTLY = 0.7  # of many different values: the rest is dirt, and would be named in a finding
FEW_CATEGORIES = 50
UNIQUE_SHARE = 0.8
ID_ROWS = 20  # with fewer rows, all values being different says nothing

_ID_NAME = re.compile(
    r"(?:^|[_\s.-])(?:id|ids|uid|uuid|guid|sku|isbn\d*|ean|asin|index|key|hash|url|link)$|^unnamed: 0$", re.IGNORECASE
)
_ID_CAMEL = re.compile(r"[a-z](?:Id|ID|Uuid|Sku)$|^(?:id|ID|sku|SKU|ISBN\d*)$")
_CODE_NAME = re.compile(r"(?:^|[_\s.-])(?:zip|zipcode|zip_code|postcode|postal_code|code|код|индекс)$", re.I)


@dataclass(frozen=True)
class Guess:
    """``modality`` is None for a column that is left out; ``finding`` is then the code that says why."""

    modality: Modality | None
    reason: str
    finding: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def guess_column(values: pd.Series[Any]) -> Guess:
    """The modality of a column that the task does not name. Looks at some thousand values at most."""
    kind = values.dtype
    if pd.api.types.is_bool_dtype(kind) and not isinstance(kind, pd.CategoricalDtype):
        return _constant(values) or Guess(Modality.CATEGORICAL, "true or false")
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        return _guess_numbers(values)
    if pd.api.types.is_datetime64_any_dtype(kind):
        return _constant(values) or Guess(Modality.DATETIME, "dates")
    return _guess_objects(values)


def named_like_an_id(name: str) -> bool:
    """Whether the name of a column says that it identifies something: ``post_id``, ``SKU``, ``link``."""
    return bool(_ID_NAME.search(name) or _ID_CAMEL.search(name))


def _empty(values: pd.Series[Any]) -> Guess:
    return Guess(None, "every value is missing", "column_empty", {"count": len(values)})


def _constant(values: pd.Series[Any]) -> Guess | None:
    """A guess if the column says nothing: empty, or one value without gaps."""
    known = values[values.notna()]
    if known.empty:
        return _empty(values)
    if len(known) == len(values) > 1 and (known == known.iloc[0]).all():
        return Guess(None, "every value is the same", "column_constant", {"example": str(known.iloc[0])[:60]})
    return None


def _id(distinct: int, total: int) -> Guess:
    details = f"{distinct} different values in {total} rows"
    return Guess(None, f"{details}: looks like an identifier", "looks_like_id", {"details": details})


def _guess_numbers(values: pd.Series[Any]) -> Guess:
    nothing = _constant(values)
    if nothing:
        return nothing
    name = str(values.name)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return _empty(values)
    whole = bool((finite == np.round(finite)).all())
    if not whole:
        return Guess(Modality.NUMERIC, "numbers with fractions")
    distinct = len(np.unique(finite))
    spread = float(finite.max() - finite.min()) + 1
    counter = distinct == len(finite) and spread <= 2 * len(finite)
    if len(finite) >= ID_ROWS and ((named_like_an_id(name) and distinct > 0.95 * len(finite)) or counter):
        return _id(distinct, len(finite))
    if (named_like_an_id(name) or _CODE_NAME.search(name)) and distinct > 2:
        return Guess(Modality.CATEGORICAL, f"the name says that its {distinct} numbers are codes")
    return Guess(Modality.NUMERIC, f"whole numbers, {distinct} different ones")


class _Look:
    """What the guesses about objects and texts share."""

    def __init__(self, values: pd.Series[Any]) -> None:
        self.values = values
        self.name = str(values.name)
        missing = np.fromiter((is_missing(value) for value in values), dtype=bool, count=len(values))
        self.known = values[~missing].astype(object)
        step = max(1, len(self.known) // SAMPLE)
        self.sample: list[Any] = list(self.known.iloc[::step])
        self.parsed = self.sample[:: max(1, len(self.sample) // PARSED)]

    def share(self, test: Callable[[Any], bool], *, parsed: bool = False) -> float:
        looked_at = self.parsed if parsed else self.sample
        return sum(map(test, looked_at)) / len(looked_at)

    @cached_property
    def texts(self) -> list[str]:
        return [label or "" for label in labels_of(pd.Series(self.sample, dtype=object))]

    @cached_property
    def distinct(self) -> int:
        """Number of different values in all rows."""
        return len({value if isinstance(value, str) else label_of(value) for value in self.known})

    @property
    def distinct_share(self) -> float:
        return self.distinct / len(self.known)


def _guess_objects(values: pd.Series[Any]) -> Guess:
    look = _Look(values)
    if not len(look.known):
        return _empty(values)
    return (
        _image(look)
        or _nested(look)
        or _same(look)
        or _text_id(look)
        or _number(look)
        or _date(look)
        or _path(look)
        or _list(look)
        or _text_or_category(look)
    )


def _image(look: _Look) -> Guess | None:
    from featurizers.image_cells import sniff_image_values

    reason = sniff_image_values(look.values)
    return Guess(Modality.IMAGE, reason) if reason else None


def _nested(look: _Look) -> Guess | None:
    if look.share(looks_nested) < 0.5:
        return None
    found = [nested for nested in map(parse_nested, look.parsed) if nested is not None]
    if len(found) < 0.5 * len(look.parsed):
        return None
    pairs = sum(isinstance(nested, dict) or any(isinstance(item, (dict, list)) for item in nested) for nested in found)
    if 2 * pairs > len(found) or (pairs and all(not nested for nested in found if isinstance(nested, list))):
        return Guess(Modality.NESTED, "dictionaries, or lists of them")
    return Guess(Modality.LIST, "lists of plain values")


def _same(look: _Look) -> Guess | None:
    if len(look.known) == len(look.values) > 1 and look.distinct == 1:
        return Guess(None, "every value is the same", "column_constant", {"example": look.texts[0][:60]})
    return None


def _text_id(look: _Look) -> Guess | None:
    """Codes of one word that hardly ever repeat, or any values that do not under a name such as ``id``."""
    if len(look.known) < ID_ROWS or look.distinct_share < UNIQUE_SHARE:
        return None
    one_word = sum(" " not in text for text in look.texts) / len(look.texts)
    coded = [text for text in look.texts if any(map(str.isdigit, text)) or len(text) > 25]
    measures = [text for text in look.texts if len(text) < 9 and not np.isnan(parse_number(text))]
    by_name = named_like_an_id(look.name) and look.distinct_share > 0.95
    by_shape = one_word > 0.95 and len(coded) > 0.5 * len(look.texts) and len(measures) < 0.5 * len(look.texts)
    dates = by_shape and not by_name and _date(look) is not None
    fractions = sum("." in text or "," in text for text in measures)
    return _id(look.distinct, len(look.known)) if (by_name or by_shape) and not dates and not fractions else None


def _number(look: _Look) -> Guess | None:
    few = look.texts[:: max(1, len(look.texts) // 40)]
    if sum(any(map(str.isdigit, text)) for text in few) < 0.5 * len(few):
        return None
    comma = has_decimal_comma(look.sample)
    share = float(np.mean(~np.isnan(to_numbers(pd.Series(look.sample, dtype=object), decimal_comma=comma)[0])))
    if share < (MOSTLY if look.distinct > 30 else SURE):
        return None
    units = Counter(filter(None, (unit_of(text) for text in look.texts)))
    if len(units) > 5 or any(len(unit) > 8 for unit in units):  # "2 rooms apart", house numbers such as "4B"
        return None
    kinds = f" with {sorted(units)}" if units else ""
    return Guess(Modality.NUMERIC, f"{share:.0%} of the texts are numbers{kinds}")


def _date(look: _Look) -> Guess | None:
    objects = look.share(lambda value: isinstance(value, (dt.date, np.datetime64)), parsed=True)
    times, _ = read_times(pd.Series(look.parsed, dtype=object))
    if objects >= SURE or np.mean(~np.isnat(times)) >= SURE:
        return Guess(Modality.DATETIME, "dates" if objects >= SURE else "dates written as text")
    return None


def _path(look: _Look) -> Guess | None:
    separator = path_separator(look.texts)
    return Guess(Modality.CATEGORICAL, f"category paths with {separator!r} between the levels") if separator else None


def _list(look: _Look) -> Guess | None:
    """Short items that come again in other rows, with a separator between them; not a few fixed combinations."""
    if look.distinct <= FEW_CATEGORIES and look.distinct_share < 0.2:
        return None
    for separator in SEPARATORS:
        split = [text.split(separator) for text in look.texts]
        several = [items for items in split if len(items) > 1]
        if len(several) < max(2, 0.3 * len(split)):
            continue
        items = [item.strip() for some in several for item in some if item.strip()]
        digits = sum(any(map(str.isdigit, item)) for item in items)
        words = sum(len(item.split()) for item in items) / max(1, len(items))
        if items and words <= 3 and digits <= 0.3 * len(items) and len(set(items)) <= 0.5 * len(items):
            return Guess(Modality.LIST, f"short items between {separator!r} that come again in other rows")
    return None


def _text_or_category(look: _Look) -> Guess:
    words = float(np.mean([len(text.split()) for text in look.texts]))
    length = float(np.mean([len(text) for text in look.texts]))
    share = look.distinct_share
    counts = f"{look.distinct} different values in {len(look.known)} rows, {words:.1f} words on average"
    long = length > 100 and look.distinct > 2
    various = look.distinct > FEW_CATEGORIES or (share > 0.5 and look.distinct > 2)
    if long or (various and ((share > 0.5 and words >= 1.5) or (share > 0.1 and words >= 4))):
        return Guess(Modality.TEXT, f"texts: {counts}")
    return Guess(Modality.CATEGORICAL, f"short values that come again: {counts}")
