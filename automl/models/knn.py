"""Nearest neighbours: rows like this one, by embeddings and characteristics, vote on the outcome."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit, logit, softmax

from artifacts.errors import InputError
from artifacts.examples import Examples
from artifacts.explanation import Explanation
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.base import LINK_UNITS, Float, Model
from automl.models.description import Description, feature_names, load_arrays, median_of, save_arrays, settings
from automl.models.matrix import check_same_features
from automl.models.neighbour_space import Space
from automl.models.output import Output, OutputParams, suggest_output
from automl.models.shapley import MOST_EXACT, n_orders, shapley_of_sums
from automl.models.solvers import threads
from automl.models.votes import SIMILARITIES_AT_ONCE, Asked, Votes, chunks, largest

if TYPE_CHECKING:
    import optuna

Single = NDArray[np.float32]
Int = NDArray[np.int64]

NEIGHBOURS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
TEMPERATURES = (0.01, 0.03, 0.1, 0.3, 10.0)
PRIOR_VOTES = (0.1, 0.3, 1.0, 3.0, 10.0)
MOST_SWEPT = 3000  # rows that the best number of neighbours is looked for on
MOST_SAID = 1 << 22  # targets of their neighbours in memory, where there are many labels
LEAST_HELD = 400  # with fewer, the best of 250 settings on them would flatter their scores
CANDIDATES = 1000  # training rows that a prediction is explained with: the nearest half, and a random one
MOST_FOR_AXES = 5000  # rows that the main axes of embeddings come from
PRODUCTS = 1e10  # a second, of two ordinary cores, with the choice of the nearest


@dataclass(frozen=True)
class KNNParams(OutputParams):
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

    Embeddings are centred, cut to their main axes and compared by cosine. An embedding that a row lacks is as far
    from all rows, so it does not choose among them. Rows as near as the last neighbour share its vote, so that
    with given votes neither their order nor what else is asked matters. Contributions are Shapley values of sources
    in the game "predict without the others" (see ``shapley``), whose empty coalition is the base rate.
    """

    name: ClassVar[str] = "knn"
    settings: ClassVar[type[Any]] = KNNParams

    def fit(self, train: Examples, valid: Examples | None = None, *, deadline: float | None = None) -> Self:
        """See ``Model.fit``. A deadline that leaves no time to compare all rows leaves the best constant prediction."""
        chosen = settings(KNNParams, self.name, self.params)
        self.features_ = feature_names(train.table)
        self.output_ = Output.of(train.outcome, chosen)
        self.space_: Space | None = None
        self.votes_ = Votes(1, 1.0, 1.0)
        if chosen.components < 1:
            raise InputError(f"Model {self.name!r} needs components of at least 1, but got {chosen.components}.")
        late = deadline is not None and time.monotonic() >= deadline
        if self.output_.learnable and self.features_ and not late:
            with threads(self.n_threads):
                self._learn(chosen, train, valid, deadline)
        self.kind, self.n_outputs = train.outcome.kind, train.outcome.n_outputs
        self.hold_means(valid or train)
        return self

    def _learn(self, chosen: KNNParams, train: Examples, valid: Examples | None, deadline: float | None) -> None:
        y, weight = self.output_.encode(train.outcome)
        rows = np.flatnonzero(weight > 0)
        table = train.table.take(rows)
        rng = np.random.default_rng(self.seed)
        some = np.sort(rng.permutation(len(rows))[:MOST_FOR_AXES])
        space = Space.of(table, n_components=chosen.components, table_weight=chosen.table_weight, rows=some)
        if not space.varying.any():
            return  # no column tells rows apart
        asked = MOST_SWEPT + (0 if valid is None else valid.n_samples)
        if deadline is not None and time.monotonic() + len(rows) * asked * len(space.scale) / PRODUCTS > deadline:
            return
        self.space_ = space
        self._remember(space.points(table), y[rows], weight[rows])
        labels = self.y_.shape[1] if self.y_.ndim > 1 else 1
        swept = min(MOST_SWEPT, max(LEAST_HELD, MOST_SAID // (max(NEIGHBOURS) * labels)))
        held = None if valid is None else Asked(space.points(valid.table), *self.output_.encode(valid.outcome))
        if held is None or np.count_nonzero(held.weight) < LEAST_HELD:
            own = np.sort(rng.permutation(len(rows))[:swept])
            held = Asked(self.points_[own], y[rows][own], weight[rows][own], own)
        else:
            held = held.first(np.sort(rng.permutation(len(held.y))[:swept]))
        self.votes_ = self._best_votes(chosen, held)

    def _remember(self, points: Single, y: Float, weight: Float) -> None:
        self.points_, self.y_, self.weight_ = points, y, weight
        self._half = self._space.half_norms(points, np.arange(points.shape[1]))

    # -- votes ------------------------------------------------------------------------------------

    def _best_votes(self, chosen: KNNParams, held: Asked) -> Votes:
        """The votes with the smallest loss on held rows."""
        most = min(max(NEIGHBOURS) if chosen.neighbours is None else chosen.neighbours, len(self.y_) - 1)
        if most < 1 or not len(held.y):
            return Votes(1, 1.0, 1.0)
        found = [self.nearest(part, most, own) for part, own in held.chunks(len(self.y_))]
        similarity, nearest = (np.concatenate(parts) for parts in zip(*found, strict=True))
        ks = [k for k in NEIGHBOURS if k <= most] if chosen.neighbours is None else [most]
        best, lowest = Votes(1, 1.0, 1.0), np.inf
        temperatures = TEMPERATURES if chosen.temperature is None else (chosen.temperature,)
        said = self._said(nearest, held.y)
        for temperature in temperatures:
            vote = Votes(most, temperature, 1.0).of(similarity, self.weight_[nearest])
            totals, sums = np.cumsum(vote, axis=1), np.cumsum(vote[..., None] * said, axis=1)
            for k, prior_votes in product(ks, PRIOR_VOTES if chosen.prior_votes is None else (chosen.prior_votes,)):
                mean = sums[:, k - 1] + prior_votes * self._prior_of(held.y)
                mean /= totals[:, k - 1, None] + prior_votes
                loss = float((held.weight * self._losses(mean, held.y)).sum())
                if loss < lowest:
                    best, lowest = Votes(k, temperature, prior_votes), loss
        return best

    def _said(self, nearest: Int, y: Float) -> Float:
        """What neighbours say (n_samples, k, n): their targets, or of many classes whether theirs is the true one."""
        said = self.y_[nearest]
        if self.output_.kind is Kind.MULTICLASS:
            said = (said == y[:, None]).astype(np.float64)
        return said if said.ndim == 3 else said[..., None]

    def _losses(self, mean: Float, y: Float) -> Float:
        """Loss (n_samples,) of what the votes say on average (n_samples, n)."""
        if self.output_.kind is Kind.MULTICLASS:
            return np.asarray(-np.log(mean[:, 0]))
        y = y.reshape(mean.shape)
        if self.output_.kind is Kind.REGRESSION:
            return np.asarray(np.square(mean - y)[:, 0])
        return np.asarray((-y * np.log(mean) - (1.0 - y) * np.log1p(-mean)).sum(axis=1))

    def _prior_of(self, y: Float) -> Float:
        """What the base rate says: of many classes the share of the true one, (n_samples, 1)."""
        return self._prior[y.astype(np.int64)][:, None] if self.output_.kind is Kind.MULTICLASS else self._prior

    @property
    def _prior(self) -> Float:
        """Mean target of the base rate (n_raw,); of a regression 0, as its target is centred."""
        prior = np.array(self.output_.prior)
        if self.output_.kind is Kind.MULTICLASS:
            return np.asarray(softmax(prior))
        return prior if self.output_.kind is Kind.REGRESSION else np.asarray(expit(prior))

    def _raw(self, similarity: Single, among: Int | None = None) -> Float:
        """Raw scores (n_samples, n_raw) for similarities (n_samples, n) to training rows, or to those in ``among``."""
        row, column, vote = self.votes_.cast(similarity)
        known = column if among is None else among[row, column]
        vote = vote * self.weight_[known]
        n, prior = len(similarity), self.votes_.prior
        total = np.bincount(row, vote, minlength=n) + prior
        k = self.output_.n_raw
        if self.output_.kind is Kind.MULTICLASS:
            share = np.bincount(row * k + self.y_[known].astype(np.int64), vote, minlength=n * k).reshape(n, k)
            return np.asarray(np.log((share + prior * self._prior) / total[:, None]))
        cast = csr_array((vote, (row, known)), shape=(n, len(self.y_)))
        mean = (cast @ self.y_.reshape(-1, k) + prior * self._prior) / total[:, None]
        return np.asarray(mean if self.output_.kind is Kind.REGRESSION else logit(mean))

    def nearest(self, points: Single, k: int, own: Int | None) -> tuple[Single, Int]:
        """Similarities and positions (n_samples, k) of the nearest training rows, the nearest first.

        ``own`` are the positions of the asked rows themselves, if they are training rows: none is its own neighbour.
        """
        similarity = self._similarity(points)
        if own is not None:  # a row is no neighbour of itself
            similarity[np.arange(len(points)), own] = -np.inf
        return largest(similarity, k)

    def _similarity(self, points: Single, columns: Int | None = None) -> Single:
        """Less half the squared distance to each training row, in some columns."""
        if columns is None:
            columns, half, part, known = np.arange(points.shape[1]), self._half, points, self.points_
        else:
            half = self._space.half_norms(self.points_, columns)
            part, known = points[:, columns], self.points_[:, columns]
        found = part @ known.T
        found -= half
        found -= self._space.half_norms(points, columns)[:, None]
        return np.asarray(found)

    @cached_property
    def class_sums(self) -> tuple[Single, Float]:
        """Weighted sum of each class's points (n_classes, n_columns), and its squared length (n_classes,)."""
        from scipy.sparse import csr_array

        place = (self.y_.astype(np.int64), np.arange(len(self.y_)))
        indicator = csr_array((self.weight_.astype(np.float32), place), shape=(self.output_.n_raw, len(self.y_)))
        sums = np.asarray(indicator @ self.points_, dtype=np.float32)
        return sums, np.square(sums, dtype=np.float64).sum(axis=1)

    @property
    def _space(self) -> Space:
        assert self.space_ is not None
        return self.space_

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
            parts = [self._raw(self._similarity(part)) for part in chunks(points, len(self.y_))]
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
            size = max(1, SIMILARITIES_AT_ONCE // max(len(self.y_), CANDIDATES * len(players)))
            with threads(self.n_threads):
                for start in range(0, table.n_samples, size):
                    rows = slice(start, start + size)
                    found = self._shapley(points[rows], scores[rows], players)
                    raw[rows] = np.einsum("npk,pg->ngk", found, shares)
            how = "exact Shapley values over sources"
            if len(players) > MOST_EXACT:
                how = f"Shapley values over {len(players)} parts, from {n_orders(len(players))} orders"
            if len(self.y_) > CANDIDATES:
                how += f", with neighbours among {CANDIDATES} rows"
            method = f"{how}; what is left out does not choose neighbours"
        values, base = self.output_.link_parts(raw, np.array(self.output_.prior))
        return Explanation(tuple(names), values, base, unit, method)

    def _shapley(self, points: Single, scores: Float, players: list[Int]) -> Float:
        """Values (n_samples, n_players, n_raw); neighbours come from ``CANDIDATES`` of the training rows."""
        n = len(self.y_)
        some = np.random.default_rng(self.seed).permutation(n)[: CANDIDATES // 2]
        similarity = self._similarity(points)
        similarity[:, some] = np.inf
        _, among = largest(similarity, min(CANDIDATES, n))
        parts = np.stack([np.take_along_axis(self._similarity(points, part), among, axis=1) for part in players])
        base = self.output_.constant(len(points))
        return shapley_of_sums(parts, lambda total: self._raw(total, among), base, scores, seed=self.seed)

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
        return cls.restored(folder, Description.load(folder, cls))

    @classmethod
    def restored(cls, folder: Path, found: Description) -> Self:
        """A model from its arrays in ``folder`` and a description that was read and checked."""
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
            **suggest_output(trial, cls.name, outcome),
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
