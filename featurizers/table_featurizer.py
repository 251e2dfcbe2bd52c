"""All featurizers of a table: which column is read by which of them, and the wide table they make together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pandas as pd

from artifacts.contents import Contents
from artifacts.errors import InputError, NotFittedError, pick_known
from artifacts.feature_table import Block, FeatureTable
from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Schema, unique_features
from artifacts.store import read_object, reading, write_json
from featurizers.affordability import Allowance, affords, fit_embedding
from featurizers.base import Featurizer, State, Surroundings
from featurizers.calendar import Calendar
from featurizers.categories import Categories
from featurizers.column_forms import readers_by_form
from featurizers.encoders import Encoder, find_again
from featurizers.hierarchy import Hierarchy
from featurizers.image_descriptor import ImageDescriptor
from featurizers.image_embedding import ImageEmbedding
from featurizers.image_quality import ImageQuality
from featurizers.known_kinds import KnownKinds
from featurizers.lists import Lists
from featurizers.nested import Nested
from featurizers.numbers import Numbers
from featurizers.numbers_in_text import NumbersInText
from featurizers.pair import PairFeaturizer
from featurizers.photo_count import PhotoCount
from featurizers.sources import Reading, Sources
from featurizers.text_embedding import TextEmbedding
from featurizers.text_lexical import TextLexical
from featurizers.text_pair import TextPair
from featurizers.text_statistics import TextStatistics

FEATURIZERS: dict[str, type[Featurizer]] = {
    "number": Numbers,
    "category": Categories,
    "hierarchy": Hierarchy,
    "numbers_in_text": NumbersInText,
    "known_kind": KnownKinds,
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
# Over a title and its body, where there are such two texts. Alignment of text and photo is not among them:
# on three data sets it added nothing to the scores.
PAIRS: dict[str, type[PairFeaturizer]] = {"text_pair": TextPair}
READ_FILLED = frozenset({"text_lexical", "text_embedding"})
MEASURING_PHOTOS = frozenset({"image_quality", "image_descriptor"})  # decode every photo
OF_ONE_TEXT = frozenset({"text_statistics"})  # says nothing of texts from several places
FILE = "featurizers.json"
MAX_NEW_NAMED = 20  # new columns that get a finding


@dataclass(frozen=True)
class _Part:
    """One featurizer over one source, or over two."""

    key: str
    featurizer: Featurizer | PairFeaturizer

    @property
    def sources(self) -> tuple[str, ...]:
        if isinstance(self.featurizer, PairFeaturizer):
            return self.featurizer.first.name, self.featurizer.second.name
        return (self.featurizer.column.name,)

    def transform(self, reading: Reading) -> list[Block]:
        if isinstance(self.featurizer, PairFeaturizer):
            first, second = self.sources
            return self.featurizer.transform(reading.raw(first), reading.raw(second), reading.around(*self.sources))
        (name,) = self.sources
        return self.featurizer.transform(_values(self.key, name, reading), reading.around(name))


class TableFeaturizer:
    """Fits and applies the featurizers that ``READERS`` and ``PAIRS`` name for the sources of a schema.

    Where a nested column holds texts (titles, descriptions), the text featurizers run over what is
    written in it, too (see ``Sources``). Blocks are made one by one; nothing but the finished blocks
    is kept. ``seconds`` has the seconds that each featurizer has taken in all calls of ``transform``.
    """

    def __init__(self, schema: Schema, text_encoder: Encoder | None = None, image_encoder: Encoder | None = None):
        self.schema = schema
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self.seconds: dict[str, float] = {}
        self._sources: Sources | None = None
        self._parts: list[_Part] = []

    def fit(self, frame: pd.DataFrame, surroundings: Surroundings, encoding_seconds: float | None = None) -> Self:
        """Fit every featurizer on the training rows.

        What is wrong with single rows is not reported here, but by ``transform`` of the same rows.

        Args:
            frame: the training rows.
            surroundings: their audit gets what concerns whole columns.
            encoding_seconds: what encoding texts and photos of these rows may take, in the order of the
                columns. Of a text that would need more, the start is encoded; a column that would still need more
                is read without an encoder, with a finding. Half as much more may go to measuring photos, which
                are only counted where that is too little. None: as much as it takes.

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
        nested = {c.name: Nested(c).fit(frame[c.name], around) for c in self.schema.of_modality(Modality.NESTED)}
        sources = Sources.of(self.schema, nested, frame)
        reading, allowance = Reading(sources, frame, around), Allowance.of(encoding_seconds)
        parts: list[_Part] = []
        for column in sources.columns:
            found = self._fit_readers(column, reading, around, allowance, nested)
            parts.extend(part for part in found if not (sources.is_rest(column.name) and part.key in OF_ONE_TEXT))
        if sources.pair is not None:
            first, second = map(sources.column, sources.pair)
            for key, made_by in PAIRS.items():
                fitted = made_by(first, second).fit(reading.raw(first.name), reading.raw(second.name), around)
                parts.append(_Part(key, fitted))
        self._sources, self._parts = sources, parts
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
        sources = self._fitted()
        frame = _with_names(frame)
        self._report_columns(frame, surroundings.audit)
        reading = Reading(sources, frame, surroundings)
        blocks: list[Block] = []
        for part in self._parts:
            started = time.monotonic()
            blocks.extend(block for block in part.transform(reading) if block.features)
            self.seconds[part.key] = self.seconds.get(part.key, 0.0) + time.monotonic() - started
        return FeatureTable(tuple(_unique(blocks)), frame.index, self._contents(reading))

    def _contents(self, reading: Reading) -> Contents | None:
        """Texts and photos that encoders read; None if there are none."""
        encoded = [
            part.featurizer for part in self._parts if isinstance(part.featurizer, (TextEmbedding, ImageEmbedding))
        ]
        columns = {featurizer.column.name: featurizer.column for featurizer in encoded}
        if not columns:
            return None
        cells = {name: reading.filled(name).to_numpy(dtype=object) for name in columns}
        encoders = {featurizer.column.modality: featurizer.encoder.to_json() for featurizer in encoded}
        around = reading.around(*columns)
        return Contents(columns, cells, encoders, around.images, around.store)

    def fit_transform(self, frame: pd.DataFrame, surroundings: Surroundings) -> FeatureTable:
        """``fit`` and ``transform`` of the same rows."""
        return self.fit(frame, surroundings).transform(frame, surroundings)

    def save(self, folder: Path) -> None:
        """Write the schema, the encoders by name and fingerprint, and the state of each featurizer.

        Raises:
            NotFittedError: before ``fit``.
        """
        sources = self._fitted()
        folder.mkdir(parents=True, exist_ok=True)
        described = []
        for i, part in enumerate(self._parts):
            place = f"featurizer_{i:03d}"
            part.featurizer.state().save(folder / place)
            described.append({"sources": part.sources, "featurizer": part.key, "folder": place})
        encoders = {"text": self.text_encoder, "image": self.image_encoder}
        saved = {name: encoder.to_json() if encoder else None for name, encoder in encoders.items()}
        read = {"schema": self.schema.to_json(), "with_rest": sources.with_rest, "pair": sources.pair}
        write_json(folder / FILE, {**read, "encoders": saved, "parts": described})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; executes nothing from the folder.

        Raises:
            ArtifactError: if a file is missing or damaged, or an encoder is gone or has other weights.
        """
        with reading(folder):
            data = read_object(folder / FILE)
            encoders = {name: find_again(saved) if saved else None for name, saved in data["encoders"].items()}
            self = cls(Schema.from_json(data["schema"]), encoders["text"], encoders["image"])
            states = [State.load(folder / Path(item["folder"]).name) for item in data["parts"]]
            nested = {
                item["sources"][0]: Nested(self.schema[item["sources"][0]]).restore(state)
                for item, state in zip(data["parts"], states, strict=True)
                if item["featurizer"] == Nested.name
            }
            pair = tuple(data["pair"]) if data["pair"] else None
            self._sources = Sources(self.schema, nested, tuple(data["with_rest"]), pair)
            for item, state in zip(data["parts"], states, strict=True):
                columns = [self._sources.column(name) for name in item["sources"]]
                self._parts.append(_Part(item["featurizer"], self._make(item["featurizer"], *columns).restore(state)))
        return self

    def _fitted(self) -> Sources:
        if self._sources is None:
            raise NotFittedError("The TableFeaturizer needs fit, or load, before this.")
        return self._sources

    def _fit_readers(
        self,
        column: Column,
        reading: Reading,
        around: Surroundings,
        allowance: Allowance,
        nested: Mapping[str, Nested],
    ) -> list[_Part]:
        encoder = {Modality.TEXT: self.text_encoder, Modality.IMAGE: self.image_encoder}.get(column.modality)
        filled = reading.filled(column.name)
        embedding = fit_embedding(column, encoder, filled, around, allowance) if encoder else None
        with_encoder, without = READERS[column.modality]
        parts = []
        for key in readers_by_form(with_encoder if embedding else without, column.modality, filled):
            if embedding and isinstance(embedding, FEATURIZERS[key]):
                parts.append(_Part(key, embedding))
            elif key == Nested.name:
                parts.append(_Part(key, nested[column.name]))
            else:
                made = self._make(key, column)
                assert isinstance(made, Featurizer)
                values = _values(key, column.name, reading)
                made.fit(values, around)
                if key not in MEASURING_PHOTOS or affords(made, values, around, allowance):
                    parts.append(_Part(key, made))
        return parts

    def _make(self, key: str, column: Column, second: Column | None = None) -> Featurizer | PairFeaturizer:
        if second is not None:
            return pick_known("pair featurizer", key, PAIRS)(column, second)
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


def _values(key: str, name: str, reading: Reading) -> pd.Series[Any]:
    """What a featurizer reads: a missing title is filled for those that tell what a text says, not how it is."""
    return reading.filled(name) if key in READ_FILLED else reading.raw(name)


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
