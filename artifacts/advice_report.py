"""What an author is told, as data; pages are drawn from it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from artifacts.plain import plain
from artifacts.schema import Kind, Title

UNNAMED = Title("", "")


class Verdict(StrEnum):
    """Why a change is advised, or is not."""

    GIVEN = "given"
    UNSEEN = "unseen"  # out of what training rows have
    UNSURE = "unsure"  # no larger than the model's own uncertainty
    PLACEBO = "placebo"  # models of a shuffled outcome find effects as large
    WORSE = "worse"  # it moves the prediction the other way


@dataclass(frozen=True)
class Observed:
    """Rows with and without a property, matched by what else the model knows of them.

    ``difference`` of their mean outcomes with its bootstrap interval, on the natural scale; ``n`` pairs. ``quantity``
    names what they differ by, empty if nothing readable shows the change: rows near ``after`` were held against rows
    near ``before``, or where these are NaN rows that have it against rows that do not.
    """

    n: int = 0
    difference: float = np.nan
    low: float = np.nan
    high: float = np.nan
    quantity: Title = UNNAMED
    before: float = np.nan
    after: float = np.nan


@dataclass(frozen=True)
class Advice:
    """One change, and what the model expects of it.

    ``effect`` with its 90 % interval ``low`` to ``high`` is on the link scale; ``before`` and ``after`` are predictions
    on the natural scale. ``p_placebo`` is the share of models of a shuffled outcome whose effect is as large. All are
    means where there are several rows: ``n_rows`` of them. ``was`` and ``becomes`` are the text of one row, where one
    is changed.
    """

    edit: str
    column: str
    title: Title
    verdict: Verdict
    effect: float
    low: float
    high: float
    before: float
    after: float
    p_placebo: float = np.nan
    n_rows: int = 1
    observed: Observed = field(default_factory=Observed)
    was: str = ""
    becomes: str = ""

    @property
    def gain(self) -> float:
        """Change of the prediction on the natural scale."""
        return self.after - self.before


@dataclass(frozen=True)
class AdviceReport:
    """Advice for a row, for a segment or for everything, the best first.

    ``subject`` names the rows, ``output`` the class that is meant, if there are several. ``withheld`` counts changes
    that were tried and are not advised, by verdict. Of many rows ``n_rows`` of ``n_all`` were looked at. ``together``
    are up to three changes of one row that were applied one upon the other, each with its further effect.
    ``n_versions`` models and ``n_placebos`` of a shuffled outcome stand behind it.
    """

    subject: str
    kind: Kind
    unit: str
    prediction: float
    advice: tuple[Advice, ...]
    withheld: Mapping[str, int]
    output: str = ""
    raises: bool = True
    n_rows: int = 1
    n_all: int = 1
    n_versions: int = 0
    n_placebos: int = 0
    together: tuple[Advice, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; numbers that are not known are None."""
        found: dict[str, Any] = plain(self)
        return found
