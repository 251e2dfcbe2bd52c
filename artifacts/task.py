"""The task: what to predict from which columns. Read from ``task.toml`` or made in Python."""

from __future__ import annotations

import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from artifacts.errors import InputError, nearest
from artifacts.schema import SOURCE_MODALITIES, Kind, Modality


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
    """

    kind: Kind
    column: str | None = None
    successes: str | dict[str, float] | None = None
    trials: str | None = None
    metric: str | None = None

    @field_validator("kind", mode="before")
    @classmethod
    def _known_kind(cls, value: Any) -> Any:
        known = [kind.value for kind in Kind]
        if value not in known:
            raise ValueError(f"unknown kind {value!r}.{nearest(str(value), known)} Known: {known}")
        return value

    @model_validator(mode="after")
    def _agrees_with_kind(self) -> Self:
        if self.kind is Kind.CONVERSION:
            if not self.successes or not self.trials:
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
            if self.successes or self.trials:
                raise ValueError(f"'successes' and 'trials' belong to kind 'conversion', not {self.kind.value!r}")
        return self

    @property
    def success_weights(self) -> dict[str, float]:
        """Count column to weight, for a conversion."""
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
        if value in (".", "..") or any(c in value for c in '/\\\0\n:*?"<>|'):
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
            raise InputError(_explain(error, values)) from None

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


def _explain(error: ValidationError, values: dict[str, Any]) -> str:
    """Turn pydantic's findings into sentences that name the place, the value and the remedy."""
    sentences = []
    for found in error.errors():
        where = ".".join(str(part) for part in found["loc"]) or "task"
        if found["type"] == "extra_forbidden":
            known = _known_keys(found["loc"])
            key = str(found["loc"][-1])
            sentences.append(f"unknown key {where!r}.{nearest(key, known)} Known here: {known}")
        elif found["type"] == "missing":
            sentences.append(f"{where!r} is missing")
        else:
            text = found["msg"].removeprefix("Value error, ")
            given = found["input"]
            shown = "" if isinstance(given, dict) or found["type"] == "value_error" else f" (got {given!r})"
            sentences.append(f"[{where}] {text}{shown}")
    name = values.get("name")
    return f"Task {name!r} is not usable: " + "; ".join(sentences) + "."


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Task
    for part in location[:-1]:
        inner = model.model_fields.get(str(part))
        annotation = ColumnDetail if str(part) == "column" else (inner.annotation if inner else None)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return sorted(name for name in model.model_fields if name != "root")
