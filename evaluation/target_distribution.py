"""How targets are spread, before anything is fitted: histograms, quantiles, the most frequent value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.audit_report import TargetDistribution
from artifacts.finding import Audit
from artifacts.schema import Kind
from artifacts.task import Task

Float = NDArray[np.float64]

BINS = 30
MAX_LABELS = 15
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
AT_MODE = 0.3  # share of the rows with one value, from which on a number is reported as piled up
IMBALANCED = 0.9
HEAVY = 0.2  # share of the sum that the largest 1% hold
SHIFTED = 0.55  # chance that a value of the one part is larger, from which on a shift is reported
SHIFTED_SHARE = 0.05  # of the rows that would have to change class, beyond chance
LEAST_TEST = 30
LEAST_ROWS = 100  # to speak of the largest 1%


def target_distributions(train: pd.DataFrame, test: pd.DataFrame | None, task: Task) -> tuple[TargetDistribution, ...]:
    """The target's distribution; for a conversion those of each rate, of each count of successes, and of the trials.

    Args:
        train: rows with usable targets.
        test: test rows with usable targets, or None.
        task: what is predicted.
    """
    if task.target.kind not in (Kind.CONVERSION, Kind.REGRESSION):
        name = task.target.column or ""
        return (_of_classes(name, train[name], None if test is None else test[name]),)
    found = []
    test_values = {} if test is None else {name: (kind, y, n) for name, kind, y, n in _numbers(test, task)}
    for name, kind, values, trials in _numbers(train, task):
        other = test_values.get(name)
        found.append(_of_numbers(name, kind, values, None if other is None else other[1], trials))
    return tuple(found)


def report_targets(distributions: tuple[TargetDistribution, ...], audit: Audit) -> None:
    """Add ``target_at_mode``, ``target_skewed``, ``target_imbalanced`` and ``target_shifted``."""
    for shown in distributions:
        count = round(shown.mode_share * shown.n_rows)
        _report_shift(shown, audit)
        if shown.kind == "classes":
            if shown.mode_share >= IMBALANCED:
                audit.add("target_imbalanced", column=shown.name, count=count, total=shown.n_rows, example=shown.mode)
            continue
        if shown.mode_share >= AT_MODE and shown.kind != "count":
            audit.add("target_at_mode", column=shown.name, count=count, total=shown.n_rows, example=shown.mode)
        if shown.kind == "number" and shown.largest_share >= HEAVY:
            audit.add(
                "target_skewed", column=shown.name, count=shown.n_rows // 100, total=shown.n_rows,
                share=f"{100 * shown.largest_share:.0f}%",
            )  # fmt: skip


def plain_number(value: float) -> str:
    """Four digits, and all of a large whole part: ``0.02183``, ``14196``."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e12 else f"{value:.4g}"


def _report_shift(shown: TargetDistribution, audit: Audit) -> None:
    least = SHIFTED_SHARE if shown.kind == "classes" else SHIFTED
    if shown.test_apart is None or shown.test_apart < least or shown.kind == "count":
        return
    typical = f"{100 * shown.mode_share:.3g}%" if shown.kind == "classes" else plain_number(shown.quantiles["0.5"])
    example, example_ru = (shown.mode, shown.mode) if shown.kind == "classes" else ("the median", "медиана")
    audit.add(
        "target_shifted", column=shown.name, count=1, total=shown.n_rows, train=typical, test=shown.test_typical,
        example=example, example_ru=example_ru,
    )  # fmt: skip


def _apart(train: Float, test: Float) -> float:
    """The lower end of the 95% interval of the larger of P(test > train) and P(train > test), ties counted half."""
    ranks = pd.Series(np.concatenate([train, test])).rank().to_numpy()[len(train) :]
    n, m = len(test), len(train)
    auc = float(ranks.sum() - n * (n + 1) / 2) / (n * m)
    # The standard error under no difference (Mann and Whitney 1947), which is the widest.
    return max(auc, 1 - auc) - 1.96 * float(np.sqrt((n + m + 1) / (12 * n * m)))


def _numbers(frame: pd.DataFrame, task: Task) -> Iterator[tuple[str, str, Float, Float | None]]:
    """Name, kind, values and, for a rate, the trials."""

    def column(name: str) -> Float:
        return np.asarray(pd.to_numeric(frame[name], errors="coerce"), dtype=np.float64)

    target = task.target
    if target.kind is Kind.REGRESSION:
        yield target.column or "", "number", column(target.column or ""), None
        return
    trials = column(target.trials or "")
    weights = target.success_weights
    if len(weights) > 1 and not target.activities:
        total = sum((weight * column(name) for name, weight in weights.items()), np.zeros(len(frame)))
        formula = " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in weights.items())
        yield f"({formula}) / {target.trials}", "rate", total / (sum(weights.values()) * trials), trials
    for name in weights:
        yield f"{name} / {target.trials}", "rate", column(name) / trials, trials
    for name in (*weights, target.trials or ""):
        yield name, "count", column(name), None


