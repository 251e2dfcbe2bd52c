"""Two cheap looks at a row, linear and by neighbours, and the few classes that either of them takes for likely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from automl.models.knn import KNNModel
from automl.models.votes import SIMILARITIES_AT_ONCE

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]

SEEN_NEIGHBOURS = 30  # that features are made of, whatever the number that votes
SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)  # of the linear look in the mixture
MOST_AT_ONCE = 2048  # rows


@dataclass(frozen=True)
class Own:
    """Training rows that are looked at without themselves: positions, classes and weights, each (n,)."""

    rows: Int
    y: Int
    weight: Float

    def pieces(self, size: int) -> Iterator[Own]:
        """The rows in pieces."""
        for start in range(0, len(self.rows), size):
            part = slice(start, start + size)
            yield Own(self.rows[part], self.y[part], self.weight[part])

    def first(self, n: int) -> Own:
        """The first ``n`` rows."""
        return Own(self.rows[:n], self.y[:n], self.weight[:n])


@dataclass(frozen=True)
class Candidates:
    """The shortlist of each row, the likeliest class first.

    ``log_mix`` are log-probabilities (n, n_classes), ``classes`` (n, n_candidates), ``features`` float32
    (n, n_candidates, n_features), NaN where a look has nothing to say.
    """

    log_mix: Float
    classes: Int
    features: Single

    @property
    def offset(self) -> Float:
        """Log-probabilities of the shortlist (n, n_candidates)."""
        return np.take_along_axis(self.log_mix, self.classes, axis=1)

    @property
    def pairs(self) -> Single:
        """Features of each pair of row and candidate (n * n_candidates, n_features)."""
        return self.features.reshape(-1, self.features.shape[-1])

    @property
    def log_rest(self) -> Float:
        """Log of the probability of all classes that are not in the shortlist (n,)."""
        return np.asarray(np.log(np.maximum(1.0 - np.exp(self.offset).sum(axis=1), 1e-12)))

    def with_scores(self, found: Float) -> Float:
        """Log-probabilities (n, n_classes), the shortlist moved by ``found`` (n, n_candidates); no sum of 1."""
        result = self.log_mix.copy()
        np.put_along_axis(result, self.classes, self.offset + found, axis=1)
        return result


@dataclass(frozen=True)
class Looks:
    """What is known of the classes beside the linear scores.

    ``knn`` is None where there was no time for it. ``share`` is the weight of the linear look in the mixture. ``sizes``
    (n_classes,) are weights of training rows. ``branches`` (n_levels, n_classes) are codes of the branch that a class
    stands in, where labels are paths.
    """

    knn: KNNModel | None
    sizes: Float
    branches: Int
    share: float = 0.5

    @property
    def rows_at_once(self) -> int:
        """Whose similarities to all training rows are held at once."""
        n_train = 1 if self.knn is None else len(self.knn.y_)
        return int(np.clip(SIMILARITIES_AT_ONCE // max(n_train, 1), 1, MOST_AT_ONCE))

    def log_votes(self, rows: Own) -> Float:
        """Log-probabilities (n, n_classes) of training rows by the votes of the others alone.

        Raises:
            ValueError: without ``knn``.
        """
        if self.knn is None:
            raise ValueError("there are no neighbours to ask")
        return _Near.of(self.knn, self.knn.points_[rows.rows], rows).log_votes

    def candidates(self, log_linear: Float, points: Single | None, n: int, own: Own | None = None) -> Candidates:
        """The ``n`` likeliest classes of each row.

        Args:
            log_linear: log-probabilities (n_samples, n_classes).
            points: (n_samples, n_dimensions) in the space of ``knn``; None without it.
            n: length of the shortlist, where there are as many classes.
            own: given where the rows are training rows; they are then left out of all that is said of them.
        """
        near = None if self.knn is None or points is None else _Near.of(self.knn, points, own)
        log_votes = log_linear if near is None else near.log_votes
        log_mix = mixed(log_linear, log_votes, 1.0 if near is None else self.share)
        n = min(n, log_mix.shape[1])
        top = np.argpartition(-log_mix, n - 1, axis=1)[:, :n]
        order = np.argsort(-np.take_along_axis(log_mix, top, axis=1), axis=1, kind="stable")
        classes = np.take_along_axis(top, order, axis=1)
        features = self._features(log_linear, log_votes, log_mix, classes, own)
        features += [np.full(classes.shape, np.nan)] * 6 if near is None else near.features(classes)
        return Candidates(log_mix, classes, np.stack(features, axis=-1).astype(np.float32))

    def _features(
        self, log_linear: Float, log_votes: Float, log_mix: Float, classes: Int, own: Own | None
    ) -> list[Float]:
        found = []
        for scores in (log_linear, log_votes):
            picked = np.take_along_axis(scores, classes, axis=1)
            rank = np.argsort(np.argsort(-picked, axis=1, kind="stable"), axis=1).astype(np.float64)
            found += [picked, picked - picked.max(axis=1, keepdims=True), rank]
        picked = np.take_along_axis(log_mix, classes, axis=1)
        sizes = self.sizes[classes]
        if own is not None:
            sizes = sizes - np.where(classes == own.y[:, None], own.weight[:, None], 0.0)
        entropy = -(np.exp(log_mix) * log_mix).sum(axis=1, keepdims=True)
        found += [picked, picked - picked[:, :1], np.log(np.maximum(sizes, 0.0) + 0.1)]
        found += [np.broadcast_to(picked[:, :1], picked.shape), np.broadcast_to(entropy, picked.shape)]
        p = np.exp(log_mix)
        for codes in self.branches:
            mass = p @ np.eye(int(codes.max()) + 1)[codes]
            found.append(np.log(np.take_along_axis(mass, codes[classes], axis=1) + 1e-12))
        return found


@dataclass(frozen=True)
class _Near:
    """Rows with their nearest training rows, nearest first: similarities and classes (n, k)."""

    similarity: Single
    classes: Int
    log_votes: Float
    to_centre: Float  # cosine with the sum of each class's points

    @classmethod
    def of(cls, knn: KNNModel, points: Single, own: Own | None) -> _Near:
        k = min(max(knn.votes_.neighbours, SEEN_NEIGHBOURS), len(knn.y_) - (own is not None))
        similarity, nearest = knn.nearest(points, k, None if own is None else own.rows)
        classes = knn.y_[nearest].astype(np.int64)
        votes, n, n_classes = knn.votes_, len(points), knn.output_.n_raw
        voting = slice(0, votes.neighbours)
        vote = votes.of(similarity[:, voting], knn.weight_[nearest[:, voting]])
        place = np.arange(n)[:, None] * n_classes + classes[:, voting]
        share = np.bincount(place.ravel(), vote.ravel(), minlength=n * n_classes).reshape(n, n_classes)
        share += votes.prior * softmax(np.array(knn.output_.prior))
        log_votes = np.log(share / (vote.sum(axis=1, keepdims=True) + votes.prior))
        return cls(similarity, classes, log_votes, _to_centres(knn, points, own))

    def features(self, classes: Int) -> list[Float]:
        """Count, best and mean similarity among neighbours of each candidate, and the cosine with its centre."""
        n, n_classes = self.log_votes.shape
        row = np.arange(n)[:, None]
        place = (row * n_classes + self.classes).ravel()
        count = np.bincount(place, minlength=n * n_classes).reshape(n, n_classes)
        total = np.bincount(place, self.similarity.ravel(), minlength=n * n_classes).reshape(n, n_classes)
        best = np.full((n, n_classes), np.nan)
        for j in reversed(range(self.classes.shape[1])):  # the nearest one is written last
            best[row[:, 0], self.classes[:, j]] = self.similarity[:, j]
        n_near, best = (np.take_along_axis(x, classes, axis=1) for x in (count, best))
        mean = np.take_along_axis(total, classes, axis=1) / np.where(n_near > 0, n_near, np.nan)
        centre = np.take_along_axis(self.to_centre, classes, axis=1)
        nearest = self.similarity[:, :1].astype(np.float64)
        return [n_near.astype(np.float64), best, mean, best - nearest, centre, centre - centre.max(axis=1)[:, None]]


def _to_centres(knn: KNNModel, points: Single, own: Own | None) -> Float:
    """Cosines (n, n_classes) of points with the weighted sum of each class's points."""
    sums, squares = knn.class_sums
    dots = (points @ sums.T).astype(np.float64)
    norms = np.broadcast_to(squares, dots.shape)
    length = np.square(points, dtype=np.float64).sum(axis=1)
    if own is not None:  # (S - w p) p = S p - w p p
        i, norms = np.arange(len(points)), norms.copy()
        norms[i, own.y] += own.weight**2 * length - 2.0 * own.weight * dots[i, own.y]
        dots[i, own.y] -= own.weight * length
    scale = np.sqrt(np.maximum(norms, 0.0) * length[:, None])
    return np.asarray(np.where(scale > 1e-6, dots / np.maximum(scale, 1e-6), 0.0))


def mixed(log_linear: Float, log_votes: Float, share: float) -> Float:
    """Log-probabilities of a mixture."""
    if share == 1.0:
        return log_linear
    return np.asarray(np.logaddexp(np.log(share) + log_linear, np.log1p(-share) + log_votes))


def best_share(log_linear: Float, log_votes: Float, weight: Float) -> float:
    """The share of the linear look with which the true classes' log-probabilities (n,) are largest."""
    return max(SHARES, key=lambda share: float(weight @ mixed(log_linear, log_votes, share)))
