"""The rows of a wide table in the form that LightGBM takes in, without a second copy of the table."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from artifacts.feature_table import FeatureTable
from automl.models.base import Float

BINNED_VALUES = 2e7  # of the sample of rows that bins are chosen from
FEWEST_BINNED, MOST_BINNED = 5_000, 200_000  # rows


def matrix(table: FeatureTable) -> NDArray[np.float32]:
    """float32 (n_samples, n_features), an unknown category as NaN."""
    x = table.to_numpy()
    for position in table.category_positions:
        column = x[:, position]
        column[column < 0] = np.nan
    return x


class Rows(lightgbm.Sequence):  # type: ignore[misc, unused-ignore]
    """The table as the library reads it, a few rows at a time."""

    def __init__(self, table: FeatureTable) -> None:
        self.table = table

    def __len__(self) -> int:
        return self.table.n_samples

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        """Rows of a slice or a list, (n, n_features), or one row, (n_features,)."""
        if isinstance(rows, int | np.integer):
            return np.asarray(matrix(self.table.take([int(rows)]))[0])
        return matrix(self.table.take(np.arange(len(self))[rows]))


class Labels:
    """Many labels as an objective of LightGBM: a round has a tree for each label, as it has for each of many classes.

    Args:
        y: 0 and 1 (n_samples, n_raw).
        weight: (n_samples,).
        start: log-odds (n_samples or 1, n_raw) that the trees are added to.
    """

    def __init__(self, y: Float, weight: Float, start: Float) -> None:
        self.y, self.weight, self.start = y, weight[:, None], start

    def slopes(self, trees: Float, _: lightgbm.Dataset) -> tuple[Float, Float]:
        """First and second derivatives of the log loss in the sums of trees, both (n_samples, n_raw)."""
        p = expit(self.start + trees.reshape(self.y.shape))
        slope, curvature = self.weight * (p - self.y), self.weight * p * (1.0 - p)
        return slope.reshape(trees.shape), curvature.reshape(trees.shape)  # of one label without a second axis

    def loss(self, trees: Float, _: lightgbm.Dataset) -> tuple[str, float, bool]:
        """The weighted sum of log losses."""
        scores = self.start + trees.reshape(self.y.shape)
        each = self.y * log_expit(scores) + (1.0 - self.y) * log_expit(-scores)
        return "log loss", float(-(self.weight * each).sum()), False


def binned(
    table: FeatureTable,
    y: Float,
    weight: Float,
    params: dict[str, Any],
    reference: lightgbm.Dataset | None = None,
    *,
    start: Float | None = None,
) -> lightgbm.Dataset:
    """A data set with bins of a sample of the table's rows, or with those of ``reference``.

    ``start`` are raw scores (n_samples, n_raw) that trees are added to, if not those that LightGBM finds itself.
    """
    wanted = int(np.clip(BINNED_VALUES / max(table.n_features, 1), FEWEST_BINNED, MOST_BINNED))
    params = {**params, "bin_construct_sample_cnt": wanted}
    categories = list(table.category_positions)
    if reference is None and table.n_samples > wanted:
        chosen = np.sort(np.random.default_rng(params["seed"]).choice(table.n_samples, wanted, replace=False))
        sample = matrix(table.take(chosen))
        reference = lightgbm.Dataset(sample, categorical_feature=categories, params=params).construct()
    data = matrix(table) if reference is None else Rows(table)
    label = y if y.ndim == 1 else y[:, 0]  # many labels are told by ``Labels``
    return lightgbm.Dataset(
        data,
        label=label,
        weight=weight,
        reference=reference,
        init_score=None if start is None else start.ravel(order="F"),  # all rows of a class, then those of the next
        categorical_feature=categories,
        params=params,
    )
