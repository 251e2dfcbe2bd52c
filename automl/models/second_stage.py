"""Models that read what a tuned encoder makes of texts or photos, beside the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from artifacts.explanation import Explanation
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import opaque_features
from automl.models.base import Float, Model
from automl.models.tuned_encoder import TunedEncoderModel
from automl.models.tuned_inputs import EMBEDDINGS

Single = NDArray[np.float32]

FEATURIZER = "tuned"
ROWS_AT_ONCE = 5_000  # whose vectors are in memory; of so few the tuned model keeps them for others who ask


def with_vectors(table: FeatureTable, vectors: Mapping[str, Single]) -> FeatureTable:
    """A table with vectors (n_samples, n_dimensions) of sources by a tuned encoder as its last blocks."""
    assert table.contents is not None
    blocks = []
    for source, values in vectors.items():
        features = opaque_features(table.contents.columns[source], FEATURIZER, values.shape[1])
        blocks.append(Block(source, FEATURIZER, features, np.ascontiguousarray(values, dtype=np.float32)))
    return replace(table, blocks=(*table.blocks, *blocks))


class SecondStage:
    """A model that was fitted to vectors of tuned encoders out of fold, and the encoder that did not see its fold.

    Cross-fitted as a stack is (Wolpert, Stacked generalization, 1992): no vector that the model learned from is by an
    encoder that had learned from its row.
    """

    def __init__(self, model: Model, tuned: TunedEncoderModel) -> None:
        self.model, self.tuned = model, tuned

    @property
    def name(self) -> str:
        """That of the model."""
        return self.model.name

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``; with all columns that the encoder was tuned for, of few rows at once."""
        return self.model.decide(with_vectors(table, self.tuned.vectors(table)))

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. What vectors give is shared evenly by the dimensions of the embedding."""
        groups = np.asarray(groups)
        vectors = self.tuned.vectors(table)
        extended = with_vectors(table, vectors)
        of_block = np.split(groups, np.cumsum([len(block.features) for block in table.blocks])[:-1])
        shares = [
            np.bincount(own, minlength=len(names)) / len(own)
            for source in vectors
            for block, own in zip(table.blocks, of_block, strict=True)
            if block.source == source and block.featurizer in EMBEDDINGS
        ]
        added = [np.full(each.shape[1], len(names) + i) for i, each in enumerate(vectors.values())]
        players = [*names, *(f"vectors of {source}" for source in vectors)]
        told = self.model.contributions(extended, np.concatenate([groups, *added]), players)
        values = told.values[:, : len(names)].copy()
        for i, share in enumerate(shares):
            values += share[:, None] * told.values[:, len(names) + i][:, None]
        return replace(told, names=tuple(names), values=values)
