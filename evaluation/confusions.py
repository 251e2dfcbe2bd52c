"""The pairs of classes, or labels, that are most often taken for each other, with rows of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.schema import Kind
from evaluation.class_scores import KINDS
from evaluation.metric_functions import DECIDED
from evaluation.prediction_check import largest_errors, row_losses
from evaluation.slice_report import ScoredRows

Int = NDArray[np.int64]

MAX_PAIRS = 6
EXAMPLES = 3


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes of which rows of one were taken for the other.

    ``times`` are the rows of the first taken for the second, and of the second for the first (of labels: rows that
    lack the one and were given the other in its place); ``rows`` have either of the two. ``examples`` are rows of the
    first and of the second, as of ``prediction_check.largest_errors``: the surest confusions; where a class was never
    taken for the other, its surest right ones, which ``right`` says.
    """

    names: tuple[str, str]
    times: tuple[int, int]
    rows: int
    examples: tuple[pd.DataFrame, pd.DataFrame]
    right: tuple[bool, bool]


@dataclass(frozen=True)
class _Places:
    """Codes of both, positions of the rows of each that are confused and that are right, and how many have either."""

    codes: tuple[int, int]
    confused: tuple[Int, Int]
    right: tuple[Int, Int]
    n_rows: int


def confused_pairs(rows: ScoredRows, n: int = MAX_PAIRS) -> tuple[ConfusedPair, ...]:
    """The pairs that are confused most often in both directions together, most often first; none if nothing is.

    Raises:
        InputError: for a kind that has no classes.
    """
    outcome = rows.outcome
    if outcome.kind not in KINDS:
        raise InputError(f"Pairs of classes are for classes, but the task is {outcome.kind.value!r}.")
    losses = row_losses(outcome, rows.predictions)
    found = _of_labels(rows, n) if outcome.kind is Kind.MULTILABEL else _of_classes(rows, n)
    return tuple(_pair(rows, losses, places) for places in found)


def _of_classes(rows: ScoredRows, n: int) -> Iterator[_Places]:
    y, said = rows.outcome.y, rows.decided.argmax(axis=1)
    wrong = np.flatnonzero(y != said)
    width = len(rows.outcome.classes)
    key = np.minimum(y, said)[wrong] * width + np.maximum(y, said)[wrong]
    pairs, times = np.unique(key, return_counts=True)
    for pair in pairs[np.argsort(-times, kind="stable")[:n]]:
        a, b = int(pair // width), int(pair % width)
        inside = wrong[key == pair]
        yield _Places(
            (a, b),
            (inside[y[inside] == a], inside[y[inside] == b]),
            (np.flatnonzero((y == a) & (said == a)), np.flatnonzero((y == b) & (said == b))),
            int(((y == a) | (y == b)).sum()),
        )


def _of_labels(rows: ScoredRows, n: int) -> Iterator[_Places]:
    has = rows.outcome.y > 0
    said = np.zeros_like(has)
    said[:, : rows.outcome.n_known] = rows.decided > DECIDED
    missed, added = has & ~said, said & ~has
    one = missed.T.astype(np.float64) @ added.astype(np.float64)
    both = np.triu(one + one.T, 1)
    for place in np.argsort(-both, axis=None, kind="stable")[:n]:
        a, b = (int(i) for i in np.unravel_index(place, both.shape))
        if not both[a, b]:
            return
        yield _Places(
            (a, b),
            (np.flatnonzero(missed[:, a] & added[:, b]), np.flatnonzero(missed[:, b] & added[:, a])),
            (
                np.flatnonzero(has[:, a] & said[:, a] & ~has[:, b]),
                np.flatnonzero(has[:, b] & said[:, b] & ~has[:, a]),
            ),
            int((has[:, a] | has[:, b]).sum()),
        )


def _pair(rows: ScoredRows, losses: NDArray[np.float64], places: _Places) -> ConfusedPair:
    examples = []
    for confused, right in zip(places.confused, places.right, strict=True):
        surest = right[np.argsort(losses[right], kind="stable")[:EXAMPLES]]
        examples.append(rows_shown(rows, confused if len(confused) else surest, EXAMPLES))
    (a, b), (first, second) = places.codes, places.confused
    return ConfusedPair(
        (str(rows.outcome.classes[a]), str(rows.outcome.classes[b])),
        (len(first), len(second)),
        places.n_rows,
        (examples[0], examples[1]),
        (not len(first), not len(second)),
    )


def rows_shown(rows: ScoredRows, positions: Int, n: int) -> pd.DataFrame:
    """``largest_errors`` of some rows."""
    return largest_errors(
        rows.outcome.take(positions),
        rows.predictions[positions],
        [rows.ids[i] for i in positions],
        n=n,
        decided=rows.decided[positions],
    )
