"""What is tried suits the targets and the models."""

from __future__ import annotations

import numpy as np
import pytest

from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.models.registry import MODELS
from automl.portfolio import OF_CLASSES, ON_ANOTHER_SCALE, PORTFOLIO, portfolio_for


def opaque() -> Block:
    column = Column("photo", Modality.IMAGE, Title("Photo", "Фото"))
    return Block("photo", "embedding", opaque_features(column, "embedding", 8), np.zeros((40, 8), dtype=np.float32))


@pytest.mark.parametrize("name, params", [*ON_ANOTHER_SCALE, *OF_CLASSES, *PORTFOLIO])
def test_each_is_a_configuration_of_a_model(name: str, params: dict[str, object]) -> None:
    assert set(params) <= set(MODELS[name].settings.__dataclass_fields__)


def test_classes_are_looked_at_along_more_axes() -> None:
    classes = Outcome(Kind.BINARY, np.tile([0, 1], 20), ("0", "1"))
    table = FeatureTable((opaque(),), tuple(range(40)))
    found = portfolio_for(classes, ["lightgbm", "linear"], table)
    assert found[: len(OF_CLASSES)] == list(OF_CLASSES) and {name for name, _ in found} == {"lightgbm", "linear"}
    numbers = portfolio_for(Outcome(Kind.REGRESSION, np.linspace(-1.0, 1.0, 40)), ["lightgbm"], table)
    assert numbers and not [one for one in numbers if one in OF_CLASSES]
    skewed = portfolio_for(Outcome(Kind.REGRESSION, np.exp(np.linspace(0.0, 9.0, 400))), ["lightgbm"], table)
    plain = portfolio_for(classes, ["lightgbm"], FeatureTable((), tuple(range(40))))
    assert not [one for one in plain if one in OF_CLASSES], "nothing has axes"
    assert skewed[0] in ON_ANOTHER_SCALE
