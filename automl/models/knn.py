"""Nearest neighbours: rows like this one, by embeddings and characteristics, vote on the outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.matrix import check_same_features
from automl.models.neighbour_space import Space
from automl.models.output import Output
from automl.models.shapley import EVALUATIONS, MOST_EXACT, shapley_of_sums
from automl.models.solvers import threads

if TYPE_CHECKING:
    import optuna

Single = NDArray[np.float32]
Int = NDArray[np.int64]

NEIGHBOURS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
TEMPERATURES = (0.01, 0.03, 0.1, 0.3, 10.0)
PRIOR_VOTES = (0.1, 0.3, 1.0, 3.0, 10.0)
MOST_SWEPT = 3000  # rows that the best number of neighbours is looked for on
MOST_FOR_AXES = 5000  # rows that the main axes of embeddings come from
TIE = 1e-6  # of similarity: of rows that are equally near, the heavier ones vote
PRODUCTS = 1e10  # a second, of two ordinary cores, with the choice of the nearest
SIMILARITIES_AT_ONCE = 1 << 24  # of all players together


@dataclass(frozen=True)
class KNNParams:
    """``neighbours``, ``temperature`` and ``prior_votes`` None are chosen together, on ``valid`` or by leaving one out.

    The vote of a neighbour falls by e for each ``temperature`` that it is less similar than the nearest one;
    ``prior_votes`` votes go to the base rate. ``components``: main axes kept of each embedding.
    ``table_weight``: of all characteristics together, beside 1 for an embedding.
    """

    neighbours: int | None = None
    temperature: float | None = None
    prior_votes: float | None = None
    components: int = 128
    table_weight: float = 1.0


class KNNModel(Model):
    """Weighted votes of the nearest training rows, by exact search; similarity is that of ``Space``.

    Embeddings are centred, cut to their main axes and compared by cosine. A source that a row lacks is as far from
    all rows, so it does not choose among them. Contributions are Shapley values of sources in the
    game "predict without the others" (see ``shapley``), whose empty coalition is the base rate.
    """

    name: ClassVar[str] = "knn"

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that leaves no time to compare all rows leaves the best constant prediction."""
        chosen = settings(KNNParams, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome)
        self.space_: Space | None = None
        self.votes_ = Votes(1, 1.0, 1.0)
        if self.output_.learnable and self.features_ and not _too_late(train, valid, chosen.components, deadline):
            with threads(self.n_threads):
                self._learn(chosen, train, valid)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        return self

    def _learn(self, chosen: KNNParams, train: Examples, valid: Examples | None) -> None:
        y, weight = self.output_.encode(train.outcome)
        rows = np.flatnonzero(weight > 0)
        table = train.table.take(rows)
        rng = np.random.default_rng(self.seed)
        some = np.sort(rng.permutation(len(rows))[:MOST_FOR_AXES])
        space = Space.of(table, n_components=chosen.components, table_weight=chosen.table_weight, rows=some)
        if not space.varying.any():
            return  # no column tells rows apart
        self.space_ = space
        self._remember(space.points(table), y[rows], weight[rows])
        held = None if valid is None else Asked(space.points(valid.table), *self.output_.encode(valid.outcome))
        if held is None or not held.weight.sum() > 0:
            own = np.sort(rng.permutation(len(rows))[:MOST_SWEPT])
            held = Asked(self.points_[own], y[rows][own], weight[rows][own], own)
        else:
            held = held.first(np.sort(rng.permutation(len(held.y))[:MOST_SWEPT]))
        self.votes_ = self._best_votes(chosen, held)

    def _remember(self, points: Single, y: Float, weight: Float) -> None:
        self.points_, self.y_, self.weight_ = points, y, weight
        self._half = 0.5 * np.square(points).sum(axis=1)
        self._first = np.asarray(TIE * weight / weight.max(), dtype=np.float32)

    # -- votes ------------------------------------------------------------------------------------

    def _best_votes(self, chosen: KNNParams, held: Asked) -> Votes:
        """The votes with the smallest loss on held rows."""
        most = min(max(NEIGHBOURS) if chosen.neighbours is None else chosen.neighbours, len(self.y_) - 1)
        if most < 1 or not len(held.y):
            return Votes(1, 1.0, 1.0)
        found = [self._nearest(part, most, own) for part, own in held.chunks(len(self.y_))]
        similarity, nearest = (np.concatenate(parts) for parts in zip(*found, strict=True))
        ks = [k for k in NEIGHBOURS if k <= most] if chosen.neighbours is None else [most]
        best, lowest = Votes(1, 1.0, 1.0), np.inf
        temperatures = TEMPERATURES if chosen.temperature is None else (chosen.temperature,)
        for temperature in temperatures:
            for k, prior_votes in product(ks, PRIOR_VOTES if chosen.prior_votes is None else (chosen.prior_votes,)):
                votes = Votes(k, temperature, prior_votes)
                each = self._losses(votes, similarity[:, :k], nearest[:, :k], held.y)
                loss = float((held.weight * each).sum())
                if loss < lowest:
                    best, lowest = votes, loss
        return best

    def _losses(self, votes: Votes, similarity: Single, nearest: Int, y: Float) -> Float:
        vote = votes.of(similarity, self.weight_[nearest])
        total = vote.sum(axis=1) + votes.prior
        if self.output_.kind is Kind.MULTICLASS:
            prior = softmax(np.array(self.output_.prior))[y.astype(np.int64)]
            hits = (vote * (self.y_[nearest] == y[:, None])).sum(axis=1)
            return np.asarray(-np.log((hits + votes.prior * prior) / total))
        mean = ((vote * self.y_[nearest]).sum(axis=1) + votes.prior * self._prior) / total
        if self.output_.kind is Kind.REGRESSION:
            return np.asarray(np.square(mean - y))
        return np.asarray(-y * np.log(mean) - (1.0 - y) * np.log1p(-mean))

    @property
    def _prior(self) -> float:
        """Mean target of the base rate; of a regression 0, as its target is centred."""
        prior = self.output_.prior[0]
        return prior if self.output_.kind is Kind.REGRESSION else float(expit(prior))

    def _raw(self, similarity: Single) -> Float:
        """Raw scores (n_samples, n_raw) for similarities to all training rows (n_samples, n_train)."""
        k = min(self.votes_.neighbours, len(self.y_))
        similarity, nearest = _largest(similarity + self._first, k)
        vote = self.votes_.of(similarity, self.weight_[nearest])
        total = vote.sum(axis=1) + self.votes_.prior
        if self.output_.kind is Kind.MULTICLASS:
            share = np.zeros((len(vote), self.output_.n_raw))
            rows = np.repeat(np.arange(len(vote)), k)
            np.add.at(share, (rows, self.y_[nearest].astype(np.int64).ravel()), vote.ravel())
            prior = softmax(np.array(self.output_.prior))
            return np.asarray(np.log((share + self.votes_.prior * prior) / total[:, None]))
        mean = ((vote * self.y_[nearest]).sum(axis=1) + self.votes_.prior * self._prior) / total
        return np.asarray(mean if self.output_.kind is Kind.REGRESSION else logit(mean))[:, None]

    def _nearest(self, points: Single, k: int, own: Int | None) -> tuple[Single, Int]:
        similarity = self._similarity(points, slice(None))
        if own is not None:  # a row is no neighbour of itself
            similarity[np.arange(len(points)), own] = -np.inf
        return _largest(similarity + self._first, k)

    def _similarity(self, points: Single, columns: slice | Int) -> Single:
        """Half the squared distance to each training row in some columns, less than 0."""
        part, known = points[:, columns], self.points_[:, columns]
        half = self._half if isinstance(columns, slice) else 0.5 * np.square(known).sum(axis=1)
        found = part @ known.T
        found -= half
        found -= 0.5 * np.square(part).sum(axis=1, keepdims=True)
        return np.asarray(found)

    # -- the contract -----------------------------------------------------------------------------

    def decide(self, table: FeatureTable) -> Float:
        """See ``Model.decide``."""
        _ = self.fitted_kind
        check_same_features(self.name, self.features_, table)
        return self.output_.link(self._decide_raw(table))

    def _decide_raw(self, table: FeatureTable) -> Float:
        if self.space_ is None or not table.n_samples:
            return self.output_.constant(table.n_samples)
        points = self.space_.points(table)
        with threads(self.n_threads):
            parts = [self._raw(self._similarity(part, slice(None))) for part in _chunks(points, len(self.y_))]
        return np.concatenate(parts)

    def contributions(self, table: FeatureTable, groups: NDArray[np.int64], names: Sequence[str]) -> Explanation:
        """See ``Model.contributions``. An embedding whose features are in several groups is shared by their numbers."""
        unit = LINK_UNITS[self.fitted_kind]
        check_same_features(self.name, self.features_, table)
        raw = np.zeros((table.n_samples, len(names), self.output_.n_raw))
        method = "the base rate alone"
        if self.space_ is not None:
            players, shares = self.space_.players(table, np.asarray(groups), len(names))
            points, scores = self.space_.points(table), self._decide_raw(table)
            size = max(1, SIMILARITIES_AT_ONCE // (len(self.y_) * max(1, len(players))))
            with threads(self.n_threads):
                for start in range(0, table.n_samples, size):
                    rows = slice(start, start + size)
                    parts = np.stack([self._similarity(points[rows], columns) for columns in players])
                    base = self.output_.constant(len(points[rows]))
                    found = shapley_of_sums(parts, self._raw, base, scores[rows], seed=self.seed)
                    raw[rows] = np.einsum("npk,pg->ngk", found, shares)
            method = (
                "exact Shapley values over sources"
                if len(players) <= MOST_EXACT
                else f"Shapley values over {len(players)} parts, from {max(2, EVALUATIONS // len(players))} orders"
            )
        values, base = self.output_.link_parts(raw, np.array(self.output_.prior))
        return Explanation(tuple(names), values, base, unit, f"{method}; what is left out does not choose neighbours")

    def save(self, folder: Path) -> None:
        """Write ``rows.npz`` (not for a constant prediction), ``space.npz`` and ``model.json``."""
        _ = self.fitted_kind
        save_arrays(folder / "space.npz", {} if self.space_ is None else self.space_.arrays())
        if self.space_ is not None:
            save_arrays(folder / "rows.npz", {"points": self.points_, "y": self.y_, "weight": self.weight_})
        extra = {"votes": list(vars(self.votes_).values()), "learned": self.space_ is not None}
        Description(self.name, self.params, self.seed, self.features_, self.output_, extra).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See ``Model.load``."""
        found = Description.load(folder, cls)
        model = cls(found.params, seed=found.seed)
        model.features_, model.output_, model.space_ = found.features, found.output, None
        model.votes_ = Votes(*found.extra["votes"])
        if found.extra["learned"]:
            model.space_ = Space.from_arrays(load_arrays(folder / "space.npz"))
            rows = load_arrays(folder / "rows.npz")
            model._remember(rows["points"], rows["y"], rows["weight"])
        found.apply(model)
        return model

    @classmethod
    def suggest(cls, trial: optuna.Trial, outcome: Outcome, table: FeatureTable) -> dict[str, Any]:
        """How embeddings are cut and characteristics weigh; the votes stay chosen by the sweep."""
        return {
            "components": trial.suggest_int("knn.components", 16, 512, log=True),
            "table_weight": trial.suggest_float("knn.table_weight", 0.1, 10.0, log=True),
        }

    def params_for_refit(self, fitted: Sequence[Self]) -> dict[str, Any]:
        """The medians of the folds' votes."""
        votes = [model.votes_ for model in fitted]
        return {
            **self.params,
            "neighbours": max(1, round(median_of([v.neighbours for v in votes]))),
            "temperature": median_of([v.temperature for v in votes]),
            "prior_votes": median_of([v.prior for v in votes]),
        }


@dataclass(frozen=True)
class Votes:
    """How many neighbours vote, how their votes fall with similarity, and the votes of the base rate."""

    neighbours: int
    temperature: float
    prior: float

    def of(self, similarity: Single, weight: Float) -> Float:
        """Votes (n_samples, k) of neighbours, nearest first."""
        off = (similarity - similarity[:, :1]).astype(np.float64)
        return np.asarray(np.exp(off / self.temperature) * weight)


@dataclass(frozen=True)
class Asked:
    """Held rows: their points, targets and weights; ``own`` are their positions among the training rows, if there."""

    points: Single
    y: Float
    weight: Float
    own: Int | None = None

    def first(self, rows: Int) -> Asked:
        """Some of the rows."""
        return Asked(self.points[rows], self.y[rows], self.weight[rows])

    def chunks(self, n_train: int) -> Iterator[tuple[Single, Int | None]]:
        """Points in pieces, with ``own``."""
        start = 0
        for part in _chunks(self.points, n_train):
            yield part, None if self.own is None else self.own[start : start + len(part)]
            start += len(part)


def _too_late(train: Examples, valid: Examples | None, components: int, deadline: float | None) -> bool:
    """Whether the main axes and the comparison with the rows held back would not end in time, by a rough count."""
    table = train.table
    axes = sum(len(block.features) ** 2 for block in table.blocks if block.is_opaque)
    columns = sum(min(len(block.features), components) for block in table.blocks)
    asked = 2 * valid.n_samples if valid is not None else MOST_SWEPT
    seconds = (axes * min(table.n_samples, MOST_FOR_AXES) + 1.0 * table.n_samples * asked * columns) / PRODUCTS
    return deadline is not None and time.monotonic() + seconds > deadline


def _chunks(points: Single, n_train: int) -> Iterator[Single]:
    size = max(1, SIMILARITIES_AT_ONCE // max(1, n_train))
    return (points[start : start + size] for start in range(0, len(points), size))


def _largest(similarity: Single, k: int) -> tuple[Single, Int]:
    """The ``k`` largest of each row and where they are, the largest first."""
    n = similarity.shape[1]
    found = (
        np.argpartition(similarity, n - k, axis=1)[:, n - k :] if k < n else np.tile(np.arange(n), (len(similarity), 1))
    )
    values = np.take_along_axis(similarity, found, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(found, order, axis=1)
