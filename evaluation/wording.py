"""Words and numbers of a report in one language, and text from the data made harmless to show."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from artifacts.errors import InputError
from artifacts.schema import LANGUAGES, Title
from evaluation.texts import TEXTS

MAX_TEXT = 600
NARROW_SPACE = "\u202f"
_BREAKS = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029]+")
# Control characters, bidirectional overrides and marks, invisible separators, lone surrogates, tags, non-characters.
# Joiners (200C, 200D) stay: emoji and several scripts are written with them.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]"
)
_STACKED = re.compile("([\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{3})[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]+")


def neutral(text: str, limit: int = MAX_TEXT) -> str:
    """One line of at most ``limit`` characters that cannot reorder or hide what stands around it.

    Characters that control display become a visible replacement mark. HTML is not escaped here: templates do that.
    """
    text = _BREAKS.sub(" ", text[: 2 * limit])
    text = _STACKED.sub(r"\1", _HOSTILE.sub("\ufffd", text))
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


@dataclass(frozen=True)
class Wording:
    """Sentences and number formats of ``en`` or ``ru``.

    Raises:
        InputError: if the language is another one.
    """

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise InputError(f"Reports are written in one of {list(LANGUAGES)}, but {self.language!r} was asked for.")

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key with its values filled in."""
        text = TEXTS[key][self.language]
        return text.format(**values) if values else text

    def known(self, key: str, fallback: str) -> str:
        """The text of a key, or ``fallback`` where words come from outside, such as the name of a unit."""
        return self(key) if key in TEXTS else fallback

    def title(self, title: Title) -> str:
        """A title in this language."""
        return title.in_language(self.language)

    def _localised(self, text: str) -> str:
        text = text.replace("-", "−")
        return text.replace(".", ",") if self.language == "ru" else text

    def number(self, value: float, digits: int = 3, *, sign: bool = False) -> str:
        """A number to ``digits`` significant digits, without exponents for usual sizes; a dash for NaN."""
        if not math.isfinite(value):
            return "–"
        mark = "+" if sign and value > 0 else ""
        if value == 0:
            return "0"
        if not 1e-5 <= abs(value) < 1e9:
            return mark + self._localised(f"{value:.{digits - 1}e}")
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{decimals}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return mark + self._localised(text.replace(",", "\0")).replace("\0", NARROW_SPACE)

    def score(self, value: float) -> str:
        """A score of a leaderboard: three decimals, four for the smallest, trailing zeros kept."""
        if not math.isfinite(value):
            return "–"
        if abs(value) >= 100:
            return self.number(value, 4)
        return self._localised(f"{value:.{4 if 0 < abs(value) < 0.01 else 3}f}")

    def percent(self, share: float, digits: int = 2) -> str:
        """A share of 1 as a percentage to ``digits`` significant digits."""
        if not math.isfinite(share):
            return "–"
        space = "\u00a0" if self.language == "ru" else ""
        if 0 < share < 0.001 and digits <= 2:
            return f"<{self.number(0.1)}{space}%"
        return f"{self.number(100 * share, max(digits, 3) if share > 0.9995 else digits)}{space}%"

    def interval(self, low: str, high: str) -> str:
        """Two formatted bounds as words."""
        return self("interval", low=low, high=high)

    def duration(self, seconds: float) -> str:
        """Seconds or minutes; a dash for NaN."""
        if not math.isfinite(seconds):
            return "–"
        if seconds < 180:
            return self("seconds", n=self.number(seconds, 2 if seconds < 100 else 3))
        return self("minutes", n=self.number(seconds / 60, 2))


def with_unit(text: str, unit: str) -> str:
    """A number with its unit; ``0-1`` and ``0/1``, which say what values there are, are not read behind a number."""
    named = unit and not unit.lstrip("-")[:1].isdigit()
    return f"{text}{NARROW_SPACE}{neutral(unit, 20)}" if named else text
