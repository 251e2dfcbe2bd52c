"""The task: what to predict from which columns. Read from ``task.toml`` or made in Python."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from artifacts.errors import InputError, nearest
from artifacts.schema import SOURCE_MODALITIES, Modality
from artifacts.target import Section, Target, is_folder_name
from artifacts.task_errors import explain

MAX_BYTES = 1_000_000  # of a task file
MAX_DOTS = 40  # of a key; what Python's reader needs of memory and time grows with their square
_MANY_DOTS = re.compile(rf"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){{{MAX_DOTS}}}")


class DataFiles(Section):
    """``[data]``: where the rows and photos are. Relative paths are relative to ``root``."""

    train: str | None = None
    test: str | None = None
    images: str | None = None

    @field_validator("train", "test", "images")
    @classmethod
    def _can_be_a_path(cls, value: str | None) -> str | None:
        if value is not None and "\0" in value:
            raise ValueError(f"a path holds no character NUL, got {value!r}")
        return value


class Columns(Section):
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


class ColumnDetail(Section):
    """``[column.NAME]``: what reports call a column, and whether the author can change it."""

    title: dict[str, str] | str | None = None
    unit: str = ""
    actionable: bool = True
    locked: bool = False


class Encoders(Section):
    """``[encoders]``: a hub name, a local folder, ``bundled:minilm``, ``auto`` or ``none``.

    Options of an image encoder follow a sign: ``timm/vit_small_patch16_224#pooling=cls,layers=2``.
    """

    text: str = "auto"
    image: str = "auto"


class Output(Section):
    """``[output]``: names in the predictions' file."""

    id: str | None = None
    prediction: str = "prediction"


class Task(Section):
    """What to predict from which columns.

    ``root`` is the folder that relative paths start from: the folder of the task file, or the
    caller's ``--data``.
    """

    name: str = Field(min_length=1)
    target: Target
    data: DataFiles = DataFiles()
    columns: Columns = Columns()
    column: dict[str, ColumnDetail] = Field(default_factory=dict)
    encoders: Encoders = Encoders()
    output: Output = Output()
    root: Path = Path()

    @field_validator("name")
    @classmethod
    def _usable_as_folder(cls, value: str) -> str:
        if not is_folder_name(value):
            raise ValueError(
                'the name becomes a folder name, so it may not hold / \\ : * ? " < > | or control characters, '
                f"got {value!r}"
            )
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

    def __init__(self, /, **values: Any) -> None:  # a file may have a key "self"
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
        try:
            if not path.is_file():
                raise InputError(f"There is no task file {str(path)!r}. Make a draft with: tabular-fusion init DATA.")
            values = _toml(path)
        except InputError:
            raise
        except (ValueError, RecursionError, OSError) as error:  # of TOML, of UTF-8, a number of 5,000 digits; too deep
            raise InputError(f"Task file {str(path)!r} is not valid TOML in UTF-8: {str(error)[:300]}.") from error
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


def _toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds; ValueError or RecursionError if it is none, or no task could be so large."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes, which no task needs")
    text = content.decode("utf-8-sig")
    if _MANY_DOTS.search(text):
        raise ValueError(f"it has a key of more than {MAX_DOTS} parts with dots between them")
    return tomllib.loads(text)
