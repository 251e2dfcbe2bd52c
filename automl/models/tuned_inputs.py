"""What a net over encoders reads of a table: contents of the sources that it tunes, and columns of the other blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import SHARES, Modality
from automl.models.matrix import Standardizer
from automl.models.network import parts_of
from automl.models.training import Blank
from featurizers.activations import Activations
from featurizers.image_embedding import ImageEmbedding
from featurizers.text_embedding import TextEmbedding

Single = NDArray[np.float32]
Int = NDArray[np.int64]

EMBEDDINGS = (TextEmbedding.name, ImageEmbedding.name)


def is_encoded(block: Block, modality: Modality) -> bool:
    """Whether a block is what the encoder of a modality made of a source."""
    return block.featurizer in EMBEDDINGS and block.modality is modality


def encoded_sources(table: FeatureTable, modality: Modality) -> tuple[str, ...]:
    """The sources of a modality that an encoder has read, where what it read is at hand."""
    known = {} if table.contents is None else table.contents.columns
    found = (block.source for block in table.blocks if is_encoded(block, modality))
    return tuple(dict.fromkeys(source for source in found if source in known))


def other_blocks(table: FeatureTable, sources: Mapping[Modality, Sequence[str]]) -> FeatureTable:
    """A table without the embeddings of some sources of each modality."""

    def read(block: Block) -> bool:
        return any(is_encoded(block, modality) and block.source in names for modality, names in sources.items())

    return replace(table, blocks=tuple(block for block in table.blocks if not read(block)))


@dataclass(frozen=True)
class Columns:
    """Blocks as standardised columns; those that a net projects together lie side by side.

    ``blank`` is a row of which nothing is known.
    """

    standardizer: Standardizer
    blank: Blank

    @classmethod
    def of(cls, table: FeatureTable) -> Self:
        """Learn from the rows of a table; there is at least one."""
        standardizer = Standardizer.of(table)
        view = np.array([SHARES.index(block.modality.view) for block in table.blocks], dtype=np.int64)
        bare = cls(standardizer, Blank(np.zeros(0, dtype=np.float32), view[standardizer.block]))
        row = bare.matrix(table.take([0]).blanked())[0]
        return cls(standardizer, Blank(row, bare.blank.view[bare._order[0]]))

    @cached_property
    def _order(self) -> tuple[Int, tuple[int, ...]]:
        return parts_of(self.standardizer.block) if self.standardizer.n_columns else (np.empty(0, np.int64), ())

    @property
    def parts(self) -> tuple[int, ...]:
        """Columns of each projection."""
        return self._order[1]

    @property
    def feature(self) -> Int:
        """Position (n_columns,) of the feature that each column is of."""
        return self.standardizer.feature[self._order[0]]

    def matrix(self, table: FeatureTable) -> Single:
        """(n_samples, n_columns) of a table with the same blocks."""
        if not self.standardizer.n_columns:
            return np.zeros((table.n_samples, 0), dtype=np.float32)
        return self.standardizer.transform(table, place=np.argsort(self._order[0]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned; ``from_arrays`` reads it back."""
        return {**self.standardizer.arrays(), "blank_row": self.blank.row, "blank_view": self.blank.view}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what ``arrays`` gave."""
        return cls(Standardizer.from_arrays(arrays), Blank(arrays["blank_row"], arrays["blank_view"]))


@dataclass(frozen=True)
class Inputs:
    """Some rows: the contents that each encoder reads, and the columns (n_samples, n_columns) of the other blocks."""

    parts: tuple[Activations, ...]
    columns: Single

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.columns)

    @property
    def n_contents(self) -> int:
        """Distinct texts and photos."""
        return sum(parts.n_contents for parts in self.parts)

    def prepare(self, deadline: float | None, advance: Callable[[float], None]) -> bool:
        """See ``Activations.prepare``; of one encoder after the other."""
        return all(parts.prepare(deadline, advance) for parts in self.parts)

    def sizes(self) -> Int:
        """How much there is to read in each row (n_samples,): characters of its texts, and photos."""
        return np.asarray(sum(parts.sizes() for parts in self.parts), dtype=np.int64)
