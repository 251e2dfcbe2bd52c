"""All featurizers of a table: which column is read by which of them, and the wide table they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pandas as pd

from artifacts.errors import ArtifactError, InputError, NotFittedError, pick_known
from artifacts.feature_table import Block, FeatureTable
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Schema, unique_features
from artifacts.store import read_json, write_json
from featurizers.affordability import Allowance, fit_embedding
from featurizers.base import Featurizer, State, Surroundings
from featurizers.calendar import Calendar
from featurizers.categories import Categories
from featurizers.column_forms import readers_by_form
from featurizers.encoders import Encoder, find_again
from featurizers.hierarchy import Hierarchy
from featurizers.image_descriptor import ImageDescriptor
from featurizers.image_embedding import ImageEmbedding
from featurizers.image_quality import ImageQuality
from featurizers.lists import Lists
from featurizers.nested import Nested
from featurizers.nested_flattening import nested_texts
from featurizers.numbers import Numbers
from featurizers.numbers_in_text import NumbersInText
from featurizers.photo_count import PhotoCount
from featurizers.text_embedding import TextEmbedding
from featurizers.text_lexical import TextLexical
from featurizers.text_statistics import TextStatistics

FEATURIZERS: dict[str, type[Featurizer]] = {
    "number": Numbers,
    "category": Categories,
    "hierarchy": Hierarchy,
    "numbers_in_text": NumbersInText,
    "calendar": Calendar,
    "nested": Nested,
    "list": Lists,
    "text_embedding": TextEmbedding,
    "text_lexical": TextLexical,
    "text_statistics": TextStatistics,
    "image_embedding": ImageEmbedding,
    "image_quality": ImageQuality,
    "photo_count": PhotoCount,
    "image_descriptor": ImageDescriptor,
}

# What reads a column of each modality, with an encoder for it and without one. The image descriptor
# is a stand-in for an embedding and adds little beside one; lexical text sees words that an encoder
# for another language does not, so it always runs. ``column_forms`` changes this by the column's values.
READERS: dict[Modality, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Modality.NUMERIC: (("number",), ("number",)),
    Modality.CATEGORICAL: (("category",), ("category",)),
    Modality.DATETIME: (("calendar",), ("calendar",)),
    Modality.NESTED: (("nested",), ("nested",)),
    Modality.LIST: (("list",), ("list",)),
    Modality.TEXT: (("text_statistics", "text_lexical", "text_embedding"), ("text_statistics", "text_lexical")),
    Modality.IMAGE: (
        ("image_quality", "photo_count", "image_embedding"),
        ("image_quality", "photo_count", "image_descriptor"),
    ),
}
FILE = "featurizers.json"
MAX_NEW_NAMED = 20  # new columns that get a finding


@dataclass(frozen=True)
class _Part:
    """One featurizer over one column; ``written`` if it reads the texts that are written in a nested column."""

    key: str
    featurizer: Featurizer
    written: bool = False

    @property
    def column(self) -> Column:
        return self.featurizer.column


class TableFeaturizer:
    """Fits and applies the featurizers that ``READERS`` names for the columns of a schema.

    Where a nested column holds texts (titles, descriptions), the text featurizers run over what is
    written in it, too; their features have the nested column as source and text as modality.
    Blocks are made one by one; nothing but the finished blocks is kept.
    """

    def __init__(self, schema: Schema, text_encoder: Encoder | None = None, image_encoder: Encoder | None = None):
        self.schema = schema
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self._parts: list[_Part] | None = None

    def fit(self, frame: pd.DataFrame, surroundings: Surroundings, encoding_seconds: float | None = None) -> Self:
        """Fit every featurizer on the training rows.

        What is wrong with single rows is not reported here, but by ``transform`` of the same rows.

        Args:
            frame: the training rows.
            surroundings: their audit gets what concerns whole columns.
            encoding_seconds: what encoding texts and photos of these rows may take, in the order of the
                columns. Of a text that would need more, the start is encoded; a column that would still need more
                is read without an encoder, with a finding. None: as much as it takes.

        Raises:
            InputError: if a column of the schema is missing.
        """
        frame = _with_names(frame)
        lacking = [name for name in self.schema.names if name not in frame]
        if lacking:
            raise InputError(
                f"The training rows lack the columns {lacking}. They have: {list(frame.columns)[:50]}. "
                "Infer the schema from the same rows that are fitted."
            )
        around = replace(surroundings, audit=Audit())
        allowance = Allowance(encoding_seconds)
        parts: list[_Part] = []
        for column in self.schema.columns:
            parts.extend(self._fit_column(column, frame[column.name], around, allowance))
        self._parts = parts
        known = surroundings.audit.findings
        known.extend(finding for finding in around.audit.findings if not finding.rows and finding not in known)
        return self

    def transform(self, frame: pd.DataFrame, surroundings: Surroundings) -> FeatureTable:
        """Features of any rows, with the index of ``frame``.

        A column that the frame lacks counts as missing in every row (finding ``column_missing``); one
        that was not there in training is ignored (finding ``column_new``).

        Raises:
            NotFittedError: before ``fit``.
        """
        parts = self._fitted()
        frame = _with_names(frame)
        self._report_columns(frame, surroundings.audit)
        blocks: list[Block] = []
        for column in self.schema.columns:
            values, around = _values(frame, column.name, surroundings)
            read_by = [part for part in parts if part.column.name == column.name]
            texts = nested_texts(values) if any(part.written for part in read_by) else values
            for part in read_by:
                blocks.extend(part.featurizer.transform(texts if part.written else values, around))
        return FeatureTable(tuple(_unique(blocks)), frame.index)

    def fit_transform(self, frame: pd.DataFrame, surroundings: Surroundings) -> FeatureTable:
        """``fit`` and ``transform`` of the same rows."""
        return self.fit(frame, surroundings).transform(frame, surroundings)

    def save(self, folder: Path) -> None:
        """Write the schema, the encoders by name and fingerprint, and the state of each featurizer.

        Raises:
            NotFittedError: before ``fit``.
        """
        parts = self._fitted()
        folder.mkdir(parents=True, exist_ok=True)
        described = []
        for i, part in enumerate(parts):
            place = f"featurizer_{i:03d}"
            part.featurizer.state().save(folder / place)
            described.append(
                {"column": part.column.name, "featurizer": part.key, "written": part.written, "folder": place}
            )
        encoders = {"text": self.text_encoder, "image": self.image_encoder}
        saved = {name: encoder.to_json() if encoder else None for name, encoder in encoders.items()}
        write_json(folder / FILE, {"schema": self.schema.to_json(), "encoders": saved, "parts": described})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; executes nothing from the folder.

        Raises:
            ArtifactError: if a file is missing or damaged, or an encoder is gone or has other weights.
        """
        data = read_json(folder / FILE)
        try:
            encoders = {name: find_again(saved) if saved else None for name, saved in data["encoders"].items()}
            self = cls(Schema.from_json(data["schema"]), encoders["text"], encoders["image"])
            self._parts = []
            for item in data["parts"]:
                column = self.schema[item["column"]]
                featurizer = self._make(item["featurizer"], _as_text(column) if item["written"] else column)
                featurizer.restore(State.load(folder / Path(item["folder"]).name))
                self._parts.append(_Part(item["featurizer"], featurizer, item["written"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                f"The featurizers in {str(folder)!r} cannot be read ({type(error).__name__}: {error}). Run fit again."
            ) from error
        return self

    def _fitted(self) -> list[_Part]:
        if self._parts is None:
            raise NotFittedError("The TableFeaturizer needs fit, or load, before this.")
        return self._parts

    def _fit_column(
        self, column: Column, values: pd.Series[Any], around: Surroundings, allowance: Allowance
    ) -> list[_Part]:
        parts = self._fit_readers(column, values, around, allowance)
        if any(isinstance(part.featurizer, Nested) and part.featurizer.has_texts for part in parts):
            texts = self._fit_readers(_as_text(column), nested_texts(values), around, allowance)
            parts += [replace(part, written=True) for part in texts]
        return parts

    def _fit_readers(
        self, column: Column, values: pd.Series[Any], around: Surroundings, allowance: Allowance
    ) -> list[_Part]:
        encoder = {Modality.TEXT: self.text_encoder, Modality.IMAGE: self.image_encoder}.get(column.modality)
        embedding = fit_embedding(column, encoder, values, around, allowance) if encoder else None
        with_encoder, without = READERS[column.modality]
        parts = []
        for key in readers_by_form(with_encoder if embedding else without, column.modality, values):
            if embedding and isinstance(embedding, FEATURIZERS[key]):
                parts.append(_Part(key, embedding))
            else:
                parts.append(_Part(key, self._make(key, column).fit(values, around)))
        return parts

    def _make(self, key: str, column: Column) -> Featurizer:
        made_by = pick_known("featurizer", key, FEATURIZERS)
        if issubclass(made_by, (TextEmbedding, ImageEmbedding)):
            encoder = self.text_encoder if issubclass(made_by, TextEmbedding) else self.image_encoder
            if encoder is None:
                raise InputError(
                    f"The featurizer {key!r} of column {column.name!r} needs an encoder, but there is none."
                )
            return made_by(column, encoder)
        return made_by(column)

    def _report_columns(self, frame: pd.DataFrame, audit: Audit) -> None:
        for name in self.schema.names:
            if name not in frame:
                audit.add("column_missing", column=name, count=len(frame), total=len(frame))
        schema = self.schema
        known = {*schema.names, *schema.left_out, schema.id, schema.group, schema.time, schema.weight}
        for name in [name for name in frame.columns if name not in known][:MAX_NEW_NAMED]:
            audit.add("column_new", column=name, count=len(frame), total=len(frame))


def _with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with strings as column names, sharing its values."""
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(f"The data has columns of the same name: {twice}. Rename them.")
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


def _values(frame: pd.DataFrame, name: str, around: Surroundings) -> tuple[pd.Series[Any], Surroundings]:
    """A column, or missing values in its place, about which single findings would only repeat ``column_missing``."""
    if name in frame:
        return frame[name], around
    nothing = pd.Series([None] * len(frame), index=frame.index, dtype=object, name=name)
    return nothing, replace(around, audit=Audit())


def _as_text(column: Column) -> Column:
    return replace(column, modality=Modality.TEXT)


def _unique(blocks: Sequence[Block]) -> list[Block]:
    """Blocks and features under unique names: a key of nested characteristics may be called anything.

    Suffixes depend on the order of blocks alone, so they are the same at every call.
    """
    features = iter(unique_features(feature for block in blocks for feature in block.features))
    seen: dict[str, int] = {}
    result = []
    for block in blocks:
        named = tuple(next(features) for _ in block.features)
        seen[block.name] = count = seen.get(block.name, 0) + 1
        label = block.featurizer if count == 1 else f"{block.featurizer}~{count}"
        same = label == block.featurizer and named == block.features
        result.append(block if same else Block(block.source, label, named, block.values, block.categories))
    return result
