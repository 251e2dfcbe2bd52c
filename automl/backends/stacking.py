"""Decision-level fusion: a model over the outputs of models of single modalities.

Wolpert, Stacked generalization, 1992; for products by image and text: Bi, Wang and Fan, A multimodal late fusion model
for e-commerce product classification, 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Column, Modality, Title, opaque_features
from automl.backends.base import Candidate
from automl.models.base import Model
from automl.models.boosted_sum import BoostedSum
from automl.models.output_sum import OutputSum
from automl.models.registry import MODELS, TUNED
from evaluation.splits import Fold

Float = NDArray[np.float64]

STACKERS: dict[str, type[Model]] = {"linear": OutputSum, "lightgbm": BoostedSum}
PER_VIEW = 2  # models whose outputs are read; the best of different kinds
PREFIX = "stacked "
ON = " on "  # between a model and the tuned encoder whose vectors it reads
MOST_OUTPUTS = 100  # of a member; with more, the table of outputs is larger than the rows can fill with meaning


def stacks_over(ranked: Sequence[Candidate]) -> list[Candidate]:
    """The stacks to fit over the best candidates of each single view; none where there is one, or many classes.

    Args:
        ranked: usable candidates with out-of-fold scores, the best first.
    """
    chosen: dict[str, dict[str, Candidate]] = {}
    for candidate in ranked:
        if candidate.view != "all" and not candidate.members:
            of_view = chosen.setdefault(candidate.view, {})
            if len(of_view) < PER_VIEW:
                of_view.setdefault(candidate.model, candidate)
    widths = [
        c.out_of_fold.shape[1] for of_view in chosen.values() for c in of_view.values() if c.out_of_fold is not None
    ]
    if len(chosen) < 2 or max(widths, default=0) > MOST_OUTPUTS:
        return []
    members = tuple(candidate.key for view in sorted(chosen) for candidate in chosen[view].values())
    view = "+".join(sorted(chosen))
    return [Candidate(f"stacked-{name}", f"{PREFIX}{name}", view, members=members) for name in STACKERS]


def model_class(candidate: Candidate) -> type[Model]:
    """The class of the models of a candidate or of a stack."""
    if candidate.members:
        return STACKERS[candidate.model.removeprefix(PREFIX)]
    if candidate.reads:
        return MODELS[candidate.model.partition(ON)[0]]
    return TUNED[candidate.model] if candidate.model in TUNED else MODELS[candidate.model]


def stack_table(outputs: Mapping[str, Float], index: pd.Index) -> FeatureTable:
    """The table that a stack reads: one block (n_samples, n_link) of link scores for each member."""
    blocks = []
    for key, scores in outputs.items():
        column = Column(key, Modality.NUMERIC, Title(key, key))
        features = opaque_features(column, "output", scores.shape[1])
        blocks.append(Block(key, "output", features, np.ascontiguousarray(scores, dtype=np.float32)))
    return FeatureTable(tuple(blocks), index)


def folds_within(folds: Sequence[Fold], known: NDArray[np.bool_]) -> tuple[Fold, ...]:
    """The folds without the rows that no member has scores of; a fold that nothing is left to learn from is gone."""
    kept = [Fold(fold.train[known[fold.train]], fold.valid[known[fold.valid]]) for fold in folds]
    return tuple(fold for fold in kept if len(fold.train) and len(fold.valid))
