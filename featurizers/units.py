"""Units as people write them in Russian and English, and numbers brought to one unit."""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

RULES = Path(__file__).parent / "data" / "units.toml"
NO_UNIT = frozenset(("", "+", "*", "?"))

_SCALE_WORD = re.compile(r"^(?:тыс|млн|млрд|thousand|million|billion|k)(?:[\s.]+|$)")
_IN_NAME = re.compile(
    r"[,;(\[]\s*([^\s,;_()\[\]]{1,8}\.?)\s*[)\]]?\s*$|[\s_](mm|cm|km|kg|mg|ml|kw|мм|см|км|кг|мг|мл|вт|квт)$",
    re.IGNORECASE,
)
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """A unit of the table: ``name`` is what pint calls it."""

    name: str
    en: str
    ru: str


@dataclass(frozen=True)
class UnitScale:
    """The unit of a column of numbers, and what to multiply numbers in other units with.

    ``factors`` holds every spelling of the table that can be converted. A known unit of another
    dimension (metres among kilograms) gives NaN; no unit, or one that the table lacks, counts as
    the column's own. Without ``factors`` nothing is converted.
    """

    unit: str = ""
    factors: Mapping[str, float] = field(default_factory=dict)

    def factor(self, spelling: str) -> float:
        """What to multiply a number in this unit with; NaN if it measures something else."""
        if not self.factors or spelling in NO_UNIT:
            return 1.0
        exact = self.factors.get(spelling)
        if exact is not None:
            return exact
        spelling = clean_unit(spelling)
        return self.factors.get(spelling, math.nan if unit_named(spelling) else 1.0)

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``UnitScale(**data)``."""
        return {"unit": self.unit, "factors": dict(self.factors)}


def clean_unit(spelling: str) -> str:
    """A unit in lower case without a dot behind it, and without ``тыс.`` and its likes, part of the number."""
    return _SCALE_WORD.sub("", " ".join(spelling.casefold().split())).strip(" .")


def unit_named(spelling: str) -> Unit | None:
    """The unit that people write so, None if the table lacks it. The case counts only for ``мВт`` and its likes."""
    by_case, by_spelling = _table()
    return by_case.get(spelling.strip(" .")) or by_spelling.get(clean_unit(spelling))


def unit_in_name(name: str) -> str:
    """The unit behind a name, empty if there is none: ``Вес, кг``, ``length_cm``; not ``price_min``."""
    found = _IN_NAME.search(name)
    unit = (found[1] or found[2]) if found else ""
    return unit if unit_named(unit) else ""


def learn_units(spellings: Mapping[str, int], name: str = "", wanted: str = "") -> UnitScale:
    """The most frequent unit of some numbers, shown in their own script; ``name`` may hold one, too.

    Numbers are converted only where the table knows at least half of the units given. If they can be
    converted into the unit ``wanted``, it is taken.
    """
    given = {spelling: count for spelling, count in spellings.items() if spelling not in NO_UNIT}
    known: Counter[str] = Counter()
    scripts: Counter[tuple[str, bool]] = Counter()
    for spelling, count in given.items():
        unit = unit_named(spelling)
        if unit is not None:
            known[unit.name] += count
            scripts[unit.name, bool(_CYRILLIC.search(spelling))] += count
    in_name = unit_in_name(name)
    if not given and in_name:
        unit = unit_named(in_name)
        known[unit.name if unit else ""] = 1
        scripts[unit.name if unit else "", bool(_CYRILLIC.search(in_name))] = 1
    if 2 * sum(known.values()) < sum(given.values()) or not known:
        frequent = max(sorted(given), key=lambda spelling: given[spelling], default="")
        return UnitScale(clean_unit(frequent) if 2 * given.get(frequent, 0) > sum(given.values()) else "")
    target = max(sorted(known), key=lambda unit: known[unit])
    asked = unit_named(wanted)
    if asked and given and any(unit.name == target for unit in map(unit_named, _factors(asked.name)) if unit):
        return UnitScale(wanted, _factors(asked.name))
    shown = next(unit for unit in _units() if unit.name == target)
    russian = scripts[target, True] > scripts[target, False] or _only_marks(given, name)
    return UnitScale(shown.ru if russian else shown.en, _factors(target))


def _only_marks(given: Mapping[str, int], name: str) -> bool:
    """Whether the units have no letters to tell the language by, and the name is Russian."""
    letters = any(character.isalpha() for spelling in given for character in spelling)
    return bool(given) and not letters and bool(_CYRILLIC.search(name))


@lru_cache(maxsize=64)
def _factors(target: str) -> Mapping[str, float]:
    """Spellings of all units that measure the same as ``target``, and their size in it."""
    registry = _registry()
    wanted = registry.parse_units(target)
    factors: dict[str, float] = {}
    by_case, by_spelling = _table()
    for spelling, unit in {**by_spelling, **by_case}.items():
        own = registry.parse_units(unit.name)
        if own.dimensionality == wanted.dimensionality:
            factors[spelling] = float(registry.Quantity(1.0, own).to(wanted).magnitude)
    return factors


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)


@lru_cache(maxsize=1)
def _units() -> tuple[Unit, ...]:
    return tuple(dict.fromkeys([*_table()[0].values(), *_table()[1].values()]))


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, Unit], dict[str, Unit]]:
    """Units by spellings whose case counts, and by spellings in lower case."""
    with RULES.open("rb") as file:
        rows = tomllib.load(file)["unit"]
    by_case: dict[str, Unit] = {}
    by_spelling: dict[str, Unit] = {}
    for row in rows:
        unit = Unit(row["name"], row["en"], row["ru"])
        by_case.update(dict.fromkeys(row.get("exact", ()), unit))
        for spelling in row["spellings"]:
            by_spelling.setdefault(spelling, unit)
    return by_case, by_spelling
