"""The task: what to predict from which columns. Read from ``task.toml`` or made in Python."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from artifacts.errors import InputError, nearest
from artifacts.schema import SOURCE_MODALITIES, Kind, Modality
from artifacts.task_errors import explain

WEIGHTED_SUM = "weighted sum"  # of the rates of activities, where their own names stand otherwise
NOT_IN_FOLDERS = '/\\\0\n:*?"<>|'


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFiles(_Section):
    """``[data]``: where the rows and photos are. Relative paths are relative to ``root``."""

    train: str | None = None
    test: str | None = None
    images: str | None = None


class Target(_Section):
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


class Columns(_Section):
    """``[columns]``: columns by modality, and their roles. What is not named is inferred."""

    image: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    datetime: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    list: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    id: str | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        seen: dict[str, str] = {}
        for modality in (*(m.value for m in SOURCE_MODALITIES), "ignore"):
            for name in getattr(self, modality):
                if name in seen:
                    raise ValueError(f"column {name!r} stands in both {seen[name]!r} and {modality!r}: keep one")
                seen[name] = modality
        return self

    @property
    def modalities(self) -> dict[str, Modality]:
        """Named column to modality."""
        return {name: modality for modality in SOURCE_MODALITIES for name in getattr(self, modality.value)}

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that is named here, whatever for."""
        roles = (self.id, self.group, self.time, self.weight)
        return (*self.modalities, *self.ignore, *(name for name in roles if name))


class ColumnDetail(_Section):
    """``[column.NAME]``: what reports call a column, and whether the author can change it."""

    title: dict[str, str] | str | None = None
    unit: str = ""
    actionable: bool = True
    locked: bool = False


class Encoders(_Section):
    """``[encoders]``: a hub name, a local folder, ``bundled:minilm``, ``auto`` or ``none``.

    Options of an image encoder follow a sign: ``timm/vit_small_patch16_224#pooling=cls,layers=2``.
    """

    text: str = "auto"
    image: str = "auto"


class Output(_Section):
    """``[output]``: names in the predictions' file."""

    id: str | None = None
    prediction: str = "prediction"


class Task(_Section):
    """What to predict from which columns.

    ``root`` is the folder that relative paths start from: the folder of the task file, or the
    caller's ``--data``.
    """

    name: str = Field(min_length=1)
    target: Target
    data: DataFiles = DataFiles()
    columns: Columns = Columns()
    column: dict[str, ColumnDetail] = {}
    encoders: Encoders = Encoders()
    output: Output = Output()
    root: Path = Path()

    @field_validator("name")
    @classmethod
    def _usable_as_folder(cls, value: str) -> str:
        if not is_folder_name(value):
            raise ValueError(f'the name becomes a folder name, so it may not hold / \\ : * ? " < > |, got {value!r}')
        return value

    @model_validator(mode="after")
    def _target_is_no_feature(self) -> Self:
        both = [name for name in self.target.column_names if name in self.columns.modalities]
        if both:
            raise ValueError(f"the target is made of {both}, so [columns] may not use them as features: take them out")
        return self

    def id_among(self, columns: Container[str]) -> str | None:
        """The column that names rows: that of ``[output]``, else that of ``[columns]``, whichever there is."""
        return next((name for name in (self.output.id, self.columns.id) if name and name in columns), None)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InputError(explain(error, values, Task)) from None

    @classmethod
    def from_toml(cls, path: str | Path, *, data: str | Path | None = None) -> Task:
        """Read a task file.

        Args:
            path: the ``task.toml``.
            data: folder that relative paths of the file start from; the file's own folder if None.

        Raises:
            InputError: if the file is missing, is not TOML, or does not say a whole task.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"There is no task file {str(path)!r}. Make a draft with: tabular-fusion init DATA.")
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"Task file {str(path)!r} is not valid TOML in UTF-8: {error}.") from error
        if "root" in values:
            raise InputError(f"Task file {str(path)!r} may not set 'root'; name the data folder with --data.")
        try:
            return cls(**{"name": path.parent.name or "task", **values, "root": Path(data) if data else path.parent})
        except InputError as error:
            raise InputError(f"Task file {str(path)!r}: {error}") from None

    def path(self, relative: str | None) -> Path | None:
        """An absolute path for a path of ``[data]``."""
        return None if relative is None else (self.root / relative).resolve()

    def with_root(self, root: Path) -> Task:
        """The same task over another data folder."""
        return self.model_copy(update={"root": root})

    @property
    def prediction_names(self) -> tuple[str, ...]:
        """Columns of the predictions' file: one, or ``{prediction}_{activity}`` each and the weighted sum."""
        each = tuple(f"{self.output.prediction}_{name}" for name in self.target.activity_names)
        return (*each, self.output.prediction) if self.target.activity_weights or not each else each

    def for_activity(self, name: str) -> Task:
        """The task that predicts one of the activities alone.

        Raises:
            InputError: if there is none of this name.
        """
        names = self.target.activity_names
        if name not in names:
            raise InputError(
                f"Task {self.name!r} has no activity {name!r}.{nearest(name, names)} It has: {list(names)}."
            )
        ignored = dict.fromkeys((*self.columns.ignore, *(other for other in names if other != name)))
        return self.model_copy(
            update={
                "target": self.target.model_copy(update={"activities": None, "successes": name}),
                "columns": self.columns.model_copy(update={"ignore": tuple(ignored)}),
                "output": self.output.model_copy(update={"prediction": f"{self.output.prediction}_{name}"}),
            }
        )


def is_folder_name(name: str) -> bool:
    """Whether a folder may have this name on every system."""
    return bool(name.strip()) and name not in (".", "..") and not any(c in name for c in NOT_IN_FOLDERS)
