"""Learning both stages of a shortlist: what the second learns from is said of each row without that row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.class_paths import ClassPaths
from artifacts.examples import Examples
from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from automl.models.candidate_classes import Candidates, Looks, Own, best_share
from automl.models.discriminant import Learned
from automl.models.knn import KNNModel
from automl.models.output import Output
from automl.models.reranker import Ranked, boosted
from automl.models.shortlist_stages import Stages

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]

MOST_RANKED = 30_000  # training rows that the booster learns from
MOST_HELD = 5_000  # rows that it stops on
MOST_MIXED = 2_000  # rows that the mixture of both looks is chosen on
LEAST_RANKED = 30  # rows; fewer teach a booster nothing
KNN_SHARE, RANKED_SHARE = 0.4, 0.5  # of the time that is left, for neighbours and for looking at training rows
MOST_LEVELS = 4  # of class paths whose branches are looked at


@dataclass(frozen=True)
class ShortlistParams:
    """``candidates``: length of the shortlist. ``components``: main axes of each embedding for neighbours.

    The others are LightGBM's, by their own names; ``patience``: rounds without a gain.
    """

    candidates: int = 16
    components: int = 128
    rounds: int = 300
    learning_rate: float = 0.1
    num_leaves: int = 8
    lambda_l2: float = 10.0
    patience: int = 20


@dataclass(frozen=True)
class Learning:
    """How to learn. ``inputs`` gives the pieces of a table that the stages score, see ``Stages.raw``."""

    params: ShortlistParams
    output: Output
    matrix: Callable[[FeatureTable], Single]
    inputs: Callable[[FeatureTable, Looks], Iterator[tuple[Single, Single | None]]]
    seed: int
    n_threads: int
    deadline: float | None

    def stages(self, train: Examples, valid: Examples | None, n_axes: int) -> Stages:
        """Learn from ``train``; a stage that there is no time for is left out, the linear look excepted.

        ``n_axes``: how many columns that look may have, or main axes of them.
        """
        y, weight = self.output.encode(train.outcome)
        rows = np.flatnonzero(weight > 0)
        train, codes, weight = train.take(rows), y[rows].astype(np.int64), weight[rows]
        n_classes = self.output.n_raw
        learned = Learned(self.matrix(train.table), codes, weight, n_classes, seed=self.seed, most=n_axes)
        sizes = np.bincount(codes, weight, minlength=n_classes).astype(np.float64)
        looks = Looks(self._neighbours(train), sizes, self._branches(train.outcome))
        stages = Stages(learned.discriminant(), looks, None, 0, self.params.candidates, self.n_threads)
        order = np.random.default_rng(self.seed).permutation(train.n_samples)[:MOST_RANKED]
        own = Own(order, codes[order], weight[order])
        if len(order) < LEAST_RANKED or self._is_late:
            return stages
        stages = replace(stages, looks=_mixed(looks, learned, own.first(MOST_MIXED)))
        parts = list(self._left_out(stages.looks, learned, own))
        own = own.first(sum(len(part.classes) for part in parts))
        if len(own.rows) < LEAST_RANKED or self._is_late:
            return stages
        ranked = Ranked.of(parts, own.y, own.weight)
        booster, rounds = boosted(
            ranked,
            self._held(stages, valid),
            self._options(ranked),
            rounds=self.params.rounds,
            patience=self.params.patience,
            deadline=self.deadline,
        )
        return replace(stages, booster=booster, rounds=rounds)

    @property
    def _is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _until(self, share: float) -> float | None:
        """The moment at which a share of the time that is left is gone."""
        now = time.monotonic()
        return None if self.deadline is None else now + share * (self.deadline - now)

    def _neighbours(self, train: Examples) -> KNNModel | None:
        knn = KNNModel({"components": self.params.components}, seed=self.seed, n_threads=self.n_threads)
        knn.fit(train, deadline=self._until(KNN_SHARE))
        return None if knn.space_ is None else knn

    def _branches(self, outcome: Outcome) -> Int:
        """Codes (n_levels, n_classes) of the classes that training has; no levels where labels are no paths."""
        if outcome.separator is None:
            return np.zeros((0, self.output.n_raw), dtype=np.int64)
        paths = ClassPaths.of([outcome.classes[code] for code in self.output.present], outcome.separator)
        return paths.branches[:-1][:MOST_LEVELS]  # the last level is the class itself

    def _left_out(self, looks: Looks, learned: Learned, own: Own) -> Iterator[Candidates]:
        """Shortlists of training rows, in pieces, until their share of the time is gone."""
        until = self._until(RANKED_SHARE)
        for some in own.pieces(looks.rows_at_once):
            if until is not None and time.monotonic() >= until:
                return
            points = None if looks.knn is None else looks.knn.points_[some.rows]
            yield looks.candidates(learned.left_out(some.rows), points, self.params.candidates, some)

    def _held(self, stages: Stages, valid: Examples | None) -> Ranked | None:
        if valid is None:
            return None
        y, weight = self.output.encode(valid.outcome)
        rows = np.flatnonzero(weight > 0)
        rows = np.sort(np.random.default_rng(self.seed).permutation(rows)[:MOST_HELD])
        if not len(rows):
            return None
        parts = [stages.candidates(*piece) for piece in self.inputs(valid.table.take(rows), stages.looks)]
        return Ranked.of(parts, y[rows].astype(np.int64), weight[rows])

    def _options(self, ranked: Ranked) -> dict[str, Any]:
        own = asdict(self.params)
        for name in ("candidates", "components", "rounds", "patience"):
            del own[name]
        return own | {
            "min_data_in_leaf": max(1, min(20, ranked.offset.size // 50)),
            "num_threads": self.n_threads if ranked.features.size > 1e6 else 1,
            "min_sum_hessian_in_leaf": 1e-2,
            "force_col_wise": True,
            "deterministic": True,
            "seed": self.seed,
            "verbosity": -1,
        }


def _mixed(looks: Looks, learned: Learned, own: Own) -> Looks:
    """With the weights of both looks under which the classes of left-out rows are likeliest."""
    if looks.knn is None:
        return looks
    linear, votes = [], []
    for some in own.pieces(looks.rows_at_once):
        i = np.arange(len(some.rows))
        linear.append(learned.left_out(some.rows)[i, some.y])
        votes.append(looks.log_votes(some)[i, some.y])
    return replace(looks, share=best_share(np.concatenate(linear), np.concatenate(votes), own.weight))
