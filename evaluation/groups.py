"""Groups of an embedding's dimensions that act together, with the rows that show each of them and a description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.feature_table import FeatureTable
from artifacts.schema import Kind
from evaluation.explain import Explainable
from evaluation.groups_activation import Activation, activation_of
from evaluation.groups_description import OverRepresented, attributes_of, over_represented
from evaluation.groups_graph import FoundGroup, find_groups
from evaluation.groups_interactions import CannotMeasureError, measure_interactions

Float = NDArray[np.float64]

MOST_ROWS = 4000  # that galleries and descriptions are taken from
MOST_SHOWN = 5  # groups of a block
GALLERY = 6  # rows at each end


@dataclass(frozen=True)
class ShownRows:
    """What is known of the rows of a table, in their order.

    ``ids`` (n_samples,), ``predictions`` float64 (n_samples, n_outputs) on their natural scale, ``texts`` none or
    (n_samples,), and the names of several outputs.
    """

    ids: Sequence[str]
    predictions: Float
    texts: Sequence[str] = ()
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class DimensionGroup:
    """A group that is better than random, what it is made of and what it shows.

    ``high`` and ``low`` are ids of rows with the highest and the lowest activation, the furthest first;
    ``axis_share`` is the share of the group's variance that the activation holds. ``described`` is what the most active
    rows have more often than the others. ``prediction`` is the mean prediction of the most active tenth of the rows and
    ``others`` that of the rest, of ``output`` where there are several.
    """

    test: FoundGroup
    axis_share: float
    high: tuple[str, ...]
    low: tuple[str, ...]
    described: tuple[OverRepresented, ...]
    prediction: float
    others: float
    output: str = ""


@dataclass(frozen=True)
class BlockGroups:
    """The groups of one embedding block. ``missing`` says why they could not be looked for, with ``numbers``: see
    ``groups_interactions.CannotMeasureError``; else it is empty.

    ``groups`` are the strongest of the ``n_real`` that are better than random, at most five; ``n_tested`` were tested.
    """

    source: str
    featurizer: str
    view: str
    n_dimensions: int
    groups: tuple[DimensionGroup, ...] = ()
    n_tested: int = 0
    n_real: int = 0
    axes_share: float = np.nan
    n_evaluations: int = 0
    missing: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_random(self) -> int:
        """Tested groups that are no better than random ones of their size."""
        return self.n_tested - self.n_real


def strongest_blocks(importance: pd.DataFrame, table: FeatureTable, views: Sequence[str]) -> tuple[int, ...]:
    """Position of the embedding of each view that the model leans on most; none where it uses none.

    ``importance`` is that of ``explain.global_importance``.
    """
    chosen = (importance["level"] == "feature") & importance["opaque"].astype(bool) & (importance["share"] > 0)
    rows = importance[chosen]
    shares: dict[tuple[str, str], float] = {}
    for source, featurizer, share in zip(rows["source"], rows["featurizer"], rows["share"], strict=True):
        shares[str(source), str(featurizer)] = float(share)
    found = []
    for view in views:
        there = [
            (shares.get((block.source, block.featurizer), 0.0), -i)
            for i, block in enumerate(table.blocks)
            if block.is_opaque and block.modality.view == view
        ]
        if there and max(there)[0] > 0:
            found.append(-max(there)[1])
    return tuple(found)


def groups_of_block(
    explainable: Explainable,
    table: FeatureTable,
    block: int,
    kind: Kind,
    rows: ShownRows,
    *,
    seed: int,
    seconds: float = np.inf,
) -> BlockGroups:
    """Find, test, show and describe the groups of one block.

    Args:
        explainable: a fitted model or blend.
        table: rows that the model never saw.
        block: position of an embedding in it.
        kind: what is predicted.
        rows: ids, predictions and texts of the rows of the table.
        seed: of rows that are made, communities and random groups.
        seconds: for scoring rows; finding and describing groups takes some seconds more.

    Raises:
        InputError: if ``rows`` are not those of the table.
    """
    if not len(rows.ids) == len(rows.predictions) == table.n_samples:
        raise InputError(
            f"Groups need an id and a prediction for each of the {table.n_samples} rows of the table, but got "
            f"{len(rows.ids)} and {len(rows.predictions)}."
        )
    one = table.blocks[block]
    empty = BlockGroups(one.source, one.featurizer, one.modality.view, len(one.features))
    try:
        measured = measure_interactions(explainable, table, block, kind, seed=seed, seconds=seconds)
    except CannotMeasureError as error:  # too few rows, a block that does not vary, a model that is too slow
        return replace(empty, missing=error.reason, numbers=error.numbers)
    tested = find_groups(measured, seed=seed)
    real = [group for group in tested if group.is_real]
    return replace(
        empty,
        groups=_shown(table, block, real[:MOST_SHOWN], rows, seed),
        n_tested=len(tested),
        n_real=len(real),
        axes_share=measured.axes_share,
        n_evaluations=measured.n_evaluations,
    )


@dataclass(frozen=True)
class _Sample:
    rows: NDArray[np.int64]
    table: FeatureTable
    predictions: Float
    texts: list[str] = field(default_factory=list)


def _shown(
    table: FeatureTable, block: int, groups: Sequence[FoundGroup], rows: ShownRows, seed: int
) -> tuple[DimensionGroup, ...]:
    if not groups:
        return ()
    chosen = np.sort(np.random.default_rng(seed).permutation(table.n_samples)[:MOST_ROWS])
    texts = [rows.texts[i] for i in chosen] if len(rows.texts) == table.n_samples else []
    sample = _Sample(chosen, table.take(chosen), rows.predictions[chosen], texts)
    values = sample.table.blocks[block].values
    n_outputs = sample.predictions.shape[1]
    side = sample.predictions[:, -1] if n_outputs <= 2 else None  # of two classes the second one
    activations = [activation_of(values, group.dimensions, side) for group in groups]
    known = np.asarray(np.isfinite(values).all(axis=1), dtype=np.bool_)
    masks = [activation.most_active() for activation in activations]
    described = over_represented(attributes_of(sample.table, sample.texts), masks, known)
    return tuple(
        _group(*parts, sample=sample, known=known, shown=rows)
        for parts in zip(groups, activations, masks, described, strict=True)
    )


def _group(
    test: FoundGroup,
    activation: Activation,
    mask: NDArray[np.bool_],
    described: tuple[OverRepresented, ...],
    *,
    sample: _Sample,
    known: NDArray[np.bool_],
    shown: ShownRows,
) -> DimensionGroup:
    high, low = (tuple(str(shown.ids[sample.rows[i]]) for i in end) for end in activation.ends(GALLERY))
    active, others = sample.predictions[mask].mean(axis=0), sample.predictions[known & ~mask].mean(axis=0)
    output = len(active) - 1 if len(active) <= 2 else int(np.argmax(np.abs(active - others)))
    label = str(shown.classes[output]) if len(active) > 1 and len(shown.classes) == len(active) else ""
    means = float(active[output]), float(others[output])
    return DimensionGroup(test, activation.share, high, low, described, *means, label)
