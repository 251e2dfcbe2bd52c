"""Defaults and portfolio as trials of a study."""

from __future__ import annotations

import numpy as np
import optuna
import pandas as pd
import pytest

from artifacts.examples import Examples
from artifacts.feature_table import Block, FeatureTable
from artifacts.outcome import Outcome
from artifacts.schema import Column, Kind, Modality, Title, opaque_features
from automl.backends.base import Candidate
from automl.backends.warm_start import finished_trials
from automl.models.registry import MODELS


@pytest.fixture(scope="module")
def examples() -> Examples:
    rng = np.random.default_rng(0)
    column = Column("title", Modality.TEXT, Title("Title", "Название"))
    values = rng.normal(size=(60, 40)).astype(np.float32)
    block = Block("title", "embedding", opaque_features(column, "embedding", 40), values)
    table = FeatureTable((block,), pd.RangeIndex(60))
    return Examples(table, Outcome(Kind.REGRESSION, np.exp(2 * rng.normal(size=60))))


def scored(model: str, *params: dict[str, object]) -> list[tuple[Candidate, float]]:
    return [(Candidate(f"{model}-{i}", model, "all", one), i / 10) for i, one in enumerate(params)]


def test_defaults_and_configurations_are_trials_with_their_scores(examples: Examples) -> None:
    default, small = finished_trials(scored("lightgbm", {}, {"num_leaves": 6, "target_scale": "log"}), examples)
    assert default.params["lightgbm.num_leaves"] == 12 and default.params["lightgbm.target_scale"] == "identity"
    assert small.params["lightgbm.num_leaves"] == 6 and small.params["lightgbm.target_scale"] == "log"
    assert (default.value, small.value) == (0.0, 0.1)
    assert "lightgbm.feature_fraction" not in default.params, "the model's own choice is not a number of the space"


def test_a_value_outside_the_searched_range_is_left_out(examples: Examples) -> None:
    (trial,) = finished_trials(scored("mlp", {"learning_rate": 0.5, "width": 100}), examples)
    assert "mlp.learning_rate" not in trial.params and "mlp.width" not in trial.params, trial.params
    assert trial.params["mlp.layers"] == 2


@pytest.mark.parametrize("model", [name for name in MODELS if name != "shortlist"])
def test_a_study_learns_from_the_trials_of_every_model(model: str, examples: Examples) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=0))
    study.add_trials(finished_trials(scored(model, {}), examples))
    asked = study.ask()
    params = MODELS[model].suggest(asked, examples.outcome, examples.table)
    MODELS[model].settings(**params)
    study.tell(asked, 1.0)
    assert len(study.trials) == 2


def test_nothing_is_known_of_nothing(examples: Examples) -> None:
    assert finished_trials([], examples) == []
