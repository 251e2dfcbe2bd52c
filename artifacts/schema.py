"""What columns and features mean, apart from how they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Kind(StrEnum):
    """What is predicted."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"
    CONVERSION = "conversion"


class Modality(StrEnum):
    """What a column represents, not how it is stored.

    ``JOINT`` is of features alone, never of a source column: of those that read text and photo together.
    """

    IMAGE = "image"
    TEXT = "text"
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"
    NESTED = "nested"
    LIST = "list"
    JOINT = "joint"

    @property
    def view(self) -> str:
        """What a feature of this modality counts as: image, text, table, or joint (image and text together)."""
        return self.value if self in (Modality.IMAGE, Modality.TEXT, Modality.JOINT) else "table"


SOURCE_MODALITIES = tuple(modality for modality in Modality if modality is not Modality.JOINT)
VIEWS = ("image", "text", "table")  # of source columns: joint features belong to views that hold both of their sides
SHARES = (*VIEWS, "joint")  # what a model's contributions divide into
LANGUAGES = ("en", "ru")


@dataclass(frozen=True)
class Title:
    """A name for people, in the languages of the reports."""

    en: str
    ru: str

    @classmethod
    def of(cls, title: Mapping[str, str] | str | None, fallback: str) -> Title:
        """Make a title from a task file's value; a missing language takes the other one."""
        if isinstance(title, str):
            return cls(title, title)
        given = title or {}
        en = given.get("en") or given.get("ru") or fallback
        return cls(en, given.get("ru") or en)

    def in_language(self, language: str) -> str:
        """The title in ``en`` or ``ru``."""
        return self.ru if language == "ru" else self.en


@dataclass(frozen=True)
class Column:
    """A source column as it will be used, and why."""

    name: str
    modality: Modality
    title: Title
    unit: str = ""
    actionable: bool = False
    locked: bool = False
    reason: str = "named in the task"


@dataclass(frozen=True)
class Schema:
    """Every source column that is used, the roles of the others, and what is left out and why."""

    columns: tuple[Column, ...]
    id: str | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the used source columns, in order."""
        return tuple(column.name for column in self.columns)

    def of_modality(self, *modalities: Modality) -> tuple[Column, ...]:
        """The used columns of these modalities, in order."""
        return tuple(column for column in self.columns if column.modality in modalities)

    def to_json(self) -> dict[str, Any]:
        """Plain data for a JSON file; ``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schema:
        """Read what ``to_json`` wrote."""
        columns = tuple(
            Column(**{**c, "modality": Modality(c["modality"]), "title": Title(**c["title"])}) for c in data["columns"]
        )
        return cls(**{**data, "columns": columns})


@dataclass(frozen=True)
class Feature:
    """One column of the wide table.

    ``name`` is ``{source}__{featurizer}_{i}`` or ``{source}__{quantity}`` and unique in its table.
    ``opaque`` marks an embedding dimension: a number without a meaning of its own, which reports
    sum to its source. ``actionable`` marks a quantity that the author of the row controls.
    """

    name: str
    source: str
    featurizer: str
    modality: Modality
    title: Title
    unit: str = ""
    actionable: bool = False
    opaque: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Feature:
        """Read what ``dataclasses.asdict`` wrote."""
        return cls(**{**data, "modality": Modality(data["modality"]), "title": Title(**data["title"])})


@lru_cache(maxsize=1024)  # a thousand objects take milliseconds, at each prediction
def opaque_features(column: Column, featurizer: str, n: int) -> tuple[Feature, ...]:
    """Names for the ``n`` dimensions of an embedding of a column, zero-padded so that they sort."""
    width = len(str(max(n - 1, 0)))
    return tuple(
        Feature(
            name=f"{column.name}__{featurizer}_{i:0{width}d}",
            source=column.name,
            featurizer=featurizer,
            modality=column.modality,
            title=Title(f"{column.title.en}: {featurizer} {i}", f"{column.title.ru}: {featurizer} {i}"),
            opaque=True,
        )
        for i in range(n)
    )


def quantity_feature(
    column: Column, featurizer: str, quantity: str, title: Title, *, unit: str = "", actionable: bool = True
) -> Feature:
    """A feature with a meaning: ``title__n_words``. Actionable only if its column is, too."""
    return Feature(
        name=f"{column.name}__{quantity}",
        source=column.name,
        featurizer=featurizer,
        modality=column.modality,
        title=Title(f"{column.title.en}: {title.en}", f"{column.title.ru}: {title.ru}"),
        unit=unit,
        actionable=actionable and column.actionable,
    )


def unique_features(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Make names unique by a numbered suffix, keeping the order and the first of each name."""
    features = tuple(features)
    if len({feature.name for feature in features}) == len(features):
        return features
    seen: dict[str, int] = {}
    result = []
    for feature in features:
        count = seen.get(feature.name, 0)
        seen[feature.name] = count + 1
        result.append(feature if not count else replace(feature, name=f"{feature.name}~{count + 1}"))
    return tuple(result)