def _of_classes(name: str, train: pd.Series[Any], test: pd.Series[Any] | None) -> TargetDistribution:
    """Shares of rows; where cells are lists of labels, of the rows that have a label."""
    counts, n_rows = _labels(train).value_counts(), int(train.notna().sum())
    labels = tuple(counts.index[:MAX_LABELS])
    shares = counts / n_rows
    test_shares: tuple[float, ...] = ()
    apart: float | None = None
    typical = ""
    if test is not None and test.notna().any():
        n_test = int(test.notna().sum())
        found = _labels(test).value_counts() / n_test
        test_shares = tuple(float(found.get(label, 0.0)) for label in labels)
        if counts.sum() == n_rows:  # one class a row
            both = pd.concat([shares, found], axis=1).fillna(0.0).to_numpy()
            pooled = both.mean(axis=1)
            noise = np.sqrt(pooled * (1 - pooled) * (1 / n_rows + 1 / n_test) * 2 / np.pi).sum() / 2
            apart = float(np.abs(both[:, 0] - both[:, 1]).sum() / 2 - 2 * noise)
        typical = f"{100 * float(found.get(labels[0], 0.0)):.3g}%"
    return TargetDistribution(
        name, "classes", n_rows, labels[0], float(shares.iloc[0]),
        tuple(float(shares[label]) for label in labels), test_shares, labels, len(counts),
        test_apart=apart, test_typical=typical,
    )  # fmt: skip


def _labels(values: pd.Series[Any]) -> pd.Series[str]:
    return values.dropna().explode().dropna().map(str)


def _of_numbers(name: str, kind: str, train: Float, test: Float | None, trials: Float | None) -> TargetDistribution:
    known = np.isfinite(train)
    values = train[known]
    distinct, counts = np.unique(values, return_counts=True)
    most = int(counts.argmax())
    edges, is_log = _edges(values, distinct)
    test_known = np.empty(0) if test is None else test[np.isfinite(test)]
    at = np.quantile(values, QUANTILES)
    top = np.sort(values)[-max(1, len(values) // 100) :]
    positive = len(values) >= LEAST_ROWS and values.min() >= 0 and values.sum() > 0
    return TargetDistribution(
        name=name,
        kind=kind,
        n_rows=len(values),
        mode=f"{distinct[most]:.6g}",
        mode_share=float(counts[most] / len(values)),
        train=_shares(values, edges),
        test=_shares(test_known, edges) if len(test_known) else (),
        edges=tuple(float(edge) for edge in edges),
        is_log=is_log,
        quantiles={f"{share:g}": float(value) for share, value in zip(QUANTILES, at, strict=True)},
        mean=float(values.mean()),
        spread=float(values.std()),
        pooled=None if trials is None else float(np.sum((train * trials)[known]) / np.sum(trials[known])),
        largest_share=float(top.sum() / values.sum()) if positive else 0.0,
        test_apart=_apart(values, test_known) if len(test_known) >= LEAST_TEST else None,
        test_typical=plain_number(float(np.median(test_known))) if len(test_known) else "",
    )


def _edges(values: Float, distinct: Float) -> tuple[Float, bool]:
    """Even steps between the outer 0.5%, or even steps of the logarithm for a long tail of positive numbers."""
    low, high = np.quantile(values, [0.005, 0.995])
    if 2 <= len(distinct) <= BINS and (distinct == np.round(distinct)).all() and distinct[-1] - distinct[0] < BINS:
        return np.arange(distinct[0], distinct[-1] + 2) - 0.5, False  # one bin for each whole number
    if (distinct == np.round(distinct)).all() and high - low < 20 * BINS and high > low:
        width = np.ceil((np.ceil(high) - np.floor(low) + 1) / BINS)  # as many whole numbers in each bin
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + width, width), False
    if values.min() > 0 and high > 50 * low:
        return np.geomspace(low, high, BINS + 1), True
    if low == high:
        low, high = (distinct[0], distinct[-1]) if len(distinct) > 1 else (low - 0.5, high + 0.5)
    return np.linspace(low, high, BINS + 1), False


def _shares(values: Float, edges: Float) -> tuple[float, ...]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    return tuple(float(count) for count in counts / max(len(values), 1))
