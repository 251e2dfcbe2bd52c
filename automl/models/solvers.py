"""Linear models on a standardised matrix: ridge in closed form, and a path of penalised likelihoods.

Every objective is ``sum_i w_i loss_i / n + alpha / 2 * |W|^2`` with weights of mean 1 and free
intercepts, so that ``alpha`` means the same for any number of rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from artifacts.schema import Kind

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Loss = Literal["squared", "logistic", "softmax", "huber"]  # the last is of nets alone, beyond 1 linear

LOSSES: dict[Kind, Loss] = {
    Kind.REGRESSION: "squared",
    Kind.BINARY: "logistic",
    Kind.CONVERSION: "logistic",
    Kind.MULTICLASS: "softmax",
    Kind.MULTILABEL: "logistic",
}

CHUNK_ROWS = 2048
# A step that gains less than this share of the objective ends a descent. Products in float32 cannot tell much
# less, and on 28 classes x 1,719 columns 1e-7 took twenty times as long for the same scores on new rows.
LEAST_GAIN = 1e-5
LEAST_GAIN_ON_PATH = 1e-4  # where the next penalty goes on from there anyway
SHARE_OF_TIME = 0.3  # of what is left to the deadline, for one penalty of a path
MAX_STEPS = 300


@dataclass(frozen=True)
class Rows:
    """A standardised matrix with targets and weights of mean 1, both (n_samples,); targets of many labels have a column
    each."""

    x: Single
    y: Float
    weight: Float


@dataclass(frozen=True)
class Fitted:
    """Coefficients (n_columns, n_raw), intercepts (n_raw,), and the penalty that they were found with."""

    coefficients: Float
    intercepts: Float
    alpha: float

    def scores(self, x: Single) -> Float:
        """Raw scores (n_samples, n_raw) in float64."""
        pieces = [x[i : i + CHUNK_ROWS].astype(np.float64) @ self.coefficients for i in range(0, len(x), CHUNK_ROWS)]
        found = np.concatenate(pieces) if pieces else np.zeros((0, len(self.intercepts)))
        return np.asarray(found + self.intercepts)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Hold the linear algebra of numpy and scipy to ``n`` threads within the block."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    with threadpool_limits(limits=n):
        yield


def mean_loss(loss: Loss, scores: Float, rows: Rows) -> float:
    """Weighted mean of the loss of raw scores (n_samples, n_raw); a row's loss is the sum over its labels."""
    if loss == "softmax":
        shifted = scores - scores.max(axis=1, keepdims=True)
        picked = shifted[np.arange(len(scores)), rows.y.astype(np.int64)]
        each = np.log(np.exp(shifted).sum(axis=1)) - picked
    elif loss == "logistic":
        y = rows.y.reshape(scores.shape)
        each = -(y * log_expit(scores) + (1.0 - y) * log_expit(-scores)).sum(axis=1)
    else:
        off = np.abs(scores[:, 0] - rows.y)
        each = 0.5 * np.square(off) if loss == "squared" else np.where(off < 1.0, 0.5 * np.square(off), off - 0.5)
    return float((rows.weight * each).sum() / max(rows.weight.sum(), 1e-300))


