"""Parameters of CatBoost, and how large its trees may be so that enough rounds fit before a deadline."""

from __future__ import annotations

from dataclasses import dataclass

from artifacts.feature_table import FeatureTable
from automl.models.base import MANY_CLASSES
from automl.models.output import OutputParams

LEAST_ROUNDS = 20  # of many classes: fewer are worse than the time that they take
ROUNDS_WANTED = 60  # before the deadline; else trees get smaller


@dataclass(frozen=True)
class CatBoostParams(OutputParams):
    """Parameters of CatBoost by their own names (``rounds`` is iterations, ``patience`` its overfitting detector).

    ``rsm``, the share of features that a split is chosen from, and ``border_count`` are by the width
    of the table if None. ``depth`` is lowered where a deadline asks for it. The last two are of
    ``automl.models.compression``: how many main axes stand for an embedding and for word counts.
    """

    rounds: int = 1000
    learning_rate: float | None = None
    depth: int = 5
    l2_leaf_reg: float = 2.0
    rsm: float | None = None
    border_count: int | None = None
    patience: int = 40
    embedding_components: int = 16
    lexical_components: int = 32


@dataclass(frozen=True)
class Sized:
    """What the width of the table and the time leave of the parameters."""

    depth: int
    rsm: float
    border_count: int
    learning_rate: float | None


@dataclass(frozen=True)
class Work:
    """A rough count of the work, on two ordinary cores: enough to be right within a factor of three."""

    n_samples: int
    n_features: int
    n_raw: int

    @classmethod
    def of(cls, table: FeatureTable, n_raw: int) -> Work:
        """Of a table and the number of raw scores."""
        return cls(table.n_samples, table.n_features, n_raw)

    @property
    def rsm(self) -> float:
        """Share of features for a split: 50 at least, a thirtieth or a tenth of a wide table."""
        return min(1.0, max(0.03 if self.n_raw > 2 else 0.1, 50 / max(self.n_features, 1)))

    def seconds_before(self, chosen: CatBoostParams) -> float:
        """Until a round is done, with the smallest trees; of many classes, the rounds that are worth a start."""
        rounds = LEAST_ROUNDS if self.n_raw > MANY_CLASSES else 1
        return 1e-7 * self.n_samples * self.n_features + rounds * self.seconds_a_round(2, chosen.rsm or self.rsm)

    def seconds_a_round(self, depth: int, rsm: float) -> float:
        """One round: the leaves' update of every row and class, and histograms of the sampled features."""
        return 2e-7 * self.n_samples * self.n_raw * depth * (0.3 + 0.01 * rsm * self.n_features)

    def sized(self, chosen: CatBoostParams, seconds: float | None) -> Sized:
        """Parameters that are not given, and a depth with which enough rounds fit into ``seconds``."""
        rsm = chosen.rsm or self.rsm
        wide = self.n_features > 300
        rate, depth = chosen.learning_rate, chosen.depth
        if rate is None and self.n_raw > 2:
            rate = 0.2  # CatBoost's own choice for many classes is slow to get anywhere
        if seconds is not None:
            while depth > 2 and self.seconds_a_round(depth, rsm) * ROUNDS_WANTED > seconds:
                depth -= 1
        return Sized(depth, rsm, chosen.border_count or (32 if wide else 128), rate)
