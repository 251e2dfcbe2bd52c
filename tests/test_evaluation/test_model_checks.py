from __future__ import annotations

import numpy as np
import pytest

from artifacts.outcome import Outcome
from artifacts.schema import Kind
from evaluation.model_checks import Predicted, check_models


def test_models_are_ranked_by_what_they_save_of_the_constants_loss() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=500) * 3 + 10
    constant = np.array([10.0])
    models = [
        Predicted("final", "all", (truth + rng.normal(size=500))[:, None]),
        Predicted("flat", "text", np.full((500, 1), 10.0)),
        Predicted("far off", "image", np.full((500, 1), 1e6)),
    ]
    checks = check_models(Outcome(Kind.REGRESSION, truth), models, constant=constant, seed=0)
    assert [check.model for check in checks] == ["final", "flat", "far off"]
    assert checks[0].skill == pytest.approx(0.89, abs=0.03) and checks[0].low < checks[0].skill < checks[0].high
    assert checks[1].skill == pytest.approx(0.0, abs=0.01) and checks[2].skill < -1000
    edges = checks[0].distribution.edges
    assert all((check.distribution.edges == edges).all() for check in checks) and edges[-1] < 30
    assert checks[2].distribution.series["predicted"][-1] == 1.0, "beyond the ends it counts in the outer bin"


def test_probabilities_reach_as_far_as_the_boldest_model() -> None:
    rng = np.random.default_rng(1)
    y = (rng.uniform(size=300) < 0.05).astype(np.int64)
    shy, bold = np.full(300, 0.05), np.where(y == 1, 0.9, 0.02)
    models = [Predicted(name, "all", np.column_stack([1 - p, p])) for name, p in (("shy", shy), ("bold", bold))]
    constant = np.array([0.95, 0.05])
    checks = check_models(Outcome(Kind.BINARY, y, ("no", "yes"), 2), models, constant=constant, seed=0)
    assert [check.model for check in checks] == ["bold", "shy"]
    assert checks[0].distribution.edges[-1] == pytest.approx(0.918)
    assert checks[1].skill == pytest.approx(0.0, abs=1e-9) and checks[0].skill > 0.5
    assert check_models(Outcome(Kind.BINARY, y, ("no", "yes"), 2), [], constant=constant, seed=0) == ()
