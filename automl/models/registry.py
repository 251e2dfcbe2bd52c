"""The models that the search picks from."""

from __future__ import annotations

from automl.models.base import Model
from automl.models.catboost import CatBoostModel
from automl.models.knn import KNNModel
from automl.models.lightgbm import LightGBMModel
from automl.models.linear import LinearModel
from automl.models.mlp import MLPModel
from automl.models.shortlist import ShortlistModel
from automl.models.tabicl import TabICLModel
from automl.models.tabm import TabMModel

MODELS: dict[str, type[Model]] = {
    "linear": LinearModel,
    "lightgbm": LightGBMModel,
    "catboost": CatBoostModel,
    "mlp": MLPModel,
    "tabm": TabMModel,
    "knn": KNNModel,
    "shortlist": ShortlistModel,
    "tabicl": TabICLModel,
}
ON_REQUEST = frozenset({"tabicl"})  # need a package and weights of their own: in a search only where they are named
