"""What a search for clusters says, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.cluster_scores import AgreementScore, Trait
from evaluation.clustering import Clusters


@dataclass(frozen=True)
class RowShown:
    """A row as the page shows it: its id, the first text, and a photo's encoded bytes or None."""

    id: str
    title: str
    photo: bytes | None = None


@dataclass(frozen=True)
class ClusterReport:
    """Clusters of rows of a run.

    ``n_rows`` are all rows, ``n_used`` those that were clustered: without those that lack the block
    (``n_missing``), and at most a random sample (``sampled``). ``row_ids`` (n_used,) name them. ``map_rows`` (n_shown,)
    are positions among these, ``map_points`` (n_shown, 2) their places on the map made by ``map_method``. ``shown`` and
    ``traits`` have one list for each cluster. ``agreement`` is empty without labels.
    """

    name: str
    block: str
    n_features: int
    method: str
    reduction: str
    chosen: bool
    n_rows: int
    n_used: int
    n_missing: int
    sampled: bool
    row_ids: tuple[str, ...]
    clusters: Clusters
    silhouette_interval: tuple[float, float]
    map_method: str
    map_rows: NDArray[np.int64]
    map_points: NDArray[np.float64]
    shown: tuple[tuple[RowShown, ...], ...]
    traits: tuple[tuple[Trait, ...], ...]
    labels: str = ""
    agreement: tuple[AgreementScore, ...] = ()
    equal_texts: tuple[int, float, float] = (0, float("nan"), float("nan"))
    seed: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)

    def sizes(self) -> tuple[int, ...]:
        """Rows of each cluster."""
        inside = self.clusters.labels[self.clusters.labels >= 0]
        return tuple(int(n) for n in np.bincount(inside, minlength=self.clusters.n_clusters))

    @property
    def n_noise(self) -> int:
        """Rows that belong to no cluster."""
        return int((self.clusters.labels < 0).sum())

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the cluster of each row by its id (-1 for none); what is not defined is None."""
        n_equal, together, by_chance = self.equal_texts
        return {
            "run": self.name,
            "block": self.block,
            "n_features": self.n_features,
            "method": self.method,
            "reduction": self.reduction,
            "number_was_chosen": self.chosen,
            "rows": {"all": self.n_rows, "used": self.n_used, "missing": self.n_missing, "sampled": self.sampled},
            "seed": self.seed,
            "silhouette": _plain(self.clusters.silhouette),
            "silhouette_low": _plain(self.silhouette_interval[0]),
            "silhouette_high": _plain(self.silhouette_interval[1]),
            "one_blob": {
                "silhouette": _plain(self.clusters.blob_silhouette),
                "p_value": _plain(self.clusters.p_value),
            },
            "labels": self.labels or None,
            "agreement": [asdict(score) for score in self.agreement],
            "equal_texts": {"rows": n_equal, "together": _plain(together), "by_chance": _plain(by_chance)},
            "clusters": [
                {
                    "cluster": cluster,
                    "rows": size,
                    "silhouette": _plain(mean_silhouette(self.clusters, cluster)),
                    "representatives": [row.id for row in self.shown[cluster]],
                    "over_represented": [asdict(trait) for trait in self.traits[cluster]],
                }
                for cluster, size in enumerate(self.sizes())
            ],
            "noise": self.n_noise,
            "notes": dict(self.notes),
            "row_clusters": {
                row: int(label) for row, label in zip(self.row_ids, self.clusters.labels.tolist(), strict=True)
            },
        }


def mean_silhouette(clusters: Clusters, cluster: int) -> float:
    """Mean silhouette of the rows of one cluster; NaN if it has none."""
    values = clusters.row_silhouettes[clusters.labels == cluster]
    return float(values.mean()) if len(values) and np.isfinite(values).all() else float("nan")


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
