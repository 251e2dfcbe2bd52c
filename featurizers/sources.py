"""What is read of a row: its columns, the texts written inside nested ones, and what fills a missing title or body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    ``text_keys`` and ``{column}.*`` for the rest, which the columns in ``with_rest`` have. ``pair`` names
    the title and the body among the texts, None if there are no such two.
    """

    schema: Schema
    nested: Mapping[str, Nested]
    with_rest: tuple[str, ...] = ()
    pair: tuple[str, str] | None = None

    @classmethod
    def of(cls, schema: Schema, nested: Mapping[str, Nested], frame: pd.DataFrame) -> Sources:
        """Find the pair among the texts of the training rows."""
        sources = cls(schema, nested)
        reading = Reading(sources, frame, Surroundings())
        having_texts = [name for name, featurizer in nested.items() if featurizer.has_texts]
        with_rest = tuple(name for name in having_texts if reading.raw(written_name(name, REST)).notna().any())
        sources = replace(sources, with_rest=with_rest)
        texts = [column.name for column in sources.columns if column.modality is Modality.TEXT]
        names = [name for name in texts if not sources.is_rest(name)]
        return replace(sources, pair=title_and_body({name: mean_length(reading.raw(name)) for name in names}))

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the schema, each nested one followed by the texts that are written in it."""
        found: list[Column] = []
        for column in self.schema.columns:
            found.append(column)
            if column.name in self.nested:
                nested = self.nested[column.name]
                keys = (*nested.text_keys, REST) if column.name in self.with_rest else nested.text_keys
                found.extend(_written(column, key, nested) for key in keys)
        return tuple(found)

    def is_rest(self, name: str) -> bool:
        """Whether a source is the rest of what is written in a nested column, which nobody wrote as one text."""
        return name in {written_name(column, REST) for column in self.with_rest}

    def column(self, name: str) -> Column:
        """A column by its name.

        Raises:
            KeyError: if there is none.
        """
        return {column.name: column for column in self.columns}[name]


def written_name(column: str, key: str) -> str:
    """Name of the source of what is written under a key of a nested column."""
    return f"{column}.{key or '*'}"


class Reading:
    """The values of some rows by the name of their source. What a frame lacks counts as missing in every row."""

    def __init__(self, sources: Sources, frame: pd.DataFrame, surroundings: Surroundings) -> None:
        self._sources = sources
        self._frame = frame
        self._surroundings = surroundings
        self._texts: dict[str, pd.Series[Any]] = {}

    def raw(self, name: str) -> pd.Series[Any]:
        """Values as they came; of a text inside a nested column its plain text or None."""
        if name in self._frame:
            return self._frame[name]
        if name not in self._texts:
            for column in self._sources.nested:
                if name.startswith(f"{column}."):
                    found = self._sources.nested[column].texts(self.raw(column))
                    named = {written_name(column, key): texts for key, texts in found.items()}
                    self._texts |= {written: texts.rename(written) for written, texts in named.items()}
        if name not in self._texts:
            nothing = pd.Series([None] * len(self._frame), index=self._frame.index, dtype=object, name=name)
            self._texts[name] = nothing
        return self._texts[name]

    def filled(self, name: str) -> pd.Series[Any]:
        """The same; of a title or body that is missing, what the other one gives."""
        pair = self._sources.pair
        if pair is None or name not in pair:
            return self.raw(name)
        if f"filled:{name}" not in self._texts:
            found = fill_missing(self.raw(pair[0]), self.raw(pair[1]), self.around(pair[0]).audit)
            self._texts |= {f"filled:{pair[0]}": found.titles, f"filled:{pair[1]}": found.bodies}
        return self._texts[f"filled:{name}"]

    def around(self, name: str) -> Surroundings:
        """The surroundings, without an audit for what a frame lacks: that is one finding, not one a row."""
        column = next((c for c in self._sources.nested if name.startswith(f"{c}.")), name)
        if column in self._frame or name in self._frame:
            return self._surroundings
        return replace(self._surroundings, audit=Audit())


def _written(column: Column, key: str, nested: Nested) -> Column:
    title = nested.title_of(key) if key else ""
    en, ru = (title, title) if key else ("other texts", "прочий текст")
    return replace(
        column,
        name=written_name(column.name, key),
        modality=Modality.TEXT,
        title=Title(f"{column.title.en}: {en}", f"{column.title.ru}: {ru}"),
    )
