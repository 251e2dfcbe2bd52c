"""Presets and their budgets."""

from __future__ import annotations

import pytest

from artifacts.errors import InputError
from automl.presets import PRESETS, preset_named


def test_many_folds_need_a_budget_and_few_stay_as_they_are() -> None:
    assert preset_named("best").with_budget(3600).n_folds == PRESETS["best"].n_folds == 8
    assert preset_named("best").with_budget(200).n_folds == 5
    assert preset_named("fast").with_budget(20).n_folds == PRESETS["fast"].n_folds == 3
    assert preset_named("best").with_budget(None) is PRESETS["best"]


def test_a_larger_budget_allows_more_trials_and_a_smaller_one_no_fewer() -> None:
    assert preset_named("fast").with_budget(3600).max_trials == 60 * PRESETS["fast"].max_trials
    assert preset_named("fast").with_budget(20).max_trials == PRESETS["fast"].max_trials


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_a_budget_is_a_number_of_seconds(seconds: float) -> None:
    with pytest.raises(InputError, match="positive number of seconds"):
        preset_named("fast").with_budget(seconds)
