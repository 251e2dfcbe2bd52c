"""What a fitted model uses: contributions per row, reduced to shares of modalities, sources and features.

Contributions are asked for once, at the finest level a person can read (opaque embedding columns summed to
their source and featurizer), and are then added up to sources and modality views. Adding before taking the
absolute value keeps two features that cancel each other from counting twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.link import centred
from artifacts.outcome import ClassLabel
from artifacts.schema import Kind, Modality, Title

Float = NDArray[np.float64]

LEVELS = ("view", "source", "feature")
FIRST_ROWS = 16  # explained at once, so that it is known what a row takes
CHUNK_VALUES = 4_000_000  # contributions held at once: 32 MB
KEPT_VALUES = 32_000_000  # contributions of single readable features kept for dose-response: 128 MB
INTERVAL = (5.0, 95.0)  # percentiles of the bootstrap: a 90 % interval


class Explainable(Protocol):
    """Something fitted that scores rows and says what each score is made of."""

    @property
    def explains_sources_alone(self) -> bool:
        """Whether contributions of single features would take too many predictions."""

    def decide(self, table: FeatureTable) -> Float:
        """Link scores (n_samples, n_link)."""

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """Contributions summed over groups of features; they add up to ``decide``."""


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
class Explained:
    """Explained rows of a table, reduced so that hundreds of classes fit into memory.

    ``magnitude`` holds for each of ``LEVELS`` float64 (n_rows, n_groups): the absolute contribution of a
    group, summed over the outputs. ``kept`` holds, for the position of each readable group in
    ``levels["feature"].groups``, float32 (n_kept, n_link) contributions of the first ``n_kept`` rows.
    ``base`` is float64 (n_link,) in ``unit``. ``gap`` is the largest distance between the model's link score
    and the sum of its contributions.
    """

    table: FeatureTable
    levels: dict[str, Groups]
    magnitude: dict[str, Float]
    kept: dict[int, NDArray[np.float32]]
    n_kept: int
    base: Float
    unit: str
    method: str
    kind: Kind
    classes: tuple[str, ...]
    weight: Float
    gap: float


def explain_rows(
    explainable: Explainable,
    table: FeatureTable,
    kind: Kind,
    *,
    classes: Sequence[ClassLabel] = (),
    weight: Float | None = None,
    max_rows: int = 2000,
    seed: int = 0,
    seconds: float = np.inf,
) -> Explained:
    """Explain a random sample of rows.

    Args:
        explainable: a fitted model or blend.
        table: rows to sample from, best those that the model never saw.
        kind: what is predicted. Contributions to the logits of a multiclass task are centred over the
            classes: what is added to every class alike changes no probability.
        classes: names of the outputs, for multiclass and multilabel.
        weight: (n_samples,) weight of each row in every mean; equal weights by default.
        max_rows: rows to explain at most, drawn without replacement.
        seed: of the draw.
        seconds: no more rows are begun that would not be done by then; the first few are always explained.

    Raises:
        InputError: if the table is empty, or the weights do not fit it.
    """
    if not table.n_samples or not table.n_features:
        raise InputError(
            f"There is nothing to explain: the table has {table.n_samples} rows and {table.n_features} features."
        )
    weights = np.ones(table.n_samples) if weight is None else np.asarray(weight, dtype=np.float64)
    if weights.shape != (table.n_samples,):
        raise InputError(f"weight must have shape ({table.n_samples},) as the table, but has {weights.shape}.")
    order = np.random.default_rng(seed).permutation(table.n_samples)[:max_rows]
    weights, table = weights[order], table.take(order)
    return _reduce(explainable, table, kind, tuple(str(label) for label in classes), weights, seconds)


def _reduce(
    explainable: Explainable,
    table: FeatureTable,
    kind: Kind,
    classes: tuple[str, ...],
    weight: Float,
    seconds: float,
) -> Explained:
    sources = source_groups(table)
    finest = feature_groups(table)
    if explainable.explains_sources_alone:
        finest = Groups(sources.of_feature, tuple(replace(group, opaque=True) for group in sources.groups))
    levels = {"view": modality_groups(table), "source": sources, "feature": finest}
    fine = levels["feature"]
    scores = explainable.decide(table)
    n_link, n_groups = scores.shape[1], len(fine.groups)
    readable = [i for i, group in enumerate(fine.groups) if not group.opaque]
    n_kept = min(table.n_samples, max(1, KEPT_VALUES // max(1, len(readable) * n_link)))
    magnitude = {level: np.zeros((table.n_samples, len(groups.groups))) for level, groups in levels.items()}
    kept = {i: np.empty((n_kept, n_link), dtype=np.float32) for i in readable}
    adders = {level: _adder(fine, groups) for level, groups in levels.items()}
    most, start, gap = max(1, CHUNK_VALUES // (n_groups * n_link)), 0, 0.0
    size, began = min(FIRST_ROWS, most), time.monotonic()
    while start < table.n_samples and size:
        chunk = table.take(np.arange(start, min(start + size, table.n_samples)))
        part = explainable.contributions(chunk, fine.of_feature, fine.names)
        stop = start + chunk.n_samples
        gap = max(gap, float(np.abs(part.total - scores[start:stop]).max()))
        values = centred(part.values) if kind is Kind.MULTICLASS else part.values
        for level, adder in adders.items():
            summed = np.einsum("rgk,gs->rsk", values, adder, optimize=True)
            magnitude[level][start:stop] = np.abs(summed).sum(axis=-1)
        for i in readable if start < n_kept else ():
            kept[i][start:stop] = values[: n_kept - start, i]
        start = stop
        spent = time.monotonic() - began
        size = int(min(2 * size, most, (seconds - spent) * start / max(spent, 1e-9))) if spent < seconds else 0
    if start < table.n_samples:
        table, weight, n_kept = table.take(np.arange(start)), weight[:start], min(n_kept, start)
        magnitude = {level: values[:start] for level, values in magnitude.items()}
        kept = {i: values[:n_kept] for i, values in kept.items()}
    return Explained(
        table, levels, magnitude, kept, n_kept, part.base, part.unit, part.method, kind, classes, weight, gap
    )


def _adder(fine: Groups, coarse: Groups) -> Float:
    """(n_fine, n_coarse) of 0 and 1: which fine group lies in which coarse one."""
    adder = np.zeros((len(fine.groups), len(coarse.groups)))
    adder[fine.of_feature, coarse.of_feature] = 1.0
    return adder


def global_importance(explained: Explained, *, n_bootstrap: int = 300, seed: int = 0) -> pd.DataFrame:
    """Each group's share of the mean absolute contribution, at three levels.

    Columns: ``level`` (view, source or feature), ``name``, ``source``, ``featurizer``, ``view``, ``title_en``,
    ``title_ru``, ``actionable``, ``opaque``, ``share`` (sums to 1 within a level; all 0 if the model uses nothing),
    ``low`` and ``high`` (90 % bootstrap interval over the explained rows; it holds the model fixed).
    Strongest first within a level.
    """
    frames = []
    for level in LEVELS:
        groups = explained.levels[level].groups
        share, low, high = _shares(explained.magnitude[level], explained.weight, n_bootstrap, seed)
        frame = pd.DataFrame(
            {
                "level": level,
                "name": [group.name for group in groups],
                "source": [group.source for group in groups],
                "featurizer": [group.featurizer for group in groups],
                "view": [group.modality.view for group in groups],
                "title_en": [group.title.en for group in groups],
                "title_ru": [group.title.ru for group in groups],
                "actionable": [group.actionable for group in groups],
                "opaque": [group.opaque for group in groups],
                "share": share,
                "low": low,
                "high": high,
            }
        )
        frames.append(frame.sort_values("share", ascending=False, kind="stable"))
    return pd.concat(frames, ignore_index=True)


def _shares(magnitude: Float, weight: Float, n_bootstrap: int, seed: int) -> tuple[Float, Float, Float]:
    """Share of each group (n_groups,) and the bounds of its interval over resampled rows."""
    n = len(magnitude)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    means = np.vstack([weight, draws * weight]) @ magnitude
    total = means.sum(axis=1, keepdims=True)
    shares = np.divide(means, total, out=np.zeros_like(means), where=total > 0)
    low, high = np.percentile(shares[1:], INTERVAL, axis=0)
    return shares[0], low, high
