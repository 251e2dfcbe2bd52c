"""What a task predicts: one section of the task file."""

from __future__ import annotations

import math
import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from artifacts.errors import nearest
from artifacts.schema import Kind

WEIGHTED_SUM = "weighted sum"  # of the rates of activities, where their own names stand otherwise
# Marks of paths, and what no terminal and no UTF-8 holds as it is: control characters and halves of surrogate pairs.
_NOT_IN_FOLDERS = re.compile('[/\\\\:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff]')


class Section(BaseModel):
    """A table of the task file: nothing but what is known may stand in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(Section):
    """``[target]``: what is predicted.

    ``successes`` is a count column, or weights of several count columns. A weighted sum is divided
    by the sum of its weights, so that the rate stays a probability.

    ``activities`` are several count columns out of the same trials, each with a model of its own. Weights, of either
    sign, also ask for the weighted sum of their rates, as it stands: sum of weight times count, per trial.

    ``emphasis`` gives rows with a high outcome more weight in training, see ``Outcome.emphasised``.

    ``separator`` says that the classes are paths, and what stands between their levels, such as ``" > "``.
    """

    kind: Kind
    column: str | None = None
    successes: str | dict[str, float] | None = None
    activities: tuple[str, ...] | dict[str, float] | None = None
    trials: str | None = None
    metric: str | None = None
    emphasis: float = 0.0
    separator: str | None = None

    @field_validator("kind", mode="before")
    @classmethod
    def _known_kind(cls, value: Any) -> Any:
        known = [kind.value for kind in Kind]
        if value not in known:
            raise ValueError(f"unknown kind {value!r}.{nearest(str(value), known)} Known: {known}")
        return value

    @field_validator("activities", mode="before")
    @classmethod
    def _usable_activities(cls, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, (list, tuple, dict)) or not all(isinstance(name, str) for name in value):
            raise ValueError(f"activities are a list of count columns, or {{ column = weight }}, but got {value!r}")
        names = [name.casefold() for name in value]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError(
                f"activities are at least two count columns with different names, but got {list(value)}. "
                "Name a single one under 'successes'"
            )
        odd = [name for name in value if not is_folder_name(name) or name == WEIGHTED_SUM]
        if odd:
            raise ValueError(f"each activity becomes a folder of its name, which {odd} cannot be: rename these columns")
        weights = list(value.values()) if isinstance(value, dict) else [1.0]
        if not all(isinstance(w, (int, float)) and math.isfinite(w) for w in weights) or not any(weights):
            raise ValueError(
                f"weights of activities are finite numbers that are not all 0, but got {value}. List the columns "
                "without weights if no sum is wanted"
            )
        return value

    @field_validator("emphasis")
    @classmethod
    def _usable_emphasis(cls, value: float) -> float:
        if not 0 <= value < math.inf:
            raise ValueError(f"emphasis is a number >= 0, such as 1, but got {value}")
        return value

    @model_validator(mode="after")
    def _agrees_with_kind(self) -> Self:
        if self.emphasis and self.kind not in (Kind.REGRESSION, Kind.CONVERSION):
            raise ValueError(f"'emphasis' is for numbers and rates, not for kind {self.kind.value!r}: take it out")
        if self.kind is Kind.CONVERSION:
            if self.activities:
                self._check_activities()
            elif not self.successes or not self.trials:
                raise ValueError(
                    "a conversion needs both 'successes' (a count column, or { column = weight }) "
                    f"and 'trials' (a count column), but got {self.successes=} and {self.trials=}"
                )
            if self.column is not None:
                raise ValueError("a conversion has 'successes' and 'trials', not 'column': take it out")
            weights = self.success_weights
            if any(w < 0 for w in weights.values()) or sum(weights.values()) <= 0:
                raise ValueError(f"weights of successes must be >= 0 and not all 0, but got {weights}")
            if self.trials in weights:
                raise ValueError(f"column {self.trials!r} cannot be both successes and trials")
        else:
            if not self.column:
                raise ValueError(f"kind {self.kind.value!r} needs 'column', the name of the target column")
            if self.successes or self.trials or self.activities:
                raise ValueError(
                    "'successes', 'activities' and 'trials' belong to kind 'conversion', not "
                    f"{self.kind.value!r}: take them out"
                )
        return self

    def _check_activities(self) -> None:
        if self.successes:
            raise ValueError("a conversion has either 'successes' or 'activities', but got both: take one out")
        if not self.trials:
            raise ValueError("'activities' need 'trials' (a count column), out of which they happen")

    @property
    def activity_names(self) -> tuple[str, ...]:
        """The count columns that have a model of their own; empty for one target."""
        return tuple(self.activities or ())

    @property
    def activity_weights(self) -> dict[str, float]:
        """Activity to its weight in the sum; empty where no sum is wanted."""
        return dict(self.activities) if isinstance(self.activities, dict) else {}

    @model_validator(mode="after")
    def _separates_classes(self) -> Self:
        if self.separator is not None:
            if self.kind is not Kind.MULTICLASS:
                raise ValueError(f"'separator' belongs to kind 'multiclass', not {self.kind.value!r}: take it out")
            if not self.separator.strip():
                raise ValueError(f"the separator of class paths may not be blank, got {self.separator!r}")
        return self

    @property
    def success_weights(self) -> dict[str, float]:
        """Count column to weight, for a conversion; activities, which are split and audited as one, weigh 1 each."""
        if self.activities:
            return dict.fromkeys(self.activity_names, 1.0)
        if isinstance(self.successes, str):
            return {self.successes: 1.0}
        return dict(self.successes or {})

    @property
    def column_names(self) -> tuple[str, ...]:
        """Every column that the target is made of; none of them may become a feature."""
        names = (self.column, *self.success_weights, self.trials)
        return tuple(name for name in names if name)


def is_folder_name(name: str) -> bool:
    """Whether a folder may have this name on every system."""
    return bool(name.strip()) and name not in (".", "..") and not _NOT_IN_FOLDERS.search(name)
