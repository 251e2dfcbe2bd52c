"""What is tried suits the targets and the models."""

from __future__ import annotations

import numpy as np
import pytest

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from automl.models.registry import MODELS
from automl.portfolio import OF_CLASSES, ON_ANOTHER_SCALE, PORTFOLIO, portfolio_for


@pytest.mark.parametrize("name, params", [*ON_ANOTHER_SCALE, *OF_CLASSES, *PORTFOLIO])
def test_each_is_a_configuration_of_a_model(name: str, params: dict[str, object]) -> None:
    assert set(params) <= set(MODELS[name].settings.__dataclass_fields__)


def test_classes_are_looked_at_along_more_axes() -> None:
    classes = Outcome(Kind.BINARY, np.tile([0, 1], 20), ("0", "1"))
    found = portfolio_for(classes, ["lightgbm", "linear"])
    assert found[: len(OF_CLASSES)] == list(OF_CLASSES) and {name for name, _ in found} == {"lightgbm", "linear"}
    numbers = portfolio_for(Outcome(Kind.REGRESSION, np.linspace(-1.0, 1.0, 40)), ["lightgbm"])
    assert numbers and not [one for one in numbers if one in OF_CLASSES]
    skewed = portfolio_for(Outcome(Kind.REGRESSION, np.exp(np.linspace(0.0, 9.0, 400))), ["lightgbm"])
    assert skewed[0] in ON_ANOTHER_SCALE
