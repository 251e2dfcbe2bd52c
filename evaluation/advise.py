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
from scipy.special import expit, logsumexp, softmax
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from artifacts.advice_report import Advice, Verdict
from artifacts.errors import InputError
from artifacts.schema import Kind
from evaluation.edits import Change

Float = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVEL = 0.9  # of intervals
FALSE_SHARE = 0.05  # of the changes that are advised may be chance
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
        hidden: (n, n_parameters) what no version shows of each, such as what a calibration hides (``Worth.hidden``) and
            ``disagreement``: a bias of the length of the row; that of a mean effect is of the mean row.
    """

    changes: Sequence[Change]
    row: NDArray[np.int64]
    before: Float
    after: Float
    placebo_effects: Float
    supported: Bools
    moved: Float
    hidden: Float

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
            self.hidden[chosen],
        )


def one_score(kind: Kind, link: Float, output: int = 0) -> Float:
    """The number (...,) that advice moves, of link scores (..., n_link): the value, or the log-odds of a class."""
    if kind is Kind.MULTICLASS:
        others = np.delete(link, output, axis=-1)
        return np.asarray(link[..., output] - logsumexp(others, axis=-1))
    return np.asarray(link[..., output if kind is Kind.MULTILABEL else 0])


def parts_of_score(kind: Kind, values: Float, link: Float, output: int = 0) -> Float:
    """What contributions to link scores are of ``one_score``.

    Other classes take from the log-odds of a class what they win, to first order by their share of the others.

    Args:
        kind: of the task.
        values: contributions (n_samples, n_groups, n_link).
        link: the link scores that they explain (n_samples, n_link).
        output: position of the class or label.

    Returns:
        (n_samples, n_groups).
    """
    if kind is not Kind.MULTICLASS:
        return np.asarray(values[..., output if kind is Kind.MULTILABEL else 0])
    share = softmax(np.where(np.arange(link.shape[1]) == output, -np.inf, link), axis=1)
    return np.asarray(values[..., output] - np.einsum("ngk,nk->ng", values, share))


def natural(kind: Kind, score: Float) -> Float:
    """Scores of ``one_score`` as values, or as probabilities."""
    return score if kind is Kind.REGRESSION else np.asarray(expit(score))


def disagreement(weights: Float, effects: Float) -> Float:
    """What the choice of a family of models leaves open of effects: (n, n_members), as in ``Trials.hidden``.

    The length of a row is the standard deviation of the members of a blend around their mean. Versions of one blend
    share what each family cannot follow, such as the steps of trees (Draper, Assessment and propagation of model
    uncertainty, 1995).

    Args:
        weights: of the members (n_members,), of sum 1.
        effects: what each member says of each change (n_members, n).
    """
    return np.asarray((np.sqrt(weights)[:, None] * (effects - weights @ effects)).T)


def interval_of_versions(effects: Float, hidden: Float | float = 0.0) -> tuple[Float, Float, Float, Float]:
    """Mean, interval and standard error (n,) of effects (n_versions, n) by models that each lack a group of rows.

    The variance is that of the delete-a-group jackknife, (k - 1)^2 / k times that of the versions: models of folds
    share most of their rows, and so are much more alike than models of new rows would be (Shao and Tu, The jackknife
    and bootstrap, 1995). To it comes the square of what no version shows, ``hidden`` (n,).

    Raises:
        InputError: if there is one version alone.
    """
    k = len(effects)
    if k < 2:
        raise InputError(f"An interval needs at least two versions of a model, but got {k}.")
    mean, spread = effects.mean(axis=0), effects.std(axis=0, ddof=1) * (k - 1) / np.sqrt(k)
    error = np.hypot(spread, hidden)
    half = student.ppf((1 + LEVEL) / 2, k - 1) * error
    return mean, mean - half, mean + half, error


def judged(trials: Trials, kind: Kind, *, raises: bool = True) -> list[Advice]:
    """Each change of one row, with its verdict, in the order of the trials."""
    before, after = (natural(kind, scores.mean(axis=0)) for scores in (trials.before, trials.after))
    once, hidden = np.ones(len(trials.changes), dtype=np.int64), np.linalg.norm(trials.hidden, axis=1)
    return _Tested(
        trials.changes, trials.effects, hidden, trials.placebo_effects, trials.supported, before, after, once
    ).advice(raises)


def judged_over_rows(trials: Trials, kind: Kind, *, raises: bool = True) -> list[Advice]:
    """Each kind of change over the rows that it was possible in, by its mean effect there.

    Rows whose changed version is unlike training rows are left out; where fewer than ``LEAST_ROWS`` are left, the kind
    of change is unseen.
    """
    kinds: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for i, change in enumerate(trials.changes):
        kinds[change.column, change.edit, change.title.en].append(i)
    if not kinds:
        return []
    parts, supported = [], []
    for positions in kinds.values():
        own = np.array(positions)
        fine = own[trials.supported[own]]
        supported.append(len(fine) >= LEAST_ROWS)
        parts.append(trials.some(fine if supported[-1] else own))
    return _Tested(
        [part.changes[0] for part in parts],
        np.stack([part.effects.mean(axis=1) for part in parts], axis=1),
        np.array([np.linalg.norm(part.hidden.mean(axis=0)) for part in parts]),
        np.stack([part.placebo_effects.mean(axis=1) for part in parts], axis=1),
        np.array(supported),
        np.array([natural(kind, part.before.mean(axis=0)).mean() for part in parts]),
        np.array([natural(kind, part.after.mean(axis=0)).mean() for part in parts]),
        np.array([len(np.unique(part.row)) for part in parts]),
    ).advice(raises)


@dataclass(frozen=True)
class _Tested:
    """Changes with what versions (n_versions, n) and placebo models (n_placebos, n) say of them."""

    changes: Sequence[Change]
    effects: Float
    hidden: Float
    placebo_effects: Float
    supported: Bools
    before: Float
    after: Float
    n_rows: NDArray[np.int64]

    def advice(self, raises: bool) -> list[Advice]:
        """A verdict on each."""
        if not len(self.changes):
            return []
        mean, low, high, error = interval_of_versions(self.effects, self.hidden)
        wanted = mean if raises else -mean
        gained = (self.after - self.before) * (1.0 if raises else -1.0)
        as_large = (np.abs(self.placebo_effects) >= np.abs(mean)).sum(axis=0)
        p_placebo = (1 + as_large) / (1 + len(self.placebo_effects))
        sure = self._sure(wanted, error)
        found = []
        for i, change in enumerate(self.changes):
            verdict = Verdict.GIVEN if p_placebo[i] <= P_PLACEBO else Verdict.PLACEBO
            if not self.supported[i]:
                verdict = Verdict.UNSEEN
            elif wanted[i] <= 0 or gained[i] <= 0:  # on either scale: rows may move apart
                verdict = Verdict.WORSE
            elif not sure[i]:
                verdict = Verdict.UNSURE
            numbers = (float(x[i]) for x in (mean, low, high, self.before, self.after, p_placebo))
            effect, least, most, before, after, p = numbers
            found.append(
                Advice(
                    change.edit, change.column, change.title, verdict, effect, least, most, before, after, p,
                    int(self.n_rows[i]),
                )
            )  # fmt: skip
        return found

    def _sure(self, wanted: Float, error: Float) -> Bools:
        """Changes whose effect is larger than is unsure of it, so that of all of them hardly any is chance.

        Benjamini and Hochberg, Controlling the false discovery rate, 1995, over the changes that are like training.
        """
        p = np.where(error > 0, student.sf(wanted / np.where(error > 0, error, 1.0), len(self.effects) - 1), 1.0)
        sure = np.zeros(len(p), dtype=bool)
        if self.supported.any():
            sure[self.supported] = false_discovery_control(p[self.supported]) <= FALSE_SHARE
        return sure


def ranked(advice: Sequence[Advice], *, raises: bool = True) -> tuple[list[Advice], dict[str, int]]:
    """What is given, the largest gain first, one of each edit of a column; how many others have which verdict."""
    given = sorted((one for one in advice if one.verdict is Verdict.GIVEN), key=lambda one: one.gain, reverse=raises)
    best: dict[tuple[str, str], Advice] = {}
    for one in given:
        best.setdefault((one.column, one.edit), one)
    others = Counter(one.verdict.value for one in advice if one.verdict is not Verdict.GIVEN)
    return list(best.values()), dict(others)
