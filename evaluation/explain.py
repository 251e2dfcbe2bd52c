"""What a fitted model uses: contributions per row, reduced to shares of modalities, sources and features.

Contributions are asked for once, at the finest level a person can read (opaque embedding columns summed to
their source and featurizer), and are then added up to sources and modality views. Adding before taking the
absolute value keeps two features that cancel each other from counting twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import ClassLabel
from artifacts.schema import Kind
from evaluation.agreement import Stability, stability
from evaluation.explained_sums import ByOutput, Sums
from evaluation.partitions import LEVELS, Groups, Levels

Float = NDArray[np.float64]

FIRST_ROWS = 16  # explained at once, so that it is known what a row takes
CHUNK_VALUES = 16_000_000  # contributions held at once: 128 MB, and some copies of them
INTERVAL = (5.0, 95.0)  # percentiles of the bootstrap: a 90 % interval


class Explainable(Protocol):
    """Something fitted that scores rows and says what each score is made of."""

    @property
    def explains_sources_alone(self) -> bool:
        """Whether contributions of single features would take too many predictions."""

    @property
    def n_versions(self) -> int:
        """Models, such as those of folds, whose mean it is; 1 where there are none."""

    def decide(self, table: FeatureTable) -> Float:
        """Link scores (n_samples, n_link)."""

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """Contributions summed over groups of features; they add up to ``decide``."""

    def contributions_of(
        self, version: int, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]
    ) -> Explanation:
        """Those of one of the versions; asked for where there are at least two."""


@dataclass(frozen=True)
class Explained:
    """Explained rows of a table, reduced so that hundreds of classes fit into memory.

    ``magnitude`` holds for each of ``LEVELS`` float64 (n_rows, n_groups): the absolute contribution of a
    group, summed over the outputs. ``kept`` holds, for the position of each readable group in
    ``levels["feature"].groups``, float32 (n_kept, n_link) contributions of the first ``n_kept`` rows.
    ``base`` is float64 (n_link,) in ``unit``. ``gap`` is the largest distance between the model's link score
    and the sum of its contributions. ``signed`` (n_rows, n_sources) are the contributions of sources where there is
    one output, else None; ``by_output`` has those to each of several outputs, by level, and ``n_said`` (n_link,) in
    how many rows each is said. ``stability`` is None where there are no versions to compare.
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
    signed: Float | None
    by_output: dict[str, ByOutput]
    n_said: NDArray[np.int64]
    stability: Stability | None


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
    levels = Levels.of(table, sources_alone=explainable.explains_sources_alone)
    fine, scores = levels.groups["feature"], explainable.decide(table)
    sums = Sums(levels, kind, scores, weight)
    most, gap = max(1, CHUNK_VALUES // (len(fine.groups) * scores.shape[1])), 0.0
    size, began = min(FIRST_ROWS, most), time.monotonic()
    while sums.n_rows < table.n_samples and size:
        rows = np.arange(sums.n_rows, min(sums.n_rows + size, table.n_samples))
        part, halves = _explained_rows(explainable, table.take(rows), fine)
        gap = max(gap, float(np.abs(part.total - scores[rows]).max()))
        sums.add(part.values, halves)
        spent = time.monotonic() - began
        in_time = int((seconds - spent) * sums.n_rows / max(spent, 1e-9)) if np.isfinite(seconds) else most
        size = min(2 * size, most, in_time) if spent < seconds else 0
    if sums.n_rows < table.n_samples:
        table = table.take(np.arange(sums.n_rows))
        sums.cut()
    counts = _n_models(explainable.n_versions)
    share, _, _ = _shares(sums.magnitude["source"], sums.weight, 1, 0)
    return Explained(
        table,
        levels.groups,
        sums.magnitude,
        sums.kept,
        sums.n_kept,
        part.base,
        part.unit,
        part.method,
        kind,
        classes,
        sums.weight,
        gap,
        sums.signed,
        sums.by_output(),
        sums.n_said,
        stability(sums.moments, levels.groups["source"], share, counts, sums.n_rows) if min(counts) else None,
    )


def _n_models(n_versions: int) -> tuple[int, int]:
    """How many versions each half has; (1, 0) where there is nothing to compare."""
    return (n_versions + 1) // 2, n_versions // 2


def _explained_rows(
    explainable: Explainable, table: FeatureTable, fine: Groups
) -> tuple[Explanation, tuple[Float, Float] | None]:
    """Contributions to the mean of all versions, and the sums of those by the even and by the odd ones.

    They cost the same together: the whole is the mean of its versions.
    """
    n = explainable.n_versions
    if n < 2:
        return explainable.contributions(table, fine.of_feature, fine.names), None
    halves: list[Float] = []
    base, methods, unit = np.zeros(0), [], ""
    for i in range(n):
        part = explainable.contributions_of(i, table, fine.of_feature, fine.names)
        if i < 2:
            halves.append(part.values)
        else:
            halves[i % 2] = halves[i % 2] + part.values
        base, unit = (base + part.base / n if base.size else part.base / n), part.unit
        methods.append(part.method)
    whole = (halves[0] + halves[1]) / n
    return Explanation(fine.names, whole, base, unit, "; ".join(dict.fromkeys(methods))), (halves[0], halves[1])


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
