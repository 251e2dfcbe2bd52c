"""How strongly each two dimensions of an embedding act together in a fitted model, from its scores alone.

Two dimensions act together as far as the effect of one depends on the other. What is measured is the mixed second
difference of the link score when both rise by one standard deviation and the others go with them as they do in the
data. It is zero for a model that is linear in its dimensions, however they are correlated, and for one that is any sum
of functions of independent dimensions. That is what Friedman and Popescu's H statistic tests for ("Predictive learning
via rule ensembles", 2008), but H compares partial dependences pair by pair, which is 819 thousand pairs for 1,280
dimensions. Here one quadratic surface is fitted to the scores of a few thousand rows (a response surface: Box and
Wilson, 1951), and gives all pairs at once. Covariances of contributions would be cheaper, but are no measure of this
for every model: boosters share what a main axis contributes among all dimensions by their loadings, and neighbours
share it evenly, so that dimensions would seem to act together in a model that is linear in them.

The rows are made of real ones along the main axes of the embedding: each coordinate is taken from another row, the
rest (and all other blocks) from a base row. Axes are uncorrelated, so such a row is far less strange than one whose
single dimensions are mixed, and it moves by real amounts along the axes by which boosters and neighbours see an
embedding, whose trees would not notice a move of one dimension in a thousand. What lies outside the main axes is not
seen; ``Interactions.axes_share`` says how much of the embedding's variance they hold.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from artifacts.errors import InputError
from artifacts.feature_table import Block, FeatureTable
from artifacts.schema import Kind
from evaluation.explain import Explainable

Float = NDArray[np.float64]
Int = NDArray[np.int64]

N_BATCHES = 4  # independent fits: two find groups, two test them
MOST_EVALUATIONS = 16_000  # rows that are scored
MOST_AXES = 48
FEWEST_AXES = 4
ROWS_PER_TERM = 2.5  # of a fit; fewer would leave its terms to chance
ROWS_PER_BASE = 50
FEWEST_ROWS = 40  # with a known embedding
MOST_POOL_ROWS = 2000
MOST_OUTPUTS = 4  # main axes of the link scores of many classes
CHUNK_ROWS = 500
TRIED_ROWS = 200  # scored first, so that it is known what a row takes


@dataclass(frozen=True)
class Interactions:
    """Quadratic surfaces of a model's score over one block, one a batch.

    ``loadings`` float64 (n_dimensions, n_axes): correlation of each dimension with each axis, which is by how many
    standard deviations an axis changes on average when the dimension rises by one. ``slopes`` (n_batches, n_outputs,
    n_axes) and ``curvatures`` (n_batches, n_outputs, n_axes, n_axes), symmetric: first and second derivatives by the
    axes in standard deviations, on the link scale.
    """

    loadings: Float
    slopes: Float
    curvatures: Float
    axes_share: float
    n_evaluations: int
    seconds: float

    @property
    def n_dimensions(self) -> int:
        """Number of dimensions of the block."""
        return len(self.loadings)

    def strength(self, batches: slice) -> Float:
        """(n_dimensions, n_dimensions), symmetric with a zero diagonal: size of the mixed second difference."""
        total = np.zeros((self.n_dimensions, self.n_dimensions))
        for curvature in self.curvatures[batches].mean(axis=0):
            total += np.square(self.loadings @ curvature @ self.loadings.T)
        np.fill_diagonal(total, 0.0)
        return np.asarray(np.sqrt(total))

    def standard_error(self, batches: slice) -> Float:
        """(n_dimensions, n_dimensions): how far chance moves a strength, from the differences between batches."""
        off = self.curvatures[batches] - self.curvatures[batches].mean(axis=0)
        upper = np.triu_indices(off.shape[-1])
        variance = np.square(off[..., upper[0], upper[1]]).sum(axis=0) / max(len(off) - 1, 1)
        of_mean = variance.mean(axis=1).sum() / len(off)
        length = np.sqrt(np.square(self.loadings).sum(axis=1))
        return np.asarray(np.sqrt(of_mean) * length[:, None] * length)

    def importance(self, batches: slice) -> Float:
        """(n_dimensions,): root mean square change of the score when a dimension rises by one standard deviation.

        Slopes and curvatures both add to it, as in the derivative-based sensitivity of Sobol and Kucherenko (2009).
        """
        slopes, curvatures = self.slopes[batches].mean(axis=0), self.curvatures[batches].mean(axis=0)
        total = np.square(slopes @ self.loadings.T).sum(axis=0)
        for curvature in curvatures:  # axes have unit variance, so a derivative's variance is its squared curvatures
            total += np.square(self.loadings @ curvature).sum(axis=1)
        return np.asarray(np.sqrt(total))


class CannotMeasureError(InputError):
    """Why a block's interactions cannot be measured.

    ``reason`` is ``few`` (rows), ``flat`` (it does not vary) or ``slow`` (the model), with its ``numbers``.
    """

    def __init__(self, reason: str, numbers: Mapping[str, float], message: str) -> None:
        super().__init__(message)
        self.reason, self.numbers = reason, numbers


def measure_interactions(
    explainable: Explainable,
    table: FeatureTable,
    block: int,
    kind: Kind,
    *,
    seed: int,
    seconds: float = np.inf,
    n_evaluations: int = MOST_EVALUATIONS,
) -> Interactions:
    """Fit quadratic surfaces to a model's scores over one block of a table.

    Args:
        explainable: a fitted model or blend; only ``decide`` is asked.
        table: real rows, best those that the model never saw.
        block: position of an embedding in the table.
        kind: what is predicted; what is added to every logit of a multiclass task changes nothing and is left out.
        seed: of the rows that are made.
        seconds: for scoring; fewer rows are scored, and fewer axes told apart, where a row takes long.
        n_evaluations: rows to score at most.

    Raises:
        CannotMeasureError: if the block has too few known rows, does not vary, or scoring takes too long.
    """
    began = time.monotonic()
    maker = _RowMaker.of(table, block, np.random.default_rng(seed))
    tried = min(TRIED_ROWS, n_evaluations)
    timed, scores = time.monotonic(), explainable.decide(maker.make(tried)[1])
    each = (time.monotonic() - timed) / tried
    n = int(min(n_evaluations, seconds / max(each, 1e-9))) // N_BATCHES
    fewest = min(FEWEST_AXES, maker.n_axes)
    maker = maker.narrowed(_affordable_axes(n, maker.n_axes))
    scored = _scored(explainable, maker, n, _main_outputs(scores, kind), began + seconds) if maker.n_axes else []
    # A machine may become slower: then there are fewer rows than planned, which tell fewer axes apart.
    n_axes = _affordable_axes(len(scored[0][0]), maker.n_axes) if scored else 0
    if n_axes < fewest:
        needed = round(N_BATCHES * ROWS_PER_TERM * _n_terms(fewest))
        raise CannotMeasureError(
            "slow",
            {"seconds": seconds, "each": each, "needed": needed},
            f"Interactions in block {table.blocks[block].name!r} would take more than {seconds:g} seconds: a row takes "
            f"{each:.3g} s, and some {needed} are needed.",
        )
    fits = [_fit(drawn[:, :n_axes], outputs, bases) for drawn, outputs, bases in scored]
    maker = maker.narrowed(n_axes)
    return Interactions(
        loadings=maker.loadings,
        slopes=np.stack([slopes for slopes, _ in fits]),
        curvatures=np.stack([curvatures for _, curvatures in fits]),
        axes_share=maker.share,
        n_evaluations=tried + sum(len(outputs) for _, outputs, _ in scored),
        seconds=time.monotonic() - began,
    )


def _n_terms(n_axes: int) -> int:
    return n_axes + n_axes * (n_axes + 1) // 2


def _affordable_axes(n_rows: int, wanted: int) -> int:
    """How many axes the terms of a fit to so many rows can tell apart."""
    while wanted and ROWS_PER_TERM * _n_terms(wanted) > n_rows:
        wanted -= 1
    return wanted


def _main_outputs(scores: Float, kind: Kind) -> Float:
    """(n_link, n_outputs): the few directions along which the scores of many classes differ most."""
    n_link = scores.shape[1]
    shift = np.eye(n_link) - (1.0 / n_link if kind is Kind.MULTICLASS else 0.0)
    if n_link <= MOST_OUTPUTS:
        return np.asarray(shift)
    off = (scores - scores.mean(axis=0)) @ shift
    return np.asarray(shift @ np.linalg.svd(off, full_matrices=False)[2][:MOST_OUTPUTS].T)


@dataclass(frozen=True)
class _RowMaker:
    """Makes rows whose coordinates along the main axes come from different real rows."""

    table: FeatureTable  # rows whose embedding is known
    block: int
    axes: Float  # (n_dimensions, n_axes)
    coordinates: Float  # (n_samples, n_axes), of the real rows; unit variance
    scale: Float  # (n_axes,) standard deviation along each axis
    deviation: Float  # (n_dimensions,)
    variance: float  # of all dimensions together
    rng: np.random.Generator

    @classmethod
    def of(cls, table: FeatureTable, block: int, rng: np.random.Generator) -> _RowMaker:
        from sklearn.decomposition import PCA

        values = table.blocks[block].values
        known = np.flatnonzero(np.isfinite(values).all(axis=1))
        if len(known) < FEWEST_ROWS:
            raise CannotMeasureError(
                "few",
                {"known": len(known), "needed": FEWEST_ROWS},
                f"Block {table.blocks[block].name!r} is known in {len(known)} rows, but interactions of its dimensions "
                f"need {FEWEST_ROWS}.",
            )
        pool = np.sort(rng.permutation(known)[:MOST_POOL_ROWS])
        off = values[pool].astype(np.float64)
        off -= off.mean(axis=0)
        deviation = off.std(axis=0, ddof=1)
        n_components = min(MOST_AXES, len(pool) // 4, off.shape[1])
        if off.shape[1] < 2 or not deviation.max() > 1e-12:
            raise CannotMeasureError(
                "flat",
                {"dimensions": off.shape[1]},
                f"Block {table.blocks[block].name!r} has {off.shape[1]} dimensions and does not vary enough to look "
                "for interactions between them.",
            )
        fitted = PCA(n_components, random_state=int(rng.integers(2**31))).fit(off)
        scale = np.sqrt(fitted.explained_variance_)
        good = scale > 1e-4 * scale[0]
        axes, scale = fitted.components_[good].T, scale[good]
        variance = float(np.square(deviation).sum())
        return cls(table.take(pool), block, axes, off @ axes / scale, scale, deviation, variance, rng)

    @property
    def n_axes(self) -> int:
        return int(self.axes.shape[1])

    @property
    def loadings(self) -> Float:
        return np.asarray(self.axes * self.scale / np.maximum(self.deviation, 1e-12)[:, None])

    @property
    def share(self) -> float:
        return float(np.square(self.scale).sum() / self.variance)

    def narrowed(self, n_axes: int) -> _RowMaker:
        kept = self.axes[:, :n_axes], self.coordinates[:, :n_axes], self.scale[:n_axes]
        return _RowMaker(self.table, self.block, *kept, self.deviation, self.variance, self.rng)

    def make(self, n: int) -> tuple[Float, FeatureTable, Int]:
        """Coordinates (n, n_axes), the rows, and the base row of each; ``ROWS_PER_BASE`` rows share one."""
        n_real = self.table.n_samples
        bases = self.rng.integers(0, n_real, -(-n // ROWS_PER_BASE)).repeat(ROWS_PER_BASE)[:n]
        donors = self.rng.integers(0, n_real, (n, self.n_axes))
        drawn = self.coordinates[donors, np.arange(self.n_axes)]
        made = self.table.take(bases)
        moved = made.blocks[self.block].values + ((drawn - self.coordinates[bases]) * self.scale @ self.axes.T).astype(
            np.float32
        )
        blocks = list(made.blocks)
        old = blocks[self.block]
        blocks[self.block] = Block(old.source, old.featurizer, old.features, np.ascontiguousarray(moved))
        return drawn, replace(made, blocks=tuple(blocks)), bases


def _scored(
    explainable: Explainable, maker: _RowMaker, n: int, mix: Float, deadline: float
) -> list[tuple[Float, Float, Int]]:
    """For each batch coordinates (n, n_axes), scores (n, n_outputs) and base rows (n,); fewer rows after a deadline."""
    parts: list[list[tuple[Float, Float, Int]]] = [[] for _ in range(N_BATCHES)]
    for start in range(0, n, CHUNK_ROWS):
        if start and time.monotonic() > deadline:
            break
        for batch in parts:
            coordinates, made, owners = maker.make(min(CHUNK_ROWS, n - start))
            batch.append((coordinates, explainable.decide(made) @ mix, owners))
    whole = []
    for batch in parts:
        drawn, scores, bases = zip(*batch, strict=True)
        whole.append((np.concatenate(drawn), np.concatenate(scores), np.concatenate(bases)))
    return whole


def _fit(drawn: Float, scores: Float, bases: Int) -> tuple[Float, Float]:
    """Slopes (n_outputs, n_axes) and curvatures (n_outputs, n_axes, n_axes) by least squares.

    Everything is centred within its base row, which takes out what the other blocks do.
    """
    n_axes = drawn.shape[1]
    first, second = np.triu_indices(n_axes)
    terms = np.hstack([drawn, drawn[:, first] * drawn[:, second]])
    codes, sizes = np.unique(bases, return_inverse=True, return_counts=True)[1:]
    means = np.zeros((len(sizes), terms.shape[1] + scores.shape[1]))
    both = np.hstack([terms, scores])
    np.add.at(means, codes, both)
    both -= (means / sizes[:, None])[codes]
    terms, scores = both[:, : terms.shape[1]], both[:, terms.shape[1] :]
    gram = terms.T @ terms
    gram[np.diag_indices_from(gram)] += 1e-6 * np.trace(gram) / len(gram)  # axes may be copies of each other
    found = np.linalg.solve(gram, terms.T @ scores).T
    curvatures = np.zeros((len(found), n_axes, n_axes))
    curvatures[:, first, second] = found[:, n_axes:]
    return found[:, :n_axes], curvatures + np.swapaxes(curvatures, 1, 2)
