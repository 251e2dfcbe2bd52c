"""Saved runs side by side, row by row on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.outcome import Outcome
from evaluation.intervals import Difference, paired_difference
from evaluation.metrics import Metric

Float = NDArray[np.float64]
NEITHER = "neither"
COLUMNS = (
    "run_a", "run_b", "metric", "n_rows", "score_a", "score_b", "difference", "low", "high", "p_value", "better",
)  # fmt: skip


@dataclass(frozen=True)
class ComparedRun:
    """A run's predictions (n_samples, n_outputs) of its scored rows.

    ``row_ids`` names the rows in their order; ``fingerprint`` says which rows and targets they are. ``reference`` is
    the constant prediction (n_outputs,) of its training rows, for metrics relative to one; without it the constant is
    the scored rows' own mean. ``groups`` (n_samples,) are codes of rows that are resampled together, -1 for none.
    """

    name: str
    metric: Metric
    outcome: Outcome
    predictions: Float
    row_ids: tuple[str, ...]
    fingerprint: str
    reference: Float | None = None
    groups: NDArray[np.int64] | None = None


def compare(runs: Sequence[ComparedRun], seed: int = 0) -> pd.DataFrame:
    """Paired bootstrap of each pair of runs.

    For a metric relative to a constant, both runs of a pair are measured against the first one's constant, so that the
    difference is theirs alone.

    Returns:
        One row per pair: run_a, run_b, metric, n_rows, score_a, score_b, difference (a - b), low and high (95 %),
        p_value, and better: the name of the better run, or "neither" where the interval holds 0.

    Raises:
        InputError: if there are fewer than two runs, or they have different rows, targets or metrics.
    """
    if len(runs) < 2:
        raise InputError(f"A comparison needs two runs or more, but got {len(runs)}. Name another run folder.")
    for run in runs[1:]:
        _check_comparable(runs[0], run)
    names = unique_names([run.name for run in runs])
    rows = []
    for (a, name_a), (b, name_b) in combinations(zip(runs, names, strict=True), 2):
        groups = a.groups if a.groups is not None else b.groups
        found = paired_difference(
            a.metric,
            a.outcome,
            a.predictions,
            b.predictions,
            seed=seed,
            reference=a.reference,
            groups=None if groups is None else np.where(groups < 0, np.nan, groups),
        )
        better = _better(found, a.metric.higher_is_better, name_a, name_b)
        pair = {"run_a": name_a, "run_b": name_b, "metric": a.metric.name, "n_rows": a.outcome.n_samples}
        rows.append({**pair, **asdict(found), "better": better})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _better(found: Difference, higher_is_better: bool, a: str, b: str) -> str:
    if not (found.low > 0 or found.high < 0):  # also where they are NaN
        return NEITHER
    return a if (found.difference > 0) == higher_is_better else b


def unique_names(names: Sequence[str]) -> list[str]:
    """The names in their order; of equal ones, as of folders in different places, all but the first get a number."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _check_comparable(a: ComparedRun, b: ComparedRun) -> None:
    both = f"Runs {a.name!r} and {b.name!r}"
    if a.outcome.kind is not b.outcome.kind:
        kinds = f"{a.outcome.kind.value!r} and {b.outcome.kind.value!r}"
        raise InputError(f"{both} predict different kinds, {kinds}. Compare runs of one task.")
    if a.metric.name != b.metric.name:
        raise InputError(
            f"{both} were ranked by different metrics, {a.metric.name!r} and {b.metric.name!r}. "
            "Fit them with the same metric under [target]."
        )
    differs = _difference_of_rows(a, b)
    if differs:
        raise InputError(
            f"{both} have different holdouts: {differs}. Fit both with the same data and seed, or name one labelled "
            "test file in both tasks."
        )


def _difference_of_rows(a: ComparedRun, b: ComparedRun) -> str:
    """How the scored rows differ, or an empty string."""
    if a.row_ids != b.row_ids:
        if sorted(a.row_ids) == sorted(b.row_ids):
            return f"the same {len(a.row_ids)} rows, in another order"
        common = len(set(a.row_ids) & set(b.row_ids))
        return f"{len(a.row_ids)} and {len(b.row_ids)} rows, of which {common} ids are in common"
    if a.outcome.classes != b.outcome.classes or a.outcome.n_known != b.outcome.n_known:
        return f"they know different classes ({a.outcome.n_known} and {b.outcome.n_known} in training)"
    for what, values_a, values_b in (
        ("targets", a.outcome.y, b.outcome.y),
        ("weights or trials", a.outcome.sample_weight, b.outcome.sample_weight),
    ):
        differ = (values_a != values_b).reshape(len(values_a), -1).any(axis=1)
        if differ.any():
            return f"the same row ids, but {int(differ.sum())} rows have other {what}"
    if a.fingerprint != b.fingerprint:
        return "the same row ids and targets, but other fingerprints of the rows"
    return ""
