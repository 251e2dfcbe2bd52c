"""The models that the search picks from."""

from __future__ import annotations

from automl.models.base import Model
from automl.models.catboost import CatBoostModel
from automl.models.fusion_net import FusionNetModel
from automl.models.knn import KNNModel
from automl.models.lightgbm import LightGBMModel
from automl.models.linear import LinearModel
from automl.models.mlp import MLPModel
from automl.models.shortlist import ShortlistModel
from automl.models.tabicl import TabICLModel
from automl.models.tabm import TabMModel
from automl.models.tuned_image import TunedImageModel
from automl.models.tuned_model import TunedModel
from automl.models.tuned_text import TunedTextModel

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
# Read texts and photos, and take minutes where the others take seconds: the search asks first whether it is worth it.
TUNED: dict[str, type[TunedModel]] = {
    "tuned_text": TunedTextModel,
    "tuned_image": TunedImageModel,
    "fusion_net": FusionNetModel,
}
ON_REQUEST = frozenset({"tabicl"})  # need a package and weights of their own: in a search only where they are named
