"""What the search tries after the defaults of every model: configurations that make a blend better, the best first.

The order is that of ``benchmarks/portfolio.py``, measured out of fold over data sets of posts, cards and prices.
Members that see embeddings and words in another width err differently, and that is what a blend lives on. Scales of a
skewed target come first where the targets are skewed: there they change most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from artifacts.feature_table import FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.compression import has_embedding
from automl.models.target_scale import scales_to_try

Configuration = tuple[str, dict[str, Any]]

CHEAP = ("shortlist", "linear")  # the first of them that suits is fitted over every view before all others
ON_ANOTHER_SCALE: tuple[Configuration, ...] = (
    ("lightgbm", {"target_scale": "log"}),
    ("mlp", {"target_scale": "log"}),
    ("linear", {"target_scale": "log"}),
    ("catboost", {"target_scale": "log"}),
    ("lightgbm", {"target_scale": "quantile", "embedding_components": 8, "lexical_components": 64}),
)
OF_CLASSES: tuple[Configuration, ...] = (
    # What tells classes apart lies along more axes of an embedding than what a number follows.
    ("lightgbm", {"embedding_components": 128, "lexical_components": 64}),
)
PORTFOLIO: tuple[Configuration, ...] = (
    ("lightgbm", {"embedding_components": 8, "lexical_components": 64}),
    ("linear", {"balance": 0.5}),
    (
        "lightgbm",
        {"learning_rate": 0.05, "num_leaves": 40, "min_data_in_leaf": 3, "lambda_l2": 10.0, "patience": 50},
    ),
    ("lightgbm", {"embedding_components": 8, "lexical_components": 8}),
    ("catboost", {"rsm": 0.6}),
    ("mlp", {"width": 64, "layers": 1, "projection": 32, "dropout": 0.3}),
    ("mlp", {"width": 384, "layers": 3, "dropout": 0.2}),
    ("catboost", {"embedding_components": 8, "lexical_components": 8}),
    ("lightgbm", {"learning_rate": 0.04, "num_leaves": 31, "min_data_in_leaf": 20, "patience": 60}),
    ("lightgbm", {"learning_rate": 0.05, "num_leaves": 6, "patience": 60}),
)


def portfolio_for(outcome: Outcome, models: Sequence[str], table: FeatureTable) -> list[Configuration]:
    """The configurations of some models that suit the targets and the columns, in order."""
    scales = scales_to_try(outcome.y) if outcome.kind is Kind.REGRESSION else ()
    scaled = [one for one in ON_ANOTHER_SCALE if one[1]["target_scale"] in scales]
    classes = outcome.kind in (Kind.BINARY, Kind.MULTICLASS)
    of_classes = OF_CLASSES if classes and has_embedding(table) else ()
    return [one for one in (*scaled, *of_classes, *PORTFOLIO) if one[0] in models]


def importance(model: str, view: str) -> float:
    """Relative time for a default over a view; what it leaves unused goes to those after it."""
    if view != "all":
        return 1.0
    return 8.0 if model in CHEAP else 4.0
