"""Linear discriminants of many classes in closed form, with the scores that each row would have had without itself.

Fisher's discriminant with a within-class covariance shrunk towards the identity (Friedman, Regularized discriminant
analysis, 1989) and class means shrunk towards the overall mean by their number of rows (as James and Stein, 1961).
One eigendecomposition serves all strengths of both; no array is larger than rows x columns or rows x classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from automl.models.solvers import CHUNK_ROWS, spectrum

Float = NDArray[np.float64]
Single = NDArray[np.float32]
Int = NDArray[np.int64]

SHRINKAGES = (0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)  # of the covariance
PSEUDO_ROWS = (0.0, 0.3, 1.0, 3.0)  # at the overall mean, for each class mean
SCALES = (1.0, 0.5, 0.25, 0.12, 0.06)  # of the logits: the columns are never as normal as the method takes them to be
MOST_COLUMNS = (2000, 1000, 500, 250)  # beyond, the main axes of as many rows stand for the columns; by the time
MOST_JUDGED = 1500  # rows that the strengths are chosen on
NO_ROWS = 0.1  # the weight of a class that lacks its only row, in its prior


@dataclass(frozen=True)
class Discriminant:
    """Logits ``x @ coefficients + intercepts``: (n_columns, n_classes) and (n_classes,)."""

    coefficients: Single
    intercepts: Float

    def scores(self, x: Single) -> Float:
        """Log-probabilities (n_samples, n_classes)."""
        return log_normalised((x @ self.coefficients).astype(np.float64) + self.intercepts)


def axes_in_time(shape: tuple[int, int], n_classes: int, seconds: float) -> int:
    """How many main axes there is time for at most, 0 if for none; ``shape`` is (n_samples, n_columns)."""
    return next((most for most in MOST_COLUMNS if seconds_to_fit(shape, n_classes, most) < seconds), 0)


def seconds_to_fit(shape: tuple[int, int], n_classes: int, most: int) -> float:
    """A rough count, on two ordinary cores."""
    m = min(most, *shape)
    return (4.0 * shape[0] * m**2 + 40.0 * m**3 + 2.0 * MOST_JUDGED * m * n_classes * len(SHRINKAGES)) / 3e10


class Learned:
    """Class means and scatter of the training rows, and the strengths that fit them best; see ``discriminant``.

    Args:
        x: (n_samples, n_columns), standardised.
        y: (n_samples,) classes from 0 to ``n_classes`` - 1, each with a row.
        weight: (n_samples,), above 0.
        n_classes: how many there are.
        seed: of the rows that the strengths are judged on.
        most: columns, beyond which the main axes of as many rows stand for them.
    """

    def __init__(
        self, x: Single, y: Int, weight: Float, n_classes: int, *, seed: int, most: int = MOST_COLUMNS[0]
    ) -> None:
        self.x, self.y, self.weight = x, y, weight
        rng = np.random.default_rng(seed)
        self._onto: Single | None = None
        if x.shape[1] > min(len(x), most):
            some = np.sort(rng.permutation(len(x))[:most])
            share = np.full(len(some), 1.0 / len(some))
            self._onto = spectrum(x[some], x[some].mean(axis=0, dtype=np.float64), share)[1].astype(np.float32)
        self._scatter(n_classes)
        judged = np.sort(rng.permutation(len(x))[:MOST_JUDGED])
        self._choose(judged)

    def _scatter(self, n_classes: int) -> None:
        from scipy.linalg import eigh
        from scipy.sparse import csr_array

        n, m = len(self.x), self.x.shape[1] if self._onto is None else self._onto.shape[1]
        self.sizes = np.bincount(self.y, self.weight, minlength=n_classes).astype(np.float64)
        total = self.sizes.sum()
        sums, gram = np.zeros((n_classes, m)), np.zeros((m, m))
        for start in range(0, n, CHUNK_ROWS):
            rows = np.arange(start, min(start + CHUNK_ROWS, n))
            piece = self._reduced(self.x[rows])
            weight = self.weight[rows]
            indicator = csr_array((weight, (self.y[rows], np.arange(len(rows)))), shape=(n_classes, len(rows)))
            sums += indicator @ piece
            piece *= np.sqrt(weight, dtype=np.float32)[:, None]
            gram += piece.T @ piece
        means = sums / self.sizes[:, None]
        self.mean = sums.sum(axis=0) / total
        spread = float(np.trace(gram) / total - self.mean @ self.mean)
        gram -= means.T @ (means * self.sizes[:, None])
        gram /= total
        values, self._vectors = eigh(gram, overwrite_a=True, check_finite=False)
        self._values = np.maximum(values, 0.0)
        self._spread = max(spread, 1e-12) / max(m, 1)
        self._means = (means - self.mean) @ self._vectors

    def _reduced(self, x: Single) -> Single:
        return x.copy() if self._onto is None else x @ self._onto

    def _choose(self, rows: Int) -> None:
        """The strengths whose left-out rows have the smallest log loss."""
        rotated = (self._reduced(self.x[rows]) - self.mean) @ self._vectors
        y, weight = self.y[rows], self.weight[rows]
        self.shrinkage, self.pseudo_rows, self.scale = SHRINKAGES[-1], PSEUDO_ROWS[-1], SCALES[-1]
        lowest = np.inf
        for shrinkage in SHRINKAGES:
            found = _Whitened(self, shrinkage)
            parts = found.products(rotated)
            for pseudo_rows in PSEUDO_ROWS:
                logits = found.left_out(*parts, y, weight, pseudo_rows)
                each = {scale: -log_normalised(scale * logits)[np.arange(len(y)), y] for scale in SCALES}
                scale = min(each, key=lambda s: float(weight @ each[s]))
                loss = float(weight @ each[scale])
                if loss < lowest:
                    self.shrinkage, self.pseudo_rows, self.scale, lowest = shrinkage, pseudo_rows, scale, loss
        self._chosen = _Whitened(self, self.shrinkage)

    def left_out(self, rows: Int) -> Float:
        """Log-probabilities (n, n_classes) of training rows, each by what is learned without it."""
        rotated = (self._reduced(self.x[rows]) - self.mean) @ self._vectors
        found = self._chosen
        logits = found.left_out(*found.products(rotated), self.y[rows], self.weight[rows], self.pseudo_rows)
        return log_normalised(self.scale * logits)

    def discriminant(self) -> Discriminant:
        """What scores new rows."""
        found = self._chosen
        shrunk = found.means * shrink(self.sizes, self.pseudo_rows)[:, None]
        coefficients = self._vectors @ (found.inverse[:, None] * shrunk.T) * self.scale
        prior = np.log(self.sizes / self.sizes.sum())
        intercepts = self.scale * (prior - 0.5 * np.square(shrunk).sum(axis=1)) - self.mean @ coefficients
        whole = coefficients if self._onto is None else self._onto.astype(np.float64) @ coefficients
        return Discriminant(np.ascontiguousarray(whole, dtype=np.float32), intercepts)


def shrink(sizes: Float, pseudo_rows: float) -> Float:
    """By how much a class mean of so many rows counts."""
    return np.asarray(sizes / np.maximum(sizes + pseudo_rows, 1e-12))


class _Whitened:
    """Class means where the within-class covariance is the identity."""

    def __init__(self, learned: Learned, shrinkage: float) -> None:
        values = (1.0 - shrinkage) * learned._values + shrinkage * learned._spread
        self.inverse = 1.0 / np.sqrt(values)
        self.means = learned._means * self.inverse
        self.between = self.means @ self.means.T
        self.sizes, self.share = learned.sizes, 1.0 - shrinkage

    def products(self, rotated: Float) -> tuple[Float, Float]:
        """Of rows with all class means (n, n_classes), and with themselves (n,)."""
        z = rotated * self.inverse
        return z @ self.means.T, np.square(z).sum(axis=1)

    def left_out(self, dots: Float, own: Float, y: Int, weight: Float, pseudo_rows: float) -> Float:
        """Logits before scaling; without row i the covariance loses a square of rank one (Sherman and Morrison, 1950).

        With u = z - m_y, covariance I - r u u' has the inverse I + c u u', c = r / (1 - r u'u).
        """
        i = np.arange(len(y))
        size, rest = self.sizes[y], np.maximum(self.sizes[y] - weight, 0.0)
        alone = rest <= 1e-9 * size
        rest_or_one = np.where(alone, 1.0, rest)
        norms = np.diag(self.between)
        with_own = dots[i, y]
        length = np.maximum(own - 2.0 * with_own + norms[y], 0.0)  # u'u
        r = np.where(alone, 0.0, self.share * weight * size / (rest_or_one * self.sizes.sum()))
        c = r / np.maximum(1.0 - r * length, 1e-6)
        z_u = own - with_own
        s = shrink(self.sizes, pseudo_rows)
        u_m = (dots - self.between[y]) * s
        logits = dots * s - 0.5 * s**2 * norms + c[:, None] * (z_u[:, None] * u_m - 0.5 * u_m**2)
        logits += np.log(self.sizes)
        # The row's own class has another mean without it: m_y - t u.
        t, s = np.where(alone, 0.0, weight / rest_or_one), np.where(alone, 0.0, shrink(rest, pseudo_rows))
        m_u = with_own - norms[y]
        z_a = s * (with_own - t * z_u)
        a_a = s**2 * (norms[y] - 2.0 * t * m_u + t**2 * length)
        u_a = s * (m_u - t * length)
        logits[i, y] = z_a - 0.5 * a_a + c * (z_u * u_a - 0.5 * u_a**2) + np.log(np.maximum(rest, NO_ROWS))
        return np.asarray(logits)


def log_normalised(logits: Float) -> Float:
    """Log-probabilities of logits (n_samples, n_classes)."""
    return np.asarray(logits - logsumexp(logits, axis=1, keepdims=True))
