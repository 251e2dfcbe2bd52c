"""What is read of a row: its columns, the texts written inside nested ones, and what fills a missing title or body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from artifacts.finding import Audit
from artifacts.schema import Column, Modality, Schema, Title
from featurizers.base import Surroundings
from featurizers.missing_parts import fill_missing, mean_length, title_and_body
from featurizers.nested import Nested
from featurizers.nested_flattening import REST


@dataclass(frozen=True)
class Sources:
    """The columns that featurizers read.

    Texts written in a nested column are columns of their own, ``{column}.{key}`` for each of its
    ``text_keys`` and ``{column}.*`` for the rest, which the columns in ``with_rest`` have; a name that is
    taken gets a number. ``pair`` names the title and the body among the texts, None if there are no such two.
    """

    schema: Schema
    nested: Mapping[str, Nested]
    with_rest: tuple[str, ...] = ()
    pair: tuple[str, str] | None = None

    @classmethod
    def of(cls, schema: Schema, nested: Mapping[str, Nested], frame: pd.DataFrame) -> Sources:
        """Find the rests and the pair among the texts of the training rows."""
        having_texts = {name: featurizer for name, featurizer in nested.items() if featurizer.has_texts}
        rests = {name: featurizer.texts(frame[name])[REST] for name, featurizer in having_texts.items()}
        sources = cls(schema, nested, tuple(name for name, texts in rests.items() if texts.notna().any()))
        reading = Reading(sources, frame, Surroundings())
        texts = [column.name for column in sources.columns if column.modality is Modality.TEXT]
        names = [name for name in texts if not sources.is_rest(name)]
        return replace(sources, pair=title_and_body({name: mean_length(reading.raw(name)) for name in names}))

    @cached_property
    def written(self) -> dict[str, tuple[str, str]]:
        """Name to nested column and key, of each text that is written in one."""
        found: dict[str, tuple[str, str]] = {}
        for column, nested in self.nested.items():
            for key in (*nested.text_keys, REST) if column in self.with_rest else nested.text_keys:
                name = base = f"{column}.{key or '*'}"
                number = 1
                while name in found or name in self.schema.names:
                    number += 1
                    name = f"{base}~{number}"
                found[name] = (column, key)
        return found

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the schema, each nested one followed by the texts that are written in it."""
        found: list[Column] = []
        for column in self.schema.columns:
            inside = [(name, key) for name, (nested, key) in self.written.items() if nested == column.name]
            found.append(column)
            found.extend(_written(column, name, key, self.nested[column.name]) for name, key in inside)
        return tuple(found)

    def is_rest(self, name: str) -> bool:
        """Whether a source is the rest of what is written in a nested column, which nobody wrote as one text."""
        return name in self.written and self.written[name][1] == REST

    def column(self, name: str) -> Column:
        """A column by its name.

        Raises:
            KeyError: if there is none.
        """
        return {column.name: column for column in self.columns}[name]


class Reading:
    """The values of some rows by the name of their source. What a frame lacks counts as missing in every row."""

    def __init__(self, sources: Sources, frame: pd.DataFrame, surroundings: Surroundings) -> None:
        self._sources = sources
        self._frame = frame
        self._surroundings = surroundings
        self._made: dict[tuple[str, str], pd.Series[Any]] = {}  # by "written" or "filled", and name

    def raw(self, name: str) -> pd.Series[Any]:
        """Values as they came; of a text inside a nested column its plain text or None."""
        if name not in self._sources.written:
            if name in self._frame:
                return self._frame[name]
            return pd.Series([None] * len(self._frame), index=self._frame.index, dtype=object, name=name)
        if ("written", name) not in self._made:
            column = self._sources.written[name][0]
            texts = self._sources.nested[column].texts(self.raw(column))
            for written, (nested, key) in self._sources.written.items():
                if nested == column:
                    self._made["written", written] = texts[key].rename(written)
        return self._made["written", name]

    def filled(self, name: str) -> pd.Series[Any]:
        """The same; of a title or body that is missing, what the other one gives."""
        pair = self._sources.pair
        if pair is None or name not in pair:
            return self.raw(name)
        if ("filled", name) not in self._made:
            found = fill_missing(self.raw(pair[0]), self.raw(pair[1]), self.around(*pair).audit)
            self._made |= {("filled", pair[0]): found.titles, ("filled", pair[1]): found.bodies}
        return self._made["filled", name]

    def around(self, *names: str) -> Surroundings:
        """The surroundings, without an audit for what a frame lacks: that is one finding, not one a row."""
        columns = [self._sources.written.get(name, (name, ""))[0] for name in names]
        if all(column in self._frame for column in columns):
            return self._surroundings
        return replace(self._surroundings, audit=Audit())


def _written(column: Column, name: str, key: str, nested: Nested) -> Column:
    en, ru = (nested.title_of(key),) * 2 if key else ("other texts", "прочий текст")
    title = Title(f"{column.title.en}: {en}", f"{column.title.ru}: {ru}")
    return replace(column, name=name, modality=Modality.TEXT, title=title)
