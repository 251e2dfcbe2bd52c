"""From changed rows and what models say of them to advice, or to the reason why there is none.

A change is advised if the changed row is like training rows, the model expects it to help by more than the models of
different folds differ, and models of a shuffled outcome hardly ever find an effect as large. It is what the model
expects: an association that was held against what else is known of a row, not a promise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp
from scipy.stats import t as student

from artifacts.advice_report import Advice, Verdict
from artifacts.errors import InputError
from artifacts.schema import Kind
from evaluation.edits import Change

Float = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVEL = 0.9  # of intervals
P_PLACEBO = 0.1  # of models of a shuffled outcome may find as much
LEAST_ROWS = 5  # that a change was possible in, for advice about many rows


@dataclass(frozen=True)
class Trials:
    """Changes and what models say of them.

    Args:
        changes: n of them.
        row: (n,) position of the row that each is of.
        before: scores of the unchanged row of each change (n_versions, n), see ``one_score``.
        after: of the changed rows, likewise.
        placebo_effects: what models of a shuffled outcome say that each change does (n_placebos, n).
        supported: (n,) whether the changed row is like training rows.
        moved: (n, 2) the quantity that shows each change, before and after; NaN where none does.
    """

    changes: Sequence[Change]
    row: NDArray[np.int64]
    before: Float
    after: Float
    placebo_effects: Float
    supported: Bools
    moved: Float

    @property
    def effects(self) -> Float:
        """What each version says that each change does (n_versions, n)."""
        return self.after - self.before

    def some(self, chosen: NDArray[np.int64]) -> Trials:
        """Some of the changes, by position."""
        return Trials(
            [self.changes[i] for i in chosen],
            self.row[chosen],
            self.before[:, chosen],
            self.after[:, chosen],
            self.placebo_effects[:, chosen],
            self.supported[chosen],
            self.moved[chosen],
        )


def one_score(kind: Kind, link: Float, output: int = 0) -> Float:
    """The number (...,) that advice moves, of link scores (..., n_link): the value, or the log-odds of a class."""
    if kind is Kind.MULTICLASS:
        others = np.delete(link, output, axis=-1)
        return np.asarray(link[..., output] - logsumexp(others, axis=-1))
    return np.asarray(link[..., output if kind is Kind.MULTILABEL else 0])


def natural(kind: Kind, score: Float) -> Float:
    """Scores of ``one_score`` as values, or as probabilities."""
    return score if kind is Kind.REGRESSION else np.asarray(expit(score))


def interval_of_versions(effects: Float) -> tuple[Float, Float, Float]:
    """Mean and interval (n,) of effects (n_versions, n) by models that each lack one of k groups of rows.

    The variance is that of the delete-a-group jackknife, (k - 1)^2 / k times that of the versions: models of folds
    share most of their rows, and so are much more alike than models of new rows would be (Shao and Tu, The jackknife
    and bootstrap, 1995).

    Raises:
        InputError: if there is one version alone.
    """
    k = len(effects)
    if k < 2:
        raise InputError(f"An interval needs at least two versions of a model, but got {k}.")
    mean, spread = effects.mean(axis=0), effects.std(axis=0, ddof=1)
    half = student.ppf((1 + LEVEL) / 2, k - 1) * spread * (k - 1) / np.sqrt(k)
    return mean, mean - half, mean + half


def judged(trials: Trials, kind: Kind, *, raises: bool = True) -> list[Advice]:
    """Each change of one row, with its verdict, in the order of the trials."""
    if not trials.changes:
        return []
    mean, low, high = interval_of_versions(trials.effects)
    before, after = (natural(kind, scores.mean(axis=0)) for scores in (trials.before, trials.after))
    p_placebo = _p_values(trials.placebo_effects, mean)
    return [
        Advice(
            change.edit,
            change.column,
            change.title,
            _verdict(bool(trials.supported[i]), (mean[i], low[i], high[i]), p_placebo[i], raises),
            effect=float(mean[i]),
            low=float(low[i]),
            high=float(high[i]),
            before=float(before[i]),
            after=float(after[i]),
            p_placebo=float(p_placebo[i]),
        )
        for i, change in enumerate(trials.changes)
    ]


def judged_over_rows(trials: Trials, kind: Kind, *, raises: bool = True) -> list[Advice]:
    """Each kind of change over the rows that it was possible in, by its mean effect there.

    Rows whose changed version is unlike training rows are left out; where fewer than ``LEAST_ROWS`` are left, the kind
    of change is unseen.
    """
    kinds: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for i, change in enumerate(trials.changes):
        kinds[change.column, change.edit, change.title.en].append(i)
    found = []
    for positions in kinds.values():
        own = np.array(positions)
        fine = own[trials.supported[own]]
        enough = len(fine) >= LEAST_ROWS
        part = trials.some(fine if enough else own)
        mean, low, high = (float(x[0]) for x in interval_of_versions(part.effects.mean(axis=1, keepdims=True)))
        p = float(_p_values(part.placebo_effects.mean(axis=1, keepdims=True), np.array([mean]))[0])
        change = part.changes[0]
        found.append(
            Advice(
                change.edit,
                change.column,
                change.title,
                _verdict(enough, (mean, low, high), p, raises),
                effect=mean,
                low=low,
                high=high,
                before=float(natural(kind, part.before.mean(axis=0)).mean()),
                after=float(natural(kind, part.after.mean(axis=0)).mean()),
                p_placebo=p,
                n_rows=len(np.unique(part.row)),
            )
        )
    return found


def ranked(advice: Sequence[Advice], *, raises: bool = True) -> tuple[list[Advice], dict[str, int]]:
    """What is given, the largest gain first, one of each edit of a column; how many others have which verdict."""
    given = sorted((one for one in advice if one.verdict is Verdict.GIVEN), key=lambda one: one.gain, reverse=raises)
    best: dict[tuple[str, str], Advice] = {}
    for one in given:
        best.setdefault((one.column, one.edit), one)
    others = Counter(one.verdict.value for one in advice if one.verdict is not Verdict.GIVEN)
    return list(best.values()), dict(others)


def _p_values(placebo: Float, effects: Float) -> Float:
    """Share (n,) of placebo models, and one more, whose effect (n_placebos, n) is as large as the model's (n,)."""
    as_large = (np.abs(placebo) >= np.abs(effects)).sum(axis=0)
    return np.asarray((1 + as_large) / (1 + len(placebo)))


def _verdict(supported: bool, effect: tuple[float, float, float], p_placebo: float, raises: bool) -> Verdict:
    mean, low, high = effect if raises else (-effect[0], -effect[2], -effect[1])
    if not supported:
        return Verdict.UNSEEN
    if mean <= 0:
        return Verdict.WORSE
    if low <= 0 or high <= low:
        return Verdict.UNSURE
    return Verdict.PLACEBO if p_placebo > P_PLACEBO else Verdict.GIVEN