def ridge(rows: Rows, alphas: Sequence[float], valid: Rows | None) -> Fitted:
    """Weighted ridge regression over a path of penalties, from one eigendecomposition.

    The penalty with the smallest weighted squared error wins: on ``valid`` if given, else
    leave-one-out in closed form (Allen, The relationship between variable selection and data
    augmentation, 1974; Golub, Heath and Wahba, Generalized cross-validation, 1979).
    """
    n = len(rows.y)
    weight = rows.weight / n
    total = weight.sum()
    mean = _weighted_sum(weight / total, rows.x)
    y_mean = float(weight @ rows.y / total)
    values, vectors = spectrum(rows.x, mean, weight)
    moment = _weighted_sum(weight * (rows.y - y_mean), rows.x) - (weight @ (rows.y - y_mean)) * mean
    projected = vectors.T @ moment
    shrunk = projected[:, None] / (values[:, None] + np.asarray(alphas))
    if valid is not None:
        off = valid.y[:, None] - y_mean - _project(valid.x, mean, vectors @ shrunk)
        error = valid.weight @ np.square(off)
    else:
        error = np.zeros(len(alphas))
        inverse = 1.0 / (values[:, None] + np.asarray(alphas))
        for start in range(0, n, CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            rotated = _project(rows.x[part], mean, vectors)
            leverage = weight[part, None] * (np.square(rotated) @ inverse + 1.0 / total)
            residual = rows.y[part, None] - y_mean - rotated @ shrunk
            error += weight[part] @ np.square(residual / np.maximum(1.0 - leverage, 1e-6))
    best = int(np.argmin(error))
    coefficients = vectors @ shrunk[:, best]
    return Fitted(coefficients[:, None], np.array([y_mean - mean @ coefficients]), float(alphas[best]))


def _project(x: Single, mean: Float, onto: Float) -> Float:
    pieces = [(part.astype(np.float64) - mean) @ onto for part in _pieces(x)]
    return np.concatenate(pieces) if pieces else np.zeros((0, onto.shape[1]))


def _weighted_sum(weight: Float, x: Single) -> Float:
    """``weight @ x`` in float64, without a copy of the whole matrix in it."""
    total = np.zeros(x.shape[1])
    for start, part in zip(range(0, len(x), CHUNK_ROWS), _pieces(x), strict=True):
        total += weight[start : start + CHUNK_ROWS] @ part
    return total


def _pieces(x: Single) -> Iterator[Single]:
    return (x[start : start + CHUNK_ROWS] for start in range(0, len(x), CHUNK_ROWS))


def spectrum(x: Single, mean: Float, weight: Float) -> tuple[Float, Float]:
    """Eigenvalues (r,) and eigenvectors (n_columns, r) of the weighted covariance, by its smaller side.

    ``mean`` is (n_columns,); ``weight`` (n_samples,), >= 0.
    """
    from scipy.linalg import eigh

    n, m = x.shape
    if m <= n:
        gram = np.zeros((m, m))
        for start in range(0, n, CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            piece = (x[part].astype(np.float64) - mean) * np.sqrt(weight[part, None])
            gram += piece.T @ piece
        values, vectors = eigh(gram, overwrite_a=True, check_finite=False)
        return np.maximum(values, 0.0), vectors
    root = (x.astype(np.float64) - mean) * np.sqrt(weight[:, None])
    values, left = eigh(root @ root.T, overwrite_a=True, check_finite=False)
    kept = values > values.max(initial=0.0) * 1e-12
    return values[kept], root.T @ left[:, kept] / np.sqrt(values[kept])


class _TimeIsUp(Exception):  # noqa: N818 - a signal out of the optimiser, not an error
    pass


def descend(
    rows: Rows, loss: Loss, alpha: float, start: Fitted, deadline: float | None, least_gain: float = LEAST_GAIN
) -> Fitted:
    """Minimise the objective by L-BFGS from ``start``; at the deadline, the best point so far.

    Products with the matrix are in float32, everything else in float64 (Liu and Nocedal, On the
    limited memory BFGS method for large scale optimization, 1989).
    """
    from scipy.optimize import minimize

    objective = _Objective(rows, loss, alpha, start.coefficients.shape, deadline)
    packed = np.concatenate([start.coefficients.ravel(), start.intercepts])
    options = {"maxiter": MAX_STEPS, "maxcor": 10, "gtol": 1e-7, "ftol": least_gain}
    with suppress(_TimeIsUp):  # the objective keeps its best point, however the descent ends
        minimize(objective, packed, jac=True, method="L-BFGS-B", options=options)
    best = packed if objective.best is None else objective.best
    m, k = start.coefficients.shape
    return Fitted(best[: m * k].reshape(m, k), best[m * k :], alpha)


class _Objective:
    def __init__(self, rows: Rows, loss: Loss, alpha: float, shape: tuple[int, ...], deadline: float | None) -> None:
        self.rows, self.loss, self.alpha, self.shape, self.deadline = rows, loss, alpha, shape, deadline
        self.best: Float | None = None
        self.lowest = np.inf
        self.share = rows.weight / rows.weight.sum()

    def __call__(self, packed: Float) -> tuple[float, Float]:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise _TimeIsUp
        m, k = self.shape
        coefficients = packed[: m * k].reshape(m, k)
        scores = (self.rows.x @ coefficients.astype(np.float32)).astype(np.float64) + packed[m * k :]
        value, slope = self._loss(scores)
        value += 0.5 * self.alpha * float(np.square(coefficients).sum())
        gradient = np.empty_like(packed)
        # astype keeps the layout that BLAS wants: x.T is never copied.
        gradient[: m * k] = (self.rows.x.T @ slope.astype(np.float32)).astype(np.float64).ravel()
        gradient[: m * k] += self.alpha * packed[: m * k]
        gradient[m * k :] = slope.sum(axis=0)
        if value < self.lowest:
            self.lowest, self.best = value, packed.copy()
        return value, gradient

    def _loss(self, scores: Float) -> tuple[float, Float]:
        """The loss, and its slope in each score (n_samples, n_raw); both weighted."""
        y, share = self.rows.y, self.share[:, None]
        if self.loss == "softmax":
            shifted = scores - scores.max(axis=1, keepdims=True)
            powers = np.exp(shifted)
            sums = powers.sum(axis=1, keepdims=True)
            index = np.arange(len(scores)), y.astype(np.int64)
            value = float(self.share @ (np.log(sums[:, 0]) - shifted[index]))
            powers /= sums
            powers[index] -= 1.0
            return value, share * powers
        value = mean_loss(self.loss, scores, Rows(self.rows.x, y, self.share))
        if self.loss == "logistic":
            return value, share * (expit(scores) - y.reshape(scores.shape))
        return value, share * (scores - y[:, None])


def path(
    rows: Rows,
    loss: Loss,
    alphas: Sequence[float],
    valid: Rows | None,
    start: Fitted,
    *,
    deadline: float | None,
    patience: int = 2,
) -> Fitted:
    """From the strongest penalty to the weakest, each from the last one's solution; the best on ``valid``.

    Stops after ``patience`` penalties without a gain or at the deadline. Without ``valid`` the last
    of ``alphas`` is the one that is wanted, and those before it only lead there.
    """
    best, lowest, waited = start, np.inf, 0
    current = start
    for i, alpha in enumerate(alphas):
        last = i + 1 == len(alphas)
        gain = LEAST_GAIN if last and valid is None else LEAST_GAIN_ON_PATH
        stop = deadline if deadline is None or last else deadline - (1 - SHARE_OF_TIME) * (deadline - time.monotonic())
        current = descend(rows, loss, alpha, current, stop, gain)
        late = deadline is not None and time.monotonic() >= deadline
        if valid is None:
            best = current
        else:
            found = mean_loss(loss, current.scores(valid.x), valid)
            waited = 0 if found < lowest else waited + 1
            if found < lowest:
                best, lowest = current, found
        if late or waited >= patience:
            break
    return best
