"""Which features are added up: by modality view, by source column, and as fine as a person can read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artifacts.feature_table import FeatureTable
from artifacts.schema import Modality, Title

Float = NDArray[np.float64]
Int = NDArray[np.int64]

LEVELS = ("view", "source", "feature")


@dataclass(frozen=True)
class Group:
    """Features whose contributions are summed. ``feature`` is the position of a single readable one, else -1."""

    name: str
    title: Title
    source: str
    featurizer: str
    modality: Modality
    actionable: bool = False
    opaque: bool = False
    feature: int = -1


@dataclass(frozen=True)
class Groups:
    """A partition of a table's features: ``of_feature`` int64 (n_features,) holds positions in ``groups``."""

    of_feature: NDArray[np.int64]
    groups: tuple[Group, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the groups, in order."""
        return tuple(group.name for group in self.groups)


def _partition(table: FeatureTable, group_of: Callable[[int], Group]) -> Groups:
    position: dict[tuple[bool, str], int] = {}
    groups: list[Group] = []
    of_feature = np.empty(table.n_features, dtype=np.int64)
    for i in range(table.n_features):
        group = group_of(i)
        key = (group.opaque, group.name)  # an embedding block may be called as another block's feature is
        if key not in position:
            position[key] = len(groups)
            groups.append(group)
        of_feature[i] = position[key]
    return Groups(of_feature, tuple(groups))


def modality_groups(table: FeatureTable) -> Groups:
    """The features summed to modality views: image, text, table, and joint (image and text together)."""
    features = table.features

    def group_of(i: int) -> Group:
        view = features[i].modality.view
        return Group(view, Title(view, view), "", "", features[i].modality)

    return _partition(table, group_of)


def source_groups(table: FeatureTable) -> Groups:
    """The features summed to their source columns."""
    features = table.features

    def group_of(i: int) -> Group:
        feature = features[i]
        return Group(feature.source, Title(feature.source, feature.source), feature.source, "", feature.modality)

    return _partition(table, group_of)


def feature_groups(table: FeatureTable) -> Groups:
    """Readable features one by one; the opaque columns of a block summed to ``{source}__{featurizer}``."""
    features = table.features

    def group_of(i: int) -> Group:
        f = features[i]
        if f.opaque:
            name, words = f"{f.source}__{f.featurizer}", f"{f.source}: {f.featurizer}"
            return Group(name, Title(words, words), f.source, f.featurizer, f.modality, opaque=True)
        return Group(f.name, f.title, f.source, f.featurizer, f.modality, f.actionable, feature=i)

    return _partition(table, group_of)


@dataclass(frozen=True)
class Levels:
    """The groups of all ``LEVELS``; ``groups["feature"]`` is the finest, which contributions are asked for.

    ``cell`` (n_fine,) is the source and view of each finest group, ``source`` and ``view`` (n_cells,) those of a cell.
    """

    groups: dict[str, Groups]
    cell: Int
    source: Int
    view: Int

    @classmethod
    def of(cls, table: FeatureTable, *, sources_alone: bool = False) -> Self:
        """Of a table; ``sources_alone`` makes sources the finest that is told apart."""
        views, sources, finest = modality_groups(table), source_groups(table), feature_groups(table)
        if sources_alone:
            finest = Groups(sources.of_feature, tuple(replace(group, opaque=True) for group in sources.groups))
        _, first = np.unique(finest.of_feature, return_index=True)
        pairs = np.column_stack([sources.of_feature[first], views.of_feature[first]])
        cells, cell = np.unique(pairs, axis=0, return_inverse=True)
        groups = {"view": views, "source": sources, "feature": finest}
        return cls(groups, cell.reshape(-1), cells[:, 0], cells[:, 1])

    def sums(self, values: Float) -> dict[str, Float]:
        """Contributions (n_samples, n_fine, n_link) at each level; those of the finest are ``values`` themselves."""
        cells = _summed(values, self.cell, len(self.source))
        return {
            "view": _summed(cells, self.view, len(self.groups["view"].groups)),
            "source": _summed(cells, self.source, len(self.groups["source"].groups)),
            "feature": values,
        }


def _summed(values: Float, places: Int, n: int) -> Float:
    """Sums of ``values`` (n_samples, n_groups, n_link) by the place of each group, (n_samples, n, n_link).

    One pass over the values: a product with a matrix of 0 and 1 would take as many as there are places.
    """
    result = np.empty((len(values), n, values.shape[2]))
    for place in range(n):
        own = np.flatnonzero(places == place)
        together = len(own) and own[-1] - own[0] + 1 == len(own)
        part = values[:, own[0] : own[-1] + 1] if together else values[:, own]
        part.sum(axis=1, out=result[:, place])
    return result
