"""Presets over several tasks: mean ranks, win rates, and whether they differ (Demsar, JMLR 7, 2006).

A task is one observation, whatever its metric: only the order of the presets on it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError

Float = NDArray[np.float64]
MIN_TASKS = 3  # for a critical difference
ALPHA = 0.05


@dataclass(frozen=True)
class TaskRanks:
    """Ranks of ``presets`` (k,), best mean rank first, over ``tasks`` (n,).

    ``ranks`` is (n, k), 1 for the best, ties share their mean; ``mean_ranks`` and ``win_rates`` are (k,). A win rate is
    the share of encounters with another preset on a task that were won, a tie counting half. ``test`` names the
    test of the hypothesis that all presets are equal, ``p_value`` is its result. Two presets whose mean ranks are
    closer than ``critical_difference`` are not told apart; ``cliques`` are first and last position of each longest
    stretch of such presets. Without enough tasks, ``critical_difference`` and ``p_value`` are NaN and ``why_not`` says
    the reason.
    """

    presets: tuple[str, ...]
    tasks: tuple[str, ...]
    ranks: Float
    mean_ranks: Float
    win_rates: Float
    left_out: tuple[str, ...] = ()
    test: str = ""
    p_value: float = float("nan")
    critical_difference: float = float("nan")
    cliques: tuple[tuple[int, int], ...] = ()
    why_not: str = ""


def rank_tasks(scores: Mapping[str, Mapping[str, float]]) -> TaskRanks:
    """Ranks over the tasks that have the same set of presets.

    The set is the one that most tasks have (of equals, the larger); tasks without it are ``left_out``, and presets that
    are not in it do not count.

    Args:
        scores: task to preset to score, larger is better; NaN is worse than any number.

    Raises:
        InputError: if no two presets were fitted on one task.
    """
    from scipy.stats import rankdata

    common = _common_presets(scores)
    tasks = tuple(task for task, of_task in scores.items() if common <= set(of_task))
    names = sorted(common)
    table = np.array([[scores[task][name] for name in names] for task in tasks], dtype=np.float64)
    ranks = rankdata(np.where(np.isnan(table), np.inf, -table), axis=1)
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    ranks = ranks[:, order]
    k = len(names)
    means = ranks.mean(axis=0)
    found = TaskRanks(
        presets=tuple(names[i] for i in order),
        tasks=tasks,
        ranks=ranks,
        mean_ranks=means,
        # The rank is 1 + losses + half of the ties, so the encounters won are k - rank.
        win_rates=(k - means) / (k - 1),
        left_out=tuple(task for task in scores if task not in tasks),
    )
    if len(tasks) < MIN_TASKS:
        return replace(found, why_not="tasks_few")
    test, p_value = _test_of_equality(ranks)
    difference = critical_difference(k, len(tasks))
    return replace(
        found, test=test, p_value=p_value, critical_difference=difference, cliques=_cliques(means, difference)
    )


def critical_difference(n_presets: int, n_tasks: int, alpha: float = ALPHA) -> float:
    """The least difference of mean ranks that Nemenyi's test takes for one, at level ``alpha``.

    Raises:
        InputError: if there are fewer than two presets or no task.
    """
    from scipy.stats import studentized_range

    if n_presets < 2 or n_tasks < 1:
        raise InputError(f"Ranks need two presets and a task at least, but got {n_presets} and {n_tasks}.")
    quantile = float(studentized_range.ppf(1.0 - alpha, n_presets, np.inf)) / np.sqrt(2.0)
    return float(quantile * np.sqrt(n_presets * (n_presets + 1) / (6.0 * n_tasks)))


def _common_presets(scores: Mapping[str, Mapping[str, float]]) -> set[str]:
    sets = [set(of_task) for of_task in scores.values() if len(of_task) > 1]
    if not sets:
        raise InputError("No task has runs of two presets, so there is nothing to rank. Fit another preset on one.")
    return max(sets, key=lambda wanted: (sum(wanted <= set(of_task) for of_task in scores.values()), len(wanted)))


def _test_of_equality(ranks: Float) -> tuple[str, float]:
    """Name and p-value of the test that all presets are equal; the sign test where there are two of them."""
    from scipy.stats import binomtest, friedmanchisquare

    if (ranks == ranks[:, :1]).all():  # ties everywhere: both tests would divide by zero
        return ("friedman" if ranks.shape[1] > 2 else "sign"), 1.0
    if ranks.shape[1] > 2:
        return "friedman", float(friedmanchisquare(*ranks.T).pvalue)
    wins, losses = (int((ranks[:, 0] < ranks[:, 1]).sum()), int((ranks[:, 0] > ranks[:, 1]).sum()))
    return "sign", float(binomtest(wins, wins + losses).pvalue)


def _cliques(means: Float, difference: float) -> tuple[tuple[int, int], ...]:
    """Longest stretches of at least two presets, in the order of their ranks, that are not told apart."""
    ends = [int(np.flatnonzero(means - mean < difference)[-1]) for mean in means]
    found: list[tuple[int, int]] = []
    for first, last in enumerate(ends):
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return tuple(found)
