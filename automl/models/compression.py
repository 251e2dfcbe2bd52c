"""Embeddings as a few main axes each, for models that look at one column at a time.

A split of a tree sees one dimension of an embedding, and what a text or a photo says lies across hundreds of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from automl.models.directions import Directions
from automl.models.matrix import CHUNK_ROWS, sum_over_groups
from featurizers.text_lexical import TextLexical

if TYPE_CHECKING:
    import optuna

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MOST_ROWS = 5_000  # that axes are learned from
SEARCHED = (4, 192)  # axes


@dataclass(frozen=True)
class Compression:
    """Main axes of the opaque blocks of a table, by the block's position; other blocks stay as they are."""

    directions: Mapping[int, Directions]

    @classmethod
    def of(cls, table: FeatureTable, *, embedding: int, lexical: int, seed: int) -> Self:
        """Learn axes from training rows: ``embedding`` of each embedding, ``lexical`` of each block of word counts.

        A block that is no wider stays as it is; 0 leaves it out.
        """
        rows = np.arange(table.n_samples)
        if len(rows) > MOST_ROWS:
            rows = np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False))
        found = {}
        for i, block in enumerate(table.blocks):
            wanted = lexical if block.featurizer == TextLexical.name else embedding
            if block.is_opaque and not block.is_category and len(block.features) > wanted:
                found[i] = Directions.of(block, wanted, rows)
        return cls(found)

    def apply(self, table: FeatureTable) -> FeatureTable:
        """The table with fewer columns."""
        if not self.directions:
            return table
        blocks = (_along(block, self.directions.get(i)) for i, block in enumerate(table.blocks))
        return FeatureTable(tuple(block for block in blocks if block.features), table.index)

    def examples(self, examples: Examples) -> Examples:
        """Examples with fewer columns."""
        return Examples(self.apply(examples.table), examples.outcome)

    def n_features(self, table: FeatureTable) -> int:
        """Number of columns that a table is left with."""
        gone = sum(len(table.blocks[i].features) - found.n_components for i, found in self.directions.items())
        return table.n_features - gone

    def sum_over_groups(self, values: Float, table: FeatureTable, groups: Int, n_groups: int) -> Float:
        """Contributions (..., n_compressed) summed by the groups of the features of ``table``, to (..., n_groups).

        What an axis contributes is shared by the features that it is made of, by their squared loadings.
        """
        if not self.directions:
            return sum_over_groups(values, np.asarray(groups), n_groups)
        whole: list[Int] = []  # columns that belong to one group, and their groups
        owners: list[Int] = []
        shared = np.zeros((*values.shape[:-1], n_groups))
        column = first = 0
        for i, block in enumerate(table.blocks):
            own = np.asarray(groups[first : first + len(block.features)])
            found = self.directions.get(i)
            columns = np.arange(column, column + (len(own) if found is None else found.n_components))
            if found is None or (own == own[0]).all():
                whole.append(columns)
                owners.append(own[: len(columns)])
            else:
                shared += values[..., columns] @ found.shares(own, n_groups)
            column, first = column + len(columns), first + len(own)
        position = np.concatenate(whole) if whole else np.zeros(0, np.int64)
        owner = np.concatenate(owners) if owners else np.zeros(0, np.int64)
        return sum_over_groups(values[..., position], owner, n_groups) + shared


def suggest_components(trial: optuna.Trial, model: str, table: FeatureTable) -> dict[str, int]:
    """``embedding_components`` and ``lexical_components`` of a model, where the table has such blocks."""
    opaque = [block for block in table.blocks if block.is_opaque and not block.is_category]
    found = {}
    for name, is_one in (("embedding", lambda lexical: not lexical), ("lexical", bool)):
        if any(is_one(block.featurizer == TextLexical.name) for block in opaque):
            key = f"{name}_components"
            found[key] = trial.suggest_int(f"{model}.{key}", *SEARCHED, log=True)
    return found


def has_embedding(table: FeatureTable) -> bool:
    """Whether a block is one, and no word counts or categories."""
    return any(b.is_opaque and not b.is_category and b.featurizer != TextLexical.name for b in table.blocks)


def opaque_width(table: FeatureTable) -> int:
    """Columns of the widest block whose features mean nothing one by one."""
    return max((len(block.features) for block in table.blocks if block.is_opaque and not block.is_category), default=0)


def _along(block: Block, found: Directions | None) -> Block:
    if found is None:
        return block
    result = np.empty((block.n_samples, found.n_components), dtype=np.float32)
    for start in range(0, block.n_samples, CHUNK_ROWS):
        rows = np.arange(start, min(start + CHUNK_ROWS, block.n_samples))
        result[rows] = found.along(block.gather(rows))
    return Block(block.source, block.featurizer, block.features[: found.n_components], result)
