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


def with_vectors(table: FeatureTable, vectors: Mapping[str, Single]) -> FeatureTable:
    """A table whose embeddings of some sources are replaced by vectors (n_samples, n_dimensions) of a tuned encoder.

    What the encoder made as it came is in them already: beside them it only takes time.
    """
    blocks = []
    for block in table.blocks:
        if block.source not in vectors or block.featurizer not in EMBEDDINGS:
            blocks.append(block)
            continue
        assert table.contents is not None
        values = np.ascontiguousarray(vectors[block.source], dtype=np.float32)
        features = opaque_features(table.contents.columns[block.source], FEATURIZER, values.shape[1])
        blocks.append(Block(block.source, FEATURIZER, features, values))
    return replace(table, blocks=tuple(blocks))


class SecondStage:
    """A model that was fitted to vectors of tuned encoders out of fold, and the encoder of the fold that neither saw.

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
        """See ``Model.decide``; of the whole table that the encoder was tuned for."""
        return self.model.decide(with_vectors(table, self.tuned.vectors(table)))

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. What vectors give is shared evenly by the dimensions of the embedding."""
        groups = np.asarray(groups)
        vectors = self.tuned.vectors(table)
        extended = with_vectors(table, vectors)
        of_block = np.split(groups, np.cumsum([len(block.features) for block in table.blocks])[:-1])
        within: list[NDArray[np.int64]] = []
        shares: list[Float] = []
        for block, own, read in zip(table.blocks, of_block, extended.blocks, strict=True):
            if read is block:
                within.append(own)
            else:
                within.append(np.full(len(read.features), len(names) + len(shares)))
                shares.append(np.bincount(own, minlength=len(names)) / len(own))
        players = [*names, *(f"vectors {i}" for i in range(len(shares)))]
        told = self.model.contributions(extended, np.concatenate(within), players)
        values = told.values[:, : len(names)].copy()
        for i, share in enumerate(shares):
            values += share[:, None] * told.values[:, len(names) + i][:, None]
        return replace(told, names=tuple(names), values=values)
